/**
 * Traces: a prompt of the main conversation to what comes before the next, and the sub-agents opened meanwhile. Trace 0
 * holds what came before the first prompt, and lanes that nothing opened.
 */
import type { PGlite } from "@electric-sql/pglite";
import type { SessionId } from "../../base/ids.ts";
import { NO_TOKENS, type EventKind, type Tokens } from "../../base/session.ts";
import { type TokenColumns, dollars, tokensOf } from "../rows.ts";

export interface TraceRow {
  readonly index: number;
  readonly prompt: string | null;
  readonly events: readonly string[];
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly tools: number;
  readonly tokens: Tokens;
  /** Null when some call has no price. */
  readonly costUsd: number | null;
}

export interface TracedEvent {
  readonly id: string;
  readonly lane: string | null;
  readonly kind: EventKind;
  readonly at: number | null;
  readonly opens: string | null;
  readonly rolledBack: boolean;
  /** Null: shows no call. */
  readonly tokens: Tokens | null;
  readonly costNanoUsd: number | null;
}

export interface TraceViews {
  traces(session: SessionId): Promise<readonly TraceRow[]>;
}

export function createTraceViews(db: PGlite): TraceViews {
  return {
    async traces(session) {
      const found = await db.query<Columns>(
        `select e.id, e.lane, e.kind, e.at, e.opens, e.rolled_back, c.key as call, c.input, c.output, c.cache_read,
           c.cache_write, c.reasoning, c.cost
         from events e left join calls c on c.event_id = e.id
         where e.session_id = $1 order by e.lane nulls first, e.ord, e.id`,
        [session],
      );
      return tracesOf(found.rows.map(tracedOf));
    },
  };
}

/** `events` in reading order: the main conversation, then each lane. A trace without events is left out. */
export function tracesOf(events: readonly TracedEvent[]): readonly TraceRow[] {
  const lanes = Map.groupBy(events, (event) => event.lane);
  const shown = new Set<string>();
  const traces: TracedEvent[][] = [[]];
  for (const event of lanes.get(null) ?? []) {
    if (event.kind === "prompt" && !event.rolledBack) traces.push([]);
    follow(event, lanes, shown, traces.at(-1) as TracedEvent[]);
  }
  for (const [lane, orphans] of lanes) {
    if (lane !== null && !shown.has(lane))
      openLane(lane, orphans, lanes, shown, traces[0] as TracedEvent[]);
  }
  return traces.map(summarise).filter((trace) => trace.events.length > 0);
}

type Lanes = ReadonlyMap<string | null, readonly TracedEvent[]>;

/** The event, and behind it the lane it opened. A lane is shown once, whoever claims to have opened it. */
function follow(event: TracedEvent, lanes: Lanes, shown: Set<string>, into: TracedEvent[]): void {
  into.push(event);
  const lane = event.opens;
  if (lane !== null && !shown.has(lane)) openLane(lane, lanes.get(lane) ?? [], lanes, shown, into);
}

function openLane(
  lane: string,
  events: readonly TracedEvent[],
  lanes: Lanes,
  shown: Set<string>,
  into: TracedEvent[],
): void {
  shown.add(lane);
  for (const event of events) follow(event, lanes, shown, into);
}

function summarise(events: readonly TracedEvent[], index: number): TraceRow {
  const times = events.flatMap((event) => event.at ?? []);
  const calls = events.filter((event) => event.tokens !== null);
  const unpriced = calls.some((event) => event.costNanoUsd === null);
  return {
    index,
    prompt: index === 0 ? null : (events[0]?.id ?? null),
    events: events.map((event) => event.id),
    startedAt: times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b)),
    endedAt: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)),
    tools: events.filter((event) => event.kind === "tool").length,
    tokens: calls.reduce((sum, event) => addTokens(sum, event.tokens as Tokens), NO_TOKENS),
    costUsd: unpriced
      ? null
      : dollars(calls.reduce((sum, event) => sum + (event.costNanoUsd ?? 0), 0)),
  };
}

function addTokens(a: Tokens, b: Tokens): Tokens {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    reasoning: a.reasoning + b.reasoning,
  };
}

interface Columns extends TokenColumns {
  readonly id: string;
  readonly lane: string | null;
  readonly kind: EventKind;
  readonly at: number | null;
  readonly opens: string | null;
  readonly rolled_back: boolean;
  readonly call: string | null;
  readonly cost: number | null;
}

function tracedOf(row: Columns): TracedEvent {
  return {
    id: row.id,
    lane: row.lane,
    kind: row.kind,
    at: row.at,
    opens: row.opens,
    rolledBack: row.rolled_back,
    tokens: row.call === null ? null : tokensOf(row),
    costNanoUsd: row.call === null ? null : row.cost,
  };
}
