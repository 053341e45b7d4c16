/**
 * Codex: `sessions/YYYY/MM/DD/rollout-<local time>-<thread>.jsonl[.zst]`, lines of `{timestamp, type, payload}`.
 *
 * - A forked or spawned thread's file begins with its parent's turns: they are the parent's, and dropped here.
 * - Rolled-back turns are no longer part of the conversation, but were paid for.
 * - Usage is the sum of `last_token_usage`, without a count whose total equals the one before.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EventId } from "../base/ids.ts";
import type { EventPatch, EventStatus, FilePatch, Part, Tokens } from "../base/session.ts";
import { boundedId, eventId, sha256, type Findings } from "./findings.ts";
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
import { applyPatchText, changes, countLines } from "./patches.ts";
import { costNanoUsd } from "./prices.ts";
import {
  orderOf,
  type Disk,
  type Env,
  type Identity,
  type LineReader,
  type ReadContext,
  type Reader,
  mainOf,
  PLAIN,
} from "./reader.ts";
import { toHex } from "../base/bytes.ts";

const AGENT = "codex";
const ROLLOUT = /^rollout-(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2})-(.+?)\.jsonl(?:\.zst)?$/;
/** A sub-agent of a sub-agent of …: a chain longer than this is a circle. */
const MAX_GENERATIONS = 16;

export const codex: Reader = {
  ...PLAIN,
  agent: AGENT,

  roots: (home, env) => [
    join(codexHome(home, env), "sessions"),
    join(codexHome(home, env), "archived_sessions"),
  ],

  isTranscript: (path) => ROLLOUT.test(baseName(path)),

  twinKey: (path) => baseName(path).replace(/\.zst$/, ""),

  thread: (path) => ROLLOUT.exec(baseName(path))?.[2] ?? null,

  turn: turnOf,
  turnMark: '"turn_id"',

  recognises: (head) =>
    head.some(
      (record) =>
        record["type"] === "session_meta" && asString(asObject(record["payload"])["id"]) !== null,
    ) ||
    (head.length > 0 &&
      head.every(
        (record) => asString(record["type"]) !== null && typeof record["payload"] === "object",
      )),

  async identify(path, head, disk) {
    const name = ROLLOUT.exec(baseName(path));
    const meta = metaOf(head);
    const own =
      asString(meta["id"]) ?? name?.[2] ?? baseName(path).replace(/\.jsonl(?:\.zst)?$/, "");
    const spawner = spawnerOf(meta);
    const forked = asString(meta["forked_from_id"]);
    const orderKey = name?.[1] ?? asString(meta["timestamp"]) ?? "";
    const replays = forked ?? spawner;
    if (spawner === null) {
      return { ...mainOf(own), copy: forked !== null, orderKey, replays };
    }
    const root = await rootOf(spawner, disk);
    return {
      sourceId: root.id,
      lane: own,
      speaksForSession: !root.known,
      copy: true,
      orderKey,
      replays,
    };
  },

  open: (identity, state, context) => openRollout(identity, readState(state), context),

  isReplaying: (state) => state === null || (state as SavedState).leading,

  retitle: (state, title) =>
    (state as SavedState).title === title ? null : { ...(state as SavedState), title },

  titles: async (home, env) => readTitles(join(codexHome(home, env), "session_index.jsonl")),
};

function turnOf(record: JsonObject): string | null {
  const payload = asObject(record["payload"]);
  const starts =
    record["type"] === "turn_context" ||
    payload["type"] === "task_started" ||
    payload["type"] === "turn_started";
  return starts ? asString(payload["turn_id"]) : null;
}

function codexHome(home: string, env: Env): string {
  const named = env["CODEX_HOME"];
  return named === undefined || named === "" ? join(home, ".codex") : named;
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

function metaOf(head: readonly JsonObject[]): JsonObject {
  return asObject(head.find((record) => record["type"] === "session_meta")?.["payload"]);
}

/** The thread that started this one as its sub-agent. */
function spawnerOf(meta: JsonObject): string | null {
  const source = asObject(meta["source"]);
  const subagent = asObject(source["subagent"] ?? source["sub_agent"]);
  return (
    asString(asObject(subagent["thread_spawn"])["parent_thread_id"]) ??
    asString(meta["parent_thread_id"])
  );
}

async function rootOf(thread: string, disk: Disk): Promise<{ id: string; known: boolean }> {
  let id = thread;
  for (let i = 0; i < MAX_GENERATIONS; i++) {
    const head = await disk.head(id);
    if (head === null) return { id, known: false };
    const above = spawnerOf(metaOf(head));
    if (above === null) return { id, known: true };
    id = above;
  }
  return { id, known: true };
}

/** `{id, thread_name}` a line, newest last. */
async function readTitles(path: string): Promise<ReadonlyMap<string, string>> {
  const titles = new Map<string, string>();
  const text = await readFile(path, "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const entry = line === "" ? null : parseObject(line);
    const id = asString(entry?.["id"]);
    const name = asString(entry?.["thread_name"])?.trim();
    if (id !== null && name !== undefined && name !== "") titles.set(id, oneLine(name));
  }
  return titles;
}

// ---- Lines --------------------------------------------------------------------------------------------------------

interface OpenTool {
  readonly event: EventId;
  readonly name: string;
  readonly at: number | null;
  /** Told apart from the output, which then says nothing new of them. */
  exitCode?: number;
  durationMs?: number;
  patched?: boolean;
  failed?: boolean;
}

/** A turn, for rolling back: lines of its events as differences, and how many a line gave. */
interface Turn {
  prompts: number;
  /** [line − previous line, index] flattened; the first difference is from 0. */
  events: number[];
  last: number;
}

interface State {
  /** Still in the parent's turns. */
  leading: boolean;
  meta: boolean;
  model: string | null;
  turn: string | null;
  /** JSON of the last total, to see a repeated count. */
  total: string | null;
  /** Calls so far. */
  calls: number;
  turns: Turn[];
  prompt: EventId | null;
  tools: Map<string, OpenTool>;
  /** Hashes of newest texts with the form they came in. */
  said: string[];
  compacted: boolean;
  approval: string | null;
  collaboration: string | null;
  title: string | null;
}

/** As it is kept, in plain JSON. Keys are the transcript's own: only a map holds any of them. */
interface SavedState extends Omit<State, "tools"> {
  readonly tools: Readonly<Record<string, OpenTool>>;
}

const START: SavedState = {
  leading: true,
  meta: false,
  model: null,
  turn: null,
  total: null,
  calls: 0,
  turns: [],
  prompt: null,
  tools: {},
  said: [],
  compacted: false,
  approval: null,
  collaboration: null,
  title: null,
};

function readState(state: unknown): State {
  const saved = structuredClone(state === null ? START : (state as SavedState));
  return { ...saved, tools: new Map(Object.entries(saved.tools)) };
}

function saveState(state: State): SavedState {
  return structuredClone({ ...state, tools: Object.fromEntries(state.tools) });
}

interface Line {
  readonly payload: JsonObject;
  readonly number: number;
  readonly at: number | null;
  readonly thread: string;
  readonly lane: string | null;
  readonly found: Findings;
}

function openRollout(identity: Identity, state: State, context: ReadContext): LineReader {
  const thread = identity.lane ?? identity.sourceId;
  return {
    state: () => saveState(state),
    line(record, number, found) {
      const payload = asObject(record["payload"]);
      const line = {
        payload,
        number,
        at: asTime(record["timestamp"]),
        thread,
        lane: identity.lane,
        found,
      };
      if (identity.lane === null && context.title !== null && context.title !== state.title) {
        found.facts({ title: (state.title = context.title) });
      }
      if (record["type"] === "session_meta") return readMeta(state, line, identity);
      if (state.leading && leavesParent(record, context)) state.leading = false;
      if (state.leading) return skipReplayed(state, record["type"], line);
      readLine(state, record["type"], line);
    },
  };
}

/** The first turn that is not the parent's ends what was copied; without a known parent nothing was. */
function leavesParent(record: JsonObject, context: ReadContext): boolean {
  if (context.replayed.size === 0) return true;
  const turn = turnOf(record);
  return turn !== null && !context.replayed.has(turn);
}

/** Of the parent's turns only what the next line is compared with is kept. */
function skipReplayed(state: State, type: unknown, { payload }: Line): void {
  if (type === "turn_context") state.model = asString(payload["model"]) ?? state.model;
  if (type === "event_msg" && payload["type"] === "token_count") {
    const total = asObject(payload["info"])["total_token_usage"];
    if (total !== undefined) state.total = JSON.stringify(total);
  }
}

function readMeta(state: State, line: Line, identity: Identity): void {
  const { payload, found } = line;
  const id = asString(payload["id"]);
  if (state.meta || (id !== null && id !== line.thread)) return;
  state.meta = true;
  if (!identity.speaksForSession) return;
  const cwd = asString(payload["cwd"]);
  const branch = asString(asObject(payload["git"])["branch"]);
  const version = asString(payload["cli_version"]);
  const parent = identity.lane === null ? asString(payload["forked_from_id"]) : null;
  found.facts({
    ...(cwd === null || cwd === "" ? {} : { cwd }),
    ...(branch === null || branch === "" ? {} : { gitBranch: branch }),
    ...(version === null ? {} : { agentVersion: version }),
    ...(parent === null ? {} : { parentSourceId: parent }),
  });
}

function readLine(state: State, type: unknown, line: Line): void {
  switch (type) {
    case "turn_context":
      startTurn(state, asString(line.payload["turn_id"]));
      return readTurnContext(state, line);
    case "event_msg":
      return readEvent(state, line);
    case "response_item":
      return readItem(state, line);
    case "compacted":
      return addCompaction(state, line, asString(line.payload["message"]) ?? "", true);
  }
}

function startTurn(state: State, id: string | null): void {
  if (id === null || id === state.turn) return;
  state.turn = id;
  state.said = [];
  state.turns.push({ prompts: 0, events: [], last: 0 });
}

function readTurnContext(state: State, line: Line): void {
  state.model = asString(line.payload["model"]) ?? state.model;
  const mode = line.payload["collaboration_mode"];
  const collaboration = asString(mode) ?? asString(asObject(mode)["mode"]);
  if (collaboration !== null && collaboration !== state.collaboration) {
    const usual = state.collaboration === null && collaboration === "default";
    state.collaboration = collaboration;
    if (!usual) add(state, line, 0, { kind: "mode", summary: collaboration });
  }
  const approval = asString(line.payload["approval_policy"]);
  if (approval !== null && approval !== state.approval) {
    const first = state.approval === null;
    state.approval = approval;
    if (!first) add(state, line, 1, { kind: "mode", summary: `approval: ${approval}` });
  }
}

type Fields = Partial<Parameters<Findings["event"]>[0]> & {
  kind: Parameters<Findings["event"]>[0]["kind"];
};

function add(state: State, line: Line, index: number, fields: Fields): EventId {
  const turn = state.turns.at(-1);
  if (turn !== undefined) {
    turn.events.push(line.number - turn.last, index);
    turn.last = line.number;
  }
  return line.found.event({
    id: idAt(line.thread, line.number, index),
    lane: line.lane,
    order: orderOf(line.number, index),
    at: line.at,
    ...fields,
  });
}

/** Lines have no ids of their own: a rollout is only ever appended to. */
function idAt(thread: string, number: number, index: number): EventId {
  return eventId(AGENT, `${thread}#${number}`, index);
}

/** The call that the next count of tokens will close. */
function callKey(state: State, thread: string): string {
  return `${boundedId(thread)}#${state.calls}`;
}

function fromModel(state: State, line: Line): { model: string | null; callKey: string } {
  return { model: state.model, callKey: callKey(state, line.thread) };
}

// ---- Events -------------------------------------------------------------------------------------------------------

function readEvent(state: State, line: Line): void {
  const { payload } = line;
  switch (payload["type"]) {
    case "task_started":
    case "turn_started":
      return startTurn(state, asString(payload["turn_id"]));
    case "task_complete":
    case "turn_complete":
      return patchPrompt(state, line, { durationMs: asNumber(payload["duration_ms"]) });
    case "turn_aborted":
      return abortTurn(state, line);
    case "user_message":
      return addPrompt(state, line);
    case "agent_message":
      return addResponse(state, line, "event", asString(payload["message"]) ?? "");
    case "agent_reasoning":
      return addThinking(state, line, "event", 0, asString(payload["text"]) ?? "");
    case "token_count":
      return addCall(state, line);
    case "exec_command_end":
      return noteTool(state, line, {
        exitCode: asNumber(payload["exit_code"]),
        durationMs: durationOf(payload["duration"]),
      });
    case "mcp_tool_call_end":
      return noteTool(state, line, {
        durationMs: durationOf(payload["duration"]),
        failed: asObject(payload["result"])["Err"] !== undefined,
      });
    case "patch_apply_end":
      return notePatch(state, line);
    case "web_search_end":
      return addWebSearch(state, line, "event");
    case "collab_agent_spawn_end":
      return linkSpawned(
        state,
        line,
        asString(payload["call_id"]),
        asString(payload["new_thread_id"]),
      );
    case "context_compacted":
      return addCompaction(state, line, "", false);
    case "thread_rolled_back":
      return rollBack(state, line, asCount(payload["num_turns"]));
    case "item_completed":
      return addPlan(state, line);
    case "thread_name_updated": {
      const title = asString(payload["thread_name"])?.trim() ?? "";
      if (title !== "" && line.lane === null)
        line.found.facts({ title: (state.title = oneLine(title)) });
      return;
    }
    case "entered_review_mode":
      add(state, line, 0, { kind: "mode", summary: "review" });
      return;
    case "exited_review_mode":
      add(state, line, 0, { kind: "mode", summary: "review ended" });
      return;
    case "error":
    case "stream_error": {
      const text = asString(payload["message"]) ?? "The model's service did not answer.";
      add(state, line, 0, {
        kind: "error",
        status: "error",
        summary: oneLine(text),
        parts: [{ name: "text", body: text }],
      });
    }
  }
}

function addPrompt(state: State, line: Line): void {
  const text = asString(line.payload["message"]) ?? "";
  const images = imagesOf(line.payload["images"]);
  if (text.trim() === "" && images === null) return;
  if (state.turns.length === 0 || state.turn === null)
    state.turns.push({ prompts: 0, events: [], last: 0 });
  const turn = state.turns.at(-1);
  if (turn !== undefined) turn.prompts++;
  const parts: Part[] = [{ name: "text", body: text }];
  if (images !== null) parts.push(images);
  state.prompt = add(state, line, 0, { kind: "prompt", summary: oneLine(text), parts });
}

/** `data:` addresses; an image on another machine is not ours to fetch. */
function imagesOf(value: unknown): Part | null {
  const images = asList(value).flatMap((item) => {
    const match = /^data:([^;,]+);base64,(.+)$/s.exec(
      asString(item) ?? asString(asObject(item)["image_url"]) ?? "",
    );
    return match === null ? [] : [{ mediaType: match[1] as string, base64: match[2] as string }];
  });
  return images.length === 0 ? null : { name: "images", body: JSON.stringify(images) };
}

function addResponse(state: State, line: Line, from: Form, text: string): void {
  if (text.trim() === "" || wasSaid(state, from, `response ${text}`)) return;
  add(state, line, 0, {
    kind: "response",
    ...fromModel(state, line),
    summary: oneLine(text),
    parts: [{ name: "text", body: text }],
  });
}

function addThinking(state: State, line: Line, from: Form, index: number, text: string): void {
  if (text.trim() === "" || wasSaid(state, from, `thinking ${text}`)) return;
  add(state, line, index, {
    kind: "response",
    ...fromModel(state, line),
    parts: [{ name: "thinking", body: text }],
  });
}

/** Many things are written twice, as an `event_msg` and as a `response_item`. */
type Form = "event" | "item";

/** True if it was said in the other form; which comes first differs between versions. */
function wasSaid(state: State, form: Form, text: string): boolean {
  const key = toHex(sha256(text)).slice(0, 12);
  const at = state.said.indexOf(`${form === "event" ? "item" : "event"} ${key}`);
  if (at >= 0) {
    state.said.splice(at, 1);
    return true;
  }
  state.said.push(`${form} ${key}`);
  if (state.said.length > 16) state.said.shift();
  return false;
}

function addCall(state: State, line: Line): void {
  const info = asObject(line.payload["info"]);
  const total = info["total_token_usage"];
  const last = asObject(info["last_token_usage"]);
  if (total === undefined && Object.keys(last).length === 0) return;
  const seen = JSON.stringify(total ?? null);
  const usage = Object.keys(last).length > 0 ? last : difference(asObject(total), state.total);
  if (total !== undefined && seen === state.total) return;
  state.total = seen;
  const cacheRead = Math.min(asCount(usage["input_tokens"]), asCount(usage["cached_input_tokens"]));
  const tokens: Tokens = {
    input: asCount(usage["input_tokens"]) - cacheRead,
    output: asCount(usage["output_tokens"]),
    cacheRead,
    cacheWrite: 0,
    reasoning: asCount(usage["reasoning_output_tokens"]),
  };
  const model = state.model ?? "unknown";
  const key = callKey(state, line.thread);
  state.calls++;
  const billed = { ...tokens, cacheWrite5m: 0, cacheWrite1h: 0, webSearches: 0, fast: false };
  line.found.call({
    key,
    lane: line.lane,
    at: line.at,
    model,
    tokens,
    costNanoUsd: costNanoUsd(model, billed),
  });
}

/** Old versions tell the total only. */
function difference(total: JsonObject, before: string | null): JsonObject {
  const earlier = before === null ? {} : (parseObject(before) ?? {});
  return Object.fromEntries(
    Object.keys(total).map((field) => [
      field,
      Math.max(0, asCount(total[field]) - asCount(earlier[field])),
    ]),
  );
}

function patchPrompt(state: State, line: Line, fields: Omit<EventPatch, "id" | "at">): void {
  if (state.prompt !== null) line.found.patch({ id: state.prompt, at: line.at, ...fields });
}

function abortTurn(state: State, line: Line): void {
  const durationMs = asNumber(line.payload["duration_ms"]);
  patchPrompt(state, line, {
    status: "interrupted",
    ...(durationMs === null ? {} : { durationMs }),
  });
  for (const tool of state.tools.values()) {
    line.found.patch({ id: tool.event, at: line.at, status: "interrupted" });
  }
  state.tools.clear();
}

/** Takes the newest turns with a prompt out of the conversation, and what runs beside them. */
function rollBack(state: State, line: Line, turns: number): void {
  for (let left = turns; left > 0 && state.turns.length > 0;) {
    const turn = state.turns.pop() as Turn;
    if (turn.prompts > 0) left--;
    let number = 0;
    for (let i = 0; i + 1 < turn.events.length; i += 2) {
      number += turn.events[i] as number;
      const id = idAt(line.thread, number, turn.events[i + 1] as number);
      line.found.patch({ id, at: line.at, rolledBack: true });
    }
  }
  state.prompt = null;
  state.turn = null;
}

/** Two lines tell of one compaction; the first may hold its summary. */
function addCompaction(state: State, line: Line, text: string, isItem: boolean): void {
  if (!isItem && state.compacted) {
    state.compacted = false;
    return;
  }
  state.compacted = isItem;
  add(state, line, 0, {
    kind: "compaction",
    parts: text === "" ? [] : [{ name: "text", body: text }],
  });
}

function addPlan(state: State, line: Line): void {
  const item = asObject(line.payload["item"]);
  const text = asString(item["text"]) ?? "";
  if (asString(item["type"])?.toLowerCase() !== "plan" || text.trim() === "") return;
  add(state, line, 0, {
    kind: "response",
    ...fromModel(state, line),
    summary: oneLine(text.replace(/^#+\s*/, "").split("\n", 1)[0] ?? ""),
    parts: [{ name: "plan", body: text }],
  });
}

// ---- Items --------------------------------------------------------------------------------------------------------

function readItem(state: State, line: Line): void {
  const { payload } = line;
  switch (payload["type"]) {
    case "message": {
      if (payload["role"] !== "assistant") return;
      const texts = asList(payload["content"]).map(
        (item) => asString(asObject(item)["text"]) ?? "",
      );
      return addResponse(state, line, "item", texts.join(""));
    }
    case "reasoning":
      asList(payload["summary"]).forEach((item, index) => {
        addThinking(state, line, "item", index, asString(asObject(item)["text"]) ?? "");
      });
      return;
    case "function_call":
      return askTool(state, line, functionName(payload), parsedArguments(payload["arguments"]));
    case "custom_tool_call":
      return askTool(state, line, asString(payload["name"]) ?? "tool", {
        input: asString(payload["input"]) ?? "",
      });
    case "local_shell_call":
      return askTool(state, line, "local_shell", asObject(payload["action"]));
    case "tool_search_call":
      return askTool(state, line, "tool_search", asObject(payload["arguments"]));
    case "web_search_call":
      return addWebSearch(state, line, "item");
    case "function_call_output":
    case "custom_tool_call_output":
      return answerTool(state, line, outputText(payload["output"]));
    case "tool_search_output":
      return answerTool(state, line, JSON.stringify(shallow(payload)["tools"] ?? [], null, 2));
  }
}

function functionName(payload: JsonObject): string {
  const name = asString(payload["name"]) ?? "tool";
  const namespace = asString(payload["namespace"]);
  return namespace === null || namespace === "" ? name : `${namespace}.${name}`;
}

function parsedArguments(value: unknown): JsonObject {
  const text = asString(value);
  if (text === null) return asObject(value);
  return parseObject(text) ?? { arguments: text };
}

function askTool(state: State, line: Line, name: string, raw: JsonObject): void {
  const input = shallow(raw);
  const patches = proposedPatches(name, input);
  const lines = countLines(patches);
  const event = add(state, line, 0, {
    kind: name === "spawn_agent" ? "subagent" : "tool",
    ...fromModel(state, line),
    status: "running",
    tool: { name, input },
    summary: summaryOf(name, input, patches),
    linesAdded: patches.length === 0 ? null : lines.added,
    linesRemoved: patches.length === 0 ? null : lines.removed,
    parts: inputParts(name, input, patches),
  });
  const id = asString(line.payload["call_id"]) ?? asString(line.payload["id"]);
  if (id !== null) state.tools.set(id, { event, name, at: line.at });
}

function proposedPatches(name: string, input: JsonObject): FilePatch[] {
  const text =
    name === "apply_patch" ? (asString(input["input"]) ?? asString(input["patch"])) : null;
  if (text !== null) return applyPatchText(text);
  const command = asList(input["command"]);
  return command[0] === "apply_patch" ? applyPatchText(asString(command[1]) ?? "") : [];
}

function inputParts(name: string, input: JsonObject, patches: readonly FilePatch[]): Part[] {
  if (patches.length > 0) return [{ name: "patch", body: JSON.stringify(patches) }];
  if (name === "update_plan") return [{ name: "plan", body: planText(input) }];
  const text =
    commandOf(input) ??
    asString(input["input"]) ??
    (name === "spawn_agent" ? asString(input["message"]) : null);
  return [{ name: "input", body: text ?? JSON.stringify(input, null, 2) }];
}

/** A shell's `bash -lc` is no part of what was asked. */
function commandOf(input: JsonObject): string | null {
  const command = input["cmd"] ?? input["command"];
  if (typeof command === "string") return command;
  const words = asList(command).filter((word) => typeof word === "string");
  if (words.length === 0) return null;
  const shell =
    words.length === 3 &&
    /^(?:.*\/)?(?:ba|z)?sh$/.test(words[0] as string) &&
    /^-l?c$/.test(words[1] as string);
  return shell ? (words[2] as string) : words.join(" ");
}

function planText(input: JsonObject): string {
  const marks = new Map([
    ["completed", "x"],
    ["in_progress", "~"],
  ]);
  const steps = asList(input["plan"]).map(asObject);
  const list = steps.map(
    (step) =>
      `- [${marks.get(asString(step["status"]) ?? "") ?? " "}] ${asString(step["step"]) ?? ""}`,
  );
  const why = asString(input["explanation"]);
  return [...(why === null || why === "" ? [] : [why, ""]), ...list].join("\n");
}

const TARGETS = ["query", "url", "path", "message", "description"];

function summaryOf(name: string, input: JsonObject, patches: readonly FilePatch[]): string | null {
  if (patches.length > 0) return oneLine(patches.map((patch) => patch.path).join(", "));
  if (name === "update_plan") {
    const steps = asList(input["plan"]).map(asObject);
    return `${steps.filter((step) => step["status"] === "completed").length} of ${steps.length} done`;
  }
  const target =
    commandOf(input) ??
    TARGETS.map((field) => asString(input[field])).find((value) => value !== null) ??
    null;
  return target === null ? null : oneLine(target);
}

/** Text, `{content}`, or a list of items with text. */
function outputText(value: unknown): string {
  if (typeof value === "string") return value;
  const content = Array.isArray(value) ? value : asObject(value)["content"];
  if (typeof content === "string") return content;
  return asList(content)
    .map((item) => asString(asObject(item)["text"]) ?? "")
    .filter((text) => text !== "")
    .join("\n");
}

function answerTool(state: State, line: Line, raw: string): void {
  const id = asString(line.payload["call_id"]);
  const tool = id === null ? undefined : state.tools.get(id);
  if (id === null || tool === undefined) return;
  state.tools.delete(id);
  const told = readOutput(raw);
  const exitCode = tool.exitCode ?? told.exitCode;
  const status = statusOf(tool, exitCode, told.output);
  const opens =
    tool.name === "spawn_agent" ? asString(parseObject(told.output)?.["agent_id"]) : null;
  const withdrawn = status !== "ok" && tool.patched !== true;
  line.found.patch({
    id: tool.event,
    at: line.at,
    status,
    exitCode,
    durationMs: tool.durationMs ?? told.durationMs ?? elapsed(tool.at, line.at),
    ...(told.output === "" ? {} : { parts: [{ name: "output", body: told.output }] }),
    ...(opens === null ? {} : { opens }),
    ...(withdrawn ? { linesAdded: null, linesRemoved: null } : {}),
  });
}

/** Versions write a command's end as a heading before its output, or all of it as JSON. */
function readOutput(raw: string): {
  output: string;
  exitCode: number | null;
  durationMs: number | null;
} {
  const json = raw.startsWith("{") ? parseObject(raw) : null;
  const metadata = asObject(json?.["metadata"]);
  if (
    json !== null &&
    asString(json["output"]) !== null &&
    asNumber(metadata["exit_code"]) !== null
  ) {
    const seconds = asNumber(metadata["duration_seconds"]);
    return {
      output: asString(json["output"]) ?? "",
      exitCode: asNumber(metadata["exit_code"]),
      durationMs: seconds === null ? null : seconds * 1_000,
    };
  }
  const end = raw.indexOf("Output:\n");
  const heading = raw.slice(0, end < 0 ? 0 : end);
  const exit = /^(?:Process exited with code|Exit code:) (-?\d+)/m.exec(heading);
  const wall = /^Wall time: ([\d.]+) seconds/m.exec(heading);
  const isHeading = exit !== null || wall !== null;
  return {
    output: isHeading ? raw.slice(end + "Output:\n".length) : raw,
    exitCode: exit === null ? null : Number(exit[1]),
    durationMs: wall === null ? null : Number(wall[1]) * 1_000,
  };
}

function statusOf(tool: OpenTool, exitCode: number | null, output: string): EventStatus {
  if (exitCode !== null && exitCode !== 0) return "error";
  if (tool.failed === true) return "error";
  if (/rejected by (?:the )?user|^user rejected/i.test(output.slice(0, 200))) return "rejected";
  if (/^aborted(?: by user)?/i.test(output)) return "interrupted";
  return /^(?:execution error|failed to parse|apply_patch verification failed|unsupported call|err: )/i.test(
    output,
  )
    ? "error"
    : "ok";
}

function elapsed(from: number | null, to: number | null): number | null {
  return from === null || to === null || to < from ? null : to - from;
}

function durationOf(value: unknown): number | null {
  const duration = asObject(value);
  const seconds = asNumber(duration["secs"]);
  return seconds === null ? null : seconds * 1_000 + (asNumber(duration["nanos"]) ?? 0) / 1e6;
}

/** What an event tells of a tool before its output comes. */
function noteTool(
  state: State,
  line: Line,
  told: { exitCode?: number | null; durationMs: number | null; failed?: boolean },
): void {
  const tool = state.tools.get(asString(line.payload["call_id"]) ?? "");
  if (tool === undefined) return;
  if (told.exitCode !== undefined && told.exitCode !== null) tool.exitCode = told.exitCode;
  if (told.durationMs !== null) tool.durationMs = told.durationMs;
  if (told.failed === true) tool.failed = true;
}

/** What was really changed, with line numbers. */
function notePatch(state: State, line: Line): void {
  const success = line.payload["success"] !== false;
  const patches = changes(asObject(line.payload["changes"]));
  const lines = countLines(patches);
  const parts: Part[] = [{ name: "patch", body: JSON.stringify(patches) }];
  const tool = state.tools.get(asString(line.payload["call_id"]) ?? "");
  if (tool === undefined) {
    add(state, line, 0, {
      kind: "tool",
      ...fromModel(state, line),
      status: success ? "ok" : "error",
      tool: { name: "apply_patch", input: {} },
      summary: summaryOf("apply_patch", {}, patches),
      linesAdded: success ? lines.added : null,
      linesRemoved: success ? lines.removed : null,
      parts,
    });
    return;
  }
  if (!success) {
    tool.failed = true;
    return;
  }
  tool.patched = true;
  if (patches.length > 0) {
    line.found.patch({
      id: tool.event,
      at: line.at,
      linesAdded: lines.added,
      linesRemoved: lines.removed,
      parts,
    });
  }
}

function addWebSearch(state: State, line: Line, form: Form): void {
  const action = shallow(asObject(line.payload["action"]));
  const target =
    asString(action["query"]) ?? asString(action["url"]) ?? asString(line.payload["query"]) ?? "";
  if (wasSaid(state, form, `search ${target}`)) return;
  add(state, line, 0, {
    kind: "tool",
    ...fromModel(state, line),
    status: "ok",
    tool: { name: "web_search", input: { ...action, ...(target === "" ? {} : { query: target }) } },
    summary: target === "" ? null : oneLine(target),
    parts: target === "" ? [] : [{ name: "input", body: target }],
  });
}

function linkSpawned(state: State, line: Line, callId: string | null, thread: string | null): void {
  const tool = callId === null ? undefined : state.tools.get(callId);
  if (tool !== undefined && thread !== null)
    line.found.patch({ id: tool.event, at: line.at, opens: thread });
}
