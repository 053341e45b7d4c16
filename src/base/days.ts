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
