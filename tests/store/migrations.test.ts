import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { migrationHash, readMigrations } from "../../src/pg/migrations.ts";

const FROZEN: Readonly<Record<string, string>> = {
  first: "6fda5f730a1266d776ec1d5c934b3a3cd905c92bbfa94f48f5aa8af3451ebb2c",
};

test("a migration that exists is never edited: add a new one instead, and its hash here", async () => {
  const migrations = await readMigrations(
    fileURLToPath(new URL("../../src/store/migrations", import.meta.url)),
  );
  expect(
    Object.fromEntries(migrations.map((migration) => [migration.name, migrationHash(migration)])),
  ).toEqual(FROZEN);
});
