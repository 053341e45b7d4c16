/**
 * What a person types: words (all must be there), "phrases", and the last word as a beginning while it is being typed.
 * A word with signs in it (src/store.ts) is the phrase of its parts. Nothing in a query is an operator, so nothing in
 * it can be wrong.
 */
import { words } from "./tokens.ts";

/** Words that stand one after another; `prefix`: the last of them may go on. */
export interface Clause {
  readonly words: readonly string[];
  readonly prefix: boolean;
}

const MAX_CLAUSES = 32;

export function parseQuery(text: string): readonly Clause[] {
  const pieces = text.split('"');
  const clauses: Clause[] = [];
  pieces.forEach((piece, i) => {
    const quoted = i % 2 === 1;
    const typed = quoted ? [piece] : piece.split(/\s+/u);
    const open = i === pieces.length - 1 && !/\s$/u.test(piece);
    typed.forEach((word, j) =>
      clauses.push({ words: words(word), prefix: open && j === typed.length - 1 }),
    );
  });
  return clauses.filter((clause) => clause.words.length > 0).slice(0, MAX_CLAUSES);
}
