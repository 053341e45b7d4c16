/**
 * What goes wrong under the database, as sentences for a person.
 *
 * PostgreSQL answers a full disk with SQLSTATE 53100. While it extends a table that is an ordinary error; while it
 * writes its log it is a PANIC, after which this embedded build answers nothing more and hangs if asked.
 */
import { statfsSync } from "node:fs";
import type { Fault } from "../base/result.ts";

const DISK_FULL_SQLSTATE = "53100";
/** Less than this is too little to start in: one log segment and room for a checkpoint. */
const ROOM_TO_START_BYTES = 24 * 1024 * 1024;

export function diskFull(folder: string): Fault<"disk-full"> {
  return {
    type: "disk-full",
    message:
      `The disk that holds ${folder} is full. Everything confirmed so far is kept and nothing is damaged; ` +
      `what was being written was not saved. Free some space and start again.`,
  };
}

export function stopped(folder: string, reason: string): Fault<"database-stopped"> {
  return {
    type: "database-stopped",
    message: `The database in ${folder} stopped (${reason}). Everything confirmed so far is kept. Start again.`,
  };
}

/** Is it a full disk, told by PostgreSQL, by Node or by libuv? */
export function isDiskFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === DISK_FULL_SQLSTATE || code === "ENOSPC" || code === "EDQUOT";
}

export function isPanic(error: unknown): boolean {
  const severity = (error as { severity?: unknown } | null)?.severity;
  return severity === "PANIC" || severity === "FATAL";
}

export function hasRoomToStart(folder: string): boolean {
  const disk = statfsSync(folder);
  return disk.bavail * disk.bsize >= ROOM_TO_START_BYTES;
}
