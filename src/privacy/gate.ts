/**
 * The only maker of a `Shareable`: reduces what was captured to what may leave (SPEC.md, rules P1–P14).
 *
 * Each result is built anew, field by field, from values of closed lists, numbers, and the few texts that have a rule.
 * Nothing is copied over because it happened to be there.
 */
import { derivedId, type SessionId, type Sha256 } from "../base/ids.ts";
import {
  AGENT_IDS,
  EVENT_KINDS,
  EVENT_STATUSES,
  NO_TOKENS,
  type AgentId,
  type CapturedEvent,
  type Tokens,
  type ToolUse,
} from "../base/session.ts";
import type { ModelUsage, Shareable, ToolInput, TraceEvent, TraceMeta } from "../crdt/trace.ts";
import { firstWord } from "./command.ts";
import { fieldsOf, toolName, type Rule } from "./fields.ts";
import { shareModel, shareVersion } from "./models.ts";
import { sharePattern } from "./pattern.ts";
import { placeOf, shareGlob, sharePath, type Place } from "./place.ts";

/** What the read model holds of an event. More fields do no harm: none is looked at. */
export type LocalEvent = Pick<
  CapturedEvent,
  | "kind"
  | "at"
  | "durationMs"
  | "status"
  | "model"
  | "lane"
  | "order"
  | "opens"
  | "tool"
  | "linesAdded"
  | "linesRemoved"
  | "exitCode"
  | "rolledBack"
> & { readonly tokens: Tokens | null; readonly costNanoUsd: number | null };

/** What the read model holds of a session. */
export interface LocalSession {
  readonly agent: AgentId;
  readonly agentVersion: string | null;
  readonly sourceId: string;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly usage: readonly (ModelUsage & { readonly model: string })[];
  readonly events: number;
  readonly prompts: number;
  readonly tools: number;
  readonly filesChanged: number;
}

export interface GateContext {
  readonly session: SessionId;
  /** The project's folder; null: every path is outside. */
  readonly projectPath: string | null;
  /** Where the session ran: relative paths start here. Null: at the project's folder. */
  readonly cwd: string | null;
  /** Words that name this person and machine: the user's and the host's name. */
  readonly names: readonly string[];
  readonly sha256: Sha256;
}

export function shareEvent(event: LocalEvent, context: GateContext): Shareable<TraceEvent> {
  return reduceEvent(event, context) as Shareable<TraceEvent>;
}

export function shareMeta(session: LocalSession): Shareable<TraceMeta> {
  return reduceMeta(session) as Shareable<TraceMeta>;
}

function reduceEvent(event: LocalEvent, context: GateContext): TraceEvent {
  return {
    kind: member(EVENT_KINDS, event.kind) ?? "error",
    at: numberOf(event.at),
    durationMs: numberOf(event.durationMs),
    status: member(EVENT_STATUSES, event.status),
    model: typeof event.model === "string" ? shareModel(event.model) : null,
    lane: laneName(event.lane, context),
    order: numberOf(event.order) ?? 0,
    opens: laneName(event.opens, context),
    tool: reduceTool(event.tool, context),
    tokens: event.tokens === null ? null : tokensOf(event.tokens),
    costNanoUsd: numberOf(event.costNanoUsd),
    linesAdded: numberOf(event.linesAdded),
    linesRemoved: numberOf(event.linesRemoved),
    exitCode: numberOf(event.exitCode),
    rolledBack: event.rolledBack === true,
  };
}

function reduceMeta(session: LocalSession): TraceMeta {
  return {
    agent: member(AGENT_IDS, session.agent) as AgentId,
    agentVersion: shareVersion(session.agentVersion),
    sourceId:
      typeof session.sourceId === "string" && UUID.test(session.sourceId) ? session.sourceId : null,
    startedAt: numberOf(session.startedAt),
    endedAt: numberOf(session.endedAt),
    usage: usageByModel(session.usage),
    events: numberOf(session.events) ?? 0,
    prompts: numberOf(session.prompts) ?? 0,
    tools: numberOf(session.tools) ?? 0,
    filesChanged: numberOf(session.filesChanged) ?? 0,
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function laneName(lane: string | null, { sha256, session }: GateContext): string | null {
  return typeof lane === "string" ? derivedId(sha256, "lane_", session, lane) : null;
}

function reduceTool(tool: ToolUse | null, context: GateContext): TraceEvent["tool"] {
  if (tool === null || typeof tool.name !== "string") return null;
  const place = placeOf(context.projectPath, context.cwd, context.names);
  return { name: toolName(tool.name), input: reduceInput(tool, place) };
}

function reduceInput(tool: ToolUse, place: Place): ToolInput {
  const shared: Record<string, ToolInput[string]> = {};
  const input: unknown = tool.input;
  if (typeof input !== "object" || input === null) return shared;
  for (const [field, [name, rule]] of Object.entries(fieldsOf(tool.name) ?? {})) {
    const value = Object.hasOwn(input, field)
      ? share(place, rule, (input as ToolUse["input"])[field])
      : null;
    if (value !== null) shared[name] = value;
  }
  return shared;
}

function share(place: Place, rule: Rule, value: unknown): ToolInput[string] | null {
  switch (rule) {
    case "path":
      return sharePath(place, value);
    case "patchedPaths":
      return patchedPaths(place, value);
    case "glob":
      return shareGlob(place, value);
    case "pattern":
      return sharePattern(place, value);
    case "firstWord":
      return firstWord(place, value);
    case "number":
      return typeof value === "number" &&
        Number.isSafeInteger(value) &&
        Math.abs(value) < MAX_NUMBER
        ? value
        : null;
    case "switch":
      return typeof value === "boolean" ? value : null;
    default:
      return member(rule, value);
  }
}

const MAX_NUMBER = 1_000_000_000;
const MAX_PATHS = 50;
/** A line of a patch's body begins with " ", "+", "-" or "@": never with an asterisk. */
const PATCH_HEADER = /^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+)$/gm;

function patchedPaths(place: Place, value: unknown): readonly string[] | null {
  if (typeof value !== "string") return null;
  const paths = [...value.matchAll(PATCH_HEADER)].map((match) =>
    sharePath(place, match[1]?.trim()),
  );
  const shared = [...new Set(paths.filter((path) => path !== null))].slice(0, MAX_PATHS);
  return shared.length === 0 ? null : shared;
}

function usageByModel(rows: LocalSession["usage"]): TraceMeta["usage"] {
  const usage = new Map<string, ModelUsage>();
  for (const row of rows) {
    const model = shareModel(row.model);
    const sum = usage.get(model) ?? { calls: 0, tokens: NO_TOKENS, costNanoUsd: 0 };
    const isPriced = sum.costNanoUsd !== null && row.costNanoUsd !== null;
    usage.set(model, {
      calls: sum.calls + row.calls,
      tokens: addTokens(sum.tokens, row.tokens),
      costNanoUsd: isPriced ? (sum.costNanoUsd as number) + (row.costNanoUsd as number) : null,
    });
  }
  return Object.fromEntries(usage);
}

function addTokens(a: Tokens, b: Tokens): Tokens {
  const more = tokensOf(b);
  return {
    input: a.input + more.input,
    output: a.output + more.output,
    cacheRead: a.cacheRead + more.cacheRead,
    cacheWrite: a.cacheWrite + more.cacheWrite,
    reasoning: a.reasoning + more.reasoning,
  };
}

function tokensOf(tokens: Tokens): Tokens {
  return {
    input: numberOf(tokens.input) ?? 0,
    output: numberOf(tokens.output) ?? 0,
    cacheRead: numberOf(tokens.cacheRead) ?? 0,
    cacheWrite: numberOf(tokens.cacheWrite) ?? 0,
    reasoning: numberOf(tokens.reasoning) ?? 0,
  };
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function member<T extends string>(list: readonly T[], value: unknown): T | null {
  return list.includes(value as T) ? (value as T) : null;
}
