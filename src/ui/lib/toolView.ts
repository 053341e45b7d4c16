/** What a tool's recorded input says, for showing it: every agent names its tools and fields differently. */
import type { EventRow } from "../../app/api.ts";
import type { FilePatch } from "../../base/session.ts";
import type { IconName } from "../parts/Icon.tsx";
import { oneLine } from "./visible.ts";

export interface TodoItem {
  readonly text: string;
  readonly state: "pending" | "in_progress" | "completed";
}

export interface ToolInputView {
  /** A command line, as it was run. */
  readonly command: string | null;
  /** What a sub-agent was asked. */
  readonly asked: string | null;
  readonly todos: readonly TodoItem[];
  /** Everything else, in the order recorded; values of several lines stand in a block. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
}

export function toolIcon(event: EventRow): IconName {
  if (event.kind !== "tool") return event.kind;
  const name = (event.tool ?? "").toLowerCase();
  if (/todo|update_plan|task_?(?:create|update|list)/.test(name)) return "todo";
  if (/plan/.test(name)) return "plan";
  if (/edit|write|patch|notebook/.test(name) || event.linesAdded !== null) return "edit";
  if (/bash|shell|exec|command|terminal|stdin/.test(name)) return "run";
  if (/grep|glob|search|find|\bls\b/.test(name) && !name.includes("web")) return "find";
  if (/web|fetch|http|browser/.test(name)) return "web";
  if (/image|view|screenshot/.test(name)) return "image";
  if (/read|cat|open/.test(name)) return "read";
  return "tool";
}

/** Input is JSON of an object, or plain text: a command, what a sub-agent was asked, a free-form tool's own. */
export function readInput(body: string, event: EventRow, hasPatch: boolean): ToolInputView {
  const input = parse(body);
  if (input === null) return readTextInput(body, event, hasPatch);
  const command = commandOf(input);
  const todos = todosOf(input);
  const shown = new Set<string>(command === null ? [] : ["command", "cmd"]);
  if (todos.length > 0) for (const key of ["todos", "plan"]) shown.add(key);
  // The patch shows these better.
  if (hasPatch)
    for (const key of ["old_string", "new_string", "content", "edits", "patch", "input"])
      shown.add(key);
  const fields = Object.entries(input)
    .filter(([name]) => !shown.has(name))
    .map(([name, value]) => ({
      name,
      value: typeof value === "string" ? value : JSON.stringify(value, null, 2),
    }));
  return { command, asked: null, todos, fields };
}

function readTextInput(body: string, event: EventRow, hasPatch: boolean): ToolInputView {
  const nothing: ToolInputView = { command: null, asked: null, todos: [], fields: [] };
  if (event.kind === "subagent") return { ...nothing, asked: body };
  if (toolIcon(event) === "run") return { ...nothing, command: body };
  return hasPatch ? nothing : { ...nothing, fields: [{ name: "", value: body }] };
}

/** A tool's line begins with what it did, not with where: agents go to the project's folder before each command. */
export function toolLine(event: EventRow): string {
  const summary = oneLine(event.summary ?? "");
  if (toolIcon(event) !== "run") return summary;
  return summary.replace(/^cd (?:"[^"]+"|'[^']+'|[^\s;&|"']+) && (?=\S)/, "");
}

export function readPatches(body: string | undefined): readonly FilePatch[] {
  try {
    const patches: unknown = JSON.parse(body ?? "[]");
    return Array.isArray(patches)
      ? (patches as FilePatch[]).filter((patch) => Array.isArray(patch?.hunks))
      : [];
  } catch {
    return [];
  }
}

export interface Picture {
  readonly mediaType: string;
  readonly base64: string;
}

export function readPictures(body: string | undefined): readonly Picture[] {
  try {
    const pictures: unknown = JSON.parse(body ?? "[]");
    if (!Array.isArray(pictures)) return [];
    return (pictures as Picture[]).filter(
      (picture) => typeof picture?.base64 === "string" && typeof picture.mediaType === "string",
    );
  } catch {
    return [];
  }
}

function commandOf(input: Readonly<Record<string, unknown>>): string | null {
  const command = input["command"] ?? input["cmd"];
  if (typeof command === "string") return command;
  if (!Array.isArray(command) || !command.every((word) => typeof word === "string")) return null;
  const words = command as readonly string[];
  // `bash -lc "…"`: what was meant is the script.
  if (
    words.length === 3 &&
    /^(?:\/\S*\/)?(?:ba|z)?sh$/.test(words[0] ?? "") &&
    /^-\w*c$/.test(words[1] ?? "")
  ) {
    return words[2] ?? "";
  }
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)))
    .join(" ");
}

function todosOf(input: Readonly<Record<string, unknown>>): readonly TodoItem[] {
  const list = input["todos"] ?? input["plan"];
  if (!Array.isArray(list)) return [];
  return (list as Readonly<Record<string, unknown>>[]).flatMap((item) => {
    const text = item?.["content"] ?? item?.["step"] ?? item?.["text"];
    if (typeof text !== "string") return [];
    const state = item["status"];
    return [{ text, state: state === "completed" || state === "in_progress" ? state : "pending" }];
  });
}

function parse(body: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null;
  } catch {
    return null;
  }
}
