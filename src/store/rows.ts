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

/** Sums of the calls `c` of a group; `sum` of bigint is numeric, which would arrive as text. */
export const CALL_SUMS = `
  coalesce(sum(c.count), 0)::bigint as calls,
  coalesce(sum(c.input), 0)::bigint as input,
  coalesce(sum(c.output), 0)::bigint as output,
  coalesce(sum(c.cache_read), 0)::bigint as cache_read,
  coalesce(sum(c.cache_write), 0)::bigint as cache_write,
  coalesce(sum(c.reasoning), 0)::bigint as reasoning,
  case when count(*) filter (where c.key is not null and c.cost is null) > 0 then null
       else coalesce(sum(c.cost), 0)::bigint end as cost`;
