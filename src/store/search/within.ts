/** Which of the documents found lie where they are looked for. */
import type { PGlite } from "@electric-sql/pglite";
import type { ProjectId, SessionId } from "../../base/ids.ts";
import type { AgentId } from "../../base/session.ts";
import { bigintArray } from "../../pg/arrays.ts";
import { likeLiteral } from "../rows.ts";
import type { Filter, Query } from "./query.ts";

/** Where to look. Decisions are in no session: of these fields only `since` can let one through. */
export interface SearchWithin {
  readonly session?: SessionId;
  readonly agent?: AgentId;
  readonly project?: ProjectId;
  /** Milliseconds since the epoch: sessions that were active, and decisions that were written, then or later. */
  readonly since?: number;
}

/** Conditions on `DOCS`. */
interface Where {
  readonly terms: readonly string[];
  readonly values: readonly (string | number)[];
}

const DOCS = `search_docs d
  left join sessions s on s.id = d.session_id
  left join projects p on p.id = s.project_id
  left join events e on e.id = d.subject
  left join search_decisions t on t.id = d.subject`;
const FIRST = 1_000;

/**
 * The first `limit` of them that are inside, and perhaps more. The best are asked for by their numbers; where too few of them
 * fit, all that fits is found, however many there are before it.
 */
export async function firstInside(
  db: PGlite,
  ranked: readonly number[],
  limit: number,
  within: SearchWithin,
  query: Query,
): Promise<readonly number[]> {
  const where = conditions(within, query);
  if (where.terms.length === 0 || ranked.length === 0) return ranked;
  // Of one session there is an index, and its documents may stand anywhere among the ranked.
  if (within.session === undefined) {
    const best = ranked.slice(0, FIRST);
    const inside = await insideOf(db, where, best);
    const found = best.filter((doc) => inside.has(doc));
    if (found.length >= limit || ranked.length <= FIRST) return found;
  }
  const inside = await insideOf(db, where, null);
  return ranked.filter((doc) => inside.has(doc));
}

/** Dead documents are inside nothing. `docs`: only of these. */
async function insideOf(
  db: PGlite,
  { terms, values }: Where,
  docs: readonly number[] | null,
): Promise<ReadonlySet<number>> {
  const all = docs === null ? terms : [...terms, `d.doc = any($${values.length + 1}::bigint[])`];
  // As one text: rows cost more to tell one by one than to find.
  const found = await db.query<{ docs: string | null }>(
    `select string_agg(d.doc::text, ' ') as docs from ${DOCS} where ${all.join(" and ")}`,
    [...values, ...(docs === null ? [] : [bigintArray(docs)])],
  );
  return new Set(found.rows[0]?.docs?.split(" ").map(Number));
}

function conditions(within: SearchWithin, { clauses, filters }: Query): Where {
  const values: (string | number)[] = [];
  const put = (value: string | number): string => `$${values.push(value)}`;
  const terms: string[] = [];
  const { session, agent, project, since } = within;
  // `search_docs` has no index of sessions.
  if (session !== undefined) {
    const place = put(session);
    terms.push(
      `d.subject = any(array(select id from events where session_id = ${place}) || ${place}::text)`,
    );
  }
  if (agent !== undefined) terms.push(`s.agent = ${put(agent)}`);
  if (project !== undefined) terms.push(`s.project_id = ${put(project)}`);
  if (since !== undefined) terms.push(`coalesce(s.ended_at, s.started_at, t.at) >= ${put(since)}`);
  // Of filters of one name any may hold; of dates all must.
  const groups = Map.groupBy(filters, (filter) => ("at" in filter ? filter : filter.name));
  for (const group of groups.values())
    terms.push(`(${group.map((filter) => term(filter, put)).join(" or ")})`);
  // Where nothing says which events, sessions are listed by their titles, not by everything in them.
  if (clauses.length === 0 && !filters.some(({ name }) => OF_EVENTS.has(name)))
    terms.push("e.id is null");
  return { terms, values };
}

const OF_EVENTS: ReadonlySet<Filter["name"]> = new Set(["tool", "file", "kind"]);

function term(filter: Filter, put: (value: string | number) => string): string {
  const any = (values: readonly string[]): string => values.map(put).join(", ");
  const part = (text: string): string => `${put(`%${likeLiteral(text)}%`)}`;
  switch (filter.name) {
    case "agent":
      return `s.agent in (${any(filter.agents)})`;
    case "kind":
      return `case when t.id is null then e.kind else 'decision' end in (${any(filter.kinds)})`;
    case "before":
      return `${AT} < ${put(filter.at)}`;
    case "after":
      return `${AT} >= ${put(filter.at)}`;
    case "project":
      return `concat_ws(' ', p.name, p.path) ilike ${part(filter.value)}`;
    case "tool":
      return `lower(e.tool) = lower(${put(filter.value)})`;
    case "file": {
      const inJson = JSON.stringify(filter.value).slice(1, -1);
      return `(e.kind = 'tool' and e.summary ilike ${part(filter.value)} or e.changed ilike ${part(inJson)})`;
    }
    case "model":
      return `coalesce(e.model, array_to_string(s.models, ' ')) ilike ${part(filter.value)}`;
  }
}

/** As a hit shows it. */
const AT = "coalesce(e.at, t.at, s.ended_at)";
