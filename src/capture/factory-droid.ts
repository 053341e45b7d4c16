/**
 * Factory Droid: `~/.factory/sessions/<folder>/<session>.jsonl`: what the session is, then messages with Anthropic's blocks.
 * Beside it `<session>.settings.json`, one JSON text. There is no schema; this is what its files are seen to hold.
 *
 * - Tokens stand in the settings only: of the session so far, without thinking in the output, and without a time. They are
 *   one call, at the time its provider was settled, of the model that was last chosen.
 * - A sub-agent is a session that names who called it, and by which tool: a lane of that one.
 * - Not all that stands in the person's place is a person's: what only the model sees, notices, hooks, automations.
 */
import { join } from "node:path";
import type { EventId } from "../base/ids.ts";
import type { EventStatus, FilePatch, Part, Tokens } from "../base/session.ts";
import { boundedId, eventId, type Findings, type NewEvent } from "./findings.ts";
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
import { applyPatchText, countLines, replacement, replacements, wholeFile } from "./patches.ts";
import { costNanoUsd } from "./prices.ts";
import {
  mainOf,
  orderOf,
  PLAIN,
  type Disk,
  type Identity,
  type LineReader,
  type Reader,
} from "./reader.ts";
import { textPart } from "./tool.ts";

const AGENT = "factory-droid";
const SETTINGS = ".settings.json";
const MAX_TOOLS = 300;
/** Of an event that no block gave. */
const MODE_INDEX = 900;

export const factoryDroid: Reader = {
  ...PLAIN,
  agent: AGENT,
  roots: (home) => [join(home, ".factory", "sessions")],
  format: (path) => (path.endsWith(".json") ? "document" : "lines"),
  isTranscript: (path) => /\.jsonl$|\.settings\.json$/.test(path) && stepsOf(path).length <= 2,
  thread: (path) => (path.endsWith(".jsonl") ? nameOf(path) : null),
  recognises: (head) =>
    head.some(isStart) ||
    head.some(({ key, value }) => key === "tokenUsage" && "inputTokens" in asObject(value)),
  async identify(path, head, disk) {
    const name = nameOf(path);
    const records = path.endsWith(SETTINGS) ? ((await disk.head(name)) ?? []) : head;
    return await identityOf(path, name, records.find(isStart) ?? {}, disk);
  },
  open: (identity, state) => openSession(identity, readState(state)),
};

function stepsOf(path: string): string[] {
  return path.split(/[/\\]/);
}

function nameOf(path: string): string {
  return (stepsOf(path).at(-1) ?? "").replace(/\.jsonl$|\.settings\.json$/, "");
}

function isStart(record: JsonObject): boolean {
  return (
    record["type"] === "session_start" &&
    asString(record["id"]) !== null &&
    (asString(record["cwd"]) !== null || asString(record["title"]) !== null)
  );
}

async function identityOf(
  path: string,
  name: string,
  start: JsonObject,
  disk: Disk,
): Promise<Identity> {
  const caller = asString(start["callingSessionId"]);
  if (caller === null || caller === "")
    return { ...mainOf(name), copy: asString(start["parent"]) !== null };
  const main = [...stepsOf(path).slice(0, -1), `${caller}.jsonl`].join("/");
  return { ...mainOf(caller), lane: name, speaksForSession: !(await disk.exists(main)) };
}

interface OpenTool {
  readonly id: string;
  readonly event: EventId;
  readonly at: number | null;
}

interface State {
  model: string | null;
  /** Of the settings: when the provider was settled. */
  since: number | null;
  tools: OpenTool[];
}

function readState(state: unknown): State {
  return state === null ? { model: null, since: null, tools: [] } : structuredClone(state as State);
}

/** One line, with what its parts need to know. */
interface Line {
  readonly identity: Identity;
  readonly record: JsonObject;
  readonly number: number;
  readonly key: string;
  readonly at: number | null;
  readonly found: Findings;
}

function openSession(identity: Identity, state: State): LineReader {
  return {
    state: () => structuredClone(state),
    line(record, number, found) {
      const id = asString(record["id"]);
      const key = id === null ? `${identity.lane ?? identity.sourceId}/${number}` : boundedId(id);
      const at = asTime(record["timestamp"]);
      readRecord(state, { identity, record, number, key, at, found });
    },
  };
}

function readRecord(state: State, line: Line): void {
  const { record, at, found } = line;
  if (asString(record["key"]) !== null) return readSetting(state, line);
  switch (record["type"]) {
    case "session_start":
      return readStart(line);
    case "message":
      return readMessage(state, line, asObject(record["message"]));
    case "compaction_state": {
      const removed = asNumber(record["removedCount"]);
      add(line, 0, {
        kind: "compaction",
        summary: removed === null ? null : `${removed} messages`,
        parts: textPart(asString(record["summaryText"]) ?? ""),
      });
      return;
    }
    case "agent_turn_outcome": {
      const turn = asString(record["turnId"]);
      if (turn !== null && /cancel|interrupt|abort/i.test(asString(record["reason"]) ?? ""))
        found.patch({ id: eventId(AGENT, boundedId(turn), 0), at, status: "interrupted" });
    }
  }
}

function add(
  line: Line,
  index: number,
  event: Omit<NewEvent, "id" | "lane" | "order" | "at">,
  id = eventId(AGENT, line.key, index),
): EventId {
  const { identity, number, at, found } = line;
  return found.event({ id, lane: identity.lane, order: orderOf(number, index), at, ...event });
}

// ---- The session --------------------------------------------------------------------------------------------------

const UNTITLED = "New Session";

function readStart({ identity, record, found }: Line): void {
  const { sourceId, lane, speaksForSession } = identity;
  const tool = asString(record["callingToolUseId"]);
  if (lane !== null && tool !== null)
    found.patch({ id: subagentId(sourceId, tool), at: null, opens: lane });
  if (!speaksForSession) return;
  const named = asString(record["sessionTitle"]);
  const title = named === null || named === UNTITLED ? asString(record["title"]) : named;
  const cwd = asString(record["cwd"]);
  const parent = asString(record["parent"]);
  if (title !== null && title.trim() !== "" && lane === null)
    found.facts({ title: oneLine(title) });
  if (cwd !== null) found.facts({ cwd });
  if (parent !== null) found.facts({ parentSourceId: parent });
}

/** Known by its tool's id, by which the sub-agent's own session names it. */
function subagentId(sourceId: string, tool: string): EventId {
  return eventId(AGENT, `${boundedId(sourceId)}/${boundedId(tool)}`, 0);
}

function readSetting(state: State, { identity, record, found }: Line): void {
  const { key, value } = record;
  if (key === "model") state.model = asString(value);
  if (key === "providerLockTimestamp") state.since = asTime(value);
  if (key !== "tokenUsage") return;
  const used = asObject(value);
  const reasoning = asCount(used["thinkingTokens"]);
  const tokens: Tokens = {
    input: asCount(used["inputTokens"]),
    output: asCount(used["outputTokens"]) + reasoning,
    cacheRead: asCount(used["cacheReadTokens"]),
    cacheWrite: asCount(used["cacheCreationTokens"]),
    reasoning,
  };
  if (Object.values(tokens).every((count) => count === 0)) return;
  const { input, output, cacheRead, cacheWrite: cacheWrite5m } = tokens;
  const billed = { input, output, cacheRead, cacheWrite5m, cacheWrite1h: 0 };
  const model = state.model ?? "unknown";
  found.call({
    key: `${boundedId(identity.lane ?? identity.sourceId)}/settings`,
    lane: identity.lane,
    at: state.since,
    model,
    tokens,
    costNanoUsd: costNanoUsd(model, { ...billed, webSearches: 0, fast: false }, Infinity),
  });
}

// ---- Messages -----------------------------------------------------------------------------------------------------

function readMessage(state: State, line: Line, message: JsonObject): void {
  const content = message["content"];
  const blocks =
    typeof content === "string" ? [{ type: "text", text: content }] : asList(content).map(asObject);
  if (message["role"] === "assistant") return readAnswer(state, line, message, blocks);
  if (message["role"] !== "user") return;
  for (const block of blocks) if (block["type"] === "tool_result") answerTool(state, line, block);
  const isPersons =
    (asString(message["visibility"]) ?? "both") === "both" &&
    (asString(message["userMessageSource"]) ?? "user") === "user" &&
    asString(message["hookEventName"]) === null;
  const text = blocks.map(typedOf).filter(Boolean).join("\n\n");
  const images = imagesOf(blocks);
  if (!isPersons || (text === "" && images.length === 0)) return;
  const parts: Part[] = [{ name: "text", body: text }, ...images];
  add(line, 0, { kind: "prompt", summary: oneLine(text), parts });
}

/** Of a block, what a person typed: not what stands in a file that was named, nor what the program says to the model. */
function typedOf(block: JsonObject): string {
  const text = block["type"] === "text" ? (asString(block["text"]) ?? "") : "";
  if (/^Contents of .+ \(lines \d+-\d+ of \d+\):/.test(text)) return "";
  return text
    .replace(/<system-reminder>[\s\S]*?(?:<\/system-reminder>|$)/g, "")
    .replace(/<\/?user_query>/g, "")
    .trim();
}

function imagesOf(blocks: readonly JsonObject[]): Part[] {
  const images = blocks
    .filter((block) => block["type"] === "image")
    .map((block) => asObject(block["source"]))
    .map((source) => ({
      mediaType: asString(source["media_type"]) ?? "",
      base64: asString(source["data"]) ?? "",
    }))
    .filter((image) => image.base64 !== "");
  return images.length === 0 ? [] : [{ name: "images", body: JSON.stringify(images) }];
}

function readAnswer(
  state: State,
  line: Line,
  message: JsonObject,
  blocks: readonly JsonObject[],
): void {
  const model = asString(message["modelId"]) ?? asString(message["model"]);
  if (model !== null && state.model !== null && model !== state.model)
    add(line, MODE_INDEX, { kind: "mode", summary: oneLine(`model: ${model}`) });
  state.model = model ?? state.model;
  for (const [index, block] of blocks.entries()) {
    const text = asString(block["text"]) ?? "";
    const thinking = asString(block["thinking"]) ?? "";
    if (block["type"] === "tool_use") askTool(state, line, index, model, block);
    else if (block["type"] === "thinking" && thinking.trim() !== "")
      add(line, index, { kind: "response", model, parts: [{ name: "thinking", body: thinking }] });
    else if (block["type"] === "text" && text.trim() !== "")
      add(line, index, { kind: "response", model, summary: oneLine(text), parts: textPart(text) });
  }
}

// ---- Tools --------------------------------------------------------------------------------------------------------

function askTool(
  state: State,
  line: Line,
  index: number,
  model: string | null,
  block: JsonObject,
): void {
  const name = asString(block["name"]) ?? "tool";
  const id = asString(block["id"]);
  const input = shallow(asObject(block["input"]));
  const isAgent = name === "Task";
  const patches = proposedPatches(name, input);
  const lines = countLines(patches);
  const event = add(
    line,
    index,
    {
      kind: isAgent ? "subagent" : "tool",
      status: "running",
      model,
      tool: { name, input },
      summary: summaryOf(name, input),
      linesAdded: patches.length === 0 ? null : lines.added,
      linesRemoved: patches.length === 0 ? null : lines.removed,
      parts: inputParts(name, input, patches),
    },
    isAgent && id !== null ? subagentId(line.identity.sourceId, id) : undefined,
  );
  if (id !== null)
    state.tools = [...state.tools, { id: boundedId(id), event, at: line.at }].slice(-MAX_TOOLS);
}

function inputParts(name: string, input: JsonObject, patches: readonly FilePatch[]): Part[] {
  if (patches.length > 0) return [{ name: "patch", body: JSON.stringify(patches) }];
  const plan = name === "ExitSpecMode" ? asString(input["plan"]) : null;
  if (plan !== null) return [{ name: "plan", body: plan }];
  const text = asString(input["command"]) ?? (name === "Task" ? asString(input["prompt"]) : null);
  return [{ name: "input", body: text ?? JSON.stringify(input) }];
}

const TARGETS = [
  "file_path",
  "command",
  "pattern",
  "url",
  "query",
  "description",
  "title",
  "directory_path",
  "path",
];

function summaryOf(name: string, input: JsonObject): string {
  const target = TARGETS.map((field) => asString(input[field])).find(
    (value) => (value ?? "") !== "",
  );
  return oneLine(target ?? name);
}

function proposedPatches(name: string, input: JsonObject): FilePatch[] {
  if (name === "ApplyPatch") return applyPatchText(asString(input["input"]) ?? "");
  const path = asString(input["file_path"]);
  if (path === null) return [];
  if (name === "Create") return [wholeFile(path, asString(input["content"]) ?? "", "add")];
  const edit = (value: JsonObject) => ({
    before: asString(value["old_str"] ?? value["old_string"]) ?? "",
    after: asString(value["new_str"] ?? value["new_string"]) ?? "",
  });
  const { before, after } = edit(input);
  if (name === "Edit") return [replacement(path, before, after)];
  if (name !== "MultiEdit") return [];
  const edits = asList(input["changes"] ?? input["edits"]).map((value) => edit(asObject(value)));
  return [replacements(path, edits)];
}

function answerTool(state: State, line: Line, block: JsonObject): void {
  const id = asString(block["tool_use_id"]);
  const index = state.tools.findIndex((one) => id !== null && one.id === boundedId(id));
  const [tool] = index < 0 ? [] : state.tools.splice(index, 1);
  if (tool === undefined) return;
  const content = block["content"];
  const blocks = typeof content === "string" ? [] : asList(content).map(asObject);
  const output =
    typeof content === "string"
      ? content
      : blocks
          .map((one) => asString(one["text"]) ?? "")
          .filter(Boolean)
          .join("\n");
  const exit = /\[?Process exited with code (\d{1,10})\]?\s*$/i.exec(output)?.[1];
  const exitCode = exit === undefined ? null : Number(exit);
  const status = statusOf(block["is_error"] === true, output, exitCode);
  const { at } = line;
  line.found.patch({
    id: tool.event,
    at,
    status,
    exitCode,
    durationMs: tool.at === null || at === null || at < tool.at ? null : at - tool.at,
    parts: [
      ...(output === "" ? [] : [{ name: "output", body: output } as const]),
      ...imagesOf(blocks),
    ],
    // What was only proposed did not happen.
    ...(status !== "ok" && { linesAdded: null, linesRemoved: null }),
  });
}

function statusOf(isError: boolean, output: string, exitCode: number | null): EventStatus {
  if (!isError) return (exitCode ?? 0) === 0 ? "ok" : "error";
  if (/\b(?:interrupted|aborted|cancell?ed) by (?:the )?user\b/i.test(output)) return "interrupted";
  const isRejected =
    /\b(?:rejected|declined|denied) by (?:the )?user\b/i.test(output) ||
    /\buser (?:has )?(?:rejected|declined|denied)\b/i.test(output);
  return isRejected ? "rejected" : "error";
}
