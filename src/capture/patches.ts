/** Changes of files, from the several ways agents write them down, as `FilePatch`. */
import { replacedStretches } from "../base/differences.ts";
import type { FilePatch } from "../base/session.ts";
import { asList, asObject, asString, asWhole, type JsonObject } from "./json.ts";

type Hunk = FilePatch["hunks"][number];

/** Line numbers are unknown here: hunks start at 1. */
const UNKNOWN_START = 1;

export function wholeFile(path: string, content: string, change: "add" | "delete"): FilePatch {
  const sign = change === "add" ? "+" : "-";
  const lines = splitLines(content).map((line) => sign + line);
  return { path, change, hunks: lines.length === 0 ? [] : [{ oldStart: 1, newStart: 1, lines }] };
}

/** A replacement of one text by another, without the lines both begin or end with. */
export function replacement(path: string, before: string, after: string): FilePatch {
  return {
    path,
    change: "update",
    hunks: [replacementHunk(splitLines(before), splitLines(after))],
  };
}

const AROUND = 3;

/** What differs between two states of a whole file, with a few lines around it. */
export function difference(path: string, before: string, after: string): FilePatch {
  if (before === "") return wholeFile(path, after, "add");
  const [old, now] = [splitLines(before), splitLines(after)];
  const hunks: { oldStart: number; newStart: number; lines: string[] }[] = [];
  let shown = 0;
  for (const { oldFrom, oldTo, newFrom, newTo } of replacedStretches(old, now)) {
    const from = Math.max(shown, oldFrom - AROUND);
    if (from > shown || hunks.length === 0) {
      hunks.at(-1)?.lines.push(...around(old, shown, shown + AROUND));
      const newStart = newFrom - (oldFrom - from) + 1;
      hunks.push({ oldStart: from + 1, newStart, lines: around(old, from, oldFrom) });
    } else hunks.at(-1)?.lines.push(...around(old, shown, oldFrom));
    hunks
      .at(-1)
      ?.lines.push(
        ...old.slice(oldFrom, oldTo).map((line) => `-${line}`),
        ...now.slice(newFrom, newTo).map((line) => `+${line}`),
      );
    shown = oldTo;
  }
  hunks.at(-1)?.lines.push(...around(old, shown, shown + AROUND));
  return { path, change: "update", hunks };
}

function around(lines: readonly string[], from: number, to: number): string[] {
  return lines.slice(from, to).map((line) => ` ${line}`);
}

/** Several replacements in one file. */
export function replacements(
  path: string,
  edits: readonly { before: string; after: string }[],
): FilePatch {
  const hunks = edits.map((edit) =>
    replacementHunk(splitLines(edit.before), splitLines(edit.after)),
  );
  return { path, change: "update", hunks };
}

/** `[{oldStart, newStart, lines}]`, as Claude Code's `structuredPatch`; null when it is not of that shape. */
export function structured(path: string, value: unknown): FilePatch | null {
  const hunks: Hunk[] = [];
  for (const item of asList(value)) {
    const hunk = asObject(item);
    const lines = asList(hunk["lines"]).filter(isSignedLine);
    const oldStart = asWhole(hunk["oldStart"]);
    const newStart = asWhole(hunk["newStart"]);
    if (oldStart === null || newStart === null) return null;
    hunks.push({ oldStart, newStart, lines });
  }
  return hunks.length === 0 ? null : { path, change: "update", hunks };
}

/** `{path: {type: add|delete|update, content | unified_diff, move_path}}`, as Codex's `patch_apply_end`. */
export function changes(value: JsonObject): FilePatch[] {
  return Object.entries(value).map(([path, item]) => {
    const change = asObject(item);
    const type = asString(change["type"]);
    if (type === "add" || type === "delete")
      return wholeFile(path, asString(change["content"]) ?? "", type);
    const target = asString(change["move_path"]) ?? path;
    return {
      path: target,
      change: "update",
      hunks: unified(asString(change["unified_diff"]) ?? ""),
    };
  });
}

/** The text that Codex's `apply_patch` takes: files and hunks, without line numbers. */
export function applyPatchText(text: string): FilePatch[] {
  const files: { path: string; change: FilePatch["change"]; hunks: { lines: string[] }[] }[] = [];
  for (const line of splitLines(text)) {
    const header = /^\*\*\* (Add|Update|Delete) File: (.+)$/.exec(line);
    const current = files.at(-1);
    if (header !== null) {
      const change = header[1] === "Add" ? "add" : header[1] === "Delete" ? "delete" : "update";
      files.push({ path: (header[2] as string).trim(), change, hunks: [] });
    } else if (current === undefined) continue;
    else if (line.startsWith("*** Move to: ")) current.path = line.slice(13).trim();
    else if (line.startsWith("***")) continue;
    else if (line.startsWith("@@")) current.hunks.push({ lines: [] });
    else if (isSignedLine(line)) {
      if (current.hunks.length === 0) current.hunks.push({ lines: [] });
      current.hunks.at(-1)?.lines.push(line);
    }
  }
  return files.map((file) => ({
    path: file.path,
    change: file.change,
    hunks: file.hunks.map(({ lines }) => ({
      oldStart: UNKNOWN_START,
      newStart: UNKNOWN_START,
      lines,
    })),
  }));
}

/** Blocks of what to search and what to put there, marked as conflicts are. */
export function searchReplaceBlocks(text: string): { before: string; after: string }[] {
  const blocks: { before: string; after: string }[] = [];
  let held: string[] | null = null;
  let before: string | null = null;
  for (const line of text.split("\n")) {
    if (/^(?:-{3,}|<{3,}) SEARCH>?$/.test(line.trimEnd())) {
      held = [];
      before = null;
    } else if (held !== null && before === null && /^={3,}$/.test(line.trimEnd())) {
      before = withoutHeader(held).join("\n");
      held = [];
    } else if (held !== null && /^(?:\+{3,}|>{3,}) REPLACE>?$/.test(line.trimEnd())) {
      if (before !== null) blocks.push({ before, after: held.join("\n") });
      held = null;
    } else held?.push(line);
  }
  return blocks;
}

export function countLines(patches: readonly FilePatch[]): { added: number; removed: number } {
  let added = 0;
  let removed = 0;
  for (const patch of patches) {
    for (const hunk of patch.hunks) {
      for (const line of hunk.lines) {
        if (line.startsWith("+")) added++;
        else if (line.startsWith("-")) removed++;
      }
    }
  }
  return { added, removed };
}

/** Roo says at which line to look, above a line of dashes. */
function withoutHeader(lines: readonly string[]): readonly string[] {
  const at = lines.findIndex((line) => line.trimEnd() === "-------");
  const isHeader = at >= 0 && lines.slice(0, at).every((line) => /^:\w+:/.test(line));
  return isHeader ? lines.slice(at + 1) : lines;
}

function unified(diff: string): Hunk[] {
  const hunks: { oldStart: number; newStart: number; lines: string[] }[] = [];
  for (const line of splitLines(diff)) {
    const header = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (header !== null)
      hunks.push({ oldStart: Number(header[1]), newStart: Number(header[2]), lines: [] });
    else if (isSignedLine(line)) hunks.at(-1)?.lines.push(line);
  }
  return hunks;
}

function replacementHunk(before: readonly string[], after: readonly string[]): Hunk {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (
    tail < shorter - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++;
  const lines = [
    ...before.slice(0, head).map((line) => ` ${line}`),
    ...before.slice(head, before.length - tail).map((line) => `-${line}`),
    ...after.slice(head, after.length - tail).map((line) => `+${line}`),
    ...before.slice(before.length - tail).map((line) => ` ${line}`),
  ];
  return { oldStart: UNKNOWN_START, newStart: UNKNOWN_START, lines };
}

/** An empty line is an unchanged empty line whose sign was trimmed; "\ No newline at end of file" is no line. */
function isSignedLine(line: unknown): line is string {
  return (
    typeof line === "string" &&
    (line === "" || line[0] === " " || line[0] === "+" || line[0] === "-")
  );
}

/** Without the empty one after a final newline. */
function splitLines(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
