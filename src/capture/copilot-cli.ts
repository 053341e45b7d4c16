/**
 * GitHub Copilot CLI: `~/.copilot/session-state/<session>/events.jsonl`, in older versions `<session>.jsonl`; a line is
 * `{type, id, timestamp, agentId?, data}`.
 * Source: github/copilot-sdk, nodejs/src/generated/session-events.ts (what is marked ephemeral there is in no file).
 *
 * - A message names the tools it asks for; `tool.execution_start` and `…_complete` follow by `toolCallId`.
 * - Sub-agents speak in the same file: `agentId` says which, in older versions the `parentToolCallId` of what they say.
 * - A call's output is with its message. Input, cached or not, is only in `session.shutdown`, for all calls since the start
 *   or the last shutdown, by model: what the messages have not told of it is one more call. `inputTokens` include what was
 *   read from and written to the cache. So of a session that runs, only the output is known, and its price.
 */
import { join } from "node:path";
import type { EventId } from "../base/ids.ts";
import type { EventPatch, EventStatus, FilePatch, Part, Tokens } from "../base/session.ts";
import { boundedId, eventId, type Findings, type NewEvent } from "./findings.ts";
import {
  asCount,
  asList,
  asNumber,
  asObject,
  asString,
  asTime,
  oneLine,
  parseObject,
  shallow,
  type JsonObject,
} from "./json.ts";
import { applyPatchText, changes, countLines, replacement, wholeFile } from "./patches.ts";
import { costOfCall } from "./prices.ts";
import { mainOf, orderOf, PLAIN, type Identity, type LineReader, type Reader } from "./reader.ts";

const AGENT = "copilot-cli";
const FILE = "events.jsonl";
/** Tools, permissions and sub-agents whose end may still come: the newest. */
const REMEMBERED = 300;

export const copilotCli: Reader = {
  ...PLAIN,
  agent: AGENT,
  roots(home, env) {
    const base = env["COPILOT_HOME"]?.trim() || join(home, ".copilot");
    return [join(base, "session-state"), join(base, "history-session-state")];
  },
  isTranscript(path) {
    const steps = path.split(/[/\\]/);
    return steps.length === 2 ? steps[1] === FILE : steps.length === 1 && path.endsWith(".jsonl");
  },
  recognises: (head) =>
    head.some(
      ({ type, data, id }) =>
        asString(id) !== null &&
        /^(?:session|user|assistant|tool)\.[a-z_]+$/.test(asString(type) ?? "") &&
        typeof data === "object" &&
        data !== null,
    ),
  async identify(path) {
    const steps = path.split(/[/\\]/);
    const name = steps.at(-1) ?? "";
    return mainOf((name === FILE ? steps.at(-2) : undefined) ?? name.replace(/\.jsonl$/, ""));
  },
  open: (identity, state) => openSession(identity, readState(state)),
};

/** What was asked for, by the agent's own id of it. */
interface Open {
  readonly id: string;
  readonly event: EventId;
  readonly lane: string | null;
  readonly at: number | null;
  readonly path: string | null;
  isRejected: boolean;
}

interface State {
  model: string | null;
  prompt: EventId | null;
  tools: Open[];
  subagents: Open[];
  permissions: (Open & { readonly tool: string | null })[];
  /** Output that messages told of since the start or the last shutdown, by model. */
  told: [model: string, output: number][];
  /** The newest call: several messages may be of one, and each may repeat its output. */
  call: { readonly key: string; readonly output: number } | null;
}

const START: State = {
  model: null,
  prompt: null,
  tools: [],
  subagents: [],
  permissions: [],
  told: [],
  call: null,
};

function readState(state: unknown): State {
  return structuredClone(state === null ? START : (state as State));
}

/** One line, with what its parts need to know. */
interface Line {
  readonly sourceId: string;
  readonly record: JsonObject;
  readonly type: string;
  readonly data: JsonObject;
  readonly lane: string | null;
  readonly at: number | null;
  readonly key: string;
  readonly number: number;
  readonly found: Findings;
}

function openSession({ sourceId }: Identity, state: State): LineReader {
  return {
    state: () => structuredClone(state),
    line(record, number, found) {
      const data = asObject(record["data"]);
      readRecord(state, {
        sourceId,
        record,
        type: asString(record["type"]) ?? "",
        data,
        lane: asString(record["agentId"]) ?? asString(data["parentToolCallId"]),
        at: asTime(record["timestamp"]),
        key: asString(record["id"]) ?? `${sourceId}/${number}`,
        number,
        found,
      });
    },
  };
}

function readRecord(state: State, line: Line): void {
  const { type, data } = line;
  switch (type) {
    case "session.start":
    case "session.resume":
    case "session.context_changed":
      return readContext(state, line);
    case "session.model_change":
      return changeModel(state, line);
    case "session.mode_changed":
      return addMode(line, asString(data["newMode"]));
    case "session.permissions_changed":
      return addMode(line, permissionMode(data));
    case "user.message":
      return addPrompt(state, line);
    case "assistant.message":
      return readMessage(state, line);
    case "tool.user_requested":
    case "tool.execution_start":
      if (!state.tools.some(({ id }) => id === asString(data["toolCallId"])))
        askTool(state, line, 0, asString(data["toolName"]), data, null);
      return;
    case "tool.execution_complete":
      return answerTool(state, line);
    case "subagent.started":
    case "subagent.completed":
    case "subagent.failed":
      return readSubagent(state, line);
    case "permission.requested":
      return askPermission(state, line);
    case "permission.completed":
      return answerPermission(state, line);
    case "session.compaction_complete":
      return addCompaction(line);
    case "session.error":
      return addError(line, asString(data["message"]));
    case "abort":
      return interrupt(state, line);
    case "session.shutdown":
      return readShutdown(state, line);
  }
}

function add(
  line: Line,
  index: number,
  event: Omit<NewEvent, "id" | "lane" | "order" | "at">,
): EventId {
  const { key, lane, number, at, found } = line;
  const place = { id: eventId(AGENT, key, index), lane, order: orderOf(number, index), at };
  return found.event({ ...place, ...event });
}

// ---- The session --------------------------------------------------------------------------------------------------

function readContext(state: State, line: Line): void {
  const { data, found, type } = line;
  const context = type === "session.context_changed" ? data : asObject(data["context"]);
  const cwd = asString(context["cwd"]);
  const gitBranch = asString(context["branch"]);
  const version = asString(data["copilotVersion"]);
  const parent = asString(data["detachedFromSpawningParentSessionId"]);
  if (cwd !== null && type === "session.start") found.facts({ cwd });
  if (gitBranch !== null) found.facts({ gitBranch });
  if (version !== null) found.facts({ agentVersion: version });
  if (parent !== null) found.facts({ parentSourceId: parent });
  state.model = asString(data["selectedModel"]) ?? state.model;
  const goesOn = data["continuePendingWork"] === true || data["sessionWasActive"] === true;
  if (type === "session.resume" && !goesOn) leave(state, line, () => true);
}

function changeModel(state: State, line: Line): void {
  const model = asString(line.data["newModel"]);
  const effort = asString(line.data["reasoningEffort"]);
  state.model = model ?? state.model;
  if (model !== null) addMode(line, `model: ${model}${effort === null ? "" : ` (${effort})`}`);
}

/** Older versions only say whether everything is allowed. */
function permissionMode(data: JsonObject): string | null {
  const mode = asString(data["mode"]);
  const all = data["allowAllPermissions"];
  if (mode === null && typeof all !== "boolean") return null;
  return `permissions: ${mode ?? (all === true ? "allow-all" : "manual")}`;
}

function addMode(line: Line, mode: string | null): void {
  if (mode !== null) add(line, 0, { kind: "mode", summary: oneLine(mode) });
}

function addCompaction(line: Line): void {
  const { data } = line;
  if (data["success"] === false) return addError(line, asString(data["error"]));
  const before = asNumber(data["preCompactionTokens"]);
  const words = [
    asString(data["trigger"]),
    before === null ? null : `${Math.round(before / 1_000)}k tokens`,
  ].filter((word) => word !== null);
  const text = asString(data["summaryContent"]);
  add(line, 0, {
    kind: "compaction",
    summary: words.length === 0 ? null : words.join(", "),
    parts: text === null ? [] : [{ name: "text", body: text }],
  });
}

function addError(line: Line, message: string | null): void {
  const text = message ?? "Copilot CLI met an error and did not say which.";
  add(line, 0, {
    kind: "error",
    status: "error",
    summary: oneLine(text),
    parts: [{ name: "text", body: text }],
  });
}

function interrupt(state: State, line: Line): void {
  const { found, at, lane } = line;
  if (state.prompt !== null && lane === null)
    found.patch({ id: state.prompt, at, status: "interrupted" });
  leave(state, line, (open) => lane === null || open.lane === lane);
}

/** Nothing more comes of these. */
function leave(state: State, { found, at }: Line, gone: (open: Open) => boolean): void {
  const left = { status: "interrupted", linesAdded: null, linesRemoved: null } as const;
  for (const open of [...state.tools, ...state.permissions])
    if (gone(open)) found.patch({ id: open.event, at, ...left });
  state.tools = state.tools.filter((open) => !gone(open));
  state.permissions = state.permissions.filter((open) => !gone(open));
}

// ---- What is said -------------------------------------------------------------------------------------------------

/** Not everything in a person's place is a person's: skills, extensions and autopilot speak there too. */
function addPrompt(state: State, line: Line): void {
  const { data } = line;
  const text = asString(data["content"]) ?? "";
  const source = asString(data["source"]) ?? "";
  const isInjected =
    data["isAutopilotContinuation"] === true ||
    /^(?:skill|system|extension|autopilot)\b/.test(source) ||
    text.startsWith("<skill-context");
  const images = imagesOf(data["attachments"]);
  if (isInjected || (text.trim() === "" && images === null)) return;
  const parts: Part[] = [{ name: "text", body: text }];
  if (images !== null) parts.push(images);
  const id = add(line, 0, { kind: "prompt", summary: oneLine(text), parts });
  if (line.lane === null) state.prompt = id;
}

function imagesOf(attachments: unknown): Part | null {
  const images = asList(attachments)
    .map(asObject)
    .map(({ mimeType, data }) => ({
      mediaType: asString(mimeType) ?? "",
      base64: asString(data) ?? "",
    }))
    .filter(({ mediaType, base64 }) => mediaType.startsWith("image/") && base64 !== "");
  return images.length === 0 ? null : { name: "images", body: JSON.stringify(images) };
}

function readMessage(state: State, line: Line): void {
  const { data, lane } = line;
  const model = asString(data["model"]) ?? (lane === null ? state.model : null);
  const said = { model, callKey: addCall(state, line, model) };
  const thinking = asString(data["reasoningText"]) ?? "";
  const text = asString(data["content"]) ?? "";
  if (thinking.trim() !== "")
    add(line, 0, { ...said, kind: "response", parts: [{ name: "thinking", body: thinking }] });
  if (text.trim() !== "")
    add(line, 1, {
      ...said,
      kind: "response",
      summary: oneLine(text),
      parts: [{ name: "text", body: text }],
    });
  for (const [i, request] of asList(data["toolRequests"]).map(asObject).entries())
    askTool(state, line, i + 2, asString(request["name"]), request, said);
}

/** Returns the call's key; null where its output was not told, or of what model it is. */
function addCall(state: State, line: Line, model: string | null): string | null {
  const { data, sourceId, lane, at, found } = line;
  if (model === null || asNumber(data["outputTokens"]) === null) return null;
  const output = asCount(data["outputTokens"]);
  const id = asString(data["apiCallId"]) ?? asString(data["messageId"]) ?? line.key;
  const key = `${boundedId(sourceId)}/${boundedId(id)}`;
  const before = state.call?.key === key ? state.call.output : 0;
  state.call = { key, output: Math.max(before, output) };
  tell(state, model, Math.max(0, output - before));
  const tokens: Tokens = { input: 0, output, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
  found.call({ key, lane, at, model, tokens, costNanoUsd: costOf(model, tokens, 1) });
  return key;
}

function tell(state: State, model: string, output: number): void {
  const told = state.told.find(([name]) => name === model);
  if (told === undefined) state.told = [...state.told, [model, output]];
  else told[1] += output;
}

/** What no message told of: all input, and what a compaction or a title put out. */
function readShutdown(state: State, line: Line): void {
  const { data, sourceId, at, found } = line;
  for (const [model, value] of Object.entries(asObject(data["modelMetrics"]))) {
    const metrics = asObject(value);
    const used = asObject(metrics["usage"]);
    const cacheRead = asCount(used["cacheReadTokens"]);
    const cacheWrite = asCount(used["cacheWriteTokens"]);
    const told = state.told.find(([name]) => name === model)?.[1] ?? 0;
    const tokens: Tokens = {
      input: Math.max(0, asCount(used["inputTokens"]) - cacheRead - cacheWrite),
      output: Math.max(0, asCount(used["outputTokens"]) - told),
      cacheRead,
      cacheWrite,
      reasoning: asCount(used["reasoningTokens"]),
    };
    if (Object.values(tokens).every((count) => count === 0)) continue;
    const requests = asCount(asObject(metrics["requests"])["count"]);
    const key = `${boundedId(sourceId)}/${boundedId(line.key)}/${boundedId(model)}`;
    const cost = costOf(model, tokens, requests);
    found.call({ key, lane: null, at, model, tokens, costNanoUsd: cost });
  }
  state.told = [];
  state.call = null;
}

function costOf(model: string, tokens: Tokens, requests: number): number | null {
  return costOfCall(null, model, tokens, Math.max(1, requests));
}

// ---- Tools --------------------------------------------------------------------------------------------------------

function askTool(
  state: State,
  line: Line,
  index: number,
  named: string | null,
  asked: JsonObject,
  said: { readonly model: string | null; readonly callKey: string | null } | null,
): void {
  const name = named ?? "tool";
  const id = asString(asked["toolCallId"]);
  const input = inputOf(asked["arguments"]);
  const patches = proposedPatches(name, input);
  const lines = countLines(patches);
  const command = asString(input["command"]);
  const parts: Part[] =
    patches.length > 0
      ? [{ name: "patch", body: JSON.stringify(patches) }]
      : [{ name: "input", body: command ?? JSON.stringify(input) }];
  const event = add(line, index, {
    ...said,
    kind: name === "task" ? "subagent" : "tool",
    status: "running",
    tool: { name, input },
    summary: oneLine(asString(asked["intentionSummary"]) ?? targetOf(input) ?? name),
    linesAdded: patches.length === 0 ? null : lines.added,
    linesRemoved: patches.length === 0 ? null : lines.removed,
    parts,
  });
  if (id === null) return;
  const { lane, at } = line;
  const path = name === "apply_patch" ? null : (patches[0]?.path ?? null);
  const open = { id: boundedId(id), event, lane, at, path, isRejected: false };
  state.tools = [...state.tools, open].slice(-REMEMBERED);
  if (name === "task") state.subagents = [...state.subagents, open].slice(-REMEMBERED);
}

/** An object, JSON of one, or a tool's text. */
function inputOf(value: unknown): JsonObject {
  if (typeof value !== "string") return shallow(asObject(value));
  return shallow(parseObject(value) ?? { input: value });
}

function targetOf(input: JsonObject): string | null {
  for (const field of ["path", "command", "description", "pattern", "query", "url", "intent"]) {
    const value = asString(input[field]);
    if (value !== null && value !== "") return value;
  }
  return null;
}

function proposedPatches(name: string, input: JsonObject): FilePatch[] {
  if (name === "apply_patch")
    return applyPatchText(asString(input["input"]) ?? asString(input["patch"]) ?? "");
  const path = asString(input["path"]);
  if (path === null) return [];
  const content = asString(input["file_text"]);
  if (content !== null) return [wholeFile(path, content, "add")];
  const [before, after] = [asString(input["old_str"]), asString(input["new_str"])];
  return before !== null && after !== null ? [replacement(path, before, after)] : [];
}

function answerTool(state: State, line: Line): void {
  const { data, at, found } = line;
  const tool = take(state.tools, asString(data["toolCallId"]));
  if (tool === null) return;
  const result = asObject(data["result"]);
  const error = asObject(data["error"]);
  const output =
    asString(data["result"]) ?? asString(result["content"]) ?? asString(error["message"]) ?? "";
  const exit = /<[^<>]*exit code (\d{1,10})>\s*$/.exec(output)?.[1];
  const exitCode = exit === undefined ? null : Number(exit);
  const isError = data["success"] === false || (exitCode !== null && exitCode !== 0);
  const status = tool.isRejected ? "rejected" : isError ? "error" : "ok";
  const parts: Part[] = output === "" ? [] : [{ name: "output", body: output }];
  const patch = status === "ok" ? appliedPatch(tool.path, asString(result["detailedContent"])) : [];
  if (patch.length > 0) parts.push({ name: "patch", body: JSON.stringify(patch) });
  found.patch({
    id: tool.event,
    at,
    status,
    exitCode,
    durationMs: between(tool.at, at),
    parts,
    ...linesOf(status, patch),
  });
}

/** With line numbers, where they are told. Of a new file the text that was asked for says more. */
function appliedPatch(path: string | null, detailed: string | null): FilePatch[] {
  if (path === null || detailed === null || detailed.includes("--- a/dev/null")) return [];
  return changes({ [path]: { type: "update", unified_diff: detailed } }).filter(
    ({ hunks }) => hunks.length > 0,
  );
}

/** What was only proposed did not happen. */
function linesOf(status: EventStatus, patches: readonly FilePatch[]): Partial<EventPatch> {
  if (status !== "ok") return { linesAdded: null, linesRemoved: null };
  const { added, removed } = countLines(patches);
  return patches.length === 0 ? {} : { linesAdded: added, linesRemoved: removed };
}

function between(from: number | null, to: number | null): number | null {
  return from === null || to === null || to < from ? null : to - from;
}

/** Removes it; null when it is not there. */
function take<T extends Open>(open: T[], id: string | null): T | null {
  const at = id === null ? -1 : open.findIndex((one) => one.id === boundedId(id));
  return at < 0 ? null : (open.splice(at, 1)[0] ?? null);
}

/** One that works in the background ends after its tool has answered. */
function readSubagent(state: State, line: Line): void {
  const { record, data, type, at, found } = line;
  const id = asString(data["toolCallId"]);
  if (type === "subagent.started") {
    const tool = state.subagents.find((one) => id !== null && one.id === boundedId(id));
    if (tool !== undefined)
      found.patch({ id: tool.event, at, opens: asString(record["agentId"]) ?? id });
    return;
  }
  const tool = take(state.subagents, id);
  if (tool === null) return;
  const status =
    type === "subagent.failed" ? "error" : data["cancelled"] === true ? "interrupted" : "ok";
  const durationMs = asNumber(data["durationMs"]) ?? between(tool.at, at);
  found.patch({ id: tool.event, at, status, durationMs });
}

// ---- Permissions --------------------------------------------------------------------------------------------------

function askPermission(state: State, line: Line): void {
  const request = asObject(line.data["permissionRequest"]);
  const tool = asString(request["toolCallId"]);
  const what =
    ["fullCommandText", "fileName", "path", "url", "toolTitle", "toolName"]
      .map((field) => asString(request[field]))
      .find((value) => value !== null && value !== "") ?? null;
  const kind = asString(request["kind"]);
  const event = add(line, 0, {
    kind: "permission",
    status: "running",
    summary: oneLine([kind, what].filter((word) => word !== null).join(": ")),
    parts: [{ name: "input", body: what ?? JSON.stringify(shallow(request)) }],
  });
  const id = asString(line.data["requestId"]);
  if (id === null) return;
  const { lane, at } = line;
  const open = { id: boundedId(id), event, lane, at, path: null, isRejected: false, tool };
  state.permissions = [...state.permissions, open].slice(-REMEMBERED);
}

function answerPermission(state: State, line: Line): void {
  const { data, at, found } = line;
  const asked = take(state.permissions, asString(data["requestId"]));
  if (asked === null) return;
  const result = asObject(data["result"]);
  const kind = asString(result["kind"]) ?? "";
  const status = permissionStatus(kind);
  const reason = ["feedback", "message", "reason"]
    .map((field) => asString(result[field]))
    .find((value) => value !== null && value !== "");
  found.patch({
    id: asked.event,
    at,
    status,
    durationMs: between(asked.at, at),
    parts: [{ name: "output", body: [kind, reason ?? ""].filter(Boolean).join("\n") }],
  });
  const id = asString(data["toolCallId"]) ?? asked.tool;
  const tool = state.tools.find((one) => id !== null && one.id === boundedId(id));
  if (tool !== undefined && status === "rejected") tool.isRejected = true;
}

/** Only a person's no is a rejection; rules, hooks and policies make it fail. */
function permissionStatus(kind: string): EventStatus {
  if (kind.startsWith("approved")) return "ok";
  if (kind === "cancelled") return "interrupted";
  return kind === "denied-interactively-by-user" ? "rejected" : "error";
}
