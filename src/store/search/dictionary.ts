/** Words by number, so that a text is kept, counted and sorted as numbers until its segment is written. */
import { words } from "./tokens.ts";

export interface Dictionary {
  /** Numbers of the text's words, in order. */
  cut(text: string): Uint32Array;
  numberOf(word: string): number;
  /** Every word that was met, by number. */
  readonly words: readonly string[];
}

export function createDictionary(): Dictionary {
  const numbers = new Map<string, number>();
  const all: string[] = [];

  function numberOf(word: string): number {
    const known = numbers.get(word);
    if (known !== undefined) return known;
    numbers.set(word, all.length);
    return all.push(word) - 1;
  }

  return {
    words: all,
    numberOf,
    cut(text) {
      const found = words(text);
      const cut = new Uint32Array(found.length);
      for (let i = 0; i < cut.length; i++) cut[i] = numberOf(found[i] as string);
      return cut;
    },
  };
}
