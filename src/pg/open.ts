/**
 * Opens an embedded PostgreSQL folder so that nothing is lost.
 *
 * In `folder`: `db/` (PGlite's own), `lock.db` and `lock.json`, `backups/` (the newest copies taken before migrations),
 * `db.set-aside-<time>/` (databases that did not open). PGlite has no lock of its own, and what it
 * cannot open it cannot repair: such a database is renamed, never deleted, and a fresh one is made; or, for an owner who
 * could not fill a fresh one again, it is left where it lies and nothing starts.
 */
import { constants, accessSync, existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { FaultError, type Result, fail, ok } from "../base/result.ts";
import { diskFull, hasRoomToStart, isDiskFull } from "./faults.ts";
import { lockFolder } from "./lock.ts";
import { type Migration, migrate, newerVersion, timeStamp } from "./migrations.ts";
import { createDatabase, defaultCache } from "./prepared.ts";
import { Threaded } from "./threaded.ts";

export interface OpenPgOptions {
  readonly folder: string;
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly log: Log;
  /** Where the prepared database is kept; the installation's cache if left out. */
  readonly prepared?: string;
  /** How many copies taken before migrations are kept; 3 if left out. */
  readonly backups?: number;
  /** What becomes of a database that does not open; "set-aside" if left out. "refuse": a fault, and nothing is changed. */
  readonly onDamage?: "set-aside" | "refuse";
}

export interface OpenPg {
  readonly db: PGlite;
  /** Sentences a person should know. */
  readonly notices: readonly string[];
  /** The database was made just now. */
  readonly fresh: boolean;
  /** A database that did not open was set aside just now: `fresh` is true too. */
  readonly setAside: boolean;
  /** Closes the database and gives the folder back. */
  close(): Promise<void>;
}

const POSTGRES_MAJOR = 18;

/** Faults: `locked`, `newer-version`, `migration-changed`, `not-writable`, `disk-full`, `damaged` (`onDamage` "refuse"). */
export async function openPg(options: OpenPgOptions): Promise<Result<OpenPg>> {
  const { folder } = options;
  try {
    const lock = lockFolder(folder, options.clock);
    if (!lock.ok) return lock;
    const opened = await openLocked(options).catch((error: unknown) => {
      lock.value.release();
      throw error;
    });
    if (!opened.ok) {
      lock.value.release();
      return opened;
    }
    const close = async (): Promise<void> => {
      await opened.value.db.close();
      lock.value.release();
    };
    return ok({ ...opened.value, close });
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault };
    if (isDiskFull(error)) return { ok: false, fault: diskFull(folder) };
    if (isRefused(error)) return fail("not-writable", notWritable(folder));
    throw error;
  }
}

async function openLocked(options: OpenPgOptions): Promise<Result<Omit<OpenPg, "close">>> {
  const database = join(options.folder, "db");
  if (existsSync(join(database, "PG_VERSION"))) {
    const major = readFileSync(join(database, "PG_VERSION"), "utf8").trim();
    if (Number(major) > POSTGRES_MAJOR)
      return newerVersion(database, `PostgreSQL ${major}`, `${POSTGRES_MAJOR}`);
  }
  const existed = existsSync(database);
  if (!existed) await create(options, database);
  const notices: string[] = [];
  let db = await start(options.folder, database);
  if (db === null) {
    if (options.onDamage === "refuse") return fail("damaged", damaged(options.folder, database));
    notices.push(setAside(options, database));
    await create(options, database);
    db = await Threaded.start(database);
  }
  const migrated = await migrateOrClose(options, db, database);
  if (!migrated.ok) return migrated;
  return ok({
    db: db.asPGlite,
    notices,
    fresh: !existed || notices.length > 0,
    setAside: notices.length > 0,
  });
}

async function migrateOrClose(
  options: OpenPgOptions,
  db: Threaded,
  database: string,
): Promise<Result<unknown>> {
  try {
    const { migrations, clock, backups: keepBackups = 3 } = options;
    const backups = join(options.folder, "backups");
    const migrated = await migrate({
      db: db.asPGlite,
      database,
      backups,
      keepBackups,
      migrations,
      clock,
    });
    if (!migrated.ok) await db.close();
    return migrated;
  } catch (error) {
    await db.close();
    throw error;
  }
}

async function create(options: OpenPgOptions, database: string): Promise<void> {
  if (!hasRoomToStart(options.folder)) throw new FaultError(diskFull(options.folder));
  const { migrations, clock, log, prepared: cache = defaultCache() } = options;
  await createDatabase(database, { cache, migrations, clock, log });
}

/** Null: this folder does not open, and neither space nor rights are the reason. */
async function start(folder: string, database: string): Promise<Threaded | null> {
  accessSync(database, constants.R_OK | constants.W_OK | constants.X_OK);
  // PGlite would make a new database in it without a word.
  if (!existsSync(join(database, "PG_VERSION"))) return null;
  try {
    const db = await Threaded.start(database);
    if (await reads(db)) return db;
    await db.close();
    return null;
  } catch (error) {
    if (isDiskFull(error) || !hasRoomToStart(folder)) throw new FaultError(diskFull(folder));
    if (error instanceof FaultError || error instanceof RangeError) throw error;
    return null;
  }
}

/** One row of every table: a missing or unreadable file shows here and not in the middle of the work. */
async function reads(db: Threaded): Promise<boolean> {
  const tables = await db.query<{ name: string }>(
    "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace " +
      "where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')",
  );
  for (const table of tables.rows) {
    try {
      await db.query(`select 1 from ${table.name} limit 1`);
    } catch (error) {
      if (error instanceof FaultError) throw error;
      return false;
    }
  }
  return true;
}

function setAside(options: OpenPgOptions, database: string): string {
  const aside = `${database}.set-aside-${timeStamp(options.clock)}`;
  renameSync(database, aside);
  options.log("error", "pg.set-aside", { folder: aside });
  return `The database in ${database} did not open. It was set aside as ${aside}, and a fresh one was made.`;
}

function damaged(folder: string, database: string): string {
  return (
    `The database in ${database} does not open. It was left as it is, and nothing was started: a fresh one would be empty. ` +
    `Keep a copy of ${database}, then put an earlier copy in its place: yours, or one that was taken before an update, in ${join(folder, "backups")}.`
  );
}

function isRefused(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return (
    code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ERR_SQLITE_CANTOPEN"
  );
}

function notWritable(folder: string): string {
  return `${folder} cannot be written. Nothing was changed. Make it writable for this user, or use another data folder.`;
}
