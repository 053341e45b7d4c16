import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { migrationHash, readMigrations } from "../../src/pg/migrations.ts";

const FROZEN: Readonly<Record<string, string>> = {
  first: "5543dc48ba3c7525013a19e795770d10b50c71312fb71b0bc0718a3d8032c9b0",
};

test("a migration that exists is never edited: add a new one instead, and its hash here", async () => {
  const migrations = await readMigrations(
    fileURLToPath(new URL("../../src/store/migrations", import.meta.url)),
  );
  expect(
    Object.fromEntries(migrations.map((migration) => [migration.name, migrationHash(migration)])),
  ).toEqual(FROZEN);
});
