/** Sessions during a commit: what they say of themselves is merged here, what can be counted is counted by the database. */
import type { Transaction } from "@electric-sql/pglite";
import type { EventId, ProjectId, SessionId } from "../base/ids.ts";
import type { CaptureBatch, ProjectRef, SessionRef } from "../base/session.ts";
import { bigintArray, textArray } from "../pg/arrays.ts";
import type { FindProject } from "./projects.ts";
import { recount } from "./recount.ts";
import type { Db } from "./rows.ts";

/** A session as it will be saved. `changed` decides whether it is. */
export interface SessionDraft {
  readonly ref: SessionRef;
  /** The revision that everything changed in this commit bears. */
  readonly rev: number;
  changed: boolean;
  project: ProjectId | null;
  agentTitle: string | null;
  promptTitle: string | null;
  cwd: string | null;
  gitBranch: string | null;
  agentVersion: string | null;
  parentSourceId: string | null;
  replays: string | null;
}

interface Row {
  readonly id: SessionId;
  readonly agent: SessionRef["agent"];
  readonly source_id: string;
  readonly remote_team: string | null;
  readonly project_id: ProjectId | null;
  readonly agent_title: string | null;
  readonly prompt_title: string | null;
  readonly cwd: string | null;
  readonly git_branch: string | null;
  readonly agent_version: string | null;
  readonly parent_source_id: string | null;
  readonly replays: string | null;
  readonly rev: number;
}

const MAX_TITLE = 200;

export async function loadSessions(
  tx: Transaction,
  batches: readonly CaptureBatch[],
  findProject: FindProject,
): Promise<{ sessions: Map<SessionId, SessionDraft>; projects: readonly ProjectRef[] }> {
  const refs = new Map(batches.map((batch) => [batch.ref.id, batch.ref]));
  const drafts = await readDrafts(tx, [...refs.keys()]);
  const remote = [...drafts.values()].filter((draft) => draft.changed).map(({ ref }) => ref.id);
  if (remote.length > 0) await clearRemote(tx, remote);
  for (const id of remote)
    drafts.set(id, { ...(drafts.get(id) as SessionDraft), ref: refs.get(id) as SessionRef });
  for (const ref of refs.values()) if (!drafts.has(ref.id)) drafts.set(ref.id, newDraft(ref));
  const projects = new Map<string, ProjectRef>();
  for (const batch of batches) {
    const draft = drafts.get(batch.ref.id) as SessionDraft;
    const project = batch.facts.cwd === undefined ? null : findProject(batch.facts.cwd);
    if (project !== null) projects.set(project.id, project);
    mergeFacts(draft, batch, project);
  }
  return { sessions: drafts, projects: [...projects.values()] };
}

/** Adds the sessions of these ids that the commit did not load: another session's call changed theirs. */
export async function loadMore(
  tx: Transaction,
  drafts: Map<SessionId, SessionDraft>,
  ids: Iterable<SessionId>,
): Promise<void> {
  const missing = [...new Set(ids)].filter((id) => !drafts.has(id));
  if (missing.length === 0) return;
  for (const [id, draft] of await readDrafts(tx, missing))
    if (!drafts.has(id)) drafts.set(id, draft);
}

/** Saves and recounts those that changed. */
export async function saveSessions(
  tx: Transaction,
  drafts: ReadonlyMap<SessionId, SessionDraft>,
): Promise<readonly SessionId[]> {
  const changed = [...drafts.values()].filter((draft) => draft.changed);
  if (changed.length === 0) return [];
  const text = (pick: (draft: SessionDraft) => string | null) => textArray(changed.map(pick));
  const saving = tx.query(
    `insert into sessions (id, agent, source_id, project_id, agent_title, prompt_title, cwd, git_branch,
       agent_version, parent_source_id, replays, rev)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
       $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[])
     on conflict (id) do update set
       agent = excluded.agent, source_id = excluded.source_id, remote_team = null, owner = null, project_id = excluded.project_id, agent_title = excluded.agent_title,
       prompt_title = excluded.prompt_title, cwd = excluded.cwd, git_branch = excluded.git_branch,
       agent_version = excluded.agent_version, parent_source_id = excluded.parent_source_id,
       replays = excluded.replays, rev = excluded.rev`,
    [
      text((draft) => draft.ref.id),
      text((draft) => draft.ref.agent),
      text((draft) => draft.ref.sourceId),
      text((draft) => draft.project),
      text((draft) => draft.agentTitle),
      text((draft) => draft.promptTitle),
      text((draft) => draft.cwd),
      text((draft) => draft.gitBranch),
      text((draft) => draft.agentVersion),
      text((draft) => draft.parentSourceId),
      text((draft) => draft.replays),
      bigintArray(changed.map((draft) => draft.rev)),
    ],
  );
  const ids = changed.map((draft) => draft.ref.id);
  await Promise.all([saving, recount(tx, ids)]);
  return ids;
}

/** What another device said of these sessions gives way to what is captured here. */
async function clearRemote(tx: Transaction, ids: readonly SessionId[]): Promise<void> {
  const those = [textArray(ids)];
  await tx.query(
    "delete from search_docs where subject = any(array(select id from events where session_id = any($1::text[])) || $1)",
    those,
  );
  for (const table of ["events", "calls"])
    await tx.query(`delete from ${table} where session_id = any($1::text[])`, those);
}

/** The same for single events: the trace's calls keep their sums, without the event. */
export async function clearRemoteEvents(tx: Transaction, ids: readonly EventId[]): Promise<void> {
  const those = [textArray(ids)];
  await tx.query("delete from search_docs where subject = any($1::text[])", those);
  await tx.query(
    `update calls c set event_id = null from events e
     where e.id = any($1::text[]) and c.session_id = e.session_id and c.event_id = e.id`,
    those,
  );
  await tx.query("delete from events where id = any($1::text[])", those);
}

export async function saveProjects(db: Db, projects: readonly ProjectRef[]): Promise<void> {
  if (projects.length === 0) return;
  await db.query(
    "insert into projects (id, path, name) select * from unnest($1::text[], $2::text[], $3::text[]) on conflict do nothing",
    [
      textArray(projects.map((project) => project.id)),
      textArray(projects.map((project) => project.path)),
      textArray(projects.map((project) => project.name)),
    ],
  );
}

/** The first line with words in it, cut to fit a list. */
export function titleOf(prompt: string): string | null {
  const line = prompt.split("\n").find((candidate) => /\S/u.test(candidate));
  return line === undefined
    ? null
    : [...line.trim().slice(0, 2 * MAX_TITLE)].slice(0, MAX_TITLE).join("");
}

async function readDrafts(
  tx: Transaction,
  ids: readonly SessionId[],
): Promise<Map<SessionId, SessionDraft>> {
  const found = await tx.query<Row>(
    `select id, agent, source_id, remote_team, project_id, agent_title, prompt_title, cwd, git_branch, agent_version,
       parent_source_id, replays, rev
     from sessions where id = any($1::text[])`,
    [textArray(ids)],
  );
  return new Map(found.rows.map((row) => [row.id, draftOf(row)]));
}

function draftOf(row: Row): SessionDraft {
  return {
    ref: { id: row.id, agent: row.agent, sourceId: row.source_id },
    rev: row.rev + 1,
    // A session of another device becomes this machine's.
    changed: row.remote_team !== null,
    project: row.project_id,
    agentTitle: row.agent_title,
    promptTitle: row.prompt_title,
    cwd: row.cwd,
    gitBranch: row.git_branch,
    agentVersion: row.agent_version,
    parentSourceId: row.parent_source_id,
    replays: row.replays,
  };
}

function newDraft(ref: SessionRef): SessionDraft {
  return {
    ref,
    rev: 1,
    changed: true,
    project: null,
    agentTitle: null,
    promptTitle: null,
    cwd: null,
    gitBranch: null,
    agentVersion: null,
    parentSourceId: null,
    replays: null,
  };
}

/** The first folder stays the session's project, however often the agent changes its working folder. */
function mergeFacts(draft: SessionDraft, batch: CaptureBatch, project: ProjectRef | null): void {
  const { facts } = batch;
  const before = JSON.stringify(draft);
  draft.agentTitle = facts.title ?? draft.agentTitle;
  draft.cwd = facts.cwd ?? draft.cwd;
  draft.project ??= project?.id ?? null;
  draft.gitBranch = facts.gitBranch ?? draft.gitBranch;
  draft.agentVersion = facts.agentVersion ?? draft.agentVersion;
  draft.parentSourceId = facts.parentSourceId ?? draft.parentSourceId;
  if (JSON.stringify(draft) !== before) draft.changed = true;
}
