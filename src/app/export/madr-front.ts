/** The front matter of a Markdown file: as much of YAML as records of decisions are written with. */

export interface Front {
  /** The value's text; null when there is none, or a template's placeholder. */
  text(...keys: readonly string[]): string | null;
  /** Of a list its texts, of a text what stands between its commas. */
  list(...keys: readonly string[]): readonly string[];
  /** As it was read. */
  value(key: string): unknown;
}

/** Answers the front matter and the lines after it. */
export function readFront(lines: readonly string[]): readonly [Front, readonly string[]] {
  const end =
    lines[0] === "---" ? lines.findIndex((line, i) => i > 0 && /^---\s*$/.test(line)) : -1;
  return end === -1
    ? [frontOf(new Map()), lines]
    : [frontOf(read(lines.slice(1, end))), lines.slice(end + 1)];
}

function frontOf(values: ReadonlyMap<string, unknown>): Front {
  const first = (keys: readonly string[]): unknown =>
    keys.map((key) => values.get(key)).find((value) => value !== undefined && value !== "");
  return {
    text(...keys) {
      const value = first(keys);
      if (Array.isArray(value)) return value.filter(isText).join(", ");
      return isText(value) && !value.startsWith("{") ? value : null;
    },
    list(...keys) {
      const value = first(keys);
      if (Array.isArray(value)) return value.filter(isText);
      if (!isText(value) || value.startsWith("{")) return [];
      return value
        .split(",")
        .map((item) => scalar(item.trim()))
        .filter((item) => item !== "");
    },
    value: (key) => values.get(key),
  };
}

function read(lines: readonly string[]): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  let open: { readonly key: string; readonly items: string[] } | null = null;
  for (const line of lines) {
    const item = /^\s*-\s+(.*)$/s.exec(line)?.[1];
    const [, key, value] = /^([A-Za-z][\w -]*?)\s*:(?:\s+(.*))?$/s.exec(line) ?? [];
    if (item !== undefined && open !== null) {
      open.items.push(scalar(item));
      values.set(open.key, open.items);
    } else if (key !== undefined) {
      open = { key: key.toLowerCase(), items: [] };
      values.set(open.key, valueOf(value ?? ""));
    }
  }
  return values;
}

function valueOf(text: string): unknown {
  if (text.startsWith("[")) return parsed(text) ?? flowList(text);
  return scalar(text);
}

function flowList(text: string): readonly string[] {
  return text
    .replace(/^\[/, "")
    .replace(/\]\s*(?:#.*)?$/, "")
    .split(",")
    .map((item) => scalar(item.trim()))
    .filter((item) => item !== "");
}

function scalar(text: string): string {
  if (text.startsWith('"')) {
    const value = parsed(text);
    if (isText(value)) return value;
  }
  const quoted = /^(["'])(.*)\1\s*(?:#.*)?$/s.exec(text);
  if (quoted !== null) return (quoted[2] ?? "").replaceAll("''", "'");
  return text.replace(/(?:^|\s)#\s.*$/s, "").trim();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
