/**
 * Texts of a record inside a MADR file, and back, letter for letter.
 *
 * - A line outside of code that reads as a heading of a section has a backslash before its #; so has a fence that nothing closes. A
 *   blank line at an end of a text is a lone backslash. What had a backslash there before has one more.
 * - A carriage return is `&#13;`. In texts of one line so are line breaks, blanks at the ends, and what would close the
 *   place they stand in. What read so before has one `amp;` more.
 *
 * All of it is Markdown that shows what was meant.
 */

const OPENER = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const STRUCTURE = /^([ \t]*)(\\*)(?=#{1,3}(?:[ \t]|$)|`{3}|~{3})/;
const BLANK = /^[ \t]*$/;
/** Backslashes and nothing else but blanks. */
const LONE = /^\\+[ \t]*$/;

/** Which lines are code, with the fences around it. A fence that nothing closes opens nothing. */
export function fencedLines(lines: readonly string[]): readonly boolean[] {
  const fenced = lines.map(() => false);
  const unclosed = new Map<string, number>();
  for (let i = 0; i < lines.length; i++) {
    const fence = OPENER.exec(lines[i] as string)?.[1];
    if (fence === undefined) continue;
    const sign = fence[0] as string;
    if (fence.length >= (unclosed.get(sign) ?? Number.POSITIVE_INFINITY)) continue;
    const end = closerOf(lines, i, sign, fence.length);
    if (end === -1) unclosed.set(sign, fence.length);
    else {
      fenced.fill(true, i, end + 1);
      i = end;
    }
  }
  return fenced;
}

function closerOf(lines: readonly string[], from: number, sign: string, length: number): number {
  const closer = new RegExp(`^ {0,3}${sign}{${length},}[ \\t]*$`);
  for (let i = from + 1; i < lines.length; i++) if (closer.test(lines[i] as string)) return i;
  return -1;
}

/** Lines that hold no heading and no open fence, and are blank at no end. An empty text is none. */
export function escapeBlock(text: string, code: "kept" | "plain" = "kept"): readonly string[] {
  if (text === "") return [];
  const lines = escapeReferences(text).replaceAll("\r", "&#13;").split("\n");
  const fenced = code === "kept" ? fencedLines(lines) : [];
  return lines.map((line, i) => {
    const atEnd = i === 0 || i === lines.length - 1;
    if (fenced[i] === true) return line;
    if (LONE.test(line) || (atEnd && BLANK.test(line))) return `\\${line}`;
    return line.replace(STRUCTURE, "$1\\$2");
  });
}

export function unescapeBlock(lines: readonly string[], code: "kept" | "plain" = "kept"): string {
  const fenced = code === "kept" ? fencedLines(lines) : [];
  const text = lines
    .map((line, i) => {
      if (fenced[i] === true) return line;
      if (LONE.test(line)) return line.slice(1);
      return line.replace(STRUCTURE, (_, indent: string, slashes: string) => {
        return indent + slashes.slice(1);
      });
    })
    .join("\n");
  return unescapeReferences(text);
}

/** One line that begins and ends with no blank, and with no #, and holds no quotation mark. */
export function escapeLine(text: string): string {
  return escapeReferences(text)
    .replaceAll(/["\n\r]/g, reference)
    .replace(/^[ \t]/, reference)
    .replace(/[ \t#]$/, reference);
}

export function unescapeReferences(text: string): string {
  return text.replaceAll(/&((?:amp;)*)#(\d{1,3});/g, (_, amps: string, code: string) =>
    amps === "" ? String.fromCharCode(Number(code)) : `&${amps.slice(4)}#${code};`,
  );
}

function escapeReferences(text: string): string {
  return text.replaceAll(/&((?:amp;)*#\d{1,3};)/g, "&amp;$1");
}

function reference(character: string): string {
  return `&#${character.charCodeAt(0)};`;
}

/** Without the blank lines at both ends. */
export function trimLines(lines: readonly string[]): readonly string[] {
  const from = lines.findIndex((line) => !BLANK.test(line));
  return from === -1 ? [] : lines.slice(from, lines.findLastIndex((line) => !BLANK.test(line)) + 1);
}
