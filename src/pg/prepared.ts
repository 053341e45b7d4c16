/**
 * A prepared, empty database: the folder `initdb` makes, kept so that a first start copies it (a tenth of a second)
 * instead of running initdb (two to five seconds).
 *
 * It is a folder and not an archive: copying needs no unpacking, and file systems that can share blocks do.
 * Made once, under another name, and renamed into place, so that a half made one is never seen.
 */
import { constants } from "node:fs";
import { access, cp, mkdir, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import type { Log } from "../base/log.ts";
import { isDiskFull } from "./faults.ts";

/** Small log segments: an empty database is 16 MB lighter, and so is every backup. */
const INITDB_PARAMS = ["--wal-segsize=1"];

/** `node_modules/.cache/operon` of the installation this runs from. */
export function defaultCache(): string {
  return join(packagesFolder(), ".cache", "operon");
}

/** Fills `folder`, which must not exist, with an empty database. */
export async function createDatabase(folder: string, cache: string, log: Log): Promise<void> {
  const prepared = await preparedDatabase(cache, log);
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  if (prepared === null) await initdb(unfinished);
  else await copyFolder(prepared, unfinished);
  await rename(unfinished, folder);
}

/** Shares blocks where the file system can. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE, preserveTimestamps: true });
}

/** The prepared folder, or null where the cache cannot be written. */
async function preparedDatabase(cache: string, log: Log): Promise<string | null> {
  const prepared = join(cache, `pglite-${await pgliteVersion()}`);
  if (await exists(join(prepared, "PG_VERSION"))) return prepared;
  const unfinished = `${prepared}.new-${process.pid}`;
  try {
    await mkdir(cache, { recursive: true });
    await rm(unfinished, { recursive: true, force: true });
    await initdb(unfinished);
    await rename(unfinished, prepared);
    return prepared;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (await exists(join(prepared, "PG_VERSION"))) return prepared;
    if (isDiskFull(error)) throw error;
    log("warn", "pg.cache-unusable", { reason: String(error) });
    return null;
  }
}

async function initdb(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const db = await PGlite.create(folder, { initDbStartParams: INITDB_PARAMS });
  await db.close();
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function pgliteVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(pgliteFolder(), "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

function pgliteFolder(): string {
  const main = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  return join(dirname(main), "..");
}

function packagesFolder(): string {
  return join(pgliteFolder(), "..", "..");
}
