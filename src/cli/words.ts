/** Numbers and times as people read them, and as they write them. */
import type { Tokens } from "../base/session.ts";
import { UsageError } from "./command.ts";

/** Local time, to the minute. */
export function when(timeMs: number | null): string {
  if (timeMs === null) return "–";
  const date = new Date(timeMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function money(costUsd: number | null): string {
  if (costUsd === null) return "unpriced";
  return costUsd > 0 && costUsd < 0.005 ? "<$0.01" : `$${costUsd.toFixed(2)}`;
}

/** 950, 12.3k, 4.56M */
export function quantity(count: number): string {
  if (count < 1_000) return String(count);
  if (count < 1_000_000) return `${(count / 1_000).toFixed(1)}k`;
  return `${(count / 1_000_000).toFixed(2)}M`;
}

export function allTokens(tokens: Tokens): number {
  return tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** `2026-03-31`, `2026-03-31T10:00`, or `90m`, `12h`, `7d` before now. */
export function readSince(text: string, nowMs: number): number {
  const ago = /^(\d+)([mhd])$/.exec(text);
  if (ago !== null)
    return (
      nowMs - Number(ago[1]) * { m: 60_000, h: 3_600_000, d: 86_400_000 }[ago[2] as "m" | "h" | "d"]
    );
  const time = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text);
  if (Number.isNaN(time))
    throw new UsageError(
      `"${text}" is no time: write 2026-03-31, or 7d, 12h, 90m for the time before now.`,
    );
  return time;
}

export function readCount(text: string, name: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw new UsageError(`--${name} needs a whole number, not "${text}".`);
  return value;
}
