/**
 * Words of a text, as the index holds them: lower case, without accents, letters and digits and "_" of any script.
 * An identifier (fooBar, foo_bar) is one word, and found by its parts as well: see `partsOf`.
 * Scripts written without spaces (Han, kana) give a word a character, so that any part of a sentence is found as a phrase.
 */

export const MAX_WORD = 64;

const WORD =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]|(?:(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}])[\p{L}\p{M}\p{N}_])+/gu;

/** Appends the words of `text` to `into`. */
export function words(text: string, into: string[] = []): string[] {
  const lower = text.toLowerCase();
  for (let from = 0; from < lower.length;) {
    const first = lower.charCodeAt(from);
    if (isBetween(first)) {
      from++;
      continue;
    }
    let to = from;
    let ascii = true;
    for (; to < lower.length; to++) {
      const code = lower.charCodeAt(to);
      if (isBetween(code)) break;
      if (code >= 128) ascii = false;
    }
    const run = lower.slice(from, to);
    if (ascii) into.push(cut(run));
    else for (const match of run.match(WORD) ?? []) pushFolded(match, into);
    from = to;
  }
  return into;
}

/**
 * In no word, whatever stands beside it. Of the characters beyond ASCII only those that terminals draw with (dashes, arrows,
 * lines, boxes) are told apart here; what is left goes through the expression, which is slow.
 */
export function isBetween(code: number): boolean {
  return code < 128 ? IN_WORD[code] === 0 : code >= 0x2010 && code < 0x2776 && isDrawn(code);
}

function isDrawn(code: number): boolean {
  return code < 0x2070 || (code >= 0x2190 && code < 0x2460) || code >= 0x2500;
}

const PART_ENDS = /_+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/;
const MOST_PARTS = 8;
/** Shorter ones are mostly pieces of a random id. */
const MEAN_PART = 3;

/**
 * By which words an identifier is found beside itself: its parts and, where "_" stands between them, all of them joined.
 * A part is two characters or more, and no number. What has very many or very short ones is an id or a hash and has none.
 */
export function partsOf(written: string): readonly string[] {
  const pieces = written.split(PART_ENDS).filter((piece) => piece !== "");
  if (pieces.length > MOST_PARTS || written.length < MEAN_PART * pieces.length) return [];
  const parts = pieces.length === 1 ? pieces : [...pieces, pieces.join("")];
  const lower = parts.map((part) => part.toLowerCase());
  const whole = written.toLowerCase();
  return [...new Set(lower)].filter(
    (part) => part.length > 1 && part !== whole && !/^\d+$/.test(part),
  );
}

export interface Spot {
  readonly word: string;
  /** As it stands there. */
  readonly written: string;
  readonly from: number;
  readonly to: number;
}

/** The same words with their places in the original text, one at a time. */
export function* spots(text: string): Generator<Spot> {
  for (const match of text.matchAll(WORD)) {
    const folded: string[] = [];
    pushFolded(match[0].toLowerCase(), folded);
    const [word] = folded;
    if (word !== undefined)
      yield { word, written: match[0], from: match.index, to: match.index + match[0].length };
  }
}

const MARKS = /\p{M}+/gu;

function pushFolded(word: string, into: string[]): void {
  const folded = word.normalize("NFKD").replace(MARKS, "").toLowerCase();
  if (folded !== "") into.push(cut(folded));
}

/** Longer runs are hashes and base64: their beginning is enough. */
function cut(word: string): string {
  return word.length > MAX_WORD ? word.slice(0, MAX_WORD) : word;
}

const IN_WORD = Uint8Array.from({ length: 128 }, (_, code) =>
  /[a-z0-9_]/.test(String.fromCharCode(code)) ? 1 : 0,
);
