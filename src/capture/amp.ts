/**
 * Amp: `${XDG_DATA_HOME:-~/.local/share}/amp/threads/T-<uuid>.json`, a thread a JSON text, and what `amp threads export`
 * writes of one. Newer versions keep only the beginning of a thread there.
 * Source: no description by its maker is public; kenn-io/agentsview (internal/parser/amp.go, which checked real threads) and
 * ryoppippi/ccusage (adapter/amp) read the same fields.
 *
 * - A message is a list of blocks. A tool's result comes in the next message, a person's, under the id of its call.
 * - `usage` of an answer is its call's. The three counts of input are apart from each other; with OpenAI's models what was
 *   written to the cache is input like any other. Older threads name no model: such a call has no price.
 * - Threads of one time say what was spent in `usageLedger`, some of them in their messages as well: those count.
 * - Not recorded: a message's time, except its call's in newer threads; money; what the agents spent that a tool asked.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  NO_TOKENS,
  type EventStatus,
  type FilePatch,
  type Part,
  type Tokens,
} from "../base/session.ts";
import { eventId, type Findings, type NewEvent } from "./findings.ts";
import {
  asCount,
  asList,
  asNumber,
  asObject,
  asString,
  asTime,
  oneLine,
  type JsonObject,
} from "./json.ts";
import { changes, replacement, wholeFile } from "./patches.ts";
import { costOfCall } from "./prices.ts";
import { dataFolder, mainOf, orderOf, PLAIN, type LineReader, type Reader } from "./reader.ts";
import { imagesPart, toolFields } from "./tool.ts";

const AGENT = "amp";
const UNKNOWN_MODEL = "unknown";
const THREAD = /^T-[\w-]+$/;

export const amp: Reader = {
  ...PLAIN,
  agent: AGENT,
  nested: false,
  roots: (home, env) => [join(dataFolder(home, env), "amp", "threads")],
  format: () => "document",
  isTranscript: (path) => /^T-[\w-]+\.json$/.test(path),
  recognises: (head) => threadIn(head) !== null,
  async identify(path, head) {
    const name = (path.split(/[/\\]/).at(-1) ?? "").replace(/\.json$/, "");
    return mainOf(THREAD.test(name) ? name : (threadIn(head) ?? name));
  },
  open: (identity, state) => openThread(identity.sourceId, readState(state)),
};

function threadIn(head: readonly JsonObject[]): string | null {
  const id = asString(head.find(({ key }) => key === "id")?.["value"]);
  return id !== null && THREAD.test(id) ? id : null;
}

interface State {
  mode: string | null;
  /** Numbers of the newest messages whose calls are known. */
  called: readonly number[];
}

const REMEMBERED = 2_000;

function readState(state: unknown): State {
  return { mode: null, called: [], ...asObject(state) };
}

/** What all of a message's events have. */
interface Message {
  readonly thread: string;
  readonly number: number;
  /** By which its events are named: a message's id is its number in the thread. */
  readonly key: string;
  readonly at: number | null;
  readonly blocks: readonly JsonObject[];
  readonly found: Findings;
}

function openThread(thread: string, state: State): LineReader {
  return {
    line(record, number, found) {
      if (record["list"] !== "messages") return readFacts(state, thread, record, number, found);
      const value = asObject(record["value"]);
      const id = asNumber(value["messageId"]) ?? asNumber(record["index"]) ?? number;
      const at = timeOf(value);
      const blocks = blocksOf(value["content"]);
      const message = { thread, number, key: `${thread}/${id}`, at, blocks, found };
      if (readMessage(message, value)) state.called = [...state.called, id].slice(-REMEMBERED);
    },
    state: () => ({ ...state }),
  };
}

/** A call's time, or the one that a newer client gives a person's message. */
function timeOf(message: JsonObject): number | null {
  return (
    asTime(asObject(message["usage"])["timestamp"]) ?? asNumber(asObject(message["meta"])["sentAt"])
  );
}

function blocksOf(content: unknown): readonly JsonObject[] {
  return typeof content === "string"
    ? [{ type: "text", text: content }]
    : asList(content).map(asObject);
}

function readFacts(
  state: State,
  thread: string,
  { key, value }: JsonObject,
  number: number,
  found: Findings,
): void {
  const text = asString(value);
  if (key === "title" && text !== null && text.trim() !== "") found.facts({ title: oneLine(text) });
  if (key === "env") {
    const initial = asObject(asObject(value)["initial"]);
    const cwd = folderOf(asObject(asList(initial["trees"])[0])["uri"]);
    const version = asString(asObject(initial["platform"])["clientVersion"]);
    if (cwd !== null) found.facts({ cwd });
    if (version !== null) found.facts({ agentVersion: oneLine(version) });
  }
  if (key === "usageLedger") addLedger(state, thread, asObject(value), found);
  if (key !== "agentMode" || text === null || text === state.mode) return;
  state.mode = text;
  if (text === USUAL_MODE) return;
  const id = eventId(AGENT, `${thread}/mode`, 0);
  const order = orderOf(number, 0);
  found.renewed({ id, lane: null, kind: "mode", order, at: null, summary: oneLine(text) });
}

const USUAL_MODE = "smart";

function folderOf(uri: unknown): string | null {
  const text = asString(uri);
  if (text === null) return null;
  try {
    return text.startsWith("file:") ? fileURLToPath(text) : text;
  } catch {
    return null;
  }
}

function tell(
  message: Message,
  index: number,
  event: Omit<NewEvent, "id" | "lane" | "order" | "at">,
  name = `${message.key}/${index}`,
): void {
  const { number, at, found } = message;
  const id = eventId(AGENT, name, 0);
  found.renewed({ id, lane: null, order: orderOf(number, index), at, ...event });
}

/** Whether it tells what its call spent. */
function readMessage(message: Message, said: JsonObject): boolean {
  if (said["role"] === "user") {
    addPrompt(message);
    for (const block of message.blocks)
      if (block["type"] === "tool_result") addResult(message, block);
    return false;
  }
  if (said["role"] !== "assistant") return false;
  const usage = asObject(said["usage"]);
  const model = asString(usage["model"]);
  const callKey = addCall(message, usage, model);
  const stopped = asObject(said["state"])["type"] === "cancelled";
  message.blocks.forEach((block, i) =>
    readBlock(message, block, i + 1, { model, callKey }, stopped),
  );
  return callKey !== null;
}

function addPrompt(message: Message): void {
  const texts = message.blocks.filter((block) => block["type"] === "text");
  const body = texts.map((block) => asString(block["text"]) ?? "").join("\n\n");
  const images = imagesPart(message.blocks.map(addressOf));
  if (body.trim() === "" && images === null) return;
  const text = { name: "text", body } as const;
  tell(message, 0, { kind: "prompt", parts: images === null ? [text] : [text, images] });
}

function addressOf(block: JsonObject): string | null {
  if (block["type"] !== "image") return null;
  const source = asObject(block["source"]);
  const mediaType = asString(source["mediaType"]) ?? asString(source["media_type"]) ?? "";
  return `data:${mediaType};base64,${asString(source["data"]) ?? ""}`;
}

function readBlock(
  message: Message,
  block: JsonObject,
  index: number,
  base: { model: string | null; callKey: string | null },
  stopped: boolean,
): void {
  switch (block["type"]) {
    case "text": {
      const body = asString(block["text"]) ?? "";
      if (body.trim() === "") return;
      const parts = [{ name: "text", body }] as const;
      return tell(message, index, { ...base, kind: "response", summary: oneLine(body), parts });
    }
    case "thinking": {
      const body = asString(block["thinking"]) ?? "";
      if (body.trim() === "") return;
      const parts = [{ name: "thinking", body }] as const;
      return tell(message, index, { ...base, kind: "response", parts });
    }
    case "tool_use": {
      const name = asString(block["name"]) ?? "tool";
      const input = asObject(block["input"]);
      const fields = toolFields({
        name,
        input,
        status: stopped ? "interrupted" : "running",
        output: "",
        patches: patchesOf(name, input),
        title: null,
      });
      const kind = AGENTS.has(name) ? "subagent" : "tool";
      tell(message, index, { ...base, ...fields, kind }, toolKey(message, block["id"]));
    }
  }
}

/** Tools that are agents themselves. */
const AGENTS = new Set(["Task", "oracle", "librarian", "codebase_search_agent", "finder"]);

function toolKey({ thread }: Message, id: unknown): string {
  return `${thread}/tool ${asString(id) ?? ""}`;
}

const STATUSES: Readonly<Record<string, EventStatus>> = {
  done: "ok",
  error: "error",
  "rejected-by-user": "rejected",
  cancelled: "interrupted",
  "in-progress": "running",
  queued: "running",
  "blocked-on-user": "running",
};

function addResult(message: Message, block: JsonObject): void {
  const run = asObject(block["run"]);
  const result = asObject(run["result"]);
  const body = outputOf(run);
  const exitCode = asNumber(result["exitCode"]);
  const failed = (exitCode ?? 0) !== 0;
  const status = failed ? "error" : STATUSES[asString(run["status"]) ?? ""];
  const parts: Part[] = body === "" ? [] : [{ name: "output", body }];
  const id = eventId(AGENT, toolKey(message, block["toolUseID"] ?? block["tool_use_id"]), 0);
  message.found.patch({
    id,
    at: message.at,
    ...(status !== undefined && { status }),
    ...(exitCode !== null && { exitCode }),
    parts,
  });
}

function outputOf(run: JsonObject): string {
  const { result, error } = run;
  const failure = asString(error) ?? asString(asObject(error)["message"]);
  if (failure !== null) return failure;
  if (typeof result === "string") return result;
  const fields = asObject(result);
  for (const name of ["output", "content", "diff"]) {
    const text = asString(fields[name]);
    if (text !== null) return text;
  }
  const lines = asList(result);
  if (lines.length > 0 && lines.every((line) => typeof line === "string")) return lines.join("\n");
  return result === undefined || result === null ? "" : JSON.stringify(result);
}

function patchesOf(name: string, input: JsonObject): FilePatch[] {
  const path = asString(input["path"]);
  if (path === null) return [];
  const [before, after] = [asString(input["old_str"]), asString(input["new_str"])];
  if (name === "edit_file" && before !== null && after !== null)
    return [replacement(path, before, after)];
  const content = asString(input["content"]);
  if (name === "create_file" && content !== null) return [wholeFile(path, content, "add")];
  const diff = asString(input["diff"]);
  return diff === null ? [] : changes({ [path]: { type: "update", unified_diff: diff } });
}

/** Returns the call's key, or null where nothing is said of tokens. */
function addCall(message: Message, usage: JsonObject, named: string | null): string | null {
  const [fresh, output, cacheRead, written] = [
    usage["inputTokens"],
    usage["outputTokens"],
    usage["cacheReadInputTokens"],
    usage["cacheCreationInputTokens"],
  ].map(asCount) as [number, number, number, number];
  if (fresh + output + cacheRead + written === 0) return null;
  const isInput = named?.startsWith("gpt-") === true;
  const tokens: Tokens = {
    input: isInput ? fresh + written : fresh,
    output,
    cacheRead,
    cacheWrite: isInput ? 0 : written,
    reasoning: 0,
  };
  const { key, at, found } = message;
  const model = named ?? UNKNOWN_MODEL;
  found.call({ key, lane: null, at, model, tokens, costNanoUsd: costOfCall(null, model, tokens) });
  return key;
}

function addLedger(state: State, thread: string, ledger: JsonObject, found: Findings): void {
  const known = new Set<unknown>(state.called);
  for (const [i, event] of asList(ledger["events"]).map(asObject).entries()) {
    const spent = asObject(event["tokens"]);
    const [input, output] = [asCount(spent["input"]), asCount(spent["output"])];
    if (known.has(event["toMessageId"]) || input + output === 0) continue;
    const key = `${thread}/ledger ${asString(event["id"]) ?? i}`;
    const at = asTime(event["timestamp"]);
    const model = asString(event["model"]) ?? UNKNOWN_MODEL;
    const tokens = { ...NO_TOKENS, input, output };
    found.call({
      key,
      lane: null,
      at,
      model,
      tokens,
      costNanoUsd: costOfCall(null, model, tokens),
    });
  }
}
