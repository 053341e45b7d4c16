/** The model calls of a commit. */
import type { SessionId } from "../base/ids.ts";
import type { AgentId, ModelCall } from "../base/session.ts";
import { bigintArray, textArray } from "../pg/arrays.ts";
import type { Commit } from "./capture.ts";
import type { StoredEvent } from "./capture-events.ts";
import { type SessionDraft, loadMore } from "./capture-sessions.ts";

interface OwnedCall {
  readonly agent: AgentId;
  readonly session: SessionId;
  readonly file: number;
  call: ModelCall;
}

export async function writeCalls(commit: Commit, events: readonly StoredEvent[]): Promise<void> {
  const all = ownCalls(commit);
  const main = await mainCalls(commit, all);
  const calls = withoutSideQuestions(all, main);
  const bearers = firstEvents(commit, events);
  await Promise.all([
    dropSideQuestions(commit, main),
    upsert(commit, calls, bearers),
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
    const found = await commit.tx.query<{ message: string; key: string }>(
      "select message, key from calls where message = any($1::text[]) and lane is null",
      [textArray(side.map(messageOf))],
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
    `delete from calls c using unnest($1::text[], $2::text[]) as x(message, key)
     where c.message = x.message and c.lane is not null and c.key <> x.key returning c.session_id`,
    [textArray([...main.keys()]), textArray([...main.values()])],
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
  if (agent !== "claude-code") return null;
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

async function upsert(
  commit: Commit,
  calls: readonly OwnedCall[],
  bearers: ReadonlyMap<string, StoredEvent>,
): Promise<void> {
  if (calls.length === 0) return;
  const whole = (pick: (call: ModelCall) => number | null) =>
    bigintArray(calls.map(({ call }) => pick(call)));
  const changed = await commit.tx.query<{
    session_id: SessionId;
    event_id: string | null;
    fresh: boolean;
  }>(
    `insert into calls as c (agent, key, session_id, file_id, lane, at, model, input, output, cache_read, cache_write,
       reasoning, cost, event_id, message)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[],
       $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[], $15::text[])
     on conflict (agent, key) do update set
       at = excluded.at, model = excluded.model, input = excluded.input, output = excluded.output,
       cache_read = excluded.cache_read, cache_write = excluded.cache_write, reasoning = excluded.reasoning,
       cost = excluded.cost
     where excluded.output > c.output
     returning c.session_id, c.event_id, (xmax = 0) as fresh`,
    [
      textArray(calls.map(({ agent }) => agent)),
      textArray(calls.map(({ call }) => call.key)),
      textArray(calls.map(({ session }) => session)),
      bigintArray(calls.map(({ file }) => file)),
      textArray(calls.map(({ call }) => call.lane)),
      whole((call) => call.at),
      textArray(calls.map(({ call }) => call.model)),
      whole((call) => call.tokens.input),
      whole((call) => call.tokens.output),
      whole((call) => call.tokens.cacheRead),
      whole((call) => call.tokens.cacheWrite),
      whole((call) => call.tokens.reasoning),
      whole((call) => call.costNanoUsd),
      textArray(calls.map((owned) => bearerOf(owned, bearers))),
      textArray(calls.map(messageOf)),
    ],
  );
  await touch(commit, changed.rows);
  const grown = changed.rows.filter((row) => !row.fresh && row.event_id !== null);
  await raise(
    commit,
    grown.map((row) => ({ id: row.event_id as string, session: row.session_id })),
  );
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
