/** What the relay needs of PostgreSQL. */
import { readdir, readFile } from "node:fs/promises";
import { PGlite, type Transaction } from "@electric-sql/pglite";
import type { Caller } from "./tokens.ts";

export type Row = Record<string, unknown>;
export type Query = <T extends Row>(sql: string, parameters?: readonly unknown[]) => Promise<T[]>;

export interface Database {
  /** One statement as the owner. */
  readonly query: Query;
  /** As the owner; rolled back when `work` throws. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** One statement in a transaction of its own, as the caller's role and under its claims. */
  as<T extends Row>(caller: Caller, sql: string, parameters: readonly unknown[]): Promise<T[]>;
  /** Called with the payload of each notification, after its transaction. */
  listen(channel: string, onPayload: (payload: string) => void): Promise<void>;
  close(): Promise<void>;
}

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** The relay's own part of the database, around the cloud schema that Supabase has too. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const own = async (version: number, name: string) => ({ version, name, sql: await readFile(new URL(name, import.meta.url), "utf8") });
  const folder = new URL("../supabase/migrations/", import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  const cloud = files.map(async (name) => ({
    version: Number.parseInt(name, 10),
    name,
    sql: await readFile(new URL(name, folder), "utf8"),
  }));
  return Promise.all([own(1, "bootstrap.sql"), ...cloud, own(20261123000009, "watch.sql")]);
}

export function overPGlite(db: PGlite): Database {
  const bound =
    (on: PGlite | Transaction): Query =>
    async <T extends Row>(sql: string, parameters: readonly unknown[] = []) =>
      (await on.query<T>(sql, [...parameters])).rows;
  return {
    query: bound(db),
    transaction: async (work) => (await db.transaction((tx) => work(bound(tx)))) as Awaited<ReturnType<typeof work>>,
    as: (caller, sql, parameters) =>
      db.transaction(async (tx) => {
        await tx.query(BECOME, [caller.role, caller.claimsText]);
        return bound(tx)(sql, parameters);
      }),
    async listen(channel, onPayload) {
      await db.listen(channel, onPayload);
    },
    close: () => db.close(),
  };
}

export const BECOME = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)";
