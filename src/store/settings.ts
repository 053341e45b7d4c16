/**
 * Settings: JSON by key, on disk before they are acknowledged. Also what people decided about sessions and projects
 * (sharing, claims, links): it must outlive a database that is filled again.
 */
import type { Durable } from "./durable.ts";
import { dropSetting, putSetting } from "./replay.ts";

/** The account of this profile, an object with an `id`; not set while nobody is signed in. */
export const ACCOUNT_KEY = "account";
/** Its id, or null, in a query. */
export const SIGNED_IN = `(select value::json ->> 'id' from settings where key = '${ACCOUNT_KEY}')`;

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export interface Settings {
  /** Undefined: not set. */
  get(key: string): Promise<Json | undefined>;
  set(key: string, value: Json): Promise<void>;
  /** All or none. */
  setMany(values: ReadonlyMap<string, Json>): Promise<void>;
  delete(key: string): Promise<void>;
  /** Those whose key begins so, in the order of their keys. */
  all(prefix?: string): Promise<ReadonlyMap<string, Json>>;
}

export function createSettings(durable: Durable): Settings {
  const setMany = async (values: ReadonlyMap<string, Json>): Promise<void> =>
    durable.write(async (tx) => {
      for (const [key, value] of values) await putSetting(tx, key, value);
      return {
        entries: [...values].map(([key, value]) => ({ type: "set" as const, key, value })),
        value: undefined,
      };
    });
  return {
    async get(key) {
      const found = await durable.db.query<{ value: string }>(
        "select value from settings where key = $1",
        [key],
      );
      const row = found.rows[0];
      return row === undefined ? undefined : (JSON.parse(row.value) as Json);
    },
    set: (key, value) => setMany(new Map([[key, value]])),
    setMany,
    delete: async (key) =>
      durable.write(async (tx) => {
        await dropSetting(tx, key);
        return { entries: [{ type: "delete", key }], value: undefined };
      }),
    async all(prefix = "") {
      const found = await durable.db.query<{ key: string; value: string }>(
        "select key, value from settings where starts_with(key, $1) order by key",
        [prefix],
      );
      return new Map(found.rows.map(({ key, value }) => [key, JSON.parse(value) as Json]));
    },
  };
}
