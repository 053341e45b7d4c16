/** A session's events and bodies, for the trace view and for the privacy gate. */
import type { PGlite } from "@electric-sql/pglite";
import type { EventId, SessionId } from "../../base/ids.ts";
import type {
  AgentId,
  EventKind,
  EventStatus,
  Part,
  PartName,
  Tokens,
  ToolUse,
} from "../../base/session.ts";
import { textArray } from "../../pg/arrays.ts";
import { bodiesOf, readPacks } from "../packs.ts";
import {
  CALL_SUMS,
  EVENTS_WITH_CALLS,
  type Db,
  type TokenColumns,
  dollars,
  tokensOf,
} from "../rows.ts";

export interface EventRow {
  readonly id: string;
  readonly lane: string | null;
  readonly kind: EventKind;
  readonly order: number;
  readonly at: number | null;
  readonly durationMs: number | null;
  readonly status: EventStatus | null;
  readonly model: string | null;
  readonly tool: string | null;
  readonly summary: string | null;
  readonly opens: string | null;
  readonly linesAdded: number | null;
  readonly linesRemoved: number | null;
  /** Paths its patch changed, as the agent named them. */
  readonly changed: readonly string[];
  readonly exitCode: number | null;
  readonly rolledBack: boolean;
  /** On the first event of a model call. */
  readonly tokens: Tokens | null;
  readonly costUsd: number | null;
  readonly parts: readonly PartName[];
  readonly partBytes: number;
}

/** What the privacy gate looks at: the event with its tool's whole input, without bodies. */
export interface LocalEvent {
  readonly id: EventId;
  readonly kind: EventKind;
  readonly at: number | null;
  readonly durationMs: number | null;
  readonly status: EventStatus | null;
  readonly model: string | null;
  readonly lane: string | null;
  readonly order: number;
  readonly opens: string | null;
  readonly tool: ToolUse | null;
  readonly tokens: Tokens | null;
  readonly costNanoUsd: number | null;
  readonly linesAdded: number | null;
  readonly linesRemoved: number | null;
  readonly exitCode: number | null;
  readonly rolledBack: boolean;
}

export interface LocalUsage {
  readonly model: string;
  readonly calls: number;
  readonly tokens: Tokens;
  readonly costNanoUsd: number | null;
}

export interface LocalSession {
  readonly agent: AgentId;
  readonly agentVersion: string | null;
  readonly sourceId: string;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly usage: readonly LocalUsage[];
  readonly events: number;
  readonly prompts: number;
  readonly tools: number;
  readonly filesChanged: number;
}

/** What a session's trace document is written from. */
export interface LocalTrace {
  /** Of the session: what `since` is next time. */
  readonly rev: number;
  readonly cwd: string | null;
  readonly projectPath: string | null;
  readonly session: LocalSession;
  readonly events: readonly LocalEvent[];
  /** Taken back since: their file was replaced. */
  readonly removed: readonly EventId[];
}

export interface EventViews {
  /** Changed after `since` (0: all), main lane first, each lane in its order; `removed`: taken back since. */
  events(
    session: SessionId,
    since: number,
  ): Promise<{
    readonly events: readonly EventRow[];
    readonly removed: readonly EventId[];
    readonly rev: number;
  }>;
  bodies(
    session: SessionId,
    events: readonly string[],
  ): Promise<Readonly<Record<string, readonly Part[]>>>;
  /** Null: no such session captured here. */
  localTrace(session: SessionId, since: number): Promise<LocalTrace | null>;
}

interface Row extends TokenColumns {
  readonly id: EventId;
  readonly lane: string | null;
  readonly kind: EventKind;
  readonly ord: number;
  readonly at: number | null;
  readonly duration_ms: number | null;
  readonly status: EventStatus | null;
  readonly model: string | null;
  readonly tool: string | null;
  readonly tool_input: string | null;
  readonly summary: string | null;
  readonly changed: string | null;
  readonly first_line: string | null;
  readonly bodies: string | null;
  readonly opens: string | null;
  readonly lines_added: number | null;
  readonly lines_removed: number | null;
  readonly exit_code: number | null;
  readonly rolled_back: boolean;
  readonly call: string | null;
  readonly cost: number | null;
}

const COLUMNS = `e.id, e.lane, e.kind, e.ord, e.at, e.duration_ms, e.status, e.model, e.tool, e.opens, e.lines_added,
  e.lines_removed, e.exit_code, e.rolled_back, c.key as call, c.input, c.output, c.cache_read, c.cache_write, c.reasoning,
  c.cost`;
const IN_ORDER = "order by e.lane nulls first, e.ord, e.id";

export function createEventViews(db: PGlite): EventViews {
  return {
    events: async (session, since) =>
      db.transaction(async (tx) => {
        const found = await tx.query<Row>(
          `select ${COLUMNS}, e.summary, e.changed, e.first_line, e.bodies
           from ${EVENTS_WITH_CALLS}
           where e.session_id = $1 and e.rev > $2 ${IN_ORDER}`,
          [session, since],
        );
        const rev = await tx.query<{ rev: number }>("select rev from sessions where id = $1", [
          session,
        ]);
        return {
          events: found.rows.map(eventOf),
          removed: await readRemoved(tx, session, since),
          rev: rev.rows[0]?.rev ?? 0,
        };
      }),

    async bodies(session, events) {
      const found = await db.query<{ id: string; bodies: string }>(
        "select id, bodies from events where session_id = $1 and id = any($2::text[]) and bodies is not null order by id",
        [session, textArray(events)],
      );
      const bodies = await readPacks(
        db,
        found.rows.map((row) => row.bodies),
      );
      return Object.fromEntries(found.rows.map(({ id }, i) => [id, bodies[i] ?? []]));
    },

    localTrace: async (session, since) =>
      db.transaction(async (tx) => {
        const found = await tx.query<SessionColumns>(
          `select s.*, p.path as project_path from sessions s left join projects p on p.id = s.project_id
           where s.id = $1 and s.remote_team is null`,
          [session],
        );
        const row = found.rows[0];
        if (row === undefined) return null;
        const events = await tx.query<Row>(
          `select ${COLUMNS}, e.tool_input from ${EVENTS_WITH_CALLS}
           where e.session_id = $1 and e.rev > $2 ${IN_ORDER}`,
          [session, since],
        );
        return {
          rev: row.rev,
          cwd: row.cwd,
          projectPath: row.project_path,
          session: sessionOf(row, await readUsage(tx, session)),
          events: events.rows.map(localOf),
          removed: await readRemoved(tx, session, since),
        };
      }),
  };
}

async function readRemoved(db: Db, session: SessionId, since: number): Promise<readonly EventId[]> {
  const removed = await db.query<{ id: EventId }>(
    "select id from withdrawn_events where session_id = $1 and rev > $2 order by id",
    [session, since],
  );
  return removed.rows.map(({ id }) => id);
}

interface SessionColumns {
  readonly agent: AgentId;
  readonly agent_version: string | null;
  readonly source_id: string;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly events: number;
  readonly prompts: number;
  readonly tools: number;
  readonly files_changed: number;
  readonly cwd: string | null;
  readonly project_path: string | null;
  readonly rev: number;
}

async function readUsage(db: Db, session: SessionId): Promise<readonly LocalUsage[]> {
  const usage = await db.query<
    TokenColumns & { model: string; calls: number; cost: number | null }
  >(
    `select c.model, ${CALL_SUMS} from calls c where c.session_id = $1 group by c.model order by c.model`,
    [session],
  );
  return usage.rows.map((row) => ({
    model: row.model,
    calls: row.calls,
    tokens: tokensOf(row),
    costNanoUsd: row.cost,
  }));
}

function sessionOf(row: SessionColumns, usage: readonly LocalUsage[]): LocalSession {
  return {
    agent: row.agent,
    agentVersion: row.agent_version,
    sourceId: row.source_id,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    usage,
    events: row.events,
    prompts: row.prompts,
    tools: row.tools,
    filesChanged: row.files_changed,
  };
}

function eventOf(row: Row): EventRow {
  const bodies = bodiesOf(row.bodies);
  return {
    id: row.id,
    lane: row.lane,
    kind: row.kind,
    order: row.ord,
    at: row.at,
    durationMs: row.duration_ms,
    status: row.status,
    model: row.model,
    tool: row.tool,
    summary: row.summary ?? (row.first_line || null),
    opens: row.opens,
    linesAdded: row.lines_added,
    linesRemoved: row.lines_removed,
    changed: changedOf(row),
    exitCode: row.exit_code,
    rolledBack: row.rolled_back,
    tokens: row.call === null ? null : tokensOf(row),
    costUsd: row.call === null ? null : dollars(row.cost),
    parts: bodies.map(({ name }) => name),
    partBytes: bodies.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function localOf(row: Row): LocalEvent {
  const input = (row.tool_input === null ? {} : JSON.parse(row.tool_input)) as ToolUse["input"];
  return {
    id: row.id,
    kind: row.kind,
    at: row.at,
    durationMs: row.duration_ms,
    status: row.status,
    model: row.model,
    lane: row.lane,
    order: row.ord,
    opens: row.opens,
    tool: row.tool === null ? null : { name: row.tool, input },
    tokens: row.call === null ? null : tokensOf(row),
    costNanoUsd: row.call === null ? null : row.cost,
    linesAdded: row.lines_added,
    linesRemoved: row.lines_removed,
    exitCode: row.exit_code,
    rolledBack: row.rolled_back,
  };
}

/** Kept as JSON, where there was a patch. */
export function changedOf({ changed }: { readonly changed: string | null }): readonly string[] {
  return changed === null ? [] : (JSON.parse(changed) as readonly string[]);
}
