/**
 * One process owns a folder.
 *
 * The lock is an exclusive SQLite transaction on `lock.db`, held for as long as the process lives. The kernel holds
 * it, so `kill -9` releases it and a stale lock cannot exist. `lock.json` beside it only says who holds it.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../base/clock.ts";
import { type Result, fail, ok } from "../base/result.ts";

export interface FolderLock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly since: number;
}

const SQLITE_BUSY = 5;

/** Makes the folder if it is missing. Fault `locked` names the process that holds it. */
export function lockFolder(folder: string, clock: Clock): Result<FolderLock> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "lock.db");
  const held = new DatabaseSync(path);
  try {
    // Whoever can open it can hold it: a relay's folder may be one that others may enter.
    chmodSync(path, 0o600);
    held.exec("PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
  } catch (error) {
    held.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    return fail("locked", heldBy(folder));
  }
  const me: Holder = { pid: process.pid, since: clock.nowMs() };
  try {
    writeFileSync(join(folder, "lock.json"), JSON.stringify(me), { mode: 0o600 });
  } catch (error) {
    held.close();
    throw error;
  }
  return ok({ release: () => held.close() });
}

function heldBy(folder: string): string {
  const holder = readHolder(folder);
  const who = holder === null ? "another process" : `process ${holder.pid}`;
  const stop = holder === null ? "Stop it" : `Stop that process (kill ${holder.pid})`;
  return `${folder} is in use by ${who}. Nothing was changed. ${stop}, or use another folder, and try again.`;
}

function readHolder(folder: string): Holder | null {
  try {
    const holder = JSON.parse(readFileSync(join(folder, "lock.json"), "utf8")) as Partial<Holder>;
    return typeof holder.pid === "number" ? { pid: holder.pid, since: holder.since ?? 0 } : null;
  } catch {
    return null;
  }
}
