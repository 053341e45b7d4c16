/** The events and bodies of a commit. */
import type { Transaction } from "@electric-sql/pglite";
import type { EventId, SessionId } from "../base/ids.ts";
import type { CapturedEvent, CaptureBatch, EventPatch, FilePatch, Part } from "../base/session.ts";
import { bigintArray, boolArray, textArray } from "../pg/arrays.ts";
import { type CopyValue, copyRows } from "../pg/copy.ts";
import type { Commit } from "./capture.ts";
import { type BodyOf, firstLine, onePerName, replaceBodies } from "./capture-bodies.ts";
import { clearRemoteEvents, type SessionDraft, titleOf } from "./capture-sessions.ts";

/** An event that this commit stores, and where it belongs. */
export interface StoredEvent {
  readonly event: CapturedEvent;
  readonly session: SessionId;
  readonly file: number;
  readonly rev: number;
}

/** `events` are all that stand in the database after this, without replays. */
export async function writeEvents(
  commit: Commit,
  events: readonly StoredEvent[],
  owners: ReadonlyMap<EventId, SessionId>,
): Promise<void> {
  const inserted = events.filter(({ event }) => !owners.has(event.id));
  const repeated = events.filter(({ event }) => owners.has(event.id));
  for (const { event, session } of inserted)
    nameByPrompt(commit.sessions.get(session) as SessionDraft, event);
  const patched = patchedBodies(commit, inserted);
  const reread = repeated.flatMap(({ event, session }) =>
    event.parts.map((part) => ({ event: event.id, session, part })),
  );
  await Promise.all([
    insertEvents(commit, inserted, patched.inserted),
    updateEvents(commit, repeated),
    writePatches(commit),
    replaceBodies(commit, [...reread, ...patched.others]),
  ]);
}

/** What patches bring: to events that are inserted here, by event, and to others. */
function patchedBodies(
  commit: Commit,
  events: readonly StoredEvent[],
): {
  readonly inserted: ReadonlyMap<EventId, readonly Part[]>;
  readonly others: readonly BodyOf[];
} {
  const bodies = commit.batches.flatMap(({ ref, patches }) =>
    patches.flatMap(({ id, parts }) =>
      (parts ?? []).map((part) => ({ event: id, session: ref.id, part })),
    ),
  );
  if (bodies.length === 0) return { inserted: new Map(), others: [] };
  const sessions = new Map(events.map(({ event, session }) => [event.id, session]));
  const isHere = ({ event, session }: BodyOf): boolean => sessions.get(event) === session;
  const byEvent = Map.groupBy(bodies.filter(isHere), ({ event }) => event);
  return {
    inserted: new Map([...byEvent].map(([event, some]) => [event, some.map(({ part }) => part)])),
    others: bodies.filter(({ event }) => !sessions.has(event)),
  };
}

/**
 * Which session holds each id that is in the database already. A teammate's trace holds none against what is captured
 * here: ids are derived from the agent's own, so a member could name those of lines that are yet to be written.
 */
export async function ownersOf(
  tx: Transaction,
  batches: readonly CaptureBatch[],
): Promise<ReadonlyMap<EventId, SessionId>> {
  const ids = batches.flatMap((batch) => batch.events.map((event) => event.id));
  const found = await tx.query<{ id: EventId; session_id: SessionId; remote: boolean }>(
    `select e.id, e.session_id, s.remote_team is not null as remote
     from events e join sessions s on s.id = e.session_id where e.id = any($1::text[])`,
    [textArray(ids)],
  );
  const theirs = found.rows.filter((row) => row.remote).map((row) => row.id);
  if (theirs.length > 0) await clearRemoteEvents(tx, theirs);
  return new Map(found.rows.filter((row) => !row.remote).map((row) => [row.id, row.session_id]));
}

/** Each id once: the first session keeps it, and of one session's copies the last is the truest. */
export function ownEvents(
  commit: Commit,
  owners: ReadonlyMap<EventId, SessionId>,
): readonly StoredEvent[] {
  const kept = new Map<EventId, StoredEvent>();
  for (const { ref, events, file } of commit.batches) {
    const draft = commit.sessions.get(ref.id) as SessionDraft;
    const fileId = commit.files.get(file.path) as number;
    for (const event of events) {
      const owner = owners.get(event.id) ?? kept.get(event.id)?.session ?? ref.id;
      if (owner === ref.id)
        kept.set(event.id, { event, session: ref.id, file: fileId, rev: draft.rev });
      else replay(draft, owner);
    }
  }
  return [...kept.values()];
}

function replay(draft: SessionDraft, owner: SessionId): void {
  if (draft.replays !== null) return;
  draft.replays = owner;
  draft.changed = true;
}

async function insertEvents(
  commit: Commit,
  events: readonly StoredEvent[],
  patched: ReadonlyMap<EventId, readonly Part[]>,
): Promise<void> {
  const rows = events.map((stored) => {
    const { event, session } = stored;
    (commit.sessions.get(session) as SessionDraft).changed = true;
    const parts = onePerName([...event.parts, ...(patched.get(event.id) ?? [])]);
    commit.fresh.put(event, parts);
    const line = event.summary === null ? firstLine(parts) : null;
    return [commit.packs.place(parts), line, ...rowOf(stored)];
  });
  await copyRows(
    commit.tx,
    "events",
    ["bodies", "first_line", "id", "session_id", "file_id", "rev", ...COLUMNS],
    rows,
  );
}

/**
 * An event read again (its line had no end yet, or the file was read from the start). What a patch gave it meanwhile
 * stays: the line itself knows nothing of it.
 */
async function updateEvents(commit: Commit, events: readonly StoredEvent[]): Promise<void> {
  if (events.length === 0) return;
  for (const { event } of events) commit.fresh.forget(event.id);
  const values = COLUMNS.map((column) =>
    PATCHED.has(column) ? `coalesce(x.${column}, e.${column})` : `x.${column}`,
  );
  const status =
    "case when x.status = 'running' then coalesce(e.status, x.status) else coalesce(x.status, e.status) end";
  values[COLUMNS.indexOf("status")] = status;
  values[COLUMNS.indexOf("rolled_back")] = "e.rolled_back or x.rolled_back";
  const updated = await commit.tx.query<{ id: EventId; session_id: SessionId }>(
    `update events e set rev = x.rev, ${COLUMNS.map((column, i) => `${column} = ${values[i]}`).join(", ")}
     from unnest(${TYPES.map((type, i) => `$${i + 1}::${type}[]`).join(", ")}) as x(id, session_id, file_id, rev, ${COLUMNS.join(", ")})
     where e.id = x.id and e.session_id = x.session_id
       and (${COLUMNS.map((column) => `e.${column}`).join(", ")}) is distinct from (${values.join(", ")})
     returning e.id, e.session_id`,
    [...arraysOf(events.map(rowOf))],
  );
  markChanged(commit, updated.rows);
}

/** A patch says what arrived later; it reaches only events of its own session. */
async function writePatches(commit: Commit): Promise<void> {
  await Promise.all(
    commit.batches.flatMap(({ ref, patches }) => {
      const draft = commit.sessions.get(ref.id) as SessionDraft;
      return patches.map(async (patch) => writePatch(commit, draft, patch));
    }),
  );
}

async function writePatch(commit: Commit, draft: SessionDraft, patch: EventPatch): Promise<void> {
  const fields = patchedFields(patch);
  if (fields.length === 0) return;
  if (patch.summary !== undefined) commit.fresh.forget(patch.id);
  const columns = fields.map(([column]) => column);
  const values = fields.map((_, i) => `$${i + 4}`);
  const updated = await commit.tx.query<{ id: EventId; session_id: SessionId }>(
    `update events set rev = $3, ${columns.map((column, i) => `${column} = ${values[i]}`).join(", ")}
     where id = $1 and session_id = $2 and (${columns.map((column, i) => `${column} is distinct from ${values[i]}`).join(" or ")})
     returning id, session_id`,
    [patch.id, draft.ref.id, draft.rev, ...fields.map(([, value]) => value)],
  );
  markChanged(commit, updated.rows);
}

function patchedFields(patch: EventPatch): readonly (readonly [string, unknown])[] {
  const patched = patch.parts?.some((part) => part.name === "patch")
    ? changedPaths(patch.parts)
    : undefined;
  const fields: readonly (readonly [string, unknown])[] = [
    ["duration_ms", patch.durationMs === undefined ? undefined : rounded(patch.durationMs)],
    ["status", patch.status],
    ["opens", patch.opens],
    ["summary", patch.summary],
    ["lines_added", patch.linesAdded],
    ["lines_removed", patch.linesRemoved],
    ["exit_code", patch.exitCode],
    ["rolled_back", patch.rolledBack],
    ["changed", patched],
  ];
  return fields.filter(([, value]) => value !== undefined);
}

function markChanged(commit: Commit, rows: readonly { readonly session_id: SessionId }[]): void {
  for (const row of rows) {
    const draft = commit.sessions.get(row.session_id);
    if (draft !== undefined) draft.changed = true;
  }
}

function nameByPrompt(draft: SessionDraft, event: CapturedEvent): void {
  if (
    draft.promptTitle !== null ||
    event.kind !== "prompt" ||
    event.rolledBack ||
    event.lane !== null
  )
    return;
  const text = event.parts.find((part) => part.name === "text");
  if (text !== undefined) draft.promptTitle = titleOf(text.body);
}

/** JSON of the paths in a patch; null when there is none. */
function changedPaths(parts: readonly Part[]): string | null {
  const patch = parts.find((part) => part.name === "patch");
  if (patch === undefined) return null;
  const files = JSON.parse(patch.body) as readonly FilePatch[];
  return JSON.stringify([...new Set(files.map((file) => file.path))]);
}

const COLUMNS = [
  "lane",
  "kind",
  "ord",
  "at",
  "duration_ms",
  "status",
  "model",
  "tool",
  "tool_input",
  "summary",
  "opens",
  "lines_added",
  "lines_removed",
  "exit_code",
  "rolled_back",
  "call_key",
  "changed",
] as const;

/** Columns that a patch may have filled. */
const PATCHED: ReadonlySet<string> = new Set([
  "duration_ms",
  "summary",
  "opens",
  "lines_added",
  "lines_removed",
  "exit_code",
  "changed",
]);

/** The types of `rowOf`. */
const TYPES = [
  ..."text text bigint bigint".split(" "),
  ..."text text bigint bigint bigint text text text text text text bigint bigint bigint boolean text text".split(
    " ",
  ),
];

function rowOf({ event, session, file, rev }: StoredEvent): readonly CopyValue[] {
  return [
    event.id,
    session,
    file,
    rev,
    event.lane,
    event.kind,
    event.order,
    rounded(event.at),
    rounded(event.durationMs),
    event.status,
    event.model,
    event.tool?.name ?? null,
    event.tool === null ? null : JSON.stringify(event.tool.input),
    event.summary,
    event.opens,
    event.linesAdded,
    event.linesRemoved,
    event.exitCode,
    event.rolledBack,
    event.callKey,
    changedPaths(event.parts),
  ];
}

/** Agents record durations with fractions of a millisecond. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}

/** Rows as one array a column. */
function arraysOf(rows: readonly (readonly CopyValue[])[]): readonly Uint8Array[] {
  return TYPES.map((type, i) => {
    const values = rows.map((row) => row[i] as never);
    if (type === "text") return textArray(values);
    return type === "bigint" ? bigintArray(values) : boolArray(values);
  });
}
