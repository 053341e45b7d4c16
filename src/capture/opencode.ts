/**
 * OpenCode: `${XDG_DATA_HOME:-~/.local/share}/opencode/opencode.db`, and what `opencode export` writes of one session, a JSON
 * text `{info, messages: [{info, parts}]}`, for a person to name. A session in the database gives the records of its export.
 * Source: anomalyco/opencode, packages/opencode/src/session/{session.sql,session,message-v2}.ts; exports of 1.2.
 *
 * - A session with a parent is a sub-agent's: a lane of the topmost session, opened by the parent's `task` tool.
 * - What a call spent stands in its message; `step-finish` parts say the same again. `output` is with reasoning in older
 *   versions, without in newer: `total` tells. `input` is without what was cached, read or written.
 * - A fork copies messages under new ids. Ids begin with their time: what is older than its id was spent elsewhere.
 * - The tool `invalid` stands for a call that could not be made, though it is `completed`; a failed `bash` says `exit`.
 * - `revert` of the session names the message, or its part, from which on all was taken back.
 * - Not recorded: who allowed what, except that a refused tool's error says so. Files of before 1.2 (`storage/`) are moved
 *   into the database by OpenCode itself.
 */
import { join } from "node:path";
import type { EventStatus, FilePatch, Tokens } from "../base/session.ts";
import { topmost, type Database, type Sql } from "./database.ts";
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
import { applyPatchText, changes, replacement, wholeFile } from "./patches.ts";
import { costOfCall } from "./prices.ts";
import {
  dataFolder,
  mainOf,
  orderOf,
  PLAIN,
  type Identity,
  type LineReader,
  type Reader,
} from "./reader.ts";
import { imagesPart, toolFields } from "./tool.ts";

const AGENT = "opencode";
const USUAL_AGENT = "build";

const database: Database = {
  isDatabase: (path) => /^opencode(?:-[\w.-]+)?\.db$/.test(path),
  sessions: sessionsIn,
  records: recordsOf,
};

export const openCode: Reader = {
  ...PLAIN,
  agent: AGENT,
  nested: false,
  roots: (home, env) => [join(dataFolder(home, env), "opencode")],
  format: (path) => (path.endsWith(".json") ? "document" : "lines"),
  database,
  isTranscript: () => false,
  recognises: (head) =>
    head.some(({ key, value }) => key === "info" && isId("ses", asObject(value)["id"])),
  async identify(path, head) {
    const info = infoIn(head);
    const id = asString(info["id"]) ?? (path.split(/[/\\#]/).at(-1) ?? "").replace(/\.json$/, "");
    const parent = info["rootID"] ?? info["parentID"];
    if (!isId("ses", parent) || parent === id) return mainOf(id);
    return { ...mainOf(parent), lane: id, speaksForSession: info["rootID"] === undefined };
  },
  open: (identity, state) => openSession(identity, readState(state)),
};

function infoIn(head: readonly JsonObject[]): JsonObject {
  return asObject(head.find(({ key }) => key === "info")?.["value"]);
}

function isId(kind: "ses" | "msg" | "prt", value: unknown): value is string {
  return asString(value)?.startsWith(`${kind}_`) === true;
}

// ---- The database -------------------------------------------------------------------------------------------------

/**
 * Of each session how many messages and parts it has and when they changed; their bodies are not looked at. Each change
 * moves the sum of all times, by which it is seen wherever in the session it is.
 */
function* sessionsIn(sql: Sql) {
  for (const table of ["session", "message", "part"])
    if (!sql.hasTable(table)) throw new Error("its tables are not those that OpenCode is known by");
  const rows = sql.each(
    `select s.id, coalesce(m.records, 0) + coalesce(p.records, 0) as records,
       (s.time_updated + coalesce(m.moved, 0) + coalesce(p.moved, 0)) % 1000003 as moved,
       max(s.time_updated, coalesce(m.last, 0), coalesce(p.last, 0)) as last
     from session s left join (${CHANGES_OF} message group by session_id) m on m.session_id = s.id
       left join (${CHANGES_OF} part group by session_id) p on p.session_id = s.id
     order by s.time_created, s.id`,
  );
  for (const row of rows) {
    const [records, moved, last] = [row["records"], row["moved"], row["last"]].map(asCount);
    yield { id: idOf(row), version: (records ?? 0) + (moved ?? 0), updatedMs: last ?? 0 };
  }
}

const CHANGES_OF = `select session_id, count(*) as records, sum(time_updated) as moved,
  max(time_updated) as last from`;

function* recordsOf(sql: Sql, session: string): Generator<JsonObject> {
  const row = sql.all("select * from session where id = ?", session)[0] ?? {};
  yield { key: "info", value: infoOf(sql, row) };
  let index = 0;
  for (const message of sql.each(
    "select id, data from message where session_id = ? order by time_created, id",
    session,
  )) {
    const parts = sql.all(
      "select id, data from part where message_id = ? order by id",
      idOf(message),
    );
    const value = { info: withId(message), parts: parts.map(withId) };
    yield { list: "messages", index: index++, value };
  }
}

function idOf(row: JsonObject): string {
  return asString(row["id"]) ?? "";
}

function withId(row: JsonObject): JsonObject {
  return { ...parseObject(asString(row["data"]) ?? ""), id: row["id"] };
}

function infoOf(sql: Sql, row: JsonObject): JsonObject {
  return {
    id: row["id"],
    parentID: row["parent_id"],
    rootID: topmost(sql, "session", "parent_id", row),
    directory: row["directory"],
    title: row["title"],
    version: row["version"],
    revert: parseObject(asString(row["revert"]) ?? ""),
  };
}

// ---- Records ------------------------------------------------------------------------------------------------------

interface State {
  /** The agent, as OpenCode calls a way of working, of the last prompt. */
  mode: string | null;
  /** From where on all is taken back. */
  revertMessage: string | null;
  revertPart: string | null;
  reverted: boolean;
  /** The message that asked for the last compaction. */
  compaction: string | null;
}

const START: State = {
  mode: null,
  revertMessage: null,
  revertPart: null,
  reverted: false,
  compaction: null,
};

function readState(state: unknown): State {
  return state === null ? { ...START } : { ...START, ...asObject(state) };
}

/** What all of a message's events have. */
interface Message {
  readonly info: JsonObject;
  readonly parts: readonly JsonObject[];
  /** By which its events are named. A text that had its secrets taken out may have lost the id: then its place. */
  readonly key: string;
  readonly lane: string | null;
  readonly at: number | null;
  readonly number: number;
  readonly model: string | null;
  readonly found: Findings;
  readonly state: State;
}

function openSession(identity: Identity, state: State): LineReader {
  return {
    line(record, number, found) {
      if (record["key"] === "info") readInfo(identity, state, asObject(record["value"]), found);
      if (record["list"] !== "messages") return;
      const value = asObject(record["value"]);
      const info = asObject(value["info"]);
      const place = `${identity.lane ?? identity.sourceId}/${number}`;
      const message: Message = {
        info,
        parts: asList(value["parts"]).map(asObject),
        key: isId("msg", info["id"]) ? info["id"] : place,
        lane: identity.lane,
        at: asWhole(asObject(info["time"])["created"]),
        number,
        model: asString(info["modelID"]),
        found,
        state,
      };
      if (
        state.revertPart === null &&
        info["id"] === state.revertMessage &&
        state.revertMessage !== null
      )
        state.reverted = true;
      if (info["role"] === "user") readUser(message);
      else if (info["role"] === "assistant") readAssistant(message);
    },
    state: () => ({ ...state }),
  };
}

function readInfo(
  { speaksForSession }: Identity,
  state: State,
  info: JsonObject,
  found: Findings,
): void {
  const revert = asObject(info["revert"]);
  state.revertMessage = asString(revert["messageID"]);
  state.revertPart = asString(revert["partID"]);
  if (!speaksForSession) return;
  const [title, cwd, version] = ["title", "directory", "version"].map((key) => asString(info[key]));
  if (typeof title === "string" && title.trim() !== "") found.facts({ title: oneLine(title) });
  if (typeof cwd === "string" && cwd !== "") found.facts({ cwd });
  if (typeof version === "string") found.facts({ agentVersion: oneLine(version) });
}

function tell(
  message: Message,
  key: string,
  index: number,
  event: Omit<NewEvent, "id" | "lane" | "order" | "at"> & { at?: number | null },
): void {
  const { lane, at, number, state } = message;
  message.found.renewed({
    id: eventId(AGENT, key, 0),
    lane,
    order: orderOf(number, index),
    at,
    rolledBack: state.reverted,
    ...event,
  });
}

function partKey({ key }: Message, part: JsonObject, index: number): string {
  return isId("prt", part["id"]) ? part["id"] : `${key}.${index}`;
}

function readUser(message: Message): void {
  const { info, parts, key, state } = message;
  if (message.lane === null) readMode(message, asString(info["agent"]) ?? asString(info["mode"]));
  const compaction = parts.find((part) => part["type"] === "compaction");
  if (compaction !== undefined) {
    state.compaction = key;
    const summary = compaction["auto"] === true ? "auto" : "manual";
    return tell(message, `${key}#compaction`, 1, { kind: "compaction", summary });
  }
  const text = parts
    .map(typedText)
    .filter((one) => one !== "")
    .join("\n\n");
  const images = imagesPart(parts.map((part) => (part["type"] === "file" ? part["url"] : null)));
  if (text.trim() === "" && images === null) return;
  const body = { name: "text", body: text } as const;
  tell(message, promptOf(key), 1, {
    kind: "prompt",
    parts: images === null ? [body] : [body, images],
  });
}

function promptOf(message: string): string {
  return `${message}#prompt`;
}

/** What OpenCode puts beside a person's words, files' contents say, is `synthetic`. */
function typedText(part: JsonObject): string {
  if (part["type"] === "subtask") return asString(part["prompt"]) ?? "";
  const typed = part["type"] === "text" && part["synthetic"] !== true && part["ignored"] !== true;
  return typed ? (asString(part["text"]) ?? "") : "";
}

function readMode(message: Message, mode: string | null): void {
  const { state, key } = message;
  if (mode === null || mode === state.mode || mode === "compaction") return;
  const usual = state.mode === null && mode === USUAL_AGENT;
  state.mode = mode;
  if (!usual) tell(message, `${key}#mode`, 0, { kind: "mode", summary: oneLine(mode) });
}

function readAssistant(message: Message): void {
  const { info, parts, state } = message;
  const callKey = addCall(message);
  const base = { model: message.model, callKey };
  if (info["summary"] === true) return addSummary(message);
  parts.forEach((part, i) => {
    if (state.revertPart !== null && part["id"] === state.revertPart) state.reverted = true;
    const key = partKey(message, part, i);
    const text = asString(part["text"]) ?? "";
    switch (part["type"]) {
      case "reasoning":
        if (text.trim() !== "")
          tell(message, key, i, {
            ...base,
            ...spanOf(part["time"]),
            kind: "response",
            parts: [{ name: "thinking", body: text }],
          });
        break;
      case "text":
        if (text.trim() !== "" && part["ignored"] !== true)
          tell(message, key, i, {
            ...base,
            ...spanOf(part["time"]),
            kind: "response",
            summary: oneLine(text),
            parts: [{ name: "text", body: text }],
          });
        break;
      case "tool":
        tell(message, key, i, { ...base, ...toolOf(part, isOver(info)) });
        break;
      case "retry":
        addError(message, key, i, asObject(part["error"]));
    }
  });
  readError(message);
}

function isOver(info: JsonObject): boolean {
  return asNumber(asObject(info["time"])["completed"]) !== null || "error" in info;
}

/** When it began and how long it took, as far as is said. */
function spanOf(time: unknown): { at?: number; durationMs?: number } {
  const start = asNumber(asObject(time)["start"]);
  const end = asNumber(asObject(time)["end"]);
  if (start === null) return {};
  return end === null || end < start ? { at: start } : { at: start, durationMs: end - start };
}

/** The summary belongs to the message that asked for it; older versions had none. */
function addSummary(message: Message): void {
  const { info, parts, state, key, at } = message;
  const text = parts
    .map(typedText)
    .filter((one) => one !== "")
    .join("\n\n");
  const asked = asString(info["parentID"]);
  const body = [{ name: "text", body: text }] as const;
  if (asked !== null && asked === state.compaction)
    return message.found.patch({ id: eventId(AGENT, `${asked}#compaction`, 0), at, parts: body });
  tell(message, `${key}#compaction`, 0, { kind: "compaction", parts: body });
}

function readError(message: Message): void {
  const { info, key, parts, at, found } = message;
  const error = asObject(info["error"]);
  if (Object.keys(error).length === 0) return;
  if (error["name"] !== "MessageAbortedError")
    return addError(message, `${key}#error`, parts.length, error);
  const asked = asString(info["parentID"]);
  if (asked !== null)
    found.patch({ id: eventId(AGENT, promptOf(asked), 0), at, status: "interrupted" });
}

function addError(message: Message, key: string, index: number, error: JsonObject): void {
  const data = asObject(error["data"]);
  const text = asString(data["message"]) ?? asString(error["message"]) ?? asString(error["name"]);
  const body = text ?? "error";
  tell(message, key, index, {
    kind: "error",
    status: "error",
    summary: oneLine(body),
    parts: [{ name: "text", body }],
  });
}

// ---- Calls --------------------------------------------------------------------------------------------------------

/** Returns the call's key, or null where nothing was spent here. */
function addCall(message: Message): string | null {
  const { info, key, lane, at, model, found } = message;
  const tokens = tokensOf(asObject(info["tokens"]));
  if (model === null || Object.values(tokens).every((count) => count === 0)) return null;
  if (isCopy(info)) return null;
  // Where OpenCode knows no price it says 0.
  const costNanoUsd = costOfCall(info["cost"], model, tokens);
  found.call({ key, lane, at, model, tokens, costNanoUsd });
  return key;
}

function tokensOf(said: JsonObject): Tokens {
  const cache = asObject(said["cache"]);
  const [input, output, reasoning, cacheRead, cacheWrite] = [
    said["input"],
    said["output"],
    said["reasoning"],
    cache["read"],
    cache["write"],
  ].map(asCount) as [number, number, number, number, number];
  const isApart = asCount(said["total"]) >= input + output + reasoning + cacheRead + cacheWrite;
  return {
    input,
    output: isApart ? output + reasoning : Math.max(output, reasoning),
    cacheRead,
    cacheWrite,
    reasoning,
  };
}

/** Of a fork: an id begins with the lower 36 bits of the milliseconds at which it was made. */
function isCopy(info: JsonObject): boolean {
  const made = /^msg_([0-9a-f]{9})/.exec(asString(info["id"]) ?? "")?.[1];
  const created = asNumber(asObject(info["time"])["created"]);
  if (made === undefined || created === null) return false;
  const laterMs = (Number.parseInt(made, 16) - (created % ID_SPAN) + ID_SPAN) % ID_SPAN;
  return laterMs > COPIED_LATER_MS && laterMs < ID_SPAN - COPIED_LATER_MS;
}

const ID_SPAN = 2 ** 36;
const COPIED_LATER_MS = 60_000;

// ---- Tools --------------------------------------------------------------------------------------------------------

function toolOf(part: JsonObject, isOver: boolean): Pick<NewEvent, "kind"> & Partial<NewEvent> {
  const state = asObject(part["state"]);
  const metadata = asObject(state["metadata"]);
  const name = asString(part["tool"]) ?? "tool";
  const status = statusOf(name, state, metadata, isOver);
  const fields = toolFields({
    name,
    input: asObject(state["input"]),
    status,
    output: asString(state["output"]) ?? asString(state["error"]) ?? "",
    patches: status === "ok" ? patchesOf(name, asObject(state["input"]), metadata) : [],
    title: asString(state["title"]),
  });
  const lane = asString(metadata["sessionId"] ?? metadata["sessionID"]);
  return {
    ...fields,
    ...spanOf(state["time"]),
    exitCode: asNumber(metadata["exit"]),
    ...(name === "task" && { kind: "subagent", opens: lane }),
  };
}

const REFUSED = /^The user (?:rejected permission|dismissed this question)/;

function statusOf(
  name: string,
  state: JsonObject,
  metadata: JsonObject,
  isOver: boolean,
): EventStatus {
  switch (state["status"]) {
    case "completed": {
      const failed = name === "invalid" || (asNumber(metadata["exit"]) ?? 0) !== 0;
      return failed ? "error" : "ok";
    }
    case "error": {
      const text = asString(state["error"]) ?? "";
      if (REFUSED.test(text)) return "rejected";
      const stopped = metadata["interrupted"] === true || text === "Tool execution aborted";
      return stopped ? "interrupted" : "error";
    }
    default:
      return isOver ? "interrupted" : "running";
  }
}

function patchesOf(name: string, input: JsonObject, metadata: JsonObject): FilePatch[] {
  const text = asString(input["patchText"]);
  if (text !== null) return applyPatchText(text);
  const path = asString(input["filePath"]);
  if (path === null) return [];
  const diff = asString(metadata["diff"]);
  if (diff !== null) return changes({ [path]: { type: "update", unified_diff: diff } });
  const [before, after] = [asString(input["oldString"]), asString(input["newString"])];
  if (name === "edit" && before !== null && after !== null)
    return [replacement(path, before, after)];
  const content = asString(input["content"]);
  return name === "write" && content !== null ? [wholeFile(path, content, "add")] : [];
}
