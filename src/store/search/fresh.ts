/**
 * Bodies of events that were just committed, so that the index need not read them back. Bounded, and only a shortcut:
 * an event that is not here is read from the database, with the same result.
 */
import type { Part, PartName } from "../../base/session.ts";

/** Of a very long body, so many characters are searched. */
export const INDEXED_CHARS = 64 * 1024;
export const INDEXED_PARTS = ["text", "thinking", "input", "output", "plan"] as const;

export interface FreshBodies {
  /** Of an event that is new. */
  put(event: string, parts: readonly Part[]): void;
  /** Gives them away. */
  take(event: string): readonly string[] | undefined;
  /** Another body of this event was written. */
  forget(event: string): void;
  clear(): void;
}

const MOST_CHARS = 16 * 1024 * 1024;
const INDEXED: ReadonlySet<PartName> = new Set(INDEXED_PARTS);

export function createFreshBodies(): FreshBodies {
  const held = new Map<string, readonly string[]>();
  let chars = 0;

  function take(event: string): readonly string[] | undefined {
    const bodies = held.get(event);
    if (bodies === undefined) return undefined;
    held.delete(event);
    chars -= charsOf(bodies);
    return bodies;
  }

  return {
    take,
    forget: (event) => void take(event),
    put(event, parts) {
      take(event);
      const bodies = parts
        .filter(({ name }) => INDEXED.has(name))
        .map(({ body }) => body.slice(0, INDEXED_CHARS));
      if (chars + charsOf(bodies) > MOST_CHARS) return;
      held.set(event, bodies);
      chars += charsOf(bodies);
    },
    clear() {
      held.clear();
      chars = 0;
    },
  };
}

function charsOf(bodies: readonly string[]): number {
  return bodies.reduce((sum, body) => sum + body.length, 0);
}
