/**
 * Cursor keeps an agent's session in two places, and none has a public schema: this is what they are seen to hold.
 *
 * - `~/.cursor/projects/<project>/agent-transcripts/<id>/<id>.jsonl`, with sub-agents in `subagents/` beside it. A line is
 *   `{role, message: {content}}`: no time, no model, no tokens, and nothing of how a tool ended. What a person typed stands
 *   in `<user_query>`, `[REDACTED]` for a thought.
 * - The editor's `globalStorage/state.vscdb`, table `cursorDiskKV`: `composerData:<id>` is a session, `bubbleId:<id>:<bubble>`
 *   what was said in it, with times, tools' ends and some counts of tokens. How much of the input was cached is not told,
 *   so it has no price. What an edit made of a file stands under other keys.
 *
 * Sessions of the editor may be in both: then the database's is read.
 */
import { join } from "node:path";
import type { EventId } from "../base/ids.ts";
import type { EventStatus, FilePatch, Part, Tokens } from "../base/session.ts";
import { placeInside, type Database, type Sql } from "./database.ts";
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
import {
  applyPatchText,
  countLines,
  difference,
  replacement,
  structured,
  wholeFile,
} from "./patches.ts";
import { textPart } from "./tool.ts";
import { mainOf, orderOf, PLAIN, type Identity, type LineReader, type Reader } from "./reader.ts";

const AGENT = "cursor";
const MAX_TOOLS = 300;
/** Of an event that is beside what a bubble says. */
const MODE_INDEX = 900;

// ---- Places -------------------------------------------------------------------------------------------------------

const TRANSCRIPTS = "agent-transcripts";
const DATABASE = "state.vscdb";

function stepsOf(path: string): string[] {
  return path.split(/[/\\]/);
}

function nameOf(path: string): string {
  return (stepsOf(path).at(-1) ?? "").replace(/\.jsonl$/, "");
}

/** Of a transcript in its folder, or directly below, or of a sub-agent's; null: it is none of them. */
function placeOf(path: string): { readonly name: string; readonly lane: string | null } | null {
  const steps = stepsOf(path);
  const at = steps.lastIndexOf(TRANSCRIPTS);
  if (at < 0 || !path.endsWith(".jsonl")) return null;
  const name = nameOf(path);
  const [session, folder] = steps.slice(at + 1);
  switch (steps.length - 1 - at) {
    case 1:
      return { name, lane: null };
    case 2:
      return session === name ? { name, lane: null } : null;
    case 3:
      return folder === "subagents" ? { name: session as string, lane: name } : null;
    default:
      return null;
  }
}

/** The session in the database that a path is of. */
function insideOf(path: string): string | null {
  const place = placeInside(path);
  return place?.database.endsWith(DATABASE) === true ? place.session : null;
}

function mainNameOf(path: string): string | null {
  const place = placeOf(path);
  return place === null || place.lane !== null ? null : place.name;
}

// ---- The database -------------------------------------------------------------------------------------------------

/** A row that is written again has a new number; and with each bubble a session's own row grows. */
const SESSIONS = `
  with composers as (
    select substr(key, 14) as id, rowid as number, octet_length(value) as size, cast(value as text) as text,
      (select max(b.rowid) from cursorDiskKV b
       where b.key >= 'bubbleId:' || substr(c.key, 14) || ':' and b.key < 'bubbleId:' || substr(c.key, 14) || ';'
      ) as newest
    from cursorDiskKV c where key >= 'composerData:' and key < 'composerData;' and value is not null
  )
  select id, size + max(number, coalesce(newest, 0)) as version,
    cast(substr(text, instr(text, '"lastUpdatedAt":') + 16, 13) as integer) as updated
  from composers where newest is not null or instr(text, '"conversation":[{') > 0`;

const database: Database = {
  isDatabase: (path) => path === DATABASE,
  sessions: (sql) =>
    sql.hasTable("cursorDiskKV")
      ? sql.all(SESSIONS).map(({ id, version, updated }) => ({
          id: asString(id) ?? "",
          version: asCount(version),
          updatedMs: asCount(updated),
        }))
      : [],
  *records(sql, session) {
    const composer = lenient(valueOf(sql, `composerData:${session}`));
    const folder = asObject(asObject(composer["workspaceIdentifier"])["uri"]);
    yield {
      type: "composer",
      name: composer["name"],
      cwd: asString(folder["fsPath"]) ?? asString(folder["path"]),
      model: asObject(composer["modelConfig"])["modelName"],
    };
    const headers = asList(composer["fullConversationHeadersOnly"]).map(asObject);
    // In older versions what was said stands in the session's own row.
    const older = headers.length > 0 ? [] : asList(composer["conversation"]).map(asObject);
    for (const bubble of older) yield recordOf(sql, bubble);
    for (const { bubbleId } of headers) {
      const value = valueOf(sql, `bubbleId:${session}:${asString(bubbleId) ?? ""}`);
      if (value !== null) yield recordOf(sql, { bubbleId, ...lenient(value) });
    }
  },
};

function valueOf(sql: Sql, key: string): string | null {
  return asString(sql.all("select value from cursorDiskKV where key = ?", key)[0]?.["value"]);
}

/** Control characters stand in its texts, where JSON has none. */
function lenient(text: string | null): JsonObject {
  if (text === null) return {};
  return parseObject(text) ?? parseObject(text.replace(/[\u0000-\u001f]/g, " ")) ?? {};
}

const KEPT = [
  "bubbleId",
  "type",
  "text",
  "createdAt",
  "isThought",
  "thinking",
  "thinkingDurationMs",
  "images",
  "tokenCount",
  "modelInfo",
  "errorDetails",
] as const;
const MAX_FILE_CHARS = 1024 * 1024;

/** Without what was looked up for it, which may be a hundred times as long. */
function recordOf(sql: Sql, bubble: JsonObject): JsonObject {
  const tool = asObject(bubble["toolFormerData"]);
  const kept = Object.fromEntries(KEPT.map((field) => [field, bubble[field]]));
  if (Object.keys(tool).length === 0) return { ...kept, type: "bubble", of: bubble["type"] };
  const { name, toolCallId, status, userDecision, rawArgs, params, result, error } = tool;
  return {
    ...kept,
    type: "bubble",
    of: bubble["type"],
    tool: { name, toolCallId, status, userDecision, rawArgs, params, result, error },
    patch: changeOf(sql, lenient(asString(params)), lenient(asString(result))),
  };
}

/** From the file's text before and after. */
function changeOf(sql: Sql, params: JsonObject, result: JsonObject): FilePatch | null {
  const path = asString(params["relativeWorkspacePath"]);
  const [before, after] = ["beforeContentId", "afterContentId"].map((field) => {
    const key = asString(result[field]);
    return key === null || key === "" ? null : valueOf(sql, key);
  });
  if (path === null || before === undefined || after === undefined || after === null) return null;
  const isLong = (before ?? "").length > MAX_FILE_CHARS || after.length > MAX_FILE_CHARS;
  return isLong ? null : difference(path, before ?? "", after);
}

export const cursor: Reader = {
  ...PLAIN,
  agent: AGENT,
  roots: (home, env) => [
    ...[
      join(home, "Library", "Application Support"),
      env["XDG_CONFIG_HOME"]?.trim() || join(home, ".config"),
      env["APPDATA"]?.trim() || join(home, "AppData", "Roaming"),
    ].map((base) => join(base, "Cursor", "User", "globalStorage")),
    join(home, ".cursor", "projects"),
  ],
  isTranscript: (path) => placeOf(path) !== null && stepsOf(path)[1] === TRANSCRIPTS,
  database,
  twinKey: (path) => insideOf(path) ?? mainNameOf(path),
  thread: (path) => insideOf(path) ?? mainNameOf(path),
  recognises: (head) => head.some((record) => isComposer(record) || isSpoken(record)),
  async identify(path, _head, disk) {
    const inside = insideOf(path);
    if (inside !== null) return mainOf(inside);
    const place = placeOf(path);
    if (place === null) return mainOf(nameOf(path));
    if (place.lane === null) {
      const twin = await disk.head(place.name);
      return { ...mainOf(place.name), copy: twin?.some(isComposer) ?? false };
    }
    const main = [...stepsOf(path).slice(0, -2), `${place.name}.jsonl`].join("/");
    return {
      ...mainOf(place.name),
      lane: place.lane,
      speaksForSession: !(await disk.exists(main)),
    };
  },
  open: (identity, state) => openSession(identity, readState(state)),
};

// ---- Lines --------------------------------------------------------------------------------------------------------

interface OpenTool {
  readonly id: string;
  readonly event: EventId;
}

interface State {
  model: string | null;
  /** As a bubble named it: the session's own is the one that was last chosen. */
  chosen: string | null;
  tools: OpenTool[];
}

const START: State = { model: null, chosen: null, tools: [] };

function readState(state: unknown): State {
  return structuredClone(state === null ? START : (state as State));
}

/** One line, with what its parts need to know. */
interface Line {
  readonly identity: Identity;
  readonly number: number;
  readonly key: string;
  readonly at: number | null;
  readonly found: Findings;
}

function isComposer(record: JsonObject): boolean {
  return record["type"] === "composer" && "cwd" in record;
}

function isSpoken(record: JsonObject): boolean {
  return (
    !("type" in record) &&
    ["user", "assistant"].includes(asString(record["role"]) ?? "") &&
    Array.isArray(asObject(record["message"])["content"])
  );
}

function openSession(identity: Identity, state: State): LineReader {
  const session = boundedId(identity.lane ?? identity.sourceId);
  return {
    state: () => structuredClone(state),
    line(record, number, found) {
      if (identity.copy) return;
      const line = { identity, number, key: `${session}/${number}`, at: null, found };
      if (isSpoken(record)) return readSpoken(state, line, record);
      if (isComposer(record)) return readComposer(state, record, found);
      const id = asString(record["bubbleId"]);
      if (record["type"] !== "bubble" || id === null) return;
      const at = timeOf(record["createdAt"]);
      readBubble(state, { ...line, key: `${session}/${boundedId(id)}`, at }, record);
    },
  };
}

function add(
  line: Line,
  index: number,
  event: Omit<NewEvent, "id" | "lane" | "order" | "at">,
): EventId {
  const { identity, key, number, at, found } = line;
  const place = { id: eventId(AGENT, key, index), lane: identity.lane, at };
  return found.event({ ...place, order: orderOf(number, index), ...event });
}

/** Written as a number in older versions. */
function timeOf(value: unknown): number | null {
  return asTime(value) ?? (asCount(value) === 0 ? null : asCount(value));
}

// ---- Transcripts --------------------------------------------------------------------------------------------------

function readSpoken(state: State, line: Line, record: JsonObject): void {
  const blocks = asList(asObject(record["message"])["content"]).map(asObject);
  for (const block of blocks) if (block["type"] === "tool_result") answerTool(state, line, block);
  if (record["role"] === "user") return addPrompt(line, blocks);
  for (const [index, block] of blocks.entries()) {
    const text = (asString(block["text"]) ?? "").replaceAll("[REDACTED]", "").trim();
    if (block["type"] === "tool_use") askTool(state, line, index, block);
    else if (block["type"] === "text" && text !== "")
      add(line, index, { kind: "response", summary: oneLine(text), parts: textPart(text) });
  }
}

function addPrompt(line: Line, blocks: readonly JsonObject[]): void {
  const text = blocks
    .filter((block) => block["type"] === "text")
    .map((block) => typedOf(asString(block["text"]) ?? ""))
    .filter((typed) => typed !== "")
    .join("\n\n");
  if (text !== "") add(line, 0, { kind: "prompt", summary: oneLine(text), parts: textPart(text) });
}

const INJECTED =
  /<(external_links|attached_files|code_selection|open_and_recently_viewed_files|user_info|git_status|rules|agent_skills|agent_transcripts|system_reminder|image_files|timestamp)\b[^>]*>[\s\S]*?(?:<\/\1>|$)/g;

function typedOf(text: string): string {
  const queries = [...text.matchAll(/<user_query>([\s\S]*?)(?:<\/user_query>|$)/g)];
  if (queries.length > 0) return queries.map((query) => (query[1] ?? "").trim()).join("\n\n");
  return text.replace(INJECTED, "").trim();
}

function askTool(state: State, line: Line, index: number, block: JsonObject): void {
  const name = asString(block["name"]) ?? "tool";
  const input = inputOf(block["input"]);
  const patches = proposedPatches(name, input);
  const event = add(line, index, { ...toolOf(name, input, patches), status: null });
  const id = asString(block["id"]);
  if (id !== null) state.tools = [...state.tools, { id: boundedId(id), event }].slice(-MAX_TOOLS);
}

/** Where there is an answer at all. */
function answerTool(state: State, line: Line, block: JsonObject): void {
  const id = asString(block["tool_use_id"]);
  const index = state.tools.findIndex((one) => id !== null && one.id === boundedId(id));
  const [tool] = index < 0 ? [] : state.tools.splice(index, 1);
  if (tool === undefined) return;
  const content = block["content"];
  const output =
    asString(content) ??
    asList(content)
      .map((one) => asString(asObject(one)["text"]) ?? "")
      .join("\n");
  line.found.patch({
    id: tool.event,
    at: null,
    status: block["is_error"] === true ? "error" : "ok",
    parts: output === "" ? [] : [{ name: "output", body: output }],
  });
}

// ---- Bubbles ------------------------------------------------------------------------------------------------------

const USER = 1;

function readComposer(state: State, record: JsonObject, found: Findings): void {
  const name = asString(record["name"]);
  const cwd = asString(record["cwd"]);
  if (name !== null && name.trim() !== "") found.facts({ title: oneLine(name) });
  if (cwd !== null && cwd !== "") found.facts({ cwd });
  state.model = asString(record["model"]);
}

function readBubble(state: State, line: Line, record: JsonObject): void {
  const named = asString(asObject(record["modelInfo"])["modelName"]);
  const model = named ?? state.model;
  if (named !== null && state.chosen !== null && named !== state.chosen)
    add(line, MODE_INDEX, { kind: "mode", summary: oneLine(`model: ${named}`) });
  state.model = model;
  state.chosen = named ?? state.chosen;
  const text = asString(record["text"]) ?? "";
  if (record["of"] === USER) {
    const images = imagesOf(record["images"]);
    if (text.trim() === "" && images.length === 0) return;
    const parts: Part[] = [{ name: "text", body: text }, ...images];
    add(line, 0, { kind: "prompt", summary: oneLine(text), parts });
    return;
  }
  const said = { model, callKey: addCall(line, record, model) };
  const isThought = record["isThought"] === true;
  const thinking = asString(asObject(record["thinking"])["text"]) ?? (isThought ? text : "");
  if (thinking.trim() !== "")
    add(line, 0, {
      ...said,
      kind: "response",
      durationMs: asNumber(record["thinkingDurationMs"]),
      parts: [{ name: "thinking", body: thinking }],
    });
  if (text.trim() !== "" && !isThought)
    add(line, 1, { ...said, kind: "response", summary: oneLine(text), parts: textPart(text) });
  const tool = asObject(record["tool"]);
  if (Object.keys(tool).length > 0) addTool(line, said, tool, record["patch"]);
  const failure = asString(asObject(record["errorDetails"])["message"]);
  if (failure !== null)
    add(line, 3, {
      kind: "error",
      status: "error",
      summary: oneLine(failure),
      parts: textPart(failure),
    });
}

function imagesOf(value: unknown): Part[] {
  const images = asList(value)
    .map((image) => /^data:(image\/[\w.+-]+);base64,(.+)$/s.exec(asString(image) ?? ""))
    .filter((image) => image !== null)
    .map(([, mediaType, base64]) => ({ mediaType, base64 }));
  return images.length === 0 ? [] : [{ name: "images", body: JSON.stringify(images) }];
}

/** Returns the call's key, or null where nothing was counted, or of what model it is not told. */
function addCall({ key, at, found }: Line, record: JsonObject, model: string | null) {
  const counted = asObject(record["tokenCount"]);
  const input = asCount(counted["inputTokens"]);
  const output = asCount(counted["outputTokens"]);
  if (model === null || input + output === 0) return null;
  const tokens: Tokens = { input, output, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
  found.call({ key, lane: null, at, model, tokens, costNanoUsd: null });
  return key;
}

function addTool(
  line: Line,
  said: { readonly model: string | null; readonly callKey: string | null },
  tool: JsonObject,
  change: unknown,
): void {
  const name = asString(tool["name"]) ?? "tool";
  const params = inputOf(tool["params"]);
  const asked = inputOf(tool["rawArgs"]);
  const input = Object.keys(asked).length > 0 ? asked : params;
  const result = lenient(asString(tool["result"]));
  const output = outputOf(tool, result);
  const exitCode = asNumber(result["exitCode"] ?? result["exitCodeV2"]);
  const status = statusOf(tool, result, exitCode);
  const applied = [
    ...fromTexts(change),
    ...fromChunks(asString(params["relativeWorkspacePath"]), result),
  ];
  const patches = applied.length > 0 ? applied.slice(0, 1) : proposedPatches(name, input);
  const made = toolOf(name, input, patches);
  add(line, 2, {
    ...said,
    ...made,
    ...(status !== "ok" && status !== "running" && { linesAdded: null, linesRemoved: null }),
    status,
    exitCode,
    parts: [...made.parts, ...(output === "" ? [] : [{ name: "output", body: output } as const])],
  });
}

const ENDS: Readonly<Record<string, EventStatus>> = {
  completed: "ok",
  success: "ok",
  error: "error",
  failed: "error",
  cancelled: "interrupted",
};

function statusOf(tool: JsonObject, result: JsonObject, exitCode: number | null): EventStatus {
  if (tool["userDecision"] === "rejected" || result["rejected"] === true) return "rejected";
  const status = ENDS[asString(tool["status"]) ?? ""] ?? "running";
  return status === "ok" && (exitCode ?? 0) !== 0 ? "error" : status;
}

/** What the agent saw, as far as it is a text of its own. */
function outputOf(tool: JsonObject, result: JsonObject): string {
  const error = lenient(asString(tool["error"]));
  return (
    asString(error["modelVisibleErrorMessage"]) ??
    asString(error["clientVisibleErrorMessage"]) ??
    asString(result["output"]) ??
    asString(result["contents"]) ??
    asString(tool["result"]) ??
    ""
  );
}

function fromTexts(value: unknown): FilePatch[] {
  const { path, change, hunks } = asObject(value);
  const patch = structured(asString(path) ?? "", hunks);
  return patch === null ? [] : [{ ...patch, change: change === "add" ? "add" : "update" }];
}

/** `{diff: {chunks: [{diffString, oldStart, newStart}]}}`. */
function fromChunks(path: string | null, result: JsonObject): FilePatch[] {
  const chunks = asList(asObject(result["diff"])["chunks"]).map(asObject);
  const hunks = chunks.map(({ diffString, oldStart, newStart }) => ({
    oldStart,
    newStart,
    lines: (asString(diffString) ?? "").split("\n"),
  }));
  const patch = path === null ? null : structured(path, hunks);
  return patch === null ? [] : [patch];
}

// ---- Tools --------------------------------------------------------------------------------------------------------

/** An object, JSON of one, or a tool's text. */
function inputOf(value: unknown): JsonObject {
  const text = asString(value);
  if (text === null) return shallow(asObject(value));
  if (text.trim() === "") return {};
  const parsed = lenient(text);
  return shallow(Object.keys(parsed).length > 0 || text.trim() === "{}" ? parsed : { input: text });
}

const TARGETS = [
  "path",
  "file_path",
  "target_file",
  "relativeWorkspacePath",
  "command",
  "pattern",
  "query",
  "search_term",
  "url",
  "description",
];

function toolOf(name: string, input: JsonObject, patches: readonly FilePatch[]) {
  const lines = countLines(patches);
  const target = TARGETS.map((field) => asString(input[field])).find(
    (value) => (value ?? "") !== "",
  );
  const text = asString(input["command"]) ?? JSON.stringify(input);
  const part: Part =
    patches.length > 0
      ? { name: "patch", body: JSON.stringify(patches) }
      : { name: "input", body: text };
  const kind: "subagent" | "tool" = /^(?:task|task_v2|subagent)$/i.test(name) ? "subagent" : "tool";
  return {
    kind,
    tool: { name, input },
    summary: oneLine(target ?? name),
    linesAdded: patches.length === 0 ? null : lines.added,
    linesRemoved: patches.length === 0 ? null : lines.removed,
    parts: [part],
  };
}

function proposedPatches(name: string, input: JsonObject): FilePatch[] {
  if (/^apply_?patch$/i.test(name))
    return applyPatchText(asString(input["input"]) ?? asString(input["patch"]) ?? "");
  const path = asString(input["path"]) ?? asString(input["file_path"]);
  if (path === null) return [];
  const content = asString(input["contents"]);
  if (content !== null) return [wholeFile(path, content, "add")];
  const [before, after] = [asString(input["old_string"]), asString(input["new_string"])];
  return before !== null && after !== null ? [replacement(path, before, after)] : [];
}
