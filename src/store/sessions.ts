/** What happens to sessions besides capture: claims, and teammates' traces. */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import type { DocId, EventId, ProjectId, SessionId, TeamId } from "../base/ids.ts";
import { NO_TOKENS, type Tokens } from "../base/session.ts";
import { toolSummary, type TraceEvent, type TraceMeta } from "../crdt/trace.ts";
import { textArray, withoutNul } from "../pg/arrays.ts";
import { type CopyValue, copyRows } from "../pg/copy.ts";
import type { Settings } from "./settings.ts";
import { CLAIMED_KEY } from "./views/sessions.ts";

export interface RemoteTrace {
  readonly id: SessionId;
  readonly team: TeamId;
  /** Whose it is, in words. */
  readonly owner: string;
  /** A project of this machine that is linked to the trace's, else what the team calls it. */
  readonly project: { readonly id: ProjectId; readonly name: string } | null;
  readonly meta: TraceMeta;
  readonly events: ReadonlyMap<EventId, TraceEvent>;
}

export interface Sessions {
  /** Sets the account that claimed them; uploads nothing. */
  claim(sessions: readonly SessionId[], account: string): Promise<void>;
  /** Takes the claim away. */
  release(session: SessionId): Promise<void>;
  /** Makes a teammate's session what its document says. False: it was captured here, and stays as captured. */
  putRemote(trace: RemoteTrace): Promise<boolean>;
}

export function createSessions(db: PGlite, settings: Settings): Sessions {
  return {
    claim: (sessions, account) =>
      settings.setMany(new Map(sessions.map((session) => [CLAIMED_KEY + session, account]))),

    release: (session) => settings.delete(CLAIMED_KEY + session),

    putRemote: async (trace) =>
      db.transaction(async (tx) => {
        const before = await tx.query<{ remote_team: string | null; rev: number }>(
          "select remote_team, rev from sessions where id = $1",
          [trace.id],
        );
        const row = before.rows[0];
        if (row !== undefined && row.remote_team === null) return false;
        const rev = (row?.rev ?? 0) + 1;
        await writeSession(tx, trace, rev);
        const shown = await writeEvents(tx, trace, rev);
        await tx.query("delete from calls where session_id = $1", [trace.id]);
        await writeCalls(tx, trace, shown);
        return true;
      }),
  };
}

/** Whose session it is while nobody can be asked, or its document is gone and another one is yet to be shown. */
export const UNKNOWN_MEMBER = "a teammate";

/**
 * After one of its documents was retired. A teammate's session that no other document shows goes, with all that is found of
 * it; one that another document shows is to be shown again: gives those documents. One that was captured here stays.
 */
export async function dropRemote(tx: Transaction, session: string): Promise<readonly DocId[]> {
  const others = await tx.query<{ id: DocId }>(
    `update documents set model_rev = 0
     where subject = $1 and kind = 'trace' and team is not null and owner is not null and not retired returning id`,
    [session],
  );
  if (others.rows.length > 0) {
    await tx.query("update sessions set owner = $2 where id = $1 and remote_team is not null", [
      session,
      UNKNOWN_MEMBER,
    ]);
    return others.rows.map(({ id }) => id);
  }
  const dropped = await tx.query(
    "delete from sessions where id = $1 and remote_team is not null returning id",
    [session],
  );
  if (dropped.rows.length > 0)
    for (const table of ["events", "calls", "withdrawn_events", "search_docs"])
      await tx.query(`delete from ${table} where session_id = $1`, [session]);
  return [];
}

/** The sums are the owner's own: they stand in `meta`. A title is never shared. */
async function writeSession(
  tx: Transaction,
  { id, team, owner, project, meta }: RemoteTrace,
  rev: number,
): Promise<void> {
  const usage = Object.values(meta.usage);
  const total = (pick: (tokens: Tokens) => number) =>
    whole(usage.reduce((sum, { tokens }) => sum + pick(tokens), 0));
  const unpriced = usage.some(({ costNanoUsd }) => costNanoUsd === null);
  if (project !== null) {
    await tx.query(
      "insert into projects (id, path, name) values ($1, null, $2) on conflict do nothing",
      [project.id, withoutNul(project.name)],
    );
  }
  const values: Readonly<Record<string, unknown>> = {
    id,
    project_id: project?.id ?? null,
    agent: meta.agent,
    source_id: meta.sourceId ?? id,
    remote_team: team,
    owner,
    agent_version: meta.agentVersion,
    rev,
    started_at: meta.startedAt,
    ended_at: meta.endedAt,
    events: meta.events,
    prompts: meta.prompts,
    tools: meta.tools,
    files_changed: meta.filesChanged,
    calls: whole(usage.reduce((sum, { calls }) => sum + calls, 0)),
    input: total((tokens) => tokens.input),
    output: total((tokens) => tokens.output),
    cache_read: total((tokens) => tokens.cacheRead),
    cache_write: total((tokens) => tokens.cacheWrite),
    reasoning: total((tokens) => tokens.reasoning),
    cost: unpriced
      ? null
      : whole(usage.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0), 0)),
    models: textArray(Object.keys(meta.usage).sort()),
  };
  const columns = Object.keys(values);
  await tx.query(
    `insert into sessions (${columns.join(", ")}) values (${columns.map((_, i) => `$${i + 1}`).join(", ")})
     on conflict (id) do update set ${columns.map((column) => `${column} = excluded.${column}`).join(", ")}`,
    Object.values(values).map((value) => (typeof value === "string" ? withoutNul(value) : value)),
  );
}

const EVENT_COLUMNS = [
  "id",
  "session_id",
  "lane",
  "kind",
  "ord",
  "at",
  "duration_ms",
  "status",
  "model",
  "tool",
  "tool_input",
  "summary",
  "opens",
  "lines_added",
  "lines_removed",
  "exit_code",
  "rolled_back",
  "call_key",
  "changed",
] as const;

/**
 * Only what differs is written, so that a trace that grew by an event is not shown and indexed anew. An id that a session
 * of this machine holds is a replay here too, and not stored again. Gives the ids that are this session's.
 */
async function writeEvents(
  tx: Transaction,
  { id: session, events }: RemoteTrace,
  rev: number,
): Promise<ReadonlySet<EventId>> {
  const held = await tx.query<CopyValue[]>(
    `select ${EVENT_COLUMNS.join(", ")} from events where session_id = $1 or id = any($2::text[])`,
    [session, textArray([...events.keys()])],
    { rowMode: "array" },
  );
  const before = new Map(held.rows.map((row) => [row[0] as EventId, row]));
  const isTheirs = (id: EventId): boolean => (before.get(id)?.[1] ?? session) === session;
  const rows = [...events]
    .filter(([id]) => isTheirs(id))
    .map(([id, event]) => remoteRow(id, session, event));
  const changed = rows.filter(
    (row) => JSON.stringify(row) !== JSON.stringify(before.get(row[0] as EventId)),
  );
  const gone = [...before.keys()].filter((id) => isTheirs(id) && !events.has(id));
  const replaced = textArray([...gone, ...changed.map((row) => row[0] as string)]);
  await tx.query("delete from events where id = any($1::text[])", [replaced]);
  await tx.query("delete from withdrawn_events where id = any($1::text[])", [replaced]);
  await tx.query(
    "insert into withdrawn_events (id, session_id, rev) select id, $2, $3 from unnest($1::text[]) as x(id)",
    [textArray(gone), session, rev],
  );
  await tx.query("delete from search_docs where subject = any($1::text[])", [textArray(gone)]);
  await copyRows(
    tx,
    "events",
    [...EVENT_COLUMNS, "rev"],
    changed.map((row) => [...row, rev]),
  );
  return new Set([...events.keys()].filter(isTheirs));
}

function remoteRow(id: EventId, session: SessionId, event: TraceEvent): readonly CopyValue[] {
  return [
    id,
    session,
    event.lane,
    event.kind,
    whole(event.order),
    whole(event.at),
    whole(event.durationMs),
    event.status,
    event.model,
    event.tool?.name ?? null,
    event.tool === null ? null : JSON.stringify(event.tool.input),
    toolSummary(event.tool),
    event.opens,
    whole(event.linesAdded),
    whole(event.linesRemoved),
    whole(event.exitCode),
    event.rolledBack,
    event.tokens === null ? null : callKey(session, id),
    changedBy(event),
  ];
}

function callKey(session: SessionId, event: EventId): string {
  return `${session}#${event}`;
}

/** JSON of the paths that a change of lines names; null for what changed none. */
function changedBy({ tool, linesAdded, linesRemoved }: TraceEvent): string | null {
  const { path, paths } = tool?.input ?? {};
  const named = [path, ...(Array.isArray(paths) ? paths : [])].filter(
    (value) => typeof value === "string",
  );
  const changed = linesAdded !== null || linesRemoved !== null;
  return changed && named.length > 0 ? JSON.stringify([...new Set(named)]) : null;
}

/** A call for each event that shows tokens, and what its model's sum has beyond them. */
async function writeCalls(
  tx: Transaction,
  { id: session, meta, events }: RemoteTrace,
  shown: ReadonlySet<EventId>,
): Promise<void> {
  const rest = new Map(Object.entries(meta.usage).map(([model, usage]) => [model, { ...usage }]));
  const rows: CopyValue[][] = [];
  const add = (
    key: string,
    event: string | null,
    model: string,
    at: number | null,
    count: number,
    tokens: Tokens,
    cost: number | null,
  ): void => {
    const { input, output, cacheRead, cacheWrite, reasoning } = tokens;
    rows.push([
      meta.agent,
      key,
      session,
      at,
      model,
      whole(count),
      whole(input),
      whole(output),
      whole(cacheRead),
      whole(cacheWrite),
      whole(reasoning),
      whole(cost),
      event,
    ]);
  };
  for (const [id, event] of events) {
    if (event.tokens === null) continue;
    const model = event.model ?? "";
    const bearer = shown.has(id) ? id : null;
    add(callKey(session, id), bearer, model, whole(event.at), 1, event.tokens, event.costNanoUsd);
    const sum = rest.get(model) ?? { calls: 0, tokens: NO_TOKENS, costNanoUsd: 0 };
    rest.set(model, {
      calls: sum.calls - 1,
      tokens: minus(sum.tokens, event.tokens),
      costNanoUsd: sum.costNanoUsd === null ? null : sum.costNanoUsd - (event.costNanoUsd ?? 0),
    });
  }
  for (const [model, { calls, tokens, costNanoUsd }] of rest) {
    const nothing = calls === 0 && Object.values(tokens).every((count) => count === 0);
    if (!nothing) add(`${session}#${model}`, null, model, meta.endedAt, calls, tokens, costNanoUsd);
  }
  const columns =
    "agent key session_id at model count input output cache_read cache_write reasoning cost event_id";
  await copyRows(tx, "calls", columns.split(" "), rows);
}

function minus(a: Tokens, b: Tokens): Tokens {
  return {
    input: a.input - b.input,
    output: a.output - b.output,
    cacheRead: a.cacheRead - b.cacheRead,
    cacheWrite: a.cacheWrite - b.cacheWrite,
    reasoning: a.reasoning - b.reasoning,
  };
}

/** A peer's number may be any, and so may a sum of them: what JavaScript counts exactly is the most that is kept. */
function whole<T extends number | null>(value: T): T {
  if (value === null) return value;
  const most = Number.MAX_SAFE_INTEGER;
  return Math.max(-most, Math.min(most, Math.round(value))) as T;
}
