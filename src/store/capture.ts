/**
 * Writes what capture found, in one transaction together with how far each file was read: after a kill anywhere,
 * reading goes on at the file's state and ends in the same rows.
 *
 * - An event id that another session of this machine holds is a *replay* (a fork repeats its parent's lines): it is
 *   not stored again, and the other session becomes the parent. One that a teammate's trace holds gives way.
 * - A call is one row for (agent, key), owned by the session that had it first; the larger output gives its values.
 * - Claude Code's side questions repeat a message under another request in a lane of their own: such a call gives way
 *   to the main conversation's, whichever came first.
 * - Statements are asked together where none needs another's answer. They are done in the order they are asked.
 * - Writing the same batch twice changes nothing, and a session's `rev` grows only when something of it changed.
 */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import type { AgentId, CaptureBatch, FileState } from "../base/session.ts";
import type { EventId, SessionId } from "../base/ids.ts";
import { bigintArray, textArray } from "../pg/arrays.ts";
import { knownCalls, writeCalls } from "./capture-calls.ts";
import { ownEvents, ownersOf, writeEvents } from "./capture-events.ts";
import { loadSessions, saveProjects, saveSessions, type SessionDraft } from "./capture-sessions.ts";
import { type PackWriter, createPackWriter, releasePacks } from "./packs.ts";
import type { FindProject } from "./projects.ts";
import type { FreshWords } from "./search/fresh.ts";

export interface DamagedFile {
  readonly path: string;
  readonly agent: AgentId;
  readonly session: SessionId;
  /** 1-based. */
  readonly lines: readonly number[];
}

export interface CaptureStore {
  /** Whether any transcript was ever read into this database. */
  hasFiles(): Promise<boolean>;
  /** By path. */
  fileStates(agent: AgentId): Promise<ReadonlyMap<string, FileState>>;
  /** Many files' batches at once: some 4 MB of bodies a call is best. Gives the sessions that changed. */
  commit(batches: readonly CaptureBatch[]): Promise<{ readonly sessions: readonly SessionId[] }>;
  damaged(): Promise<readonly DamagedFile[]>;
}

/** What the steps of one commit share. */
export interface Commit {
  readonly tx: Transaction;
  readonly batches: readonly CaptureBatch[];
  readonly sessions: Map<SessionId, SessionDraft>;
  /** Ids in `files`, by path. */
  readonly files: ReadonlyMap<string, number>;
  readonly packs: PackWriter;
  readonly fresh: FreshWords;
}

export function createCapture(
  db: PGlite,
  findProject: FindProject,
  fresh: FreshWords,
): CaptureStore {
  async function write(
    tx: Transaction,
    batches: readonly CaptureBatch[],
  ): Promise<readonly SessionId[]> {
    const { sessions, projects } = await loadSessions(tx, batches, findProject);
    if (batches.some((batch) => batch.restart || batch.only !== undefined)) fresh.clear();
    await withdraw(tx, batches, sessions);
    const [files, owners, known, packs] = await Promise.all([
      saveFiles(tx, batches, sessions),
      ownersOf(tx, batches),
      knownCalls(tx, batches),
      createPackWriter(tx),
      saveProjects(tx, projects),
    ]);
    const commit: Commit = { tx, batches, sessions, files, packs, fresh };
    const stored = ownEvents(commit, owners);
    await Promise.all([
      writeEvents(commit, stored, owners),
      tx.query(
        "delete from withdrawn_events w where exists (select 1 from events e where e.id = w.id)",
      ),
      writeCalls(commit, stored, known),
    ]);
    const [saved] = await Promise.all([saveSessions(tx, sessions), packs.write(tx)]);
    return saved;
  }

  return {
    async hasFiles() {
      const found = await db.query<{ some: boolean }>("select exists (select from files) as some");
      return found.rows[0]?.some === true;
    },

    async fileStates(agent) {
      const found = await db.query<{ path: string; state: string }>(
        "select path, state from files where agent = $1",
        [agent],
      );
      return new Map(found.rows.map((row) => [row.path, JSON.parse(row.state) as FileState]));
    },

    async commit(batches) {
      if (batches.length === 0) return { sessions: [] };
      try {
        return { sessions: await db.transaction((tx) => write(tx, batches)) };
      } catch (error) {
        fresh.clear();
        throw error;
      }
    },

    async damaged() {
      const found = await db.query<{ state: string }>(
        "select state from files where damaged > 0 order by path",
      );
      return found.rows.map((row) => {
        const { path, agent, session, damagedLines: lines } = JSON.parse(row.state) as FileState;
        return { path, agent, session, lines };
      });
    },
  };
}

/** What files that were replaced gave, or do not hold any more. What was derived from that is made anew. */
async function withdraw(
  tx: Transaction,
  batches: readonly CaptureBatch[],
  sessions: ReadonlyMap<SessionId, SessionDraft>,
): Promise<void> {
  const restarted = batches.filter((batch) => batch.restart);
  const paths = textArray(restarted.map((batch) => batch.file.path));
  if (restarted.length > 0) {
    const those = "file_id in (select id from files where path = any($1::text[]))";
    await tx.query(
      `delete from calls where ${those} and session_id = any(array(
         select session_id from files where path = any($1::text[]) union select session_id from events where ${those}))`,
      [paths],
    );
  }
  for (const { ref } of restarted) {
    const draft = sessions.get(ref.id) as SessionDraft;
    draft.changed = true;
    draft.promptTitle = null;
    draft.replays = null;
  }
  const gone = restarted.length === 0 ? [] : await eventsOf(tx, paths, []);
  for (const { file, ref, only } of batches) {
    if (only === undefined) continue;
    const lacking = await eventsOf(tx, textArray([file.path]), only);
    if (lacking.length > 0) (sessions.get(ref.id) as SessionDraft).changed = true;
    gone.push(...lacking);
  }
  if (gone.length > 0) await withdrawEvents(tx, gone);
}

/** Of these files, but for those that are `kept`. */
async function eventsOf(
  tx: Transaction,
  paths: Uint8Array,
  kept: readonly EventId[],
): Promise<EventId[]> {
  const found = await tx.query<{ id: EventId }>(
    `select e.id from events e join files f on f.id = e.file_id
     where f.path = any($1::text[]) and not e.id = any($2::text[])`,
    [paths, textArray(kept)],
  );
  return found.rows.map(({ id }) => id);
}

async function withdrawEvents(tx: Transaction, gone: readonly EventId[]): Promise<void> {
  const ids = [textArray(gone)];
  await tx.query(
    `insert into withdrawn_events (id, session_id, rev)
     select e.id, e.session_id, s.rev + 1 from events e join sessions s on s.id = e.session_id where e.id = any($1::text[])
     on conflict (id) do update set session_id = excluded.session_id, rev = excluded.rev`,
    ids,
  );
  await tx.query("delete from search_docs where subject = any($1::text[])", ids);
  const withdrawn = await tx.query<{ bodies: string | null }>(
    "delete from events where id = any($1::text[]) returning bodies",
    ids,
  );
  await releasePacks(
    tx,
    withdrawn.rows.map(({ bodies }) => bodies),
  );
}

/** The newest state of each file. */
async function saveFiles(
  tx: Transaction,
  batches: readonly CaptureBatch[],
  sessions: ReadonlyMap<SessionId, SessionDraft>,
): Promise<ReadonlyMap<string, number>> {
  const states = [...new Map(batches.map((batch) => [batch.file.path, batch.file])).values()];
  const paths = textArray(states.map((state) => state.path));
  const asked = tx.query<{ path: string; damaged: number }>(
    "select path, damaged from files where path = any($1::text[])",
    [paths],
  );
  const saving = tx.query<{ id: number; path: string }>(
    `insert into files (path, agent, session_id, state, damaged)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
     on conflict (path) do update set
       agent = excluded.agent, session_id = excluded.session_id, state = excluded.state, damaged = excluded.damaged
     returning id, path`,
    [
      paths,
      textArray(states.map((state) => state.agent)),
      textArray(states.map((state) => state.session)),
      textArray(states.map((state) => JSON.stringify(state))),
      bigintArray(states.map((state) => state.damagedLines.length)),
    ],
  );
  const [before, saved] = await Promise.all([asked, saving]);
  const damagedBefore = new Map(before.rows.map((row) => [row.path, row.damaged]));
  for (const state of states) {
    const draft = sessions.get(state.session);
    if (draft !== undefined && state.damagedLines.length !== (damagedBefore.get(state.path) ?? 0))
      draft.changed = true;
  }
  return new Map(saved.rows.map((row) => [row.path, row.id]));
}
