/**
 * Opens an embedded PostgreSQL folder so that nothing is lost.
 *
 * In `folder`: `db/` (PGlite's own), `lock.db` and `lock.json`, `backups/` (the newest copies taken before migrations),
 * `db.set-aside-<time>/` (databases that did not open). PGlite has no lock of its own, and what it
 * cannot open it cannot repair: such a database is renamed, never deleted, and a fresh one is made; or, for an owner who
 * could not fill a fresh one again, it is left where it lies and nothing starts. Only what says that the files are
 * wrong, twice, on a machine that lacks nothing, is such a database.
 */
import { existsSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { FaultError, type Result, fail, ok } from "../base/result.ts";
import { diskFull, hasRoomToStart, isDamage, shortage } from "./faults.ts";
import { lockFolder } from "./lock.ts";
import { checkMachine } from "./machine.ts";
import { type Migration, migrate, newerVersion, timeStamp } from "./migrations.ts";
import { createDatabase, defaultCache } from "./prepared.ts";
import { Threaded } from "./threaded.ts";
import { unoptimised } from "./unoptimised.ts";

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
  /** A sentence of each database that was set aside, now or earlier, for as long as it lies there. */
  readonly notices: readonly string[];
  /** Closes the database and gives the folder back. */
  close(): Promise<void>;
}

const POSTGRES_MAJOR = 18;

/**
 * Faults: `locked`, `newer-version`, `migration-changed`, `not-writable`, `disk-full`, `too-many-files`, `out-of-memory`,
 * `damaged` (`onDamage` "refuse").
 */
export async function openPg(options: OpenPgOptions): Promise<Result<OpenPg>> {
  const { folder } = options;
  try {
    const lock = lockFolder(folder, options.clock);
    if (!lock.ok) return lock;
    const opened = await unoptimised(() => openLocked(options)).catch((error: unknown) => {
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
    const short = shortage(error, folder);
    if (short !== null) return { ok: false, fault: short };
    if (error instanceof FaultError) return { ok: false, fault: error.fault };
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
  if (!existsSync(database)) await create(options, database);
  let db = await start(options.folder, database);
  if (db === null) {
    if (options.onDamage === "refuse") return fail("damaged", damaged(options.folder, database));
    setAside(options, database);
    await create(options, database);
    db = await Threaded.start(database);
  }
  const migrated = await migrateOrClose(options, db, database);
  if (!migrated.ok) return migrated;
  return ok({ db: db.asPGlite, notices: noticesOf(options.folder) });
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

/** Null: this database is damaged. What was only short for a moment is there at the second try. */
async function start(folder: string, database: string): Promise<Threaded | null> {
  return (await tryToStart(folder, database)) ?? (await tryToStart(folder, database));
}

async function tryToStart(folder: string, database: string): Promise<Threaded | null> {
  checkMachine(database);
  // PGlite would make a new database in it without a word.
  if (!existsSync(join(database, "PG_VERSION"))) return null;
  try {
    const db = await Threaded.start(database);
    if (await reads(db)) return db;
    await db.close();
    return null;
  } catch (error) {
    const short = hasRoomToStart(folder) ? shortage(error, folder) : diskFull(folder);
    if (short !== null) throw new FaultError(short);
    if (!isDamage(error)) throw error;
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
      if (!isDamage(error)) throw error;
      return false;
    }
  }
  return true;
}

const ASIDE = "db.set-aside-";

function setAside(options: OpenPgOptions, database: string): void {
  const aside = join(options.folder, ASIDE + timeStamp(options.clock));
  renameSync(database, aside);
  options.log("error", "pg.set-aside", { folder: aside });
}

/** Read from the folder, so that no crash and no later start takes a sentence away before a person has seen it. */
function noticesOf(folder: string): readonly string[] {
  const asides = readdirSync(folder).filter((name) => name.startsWith(ASIDE));
  return asides
    .sort()
    .map(
      (name) =>
        `A database did not open. It was set aside as ${join(folder, name)}, and a fresh one was made. ` +
        "When you miss nothing, delete that folder, and this notice goes.",
    );
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
