/** A session's traces, summed up: what one is, `base/traces.ts` says. */
import type { PGlite } from "@electric-sql/pglite";
import type { SessionId } from "../../base/ids.ts";
import type { EventKind, EventStatus, Tokens } from "../../base/session.ts";
import {
  cutTraces,
  flatten,
  sumOf,
  type Placed,
  type Summed,
  type Trace,
} from "../../base/traces.ts";
import { EVENTS_WITH_CALLS, type TokenColumns, dollars, tokensOf } from "../rows.ts";
import { changedOf } from "./events.ts";

export interface TraceRow {
  /** 0 is what came before the first prompt. */
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

export interface TracedEvent extends Placed, Summed {
  readonly costNanoUsd: number | null;
}

export interface TraceViews {
  traces(session: SessionId): Promise<readonly TraceRow[]>;
}

export function createTraceViews(db: PGlite): TraceViews {
  return {
    async traces(session) {
      const found = await db.query<Columns>(
        `select e.id, e.lane, e.kind, e.ord, e.at, e.status, e.opens, e.rolled_back, e.changed, c.key as call, c.input,
           c.output, c.cache_read, c.cache_write, c.reasoning, c.cost
         from ${EVENTS_WITH_CALLS}
         where e.session_id = $1 order by e.lane nulls first, e.ord, e.id`,
        [session],
      );
      return tracesOf(found.rows.map(tracedOf));
    },
  };
}

export function tracesOf(events: readonly TracedEvent[]): readonly TraceRow[] {
  const traces = cutTraces(events);
  const first = traces[0]?.prompt === null ? 0 : 1;
  return traces.map((trace, i) => summarise(trace, first + i));
}

function summarise({ prompt, nodes }: Trace<TracedEvent>, index: number): TraceRow {
  const events = [...(prompt === null ? [] : [prompt]), ...flatten(nodes)];
  const { startedAt, endedAt, tools, tokens, cost } = sumOf(events, (event) => event.costNanoUsd);
  return {
    index,
    prompt: prompt?.id ?? null,
    events: events.map((event) => event.id),
    startedAt,
    endedAt,
    tools,
    tokens,
    costUsd: dollars(cost),
  };
}

interface Columns extends TokenColumns {
  readonly id: string;
  readonly lane: string | null;
  readonly kind: EventKind;
  readonly ord: number;
  readonly at: number | null;
  readonly status: EventStatus | null;
  readonly opens: string | null;
  readonly rolled_back: boolean;
  readonly changed: string | null;
  readonly call: string | null;
  readonly cost: number | null;
}

function tracedOf(row: Columns): TracedEvent {
  return {
    id: row.id,
    lane: row.lane,
    kind: row.kind,
    order: row.ord,
    at: row.at,
    status: row.status,
    opens: row.opens,
    rolledBack: row.rolled_back,
    changed: changedOf(row),
    tokens: row.call === null ? null : tokensOf(row),
    costNanoUsd: row.call === null ? null : row.cost,
  };
}
