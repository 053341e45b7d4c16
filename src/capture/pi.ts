/**
 * Pi: `~/.pi/agent/sessions/<folder>/<time>_<id>.jsonl`: what the session is, then its entries, `{type, id, parentId, …}`.
 * Source: badlogic/pi-mono, packages/coding-agent/docs/session.md and src/core/session-manager.ts.
 *
 * - Entries are a tree: an entry that does not follow the one before it leaves a branch. The conversation is what leads to the
 *   last entry, all else is rolled back. In the first version entries have no ids, and each follows the one before.
 * - A fork is a file that begins with its original's entries, as they were: by time and id, since ids are short.
 * - Costs are written down. Nothing is said of permissions: what an extension refuses is an error.
 */
import { basename, join } from "node:path";
import { toHex } from "../base/bytes.ts";
import type { EventId } from "../base/ids.ts";
import type { FilePatch, Part, Tokens } from "../base/session.ts";
import { boundedId, eventId, sha256, type Findings, type NewEvent } from "./findings.ts";
import {
  asCount,
  asList,
  asNumber,
  asObject,
  asString,
  asTime,
  oneLine,
  shallow,
  type JsonObject,
} from "./json.ts";
import { countLines, replacement, replacements, wholeFile } from "./patches.ts";
import { costNanoUsd } from "./prices.ts";
import { textPart } from "./tool.ts";
import { mainOf, orderOf, PLAIN, type LineReader, type Reader } from "./reader.ts";

const AGENT = "pi";
/** Entries that may still be left or come back to: the newest. */
const REMEMBERED = 1_000;
const MAX_TOOLS = 300;

export const pi: Reader = {
  ...PLAIN,
  agent: AGENT,
  roots: (home, env) => [
    join(env["PI_CODING_AGENT_DIR"]?.trim() || join(home, ".pi", "agent"), "sessions"),
  ],
  isTranscript: (path) => path.endsWith(".jsonl") && path.split(/[/\\]/).length <= 2,
  recognises: (head) => head.some(isHeader),
  async identify(path, head) {
    const header = head.find(isHeader) ?? {};
    return { ...mainOf(nameOf(path)), copy: originalOf(header) !== null };
  },
  open: (_identity, state) => openSession(readState(state)),
};

function isHeader(record: JsonObject): boolean {
  return (
    record["type"] === "session" &&
    asString(record["id"]) !== null &&
    asString(record["cwd"]) !== null
  );
}

function originalOf(header: JsonObject): string | null {
  const path = asString(header["branchedFrom"]) ?? asString(header["parentSession"]);
  return path === null || path === "" ? null : nameOf(path);
}

function nameOf(path: string): string {
  return basename(path.replaceAll("\\", "/")).replace(/\.jsonl$/, "");
}

interface Entry {
  readonly id: string;
  readonly parent: string | null;
  /** By which its events are known, and how many there are. */
  readonly key: string;
  readonly events: number;
  /** It leads to the last entry. */
  active: boolean;
}

interface OpenTool {
  readonly id: string;
  readonly event: EventId;
  readonly at: number | null;
  readonly path: string | null;
  readonly isShell: boolean;
}

interface State {
  model: string | null;
  thinking: string | null;
  prompt: EventId | null;
  leaf: string | null;
  entries: Entry[];
  tools: OpenTool[];
}

const START: State = {
  model: null,
  thinking: null,
  prompt: null,
  leaf: null,
  entries: [],
  tools: [],
};

function readState(state: unknown): State {
  return structuredClone(state === null ? START : (state as State));
}

/** One entry, with what its parts need to know. */
interface Line {
  readonly record: JsonObject;
  readonly number: number;
  readonly key: string;
  readonly at: number | null;
  readonly found: Findings;
  /** Of it so far. */
  events: number;
}

function openSession(state: State): LineReader {
  return {
    state: () => structuredClone(state),
    line(record, number, found) {
      if (isHeader(record)) return readHeader(state, record, found);
      const id = asString(record["id"]);
      const time = asString(record["timestamp"]);
      const key = id === null ? hashOf(record) : boundedId(`${time ?? ""}/${id}`);
      const line = { record, number, key, at: asTime(time), found, events: 0 };
      readEntry(state, line);
      if (id !== null) follow(state, boundedId(id), line);
    },
  };
}

/** An entry without its own id is known by its time and what it says: equal in every copy. */
function hashOf(record: JsonObject): string {
  return toHex(sha256(JSON.stringify(shallow(record))));
}

function readHeader(state: State, record: JsonObject, found: Findings): void {
  const cwd = asString(record["cwd"]);
  const parent = originalOf(record);
  if (cwd !== null) found.facts({ cwd });
  if (parent !== null) found.facts({ parentSourceId: parent });
  state.model = asString(record["modelId"]) ?? state.model;
  state.thinking = asString(record["thinkingLevel"]) ?? state.thinking;
}

function readEntry(state: State, line: Line): void {
  const { record } = line;
  switch (record["type"]) {
    case "message":
      return readMessage(state, line, asObject(record["message"]));
    case "model_change": {
      const model = asString(record["modelId"]);
      if (model !== null && state.model !== null && model !== state.model)
        addMode(line, `model: ${model}`);
      state.model = model ?? state.model;
      return;
    }
    case "thinking_level_change": {
      const level = asString(record["thinkingLevel"]);
      if (level !== null && state.thinking !== null && level !== state.thinking)
        addMode(line, `thinking: ${level}`);
      state.thinking = level ?? state.thinking;
      return;
    }
    case "compaction": {
      const before = asNumber(record["tokensBefore"]);
      add(line, {
        kind: "compaction",
        summary: before === null ? null : `${Math.round(before / 1_000)}k tokens`,
        parts: textPart(asString(record["summary"]) ?? ""),
      });
      return;
    }
    case "branch_summary":
      add(line, {
        kind: "mode",
        summary: "another branch",
        parts: textPart(asString(record["summary"]) ?? ""),
      });
      return;
    case "session_info": {
      const name = asString(record["name"]);
      if (name !== null && name.trim() !== "") line.found.facts({ title: oneLine(name) });
    }
  }
}

function add(line: Line, event: Omit<NewEvent, "id" | "lane" | "order" | "at">): EventId {
  const index = line.events++;
  const { key, number, at, found } = line;
  const id = eventId(AGENT, key, index);
  return found.event({ id, lane: null, order: orderOf(number, index), at, ...event });
}

function addMode(line: Line, summary: string): void {
  add(line, { kind: "mode", summary: oneLine(summary) });
}

// ---- The tree -----------------------------------------------------------------------------------------------------

/** The conversation goes on from this entry. What does not lead to it any more is rolled back, what does again is not. */
function follow(state: State, id: string, line: Line): void {
  const recorded = asString(line.record["parentId"]);
  const named = recorded === null ? null : boundedId(recorded);
  const isKnown = named === null || state.entries.findLastIndex((entry) => entry.id === named) >= 0;
  // Of one that is not known nothing can be said: its line may be damaged.
  const parent = isKnown ? named : state.leaf;
  if (parent !== state.leaf) branch(state, parent, line);
  state.leaf = id;
  state.entries.push({ id, parent, key: line.key, events: line.events, active: true });
  if (state.entries.length > REMEMBERED) state.entries.shift();
}

function branch(state: State, from: string | null, { at, found }: Line): void {
  const byId = new Map(state.entries.map((entry) => [entry.id, entry]));
  const leading = new Set<Entry>();
  for (let entry = byId.get(from ?? ""); entry !== undefined && !leading.has(entry);) {
    leading.add(entry);
    entry = byId.get(entry.parent ?? "");
  }
  for (const entry of state.entries) {
    const active = leading.has(entry);
    if (entry.active === active) continue;
    entry.active = active;
    for (let index = 0; index < entry.events; index++)
      found.patch({ id: eventId(AGENT, entry.key, index), at, rolledBack: !active });
  }
}

// ---- Messages -----------------------------------------------------------------------------------------------------

function readMessage(state: State, line: Line, message: JsonObject): void {
  switch (message["role"]) {
    case "user": {
      const text = textOf(message["content"]);
      const images = imagesOf(message["content"]);
      if (text.trim() === "" && images.length === 0) return;
      leaveTools(state, line);
      state.prompt = add(line, {
        kind: "prompt",
        summary: oneLine(text),
        parts: [{ name: "text", body: text }, ...images],
      });
      return;
    }
    case "assistant":
      return readAnswer(state, line, message);
    case "toolResult":
      return answerTool(state, line, message);
    case "bashExecution":
      return addShell(line, message);
  }
}

/** Answers come before the next prompt, or never. */
function leaveTools(state: State, { at, found }: Line): void {
  const left = { status: "interrupted", linesAdded: null, linesRemoved: null } as const;
  for (const { event } of state.tools) found.patch({ id: event, at, ...left });
  state.tools = [];
}

/** Text, or a list of blocks with some. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return asList(content)
    .map((block) => asString(asObject(block)["text"]) ?? "")
    .filter((text) => text !== "")
    .join("\n\n");
}

function imagesOf(content: unknown): Part[] {
  const images = asList(content)
    .map(asObject)
    .filter((block) => block["type"] === "image")
    .map((block) => ({
      mediaType: asString(block["mimeType"]) ?? "",
      base64: asString(block["data"]) ?? "",
    }))
    .filter((image) => image.base64 !== "");
  return images.length === 0 ? [] : [{ name: "images", body: JSON.stringify(images) }];
}

function readAnswer(state: State, line: Line, message: JsonObject): void {
  const model = asString(message["model"]);
  const said = { model, callKey: addCall(line, message, model) };
  const isAborted = message["stopReason"] === "aborted";
  const isCutOff = isAborted || message["stopReason"] === "error";
  for (const block of asList(message["content"]).map(asObject)) {
    const text = asString(block["text"]) ?? "";
    const thinking = asString(block["thinking"]) ?? "";
    if (block["type"] === "toolCall") askTool(state, line, said, block, isCutOff);
    else if (text.trim() !== "")
      add(line, { ...said, kind: "response", summary: oneLine(text), parts: textPart(text) });
    else if (thinking.trim() !== "")
      add(line, { ...said, kind: "response", parts: [{ name: "thinking", body: thinking }] });
  }
  if (isAborted && state.prompt !== null)
    line.found.patch({ id: state.prompt, at: line.at, status: "interrupted" });
  if (message["stopReason"] !== "error") return;
  const text = asString(message["errorMessage"]) ?? "The model's service did not answer.";
  add(line, { kind: "error", status: "error", summary: oneLine(text), parts: textPart(text) });
}

/** Returns the call's key; null where nothing was spent, or nothing is said of it. */
function addCall({ key, at, found }: Line, message: JsonObject, model: string | null) {
  const used = asObject(message["usage"]);
  const tokens: Tokens = {
    input: asCount(used["input"]),
    output: asCount(used["output"]),
    cacheRead: asCount(used["cacheRead"]),
    cacheWrite: asCount(used["cacheWrite"]),
    reasoning: 0,
  };
  if (model === null || Object.values(tokens).every((count) => count === 0)) return null;
  const costUsd = asNumber(asObject(used["cost"])["total"]);
  const { input, output, cacheRead, cacheWrite: cacheWrite5m } = tokens;
  const spent = { input, output, cacheRead, cacheWrite5m, cacheWrite1h: 0 };
  const cost =
    costUsd === null
      ? costNanoUsd(model, { ...spent, webSearches: 0, fast: false })
      : Math.round(costUsd * 1e9);
  found.call({ key, lane: null, at, model, tokens, costNanoUsd: cost });
  return key;
}

/** A command that the person ran. */
function addShell(line: Line, message: JsonObject): void {
  const command = asString(message["command"]) ?? "";
  const output = asString(message["output"]) ?? "";
  const exitCode = asNumber(message["exitCode"]);
  const status =
    message["cancelled"] === true ? "interrupted" : (exitCode ?? 0) === 0 ? "ok" : "error";
  add(line, {
    kind: "tool",
    status,
    tool: { name: "bash", input: { command } },
    summary: oneLine(`! ${command}`),
    exitCode,
    parts: [
      { name: "input", body: command },
      ...(output === "" ? [] : [{ name: "output", body: output } as const]),
    ],
  });
}

// ---- Tools --------------------------------------------------------------------------------------------------------

function askTool(
  state: State,
  line: Line,
  said: { readonly model: string | null; readonly callKey: string | null },
  block: JsonObject,
  isCutOff: boolean,
): void {
  const name = asString(block["name"]) ?? "tool";
  const input = shallow(asObject(block["arguments"]));
  const patches = proposedPatches(input);
  const lines = countLines(patches);
  const command = asString(input["command"]);
  const event = add(line, {
    ...said,
    kind: "tool",
    status: isCutOff ? "interrupted" : "running",
    tool: { name, input },
    summary: summaryOf(name, input),
    linesAdded: patches.length === 0 || isCutOff ? null : lines.added,
    linesRemoved: patches.length === 0 || isCutOff ? null : lines.removed,
    parts: [
      patches.length > 0
        ? { name: "patch", body: JSON.stringify(patches) }
        : { name: "input", body: command ?? JSON.stringify(input) },
    ],
  });
  const id = asString(block["id"]);
  if (id === null) return;
  const path = patches[0]?.path ?? null;
  const tool = { id: boundedId(id), event, at: line.at, path, isShell: name === "bash" };
  state.tools = [...state.tools, tool].slice(-MAX_TOOLS);
}

function summaryOf(name: string, input: JsonObject): string {
  for (const field of ["path", "command", "pattern", "query", "url", "description"]) {
    const value = asString(input[field]);
    if (value !== null && value !== "") return oneLine(value);
  }
  return name;
}

function proposedPatches(input: JsonObject): FilePatch[] {
  const path = asString(input["path"]);
  if (path === null) return [];
  const content = asString(input["content"]);
  if (content !== null) return [wholeFile(path, content, "add")];
  const edit = (value: JsonObject) => ({
    before: asString(value["oldText"]) ?? "",
    after: asString(value["newText"]) ?? "",
  });
  const edits = asList(input["edits"]).map((value) => edit(asObject(value)));
  if (edits.length > 0) return [replacements(path, edits)];
  const { before, after } = edit(input);
  return "oldText" in input && "newText" in input ? [replacement(path, before, after)] : [];
}

function answerTool(state: State, line: Line, message: JsonObject): void {
  const id = asString(message["toolCallId"]);
  const at = state.tools.findIndex((tool) => id !== null && tool.id === boundedId(id));
  const [tool] = at < 0 ? [] : state.tools.splice(at, 1);
  if (tool === undefined) return;
  const output = textOf(message["content"]);
  const isError = message["isError"] === true;
  const isAborted = isError && /(?:Command|Operation) aborted\s*$/.test(output);
  const code = isError ? /Command exited with code (\d{1,10})\s*$/.exec(output)?.[1] : "0";
  const diff = asString(asObject(message["details"])["diff"]);
  const patches = isError || tool.path === null || diff === null ? [] : [numbered(tool.path, diff)];
  const lines = countLines(patches);
  const parts: Part[] = output === "" ? [] : [{ name: "output", body: output }];
  if (patches.length > 0) parts.push({ name: "patch", body: JSON.stringify(patches) });
  line.found.patch({
    id: tool.event,
    at: line.at,
    status: isAborted ? "interrupted" : isError ? "error" : "ok",
    durationMs:
      tool.at === null || line.at === null || line.at < tool.at ? null : line.at - tool.at,
    exitCode: tool.isShell && code !== undefined ? Number(code) : null,
    parts: [...parts, ...imagesOf(message["content"])],
    ...(patches.length > 0 && { linesAdded: lines.added, linesRemoved: lines.removed }),
    // What was only proposed did not happen.
    ...(isError && { linesAdded: null, linesRemoved: null }),
  });
}

/** Each line with its sign and number: of the old file, of the new one where it was added. Dots stand for what is left out. */
function numbered(path: string, diff: string): FilePatch {
  const hunks: { oldStart: number; newStart: number; lines: string[] }[] = [];
  let isApart = true;
  let offset = 0;
  for (const line of diff.split("\n")) {
    const [, sign, digits, text] = /^([ +-]) *(\d{1,9})(?: (.*))?$/.exec(line) ?? [];
    isApart ||= digits === undefined;
    if (digits === undefined) continue;
    const number = Number(digits);
    const oldStart = sign === "+" ? number - offset : number;
    if (isApart) hunks.push({ oldStart, newStart: oldStart + offset, lines: [] });
    isApart = false;
    hunks.at(-1)?.lines.push(`${sign}${text ?? ""}`);
    offset += sign === "+" ? 1 : sign === "-" ? -1 : 0;
  }
  return { path, change: "update", hunks };
}
