/** Turning a shared text into another by the smallest difference, so that what others type meanwhile survives. */
import type * as Y from "yjs";

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
  for (const hunk of hunks(oldWords, newWords)) {
    const before = oldWords.slice(hunk.oldFrom, hunk.oldTo).join("");
    const splice = trim(before, newWords.slice(hunk.newFrom, hunk.newTo).join(""));
    const at = whole.at + oldWords.slice(0, hunk.oldFrom).join("").length;
    if (splice !== null) found.push({ ...splice, at: at + splice.at });
  }
  return found;
}

/** Above this many differing words the middle is replaced as one: finding the least costs their square. */
const MAX_DIFFERENCES = 400;
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

interface Hunk {
  readonly oldFrom: number;
  readonly oldTo: number;
  readonly newFrom: number;
  readonly newTo: number;
}

/** The least replaced stretches (Myers, 1986: the furthest reaching path of each number of differences). */
function hunks(from: readonly string[], to: readonly string[]): readonly Hunk[] {
  const history: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let differences = 0; differences <= MAX_DIFFERENCES; differences++) {
    const next = new Map<number, number>();
    history.push(reach);
    for (let diagonal = -differences; diagonal <= differences; diagonal += 2) {
      let x = comesFromAbove(reach, diagonal, differences)
        ? (reach.get(diagonal + 1) ?? 0)
        : (reach.get(diagonal - 1) ?? 0) + 1;
      while (x < from.length && x - diagonal < to.length && from[x] === to[x - diagonal]) x++;
      next.set(diagonal, x);
      if (x >= from.length && x - diagonal >= to.length)
        return walkBack(history, from.length, to.length);
    }
    reach = next;
  }
  return [{ oldFrom: 0, oldTo: from.length, newFrom: 0, newTo: to.length }];
}

function comesFromAbove(
  reach: ReadonlyMap<number, number>,
  diagonal: number,
  differences: number,
): boolean {
  if (diagonal === -differences) return true;
  if (diagonal === differences) return false;
  return (reach.get(diagonal - 1) ?? 0) < (reach.get(diagonal + 1) ?? 0);
}

function walkBack(
  history: readonly ReadonlyMap<number, number>[],
  oldLength: number,
  newLength: number,
): Hunk[] {
  const found: Hunk[] = [];
  let [x, y] = [oldLength, newLength];
  for (let differences = history.length - 1; differences > 0; differences--) {
    const reach = history[differences] as ReadonlyMap<number, number>;
    const above = comesFromAbove(reach, x - y, differences);
    const fromX = reach.get(above ? x - y + 1 : x - y - 1) ?? 0;
    const fromY = fromX - (above ? x - y + 1 : x - y - 1);
    const hunk = {
      oldFrom: fromX,
      oldTo: above ? fromX : fromX + 1,
      newFrom: fromY,
      newTo: above ? fromY + 1 : fromY,
    };
    const later = found[0];
    if (later !== undefined && later.oldFrom === hunk.oldTo && later.newFrom === hunk.newTo) {
      found[0] = { ...hunk, oldTo: later.oldTo, newTo: later.newTo };
    } else found.unshift(hunk);
    [x, y] = [fromX, fromY];
  }
  return found;
}
