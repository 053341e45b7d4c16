/** Days of this machine's calendar, where a person reads and writes them. */

/** `2026-07-01`: the day it is here at that time. */
export function localDay(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The first moment of such a day here; not a number for what is none. */
export function startOfLocalDay(day: string): number {
  return new Date(`${day}T00:00`).getTime();
}

/** This machine's time zone by its IANA name; UTC where the machine names none. */
export function localZone(): string {
  const zone = new Intl.DateTimeFormat("en").resolvedOptions().timeZone;
  return isZone(zone) ? zone : "UTC";
}

export function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

const AGO_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `2026-03-31` (its first moment here), `2026-03-31T10:00`, or `90m`, `12h`, `7d`, `2w` before now; not a number for what is none. */
export function momentOf(text: string, nowMs: number): number {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * AGO_MS[ago[2] as keyof typeof AGO_MS];
  const day = /^\d{4}-\d{2}-\d{2}(?=$|T\d)/.exec(text)?.[0];
  if (day === undefined) return Number.NaN;
  const start = startOfLocalDay(day);
  // The 30th of February would be a day in March.
  if (Number.isNaN(start) || localDay(start) !== day) return Number.NaN;
  return day === text ? start : Date.parse(text);
}
