/**
 * Words of a text, as the index holds them: lower case, without accents, letters and digits and "_" of any script.
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

export interface Spot {
  readonly word: string;
  readonly from: number;
  readonly to: number;
}

/** The same words with their places in the original text, one at a time. */
export function* spots(text: string): Generator<Spot> {
  for (const match of text.matchAll(WORD)) {
    const folded: string[] = [];
    pushFolded(match[0].toLowerCase(), folded);
    const [word] = folded;
    if (word !== undefined) yield { word, from: match.index, to: match.index + match[0].length };
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
