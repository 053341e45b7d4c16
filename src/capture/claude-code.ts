/**
 * Claude Code: `projects/<folder>/<session>.jsonl`, one JSON object a line, one content block a line.
 *
 * - A record's `uuid` is its identity in every copy: a fork repeats its original's lines, so it repeats its ids.
 * - Sub-agents lie in `<session>/subagents/`, in older versions beside the session or, marked as sidechain, inside it.
 * - Several lines belong to one call of the model and repeat its usage, growing: the greatest output is the call's.
 */
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
  shallow,
  type JsonObject,
} from "./json.ts";
import { countLines, replacement, replacements, structured, wholeFile } from "./patches.ts";
import { costNanoUsd } from "./prices.ts";
import { mainOf, orderOf, PLAIN, type Identity, type LineReader, type Reader } from "./reader.ts";
import { toHex } from "../base/bytes.ts";

const AGENT = "claude-code";
const SYNTHETIC = "<synthetic>";
/** A turn's duration, a compaction's summary, a sidechain's next line: what they belong to came shortly before. */
const REMEMBERED = 200;

export const claudeCode: Reader = {
  ...PLAIN,
  agent: AGENT,
  nested: true,

  roots(home, env) {
    const named = env["CLAUDE_CONFIG_DIR"]?.split(",").map((folder) => folder.trim());
    const folders = named?.filter((folder) => folder !== "") ?? [];
    const bases =
      folders.length > 0 ? folders : [join(home, ".claude"), join(home, ".config", "claude")];
    return bases.map((base) => join(base, "projects"));
  },

  isTranscript(path) {
    if (!path.endsWith(".jsonl")) return false;
    const steps = path.split(/[/\\]/);
    const inside = steps.lastIndexOf("subagents");
    if (inside >= 0) return isAgentFile(steps.at(-1) ?? "");
    return steps.length <= 2;
  },

  recognises: (head) =>
    head.some(
      (record) =>
        asString(record["sessionId"]) !== null &&
        asString(record["type"]) !== null &&
        (asString(record["uuid"]) !== null ||
          asString(record["leafUuid"]) !== null ||
          "operation" in record),
    ) ||
    head.some((record) => record["type"] === "summary" && asString(record["leafUuid"]) !== null),

  async identify(path, head, disk) {
    const steps = path.split(/[/\\]/);
    const name = (steps.at(-1) ?? "").replace(/\.jsonl$/, "");
    const inside = steps.lastIndexOf("subagents");
    const first = head.find((record) => asString(record["sessionId"]) !== null);
    if (inside > 0) {
      const parent = steps[inside - 1] as string;
      const main = [...steps.slice(0, inside - 1), `${parent}.jsonl`].join("/");
      return subAgent(parent, name, await disk.exists(main));
    }
    const recorded = asString(first?.["sessionId"]);
    if (isAgentFile(`${name}.jsonl`) && recorded !== null) {
      const main = [...steps.slice(0, -1), `${recorded}.jsonl`].join("/");
      return subAgent(recorded, name, await disk.exists(main));
    }
    const copy = head.some(
      (record) =>
        record["sessionKind"] === "bg" ||
        asString(asObject(record["forkedFrom"])["sessionId"]) !== null,
    );
    return { ...mainOf(name), copy: copy || (recorded !== null && recorded !== name) };
  },

  open: (identity, state) => openTranscript(identity, readState(state)),
};

function isAgentFile(name: string): boolean {
  return name.startsWith("agent-") && name.endsWith(".jsonl");
}

function subAgent(sourceId: string, name: string, mainExists: boolean): Identity {
  const lane = name.slice("agent-".length);
  return { ...mainOf(sourceId), lane, speaksForSession: !mainExists };
}

// ---- Lines --------------------------------------------------------------------------------------------------------

interface OpenTool {
  readonly event: EventId;
  readonly name: string;
  readonly at: number | null;
  readonly lane: string | null;
  /** Of a sub-agent's task: its prompt's hash, by which a sidechain inside the main file finds its tool. */
  readonly task?: string;
}

interface State {
  cwd: string | null;
  branch: string | null;
  version: string | null;
  /** 0 none, 1 summary, 2 the agent's, 3 the person's. */
  titleRank: number;
  mode: string | null;
  permissionMode: string | null;
  /** Tools asked for and not answered, by their own id. */
  tools: Map<string, OpenTool>;
  /** Newest prompt of each lane; the main one is "". */
  prompts: Map<string, EventId>;
  /** The boundary whose summary has not come. */
  compaction: EventId | null;
  /** Records of sidechains inside the main file, newest last: [uuid, lane]. */
  sidechain: [string, string][];
  /** Newest records, so that a summary of this session is told from one of another. */
  recent: string[];
  /** Sub-agents whose tool is known. */
  linked: string[];
}

/** As it is kept, in plain JSON. Keys are the transcript's own: only a map holds any of them. */
interface SavedState extends Omit<State, "tools" | "prompts"> {
  readonly tools: Readonly<Record<string, OpenTool>>;
  readonly prompts: Readonly<Record<string, EventId>>;
}

const START: SavedState = {
  cwd: null,
  branch: null,
  version: null,
  titleRank: 0,
  mode: null,
  permissionMode: null,
  tools: {},
  prompts: {},
  compaction: null,
  sidechain: [],
  recent: [],
  linked: [],
};

function readState(state: unknown): State {
  const saved = structuredClone(state === null ? START : (state as SavedState));
  return {
    ...saved,
    tools: new Map(Object.entries(saved.tools)),
    prompts: new Map(Object.entries(saved.prompts)),
  };
}

function saveState(state: State): SavedState {
  return structuredClone({
    ...state,
    tools: Object.fromEntries(state.tools),
    prompts: Object.fromEntries(state.prompts),
  });
}

/** One line, with what its parts need to know. */
interface Line {
  readonly record: JsonObject;
  readonly number: number;
  readonly lane: string | null;
  readonly at: number | null;
  readonly found: Findings;
  id(index: number): EventId;
}

function openTranscript(identity: Identity, state: State): LineReader {
  return {
    state: () => saveState(state),
    line(record, number, found) {
      const uuid = asString(record["uuid"]);
      const lane =
        identity.lane ?? (record["isSidechain"] === true ? sidechainOf(state, record, uuid) : null);
      const line: Line = {
        record,
        number,
        lane,
        at: asTime(record["timestamp"]),
        found,
        id: (index) => eventId(AGENT, uuid ?? nameless(record), index),
      };
      if (uuid !== null) remember(state.recent, uuid, 64);
      noteFacts(state, line, identity.speaksForSession);
      switch (record["type"]) {
        case "user":
          return readUser(state, line);
        case "assistant":
          return readAssistant(state, line);
        case "system":
          return readSystem(state, line);
        case "attachment":
          return readAttachment(state, line);
        case "progress":
          return readProgress(state, line);
        case "mode":
        case "permission-mode":
          return readMode(state, line);
        case "summary":
        case "ai-title":
        case "custom-title":
          if (identity.lane === null) readTitle(state, line);
      }
    },
  };
}

/** A record without its own id is known by its time and what it says: equal in every copy. */
function nameless(record: JsonObject): string {
  const { sessionId: _session, sessionKind: _kind, ...rest } = record;
  return toHex(sha256(JSON.stringify(shallow(rest))));
}

function remember<T>(list: T[], item: T, limit: number): void {
  list.push(item);
  if (list.length > limit) list.splice(0, list.length - limit);
}

/** The lane of a sidechain's line in a main file: its agent's id, else its chain's first record. */
function sidechainOf(state: State, record: JsonObject, uuid: string | null): string {
  const parent = asString(record["parentUuid"]);
  const lane =
    asString(record["agentId"]) ??
    (parent === null
      ? null
      : (state.sidechain.findLast(([id]) => id === parent)?.[1] ?? state.sidechain.at(-1)?.[1])) ??
    uuid ??
    "sidechain";
  if (uuid !== null) remember(state.sidechain, [uuid, lane], REMEMBERED);
  return lane;
}

function noteFacts(state: State, { record, found }: Line, speaks: boolean): void {
  const cwd = asString(record["cwd"]);
  const branch = asString(record["gitBranch"]);
  const version = asString(record["version"]);
  const forkedFrom = asString(asObject(record["forkedFrom"])["sessionId"]);
  const isFirst = state.cwd === null && cwd !== null && cwd !== "";
  if (isFirst) state.cwd = cwd;
  if (!speaks) return;
  if (isFirst) found.facts({ cwd });
  if (branch !== null && branch !== "" && branch !== state.branch)
    found.facts({ gitBranch: (state.branch = branch) });
  if (version !== null && version !== state.version)
    found.facts({ agentVersion: (state.version = version) });
  if (forkedFrom !== null) found.facts({ parentSourceId: forkedFrom });
}

function readTitle(state: State, { record, found }: Line): void {
  const [title, rank] =
    record["type"] === "custom-title"
      ? [asString(record["customTitle"]), 3]
      : record["type"] === "ai-title"
        ? [asString(record["aiTitle"]) ?? asString(record["title"]), 2]
        : [ownSummary(state, record), 1];
  if (title === null || title.trim() === "" || rank < state.titleRank) return;
  state.titleRank = rank;
  found.facts({ title: oneLine(title) });
}

/** Summaries of other sessions stand in a file too: this one's points at a record of this file. */
function ownSummary(state: State, record: JsonObject): string | null {
  const leaf = asString(record["leafUuid"]);
  return leaf !== null && state.recent.includes(leaf) ? asString(record["summary"]) : null;
}

function readMode(state: State, line: Line): void {
  const { record } = line;
  if (record["type"] === "permission-mode") return setPermissionMode(state, line, 0);
  const mode = asString(record["mode"]);
  if (mode === null || mode === state.mode) return;
  const first = state.mode === null && (mode === "normal" || mode === "default");
  state.mode = mode;
  if (!first) addMode(line, 0, mode);
}

function setPermissionMode(state: State, line: Line, index: number): void {
  const mode = asString(line.record["permissionMode"]);
  if (mode === null || mode === state.permissionMode) return;
  const first = state.permissionMode === null && mode === "default";
  state.permissionMode = mode;
  if (!first) addMode(line, index, mode);
}

function addMode(line: Line, index: number, summary: string): void {
  line.found.event({
    id: line.id(index),
    lane: line.lane,
    kind: "mode",
    order: orderOf(line.number, index),
    at: line.at,
    summary: oneLine(summary),
  });
}

// ---- What the person's side says ----------------------------------------------------------------------------------

/** Index of a mode event on a line that holds something else too. */
const MODE_INDEX = 900;

function readUser(state: State, line: Line): void {
  const { record } = line;
  setPermissionMode(state, line, MODE_INDEX);
  const content = asObject(record["message"])["content"];
  const blocks =
    typeof content === "string" ? [{ type: "text", text: content }] : asList(content).map(asObject);
  const results = blocks.filter((block) => block["type"] === "tool_result");
  for (const block of results) answerTool(state, line, block);
  const texts = blocks
    .filter((block) => block["type"] === "text")
    .map((block) => asString(block["text"]) ?? "");
  if (texts.some((text) => text.trimStart().startsWith("[Request interrupted by user")))
    interrupt(state, line);
  if (record["isCompactSummary"] === true)
    return addCompactSummary(state, line, texts.join("\n\n"));
  if (results.length > 0 || record["isMeta"] === true) return;
  const said = withoutWrappers(texts);
  for (const command of said.commands) addMode(line, 1, command);
  const images = imagesOf(blocks);
  if (said.text === "" && images === null) return;
  addPrompt(state, line, said.text, images, asString(record["planContent"]));
}

function addPrompt(
  state: State,
  line: Line,
  text: string,
  images: Part | null,
  plan: string | null,
): void {
  const parts: Part[] = [{ name: "text", body: text }];
  if (plan !== null && plan !== "") parts.push({ name: "plan", body: plan });
  if (images !== null) parts.push(images);
  const id = line.found.event({
    id: line.id(0),
    lane: line.lane,
    kind: "prompt",
    order: orderOf(line.number, 0),
    at: line.at,
    summary: oneLine(text),
    parts,
  });
  state.prompts.set(line.lane ?? "", id);
  if (line.lane !== null && line.record["parentUuid"] === null) linkByTask(state, line, text);
}

/** A sidechain inside the main file begins with its task, word for word. */
function linkByTask(state: State, line: Line, text: string): void {
  const task = taskHash(text);
  const tool = [...state.tools.values()].find(
    (open) => open.task === task && open.lane !== line.lane,
  );
  if (tool !== undefined) line.found.patch({ id: tool.event, at: line.at, opens: line.lane });
}

function taskHash(prompt: string): string {
  return toHex(sha256(prompt.trim())).slice(0, 16);
}

function interrupt(state: State, line: Line): void {
  const prompt = state.prompts.get(line.lane ?? "");
  if (prompt !== undefined) line.found.patch({ id: prompt, at: line.at, status: "interrupted" });
  for (const [id, tool] of state.tools) {
    if (tool.lane !== line.lane) continue;
    line.found.patch({ id: tool.event, at: line.at, status: "interrupted" });
    state.tools.delete(id);
  }
}

const WRAPPER =
  /<(system-reminder|local-command-[a-z]+|command-message|command-contents|ide_[a-z_]+|task-notification|bash-stdout|bash-stderr|user-prompt-submit-hook|session-start-hook|teammate-message)\b[^>]*>[\s\S]*?(?:<\/\1>|$)/g;
const COMMAND = /<command-name>([\s\S]*?)<\/command-name>/g;
const COMMAND_ARGS = /<command-args>([\s\S]*?)<\/command-args>/g;
const SHELL = /<bash-input>([\s\S]*?)<\/bash-input>/g;

/** What a person wrote, without what the program put around it; slash and shell commands apart. */
function withoutWrappers(texts: readonly string[]): { text: string; commands: string[] } {
  const commands: string[] = [];
  const kept = texts.map((text) => {
    if (
      text.startsWith("[Request interrupted by user") ||
      text.startsWith("Caveat: The messages below were")
    )
      return "";
    if (!text.trimStart().startsWith("<"))
      return text.replace(/\s*<system-reminder>[\s\S]*?<\/system-reminder>\s*$/, "");
    const args = [...text.matchAll(COMMAND_ARGS)].map((match) => match[1] ?? "").join(" ");
    for (const match of text.matchAll(COMMAND)) commands.push(`${match[1] ?? ""} ${args}`.trim());
    for (const match of text.matchAll(SHELL)) commands.push(`! ${match[1] ?? ""}`);
    const rest = text
      .replace(COMMAND, "")
      .replace(COMMAND_ARGS, "")
      .replace(SHELL, "")
      .replace(WRAPPER, "");
    return isNotification(text) ? "" : rest;
  });
  return {
    text: kept
      .map((text) => text.trim())
      .filter((text) => text !== "")
      .join("\n\n"),
    commands,
  };
}

/** A finished background task is told with a sentence after the element, not written by a person. */
function isNotification(text: string): boolean {
  return text.trimStart().startsWith("<task-notification");
}

function imagesOf(blocks: readonly JsonObject[]): Part | null {
  const images = blocks
    .filter((block) => block["type"] === "image")
    .map((block) => asObject(block["source"]))
    .map((source) => ({
      mediaType: asString(source["media_type"]) ?? "",
      base64: asString(source["data"]) ?? "",
    }))
    .filter((image) => image.base64 !== "");
  return images.length === 0 ? null : { name: "images", body: JSON.stringify(images) };
}

/** A prompt written while the agent worked. */
function readAttachment(state: State, line: Line): void {
  const attachment = asObject(line.record["attachment"]);
  if (attachment["type"] !== "queued_command") return;
  if ((asString(attachment["commandMode"]) ?? "prompt") !== "prompt") return;
  const prompt = attachment["prompt"];
  const blocks =
    typeof prompt === "string" ? [{ type: "text", text: prompt }] : asList(prompt).map(asObject);
  const said = withoutWrappers(blocks.map((block) => asString(block["text"]) ?? ""));
  for (const command of said.commands) addMode(line, 1, command);
  const images = imagesOf(blocks);
  if (said.text !== "" || images !== null) addPrompt(state, line, said.text, images, null);
}

// ---- What the model says ------------------------------------------------------------------------------------------

function readAssistant(state: State, line: Line): void {
  const message = asObject(line.record["message"]);
  const model = asString(message["model"]);
  const content = message["content"];
  const blocks =
    typeof content === "string" ? [{ type: "text", text: content }] : asList(content).map(asObject);
  const callKey = model === null || model === SYNTHETIC ? null : addCall(line, message, model);
  const isError = line.record["isApiErrorMessage"] === true;
  blocks.forEach((block, index) => {
    const base = {
      id: line.id(index),
      lane: line.lane,
      order: orderOf(line.number, index),
      at: line.at,
      model: callKey === null ? null : model,
      callKey,
    };
    switch (block["type"]) {
      case "text": {
        const text = asString(block["text"]) ?? "";
        if (
          text.trim() === "" ||
          (callKey === null && !isError && text.trim() === "No response requested.")
        )
          return;
        const kind = isError ? "error" : "response";
        const status = isError ? "error" : null;
        line.found.event({
          ...base,
          kind,
          status,
          summary: oneLine(text),
          parts: [{ name: "text", body: text }],
        });
        return;
      }
      case "thinking": {
        const body = asString(block["thinking"]) ?? "";
        if (body.trim() !== "")
          line.found.event({ ...base, kind: "response", parts: [{ name: "thinking", body }] });
        return;
      }
      case "tool_use":
        askTool(state, line, base, block);
    }
  });
}

/** Returns the call's key, or null where nothing was billed. */
function addCall(line: Line, message: JsonObject, model: string): string | null {
  const usage = asObject(message["usage"]);
  if (Object.keys(usage).length === 0) return null;
  const id = asString(message["id"]) ?? asString(line.record["uuid"]);
  if (id === null) return null;
  const key = `${boundedId(id)}/${boundedId(asString(line.record["requestId"]) ?? "")}`;
  const written = asCount(usage["cache_creation_input_tokens"]);
  const hour = Math.min(
    written,
    asCount(asObject(usage["cache_creation"])["ephemeral_1h_input_tokens"]),
  );
  const tokens: Tokens = {
    input: asCount(usage["input_tokens"]),
    output: asCount(usage["output_tokens"]),
    cacheRead: asCount(usage["cache_read_input_tokens"]),
    cacheWrite: written,
    reasoning: 0,
  };
  const costUsd = asNumber(line.record["costUSD"]);
  line.found.call({
    key,
    lane: line.lane,
    at: line.at,
    model,
    tokens,
    costNanoUsd:
      costUsd === null
        ? costNanoUsd(model, {
            input: tokens.input,
            output: tokens.output,
            cacheRead: tokens.cacheRead,
            cacheWrite5m: written - hour,
            cacheWrite1h: hour,
            webSearches: asCount(asObject(usage["server_tool_use"])["web_search_requests"]),
            fast: usage["speed"] === "fast",
          })
        : costUsd * 1e9,
  });
  return key;
}

// ---- Tools --------------------------------------------------------------------------------------------------------

type Base = Pick<
  Parameters<Findings["event"]>[0],
  "id" | "lane" | "order" | "at" | "model" | "callKey"
>;

function askTool(state: State, line: Line, base: Base, block: JsonObject): void {
  const name = asString(block["name"]) ?? "tool";
  const input = shallow(asObject(block["input"]));
  const isAgent = name === "Task" || name === "Agent";
  const patches = proposedPatches(name, input);
  const lines = countLines(patches);
  line.found.event({
    ...base,
    kind: isAgent ? "subagent" : "tool",
    status: "running",
    tool: { name, input },
    summary: summaryOf(name, input, state.cwd),
    linesAdded: patches.length === 0 ? null : lines.added,
    linesRemoved: patches.length === 0 ? null : lines.removed,
    parts: inputParts(name, input, patches),
  });
  const id = asString(block["id"]);
  if (id === null) return;
  const task = isAgent ? { task: taskHash(asString(input["prompt"]) ?? "") } : {};
  state.tools.set(id, { event: base.id, name, at: line.at, lane: line.lane, ...task });
}

/** A shell's command or a sub-agent's task as it is; of changed files the patch; else the input as JSON. */
function inputParts(name: string, input: JsonObject, patches: readonly FilePatch[]): Part[] {
  if (patches.length > 0) return [{ name: "patch", body: JSON.stringify(patches) }];
  const plan = name === "ExitPlanMode" ? asString(input["plan"]) : null;
  if (plan !== null) return [{ name: "plan", body: plan }];
  const text =
    asString(input["command"]) ??
    (name === "Task" || name === "Agent" ? asString(input["prompt"]) : null);
  return [{ name: "input", body: text ?? JSON.stringify(input, null, 2) }];
}

function proposedPatches(name: string, input: JsonObject): FilePatch[] {
  const path = asString(input["file_path"]) ?? asString(input["notebook_path"]);
  if (path === null) return [];
  if (name === "Write") return [wholeFile(path, asString(input["content"]) ?? "", "add")];
  if (name === "Edit")
    return [
      replacement(path, asString(input["old_string"]) ?? "", asString(input["new_string"]) ?? ""),
    ];
  if (name === "NotebookEdit") return [replacement(path, "", asString(input["new_source"]) ?? "")];
  if (name !== "MultiEdit") return [];
  const edits = asList(input["edits"]).map(asObject);
  return [
    replacements(
      path,
      edits.map((edit) => ({
        before: asString(edit["old_string"]) ?? "",
        after: asString(edit["new_string"]) ?? "",
      })),
    ),
  ];
}

const TARGETS = [
  "file_path",
  "notebook_path",
  "command",
  "pattern",
  "url",
  "query",
  "description",
  "skill",
  "subject",
  "path",
];

function summaryOf(name: string, input: JsonObject, cwd: string | null): string | null {
  const target = TARGETS.map((field) => asString(input[field])).find(
    (value) => value !== null && value !== "",
  );
  if (target !== undefined && target !== null) {
    return oneLine(
      cwd !== null && target.startsWith(`${cwd}/`) ? target.slice(cwd.length + 1) : target,
    );
  }
  const question = asString(asObject(asList(input["questions"])[0])["question"]);
  if (question !== null) return oneLine(question);
  const plan = name === "ExitPlanMode" ? asString(input["plan"]) : null;
  if (plan !== null) return oneLine(plan.replace(/^#+\s*/, "").split("\n", 1)[0] ?? "");
  const todos = asList(input["todos"]);
  return todos.length === 0
    ? null
    : `${todos.filter((todo) => asObject(todo)["status"] === "completed").length} of ${todos.length} done`;
}

function answerTool(state: State, line: Line, block: JsonObject): void {
  const id = asString(block["tool_use_id"]);
  const tool = id === null ? undefined : state.tools.get(id);
  if (id === null || tool === undefined) return;
  state.tools.delete(id);
  const result = asObject(line.record["toolUseResult"]);
  const content = block["content"];
  const blocks = typeof content === "string" ? [] : asList(content).map(asObject);
  const output =
    typeof content === "string"
      ? content
      : blocks
          .map((item) => asString(item["text"]) ?? "")
          .filter(Boolean)
          .join("\n");
  const status = statusOf(block, result, output);
  const parts: Part[] = output === "" ? [] : [{ name: "output", body: output }];
  const images = imagesOf(blocks);
  if (images !== null) parts.push(images);
  const patches = status === "ok" ? appliedPatches(result) : [];
  if (patches.length > 0) parts.push({ name: "patch", body: JSON.stringify(patches) });
  const plan = tool.name === "ExitPlanMode" ? asString(result["plan"]) : null;
  if (plan !== null && plan !== "") parts.push({ name: "plan", body: plan });
  const opens = asString(result["agentId"]);
  if (opens !== null) remember(state.linked, opens, REMEMBERED);
  line.found.patch({
    id: tool.event,
    at: line.at,
    status,
    durationMs: durationOf(result, tool.at, line.at),
    exitCode: exitCodeOf(tool.name, status, result, output),
    parts,
    ...(opens === null ? {} : { opens }),
    ...lineCounts(status, patches),
  });
}

/** What was only proposed did not happen. */
function lineCounts(status: EventStatus, patches: readonly FilePatch[]): Partial<EventPatch> {
  if (patches.length > 0) {
    const lines = countLines(patches);
    return { linesAdded: lines.added, linesRemoved: lines.removed };
  }
  return status === "ok" ? {} : { linesAdded: null, linesRemoved: null };
}

function statusOf(block: JsonObject, result: JsonObject, output: string): EventStatus {
  if (result["interrupted"] === true) return "interrupted";
  if (block["is_error"] !== true) return "ok";
  if (
    /^(?:Error: )?The user doesn't want to|^User rejected|^The tool use was rejected/.test(output)
  )
    return "rejected";
  return output.includes("[Request interrupted by user") ? "interrupted" : "error";
}

function appliedPatches(result: JsonObject): FilePatch[] {
  const path = asString(result["filePath"]);
  if (path === null) return [];
  const patch = structured(path, result["structuredPatch"]);
  if (patch !== null) return [patch];
  const content = asString(result["content"]);
  return content !== null && result["type"] === "create" ? [wholeFile(path, content, "add")] : [];
}

/** As recorded, else from question to answer. */
function durationOf(result: JsonObject, from: number | null, to: number | null): number | null {
  const given = asNumber(result["totalDurationMs"]) ?? asNumber(result["durationMs"]);
  if (given !== null) return given;
  const seconds = asNumber(result["durationSeconds"]);
  if (seconds !== null) return seconds * 1_000;
  return from === null || to === null || to < from ? null : to - from;
}

/** Only a failing command's code is written down: a finished one that is no error ended with 0. */
function exitCodeOf(
  tool: string,
  status: EventStatus,
  result: JsonObject,
  output: string,
): number | null {
  const recorded = asNumber(result["exitCode"]);
  if (recorded !== null) return recorded;
  if (tool !== "Bash") return null;
  const failed = /^(?:Error: )?Exit code (\d+)/.exec(output);
  if (failed !== null) return Number(failed[1]);
  const unknown =
    result["backgroundTaskId"] !== undefined || result["returnCodeInterpretation"] !== undefined;
  return status === "ok" && !unknown ? 0 : null;
}

/** A running sub-agent names the tool that started it. */
function readProgress(state: State, line: Line): void {
  const data = asObject(line.record["data"]);
  const agent = data["type"] === "agent_progress" ? asString(data["agentId"]) : null;
  if (agent === null || state.linked.includes(agent)) return;
  const tool = state.tools.get(asString(line.record["parentToolUseID"]) ?? "");
  if (tool === undefined) return;
  remember(state.linked, agent, REMEMBERED);
  line.found.patch({ id: tool.event, at: line.at, opens: agent });
}

// ---- What the program says ----------------------------------------------------------------------------------------

function readSystem(state: State, line: Line): void {
  const { record } = line;
  switch (record["subtype"]) {
    case "compact_boundary":
      return addCompaction(state, line);
    case "turn_duration": {
      const prompt = state.prompts.get(line.lane ?? "");
      const durationMs = asNumber(record["durationMs"]);
      if (prompt !== undefined && durationMs !== null)
        line.found.patch({ id: prompt, at: line.at, durationMs });
      return;
    }
    case "api_error":
      return addApiError(line);
  }
}

function addApiError(line: Line): void {
  const { record } = line;
  const error = asObject(record["error"]);
  const message =
    asString(asObject(asObject(error["error"])["error"])["message"]) ?? asString(error["message"]);
  const retry = asNumber(record["retryAttempt"]);
  const text = asString(record["content"]) ?? message ?? "The model's service did not answer.";
  line.found.event({
    id: line.id(0),
    lane: line.lane,
    kind: "error",
    order: orderOf(line.number, 0),
    at: line.at,
    status: "error",
    summary: oneLine(retry === null ? text : `${text} (attempt ${retry})`),
    parts: [{ name: "text", body: text }],
  });
}

function addCompaction(state: State, line: Line): void {
  const metadata = asObject(line.record["compactMetadata"]);
  const trigger = asString(metadata["trigger"]);
  const before = asNumber(metadata["preTokens"]);
  const words = [trigger, before === null ? null : `${Math.round(before / 1_000)}k tokens`].filter(
    (word) => word !== null,
  );
  state.compaction = line.found.event({
    id: line.id(0),
    lane: line.lane,
    kind: "compaction",
    order: orderOf(line.number, 0),
    at: line.at,
    summary: words.length === 0 ? null : words.join(", "),
  });
}

/** The summary belongs to the boundary before it; a file without boundaries gets one here. */
function addCompactSummary(state: State, line: Line, text: string): void {
  const parts: Part[] = [{ name: "text", body: text }];
  const boundary = state.compaction;
  state.compaction = null;
  if (boundary !== null) return line.found.patch({ id: boundary, at: line.at, parts });
  line.found.event({
    id: line.id(0),
    lane: line.lane,
    kind: "compaction",
    order: orderOf(line.number, 0),
    at: line.at,
    parts,
  });
}
