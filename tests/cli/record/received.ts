/** What a relay received and what it holds, as it is recorded and as it is searched. */
import { PGlite } from "@electric-sql/pglite";

export interface AskedOfRelay {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Name, value, name, value … */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Frame {
  readonly from: "device" | "relay";
  readonly data: Buffer;
  readonly binary: boolean;
}

export interface Table {
  /** With its schema. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

export interface Received {
  readonly requests: readonly AskedOfRelay[];
  readonly frames: readonly Frame[];
  readonly tables: readonly Table[];
  readonly log: string;
}

/** Every table of a stopped relay. `folder`: its data folder. */
export async function readTables(folder: string): Promise<readonly Table[]> {
  const db = await PGlite.create(`${folder}/db`);
  try {
    const { rows } = await db.query<{ name: string; columns: string[] }>(`
      select n.nspname || '.' || c.relname as name,
        array_agg(a.attname::text order by a.attnum) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')
      group by 1 order by 1`);
    const tables: Table[] = [];
    for (const { name, columns } of rows)
      tables.push({
        name,
        columns,
        rows: (await db.query<Record<string, unknown>>(`select * from ${name}`)).rows,
      });
    return tables;
  } finally {
    await db.close();
  }
}
