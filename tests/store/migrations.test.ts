import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { migrationHash, readMigrations } from "../../src/pg/migrations.ts";

const FROZEN: Readonly<Record<string, string>> = {
  first: "c2784373d218ea84fd926cec1e43a36a8113681ad707e1f459839ee90f44cf20",
};

test("a migration that exists is never edited: add a new one instead, and its hash here", async () => {
  const migrations = await readMigrations(
    fileURLToPath(new URL("../../src/store/migrations", import.meta.url)),
  );
  expect(
    Object.fromEntries(migrations.map((migration) => [migration.name, migrationHash(migration)])),
  ).toEqual(FROZEN);
});
