/** The model calls of a commit. */
import type { Transaction } from "@electric-sql/pglite";
import type { SessionId } from "../base/ids.ts";
import type { AgentId, CaptureBatch, ModelCall } from "../base/session.ts";
import { bigintArray, textArray } from "../pg/arrays.ts";
import { copyRows } from "../pg/copy.ts";
import type { Commit } from "./capture.ts";
import type { StoredEvent } from "./capture-events.ts";
import { type SessionDraft, loadMore } from "./capture-sessions.ts";

interface OwnedCall {
  readonly agent: AgentId;
  readonly session: SessionId;
  readonly file: number;
  call: ModelCall;
}

const CLAUDE_CODE: AgentId = "claude-code";
const AFTER_SLASH = "0";
/** Of one message. A limit keeps the planner, which knows nothing of a young table, from reading all of it. */
const MOST_SIDE = 1_000;

/** Which of the calls are in the database already. */
export async function knownCalls(
  tx: Transaction,
  batches: readonly CaptureBatch[],
): Promise<ReadonlySet<string>> {
  const keys = batches.flatMap((batch) => batch.calls.map((call) => call.key));
  const agents = new Set(batches.map(({ ref }) => ref.agent));
  const found = await tx.query<{ agent: AgentId; key: string }>(
    "select agent, key from calls where agent = any($1::text[]) and key = any($2::text[])",
    [textArray([...agents]), textArray(keys)],
  );
  return new Set(found.rows.map(({ agent, key }) => keyOf(agent, key)));
}

export async function writeCalls(
  commit: Commit,
  events: readonly StoredEvent[],
  known: ReadonlySet<string>,
): Promise<void> {
  const all = ownCalls(commit);
  const main = await mainCalls(commit, all);
  const calls = withoutSideQuestions(all, main);
  const bearers = firstEvents(commit, events);
  await Promise.all([
    dropSideQuestions(commit, main),
    insertCalls(
      commit,
      calls.filter(({ agent, call }) => !known.has(keyOf(agent, call.key))),
      bearers,
    ),
    updateCalls(
      commit,
      calls.filter(({ agent, call }) => known.has(keyOf(agent, call.key))),
    ),
    findBearers(commit, calls, bearers),
  ]);
}

/** Each key once: the first session owns it, the larger output gives its values. */
function ownCalls(commit: Commit): readonly OwnedCall[] {
  const kept = new Map<string, OwnedCall>();
  for (const { ref, calls, file } of commit.batches) {
    for (const call of calls) {
      const held = kept.get(keyOf(ref.agent, call.key));
      if (held === undefined) {
        const fileId = commit.files.get(file.path) as number;
        kept.set(keyOf(ref.agent, call.key), {
          agent: ref.agent,
          session: ref.id,
          file: fileId,
          call,
        });
      } else if (call.tokens.output > held.call.tokens.output) held.call = call;
    }
  }
  return [...kept.values()];
}

/** By message, the call of the main conversation, here or in the database. */
async function mainCalls(
  commit: Commit,
  calls: readonly OwnedCall[],
): Promise<ReadonlyMap<string, string>> {
  const main = new Map<string, string>();
  for (const owned of calls) {
    const message = messageOf(owned);
    if (message !== null && owned.call.lane === null) main.set(message, owned.call.key);
  }
  const side = calls.filter((owned) => owned.call.lane !== null && messageOf(owned) !== null);
  if (side.length > 0) {
    const messages = [...new Set(side.map((owned) => messageOf(owned) as string))];
    // By key: it begins with the message.
    const found = await commit.tx.query<{ message: string; key: string }>(
      `select c.message, c.key from unnest($2::text[], $3::text[]) as x(message, beyond)
       cross join lateral (
         select message, key from calls
         where agent = $1 and key >= x.message and key < x.beyond and lane is null limit 1
       ) c`,
      [
        CLAUDE_CODE,
        textArray(messages),
        textArray(messages.map((message) => `${message.slice(0, -1)}${AFTER_SLASH}`)),
      ],
    );
    for (const { message, key } of found.rows) main.set(message, key);
  }
  return main;
}

function withoutSideQuestions(
  calls: readonly OwnedCall[],
  main: ReadonlyMap<string, string>,
): readonly OwnedCall[] {
  return calls.filter(
    (owned) =>
      owned.call.lane === null ||
      (main.get(messageOf(owned) ?? "") ?? owned.call.key) === owned.call.key,
  );
}

/** Those in the database that give way. */
async function dropSideQuestions(commit: Commit, main: ReadonlyMap<string, string>): Promise<void> {
  if (main.size === 0) return;
  const dropped = await commit.tx.query<{ session_id: SessionId }>(
    `delete from calls where agent = $1 and key = any(array(
       select c.key from unnest($2::text[], $3::text[]) as x(message, key)
       cross join lateral (
         select key from calls where message = x.message and lane is not null and key <> x.key limit ${MOST_SIDE}
       ) c))
     returning session_id`,
    [CLAUDE_CODE, textArray([...main.keys()]), textArray([...main.values()])],
  );
  await touch(commit, dropped.rows);
}

async function touch(
  commit: Commit,
  rows: readonly { readonly session_id: SessionId }[],
): Promise<void> {
  await loadMore(
    commit.tx,
    commit.sessions,
    rows.map((row) => row.session_id),
  );
  for (const row of rows) (commit.sessions.get(row.session_id) as SessionDraft).changed = true;
}

function messageOf({ agent, call }: OwnedCall): string | null {
  if (agent !== CLAUDE_CODE) return null;
  const end = call.key.indexOf("/");
  return end === -1 ? null : call.key.slice(0, end + 1);
}

/** The first event of each call among those of this commit: it will show the call's tokens. */
function firstEvents(
  commit: Commit,
  events: readonly StoredEvent[],
): ReadonlyMap<string, StoredEvent> {
  const first = new Map<string, StoredEvent>();
  for (const stored of events) {
    const { callKey, order } = stored.event;
    if (callKey === null) continue;
    const key = keyOf((commit.sessions.get(stored.session) as SessionDraft).ref.agent, callKey);
    const held = first.get(key);
    if (held === undefined || order < held.event.order) first.set(key, stored);
  }
  return first;
}

async function insertCalls(
  commit: Commit,
  calls: readonly OwnedCall[],
  bearers: ReadonlyMap<string, StoredEvent>,
): Promise<void> {
  for (const { session } of calls) (commit.sessions.get(session) as SessionDraft).changed = true;
  await copyRows(
    commit.tx,
    "calls",
    ["session_id", "file_id", "lane", "event_id", "message", "agent", "key", ...VALUES],
    calls.map((owned) => [
      owned.session,
      owned.file,
      owned.call.lane,
      bearerOf(owned, bearers),
      messageOf(owned),
      owned.agent,
      owned.call.key,
      ...valuesOf(owned.call),
    ]),
  );
}

/** Those whose output has grown. */
async function updateCalls(commit: Commit, calls: readonly OwnedCall[]): Promise<void> {
  if (calls.length === 0) return;
  const values = calls.map(({ call }) => valuesOf(call));
  const changed = await commit.tx.query<{ session_id: SessionId; event_id: string | null }>(
    `update calls c set ${VALUES.map((column) => `${column} = x.${column}`).join(", ")}
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
       $8::bigint[], $9::bigint[], $10::bigint[]) as x(agent, key, ${VALUES.join(", ")})
     where c.agent = x.agent and c.key = x.key and x.output > c.output
     returning c.session_id, c.event_id`,
    [
      textArray(calls.map(({ agent }) => agent)),
      textArray(calls.map(({ call }) => call.key)),
      textArray(values.map(([model]) => model)),
      ...VALUES.slice(1).map((_, i) =>
        bigintArray(values.map((value) => value[i + 1] as number | null)),
      ),
    ],
  );
  await touch(commit, changed.rows);
  const shown = changed.rows.filter((row) => row.event_id !== null);
  await raise(
    commit,
    shown.map((row) => ({ id: row.event_id as string, session: row.session_id })),
  );
}

/** What a call is worth; the order is `valuesOf`'s, the model is the only text. */
const VALUES = [
  "model",
  "at",
  "input",
  "output",
  "cache_read",
  "cache_write",
  "reasoning",
  "cost",
] as const;

function valuesOf(call: ModelCall): readonly [string, ...(number | null)[]] {
  const { input, output, cacheRead, cacheWrite, reasoning } = call.tokens;
  return [call.model, call.at, input, output, cacheRead, cacheWrite, reasoning, call.costNanoUsd];
}

function bearerOf(owned: OwnedCall, bearers: ReadonlyMap<string, StoredEvent>): string | null {
  const bearer = bearers.get(keyOf(owned.agent, owned.call.key));
  return bearer !== undefined && bearer.session === owned.session ? bearer.event.id : null;
}

/** Calls and events that came in different commits find each other. */
async function findBearers(
  commit: Commit,
  calls: readonly OwnedCall[],
  bearers: ReadonlyMap<string, StoredEvent>,
): Promise<void> {
  const here = new Set(calls.map(({ agent, call }) => keyOf(agent, call.key)));
  const late = [...bearers].filter(([key]) => !here.has(key)).map(([, stored]) => stored);
  const alone = calls.filter((owned) => bearerOf(owned, bearers) === null);
  const sessions = [
    ...late.map((stored) => stored.session),
    ...alone.map((owned) => owned.session),
  ];
  const keys = [
    ...late.map((stored) => stored.event.callKey),
    ...alone.map((owned) => owned.call.key),
  ];
  if (keys.length === 0) return;
  const found = await commit.tx.query<{ id: string; session: SessionId }>(
    `update calls c set event_id = first.id
     from (
       select distinct on (e.session_id, e.call_key) e.session_id, e.call_key, e.id
       from unnest($1::text[], $2::text[]) as x(session_id, key)
       join events e on e.session_id = x.session_id and e.call_key = x.key
       order by e.session_id, e.call_key, e.ord
     ) as first
     where c.session_id = first.session_id and c.key = first.call_key and c.event_id is null
     returning c.event_id as id, c.session_id as session`,
    [textArray(sessions), textArray(keys)],
  );
  for (const row of found.rows) (commit.sessions.get(row.session) as SessionDraft).changed = true;
  await raise(commit, found.rows);
}

/** These events show other tokens now. */
async function raise(
  commit: Commit,
  events: readonly { readonly id: string; readonly session: SessionId }[],
): Promise<void> {
  if (events.length === 0) return;
  await commit.tx.query(
    "update events e set rev = x.rev from unnest($1::text[], $2::bigint[]) as x(id, rev) where e.id = x.id",
    [
      textArray(events.map((event) => event.id)),
      bigintArray(events.map((event) => (commit.sessions.get(event.session) as SessionDraft).rev)),
    ],
  );
}

function keyOf(agent: AgentId, key: string): string {
  return `${agent} ${key}`;
}
