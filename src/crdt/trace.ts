/**
 * A session's trace as a Yjs document: top-level maps `meta` (a key a fact) and `events` (a key an event id).
 *
 * Values are plain JSON, never nested shared types, and leave out what is null or false. Only what the privacy gate
 * made `Shareable` goes in, because a CRDT keeps what was once in it. Reading believes nothing: what a peer wrote with
 * another shape is dropped and counted.
 */
import type * as Y from "yjs";
import type { EventId } from "../base/ids.ts";
import {
  AGENT_IDS,
  EVENT_KINDS,
  EVENT_STATUSES,
  type AgentId,
  type EventKind,
  type EventStatus,
  type Tokens,
} from "../base/session.ts";
import { setSchema } from "./documents.ts";
import {
  asCount,
  asNumber,
  asObject,
  asOneOf,
  asText,
  asTime,
  asWhole,
  deepEqual,
  type Fields,
} from "./json.ts";

/** A private member, because a spread drops it: a changed copy has to pass the gate again. */
declare class Passed {
  private readonly passed: true;
}

/** May leave this machine. Made by `src/privacy` alone. */
export type Shareable<T> = T & Passed;

/** What is shared of a tool's input: paths, a pattern, a command's first word, and a few numbers and switches. */
export type ToolInput = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface TraceEvent {
  readonly kind: EventKind;
  readonly at: number | null;
  readonly durationMs: number | null;
  readonly status: EventStatus | null;
  readonly model: string | null;
  /** Opaque: derived from the agent's own name of it. Null for the main conversation. */
  readonly lane: string | null;
  readonly order: number;
  /** On a `subagent` event: the lane it opened. */
  readonly opens: string | null;
  readonly tool: { readonly name: string; readonly input: ToolInput } | null;
  readonly tokens: Tokens | null;
  readonly costNanoUsd: number | null;
  readonly linesAdded: number | null;
  readonly linesRemoved: number | null;
  readonly exitCode: number | null;
  readonly rolledBack: boolean;
}

export interface ModelUsage {
  readonly calls: number;
  readonly tokens: Tokens;
  /** Null when some call has no price. */
  readonly costNanoUsd: number | null;
}

/** What is shared of a session itself: no title, no path, no host, no branch. */
export interface TraceMeta {
  readonly agent: AgentId;
  readonly agentVersion: string | null;
  /** The agent's own id when it is a plain UUID, else null. */
  readonly sourceId: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** By model. */
  readonly usage: Readonly<Record<string, ModelUsage>>;
  readonly events: number;
  readonly prompts: number;
  readonly tools: number;
  readonly filesChanged: number;
}

export interface Trace {
  /** Null until its owner wrote one that can be read. */
  readonly meta: TraceMeta | null;
  readonly events: ReadonlyMap<EventId, TraceEvent>;
  /** Events with a shape that is not ours. */
  readonly dropped: number;
}

/** Yjs cannot split a transaction's update, and an update must fit a row. */
const MAX_EVENTS_PER_TRANSACTION = 200;

/**
 * Sets what differs from what is there, a transaction for each 200 events that changed; hear the updates by
 * `doc.on("update")`. The caller has asked `canWrite`.
 */
export function writeTrace(
  doc: Y.Doc,
  meta: Shareable<TraceMeta>,
  events: ReadonlyMap<EventId, Shareable<TraceEvent>>,
): void {
  doc.transact(() => {
    setSchema("trace", doc);
    setDifferent(doc.getMap("meta"), Object.entries(meta));
  });
  const map = doc.getMap("events");
  const changed = [...events]
    .map(([id, event]) => [id, compact(event)] as const)
    .filter(([id, value]) => !deepEqual(map.get(id), value));
  for (const chunk of chunks(changed)) doc.transact(() => setDifferent(map, chunk));
}

/** Takes out events that the session no longer has (its file was replaced). */
export function removeFromTrace(doc: Y.Doc, ids: Iterable<EventId>): void {
  const map = doc.getMap("events");
  for (const chunk of chunks([...ids].filter((id) => map.has(id)))) {
    doc.transact(() => chunk.forEach((id) => map.delete(id)));
  }
}

export function readTrace(doc: Y.Doc): Trace {
  const events = new Map<EventId, TraceEvent>();
  let dropped = 0;
  for (const [id, value] of doc.getMap("events")) {
    const event = EVENT_ID.test(id) ? readEvent(value) : null;
    if (event === null) dropped++;
    else events.set(id as EventId, event);
  }
  return { meta: readMeta(doc), events, dropped };
}

/** What a shared tool use was about, in one line. */
export function toolSummary(tool: TraceEvent["tool"]): string | null {
  const { command, path, paths, pattern, glob } = tool?.input ?? {};
  const what = [pattern, glob, command, path, paths].filter((value) => value !== undefined);
  return what.length === 0
    ? null
    : what.map((value) => (Array.isArray(value) ? value.join(", ") : `${value}`)).join(" · ");
}

const EVENT_ID = /^evt_[0-9A-HJKMNP-TV-Z]{26}$/;
const MAX_NAME = 100;
const MAX_INPUT_TEXT = 1_000;
const MAX_INPUT_FIELDS = 20;
const MAX_INPUT_LIST = 100;
const MAX_MODELS = 100;

function setDifferent(map: Y.Map<unknown>, entries: Iterable<readonly [string, unknown]>): void {
  for (const [key, value] of entries) if (!deepEqual(map.get(key), value)) map.set(key, value);
}

function compact(event: TraceEvent): Fields {
  return Object.fromEntries(
    Object.entries(event).filter(([, value]) => value !== null && value !== false),
  );
}

function chunks<T>(list: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(list.length / MAX_EVENTS_PER_TRANSACTION);
  return Array.from({ length: count }, (_, i) =>
    list.slice(i * MAX_EVENTS_PER_TRANSACTION, (i + 1) * MAX_EVENTS_PER_TRANSACTION),
  );
}

function readEvent(value: unknown): TraceEvent | null {
  const fields = asObject(value);
  if (fields === null) return null;
  const kind = asOneOf(EVENT_KINDS, fields["kind"]);
  const order = asWhole(fields["order"] ?? 0);
  if (kind === null || order === null) return null;
  return {
    kind,
    order,
    at: asTime(fields["at"]),
    durationMs: asWhole(fields["durationMs"]),
    status: asOneOf(EVENT_STATUSES, fields["status"]),
    model: asLine(fields["model"], MAX_NAME),
    lane: asLine(fields["lane"], MAX_NAME),
    opens: asLine(fields["opens"], MAX_NAME),
    tool: readTool(fields["tool"]),
    tokens: readTokens(fields["tokens"]),
    costNanoUsd: asCount(fields["costNanoUsd"]),
    linesAdded: asCount(fields["linesAdded"]),
    linesRemoved: asCount(fields["linesRemoved"]),
    exitCode: asWhole(fields["exitCode"]),
    rolledBack: fields["rolledBack"] === true,
  };
}

function readTool(value: unknown): TraceEvent["tool"] {
  const fields = asObject(value);
  const name = asLine(fields?.["name"], MAX_NAME);
  if (name === null) return null;
  const input = Object.entries(asObject(fields?.["input"]) ?? {})
    .filter(
      ([key, item]) => asLine(key, MAX_NAME) !== null && key !== "__proto__" && isInputValue(item),
    )
    .slice(0, MAX_INPUT_FIELDS);
  return { name, input: Object.fromEntries(input) as ToolInput };
}

function isInputValue(value: unknown): boolean {
  if (typeof value === "boolean" || asNumber(value) !== null) return true;
  if (Array.isArray(value)) {
    return (
      value.length <= MAX_INPUT_LIST && value.every((item) => asLine(item, MAX_INPUT_TEXT) !== null)
    );
  }
  return asLine(value, MAX_INPUT_TEXT) !== null;
}

/** The database's text cannot hold U+0000, and no name has one. */
function asLine(value: unknown, maxLength: number): string | null {
  const text = asText(value, maxLength);
  return text?.includes("\u0000") === true ? null : text;
}

function readTokens(value: unknown): Tokens | null {
  const fields = asObject(value);
  if (fields === null) return null;
  const count = (name: keyof Tokens) => asCount(fields[name]) ?? 0;
  return {
    input: count("input"),
    output: count("output"),
    cacheRead: count("cacheRead"),
    cacheWrite: count("cacheWrite"),
    reasoning: count("reasoning"),
  };
}

function readMeta(doc: Y.Doc): TraceMeta | null {
  const map = doc.getMap("meta");
  const agent = asOneOf(AGENT_IDS, map.get("agent"));
  if (agent === null) return null;
  return {
    agent,
    agentVersion: asLine(map.get("agentVersion"), MAX_NAME),
    sourceId: asLine(map.get("sourceId"), MAX_NAME),
    startedAt: asTime(map.get("startedAt")),
    endedAt: asTime(map.get("endedAt")),
    usage: readUsage(map.get("usage")),
    events: asCount(map.get("events")) ?? 0,
    prompts: asCount(map.get("prompts")) ?? 0,
    tools: asCount(map.get("tools")) ?? 0,
    filesChanged: asCount(map.get("filesChanged")) ?? 0,
  };
}

function readUsage(value: unknown): TraceMeta["usage"] {
  const usage: Record<string, ModelUsage> = {};
  for (const [model, item] of Object.entries(asObject(value) ?? {}).slice(0, MAX_MODELS)) {
    const fields = asObject(item);
    const tokens = readTokens(fields?.["tokens"]);
    if (
      fields === null ||
      tokens === null ||
      asLine(model, MAX_NAME) === null ||
      model === "__proto__"
    )
      continue;
    usage[model] = {
      calls: asCount(fields["calls"]) ?? 0,
      tokens,
      costNanoUsd: asCount(fields["costNanoUsd"]),
    };
  }
  return usage;
}
