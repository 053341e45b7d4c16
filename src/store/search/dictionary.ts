/**
 * Words by number, so that a text is kept, counted and sorted as numbers until its segment is written.
 *
 * Millions of words are looked up and few are new, so a word is not made a string to be looked up: it is found by its
 * bytes. Only what has letters beyond ASCII is cut by `tokens.ts`, to the same words.
 */
import { isBetween, MAX_WORD, partsOf, words } from "./tokens.ts";

export interface Dictionary {
  /** Numbers of the text's words, in order. */
  cut(text: string): Uint32Array;
  numberOf(word: string): number;
  /** Every word that was met, by number. One that is written fooBar has a number beside that of foobar. */
  readonly words: readonly string[];
  /** Of identifiers by number: all words to note where it stands (itself and its parts). Null: only itself. */
  readonly parts: readonly (readonly number[] | null)[];
}

const BEYOND_ASCII = 128;
const MOST_BYTES_A_CHAR = 3;
/** The first byte of U+2000 and what follows it. */
const DRAWN = 0xe2;
const DRAWN_BYTES = 3;
/** Of each byte its lower case; 0: in no word. */
const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= BEYOND_ASCII) return BEYOND_ASCII;
  const char = String.fromCharCode(byte).toLowerCase();
  return /[a-z0-9_]/.test(char) ? char.charCodeAt(0) : 0;
});
/** Beyond it there are only lower-case letters. */
const UNDERSCORE = 95;
const PRIME = 0x01000193;
const FREE = 0;
/** A quarter of a million: what some thousand events have. */
const MANY_NUMBERS = 1 << 18;

export function createDictionary(): Dictionary {
  const all: string[] = [];
  /** Bytes of all words, one after another, and where each begins; a last one where the next will. */
  let bytes = new Uint8Array(128 * 1024);
  let starts = new Uint32Array(16 * 1024);
  /** Two each: a word's hash and its number plus one (0: free), at or after the place that the hash names. */
  let places = new Int32Array(64 * 1024);
  let text = Buffer.allocUnsafe(16 * 1024);
  /** The word that is looked up, in lower case. */
  let small = Buffer.allocUnsafe(16 * 1024);
  const parts: (readonly number[] | null)[] = [];
  /** As written. */
  const identifiers = new Map<string, number>();
  /** Of texts that were cut, one after another; the next ones are written from `next` on. */
  let numbers = new Uint32Array(0);
  let next = 0;

  function find(from: number, to: number, hash: number): number {
    const here = small;
    const held = bytes;
    const slots = places;
    const last = slots.length - 2;
    let place = (2 * hash) & last;
    for (; slots[place + 1] !== FREE; place = (place + 2) & last) {
      if (slots[place] !== hash) continue;
      const number = (slots[place + 1] as number) - 1;
      let start = starts[number] as number;
      if ((starts[number + 1] as number) - start !== to - from) continue;
      let at = from;
      while (at < to && held[start] === here[at]) {
        start++;
        at++;
      }
      if (at === to) return number;
    }
    return add(from, to, hash, place);
  }

  function add(from: number, to: number, hash: number, place: number): number {
    const word = small.toString("utf8", from, to);
    const number = all.push(word) - 1;
    parts.push(null);
    const start = starts[number] as number;
    const end = start + to - from;
    if (end > bytes.length) bytes = longer(bytes, new Uint8Array(2 * end));
    for (let at = from; at < to; at++) bytes[start + at - from] = small[at] as number;
    if (number + 2 > starts.length) starts = longer(starts, new Uint32Array(2 * starts.length));
    starts[number + 1] = end;
    places[place] = hash;
    places[place + 1] = number + 1;
    if (4 * all.length > places.length) spread();
    if (word.includes("_")) noteParts(number, number, word);
    return number;
  }

  function noteParts(number: number, whole: number, written: string): void {
    const found = partsOf(written).map(numberOfWord);
    if (found.length > 0 || number !== whole) parts[number] = [whole, ...found];
  }

  /** Of a word with capitals inside. It has no bytes: it is found by how it is written. */
  function identifier(written: string): number {
    const held = identifiers.get(written);
    if (held !== undefined) return held;
    const word = written.toLowerCase();
    const whole = numberOfWord(word);
    const number = all.push(word) - 1;
    parts.push(null);
    if (number + 2 > starts.length) starts = longer(starts, new Uint32Array(2 * starts.length));
    starts[number + 1] = starts[number] as number;
    identifiers.set(written, number);
    noteParts(number, whole, written);
    return number;
  }

  function spread(): void {
    const before = places;
    places = new Int32Array(2 * before.length);
    const last = places.length - 2;
    for (let from = 0; from < before.length; from += 2) {
      if (before[from + 1] === FREE) continue;
      let place = (2 * (before[from] as number)) & last;
      while (places[place + 1] !== FREE) place = (place + 2) & last;
      places[place] = before[from] as number;
      places[place + 1] = before[from + 1] as number;
    }
  }

  /** The bytes are as they are kept: lower case. */
  function numberOf(from: number, to: number): number {
    let hash = 0;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ (small[at] as number), PRIME);
    return find(from, to, mixed(hash));
  }

  function numberOfWord(word: string): number {
    const most = word.length * MOST_BYTES_A_CHAR;
    if (small.length < most) small = Buffer.allocUnsafe(2 * most);
    return numberOf(0, small.write(word, 0, "utf8"));
  }

  /** `text` holds it, and behind it a byte that is in no word. */
  function write(what: string): number {
    const most = what.length * MOST_BYTES_A_CHAR + 1;
    if (text.length < most) text = Buffer.allocUnsafe(2 * most);
    if (small.length < most) small = Buffer.allocUnsafe(2 * most);
    const end = text.write(what, 0, "utf8");
    text[end] = 0;
    return end;
  }

  /** Whether a character begins here that stands in no word and is three bytes long. */
  function isDrawn(at: number): boolean {
    if (text[at] !== DRAWN) return false;
    const second = text[at + 1] as number;
    const third = text[at + 2] as number;
    return isBetween(0x2000 | ((second & 0x3f) << 6) | (third & 0x3f));
  }

  return {
    words: all,
    parts,
    numberOf: numberOfWord,
    cut(what) {
      const end = write(what);
      // A word has a character or more.
      if (next + what.length > numbers.length) {
        numbers = new Uint32Array(Math.max(MANY_NUMBERS, what.length));
        next = 0;
      }
      const into = numbers;
      const first = next;
      let count = first;
      for (let at = 0; at < end;) {
        const here = text;
        const lowered = small;
        const from = at;
        let hash = 0;
        let capitals = 0;
        let lower = LOWER[here[at] as number] as number;
        for (; lower !== 0 && lower !== BEYOND_ASCII; lower = LOWER[here[at] as number] as number) {
          capitals |= (here[at] as number) ^ lower;
          lowered[at++] = lower;
          hash = Math.imul(hash ^ lower, PRIME);
        }
        if (lower === 0 || isDrawn(at)) {
          if (at > from + MAX_WORD) into[count++] = numberOf(from, from + MAX_WORD);
          else if (capitals !== 0 && hasHump(here, from, at))
            into[count++] = identifier(here.toString("latin1", from, at));
          else if (at > from) into[count++] = find(from, at, mixed(hash));
          at += lower === 0 ? 1 : DRAWN_BYTES;
          continue;
        }
        while (LOWER[here[at] as number] !== 0 && !isDrawn(at)) at++;
        for (const word of words(here.toString("utf8", from, at)))
          into[count++] = numberOfWord(word);
      }
      next = count;
      return into.subarray(first, count);
    },
  };
}

/** Whether a part ends at a capital: see `partsOf`. */
function hasHump(text: Uint8Array, from: number, to: number): boolean {
  for (let at = from + 1; at < to; at++) {
    if (!isCapital(text[at] as number) || text[at - 1] === UNDERSCORE) continue;
    if (!isCapital(text[at - 1] as number)) return true;
    if (at + 1 < to && (text[at + 1] as number) > UNDERSCORE) return true;
  }
  return false;
}

function isCapital(byte: number): boolean {
  return byte >= 65 && byte <= 90;
}

function mixed(hash: number): number {
  return hash ^ (hash >>> 15);
}

function longer<T extends { set(from: T): void }>(short: T, long: T): T {
  long.set(short);
  return long;
}
