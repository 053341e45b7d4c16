/** Turning a shared text into another by the smallest difference, so that what others type meanwhile survives. */
import type * as Y from "yjs";
import { replacedStretches } from "../base/differences.ts";

export interface Splice {
  /** In UTF-16 units of the old text. */
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

/** Makes `text` read `newText`, in one transaction. Nothing is written when it does already. */
export function editText(text: Y.Text, newText: string): void {
  const old = plainOf(text);
  const edit = () => {
    // From the end, so that positions before a splice stay true.
    for (const { at, remove, insert } of splices(old, newText).toReversed()) {
      if (remove > 0) text.delete(at, remove);
      if (insert !== "") text.insert(at, insert);
    }
  };
  if (text.doc === null) edit();
  else if (old !== newText) text.doc.transact(edit);
}

/**
 * The changes that lead from one text to another, in order. What both begin and end with stays; between, words that
 * both have in common stay. Surrogate pairs are never cut in half.
 */
export function splices(from: string, to: string): readonly Splice[] {
  const whole = trim(from, to);
  if (whole === null) return [];
  const oldWords = words(from.slice(whole.at, whole.at + whole.remove));
  const newWords = words(whole.insert);
  const found: Splice[] = [];
  for (const hunk of replacedStretches(oldWords, newWords)) {
    const before = oldWords.slice(hunk.oldFrom, hunk.oldTo).join("");
    const splice = trim(before, newWords.slice(hunk.newFrom, hunk.newTo).join(""));
    const at = whole.at + oldWords.slice(0, hunk.oldFrom).join("").length;
    if (splice !== null) found.push({ ...splice, at: at + splice.at });
  }
  return found;
}

const EMBED = "\uFFFC";

/** An embedded object (only a hostile peer makes one) counts as one character that no text has: so it goes. */
function plainOf(text: Y.Text): string {
  const plain = text.toString();
  if (plain.length === text.length) return plain;
  const delta = text.toDelta() as readonly { readonly insert: unknown }[];
  return delta.map(({ insert }) => (typeof insert === "string" ? insert : EMBED)).join("");
}

function trim(from: string, to: string): Splice | null {
  if (from === to) return null;
  const shorter = Math.min(from.length, to.length);
  let start = 0;
  while (start < shorter && from[start] === to[start]) start++;
  if (start > 0 && isHigh(from, start - 1)) start--;
  let end = 0;
  while (end < shorter - start && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  if (end > 0 && isLow(from, from.length - end)) end--;
  return { at: start, remove: from.length - start - end, insert: to.slice(start, to.length - end) };
}

function isHigh(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800;
}

function isLow(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}

function words(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}\p{M}_]+|\s+|[^]/gu) ?? [];
}
