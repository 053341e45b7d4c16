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

export const TALLY = "20260813_1";
export const TALLY_CHILD = "20260813_2";
/** When the first session in Goose's database began: seconds. */
export const TALLY_BEGAN = 1_786_615_200;

export interface GooseMessage {
  readonly session: string;
  readonly role: "user" | "assistant";
  readonly content: readonly object[];
  readonly metadata?: object;
  /** Seconds since the first. */
  readonly after: number;
}

const request = (id: string, name: string, input: object) => ({
  type: "toolRequest",
  id,
  toolCall: { status: "success", value: { name, arguments: input } },
});
const result = (id: string, text: string, more: object = {}) => ({
  type: "toolResponse",
  id,
  toolResult: { status: "success", value: { content: [{ type: "text", text }], ...more } },
});
const text = (said: string) => ({ type: "text", text: said });

const TALLY_MESSAGES: readonly GooseMessage[] = [
  { session: TALLY, role: "user", after: 0, content: [text("Which tide is the highest?")] },
  {
    session: TALLY,
    role: "assistant",
    after: 3,
    content: [
      { type: "thinking", thinking: "The table has them.", signature: "" },
      text("I will look."),
      request("call_1", "developer__shell", { command: "sort tides.csv" }),
      request("call_2", "developer__text_editor", {
        command: "str_replace",
        path: "tides.csv",
        old_str: "north;3.1",
        new_str: "north;3.2\nsouth;2.9",
      }),
      request("call_3", "developer__shell", { command: "rm tides.csv" }),
    ],
  },
  {
    session: TALLY,
    role: "user",
    after: 5,
    content: [
      result("call_1", "north;3.1", { structuredContent: { exit_code: 0 } }),
      result("call_2", "no such text", { isError: true }),
      result("call_3", "The user has declined to run this tool. Ask what to do."),
    ],
  },
  {
    session: TALLY,
    role: "assistant",
    after: 6,
    content: [
      {
        type: "actionRequired",
        data: {
          actionType: "toolConfirmation",
          id: "call_4",
          toolName: "developer__write",
          arguments: { path: "highest.txt" },
          prompt: "May it write?",
        },
      },
    ],
  },
  {
    session: TALLY,
    role: "user",
    after: 8,
    content: [
      {
        type: "actionRequired",
        data: {
          actionType: "toolConfirmationResponse",
          id: "call_4",
          permission: "allow_once",
        },
      },
    ],
  },
  {
    session: TALLY,
    role: "assistant",
    after: 9,
    metadata: { userVisible: true, agentVisible: false },
    content: [text("The north tide, 3.1 m.")],
  },
  {
    session: TALLY,
    role: "user",
    after: 10,
    metadata: { userVisible: false, agentVisible: true },
    content: [text("Asked for the highest tide: north.")],
  },
  {
    session: TALLY,
    role: "assistant",
    after: 11,
    metadata: { userVisible: false, agentVisible: true },
    content: [text("The message before is a summary.")],
  },
  { session: TALLY_CHILD, role: "user", after: 4, content: [text("Sum the tides.")] },
  { session: TALLY_CHILD, role: "assistant", after: 5, content: [text("6.0 m.")] },
];

/** Of schema 15. */
export function gooseDatabase(path: string): DatabaseSync {
  const database = openDatabase(
    path,
    `create table sessions (id text primary key, name text not null default '', description text not null default '',
       session_type text not null default 'user', working_dir text not null, created_at timestamp, updated_at timestamp,
       accumulated_total_tokens integer, accumulated_input_tokens integer, accumulated_output_tokens integer,
       accumulated_cache_read_tokens integer, accumulated_cache_write_tokens integer, accumulated_cost real,
       model_config_json text, parent_session_id text);
     create table messages (id integer primary key autoincrement, message_id text, session_id text not null,
       role text not null, content_json text not null, created_timestamp integer not null, metadata_json text);
     create index idx_messages_session on messages (session_id);
     create table usage_ledger (id integer primary key autoincrement, session_id text not null, created_timestamp integer not null,
       model text, input_tokens integer, output_tokens integer, total_tokens integer, cache_read_tokens integer,
       cache_write_tokens integer, cost real, cost_source text, is_compaction integer default 0);
     insert into sessions values
       ('${TALLY}', 'Highest tide', '', 'user', '/home/mira/work/tally', '2026-08-13 10:00:00', '2026-08-13 10:00:11',
        7000, 6500, 500, 4000, 0, 0.02, '{"model_name": "claude-sonnet-4-5"}', null),
       ('${TALLY_CHILD}', 'Sum', '', 'sub_agent', '/home/mira/work/tally', '2026-08-13 10:00:04', '2026-08-13 10:00:05',
        120, 100, 20, null, null, null, '{"model_name": "claude-sonnet-4-5"}', '${TALLY}');
     insert into usage_ledger (session_id, created_timestamp, model, input_tokens, output_tokens, cache_read_tokens,
       cache_write_tokens, cost, cost_source) values
       ('${TALLY}', ${TALLY_BEGAN + 3}, 'claude-sonnet-4-5', 5000, 300, 4000, 500, 0.0093, 'provider_reported'),
       ('${TALLY}', ${TALLY_BEGAN + 9}, 'claude-sonnet-4-5', 1500, 200, 0, 0, null, null);`,
  );
  for (const message of TALLY_MESSAGES) addGooseMessage(database, message);
  return database;
}

export function addGooseMessage(database: DatabaseSync, message: GooseMessage): void {
  const { session, role, content, metadata, after } = message;
  database
    .prepare(
      `insert into messages (message_id, session_id, role, content_json, created_timestamp, metadata_json)
       values (?, ?, ?, ?, ?, ?)`,
    )
    .run(
      `msg_${session}_${after}`,
      session,
      role,
      JSON.stringify(content),
      TALLY_BEGAN + after,
      metadata === undefined ? null : JSON.stringify(metadata),
    );
}
