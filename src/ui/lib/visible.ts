/**
 * Hostile characters made visible. A transcript can hold control characters and marks that reorder or hide text;
 * on the page they stand as what they are, so that a command reads as it would run.
 */

const NAMES: Readonly<Record<number, string>> = {
  0x061c: "ALM",
  0x200b: "ZWSP",
  0x200e: "LRM",
  0x200f: "RLM",
  0x2028: "LS",
  0x2029: "PS",
  0x202a: "LRE",
  0x202b: "RLE",
  0x202c: "PDF",
  0x202d: "LRO",
  0x202e: "RLO",
  0x2060: "WJ",
  0x2066: "LRI",
  0x2067: "RLI",
  0x2068: "FSI",
  0x2069: "PDI",
  0xfeff: "BOM",
};

const HOSTILE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** For code, commands, paths and prose of several lines: line feeds and tabs stay. `\r\n` is a line end. */
export function visible(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(HOSTILE, name);
}

/** For one line of a list: any white space is one space. */
export function oneLine(text: string): string {
  return visible(text).replace(/\s+/g, " ").trim();
}

function name(character: string): string {
  const code = character.codePointAt(0) as number;
  return `⟨${NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`}⟩`;
}
