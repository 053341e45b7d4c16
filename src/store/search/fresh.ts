/**
 * The words of events that were just committed, so that the index need not read them back. Bounded, and only a shortcut:
 * an event that is not here is read from the database, with the same result. They are cut while the database's thread
 * writes the bodies and this one would wait for it.
 */
import type { CapturedEvent, Part, PartName } from "../../base/session.ts";
import { type Dictionary, createDictionary } from "./dictionary.ts";

/** Of a very long body, so many characters are searched. */
export const INDEXED_CHARS = 64 * 1024;
export const INDEXED_PARTS: ReadonlySet<PartName> = new Set([
  "text",
  "thinking",
  "input",
  "output",
  "plan",
]);

export interface FreshWords {
  /** The dictionary for what is put from now on: a new one when nothing is held. */
  dictionary(): Dictionary;
  /** Of an event that is new, with these bodies. */
  put(event: CapturedEvent, parts: readonly Part[]): void;
  /** Gives them away: a text each, by the numbers of this dictionary. */
  take(event: string, dictionary: Dictionary): readonly Uint32Array[] | undefined;
  /** Something else of this event was written. */
  forget(event: string): void;
  clear(): void;
}

interface Held {
  readonly dictionary: Dictionary;
  readonly chars: number;
  readonly texts: () => readonly Uint32Array[];
}

const MOST_CHARS = 16 * 1024 * 1024;

export function createFreshWords(): FreshWords {
  const held = new Map<string, Held>();
  let dictionary = createDictionary();
  let chars = 0;
  let uncut: Held[] = [];

  function remove(event: string): Held | undefined {
    const found = held.get(event);
    held.delete(event);
    chars -= found?.chars ?? 0;
    return found;
  }

  function cutLater(one: Held): void {
    if (uncut.push(one) > 1) return;
    setImmediate(() => {
      for (const { texts } of uncut) texts();
      uncut = [];
    });
  }

  return {
    dictionary() {
      if (held.size === 0) dictionary = createDictionary();
      return dictionary;
    },
    put(event, parts) {
      remove(event.id);
      const one = holdOf(textsOf(event, parts), dictionary);
      if (chars + one.chars > MOST_CHARS) return;
      held.set(event.id, one);
      chars += one.chars;
      cutLater(one);
    },
    take(event, by) {
      const found = remove(event);
      return found?.dictionary === by ? found.texts() : undefined;
    },
    forget: (event) => void remove(event),
    clear() {
      held.clear();
      chars = 0;
    },
  };
}

/** What is searched of an event, in the order that the index keeps. */
function textsOf({ tool, summary }: CapturedEvent, parts: readonly Part[]): readonly string[] {
  const bodies = parts
    .filter(({ name }) => INDEXED_PARTS.has(name))
    .map(({ body }) => body.slice(0, INDEXED_CHARS));
  return [...bodies, tool?.name ?? "", summary ?? ""];
}

function holdOf(given: readonly string[], dictionary: Dictionary): Held {
  let texts = given;
  let cut: readonly Uint32Array[] | undefined;
  return {
    dictionary,
    chars: texts.reduce((sum, text) => sum + text.length, 0),
    texts() {
      cut ??= texts.map(dictionary.cut);
      texts = [];
      return cut;
    },
  };
}
