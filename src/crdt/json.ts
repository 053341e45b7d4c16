/** Reading values that a peer may have written: each answers null (or false) for anything of another shape. */

export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array !== b instanceof Uint8Array) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && deepEqual((a as Fields)[key], (b as Fields)[key]),
  );
}

export type Fields = Record<string, unknown>;

/** A plain object, as it comes out of a Yjs map; no array, no bytes, no shared type. */
export function asObject(value: unknown): Fields | null {
  if (typeof value !== "object" || value === null) return null;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? (value as Fields) : null;
}

export function asText(value: unknown, maxLength: number): string | null {
  return typeof value === "string" && value.length <= maxLength ? value : null;
}

export function asNumber(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Whole (a fraction is rounded) and exact. */
export function asWhole(value: unknown): number | null {
  const whole = Math.round(asNumber(value) ?? Number.NaN);
  return Number.isSafeInteger(whole) ? whole : null;
}

const END_OF_TIME_MS = Date.UTC(9999, 11, 31);

/** Milliseconds since 1970, up to the last year that has four digits. */
export function asTime(value: unknown): number | null {
  const ms = asWhole(value);
  return ms !== null && ms >= 0 && ms <= END_OF_TIME_MS ? ms : null;
}

/** Whole, not negative. */
export function asCount(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

export function asOneOf<T extends string>(list: readonly T[], value: unknown): T | null {
  return list.includes(value as T) ? (value as T) : null;
}
