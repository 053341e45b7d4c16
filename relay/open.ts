/** The relay's embedded database: the cloud schema that Supabase has too, and what stands in for Supabase's own schemas. */
import { readdir, readFile } from "node:fs/promises";
import type { Clock } from "../src/base/clock.ts";
import type { Log } from "../src/base/log.ts";
import { unwrap } from "../src/base/result.ts";
import type { Migration } from "../src/pg/migrations.ts";
import { openPg } from "../src/pg/open.ts";
import { type Database, overPGlite } from "./database.ts";

export interface OpenOptions {
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Throws `FaultError` when the folder is in use, of a newer version, not writable or damaged. Nobody could fill a fresh
 * database again: accounts, rows and the signing key lie nowhere else, and an empty world is worse than none.
 */
export async function openDatabase({ dataFolder, clock, log }: OpenOptions): Promise<Database> {
  const migrations = await relayMigrations();
  const { db, close } = unwrap(
    await openPg({ folder: dataFolder, migrations, clock, log, onDamage: "refuse" }),
  );
  await db.exec(await readFile(new URL("watch.sql", import.meta.url), "utf8"));
  return overPGlite(db, close);
}

/** `supabase/migrations` in their order, behind the bootstrap. */
export async function relayMigrations(): Promise<readonly Migration[]> {
  const folder = new URL("../supabase/migrations/", import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  const urls = [
    new URL("bootstrap.sql", import.meta.url),
    ...files.map((name) => new URL(name, folder)),
  ];
  return Promise.all(
    urls.map(async (url, index) => ({
      version: index + 1,
      name: url.pathname.split("/").at(-1) as string,
      sql: await readFile(url, "utf8"),
    })),
  );
}
