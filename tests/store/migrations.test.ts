import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { migrationHash, readMigrations } from "../../src/pg/migrations.ts";

const FROZEN: Readonly<Record<string, string>> = {
  first: "0993a88661327b727bb38585b0e4aea3d2e653409a021a99f0707acb544ce658",
};

test("a migration that exists is never edited: add a new one instead, and its hash here", async () => {
  const migrations = await readMigrations(
    fileURLToPath(new URL("../../src/store/migrations", import.meta.url)),
  );
  expect(
    Object.fromEntries(migrations.map((migration) => [migration.name, migrationHash(migration)])),
  ).toEqual(FROZEN);
});
