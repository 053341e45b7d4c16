/**
 * Goose: `${XDG_DATA_HOME:-~/.local/share}/goose/sessions/sessions.db`, on Windows `%APPDATA%\Block\goose\data\sessions`, below
 * `$GOOSE_PATH_ROOT/data` where that is set. Sessions, their messages, and from schema 15 on what each call spent.
 * Source: aaif-goose/goose, crates/goose/src/session/session_manager.rs, crates/goose-provider-types/src/conversation.
 *
 * - A message is a list of blocks. A tool's result comes in a later message, a person's, under the id of its request.
 * - When a conversation is compacted, its messages stay for the person alone (`agentVisible`), and a summary follows for the
 *   model alone (`userVisible`).
 * - All messages may be written anew, under new row ids: only `message_id` lasts. A change in place is seen by its length.
 * - `input_tokens` is all input, read from and written to the cache too. Without a ledger the session's sums are one call; a
 *   ledger that was begun later has them as a line that is `carried_forward`.
 * - Not recorded: which message a call gave, which of several models answered in it, how long a tool ran.
 */
import { join } from "node:path";
import type { EventStatus, FilePatch, Part, Tokens } from "../base/session.ts";
import { topmost, type Database, type Sql, placeInside } from "./database.ts";
import { eventId, type Findings, type NewEvent } from "./findings.ts";
import {
  asCount,
  asList,
  asNumber,
  asObject,
  asString,
  asTime,
  oneLine,
  parseObject,
  type JsonObject,
} from "./json.ts";
import { applyPatchText, replacement, wholeFile } from "./patches.ts";
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

const AGENT = "goose";
const UNKNOWN_MODEL = "unknown";
/** A time of so many seconds is one of milliseconds. */
const MAX_SECONDS = 10_000_000_000;

const database: Database = {
  isDatabase: (path) => path === "sessions.db",
  sessions: sessionsIn,
  records: recordsOf,
};

export const goose: Reader = {
  ...PLAIN,
  agent: AGENT,
  nested: false,
  roots(home, env) {
    const named = env["GOOSE_PATH_ROOT"];
    if (named !== undefined && named !== "") return [join(named, "data", "sessions")];
    return [
      join(dataFolder(home, env), "goose", "sessions"),
      join(home, "AppData", "Roaming", "Block", "goose", "data", "sessions"),
    ];
  },
  database,
  isTranscript: () => false,
  recognises: (head) =>
    head.some(({ key, value }) => key === "session" && "working_dir" in asObject(value)),
  async identify(path, head) {
    const session = asObject(head.find(({ key }) => key === "session")?.["value"]);
    const id = placeInside(path)?.session ?? path;
    const root = asString(session["root"]);
    if (root === null || root === id) return mainOf(id);
    return { ...mainOf(root), lane: id, speaksForSession: false };
  },
  open: (identity, state) => openSession(identity, readState(state)),
};

// ---- The database -------------------------------------------------------------------------------------------------

/** Of each session how many records it has, the newest, and how long they are, which is known without reading them. */
function* sessionsIn(sql: Sql) {
  const has = (table: string, ...columns: string[]) =>
    columns.every((column) => columnsOf(sql, table).has(column));
  if (
    !has("sessions", "id", "working_dir", "created_at", "updated_at") ||
    !has("messages", "session_id", "role", "content_json", "created_timestamp")
  )
    throw new Error("its tables are not those that Goose is known by");
  const parts = [
    `select session_id, count(*) as records, sum(id % 1000003 + octet_length(content_json) +
       coalesce(octet_length(${has("messages", "metadata_json") ? "metadata_json" : "null"}), 0)) as moved
     from messages group by session_id`,
  ];
  if (sql.hasTable("usage_ledger"))
    parts.push(
      `select session_id, count(*), sum(id % 1000003) from usage_ledger group by session_id`,
    );
  const sums = ["accumulated_total_tokens", "name", "parent_session_id"]
    .filter((column) => has("sessions", column))
    .map((column) =>
      column.endsWith("tokens")
        ? `coalesce(${column}, 0)`
        : `octet_length(coalesce(${column}, ''))`,
    );
  const rows = sql.each(
    `select s.id, s.updated_at, coalesce(sum(r.records), 0) as records,
       (coalesce(sum(r.moved), 0) + ${sums.join(" + ") || "0"}) % 1000003 as moved
     from sessions s left join (${parts.join(" union all ")}) r on r.session_id = s.id
     group by s.id order by s.created_at, s.id`,
  );
  for (const row of rows)
    yield {
      id: asString(row["id"]) ?? "",
      version: asCount(row["records"]) + asCount(row["moved"]),
      updatedMs: timeOf(row["updated_at"]) ?? 0,
    };
}

function columnsOf(sql: Sql, table: string): ReadonlySet<unknown> {
  return new Set(sql.all("select name from pragma_table_info(?)", table).map(({ name }) => name));
}

function* recordsOf(sql: Sql, id: string): Generator<JsonObject> {
  const session = sql.all("select * from sessions where id = ?", id)[0] ?? {};
  const isAgents = session["session_type"] === "sub_agent";
  const root = isAgents ? topmost(sql, "sessions", "parent_session_id", session) : id;
  yield { key: "session", value: { ...onlySaid(session), root } };
  let index = 0;
  for (const message of sql.each(
    "select * from messages where session_id = ? order by created_timestamp, id",
    id,
  ))
    yield { list: "messages", index: index++, value: message };
  let calls = 0;
  if (sql.hasTable("usage_ledger"))
    for (const call of sql.each("select * from usage_ledger where session_id = ? order by id", id))
      yield { list: "usage", index: calls++, value: call };
  if (calls === 0) yield { key: "spent", value: onlySpent(session) };
}

function onlySaid(session: JsonObject): JsonObject {
  const said = [
    "id",
    "name",
    "description",
    "working_dir",
    "parent_session_id",
    "model_config_json",
  ];
  return Object.fromEntries(said.map((key) => [key, session[key] ?? null]));
}

function onlySpent(session: JsonObject): JsonObject {
  const of = (name: string) => session[`accumulated_${name}`] ?? null;
  return {
    created_timestamp: session["updated_at"] ?? null,
    input_tokens: of("input_tokens"),
    output_tokens: of("output_tokens"),
    total_tokens: of("total_tokens"),
    cache_read_tokens: of("cache_read_tokens"),
    cache_write_tokens: of("cache_write_tokens"),
    cost: of("cost"),
    cost_source: "carried_forward",
  };
}

/** Seconds, milliseconds, or SQLite's text of a time, which is UTC. */
function timeOf(value: unknown): number | null {
  const count = asNumber(value);
  if (count !== null) return count < MAX_SECONDS ? count * 1_000 : count;
  const text = asString(value)?.trim().replace(" ", "T") ?? "";
  return asTime(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
}

// ---- Records ------------------------------------------------------------------------------------------------------

interface State {
  /** The session's, which calls without one of their own are of. */
  model: string | null;
  /** The last message is not the model's any more: a summary may follow. */
  archived: boolean;
}

function readState(state: unknown): State {
  return { model: null, archived: false, ...asObject(state) };
}

/** What all of a message's events have. */
interface Message {
  readonly session: string;
  readonly lane: string | null;
  readonly number: number;
  /** By which its events are named. */
  readonly key: string;
  readonly at: number | null;
  readonly blocks: readonly JsonObject[];
  readonly found: Findings;
}

function openSession(identity: Identity, state: State): LineReader {
  const session = identity.lane ?? identity.sourceId;
  return {
    line(record, number, found) {
      const value = asObject(record["value"]);
      if (record["key"] === "session") readSession(identity, state, value, found);
      if (record["key"] === "spent" || record["list"] === "usage")
        addCall(identity, state, value, found);
      if (record["list"] !== "messages") return;
      const blocks = asList(listIn(value["content_json"])).map(asObject);
      const key = asString(value["message_id"]) ?? `${session}/${number}`;
      const at = timeOf(value["created_timestamp"]);
      const message = { session, lane: identity.lane, number, key, at, blocks, found };
      readMessage(state, message, value);
    },
    state: () => ({ ...state }),
  };
}

function listIn(text: unknown): unknown {
  return parseObject(`{"list":${asString(text) ?? "[]"}}`)?.["list"];
}

function readSession(
  { speaksForSession, lane }: Identity,
  state: State,
  session: JsonObject,
  found: Findings,
): void {
  const config = parseObject(asString(session["model_config_json"]) ?? "") ?? {};
  state.model = asString(config["model_name"]);
  if (!speaksForSession) return;
  const title = [session["name"], session["description"]]
    .map((text) => asString(text)?.trim() ?? "")
    .find((text) => text !== "");
  const cwd = asString(session["working_dir"]);
  const parent = asString(session["parent_session_id"]);
  if (title !== undefined) found.facts({ title: oneLine(title) });
  if (cwd !== null && cwd !== "") found.facts({ cwd });
  if (lane === null && parent !== null && parent !== "") found.facts({ parentSourceId: parent });
}

function readMessage(state: State, message: Message, row: JsonObject): void {
  const shown = parseObject(asString(row["metadata_json"]) ?? "") ?? {};
  const isHidden = shown["userVisible"] === false;
  if (isHidden && !state.archived) return;
  if (isHidden) {
    state.archived = false;
    const body = textOf(message.blocks);
    if (body.trim() !== "")
      tell(message, 0, { kind: "compaction", parts: [{ name: "text", body }] });
    return;
  }
  state.archived = shown["agentVisible"] === false;
  if (row["role"] === "user") addPrompt(message);
  message.blocks.forEach((block, i) => readBlock(message, block, i + 1, row["role"] === "user"));
}

function tell(
  { session, lane, number, key, at, found }: Message,
  index: number,
  event: Omit<NewEvent, "id" | "lane" | "order" | "at">,
  name = `${key}/${index}`,
): void {
  const id = eventId(AGENT, `${session}/${name}`, 0);
  found.renewed({ id, lane, order: orderOf(number, index), at, ...event });
}

function patch(
  { session, at, found }: Message,
  name: string,
  fields: { status: EventStatus; parts?: readonly Part[]; exitCode?: number | null },
): void {
  found.patch({ id: eventId(AGENT, `${session}/${name}`, 0), at, ...fields });
}

function textOf(blocks: readonly JsonObject[]): string {
  return blocks
    .filter((block) => block["type"] === "text")
    .map((block) => asString(block["text"]) ?? "")
    .join("\n\n");
}

function addPrompt(message: Message): void {
  const images = imagesPart(message.blocks.map(addressOf));
  const body = textOf(message.blocks);
  if (body.trim() === "" && images === null) return;
  const text = { name: "text", body } as const;
  tell(message, 0, { kind: "prompt", parts: images === null ? [text] : [text, images] });
}

function addressOf(block: JsonObject): string | null {
  return block["type"] === "image"
    ? `data:${asString(block["mimeType"]) ?? ""};base64,${asString(block["data"]) ?? ""}`
    : null;
}

function readBlock(message: Message, block: JsonObject, index: number, isPersons: boolean): void {
  const text = asString(block["text"]) ?? "";
  switch (block["type"]) {
    case "text":
      if (!isPersons && text.trim() !== "")
        tell(message, index, {
          kind: "response",
          summary: oneLine(text),
          parts: [{ name: "text", body: text }],
        });
      break;
    case "thinking":
    case "reasoning": {
      const body = asString(block["thinking"]) ?? text;
      if (body.trim() !== "")
        tell(message, index, { kind: "response", parts: [{ name: "thinking", body }] });
      break;
    }
    case "toolRequest":
    case "frontendToolRequest":
      return addTool(message, block, index);
    case "toolResponse":
      return addResult(message, block);
    case "toolConfirmationRequest":
      return addPermission(message, block, index);
    case "actionRequired":
      return readAction(message, asObject(block["data"]), index);
    case "error":
      addError(message, asString(block["message"]) ?? "error", index);
  }
}

function addError(message: Message, body: string, index: number): void {
  tell(message, index, {
    kind: "error",
    status: "error",
    summary: oneLine(body),
    parts: [{ name: "text", body }],
  });
}

function readAction(message: Message, data: JsonObject, index: number): void {
  switch (data["actionType"]) {
    case "toolConfirmation":
      return addPermission(message, data, index);
    case "toolConfirmationResponse": {
      const may = /^(?:allow|always_allow)/.test(asString(data["permission"]) ?? "");
      return patch(message, permissionOf(data), { status: may ? "ok" : "rejected" });
    }
    case "elicitation": {
      const body = asString(data["message"]) ?? "";
      return tell(message, index, {
        kind: "response",
        summary: oneLine(body),
        parts: [{ name: "text", body }],
      });
    }
    case "elicitationResponse": {
      const body = JSON.stringify(data["userData"] ?? data["user_data"] ?? null);
      tell(message, index, { kind: "prompt", parts: [{ name: "text", body }] });
    }
  }
}

function permissionOf(asked: JsonObject): string {
  return `permission ${asString(asked["id"]) ?? ""}`;
}

function addPermission(message: Message, asked: JsonObject, index: number): void {
  const name = asString(asked["toolName"]) ?? asString(asked["tool_name"]) ?? "tool";
  const body = asString(asked["prompt"]) ?? JSON.stringify(asObject(asked["arguments"]));
  const parts = [{ name: "text", body }] as const;
  const event = { kind: "permission", status: "running", summary: oneLine(name), parts } as const;
  tell(message, index, event, permissionOf(asked));
}

// ---- Tools --------------------------------------------------------------------------------------------------------

function toolKey(block: JsonObject): string {
  return `tool ${asString(block["id"]) ?? ""}`;
}

function addTool(message: Message, block: JsonObject, index: number): void {
  const call = asObject(block["toolCall"]);
  const { name, arguments: input } = asObject(call["value"]);
  const failed = call["status"] === "error";
  const tool = asString(name) ?? "tool";
  const fields = toolFields({
    name: tool,
    input: asObject(input),
    status: failed ? "error" : "running",
    output: failed ? textOfError(call["error"]) : "",
    patches: patchesOf(tool, asObject(input)),
    title: null,
  });
  const opens = /(?:^|__)(?:subagent|delegate|dynamic_task__create_task)$/.test(tool);
  tell(message, index, { ...fields, ...(opens && { kind: "subagent" }) }, toolKey(block));
}

function textOfError(error: unknown): string {
  return asString(error) ?? asString(asObject(error)["message"]) ?? "";
}

function addResult(message: Message, block: JsonObject): void {
  const result = asObject(block["toolResult"]);
  const value = asObject(result["value"]);
  const content = Array.isArray(result["value"]) ? result["value"] : asList(value["content"]);
  const failed = result["status"] === "error";
  const output = failed ? textOfError(result["error"]) : textOf(content.map(asObject));
  const structured = asObject(value["structuredContent"]);
  const parts: Part[] = output === "" ? [] : [{ name: "output", body: output }];
  const images = imagesPart(content.map((one) => addressOf(asObject(one))));
  if (images !== null) parts.push(images);
  const exitCode = asNumber(structured["exit_code"] ?? structured["exitCode"]);
  const isError = failed || value["isError"] === true || (exitCode ?? 0) !== 0;
  const status = statusOf(output, isError);
  patch(message, toolKey(block), { status, parts, ...(exitCode !== null && { exitCode }) });
}

function statusOf(output: string, isError: boolean): EventStatus {
  if (output.startsWith("The user has declined to run this tool")) return "rejected";
  if (output.startsWith("Interrupted by the user")) return "interrupted";
  return isError ? "error" : "ok";
}

function patchesOf(name: string, input: JsonObject): FilePatch[] {
  const path = asString(input["path"]);
  if (path === null) return [];
  const text = (...keys: string[]) => keys.map((key) => asString(input[key])).find(isText) ?? null;
  const diff = asString(input["diff"]);
  if (diff?.startsWith("*** Begin Patch") === true) return applyPatchText(diff);
  const [before, after] = [text("old_str", "before"), text("new_str", "after")];
  if (before !== null && after !== null) return [replacement(path, before, after)];
  const whole = text("file_text", "content");
  const writes = input["command"] === "write" || /(?:^|__)write$/.test(name);
  return writes && whole !== null ? [wholeFile(path, whole, "add")] : [];
}

function isText(value: string | null): value is string {
  return value !== null;
}

// ---- Calls --------------------------------------------------------------------------------------------------------

function addCall(
  { sourceId, lane }: Identity,
  state: State,
  spent: JsonObject,
  found: Findings,
): void {
  const [all, output, cacheRead, cacheWrite] = [
    spent["input_tokens"],
    spent["output_tokens"],
    spent["cache_read_tokens"],
    spent["cache_write_tokens"],
  ].map(asCount) as [number, number, number, number];
  if (all + output + cacheRead + cacheWrite === 0) return;
  const input = Math.max(0, all - cacheRead - cacheWrite);
  const tokens: Tokens = { input, output, cacheRead, cacheWrite, reasoning: 0 };
  const model = asString(spent["model"]) ?? state.model ?? UNKNOWN_MODEL;
  const own = spent["cost_source"] === "carried_forward" ? "total" : String(spent["id"]);
  found.call({
    key: `${lane ?? sourceId}/${own}`,
    lane,
    at: timeOf(spent["created_timestamp"]),
    model,
    tokens,
    costNanoUsd: costOfCall(spent["cost"], model, tokens),
  });
}
