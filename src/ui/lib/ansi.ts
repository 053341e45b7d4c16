/**
 * Terminal output as runs of styled text. Colours and weight are kept (mapped to the page's own readable colours);
 * a carriage return writes over its line, as a progress bar does; every other control sequence is dropped.
 */
import { visible } from "./visible.ts";

export interface Run {
  readonly text: string;
  /** Class names, space-separated; empty for plain text. */
  readonly style: string;
}

interface Pen {
  colour: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

const COLOURS = ["gray", "red", "green", "yellow", "blue", "magenta", "cyan", ""] as const;
const SEQUENCE =
  /\u001b\[([0-?]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[PX^_][^\u001b]*\u001b\\|\u001b[ -/]*[0-~]/g;

export function parseAnsi(output: string): Run[] {
  const pen = plainPen();
  const runs: Run[] = [];
  const text = settleReturns(output);
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    push(runs, text.slice(from, match.index), pen);
    from = match.index + match[0].length;
    if (match[2] === "m") draw(pen, match[1] ?? "");
  }
  push(runs, text.slice(from), pen);
  return runs;
}

/** Only the words of terminal output, for a line in a list. */
export function withoutAnsi(output: string): string {
  return output.replace(SEQUENCE, "");
}

/** What is left of a line after its carriage returns: the last thing written. */
function settleReturns(output: string): string {
  if (!output.includes("\r")) return output;
  return output
    .replace(/\r+\n/g, "\n")
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").at(-1) ?? "")
    .join("\n");
}

function push(runs: Run[], text: string, pen: Pen): void {
  if (text === "") return;
  const style = classes(pen);
  const last = runs.at(-1);
  if (last?.style === style) runs[runs.length - 1] = { text: last.text + visible(text), style };
  else runs.push({ text: visible(text), style });
}

function classes(pen: Pen): string {
  return [
    pen.colour === "" ? "" : `ansi-${pen.colour}`,
    pen.bold ? "ansi-bold" : "",
    pen.dim ? "ansi-dim" : "",
    pen.italic ? "ansi-italic" : "",
    pen.underline ? "ansi-underline" : "",
  ]
    .filter(Boolean)
    .join(" ");
}

function draw(pen: Pen, parameters: string): void {
  const codes = parameters.split(/[;:]/).map((part) => (part === "" ? 0 : Number(part)));
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (code === 0) Object.assign(pen, plainPen());
    else if (code === 1) pen.bold = true;
    else if (code === 2) pen.dim = true;
    else if (code === 3) pen.italic = true;
    else if (code === 4) pen.underline = true;
    else if (code === 22) pen.bold = pen.dim = false;
    else if (code === 23) pen.italic = false;
    else if (code === 24) pen.underline = false;
    else if (code >= 30 && code <= 37) pen.colour = COLOURS[code - 30] ?? "";
    else if (code >= 90 && code <= 97) pen.colour = COLOURS[code - 90] ?? "";
    else if (code === 39) pen.colour = "";
    else if (code === 38 || code === 48) {
      const colour = extended(codes, i);
      if (code === 38) pen.colour = colour.name;
      i += colour.used;
    }
  }
}

function extended(codes: readonly number[], at: number): { name: string; used: number } {
  if (codes[at + 1] === 5) return { name: indexed(codes[at + 2] ?? 7), used: 2 };
  if (codes[at + 1] === 2) {
    return { name: nearest(codes[at + 2] ?? 0, codes[at + 3] ?? 0, codes[at + 4] ?? 0), used: 4 };
  }
  return { name: "", used: 1 };
}

function indexed(index: number): string {
  if (index < 16) return COLOURS[index % 8] ?? "";
  if (index >= 232) return index > 250 ? "" : "gray";
  const cube = index - 16;
  return nearest(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

/** Any colour becomes the readable one of its hue: the page decides the lightness, not the transcript. */
function nearest(red: number, green: number, blue: number): string {
  const most = Math.max(red, green, blue);
  if (most - Math.min(red, green, blue) < 40) return most > 180 ? "" : "gray";
  const strong = (value: number): boolean => value > most * 0.7;
  const bits = (strong(red) ? 1 : 0) | (strong(green) ? 2 : 0) | (strong(blue) ? 4 : 0);
  return COLOURS[bits] ?? "";
}

function plainPen(): Pen {
  return { colour: "", bold: false, dim: false, italic: false, underline: false };
}
