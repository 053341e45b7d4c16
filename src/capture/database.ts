/**
 * Transcripts that lie in an agent's SQLite database, each as lines: what its reader asks of the database, a record a line.
 *
 * The database is only read. What one look sees is one state of it, whatever its agent writes meanwhile; the lock that this
 * takes never keeps the agent from writing (write-ahead log), or is given back after each session (other journals).
 */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { JsonObject } from "./json.ts";
import type { FoundFile } from "./walk.ts";

/** Between the database's path and the session's id, in the path by which one of its transcripts is known: in no file's name. */
const INSIDE = "#session=";
/** How long the agent may be in the midst of a write. */
const PATIENCE_MS = 2_000;
const BLOCK_BYTES = 1024 * 1024;

export interface SessionInside {
  readonly id: string;
  /** Differs whenever something of the session does, of what can be asked cheaply: a count of its records, say. */
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly updatedMs: number;
}

/** Asks; nothing else is possible. Integers beyond what JavaScript counts exactly come rounded. */
export interface Sql {
  all(query: string, ...values: readonly SQLInputValue[]): readonly JsonObject[];
  /** A row at a time. */
  each(query: string, ...values: readonly SQLInputValue[]): Iterable<JsonObject>;
  hasTable(name: string): boolean;
}

/** What a reader knows of its agent's database. Throws SQLite's errors: a schema that is not the expected one is one. */
export interface Database {
  /** By its place alone: is this file below a root one? */
  isDatabase(relativePath: string): boolean;
  sessions(sql: Sql): Iterable<SessionInside>;
  /** What its transcript would be, in order. */
  records(sql: Sql, session: string): Iterable<JsonObject>;
}

/** Id of the topmost of the sessions above this one that are still there; `parent` names a column. */
export function topmost(sql: Sql, table: string, parent: string, session: JsonObject): unknown {
  const seen = new Set<unknown>();
  let top = session;
  while (typeof top[parent] === "string" && !seen.has(top["id"])) {
    seen.add(top["id"]);
    const above = sql.all(`select id, ${parent} from ${table} where id = ?`, top[parent])[0];
    if (above === undefined) break;
    top = above;
  }
  return top["id"];
}

export function placeInside(
  path: string,
): { readonly database: string; readonly session: string } | null {
  const at = path.lastIndexOf(INSIDE);
  return at < 0 ? null : { database: path.slice(0, at), session: path.slice(at + INSIDE.length) };
}

export function pathInside(database: string, session: string): string {
  return database + INSIDE + session;
}

/** The sessions in a database, as files. */
export function sessionsInside(reader: Database, file: FoundFile): FoundFile[] {
  return reading(file.path, (sql) =>
    [...reader.sessions(sql)].map(({ id, version, updatedMs }) => ({
      path: pathInside(file.path, id),
      inode: file.inode,
      sizeBytes: Math.trunc(version),
      mtimeMs: Math.trunc(updatedMs),
    })),
  );
}

/** One session's records as lines. */
export function* linesInside(reader: Database, path: string): Generator<Buffer> {
  const place = placeInside(path);
  if (place === null) throw new Error("it names no session of a database");
  const sql = open(place.database);
  try {
    let held: string[] = [];
    let chars = 0;
    for (const record of reader.records(sql, place.session)) {
      const line = `${JSON.stringify(record)}\n`;
      held.push(line);
      chars += line.length;
      if (chars < BLOCK_BYTES) continue;
      yield Buffer.from(held.join(""));
      held = [];
      chars = 0;
    }
    if (held.length > 0) yield Buffer.from(held.join(""));
  } finally {
    sql.close();
  }
}

function reading<T>(path: string, work: (sql: Sql) => T): T {
  const sql = open(path);
  try {
    return work(sql);
  } finally {
    sql.close();
  }
}

function open(path: string): Sql & { close(): void } {
  const database = new DatabaseSync(path, { readOnly: true, timeout: PATIENCE_MS });
  const statement = (query: string) => {
    const prepared = database.prepare(query);
    prepared.setReadBigInts(true);
    return prepared;
  };
  try {
    database.exec("begin");
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    all: (query, ...values) =>
      statement(query)
        .all(...values)
        .map(plain),
    *each(query, ...values) {
      for (const row of statement(query).iterate(...values)) yield plain(row);
    },
    hasTable: (name) =>
      statement("select 1 from sqlite_master where type = 'table' and name = ?").get(name) !==
      undefined,
    close: () => database.close(),
  };
}

/** Blobs as text: agents keep JSON in either. */
function plain(row: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === "bigint"
        ? Number(value)
        : value instanceof Uint8Array
          ? Buffer.from(value).toString("utf8")
          : value,
    ]),
  );
}
