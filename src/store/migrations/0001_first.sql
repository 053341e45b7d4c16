-- The read model: what was captured on this machine, and teammates' traces in the same tables.
-- Times are milliseconds since the epoch, money is whole nano-dollars, null is "not recorded" (of money: unpriced).

create table projects (
  id text primary key,
  -- Null: a teammate's, of which there is no folder here.
  path text,
  name text not null
);

create table sessions (
  id text primary key,
  agent text not null,
  source_id text not null,
  -- Null: captured here. Otherwise the team whose stream it came from.
  remote_team text,
  -- Of a remote session: the member who shared it.
  owner text,
  project_id text,
  agent_title text,
  prompt_title text,
  cwd text,
  git_branch text,
  agent_version text,
  parent_source_id text,
  -- The session whose events this one replays: its parent, unless parent_source_id names another.
  replays text,
  -- Grows with every commit that changes the session.
  rev bigint not null default 0,
  -- The revision the search index reflects.
  index_rev bigint not null default 0,
  indexed_title text,
  started_at bigint,
  ended_at bigint,
  events bigint not null default 0,
  prompts bigint not null default 0,
  tools bigint not null default 0,
  files_changed bigint not null default 0,
  calls bigint not null default 0,
  input bigint not null default 0,
  output bigint not null default 0,
  cache_read bigint not null default 0,
  cache_write bigint not null default 0,
  reasoning bigint not null default 0,
  cost bigint default 0,
  models text[] not null default '{}'
);
create index sessions_ended on sessions (ended_at desc nulls last, id);
create index sessions_source on sessions (agent, source_id);

create table files (
  id bigint generated always as identity primary key,
  path text not null unique,
  agent text not null,
  session_id text not null,
  -- JSON of the whole FileState.
  state text not null,
  damaged bigint not null
);
create index files_session on files (session_id);

create table events (
  id text primary key,
  session_id text not null,
  file_id bigint,
  lane text,
  kind text not null,
  ord bigint not null,
  at bigint,
  duration_ms bigint,
  status text,
  model text,
  tool text,
  -- JSON
  tool_input text,
  summary text,
  opens text,
  lines_added bigint,
  lines_removed bigint,
  exit_code bigint,
  rolled_back boolean not null,
  call_key text,
  -- JSON array of the paths its patch changed.
  changed text,
  -- Which bodies it has and where: see packs.ts.
  bodies text,
  -- Of its text, where there is no summary.
  first_line text,
  rev bigint not null
);
alter table events alter tool_input set storage external;
create index events_session on events (session_id, rev);
create index events_file on events (file_id);

-- Events that a replaced file took back, for documents that hold them.
create table withdrawn_events (
  id text primary key,
  session_id text not null,
  rev bigint not null
);

-- Bodies: see packs.ts.
create table packs (
  number bigint primary key,
  -- How many pieces of it events have.
  pieces bigint not null,
  data bytea not null
);
alter table packs alter data set storage external;

create table calls (
  agent text not null,
  key text not null,
  -- Claude Code: the key up to its "/", shared by requests of one message.
  message text,
  -- The first session it was seen in.
  session_id text not null,
  file_id bigint,
  lane text,
  at bigint,
  model text not null,
  -- More than one only where a teammate's trace gives a sum.
  count bigint not null default 1,
  input bigint not null,
  output bigint not null,
  cache_read bigint not null,
  cache_write bigint not null,
  reasoning bigint not null,
  cost bigint,
  -- The first event of the call: it shows the tokens.
  event_id text,
  primary key (agent, key)
);
create index calls_session on calls (session_id);
create index calls_side on calls (message) where message is not null and lane is not null;

-- Full-text search: see search/indexer.ts.
create table search_docs (
  doc bigint primary key,
  -- evt_…, ses_… (a title) or a decision's document.
  subject text not null unique,
  session_id text,
  rev bigint not null
);

create sequence search_doc minvalue 0 start 0;

create table search_segments (
  segment bigint primary key,
  tokens bigint not null,
  -- Per document: number, length, time.
  docs bytea not null
);
alter table search_segments alter docs set storage external;

create table search_blocks (
  segment bigint not null,
  block bigint not null,
  first_term text collate "C" not null,
  data bytea not null,
  primary key (segment, block)
);
alter table search_blocks alter data set storage external;

create table search_decisions (
  id text primary key,
  title text not null,
  body text not null,
  at bigint,
  rev bigint not null
);

-- Documents: a log of Yjs updates each.
create table documents (
  id text primary key,
  kind text not null,
  -- What it is about: a session, a decision, a project.
  subject text,
  team text,
  cloud_project text,
  generation bigint not null default 1,
  retired boolean not null default false,
  pending boolean not null default false,
  -- The device that wrote the first row in the stream.
  owner text,
  -- The account that was signed in here at the last edit: what waits is sent in no other's name. Null: it is nobody's.
  account text,
  state_vector bytea not null,
  delete_set bytea not null,
  -- Grows with every append.
  log_rev bigint not null default 0,
  -- Of a trace: the revision of the session that it shows, or (a teammate's) of its own log that the session shows.
  model_rev bigint not null default 0
);
create index documents_subject on documents (subject);
create index documents_team on documents (team, cloud_project);

create table document_updates (
  document_id text not null references documents on delete cascade,
  seq bigint not null,
  data bytea not null,
  primary key (document_id, seq)
);
alter table document_updates alter data set storage external;

-- Each verified place of a stream: its running hash after row `n`. The newest is where reading goes on.
create table places (
  team text not null,
  project text not null,
  n bigint not null,
  h bytea not null,
  primary key (team, project, n)
);

create table chains (
  team text not null,
  project text not null,
  replica text not null,
  doc text not null,
  seq bigint not null,
  hash bytea not null,
  parts bytea[] not null,
  primary key (replica, doc)
);

create table unapplied_rows (
  team text not null,
  project text not null,
  n bigint not null,
  row bytea not null,
  primary key (team, project, n)
);

-- Settings are journaled: what is here can be read again from the journal.
create table settings (
  key text primary key,
  -- JSON
  value text not null
);

create table journal_state (
  id bigint primary key default 1 check (id = 1),
  -- The newest journal record that is in this database; -1: none.
  applied bigint not null
);
insert into journal_state (applied) values (-1);
