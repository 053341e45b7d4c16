/** Agents' databases, made of what a test says; kept open to write more, as an agent does. */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AGENTS } from "./home.ts";

interface Row {
  readonly id: string;
  readonly time?: { readonly created: number; readonly updated?: number };
  readonly [field: string]: unknown;
}

export interface Export {
  readonly info: Row & { readonly parentID?: string; readonly title: string };
  readonly messages: readonly { readonly info: Row; readonly parts: readonly Row[] }[];
}

export const HARBOR = "ses_29b8a1f3effeHarborBerths01";
export const COUNT = "ses_29b8a1e11ffeHarborCount02";

export function openCodeExport(id: string): Export {
  return JSON.parse(readFileSync(join(AGENTS, "opencode", `${id}.json`), "utf8")) as Export;
}

function openDatabase(path: string, schema: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path);
  database.exec(`pragma journal_mode = wal; ${schema}`);
  return database;
}

/** With the columns that the reader asks for, and some it does not. */
export function openCodeDatabase(path: string, sessions: readonly Export[]): DatabaseSync {
  const database = openDatabase(
    path,
    `create table session (id text primary key, project_id text not null, parent_id text, slug text not null,
       directory text not null, title text not null, version text not null, revert text,
       time_created integer not null, time_updated integer not null);
     create table message (id text primary key, session_id text not null, time_created integer not null,
       time_updated integer not null, data text not null);
     create table part (id text primary key, message_id text not null, session_id text not null,
       time_created integer not null, time_updated integer not null, data text not null);
     create index message_session_time_created_id_idx on message (session_id, time_created, id);
     create index part_message_id_id_idx on part (message_id, id);
     create index part_session_idx on part (session_id);`,
  );
  for (const { info, messages } of sessions) {
    const { created = 0, updated = 0 } = info.time ?? {};
    database
      .prepare("insert into session values (?, 'harbor', ?, 'slug', ?, ?, '1.2.24', null, ?, ?)")
      .run(info.id, info.parentID ?? null, String(info["directory"]), info.title, created, updated);
    for (const message of messages) addMessage(database, info.id, message);
  }
  return database;
}

export function addMessage(
  database: DatabaseSync,
  session: string,
  { info, parts }: Export["messages"][number],
): void {
  const { id, time, ...data } = info;
  const created = time?.created ?? 0;
  database
    .prepare("insert into message values (?, ?, ?, ?, ?)")
    .run(id, session, created, created, JSON.stringify({ time, ...data }));
  for (const { id: part, ...rest } of parts)
    database
      .prepare("insert into part values (?, ?, ?, ?, ?, ?)")
      .run(part, id, session, created, created, JSON.stringify(rest));
}
