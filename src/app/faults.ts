/** Errors of the machine that a person can do something about, wherever in the program they come up. */
import { FaultError, type Fault } from "../base/result.ts";

const SQLITE_FULL = 13;

/** Null for what is a bug. */
export function knownFault(error: unknown): Fault | null {
  if (error instanceof FaultError) return error.fault;
  const { code, errcode, path } = (error ?? {}) as {
    code?: unknown;
    errcode?: unknown;
    path?: unknown;
  };
  const where = typeof path === "string" ? ` (${path})` : "";
  if (code === "ENOSPC" || code === "EDQUOT" || errcode === SQLITE_FULL)
    return {
      type: "disk-full",
      message: `The disk is full${where}. Everything confirmed so far is kept and nothing is damaged; what was being done was not. Free some space and run it again.`,
    };
  if (code === "EMFILE" || code === "ENFILE")
    return {
      type: "too-many-files",
      message: `No more files could be opened${where}. Everything confirmed so far is kept; what was being done was not. Close other programs or allow more open files (ulimit -n), then run it again.`,
    };
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return {
      type: "not-allowed",
      message: `This user may not do that${where}. Nothing there was changed. Give it the right to, or use another folder.`,
    };
  return null;
}
