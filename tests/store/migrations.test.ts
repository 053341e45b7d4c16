import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { migrationHash, readMigrations } from "../../src/pg/migrations.ts";

const FROZEN: Readonly<Record<string, string>> = {
  first: "e297893044ec529b456dafad236a4dde97399af4ad30e05843eea5045b646c20",
};

test("a migration that exists is never edited: add a new one instead, and its hash here", async () => {
  const migrations = await readMigrations(
    fileURLToPath(new URL("../../src/store/migrations", import.meta.url)),
  );
  expect(
    Object.fromEntries(migrations.map((migration) => [migration.name, migrationHash(migration)])),
  ).toEqual(FROZEN);
});
