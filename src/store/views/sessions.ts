/** Sessions as lists and pages show them. */
import type { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../../base/clock.ts";
import type { SessionId } from "../../base/ids.ts";
import type { AgentId, Tokens } from "../../base/session.ts";
import { raise } from "../../base/result.ts";
import { textArray } from "../../pg/arrays.ts";
import { type TokenColumns, dollars, likeLiteral, tokensOf } from "../rows.ts";
import type { Resolver } from "./resolve.ts";

export interface SessionRow {
  readonly id: string;
  readonly agent: AgentId;
  readonly sourceId: string;
  readonly project: {
    readonly id: string;
    readonly name: string;
    readonly path: string | null;
  } | null;
  readonly title: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly agentVersion: string | null;
  readonly gitBranch: string | null;
  readonly models: readonly string[];
  readonly events: number;
  readonly prompts: number;
  readonly calls: number;
  readonly tools: number;
  readonly filesChanged: number;
  readonly tokens: Tokens;
  /** Null when some call has no price. */
  readonly costUsd: number | null;
  readonly parent: string | null;
  readonly damagedLines: number;
  readonly live: boolean;
  readonly sharedWith: string | null;
  readonly owner: string | null;
  readonly claimedBy: string | null;
}

export interface SessionFilter {
  readonly agent?: AgentId;
  /** Id, a beginning of one, path or name. */
  readonly project?: string;
  /** Milliseconds since the epoch: sessions that ended then or later. */
  readonly since?: number;
  /** Words in the title, project or agent. */
  readonly text?: string;
  readonly limit?: number;
  readonly offset?: number;
}

export interface SessionViews {
  /** Newest first. */
  sessions(
    filter: SessionFilter,
  ): Promise<{ readonly rows: readonly SessionRow[]; readonly total: number }>;
  session(id: SessionId): Promise<SessionRow>;
  revisions(
    ids: readonly SessionId[],
  ): Promise<readonly { readonly id: SessionId; readonly rev: number }[]>;
  counts(): Promise<{ readonly sessions: number; readonly events: number }>;
  /** Of what was captured here. `newest`: when the last event of any of them was. */
  countsByAgent(): Promise<readonly AgentCount[]>;
  projects(): Promise<readonly ProjectRow[]>;
}

export interface AgentCount {
  readonly agent: AgentId;
  readonly sessions: number;
  readonly newest: number | null;
}

export interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly sessions: number;
}

/** A setting under this key, with the session's id behind, names the account that claimed it. */
export const CLAIMED_KEY = "claimed/";

const LIVE_MS = 60_000;
const DEFAULT_LIMIT = 200;

const SELECT = `
  select s.*, p.name as project_name, p.path as project_path,
    coalesce(s.agent_title, s.prompt_title) as title,
    coalesce((
      select parent.id from sessions parent
      where parent.agent = s.agent and parent.source_id = s.parent_source_id and parent.id <> s.id
      order by parent.id limit 1), s.replays) as parent,
    coalesce((select sum(f.damaged) from files f where f.session_id = s.id), 0)::bigint as damaged,
    coalesce(s.remote_team, (
      select d.team from documents d where d.subject = s.id and d.kind = 'trace' and not d.retired and d.team is not null
      order by d.id limit 1)) as shared_with,
    (select value from settings where key = '${CLAIMED_KEY}' || s.id) as claimed_by
  from sessions s left join projects p on p.id = s.project_id`;

interface Row extends TokenColumns {
  readonly id: SessionId;
  readonly agent: AgentId;
  readonly source_id: string;
  readonly project_id: string | null;
  readonly project_name: string | null;
  readonly project_path: string | null;
  readonly title: string | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly agent_version: string | null;
  readonly git_branch: string | null;
  readonly models: readonly string[];
  readonly events: number;
  readonly prompts: number;
  readonly calls: number;
  readonly tools: number;
  readonly files_changed: number;
  readonly cost: number | null;
  readonly parent: string | null;
  readonly damaged: number;
  readonly shared_with: string | null;
  readonly owner: string | null;
  /** JSON, as a setting is. */
  readonly claimed_by: string | null;
}

export function createSessionViews(db: PGlite, clock: Clock, resolve: Resolver): SessionViews {
  return {
    async sessions(filter) {
      const { where, values } = await conditions(filter, resolve);
      const counted = await db.query<{ total: number }>(
        `select count(*) as total from sessions s left join projects p on p.id = s.project_id ${where}`,
        values,
      );
      const found = await db.query<Row>(
        `${SELECT} ${where} order by s.ended_at desc nulls last, s.id
         limit $${values.length + 1} offset $${values.length + 2}`,
        [...values, filter.limit ?? DEFAULT_LIMIT, filter.offset ?? 0],
      );
      return {
        rows: found.rows.map((row) => rowOf(row, clock)),
        total: counted.rows[0]?.total ?? 0,
      };
    },

    async session(id) {
      const found = await db.query<Row>(`${SELECT} where s.id = $1`, [id]);
      const row = found.rows[0];
      if (row === undefined)
        raise("not-found", `There is no session "${id}" here. Nothing was done.`);
      return rowOf(row, clock);
    },

    async revisions(ids) {
      const found = await db.query<{ id: SessionId; rev: number }>(
        "select id, rev from sessions where id = any($1::text[])",
        [textArray(ids)],
      );
      return found.rows;
    },

    async counts() {
      const found = await db.query<{ sessions: number; events: number }>(
        "select count(*) as sessions, coalesce(sum(events), 0)::bigint as events from sessions",
      );
      return found.rows[0] as { sessions: number; events: number };
    },

    async countsByAgent() {
      const found = await db.query<AgentCount>(
        "select agent, count(*) as sessions, max(ended_at) as newest from sessions where remote_team is null group by agent",
      );
      return found.rows;
    },

    async projects() {
      const found = await db.query<ProjectRow>(
        `select p.id, p.name, p.path, (select count(*) from sessions s where s.project_id = p.id) as sessions
         from projects p where p.path is not null order by sessions desc, p.path`,
      );
      return found.rows;
    },
  };
}

async function conditions(
  filter: SessionFilter,
  resolve: Resolver,
): Promise<{ readonly where: string; readonly values: (string | number)[] }> {
  const values: (string | number)[] = [];
  const terms: string[] = [];
  const add = (value: string | number, term: (place: string) => string): void => {
    values.push(value);
    terms.push(term(`$${values.length}`));
  };
  if (filter.agent !== undefined) add(filter.agent, (place) => `s.agent = ${place}`);
  if (filter.project !== undefined)
    add(await resolve.projectId(filter.project), (place) => `s.project_id = ${place}`);
  if (filter.since !== undefined) add(filter.since, (place) => `s.ended_at >= ${place}`);
  for (const word of (filter.text ?? "").split(/\s+/u).filter((part) => part !== "")) {
    add(
      `%${likeLiteral(word)}%`,
      (place) => `concat_ws(' ', s.agent_title, s.prompt_title, p.name, s.agent) ilike ${place}`,
    );
  }
  return { where: terms.length === 0 ? "" : `where ${terms.join(" and ")}`, values };
}

function rowOf(row: Row, clock: Clock): SessionRow {
  const age = clock.nowMs() - (row.ended_at ?? -Infinity);
  return {
    id: row.id,
    agent: row.agent,
    sourceId: row.source_id,
    project:
      row.project_id === null
        ? null
        : { id: row.project_id, name: row.project_name ?? row.project_id, path: row.project_path },
    title: row.title,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    agentVersion: row.agent_version,
    gitBranch: row.git_branch,
    models: row.models,
    events: row.events,
    prompts: row.prompts,
    calls: row.calls,
    tools: row.tools,
    filesChanged: row.files_changed,
    tokens: tokensOf(row),
    costUsd: dollars(row.cost),
    parent: row.parent,
    damagedLines: row.damaged,
    live: age >= 0 && age <= LIVE_MS,
    sharedWith: row.shared_with,
    owner: row.owner,
    claimedBy: row.claimed_by === null ? null : (JSON.parse(row.claimed_by) as string),
  };
}
