/** A search pattern as it may leave. It can be a line of source, a password, a customer's name: when unsure, null. */
import type { Place } from "./place.ts";
import { looksLikeAddress, looksLikeSecret, mentions } from "./secrets.ts";

export function sharePattern(place: Place, value: unknown): string | null {
  if (typeof value !== "string" || value.trim() === "" || value.length > MAX_LENGTH) return null;
  const isFine =
    !FORBIDDEN.test(value) &&
    !BODY.test(value.replaceAll(QUANTIFIER, "")) &&
    value.trim().split(" ").length <= MAX_WORDS &&
    readings(value).every((text) => isHarmless(place, text));
  return isFine ? value : null;
}

/** As written, without its escapes (`\\bname\\b`), and without what is put between the parts of a key. */
function readings(pattern: string): readonly string[] {
  return [
    pattern,
    pattern.replaceAll(/\\[A-Za-z]/g, " ").replaceAll("\\", ""),
    pattern.replaceAll(/[/\\]/g, ""),
  ];
}

function isHarmless({ names }: Place, text: string): boolean {
  return !looksLikeSecret(text) && !looksLikeAddress(text) && !mentions(text, names);
}

const MAX_LENGTH = 80;
const MAX_WORDS = 1;
/**
 * What statements, paths and prose have and searches can do without: other space than " ", quotes, assignments,
 * comparisons, `;`, shell signs, `a:b`, comments, a leading or doubled slash (either kind), drives, `~`, `..`, and sentences' ends.
 */
const FORBIDDEN =
  /[^\P{C}]|[\t\n\r\f\v\u2028\u2029]|["'`‘’“”«»=;<>~%&#!]|(?<![:?]):(?!:)|(?:^|[\s(|^])(?:\\?\/|\\\\)|\/\/|\/\*|(?:^|[/\\])\.\.(?:[/\\]|$)|\p{L}{2,}[.?,] \p{L}/u;
const QUANTIFIER = /\{\d{1,4}(?:,\d{0,4})?\}/g;
const BODY = /(?<!\\)[{}]/;
