import type { Log, LogLevel } from "../base/log.ts";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** One JSON object a line on standard error, from this level on; without one only what is a bug. */
export function stderrLog(from: string | undefined): Log {
  const least = Math.max(
    0,
    LEVELS.indexOf(LEVELS.includes(from as LogLevel) ? (from as LogLevel) : "error"),
  );
  return (level, event, fields = {}) => {
    if (LEVELS.indexOf(level) < least) return;
    process.stderr.write(
      `${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`,
    );
  };
}
