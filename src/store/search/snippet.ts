/** A piece of a text around its first match, as one line; matches stand between U+0002 and U+0003. */
import type { Clause } from "./query.ts";
import { type Spot, partsOf, spots } from "./tokens.ts";

const BEFORE = 60;
const LENGTH = 200;
const OPEN = "\u0002";
const CLOSE = "\u0003";

/** Around the first match of `clause`, with the matches of all `marked`. Null: no match in this text. */
export function snippetOf(text: string, clause: Clause, marked: readonly Clause[]): string | null {
  const recent: Spot[] = [];
  for (const spot of spots(text)) {
    recent.push(spot);
    if (recent.length > clause.words.length) recent.shift();
    if (endsWith(recent, clause)) return cut(text, (recent[0] as Spot).from, marked);
  }
  return null;
}

/** The beginning of a text that was found by something else than its words. */
export function beginningOf(text: string): string {
  return cut(text, 0, []);
}

function endsWith(recent: readonly Spot[], clause: Clause): boolean {
  const from = recent.length - clause.words.length;
  return (
    from >= 0 && clause.words.every((word, i) => matches(recent[from + i] as Spot, clause, i, word))
  );
}

function matches(spot: Spot, clause: Clause, i: number, word: string): boolean {
  const open = clause.prefix && i === clause.words.length - 1;
  if (open ? spot.word.startsWith(word) : spot.word === word) return true;
  if (spot.word.length <= word.length || !mayHold(spot.word, word)) return false;
  return partsOf(spot.written).some((part) => (open ? part.startsWith(word) : part === word));
}

/** Asked of every word of a long text, before its parts are made. */
function mayHold(whole: string, part: string): boolean {
  if (whole.includes(part)) return true;
  return whole.includes("_") && whole.replaceAll("_", "").includes(part);
}

function cut(text: string, at: number, clauses: readonly Clause[]): string {
  const from = at <= BEFORE ? 0 : wordStart(text, at - BEFORE);
  const piece = [...text.slice(from, from + 2 * LENGTH)].slice(0, LENGTH).join("").toWellFormed();
  const marked = mark(piece, clauses);
  const clean = marked.replaceAll(/\s+/gu, " ").trim();
  return `${from > 0 ? "…" : ""}${clean}${from + piece.length < text.length ? "…" : ""}`;
}

function wordStart(text: string, at: number): number {
  const space = text.slice(at, at + BEFORE).search(/\s/u);
  return space === -1 ? at : at + space + 1;
}

/** Marks that stand in the text itself are taken out first. */
function mark(piece: string, clauses: readonly Clause[]): string {
  const clean = piece.replaceAll(OPEN, " ").replaceAll(CLOSE, " ");
  const found = [...spots(clean)];
  const hit = new Set<Spot>();
  for (const clause of clauses) {
    for (let i = clause.words.length; i <= found.length; i++) {
      const run = found.slice(i - clause.words.length, i);
      if (endsWith(run, clause)) for (const spot of run) hit.add(spot);
    }
  }
  let marked = "";
  let at = 0;
  for (const spot of found) {
    if (!hit.has(spot)) continue;
    marked += `${clean.slice(at, spot.from)}${OPEN}${clean.slice(spot.from, spot.to)}${CLOSE}`;
    at = spot.to;
  }
  return marked + clean.slice(at);
}
