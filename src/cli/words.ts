/** Numbers and times as people read them, and as they write them. */
import { momentOf } from "../base/days.ts";
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

/** A time as `momentOf` reads it. */
export function readSince(text: string, nowMs: number): number {
  const time = momentOf(text, nowMs);
  if (Number.isNaN(time))
    throw new UsageError(
      `"${text}" is no time: write 2026-03-31, or 2w, 7d, 12h, 90m for the time before now.`,
    );
  return time;
}

export function readCount(text: string, name: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw new UsageError(`--${name} needs a whole number, not "${text}".`);
  return value;
}
