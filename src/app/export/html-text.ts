/** Text of a transcript inside a page: never markup, and nothing in it hides or reorders what stands beside it. */

const HOSTILE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\u{e0000}-\u{e007f}]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For the inside of an element and of a quoted attribute alike. */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll("\r\n", "\n")
    .replace(HOSTILE, named)
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** For one line of a list. */
export function escapeLineOf(text: string): string {
  return escapeHtml(text.replaceAll(/\s+/g, " ").trim());
}

function named(character: string): string {
  const code = (character.codePointAt(0) as number).toString(16).toUpperCase();
  return `⟨U+${code.padStart(4, "0")}⟩`;
}
