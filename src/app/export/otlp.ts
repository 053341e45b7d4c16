/**
 * A session as OpenTelemetry traces in OTLP/JSON, by the semantic conventions for generative AI (1.41).
 *
 * - One trace a prompt: `invoke_agent` around a `chat` for each call of a model and an `execute_tool` for each tool;
 *   a sub-agent is an `invoke_agent` within.
 * - No content: prompts, responses, what tools were given and answered stay out, as the conventions have it unless asked.
 * - A span must say when it was. What has no recorded time is left out and counted; what lies in it hangs a level higher.
 *   Where only one time is recorded the span ends as it begins, and says so (`operon.duration.recorded`).
 */
import { createHash } from "node:crypto";
import type { EventRow } from "../api.ts";
import { flatten } from "../../base/traces.ts";
import { providerOf } from "./models.ts";
import { attributesOf, type Attribute, type Values } from "./otlp-values.ts";
import { tracesOf, type EventNode, type EventTrace, type ExportedSession } from "./session.ts";

const SCHEMA = "https://opentelemetry.io/schemas/1.41.0";
const INTERNAL = 1;
const CLIENT = 3;
const ERROR = 2;

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code: number };
}

export interface Otlp {
  /** An `ExportTraceServiceRequest`. */
  readonly json: string;
  readonly spans: number;
  /** Events without a recorded time, of which there is no span. */
  readonly untimed: number;
}

export function toOtlp(exported: ExportedSession): Otlp {
  const { session } = exported;
  const traces = tracesOf(exported);
  const spans = traces.flatMap((trace, i) => spansOf(exported, trace, i));
  const resource: Values = {
    "service.name": session.agent,
    "service.version": session.agentVersion,
    "operon.session.id": session.id,
  };
  const request = {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: "operon" }, spans, schemaUrl: SCHEMA }],
        schemaUrl: SCHEMA,
      },
    ],
  };
  const told = traces.flatMap(({ prompt, nodes }) => [
    ...(prompt ? [prompt] : []),
    ...flatten(nodes),
  ]);
  return {
    json: `${JSON.stringify(request)}\n`,
    spans: spans.length,
    untimed: told.filter((event) => event.at === null && isSpan(event)).length,
  };
}

function isSpan(event: EventRow): boolean {
  return event.kind === "tool" || event.kind === "subagent" || event.tokens !== null;
}

function spansOf(exported: ExportedSession, trace: EventTrace, index: number): readonly Span[] {
  const { session } = exported;
  const traceId = hash(32, "trace", session.id, trace.prompt?.id ?? `before ${index}`);
  const rootId = hash(16, "root", traceId);
  const all = [...(trace.prompt === null ? [] : [trace.prompt]), ...flatten(trace.nodes)];
  const times = all.flatMap((event) => timesOf(event) ?? []);
  const [start, end] = extent(times);
  if (start === null || end === null) return [];
  const root = spanOf({
    traceId,
    spanId: rootId,
    name: `invoke_agent ${session.agent}`,
    kind: INTERNAL,
    start,
    end,
    values: {
      ...agentValues(exported, all),
      "operon.prompt.id": trace.prompt?.id ?? null,
    },
  });
  const prompt = trace.prompt === null ? [] : chatOf(exported, trace.prompt, traceId, rootId);
  return [root, ...prompt, ...nodesOf(exported, trace.nodes, traceId, rootId)];
}

function nodesOf(
  exported: ExportedSession,
  nodes: readonly EventNode[],
  traceId: string,
  parent: string,
): readonly Span[] {
  return nodes.flatMap(({ event, children }) => {
    const own = doneOf(exported, event, children, traceId, parent);
    return [
      ...chatOf(exported, event, traceId, parent),
      ...own,
      ...nodesOf(exported, children, traceId, own[0]?.spanId ?? parent),
    ];
  });
}

/** The call of a model that an event shows: its first event stands for it. */
function chatOf(
  { session }: ExportedSession,
  event: EventRow,
  traceId: string,
  parent: string,
): readonly Span[] {
  const { at, tokens, model } = event;
  if (at === null || tokens === null) return [];
  return [
    spanOf({
      traceId,
      spanId: hash(16, "chat", event.id),
      parent,
      name: model === null ? "chat" : `chat ${model}`,
      kind: CLIENT,
      start: at,
      end: at,
      values: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": model === null ? null : providerOf(model),
        "gen_ai.response.model": model,
        "gen_ai.conversation.id": session.id,
        // All of it; what came from a cache or went into one is named again.
        "gen_ai.usage.input_tokens": tokens.input + tokens.cacheRead + tokens.cacheWrite,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": someOf(tokens.cacheRead),
        "gen_ai.usage.cache_creation.input_tokens": someOf(tokens.cacheWrite),
        "gen_ai.usage.reasoning.output_tokens": someOf(tokens.reasoning),
        "operon.cost.usd": event.costUsd === null ? null : { double: event.costUsd },
        "operon.duration.recorded": false,
        ...eventValues(event),
      },
    }),
  ];
}

/** Agents that do not record a kind of tokens say none of it. */
function someOf(count: number): number | null {
  return count > 0 ? count : null;
}

/** What a tool or a sub-agent did. */
function doneOf(
  exported: ExportedSession,
  event: EventRow,
  children: readonly EventNode[],
  traceId: string,
  parent: string,
): readonly Span[] {
  if (event.kind !== "tool" && event.kind !== "subagent") return [];
  const inside = flatten(children);
  const [start, end] = extent([event, ...inside].flatMap((each) => timesOf(each) ?? []));
  if (event.at === null || start === null || end === null) return [];
  const failed = event.status !== null && event.status !== "ok" && event.status !== "running";
  return [
    spanOf({
      traceId,
      spanId: hash(16, event.kind, event.id),
      parent,
      name:
        event.kind === "tool"
          ? `execute_tool ${event.tool ?? ""}`.trim()
          : `invoke_agent ${exported.session.agent}`,
      kind: INTERNAL,
      start,
      end,
      failed: event.status === "error",
      values: {
        ...(event.kind === "tool"
          ? {
              "gen_ai.operation.name": "execute_tool",
              "gen_ai.tool.name": event.tool,
              "gen_ai.conversation.id": exported.session.id,
            }
          : { ...agentValues(exported, inside), "gen_ai.agent.id": event.opens }),
        "error.type": failed ? (event.status === "error" ? "_OTHER" : event.status) : null,
        "process.exit.code": event.exitCode,
        "operon.lines.added": event.linesAdded,
        "operon.lines.removed": event.linesRemoved,
        "operon.duration.recorded": event.durationMs === null && inside.length === 0 ? false : null,
        ...eventValues(event),
      },
    }),
  ];
}

function agentValues({ session }: ExportedSession, events: readonly EventRow[]): Values {
  const models = events.flatMap(({ model }) => model ?? []);
  const providers = new Set(models.map(providerOf));
  const [provider = null] = providers.size === 1 ? providers : [];
  return {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": session.agent,
    "gen_ai.agent.version": session.agentVersion,
    "gen_ai.provider.name": provider,
    "gen_ai.conversation.id": session.id,
  };
}

function eventValues(event: EventRow): Values {
  return { "operon.event.id": event.id, "operon.rolled_back": event.rolledBack ? true : null };
}

function timesOf({ at, durationMs }: EventRow): readonly number[] | null {
  return at === null ? null : [at, at + Math.max(0, durationMs ?? 0)];
}

function extent(times: readonly number[]): readonly [number | null, number | null] {
  if (times.length === 0) return [null, null];
  return [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
}

function spanOf(span: {
  readonly traceId: string;
  readonly spanId: string;
  readonly parent?: string;
  readonly name: string;
  readonly kind: number;
  readonly start: number;
  readonly end: number;
  readonly failed?: boolean;
  readonly values: Values;
}): Span {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parent !== undefined && { parentSpanId: span.parent }),
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: nanos(span.start),
    endTimeUnixNano: nanos(span.end),
    attributes: attributesOf(span.values),
    ...(span.failed === true && { status: { code: ERROR } }),
  };
}

function nanos(ms: number): string {
  return (BigInt(Math.round(ms * 1_000)) * 1_000n).toString();
}

/** Ids are the same in every export of a session: who gets it twice can see that. */
function hash(digits: number, ...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, digits);
}
