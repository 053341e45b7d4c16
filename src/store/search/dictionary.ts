/**
 * Words by number, so that a text is kept, counted and sorted as numbers until its segment is written.
 *
 * Millions of words are looked up and few are new, so a word is not made a string to be looked up: it is found by its
 * bytes. Only what has letters beyond ASCII is cut by `tokens.ts`, to the same words.
 */
import { isBetween, MAX_WORD, words } from "./tokens.ts";

export interface Dictionary {
  /** Numbers of the text's words, in order. */
  cut(text: string): Uint32Array;
  numberOf(word: string): number;
  /** Every word that was met, by number. */
  readonly words: readonly string[];
}

const BEYOND_ASCII = 128;
const MOST_BYTES_A_CHAR = 3;
/** The first byte of U+2000 and what follows it. */
const DRAWN = 0xe2;
/** Of each byte its lower case; 0: in no word. */
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= BEYOND_ASCII) return BEYOND_ASCII;
  const char = String.fromCharCode(byte).toLowerCase();
  return /[a-z0-9_]/.test(char) ? char.charCodeAt(0) : 0;
});
const FREE = -1;

export function createDictionary(): Dictionary {
  const all: string[] = [];
  /** Bytes of all words, one after another, and where each begins; a last one where the next will. */
  let bytes = new Uint8Array(16 * 1024);
  let starts = new Uint32Array(1024);
  let hashes = new Int32Array(1024);
  /** Numbers of words, at or after the place that their hash names. */
  let places = new Int32Array(4 * 1024).fill(FREE);
  let text = Buffer.allocUnsafe(16 * 1024);
  let numbers = new Uint32Array(16 * 1024);

  function find(from: number, to: number): number {
    const [here, held] = [text, bytes];
    let hash = to - from;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ (here[i] as number), 0x01000193);
    hash ^= hash >>> 15;
    let place = hash & (places.length - 1);
    for (; places[place] !== FREE; place = (place + 1) & (places.length - 1)) {
      const number = places[place] as number;
      if (hashes[number] !== hash) continue;
      const start = starts[number] as number;
      if ((starts[number + 1] as number) - start !== to - from) continue;
      let same = 0;
      while (same < to - from && held[start + same] === here[from + same]) same++;
      if (same === to - from) return number;
    }
    return add(from, to, hash, place);
  }

  function add(from: number, to: number, hash: number, place: number): number {
    const number = all.push(text.toString("utf8", from, to)) - 1;
    const start = starts[number] as number;
    const end = start + to - from;
    if (end > bytes.length) bytes = longer(bytes, new Uint8Array(2 * end));
    bytes.set(text.subarray(from, to), start);
    if (number + 2 > starts.length) {
      starts = longer(starts, new Uint32Array(2 * starts.length));
      hashes = longer(hashes, new Int32Array(2 * hashes.length));
    }
    starts[number + 1] = end;
    hashes[number] = hash;
    places[place] = number;
    if (2 * all.length > places.length) spread();
    return number;
  }

  function spread(): void {
    places = new Int32Array(2 * places.length).fill(FREE);
    for (let number = 0; number < all.length; number++) {
      let place = (hashes[number] as number) & (places.length - 1);
      while (places[place] !== FREE) place = (place + 1) & (places.length - 1);
      places[place] = number;
    }
  }

  /** `text` holds it from `at` on, and there is room for the numbers of its words. */
  function write(what: string, at: number): number {
    const most = at + what.length * MOST_BYTES_A_CHAR;
    if (text.length < most) text = longer(text, Buffer.allocUnsafe(2 * most));
    if (numbers.length < most) numbers = longer(numbers, new Uint32Array(2 * most));
    return at + text.write(what, at, "utf8");
  }

  /** Whether a character begins here that stands in no word and is three bytes long. */
  function isDrawn(at: number): boolean {
    const [second, third] = [text[at + 1] as number, text[at + 2] as number];
    return isBetween(0x2000 | ((second & 0x3f) << 6) | (third & 0x3f));
  }

  return {
    words: all,
    numberOf: (word) => find(0, write(word, 0)),
    cut(what) {
      const end = write(what, 0);
      let count = 0;
      for (let from = 0; from < end;) {
        let to = from;
        let isAscii = true;
        const here = text;
        for (; to < end; to++) {
          const byte = here[to] as number;
          const lower = LOWER[byte] as number;
          if (lower === 0 || (byte === DRAWN && isDrawn(to))) break;
          if (lower === BEYOND_ASCII) isAscii = false;
          else here[to] = lower;
        }
        if (to > from && isAscii) numbers[count++] = find(from, Math.min(to, from + MAX_WORD));
        else if (to > from)
          for (const word of words(text.toString("utf8", from, to)))
            numbers[count++] = find(end, write(word, end));
        from = text[to] === DRAWN ? to + 3 : to + 1;
      }
      return numbers.slice(0, count);
    },
  };
}

function longer<T extends { set(from: T): void }>(short: T, long: T): T {
  long.set(short);
  return long;
}
