/**
 * What goes wrong under the database, as sentences for a person.
 *
 * PostgreSQL answers a full disk with SQLSTATE 53100. While it extends a table that is an ordinary error; while it
 * writes its log it is a PANIC, after which this embedded build answers nothing more and hangs if asked.
 */
import { statfsSync } from "node:fs";
import { type Fault, FaultError } from "../base/result.ts";

const STOPPED = "database-stopped";
const DISK_FULL_SQLSTATE = "53100";
/** Node's and PostgreSQL's (insufficient resources). */
const TOO_MANY_FILES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "53000"]);
const OUT_OF_MEMORY: ReadonlySet<unknown> = new Set(["ENOMEM", "53200"]);
/** A missing file, corrupted data, a corrupted index. */
const DAMAGED: ReadonlySet<unknown> = new Set(["58P01", "XX001", "XX002"]);
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
    type: STOPPED,
    message: `The database in ${folder} stopped (${reason}). Everything confirmed so far is kept. Start again.`,
  };
}

/** What the machine lacks and not the database, as its errors say it; null for everything else. */
export function shortage(error: unknown, folder: string): Fault | null {
  if (isDiskFull(error)) return diskFull(folder);
  const { code } = (error ?? {}) as { code?: unknown };
  const words = wordsOf(error);
  if (TOO_MANY_FILES.has(code) || /too many open files|EMFILE|ENFILE/i.test(words))
    return {
      type: "too-many-files",
      message:
        `No more files could be opened, and what lies in ${folder} needs some. Nothing was changed or lost. ` +
        "Close other programs or allow more open files (ulimit -n), then start again.",
    };
  if (OUT_OF_MEMORY.has(code) || /out of memory|could not allocate|allocation failed/i.test(words))
    return {
      type: "out-of-memory",
      message:
        `There was not enough memory for the database in ${folder}. Everything confirmed so far is kept. ` +
        "Close other programs, then start again.",
    };
  return null;
}

/** A fault says already what it is; only "the database stopped" hides why. */
function wordsOf(error: unknown): string {
  if (error instanceof FaultError && error.fault.type !== STOPPED) return "";
  return error instanceof Error ? error.message : String(error);
}

/** Does it say that the files of a database are gone or wrong? PGlite has two sentences for all such. */
export function isDamage(error: unknown): boolean {
  const { code, message, name } = (error ?? {}) as Record<string, unknown>;
  return (
    name === "RuntimeError" ||
    String(message).startsWith("PGlite failed to initialize") ||
    DAMAGED.has(code)
  );
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
