/**
 * Gemini CLI: `~/.gemini/tmp/<project>/chats/`, a session a file; in older versions one JSON text, `{sessionId, …, messages}`,
 * in newer ones lines: what the session is, then its messages. Sub-agents lie in a folder named after their parent's session.
 * Source: google-gemini/gemini-cli, packages/core/src/services/chatRecordingTypes.ts and chatRecordingService.ts.
 *
 * - A message that changes is written again under its `id`: the last one counts, where the first one stands.
 * - `{"$set": {…}}` changes what the session is, and may bring messages; `{"$rewindTo": id}` takes back that message and all
 *   after it: what was said is shown as rolled back, what was spent is spent.
 * - `input` includes what was cached, `output` is without thoughts: total = input + output + thoughts + tool.
 */
import { join } from "node:path";
import type { EventStatus, FilePatch, Part, Tokens } from "../base/session.ts";
import { eventId, type Findings, type NewEvent } from "./findings.ts";
import {
  asCount,
  asList,
  asObject,
  asString,
  asTime,
  oneLine,
  shallow,
  type JsonObject,
} from "./json.ts";
import { countLines, replacement, wholeFile } from "./patches.ts";
import { costOfCall } from "./prices.ts";
import { mainOf, orderOf, PLAIN, type Identity, type LineReader, type Reader } from "./reader.ts";

const AGENT = "gemini-cli";
const FILE = /\.jsonl?$/;
/** Messages that may still change or be taken back: the newest. */
const REMEMBERED = 500;

export const geminiCli: Reader = {
  ...PLAIN,
  agent: AGENT,
  roots: (home) => [join(home, ".gemini", "tmp")],
  format: (path) => (path.endsWith(".json") ? "document" : "lines"),
  isTranscript(path) {
    const steps = path.split(/[/\\]/);
    const at = steps.indexOf("chats");
    const below = steps.length - 1 - at;
    const isMain = below === 1 && (steps.at(-1) ?? "").startsWith("session-");
    return at === 1 && FILE.test(path) && (isMain || below === 2);
  },
  recognises: (head) =>
    head.some((record) => isMessage(messageIn(record))) ||
    head.some((record) => asString(record["projectHash"]) !== null && "sessionId" in record),
  async identify(path, _head, disk) {
    const steps = path.split(/[/\\]/);
    const name = (steps.at(-1) ?? "").replace(FILE, "");
    const parent = steps.at(-2) ?? "";
    if (parent === "chats" || !steps.includes("chats")) return mainOf(name);
    const folder = steps.slice(0, -2).join("/");
    const known = await Promise.all(
      ["json", "jsonl"].map((ending) => disk.exists(`${folder}/${parent}.${ending}`)),
    );
    return { ...mainOf(parent), lane: name, speaksForSession: !known.includes(true) };
  },
  open: (identity, state) => openChat(identity, readState(state)),
};

/** Of a message: where its first event stands, and its events. */
interface Told {
  readonly id: string;
  readonly order: number;
  events: readonly string[];
}

interface State {
  told: Told[];
}

function readState(state: unknown): State {
  return { told: asList(asObject(state)["told"]).map((one) => ({ ...(one as Told) })) };
}

function openChat(identity: Identity, state: State): LineReader {
  return {
    line(record, number, found) {
      if (identity.speaksForSession) readFacts(record, found);
      const rewound = asString(record["$rewindTo"]);
      if (rewound !== null) return rewind(state, rewound, found);
      const changed = asList(asObject(record["$set"])["messages"]).map(asObject);
      const message = messageIn(record);
      for (const [i, one] of [...(isMessage(message) ? [message] : []), ...changed].entries())
        readMessage(identity, state, one, orderOf(number, i * MOST_PARTS), found);
    },
    state: () => ({ told: state.told.map((one) => ({ ...one })) }),
  };
}

/** Events of a message, at most: their places are told apart by so much. */
const MOST_PARTS = 50;

function messageIn(record: JsonObject): JsonObject {
  return record["list"] === "messages" ? asObject(record["value"]) : record;
}

function isMessage(record: JsonObject): boolean {
  return (
    asString(record["id"]) !== null &&
    ["user", "gemini", "info", "warning", "error"].includes(asString(record["type"]) ?? "")
  );
}

function readFacts(record: JsonObject, found: Findings): void {
  const said = { ...asObject(record["$set"]), ...record };
  const title = asString(said["summary"] ?? (said["key"] === "summary" ? said["value"] : null));
  const folders = said["directories"] ?? (said["key"] === "directories" ? said["value"] : null);
  const folder = said["list"] === "directories" ? said["value"] : asList(folders)[0];
  if (title !== null) found.facts({ title: oneLine(title) });
  const cwd = asString(folder);
  if (cwd !== null && (said["index"] ?? 0) === 0) found.facts({ cwd });
}

function rewind(state: State, id: string, found: Findings): void {
  const at = state.told.findIndex((one) => one.id === id);
  if (at < 0) return;
  for (const { events } of state.told.splice(at))
    for (const event of events) found.patch({ id: event as never, at: null, rolledBack: true });
}

function readMessage(
  { sourceId, lane }: Identity,
  state: State,
  message: JsonObject,
  order: number,
  found: Findings,
): void {
  const id = asString(message["id"]);
  if (id === null) return;
  const before = state.told.find((one) => one.id === id);
  const told: Told = before ?? { id, order, events: [] };
  if (before === undefined) state.told = [...state.told, told].slice(-REMEMBERED);
  const at = asTime(message["timestamp"]);
  const model = asString(message["model"]);
  const call = addCall(`${sourceId}/${id}`, lane, at, message, found);
  let index = 0;
  const events: string[] = [];

  /** Again with what it says now. */
  function tell(
    event: Omit<NewEvent, "id" | "lane" | "order" | "at">,
    key = `${id}#${index}`,
  ): void {
    const place = {
      id: eventId(AGENT, `${sourceId}/${key}`, 0),
      lane,
      order: told.order + index,
      at,
    };
    index = Math.min(index + 1, MOST_PARTS - 1);
    found.renewed({ ...place, ...event });
    events.push(place.id);
  }

  const text = textOf(message["displayContent"] ?? message["content"]);
  switch (message["type"]) {
    case "user":
      if (text.trim() !== "") tell({ kind: "prompt", parts: [{ name: "text", body: text }] });
      break;
    case "gemini": {
      const base = { model, callKey: call };
      const thoughts = asList(message["thoughts"]).map(thoughtOf).join("\n\n").trim();
      if (thoughts !== "")
        tell(
          { ...base, kind: "response", parts: [{ name: "thinking", body: thoughts }] },
          `${id}#t`,
        );
      if (text.trim() !== "")
        tell(
          {
            ...base,
            kind: "response",
            summary: oneLine(text),
            parts: [{ name: "text", body: text }],
          },
          `${id}#r`,
        );
      for (const tool of asList(message["toolCalls"]).map(asObject))
        tell({ ...base, ...toolOf(tool) }, `${id}#${asString(tool["id"]) ?? index}`);
      break;
    }
    case "error":
      tell({
        kind: "error",
        status: "error",
        summary: oneLine(text),
        parts: [{ name: "text", body: text }],
      });
  }
  told.events = events;
}

/** Returns the call's key, or null where nothing is said of tokens. */
function addCall(
  key: string,
  lane: string | null,
  at: number | null,
  message: JsonObject,
  found: Findings,
): string | null {
  const used = asObject(message["tokens"]);
  const model = asString(message["model"]);
  if (Object.keys(used).length === 0 || model === null) return null;
  const cacheRead = asCount(used["cached"]);
  const reasoning = asCount(used["thoughts"]);
  const tokens: Tokens = {
    input: Math.max(0, asCount(used["input"]) - cacheRead) + asCount(used["tool"]),
    output: asCount(used["output"]) + reasoning,
    cacheRead,
    cacheWrite: 0,
    reasoning,
  };
  found.call({ key, lane, at, model, tokens, costNanoUsd: costOfCall(null, model, tokens) });
  return key;
}

const STATUSES: Readonly<Record<string, EventStatus>> = {
  success: "ok",
  error: "error",
  cancelled: "rejected",
};

function toolOf(tool: JsonObject): Omit<NewEvent, "id" | "lane" | "order" | "at"> {
  const name = asString(tool["name"]) ?? "tool";
  const input = shallow(asObject(tool["args"]));
  const patches = patchesOf(name, input);
  const lines = countLines(patches);
  const output = asList(tool["result"]).map(resultOf).join("\n");
  const parts: Part[] = [{ name: "input", body: JSON.stringify(input) }];
  if (output !== "") parts.push({ name: "output", body: output });
  if (patches.length > 0) parts.push({ name: "patch", body: JSON.stringify(patches) });
  return {
    kind: asString(tool["agentId"]) === null ? "tool" : "subagent",
    status: STATUSES[asString(tool["status"]) ?? ""] ?? "running",
    tool: { name, input },
    opens: asString(tool["agentId"]),
    summary: summaryOf(tool, input),
    linesAdded: patches.length === 0 ? null : lines.added,
    linesRemoved: patches.length === 0 ? null : lines.removed,
    parts,
  };
}

function summaryOf(tool: JsonObject, input: JsonObject): string {
  for (const field of ["file_path", "absolute_path", "dir_path", "command", "pattern", "query"]) {
    const value = asString(input[field]);
    if (value !== null) return oneLine(value);
  }
  return asString(tool["displayName"]) ?? asString(tool["name"]) ?? "tool";
}

function patchesOf(name: string, input: JsonObject): FilePatch[] {
  const path = asString(input["file_path"]);
  if (path === null) return [];
  const [before, after] = [asString(input["old_string"]), asString(input["new_string"])];
  if (name === "replace" && before !== null && after !== null)
    return [replacement(path, before, after)];
  const content = asString(input["content"]);
  return name === "write_file" && content !== null ? [wholeFile(path, content, "add")] : [];
}

function resultOf(result: unknown): string {
  const response = asObject(asObject(asObject(result)["functionResponse"])["response"]);
  return asString(response["output"]) ?? asString(response["error"]) ?? "";
}

/** Text, or a list of parts with some. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return asList(content)
    .map((part) => asString(part) ?? asString(asObject(part)["text"]) ?? "")
    .join("");
}

function thoughtOf(thought: unknown): string {
  const { subject, description } = asObject(thought);
  return [asString(subject), asString(description)].filter((text) => text !== null).join("\n");
}
