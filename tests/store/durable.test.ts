import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PGlite } from "@electric-sql/pglite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import { unwrap } from "../../src/base/result.ts";
import { readMigrations } from "../../src/pg/migrations.ts";
import { openPg, type OpenPg } from "../../src/pg/open.ts";
import { createDurable, type Durable } from "../../src/store/durable.ts";
import { type Journal, type JournalEntry, openJournal } from "../../src/store/journal.ts";
import { putSetting } from "../../src/store/replay.ts";
import { clock, temporaryFolder } from "./help.ts";

const MIGRATIONS = fileURLToPath(new URL("../../src/store/migrations", import.meta.url));

let opened: OpenPg;
let db: PGlite;
let journal: Journal;
let durable: Durable;

beforeEach(async () => {
  const folder = temporaryFolder();
  const migrations = await readMigrations(MIGRATIONS);
  opened = unwrap(await openPg({ folder, migrations, clock, log: silentLog }));
  db = opened.db;
  journal = openJournal(join(folder, "journal"));
  durable = createDurable(db, journal);
});
afterEach(async () => {
  await opened.close();
  await journal.synced();
  journal.close();
});

const entry = (key: string, value: number): JournalEntry => ({ type: "set", key, value });
const put = (key: string, value: number) =>
  durable.write(async (tx) => {
    await putSetting(tx, key, value);
    return { entries: [entry(key, value)], value: undefined };
  });
const putLate = (key: string, value: number) =>
  durable.writeOne([entry(key, value)], async (applied) => {
    await db.query(
      "with taken as (update journal_state set applied = greatest(applied, $3::bigint)) insert into settings (key, value) values ($1, $2)",
      [key, JSON.stringify(value), applied],
    );
  });
const applied = async () =>
  (await db.query<{ applied: number }>("select applied from journal_state")).rows[0]?.applied;
const settings = async () =>
  Object.fromEntries(
    (await db.query<{ key: string; value: string }>("select key, value from settings")).rows.map(
      ({ key, value }) => [key, JSON.parse(value) as number],
    ),
  );

test("is in the journal when the call returns, and in the database soon after", async () => {
  const { kept, done } = putLate("a", 1);
  expect(journal.sizeBytes).toBeGreaterThan(0);
  await kept;
  await done;
  expect(await settings()).toEqual({ a: 1 });
  expect(await applied()).toBe(0);
});

test("a commit that overtakes an earlier record does not say that that one is applied", async () => {
  const held = Promise.withResolvers<void>();
  let seen: number | undefined;
  const overtaking = durable.write(async (tx) => {
    // The other one has its number by now, and waits behind this transaction.
    await held.promise;
    await putSetting(tx, "b", 2);
    return { entries: [entry("b", 2)], value: undefined };
  });
  const look = db.query<{ applied: number }>("select applied from journal_state");
  const overtaken = putLate("a", 1);
  held.resolve();
  await overtaking;
  seen = (await look).rows[0]?.applied;
  expect(seen).toBe(-1);
  await overtaken.done;
  await put("c", 3);
  expect(await applied()).toBe(2);
  expect(await settings()).toEqual({ a: 1, b: 2, c: 3 });
});

test("what could not be committed is taken before the next write, in order", async () => {
  const failed = durable.writeOne([entry("a", 1)], async () => db.query("select 1 / 0"));
  await expect(failed.done).rejects.toThrow("division by zero");
  await failed.kept;
  expect(await settings()).toEqual({});
  await put("a", 2);
  expect(await settings()).toEqual({ a: 2 });
  await put("b", 3);
  expect(await applied()).toBe(2);
});

test("a refused transaction journals nothing and holds nothing up", async () => {
  await expect(
    durable.write(async () => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(journal.sizeBytes).toBe(0);
  await put("a", 1);
  expect(await applied()).toBe(0);
});
