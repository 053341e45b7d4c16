/** What the relay needs of PostgreSQL. */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import type { Caller } from "./tokens.ts";

export type Row = Record<string, unknown>;
export type Query = <T extends Row>(sql: string, parameters?: readonly unknown[]) => Promise<T[]>;

export interface Database {
  /** One statement as the owner. */
  readonly query: Query;
  /** As the owner; rolled back when `work` throws. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /**
   * One statement in a transaction of its own, as the caller's role and under its claims. `sql` has one parameter and
   * gives one text.
   */
  as(caller: Caller, sql: string, parameter: string): Promise<string | null>;
  /** Called with the payload of each notification, after its transaction. */
  listen(channel: string, onPayload: (payload: string) => void): Promise<void>;
  close(): Promise<void>;
}

/** Until the end of the transaction. */
export const BECOME =
  "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)";

export function overPGlite(db: PGlite, close: () => Promise<void>): Database {
  return {
    query: queryOn(db),
    transaction: (work) => db.transaction((tx) => work(queryOn(tx))),
    async as({ role, claimsText }, sql, parameter) {
      const { rows } = await db.query<{ result: string | null }>(
        "select auth.run_as($1, $2, $3, $4) as result",
        [role, claimsText, sql, parameter],
      );
      return rows[0]?.result ?? null;
    },
    async listen(channel, onPayload) {
      await db.listen(channel, onPayload);
    },
    close,
  };
}

function queryOn(on: PGlite | Transaction): Query {
  return async <T extends Row>(sql: string, parameters: readonly unknown[] = []) =>
    (await on.query<T>(sql, [...parameters])).rows;
}
