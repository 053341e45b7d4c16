/**
 * Numbered migrations. Each runs once, in a transaction of its own, in the order of its number; a shipped one is never
 * edited (its hash is kept), a new one is added instead. Before each, the whole folder is copied.
 */
import { createHash } from "node:crypto";
import { constants, cpSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../base/clock.ts";
import { type Fault, type Result, fail, ok } from "../base/result.ts";

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

export interface MigrateOptions {
  readonly db: PGlite;
  /** The database's own folder, copied before each migration. */
  readonly database: string;
  readonly backups: string;
  readonly keepBackups: number;
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
}

const FILE = /^(\d{4})_([a-z0-9_-]+)\.sql$/;

/** Reads `0001_name.sql` … of a folder, in order. Throws on a gap or a name that is not of that form. */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (file, index) => {
      const [, number, name] = FILE.exec(file) ?? [];
      if (number === undefined || name === undefined || Number(number) !== index + 1) {
        throw new Error(`${file}: migrations are named 0001_name.sql and numbered without gaps`);
      }
      return { version: Number(number), name, sql: await readFile(join(folder, file), "utf8") };
    }),
  );
}

export function migrationHash(migration: Migration): string {
  return createHash("sha256").update(migration.sql).digest("hex");
}

/** Faults: `newer-version` (nothing is touched), `migration-changed`. */
export async function migrate(
  options: MigrateOptions,
): Promise<Result<{ readonly applied: number }>> {
  const { db, migrations } = options;
  const done = await appliedMigrations(db);
  const unfit = judge(done, migrations, options.database);
  if (unfit !== null) return { ok: false, fault: unfit };
  const waiting = migrations.filter((migration) => !done.has(migration.version));
  for (const migration of waiting) {
    if (done.size > 0) await backUp(options, migration.version - 1);
    await apply(db, migration, options.clock);
  }
  return ok({ applied: waiting.length });
}

function judge(
  done: ReadonlyMap<number, string>,
  known: readonly Migration[],
  folder: string,
): Fault | null {
  const newest = known.at(-1)?.version ?? 0;
  const held = Math.max(0, ...done.keys());
  if (held > newest) return newerVersion(folder, `${held}`, `${newest}`).fault;
  for (const migration of known) {
    const hash = done.get(migration.version);
    if (hash !== undefined && hash !== migrationHash(migration)) return changed(folder, migration);
  }
  return null;
}

export function newerVersion(
  folder: string,
  held: string,
  known: string,
): { ok: false; fault: Fault } {
  const answer = fail(
    "newer-version",
    `The database in ${folder} was written by a newer Operon (version ${held}; this one knows ${known}). ` +
      `Nothing was changed. Update Operon, or use another data folder.`,
  );
  return answer as { ok: false; fault: Fault };
}

function changed(folder: string, migration: Migration): Fault {
  return {
    type: "migration-changed",
    message:
      `The database in ${folder} was made by another build of Operon (migration ${migration.version} "${migration.name}" differs). ` +
      `Nothing was changed. Use the build that made it, or another data folder.`,
  };
}

/** Into a database that has none. */
export async function applyAll(
  db: PGlite,
  migrations: readonly Migration[],
  clock: Clock,
): Promise<void> {
  await appliedMigrations(db);
  for (const migration of migrations) await apply(db, migration, clock);
}

async function appliedMigrations(db: PGlite): Promise<ReadonlyMap<number, string>> {
  await db.exec(
    "create table if not exists migrations (version integer primary key, name text not null, hash text not null, at bigint not null)",
  );
  const found = await db.query<{ version: number; hash: string }>(
    "select version, hash from migrations",
  );
  return new Map(found.rows.map((row) => [row.version, row.hash]));
}

async function apply(db: PGlite, migration: Migration, clock: Clock): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.exec(migration.sql);
    await tx.query("insert into migrations (version, name, hash, at) values ($1, $2, $3, $4)", [
      migration.version,
      migration.name,
      migrationHash(migration),
      clock.nowMs(),
    ]);
  });
}

/** After a checkpoint and with nothing running, a copy of the files is a whole database. */
async function backUp(options: MigrateOptions, version: number): Promise<void> {
  await options.db.exec("checkpoint");
  const { backups } = options;
  mkdirSync(backups, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(backups)) {
    if (name.startsWith(UNFINISHED)) rmSync(join(backups, name), { recursive: true });
  }
  const name = `${timeStamp(options.clock)}-v${version}`;
  cpSync(options.database, join(backups, UNFINISHED + name), {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
  });
  renameSync(join(backups, UNFINISHED + name), join(backups, name));
  for (const old of readdirSync(backups).sort().slice(0, -options.keepBackups)) {
    rmSync(join(backups, old), { recursive: true });
  }
}

const UNFINISHED = "unfinished-";

/** Sorts as text, fits a file name. */
export function timeStamp(clock: Clock): string {
  return new Date(clock.nowMs()).toISOString().replaceAll(/[:.]/g, "-");
}
