/**
 * JSON of unknown shape, as transcripts hold it.
 *
 * Readers ask for a field by the type they can use and get `null` for everything else, so that no line, however
 * odd, can throw. PostgreSQL's text takes neither NUL nor a lone surrogate: both become U+FFFD while parsing.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

const NOTHING: JsonObject = {};
const MAX_DEPTH = 64;

/** Null: not JSON, or not an object. */
export function parseObject(text: string): JsonObject | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return needsCleaning(text) ? (clean(value, 0) as JsonObject) : (value as JsonObject);
}

export function asString(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

export function asNumber(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Rounded; null for what JavaScript does not count exactly: the database would refuse it, and the file with it. */
export function asWhole(value: unknown): number | null {
  const rounded = typeof value === "number" ? Math.round(value) + 0 : NaN;
  return Number.isSafeInteger(rounded) ? rounded : null;
}

/** A count of tokens, lines, turns: whole and not negative; 0 for everything else. */
export function asCount(value: unknown): number {
  return typeof value === "number" && value > 0 && value <= Number.MAX_SAFE_INTEGER
    ? Math.trunc(value)
    : 0;
}

/** An empty object for everything that is none. */
export function asObject(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : NOTHING;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Milliseconds since the epoch of an ISO text, or null. */
export function asTime(value: unknown): number | null {
  if (typeof value !== "string") return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}

/** The same object, unless it is nested so deeply that writing it down again would overflow the stack. */
export function shallow(value: JsonObject): JsonObject {
  return depthOver(value, MAX_DEPTH) ? (clean(value, 0) as JsonObject) : value;
}

/** One line of at most `limit` characters, never half a character. */
export function oneLine(text: string, limit = 200): string {
  const line = text
    .slice(0, limit * 4)
    .replace(/\s+/g, " ")
    .trim();
  return line.length <= limit
    ? line.toWellFormed()
    : `${line.slice(0, limit - 1).trimEnd()}…`.toWellFormed();
}

/** Safe for PostgreSQL. */
export function cleanText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}

/** NUL and surrogates can only stand in JSON as escapes: a raw one is an error or was replaced when decoded. */
function needsCleaning(text: string): boolean {
  return text.includes("\\u") && /\\u(?:0000|[dD][89a-fA-F])/.test(text);
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cleanText(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return "…";
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [cleanText(key), clean(item, depth + 1)]),
  );
}

function depthOver(value: unknown, left: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (left === 0) return true;
  return Object.values(value).some((item) => depthOver(item, left - 1));
}
