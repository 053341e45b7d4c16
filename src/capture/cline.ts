/**
 * Cline and Roo Code, two extensions of one origin: below VS Code's `globalStorage/<extension>/tasks/<task>/`, a session a
 * folder. `ui_messages.json`, a JSON list of what was shown, is the transcript; Roo's `history_item.json` says beside it what
 * the task is called, where it ran and which task asked for it.
 * Source: cline/cline, src/shared/ExtensionMessage.ts; RooCodeInc/Roo-Code, packages/types/src/message.ts and
 * src/core/task-persistence.
 *
 * - A message says something (`say`) or asks (`ask`). Its first is the task; `user_feedback` is what a person typed since.
 * - A tool is `say` when nobody had to be asked. Of one that was asked for no answer is recorded: what a person typed instead
 *   of pressing a button rejects it, so does a refusal in the next call's `request`, where that is kept; anything else that
 *   follows is taken for leave.
 * - What a call spent is JSON in `api_req_started`, filled in when the call ends. `tokensIn` is without what was cached in
 *   Cline, except with some providers; in Roo it is with it since 3.29.5 and with OpenAI's protocol.
 * - The model is named by newer Cline, and by older Roo in the call's `request`. No tool tells how long it took, none its
 *   exit code; what condensing cost in Roo is said without tokens, and is not counted.
 */
import { join } from "node:path";
import type { AgentId, EventStatus, FilePatch, Part, Tokens } from "../base/session.ts";
import { eventId, type Findings, type NewEvent } from "./findings.ts";
import {
  asCount,
  asList,
  asNumber,
  asObject,
  asString,
  asWhole,
  oneLine,
  parseObject,
  type JsonObject,
} from "./json.ts";
import { changes, replacements, searchReplaceBlocks, wholeFile } from "./patches.ts";
import { costOfCall } from "./prices.ts";
import { mainOf, orderOf, PLAIN, type LineReader, type Reader } from "./reader.ts";
import { imagesPart, toolFields } from "./tool.ts";

const UI = "ui_messages.json";
const HISTORY = "history_item.json";
const UNKNOWN_MODEL = "unknown";

export const cline: Reader = {
  ...taskReader("cline", "saoudrizwan.claude-dev", [join(".cline", "data", "tasks")]),
  isTranscript: (path) => /^[^/\\]+[/\\]ui_messages\.json$/.test(path),
  recognises: (head) => head.some(isMessage),
};

export const roo: Reader = {
  ...taskReader("roo", "rooveterinaryinc.roo-cline", []),
  isTranscript: (path) => /^[^/\\]+[/\\](?:ui_messages|history_item)\.json$/.test(path),
  recognises: (head) => head.some(isRoos) || isHistory(head),
};

function taskReader(agent: AgentId, extension: string, more: readonly string[]) {
  return {
    ...PLAIN,
    agent,
    roots: (home) => [
      ...EDITORS.map((editor) => join(home, editor, "globalStorage", extension, "tasks")),
      ...more.map((folder) => join(home, folder)),
    ],
    format: () => "document",
    async identify(path) {
      const steps = path.split(/[/\\]/);
      const [folder, file] = [steps.at(-2), steps.at(-1) ?? ""];
      const isNamed = file === UI || file === HISTORY;
      return mainOf(isNamed && folder !== undefined ? folder : file.replace(/\.json$/, ""));
    },
    open: (identity, state) => openTask(agent, identity.sourceId, readState(state)),
  } as const satisfies Partial<Reader>;
}

/** Where VS Code and what is built of it keep what is a user's. */
const EDITORS = [
  ...[".config", join("Library", "Application Support"), join("AppData", "Roaming")].flatMap(
    (folder) =>
      ["Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"].map((editor) =>
        join(folder, editor, "User"),
      ),
  ),
  join(".vscode-server", "data", "User"),
];

function isMessage({ list, value }: JsonObject): boolean {
  const { ts, type, say, ask } = asObject(value);
  return (
    list === "" &&
    typeof ts === "number" &&
    (type === "say" || type === "ask") &&
    typeof (say ?? ask) === "string"
  );
}

function isRoos(record: JsonObject): boolean {
  const { say, text } = asObject(record["value"]);
  if (!isMessage(record)) return false;
  const request = say === "api_req_started" ? parseObject(asString(text) ?? "") : null;
  return say === "checkpoint_saved" || (request !== null && "apiProtocol" in request);
}

function isHistory(head: readonly JsonObject[]): boolean {
  const keys = head.map(({ key }) => key);
  return ["id", "task", "ts"].every((key) => keys.includes(key));
}

// ---- Messages -----------------------------------------------------------------------------------------------------

interface State {
  /** The task was read. */
  begun: boolean;
  model: string | null;
  mode: string | null;
  cwd: string | null;
  /** Events by their ids: the last prompt, and the tool whose result may still come. */
  prompt: string | null;
  tool: string | null;
  /** Nothing said yet that it may. */
  asked: boolean;
  /** What that tool gave so far. */
  output: string;
  /** The call that the events come from. */
  call: string | null;
}

const START: State = {
  begun: false,
  model: null,
  mode: null,
  cwd: null,
  prompt: null,
  tool: null,
  asked: false,
  output: "",
  call: null,
};
/** Of an output that comes in pieces as much is put together. */
const MAX_OUTPUT_CHARS = 256 * 1024;

function readState(state: unknown): State {
  return { ...START, ...asObject(state) };
}

interface Line {
  readonly agent: AgentId;
  readonly task: string;
  readonly number: number;
  readonly message: JsonObject;
  readonly text: string;
  readonly at: number | null;
  readonly found: Findings;
}

function openTask(agent: AgentId, task: string, state: State): LineReader {
  return {
    line(record, number, found) {
      if (record["list"] === undefined) return readHistory(record, found);
      if (!isMessage(record)) return;
      const message = asObject(record["value"]);
      const text = asString(message["text"]) ?? "";
      const at = asWhole(message["ts"]);
      readMessage(state, { agent, task, number, message, text, at, found });
    },
    state: () => ({ ...state }),
  };
}

function readHistory({ key, value }: JsonObject, found: Findings): void {
  const text = asString(value);
  if (text === null || text.trim() === "") return;
  if (key === "task") found.facts({ title: oneLine(text) });
  if (key === "workspace") found.facts({ cwd: text });
  if (key === "parentTaskId") found.facts({ parentSourceId: text });
}

function keyOf({ task, message }: Line): string {
  const { ts, say, ask } = message;
  return `${task}/${String(ts)}/${asString(say) ?? `ask ${asString(ask)}`}`;
}

function tell(
  state: State,
  line: Line,
  event: Omit<NewEvent, "id" | "lane" | "order" | "at">,
  index = 1,
): string {
  const { agent, number, at, found } = line;
  const isModels = ["response", "tool", "subagent"].includes(event.kind);
  return found.renewed({
    id: eventId(agent, keyOf(line), index),
    lane: null,
    order: orderOf(number, index),
    at,
    ...(isModels && { model: state.model, callKey: state.call }),
    ...event,
  });
}

function readMessage(state: State, line: Line): void {
  readModel(state, line);
  const { message, text } = line;
  const said = asString(message["say"]) ?? `ask ${asString(message["ask"])}`;
  if (!state.begun && (said === "text" || said === "task")) {
    state.begun = true;
    return addPrompt(state, line);
  }
  settle(state, line, said);
  switch (said) {
    case "text":
    case "completion_result":
    case "ask completion_result":
    case "ask followup":
    case "ask plan_mode_respond":
    case "ask act_mode_respond":
      return addResponse(state, line, spokenIn(text));
    case "reasoning":
      return addThinking(state, line, asString(message["reasoning"]) ?? text);
    case "user_feedback":
      return addPrompt(state, line);
    case "tool":
    case "ask tool":
      return addTool(state, line, said);
    case "command":
    case "ask command": {
      const command = text.replace(/REQ_APP$/, "");
      return startTool(state, line, said, "execute_command", { command });
    }
    case "use_mcp_server":
    case "ask use_mcp_server":
      return addMcp(state, line, said);
    case "ask browser_action_launch":
    case "browser_action_launch":
      return startTool(state, line, said, "browser_action", { action: "launch", url: text });
    case "browser_action":
      return startTool(state, line, said, "browser_action", parseObject(text) ?? { action: text });
    case "use_subagents":
    case "ask use_subagents":
      return startTool(state, line, said, "use_subagents", parseObject(text) ?? {});
    case "command_output":
    case "ask command_output":
    case "mcp_server_response":
    case "subtask_result":
    case "codebase_search_result":
      return addOutput(state, line, text);
    case "browser_action_result":
      return addBrowserResult(state, line);
    case "subagent":
      return addSubagents(state, line);
    case "api_req_started":
      return addRequest(state, line);
    case "subagent_usage":
      addCall(state, line, parseObject(text) ?? {});
      return;
    case "condense_context":
    case "sliding_window_truncation":
    case "ask condense":
    case "ask summarize_task":
      return addCompaction(state, line);
    case "user_feedback_diff":
    case "command_permission_denied":
      return addPermission(state, line, said);
    case "error":
    case "diff_error":
    case "clineignore_error":
    case "rooignore_error":
    case "condense_context_error":
    case "ask api_req_failed":
    case "ask mistake_limit_reached":
      return addError(state, line, text);
  }
}

/** Newer Cline says with each message who answers, and in which mode. */
function readModel(state: State, line: Line): void {
  const info = asObject(line.message["modelInfo"]);
  state.model = asString(info["modelId"]) ?? state.model;
  setMode(state, line, asString(info["mode"]));
}

function setMode(state: State, line: Line, mode: string | null): void {
  if (mode === null || mode === state.mode) return;
  const usual = state.mode === null && (mode === "act" || mode === "code");
  state.mode = mode;
  if (!usual) tell(state, line, { kind: "mode", summary: oneLine(mode) }, 0);
}

function addPrompt(state: State, line: Line): void {
  const images = imagesPart(asList(line.message["images"]));
  if (line.text.trim() === "" && images === null) return;
  const parts: Part[] = [{ name: "text", body: line.text }];
  if (images !== null) parts.push(images);
  state.prompt = tell(state, line, { kind: "prompt", parts });
}

/** What is shown, of a text or of JSON that has one. */
function spokenIn(text: string): string {
  const asked = text.startsWith("{") ? parseObject(text) : null;
  const spoken = asString(asked?.["question"]) ?? asString(asked?.["response"]);
  const options = asList(asked?.["options"] ?? asked?.["suggest"]).map(
    (option) => `- ${asString(option) ?? asString(asObject(option)["answer"]) ?? ""}`,
  );
  return spoken === null ? text.replace(/HAS_CHANGES$/, "") : [spoken, ...options].join("\n");
}

function addResponse(state: State, line: Line, text: string): void {
  if (text.trim() === "") return;
  const parts = [{ name: "text", body: text }] as const;
  tell(state, line, { kind: "response", summary: oneLine(text), parts });
}

function addThinking(state: State, line: Line, text: string): void {
  if (text.trim() === "") return;
  tell(state, line, { kind: "response", parts: [{ name: "thinking", body: text }] });
}

function addError(state: State, line: Line, text: string): void {
  const body = text.trim() === "" ? (asString(line.message["say"]) ?? "error") : text;
  const parts = [{ name: "text", body }] as const;
  tell(state, line, { kind: "error", status: "error", summary: oneLine(body), parts });
}

function addCompaction(state: State, line: Line): void {
  const { message, text } = line;
  const condensed = asObject(message["contextCondense"]);
  const truncated = asObject(message["contextTruncation"]);
  const before = asNumber(condensed["prevContextTokens"] ?? truncated["prevContextTokens"]);
  const body = asString(condensed["summary"]) ?? text;
  tell(state, line, {
    kind: "compaction",
    summary: before === null ? null : `${Math.round(before / 1_000)}k tokens`,
    parts: body.trim() === "" ? [] : [{ name: "text", body }],
  });
}

/** What a person changed of an edit before it was saved, and what a person's rules forbade. */
function addPermission(state: State, line: Line, said: string): void {
  const isEdit = said === "user_feedback_diff";
  const diff = asString(parseObject(line.text)?.["diff"]);
  tell(state, line, {
    kind: "permission",
    status: isEdit ? "ok" : "rejected",
    summary: isEdit ? "edited before it was saved" : oneLine(line.text),
    parts: [{ name: "text", body: diff ?? line.text }],
  });
}

// ---- Tools --------------------------------------------------------------------------------------------------------

/** Names of tools whose `content` is what they found. */
const FINDERS = /^(?:list|search|codebase|web|read(?:Command)?)/;
const FAILED = new Set(["error", "diff_error", "clineignore_error", "rooignore_error"]);
/** Say nothing of a tool that waits: what it gives, and what happens meanwhile. */
const ASIDE = new Set([
  "command_output",
  "ask command_output",
  "mcp_server_request_started",
  "mcp_server_response",
  "mcp_notification",
  "browser_action_result",
  "codebase_search_result",
  "subtask_result",
  "subagent",
  "subagent_usage",
  "checkpoint_created",
  "checkpoint_saved",
  "task_progress",
  "hook_status",
  "hook_output_stream",
  "info",
  "shell_integration_warning",
]);

/** What follows a tool that was asked for tells what a person said to it. */
function settle(state: State, line: Line, said: string): void {
  if (state.tool === null || ASIDE.has(said)) return;
  const status = outcome(state, line, said);
  if (status !== null) line.found.patch({ id: state.tool as never, at: line.at, status });
  state.tool = null;
  state.asked = false;
  state.output = "";
}

/** Null: as was told of it. */
function outcome({ asked }: State, { text }: Line, said: string): EventStatus | null {
  if (FAILED.has(said)) return "error";
  if (said === "command_permission_denied") return "rejected";
  if (!asked) return null;
  if (said === "user_feedback") return "rejected";
  // The task was left while it was asked.
  if (said === "ask resume_task" || said === "ask resume_completed_task") return "interrupted";
  // The request has what the tool gave back, in most versions.
  const request =
    said === "api_req_started" ? (asString(parseObject(text)?.["request"]) ?? "") : "";
  if (/^The user denied this operation/m.test(request)) return "rejected";
  return /^The tool execution failed/m.test(request) ? "error" : "ok";
}

function startTool(
  state: State,
  line: Line,
  said: string,
  name: string,
  input: JsonObject,
  more: { output?: string; patches?: readonly FilePatch[] } = {},
): void {
  const asked = said.startsWith("ask ");
  const fields = toolFields({
    name,
    input,
    status: asked ? "running" : "ok",
    output: more.output ?? "",
    patches: more.patches ?? [],
    title: asString(asList(input["prompts"])[0]),
  });
  const isAgent = name === "newTask" || name === "use_subagents";
  state.tool = tell(state, line, { ...fields, ...(isAgent && { kind: "subagent" }) });
  state.asked = asked;
  state.output = "";
}

function addTool(state: State, line: Line, said: string): void {
  const { tool: name, content, ...rest } = parseObject(line.text) ?? {};
  if (typeof name !== "string") return; // as far as it was written down when it was cut short
  if (name === "summarizeTask")
    return addCompaction(state, { ...line, text: asString(content) ?? "" });
  if (name === "switchMode") setMode(state, line, asString(rest["mode"]));
  const found = asString(content) ?? "";
  const isFinder = FINDERS.test(name) && name !== "readFile";
  const input = isFinder || content === undefined ? rest : { ...rest, content };
  const patches = patchesOf(name, rest, asString(rest["diff"]) ?? found);
  startTool(state, line, said, name, input, { output: isFinder ? found : "", patches });
}

function addMcp(state: State, line: Line, said: string): void {
  const asked = parseObject(line.text) ?? {};
  const [server, tool] = [asString(asked["serverName"]), asString(asked["toolName"])];
  const input = parseObject(asString(asked["arguments"]) ?? "") ?? { uri: asked["uri"] ?? null };
  startTool(state, line, said, `${server ?? "mcp"}/${tool ?? "resource"}`, input);
}

/** In pieces, each put behind those before it. */
function addOutput(state: State, line: Line, text: string): void {
  if (state.tool === null || text === "") return;
  const joined = state.output === "" ? text : `${state.output}\n${text}`;
  state.output =
    joined.length <= MAX_OUTPUT_CHARS
      ? joined
      : `${joined.slice(0, MAX_OUTPUT_CHARS)}\n…`.toWellFormed();
  const parts = [{ name: "output", body: state.output }] as const;
  line.found.patch({ id: state.tool as never, at: line.at, status: "ok", parts });
  state.asked = false;
}

function addBrowserResult(state: State, line: Line): void {
  const result = parseObject(line.text) ?? {};
  if (state.tool === null) return;
  const parts: Part[] = [{ name: "output", body: asString(result["logs"]) ?? "" }];
  const images = imagesPart([result["screenshot"]]);
  if (images !== null) parts.push(images);
  line.found.patch({ id: state.tool as never, at: line.at, status: "ok", parts });
  state.asked = false;
}

function addSubagents(state: State, line: Line): void {
  const { status, items } = parseObject(line.text) ?? {};
  if (state.tool === null) return;
  const body = asList(items)
    .map(asObject)
    .map(({ prompt, result, error }) => [prompt, result ?? error])
    .map(([prompt, result]) => `${asString(prompt) ?? ""}\n${asString(result) ?? ""}`)
    .join("\n\n");
  const ended = status === "completed" ? "ok" : status === "failed" ? "error" : "running";
  const parts = [{ name: "output", body }] as const;
  line.found.patch({ id: state.tool as never, at: line.at, status: ended, parts });
  state.asked = false;
}

/** From a whole text, hunks with line numbers, or blocks of what to search and what to put there. */
function patchesOf(name: string, input: JsonObject, text: string): FilePatch[] {
  const batch = asList(input["batchDiffs"]).map(asObject);
  if (batch.length > 0)
    return batch.flatMap((one) => {
      const diffs = asList(one["diffs"]).map((diff) => asString(asObject(diff)["content"]) ?? "");
      return patchesOf(name, { path: one["path"] }, diffs.join("\n"));
    });
  const path = asString(input["path"]);
  if (path === null || text === "" || FINDERS.test(name)) return [];
  if (name === "fileDeleted") return [{ path, change: "delete", hunks: [] }];
  if (/^@@ -\d/m.test(text)) {
    const patches = changes({ [path]: { type: "update", unified_diff: text } });
    return patches.map((patch) =>
      name === "newFileCreated" ? { ...patch, change: "add" } : patch,
    );
  }
  const edits = searchReplaceBlocks(text);
  if (edits.length > 0) return [replacements(path, edits)];
  return name === "newFileCreated" ? [wholeFile(path, text, "add")] : [];
}

// ---- Calls --------------------------------------------------------------------------------------------------------

function addRequest(state: State, line: Line): void {
  const said = parseObject(line.text);
  if (said === null) return;
  readRequest(state, line, asString(said["request"]) ?? "");
  state.call = addCall(state, line, said);
  if (said["cancelReason"] === "user_cancelled" && state.prompt !== null)
    line.found.patch({ id: state.prompt as never, at: line.at, status: "interrupted" });
  const failure = asString(said["streamingFailedMessage"]);
  if (failure !== null && failure !== "") addError(state, line, failure);
}

/** What stands around a person's words, in older versions. */
function readRequest(state: State, line: Line, request: string): void {
  state.model = /<model>([^<\n]{1,200})<\/model>/.exec(request)?.[1] ?? state.model;
  setMode(state, line, /<slug>([^<\n]{1,100})<\/slug>/.exec(request)?.[1] ?? null);
  const cwd = /# Current (?:Working|Workspace) Directory \((.{1,4096}?)\) Files/.exec(request)?.[1];
  if (cwd === undefined || state.cwd !== null) return;
  state.cwd = cwd;
  line.found.facts({ cwd });
}

/** Returns the call's key, or null where nothing is said of tokens yet. */
function addCall(state: State, line: Line, said: JsonObject): string | null {
  const tokens = tokensOf(line, said);
  if (Object.values(tokens).every((count) => count === 0)) return null;
  const key = keyOf(line);
  const model = state.model ?? UNKNOWN_MODEL;
  line.found.call({
    key,
    lane: null,
    at: line.at,
    model,
    tokens,
    costNanoUsd: costOfCall(said["cost"], model, tokens),
  });
  return key;
}

/** Providers of which Cline counts what is cached as input too. */
const COUNTED_TWICE = new Set(
  "openai litellm doubao fireworks hicap lmstudio qwen xai zai".split(" "),
);

function tokensOf({ agent, message }: Line, said: JsonObject): Tokens {
  const [input, output, cacheRead, cacheWrite] = [
    said["tokensIn"],
    said["tokensOut"],
    said["cacheReads"],
    said["cacheWrites"],
  ].map(asCount) as [number, number, number, number];
  const provider = asString(asObject(message["modelInfo"])["providerId"]);
  const mayHold = agent === "roo" || (provider !== null && COUNTED_TWICE.has(provider));
  const isWhole = mayHold && input >= cacheRead + cacheWrite;
  return {
    input: isWhole ? input - cacheRead - cacheWrite : input,
    output,
    cacheRead,
    cacheWrite,
    reasoning: 0,
  };
}
