/** Columns shared by several queries, and the few conversions between rows and values. */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import type { Tokens } from "../base/session.ts";

/** A database or a transaction on it. */
export type Db = Pick<PGlite | Transaction, "query" | "exec">;

export interface TokenColumns {
  readonly input: number;
  readonly output: number;
  readonly cache_read: number;
  readonly cache_write: number;
  readonly reasoning: number;
}

export function tokensOf(row: TokenColumns): Tokens {
  return {
    input: row.input,
    output: row.output,
    cacheRead: row.cache_read,
    cacheWrite: row.cache_write,
    reasoning: row.reasoning,
  };
}

/** Null stays "unpriced". */
export function dollars(nano: number | null): number | null {
  return nano === null ? null : nano / 1e9;
}

/** For `like`: what the text holds stands for itself. */
export function likeLiteral(text: string): string {
  return text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`);
}

/**
 * `sum` of bigint is numeric, which would arrive as text. Teammates' numbers may be any: their sum is never more than
 * JavaScript counts exactly.
 */
const exact = (column: string): string =>
  `least(greatest(coalesce(sum(${column}), 0), -${Number.MAX_SAFE_INTEGER}), ${Number.MAX_SAFE_INTEGER})::bigint`;

/** Events `e` and the call `c` whose tokens each shows: by the call's key, so that `calls` needs no index of events. */
export const EVENTS_WITH_CALLS = `events e join sessions s on s.id = e.session_id
  left join calls c on c.agent = s.agent and c.key = e.call_key and c.event_id = e.id`;

/** Sums of the calls `c` of a group. */
export const CALL_SUMS = `
  ${exact("c.count")} as calls,
  ${exact("c.input")} as input,
  ${exact("c.output")} as output,
  ${exact("c.cache_read")} as cache_read,
  ${exact("c.cache_write")} as cache_write,
  ${exact("c.reasoning")} as reasoning,
  case when count(*) filter (where c.key is not null and c.cost is null) > 0 then null
       else ${exact("c.cost")} end as cost`;
