import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { FaultError, type Result, unwrap } from "../../src/base/result.ts";
import { bigintArray, boolArray, byteaArray, textArray } from "../../src/pg/arrays.ts";
import { copyRows } from "../../src/pg/copy.ts";
import { shortage, stopped } from "../../src/pg/faults.ts";
import { type Migration, readMigrations } from "../../src/pg/migrations.ts";
import { type OpenPg, openPg } from "../../src/pg/open.ts";

const folders: string[] = [];
const open = new Set<OpenPg>();

afterEach(async () => {
  for (const pg of open) await pg.close();
  open.clear();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "operon-pg-"));
  folders.push(folder);
  return folder;
}

let now = Date.UTC(2026, 6, 1);
const clock: Clock = { nowMs: () => (now += 1_000), monotonicMs: () => 0 };

const FIRST: Migration = {
  version: 1,
  name: "first",
  sql: "create table notes (id bigint primary key, body text)",
};

function later(version: number): Migration {
  return {
    version,
    name: `later_${version}`,
    sql: `alter table notes add column c${version} text`,
  };
}

async function openAt(
  folder: string,
  migrations: readonly Migration[],
  more: { prepared?: string; onDamage?: "refuse" } = {},
): Promise<Result<OpenPg>> {
  const opened = await openPg({ folder, migrations, clock, log: silentLog, ...more });
  if (opened.ok) open.add(opened.value);
  return opened;
}

async function close(pg: OpenPg): Promise<void> {
  open.delete(pg);
  await pg.close();
}

describe("a folder", () => {
  test("keeps what was written", async () => {
    const folder = temporaryFolder();
    const first = unwrap(await openAt(folder, [FIRST]));
    expect(first.notices).toEqual([]);
    await first.db.query("insert into notes values (1, 'kept')");
    await close(first);
    const second = unwrap(await openAt(folder, [FIRST]));
    expect(second.notices).toEqual([]);
    expect((await second.db.query("select * from notes")).rows).toEqual([{ id: 1, body: "kept" }]);
  });

  test("that others may look into keeps its database closed to them", async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    await openAt(folder, [FIRST]);
    expect(statSync(join(folder, "db")).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "lock.db")).mode & 0o777).toBe(0o600);
  });

  test("is one owner's, and given back on close", async () => {
    const folder = temporaryFolder();
    const first = unwrap(await openAt(folder, [FIRST]));
    const second = await openAt(folder, [FIRST]);
    expect(second).toMatchObject({ ok: false, fault: { type: "locked" } });
    if (!second.ok) expect(second.fault.message).toContain(`process ${process.pid}`);
    await close(first);
    expect((await openAt(folder, [FIRST])).ok).toBe(true);
  });

  test.each([
    ["control file", (db: string) => writeFileSync(join(db, "global", "pg_control"), "nonsense")],
    ["log", (db: string) => rmSync(join(db, "pg_wal"), { recursive: true })],
    ["catalog", (db: string) => rmSync(join(db, "base"), { recursive: true })],
    ["everything but the name", (db: string) => emptied(db)],
    ["a table's file", (db: string) => rmSync(tableFile(db), { force: true })],
  ])("that lost its %s is set aside, said so, and a fresh one made", async (_, damage) => {
    const folder = temporaryFolder();
    const first = unwrap(await openAt(folder, [FIRST]));
    await first.db.query("insert into notes values (1, 'lost')");
    const path = await first.db.query<{ path: string }>(
      "select pg_relation_filepath('notes') as path",
    );
    filePath = path.rows[0]?.path ?? "";
    await close(first);
    damage(join(folder, "db"));
    const second = unwrap(await openAt(folder, [FIRST]));
    const [aside] = readdirSync(folder).filter((name) => name.startsWith("db.set-aside-"));
    expect(second.notices).toEqual([expect.stringContaining(aside as string)]);
    expect((await second.db.query("select * from notes")).rows).toEqual([]);
  });

  test("says of what was set aside for as long as it lies there", async () => {
    const folder = temporaryFolder();
    const aside = join(folder, "db.set-aside-2026-07-01T00-00-00-000Z");
    mkdirSync(aside);
    const first = unwrap(await openAt(folder, [FIRST]));
    expect(first.notices).toEqual([expect.stringContaining(aside)]);
    await close(first);
    rmSync(aside, { recursive: true });
    expect(unwrap(await openAt(folder, [FIRST])).notices).toEqual([]);
  });

  test.each([
    ["control file", (db: string) => writeFileSync(join(db, "global", "pg_control"), "nonsense")],
    ["everything but the name", (db: string) => emptied(db)],
  ])(
    "that lost its %s is refused where nobody could fill it again, and stays as it is",
    async (_, damage) => {
      const folder = temporaryFolder();
      await close(unwrap(await openAt(folder, [FIRST])));
      damage(join(folder, "db"));
      // PostgreSQL leaves this one behind wherever it tried to start.
      const files = () =>
        readdirSync(folder, { recursive: true, encoding: "utf8" })
          .filter((name) => name !== join("db", "postmaster.pid"))
          .toSorted();
      const before = files();
      const second = await openAt(folder, [FIRST], { onDamage: "refuse" });
      expect(second).toMatchObject({ ok: false, fault: { type: "damaged" } });
      if (!second.ok) expect(second.fault.message).toContain(join(folder, "backups"));
      expect(files()).toEqual(before);
    },
  );
});

test.each([
  ["too-many-files", Object.assign(new Error(""), { code: "EMFILE" })],
  ["too-many-files", Object.assign(new Error(""), { code: "53000" })],
  ["too-many-files", new FaultError(stopped("/x", "Error [ERR_WORKER_INIT_FAILED]: EMFILE"))],
  ["out-of-memory", new RangeError("WebAssembly.Memory(): could not allocate memory")],
  ["out-of-memory", Object.assign(new Error("out of memory"), { name: "RuntimeError" })],
  ["disk-full", Object.assign(new Error(""), { code: "ENOSPC" })],
  [undefined, new Error("PGlite failed to initialize properly")],
  [undefined, new FaultError({ type: "locked", message: "/EMFILE is in use" })],
])("what the machine lacks is told from damage: %s", (type, error) => {
  expect(shortage(error, "/x")?.type).toBe(type);
});

let filePath = "";

function tableFile(db: string): string {
  return join(db, filePath);
}

function emptied(db: string): void {
  rmSync(db, { recursive: true });
  mkdirSync(db);
}

describe("migrations", () => {
  test("run once each, in order, with a copy of the folder before each; the newest three are kept", async () => {
    const folder = temporaryFolder();
    const backups = () =>
      existsSync(join(folder, "backups")) ? readdirSync(join(folder, "backups")) : [];
    const first = unwrap(await openAt(folder, [FIRST]));
    await first.db.query("insert into notes (id, body) values (1, 'old')");
    await close(first);
    expect(backups()).toEqual([]);
    const all = [FIRST, later(2), later(3), later(4), later(5)];
    const second = unwrap(await openAt(folder, all));
    expect((await second.db.query("select id, body, c5 from notes")).rows).toEqual([
      { id: 1, body: "old", c5: null },
    ]);
    await close(second);
    expect(backups().map((name) => name.replace(/^.*-v/, "v"))).toEqual(["v2", "v3", "v4"]);
    await close(unwrap(await openAt(folder, all)));
    expect(backups()).toHaveLength(3);

    const restored = temporaryFolder();
    cpSync(join(folder, "backups", backups()[0] as string), join(restored, "db"), {
      recursive: true,
    });
    const before = unwrap(await openAt(restored, all.slice(0, 2)));
    expect((await before.db.query("select * from notes")).rows).toEqual([
      { id: 1, body: "old", c2: null },
    ]);
  });

  test("one that fails leaves the database as it was", async () => {
    const folder = temporaryFolder();
    await close(unwrap(await openAt(folder, [FIRST])));
    const broken = {
      version: 2,
      name: "broken",
      sql: "create table half (id int); select nonsense",
    };
    await expect(openAt(folder, [FIRST, broken])).rejects.toThrow("nonsense");
    const again = unwrap(await openAt(folder, [FIRST]));
    await expect(again.db.query("select * from half")).rejects.toThrow("half");
  });

  test("a newer database is a sentence, and nothing is touched", async () => {
    const folder = temporaryFolder();
    const newer = unwrap(await openAt(folder, [FIRST, later(2)]));
    await newer.db.query("insert into notes (id, c2) values (1, 'new')");
    await close(newer);
    const older = await openAt(folder, [FIRST]);
    expect(older).toMatchObject({ ok: false, fault: { type: "newer-version" } });
    if (!older.ok) expect(older.fault.message).toMatch(/newer Operon.*Update Operon/);
    expect(readdirSync(folder).filter((name) => name.includes("aside"))).toEqual([]);
    const again = unwrap(await openAt(folder, [FIRST, later(2)]));
    expect((await again.db.query("select c2 from notes")).rows).toEqual([{ c2: "new" }]);
  });

  test("a newer PostgreSQL is one too", async () => {
    const folder = temporaryFolder();
    await close(unwrap(await openAt(folder, [FIRST])));
    writeFileSync(join(folder, "db", "PG_VERSION"), "19\n");
    expect(await openAt(folder, [FIRST])).toMatchObject({
      ok: false,
      fault: { type: "newer-version" },
    });
    expect(readFileSync(join(folder, "db", "PG_VERSION"), "utf8")).toBe("19\n");
  });

  test("an edited one is refused", async () => {
    const folder = temporaryFolder();
    await close(unwrap(await openAt(folder, [FIRST])));
    const edited = { ...FIRST, sql: `${FIRST.sql};` };
    expect(await openAt(folder, [edited])).toMatchObject({
      ok: false,
      fault: { type: "migration-changed" },
    });
  });

  test("are read from files in order, without gaps", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "0001_first.sql"), "select 1");
    writeFileSync(join(folder, "0002_second-one.sql"), "select 2");
    writeFileSync(join(folder, "README.md"), "");
    expect(await readMigrations(folder)).toEqual([
      { version: 1, name: "first", sql: "select 1" },
      { version: 2, name: "second-one", sql: "select 2" },
    ]);
    writeFileSync(join(folder, "0004_gap.sql"), "");
    await expect(readMigrations(folder)).rejects.toThrow("0004_gap.sql");
  });
});

describe("the prepared database", () => {
  test("is made once, whole, and copied", async () => {
    const prepared = join(temporaryFolder(), "cache");
    await close(unwrap(await openAt(temporaryFolder(), [FIRST], { prepared })));
    const made = readdirSync(prepared).sort();
    expect(made).toHaveLength(2);
    expect(made.filter((name) => name.includes(".new"))).toEqual([]);
    writeFileSync(join(prepared, made[1] as string, "marker"), "");
    const folder = temporaryFolder();
    await close(unwrap(await openAt(folder, [FIRST], { prepared })));
    expect(existsSync(join(folder, "db", "marker"))).toBe(true);
  });

  test("a cache that cannot be written costs time, nothing else", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const pg = unwrap(await openAt(temporaryFolder(), [FIRST], { prepared: join(file, "cache") }));
    expect((await pg.db.query("select * from notes")).rows).toEqual([]);
  });
});

test("of statements asked together the first that failed says why, and nothing of them is kept", async () => {
  const { db } = unwrap(await openAt(temporaryFolder(), [FIRST]));
  const nested = async (asked: Promise<unknown>): Promise<unknown> => await asked;
  const failed = db.transaction(async (tx) =>
    Promise.all([
      tx.query("create table half (n int)"),
      nested(nested(tx.query("select 1 / 0"))),
      tx.query("select 1"),
    ]),
  );
  await expect(failed).rejects.toThrow("division by zero");
  await expect(db.query("select * from half")).rejects.toThrow("does not exist");
});

describe("values in bulk", () => {
  const texts = ["plain", "", null, 'a"b\\c,{}', "null", "NUL \u0000 é 😀 \ud800"];
  const clean = ["plain", "", null, 'a"b\\c,{}', "null", "NUL \uFFFD é 😀 \uFFFD"];
  const bytes = [
    new Uint8Array([0, 255, 92, 34]),
    null,
    new Uint8Array(),
    new Uint8Array([1]),
    null,
    null,
  ];
  const numbers = [0, -1, null, 2 ** 40 + 7, -(2 ** 40) - 7, Number.MAX_SAFE_INTEGER];
  const flags = [true, false, null, true, true, false];

  test("arrive as they were sent, by arrays and by copy", async () => {
    const { db } = unwrap(await openAt(temporaryFolder(), [FIRST]));
    await db.exec("create table v (i bigint, t text, b bytea, n bigint, f boolean)");
    await db.query(
      "insert into v select * from unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[], $5::boolean[])",
      [
        bigintArray(texts.map((_, i) => i)),
        textArray(texts),
        byteaArray(bytes),
        bigintArray(numbers),
        boolArray(flags),
      ],
    );
    await db.transaction(async (tx) =>
      copyRows(
        tx,
        "v",
        ["i", "t", "b", "n", "f"],
        texts.map((text, i) => [
          i + 10,
          text,
          bytes[i] ?? null,
          numbers[i] ?? null,
          flags[i] ?? null,
        ]),
      ),
    );
    const { rows } = await db.query<{ t: string; b: Uint8Array; n: number; f: boolean }>(
      "select t, b, n, f from v order by i",
    );
    const expected = clean.map((t, i) => ({ t, b: bytes[i], n: numbers[i], f: flags[i] }));
    expect(rows).toEqual([...expected, ...expected]);
    expect((await db.query("select cardinality($1::text[]) as n", [textArray([])])).rows).toEqual([
      { n: 0 },
    ]);
    expect((await db.query("select $1::text[] as plain", [["a", "b"]])).rows).toEqual([
      { plain: ["a", "b"] },
    ]);
  });

  test("an error does not carry them", async () => {
    const { db } = unwrap(await openAt(temporaryFolder(), [FIRST]));
    const error = await db
      .query("select 1 / length($1), $2::text", ["", "a secret text"])
      .catch((caught: unknown) => caught);
    expect(inspect(error)).toContain("division by zero");
    expect(inspect(error)).not.toContain("secret");
    expect(inspect(error)).not.toContain("$2");
  });
});
