/**
 * Counts failures by key in memory, so that passwords cannot be tried by the thousand.
 *
 * An attempt counts as failed from its beginning, so that many at once do not pass together; one that did not fail is
 * taken back. Nothing that still counts is ever forgotten: what would push it out is refused instead. Each count that
 * stays was paid with an Argon2id, of which five minutes hold some ten thousand, so the limit below is not reached by asking.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../src/base/clock.ts";

const WINDOW_MS = 5 * 60_000;
const KEYS_KEPT = 100_000;

export interface RateLimit {
  /**
   * Counts an attempt under each of the keys. Null, and nothing is counted, when one of them has failed too often in the
   * last five minutes, or when there is no room to count.
   */
  begin(keys: readonly LimitedKey[]): Attempt | null;
}

export interface Attempt {
  /** It did not fail. Once. */
  takeBack(): void;
}

export interface LimitedKey {
  readonly key: string;
  readonly failuresAllowed: number;
}

interface Entry {
  readonly hash: string;
  readonly since: number;
  count: number;
}

export function createRateLimit(clock: Clock, keysKept = KEYS_KEPT): RateLimit {
  /** Oldest first. */
  const entries = new Map<string, Entry>();

  function forgetOld(): void {
    for (const { hash, since } of entries.values()) {
      if (clock.monotonicMs() - since < WINDOW_MS) return;
      entries.delete(hash);
    }
  }

  function counted(hash: string): Entry {
    const entry = entries.get(hash) ?? { hash, since: clock.monotonicMs(), count: 0 };
    entry.count++;
    entries.set(hash, entry);
    return entry;
  }

  function uncount(entry: Entry): void {
    entry.count--;
    if (entry.count === 0 && entries.get(entry.hash) === entry) entries.delete(entry.hash);
  }

  return {
    begin(keys) {
      forgetOld();
      const limits = keys.map(({ key, failuresAllowed }) => ({
        hash: hashed(key),
        failuresAllowed,
      }));
      const spent = limits.some(
        ({ hash, failuresAllowed }) => (entries.get(hash)?.count ?? 0) >= failuresAllowed,
      );
      const added = limits.filter(({ hash }) => !entries.has(hash)).length;
      if (spent || entries.size + added > keysKept) return null;
      const begun = limits.map(({ hash }) => counted(hash));
      return { takeBack: () => begun.forEach(uncount) };
    },
  };
}

/** No list of addresses lies in memory, and a long name takes no more of it than a short one. */
function hashed(key: string): string {
  return createHash("sha256").update(key).digest("base64");
}
