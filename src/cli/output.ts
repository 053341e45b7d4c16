/** What people and programs see: data on standard output, everything else on standard error. */

let readerGone = false;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever read has seen enough ("| head").
  if (error.code !== "EPIPE") throw error;
  readerGone = true;
});
process.stderr.on("error", () => undefined);

export function print(line: string): void {
  if (!readerGone) process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

export function say(sentence: string): void {
  clearProgress();
  process.stderr.write(`${sentence}\n`);
}

/** Resolves when all that was printed has left this process. */
export async function flushed(): Promise<void> {
  if (!readerGone) await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
}

let progressShown = false;

/** On a terminal one line that replaces itself; nowhere else anything. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY !== true) return;
  process.stderr.write(`\r\u001b[2K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  progressShown = true;
}

export function clearProgress(): void {
  if (!progressShown) return;
  process.stderr.write("\r\u001b[2K");
  progressShown = false;
}

export type Align = "left" | "right";

/** Columns as wide as their widest cell; the last left one gives way to the terminal's width. Answers the lines. */
export function table(
  head: readonly string[],
  align: readonly Align[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const cells = [head, ...rows].map((row) => row.map(oneLine));
  const widths = head.map((_, column) =>
    Math.max(...cells.map((row) => widthOf(row[column] ?? ""))),
  );
  const room = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  const flexible = align.lastIndexOf("left");
  const excess = widths.reduce((sum, width) => sum + width + 2, -2) - room;
  if (excess > 0 && flexible >= 0)
    widths[flexible] = Math.max(12, (widths[flexible] ?? 0) - excess);
  return cells.map((row) =>
    row
      .map((cell, column) =>
        pad(cut(cell, widths[column] ?? 0), widths[column] ?? 0, align[column] ?? "left"),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** Text from a transcript is only text: no line breaks, no terminal controls. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "")
    .trim();
}

/** Keeps line breaks and tabs; takes out what a terminal would obey. */
export function plainText(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}

function widthOf(text: string): number {
  return [...text].length;
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width
    ? text
    : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

function pad(text: string, width: number, align: Align): string {
  const space = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "right" ? space + text : text + space;
}
