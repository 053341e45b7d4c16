/** Counts failures by key in memory, so that passwords cannot be tried by the thousand. */
import { createHash } from "node:crypto";
import type { Clock } from "../src/base/clock.ts";

const WINDOW_MS = 5 * 60_000;
const KEYS_KEPT = 10_000;

export interface RateLimit {
  /** False when one of the keys has failed too often in the last five minutes. */
  allowed(keys: readonly LimitedKey[]): boolean;
  failed(keys: readonly LimitedKey[]): void;
}

export interface LimitedKey {
  readonly key: string;
  readonly failuresAllowed: number;
}

export function createRateLimit(clock: Clock): RateLimit {
  const failures = new Map<string, { count: number; readonly since: number }>();

  function current(key: string) {
    const entry = failures.get(key);
    return entry && clock.monotonicMs() - entry.since < WINDOW_MS ? entry : null;
  }

  return {
    allowed: (keys) =>
      keys.every(
        ({ key, failuresAllowed }) => (current(hashed(key))?.count ?? 0) < failuresAllowed,
      ),
    failed(keys) {
      for (const key of keys.map(({ key }) => hashed(key))) {
        const entry = current(key);
        if (entry) entry.count++;
        else failures.set(key, { count: 1, since: clock.monotonicMs() });
      }
      while (failures.size > KEYS_KEPT) failures.delete(failures.keys().next().value as string);
    },
  };
}

/** No list of addresses lies in memory, and a long name takes no more of it than a short one. */
function hashed(key: string): string {
  return createHash("sha256").update(key).digest("base64");
}
