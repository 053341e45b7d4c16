/**
 * Flat lists in a document: a Y.Map from a fresh ULID to a plain value.
 *
 * An entry has a key that nobody else makes, so two people who add at once both keep what they added, and removing
 * touches only the entries that the remover saw. (Keyed by value, one person's removal could undo the other's adding;
 * a nested Y.Array under a shared key would lose one side when both create it.) Entries read in the order they were made.
 */
import type * as Y from "yjs";
import type { Clock } from "../base/clock.ts";
import { ulid } from "../base/ids.ts";
import type { Random } from "../base/random.ts";

/** What makes fresh ids. */
export interface Maker {
  readonly clock: Clock;
  readonly random: Random;
}

export function addEntry(map: Y.Map<unknown>, value: unknown, make: Maker): string {
  return addEntries(map, [value], make)[0] as string;
}

/** One millisecond apart, so that they read in the order given. */
function addEntries(
  map: Y.Map<unknown>,
  values: readonly unknown[],
  make: Maker,
): readonly string[] {
  const nowMs = make.clock.nowMs();
  const ids = values.map((_, i) => ulid({ ...make.clock, nowMs: () => nowMs + i }, make.random));
  inTransaction(map, () => values.forEach((value, i) => map.set(ids[i] as string, value)));
  return ids;
}

/** Entries whose value `read` accepts, oldest first. */
export function readEntries<T>(
  map: Y.Map<unknown>,
  read: (value: unknown) => T | null,
): readonly (readonly [string, T])[] {
  const entries: (readonly [string, T])[] = [];
  for (const [id, value] of map) {
    const entry = ULID.test(id) ? read(value) : null;
    if (entry !== null) entries.push([id, entry]);
  }
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Makes a list of texts hold exactly these: removes what is not among them, adds what is missing, leaves the rest alone. */
export function setTexts(map: Y.Map<unknown>, values: readonly string[], make: Maker): void {
  const present = readEntries(map, (value) => (typeof value === "string" ? value : null));
  const wanted = new Set(values);
  const there = new Set(present.map(([, value]) => value));
  inTransaction(map, () => {
    for (const [id, value] of present) if (!wanted.has(value)) map.delete(id);
    addEntries(
      map,
      [...wanted].filter((value) => !there.has(value)),
      make,
    );
  });
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

function inTransaction(map: Y.Map<unknown>, work: () => void): void {
  if (map.doc === null) work();
  else map.doc.transact(work);
}
