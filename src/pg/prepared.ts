/**
 * Prepared databases: the folder that `initdb` makes, and the same with migrations applied, kept so that a first start
 * copies a folder (a fifth of a second) instead of running initdb and the migrations (three to six seconds).
 *
 * They are folders and not archives: copying needs no unpacking, and file systems that can share blocks do. Each is made
 * once, under another name, and renamed into place, so that a half made one is never seen.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Engine } from "./engine.ts";
import { isDiskFull } from "./faults.ts";
import { type Migration, applyAll, migrationHash } from "./migrations.ts";

export interface PrepareOptions {
  readonly cache: string;
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Small log segments and no template databases: half the bytes and a third of the files, in every copy. */
const INITDB_PARAMS = ["--wal-segsize=1"];
const UNUSED_DATABASES = ["template0", "template1"];

/** `node_modules/.cache/operon` of the installation this runs from. */
export function defaultCache(): string {
  return join(pgliteFolder(), "..", "..", ".cache", "operon");
}

/** Fills `folder`, which must not exist, with a database that has these migrations (or none, where there is no cache). */
export async function createDatabase(folder: string, options: PrepareOptions): Promise<void> {
  const prepared = await prepare(options);
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  if (prepared === null) await initdb(unfinished);
  else copyFolder(prepared, unfinished);
  // PGlite makes its files for everybody, and a folder somebody chose may be open to others.
  chmodSync(unfinished, 0o700);
  renameSync(unfinished, folder);
}

/** Shares blocks where the file system can. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
}

/** Null where the cache cannot be written. */
async function prepare(options: PrepareOptions): Promise<string | null> {
  const base = join(options.cache, `pglite-${pgliteVersion()}`);
  const migrated = `${base}-${hashOf(options.migrations)}`;
  try {
    await makeOnce(migrated, async (folder) => {
      await makeOnce(base, initdb);
      copyFolder(base, folder);
      const db = await Engine.start(folder);
      await applyAll(db, options.migrations, options.clock);
      await db.close();
    });
    return migrated;
  } catch (error) {
    if (isDiskFull(error)) throw error;
    options.log("warn", "pg.cache-unusable", { reason: String(error) });
    return null;
  }
}

async function makeOnce(
  folder: string,
  make: (unfinished: string) => Promise<void>,
): Promise<void> {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.new-${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(unfinished, { recursive: true, force: true });
  try {
    await make(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Another process was faster.
    if (!existsSync(folder)) throw error;
  }
}

async function initdb(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const db = await PGlite.create(folder, { initDbStartParams: INITDB_PARAMS });
  for (const name of UNUSED_DATABASES) {
    await db.exec(`alter database ${name} is_template false`);
    await db.exec(`drop database ${name}`);
  }
  await db.exec("checkpoint");
  await db.close();
}

function hashOf(migrations: readonly Migration[]): string {
  const hash = createHash("sha256");
  for (const migration of migrations)
    hash.update(`${migration.version} ${migration.name} ${migrationHash(migration)}\n`);
  return hash.digest("hex").slice(0, 12);
}

function pgliteVersion(): string {
  return (
    JSON.parse(readFileSync(join(pgliteFolder(), "package.json"), "utf8")) as { version: string }
  ).version;
}

function pgliteFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve("@electric-sql/pglite")), "..");
}
