/**
 * Keeps the full-text index up with the read model, in bounded steps.
 *
 * What is searched: the titles of sessions, the bodies, summaries and tool names of events (of a very long body the
 * first 64 Ki characters), and decisions. A document of the index is one of these, under a number that is never used
 * twice; one that changes is indexed again under a new number, and the old number is dead.
 *
 * PostgreSQL's own full text (tsvector and GIN) was measured and costs four times as much to build here, because its
 * parser and its index run in the embedded build; words are cut in JavaScript instead and stored as segments.
 */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import { bigintArray, textArray } from "../../pg/arrays.ts";
import { copyRows } from "../../pg/copy.ts";
import { readPacks } from "../packs.ts";
import type { Db } from "../rows.ts";
import type { Dictionary } from "./dictionary.ts";
import { type FreshWords, INDEXED_CHARS, INDEXED_PARTS } from "./fresh.ts";
import { decodeDocs, encodeDocs } from "./segment-docs.ts";
import { type Segment, createSegment, mergeSegments } from "./segment.ts";

const STEP_EVENTS = 20_000;
/** Of 8 MB of text, or a little more. */
const STEP_WORDS = 1_500_000;
const READ_EVENTS = 1_000;
/** Segments of about one size are merged eight at a time; beyond the last tier they stay, so that no merge takes long. */
const MERGE_COUNT = 8;
const FIRST_TIER_WORDS = 2_000;
const MAX_MERGED_WORDS = 1_000_000;

interface Pending {
  /** evt_…, ses_… or a decision's id. */
  readonly subject: string;
  readonly session: string | null;
  readonly rev: number;
  readonly at: number | null;
  /** Numbers of words. */
  readonly bodies: readonly Uint32Array[];
  /** Indexed before: that document dies. */
  readonly again: boolean;
}

interface PendingEvent {
  readonly id: string;
  readonly session_id: string;
  readonly rev: number;
  readonly at: number | null;
  readonly again: boolean;
}

interface Behind {
  readonly id: string;
  readonly rev: number;
}

export interface Indexer {
  /** Indexes up to some 8 MB of text. True: there is more. */
  catchUp(): Promise<boolean>;
}

export function createIndexer(db: PGlite, fresh: FreshWords): Indexer {
  return {
    /** In one transaction: what two find at once both would index. */
    async catchUp() {
      const dictionary = fresh.dictionary();
      const more = await db.transaction(async (tx) => {
        const [behind, events, titles, decisions] = await Promise.all([
          tx.query<Behind>("select id, rev from sessions where rev > index_rev order by id"),
          pendingEvents(tx),
          pendingTitles(tx, dictionary),
          pendingDecisions(tx, dictionary),
        ]);
        const read = await readEvents(tx, events, fresh, dictionary);
        const more = read.length < events.length || events.length === STEP_EVENTS;
        const complete = more ? before(behind.rows, read.at(-1)) : behind.rows;
        const pending = [...read, ...titles, ...decisions];
        if (pending.length > 0) await write(tx, pending, dictionary);
        if (complete.length > 0 || titles.length > 0) await markIndexed(tx, complete, titles);
        return more;
      });
      await mergeOneTier(db);
      return more;
    },
  };
}

async function pendingEvents(db: Db): Promise<readonly PendingEvent[]> {
  // As one text: thousands of rows cost more to tell one by one than to find, and JSON costs as much.
  const found = await db.query<{ events: string | null }>(
    `select string_agg(concat_ws(' ', x.id, x.session_id, x.rev, x.again::int, x.at), E'\\n') as events from (
       select e.id, e.session_id, e.rev, e.at, d.rev is not null as again
       from sessions s
       join events e on e.session_id = s.id and e.rev > s.index_rev
       left join search_docs d on d.subject = e.id
       where s.rev > s.index_rev and (d.rev is null or d.rev < e.rev)
       order by s.id, e.rev, e.id limit $1
     ) x`,
    [STEP_EVENTS],
  );
  const lines = found.rows[0]?.events?.split("\n") ?? [];
  return lines.map((line) => {
    const [id = "", session_id = "", rev, again, at] = line.split(" ");
    return {
      id,
      session_id,
      rev: Number(rev),
      again: again === "1",
      at: at === undefined ? null : Number(at),
    };
  });
}

/** Of these sessions none is left for the next step. */
function before(behind: readonly Behind[], last: Pending | undefined): readonly Behind[] {
  return behind.filter(
    ({ id }) => last?.session !== undefined && last.session !== null && id < last.session,
  );
}

/** In the order given, until there is enough for one step. */
async function readEvents(
  db: Db,
  events: readonly PendingEvent[],
  fresh: FreshWords,
  dictionary: Dictionary,
): Promise<readonly Pending[]> {
  const read: Pending[] = [];
  let wordCount = 0;
  for (let from = 0; from < events.length && wordCount < STEP_WORDS; from += READ_EVENTS) {
    const some = events.slice(from, from + READ_EVENTS);
    const held = new Map(some.map(({ id }) => [id, fresh.take(id, dictionary)]));
    const others = some.filter(({ id }) => held.get(id) === undefined).map(({ id }) => id);
    const texts = await readTexts(db, others);
    for (const event of some) {
      const whole = held.get(event.id) ?? texts.get(event.id)?.map(dictionary.cut) ?? [];
      const { id: subject, session_id: session, rev, at, again } = event;
      read.push({ subject, session, rev, at, again, bodies: whole });
      for (const { length } of whole) wordCount += length;
    }
  }
  return read;
}

async function readTexts(
  db: Db,
  events: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (events.length === 0) return new Map();
  const found = await db.query<{
    id: string;
    tool: string | null;
    summary: string | null;
    bodies: string | null;
  }>("select id, tool, summary, bodies from events where id = any($1::text[])", [
    textArray(events),
  ]);
  const bodies = await readBodies(
    db,
    found.rows.map((row) => row.bodies),
  );
  return new Map(
    found.rows.map(({ id, tool, summary }, i) => [
      id,
      [...(bodies[i] ?? []), tool ?? "", summary ?? ""],
    ]),
  );
}

/** What is searched of the bodies that these columns name. */
export async function readBodies(
  db: Db,
  columns: readonly (string | null)[],
): Promise<readonly (readonly string[])[]> {
  const found = await readPacks(db, columns, INDEXED_PARTS, INDEXED_CHARS);
  return found.map((bodies) => bodies.map(({ body }) => body.slice(0, INDEXED_CHARS)));
}

interface PendingTitle extends Pending {
  readonly title: string;
}

async function pendingTitles(db: Db, dictionary: Dictionary): Promise<readonly PendingTitle[]> {
  const found = await db.query<{
    id: string;
    title: string;
    rev: number;
    at: number | null;
    again: boolean;
  }>(
    `select id, coalesce(agent_title, prompt_title, '') as title, rev, ended_at as at, indexed_title is not null as again
     from sessions
     where coalesce(agent_title, prompt_title, '') <> coalesce(indexed_title, '') order by id`,
  );
  return found.rows.map(({ id, title, ...rest }) => ({
    ...rest,
    title,
    subject: id,
    session: id,
    bodies: [dictionary.cut(title)],
  }));
}

async function pendingDecisions(db: Db, dictionary: Dictionary): Promise<readonly Pending[]> {
  const found = await db.query<{
    id: string;
    title: string;
    body: string;
    rev: number;
    at: number | null;
    again: boolean;
  }>(
    `select s.id, s.title, s.body, s.rev, s.at, d.rev is not null as again from search_decisions s
     left join search_docs d on d.subject = s.id where d.rev is null or d.rev < s.rev order by s.id`,
  );
  return found.rows.map(({ id, title, body, ...rest }) => ({
    ...rest,
    subject: id,
    session: null,
    bodies: [title, body].map(dictionary.cut),
  }));
}

async function write(
  tx: Transaction,
  pending: readonly Pending[],
  dictionary: Dictionary,
): Promise<void> {
  const last = await tx.query<{ last: number }>(
    "select setval('search_doc', nextval('search_doc') + $1) as last",
    [pending.length],
  );
  const first = (last.rows[0]?.last as number) - pending.length;
  const writeWords = async (): Promise<void> => {
    const docs = pending.map(({ at, bodies }, i) => ({ doc: first + i, at: at ?? 0, bodies }));
    await writeSegment(tx, createSegment(dictionary, docs));
  };
  // A moment later: the database's thread takes the documents while this one makes the blocks.
  await Promise.all([writeDocs(tx, pending, first), Promise.resolve().then(writeWords)]);
}

async function writeDocs(
  tx: Transaction,
  pending: readonly Pending[],
  first: number,
): Promise<void> {
  const changed = pending.filter(({ again }) => again).map(({ subject }) => subject);
  if (changed.length > 0)
    await tx.query("delete from search_docs where subject = any($1::text[])", [textArray(changed)]);
  await copyRows(
    tx,
    "search_docs",
    ["doc", "subject", "session_id", "rev"],
    pending.map(({ subject, session, rev }, i) => [first + i, subject, session, rev]),
  );
}

/** A segment is named by its first document. */
async function writeSegment(tx: Transaction, { docs, blocks, words }: Segment): Promise<void> {
  const [first] = docs;
  if (first === undefined) return;
  const segment = first.doc;
  await Promise.all([
    copyRows(
      tx,
      "search_segments",
      ["segment", "tokens", "docs"],
      [[segment, words, encodeDocs(docs)]],
    ),
    copyRows(
      tx,
      "search_blocks",
      ["segment", "block", "first_term", "data"],
      blocks.map((block, i) => [segment, i, block.firstWord, block.data]),
    ),
  ]);
}

async function markIndexed(
  tx: Transaction,
  sessions: readonly { readonly id: string; readonly rev: number }[],
  titles: readonly PendingTitle[],
): Promise<void> {
  await tx.query(
    "update sessions s set index_rev = x.rev from unnest($1::text[], $2::bigint[]) as x(id, rev) where s.id = x.id",
    [textArray(sessions.map(({ id }) => id)), bigintArray(sessions.map(({ rev }) => rev))],
  );
  await tx.query(
    "update sessions s set indexed_title = x.title from unnest($1::text[], $2::text[]) as x(id, title) where s.id = x.id",
    [textArray(titles.map(({ subject }) => subject)), textArray(titles.map(({ title }) => title))],
  );
}

async function mergeOneTier(db: PGlite): Promise<void> {
  const found = await db.query<{ segment: number; tokens: number }>(
    "select segment, tokens from search_segments where tokens < $1 order by segment",
    [MAX_MERGED_WORDS],
  );
  const tiers = Map.groupBy(found.rows, ({ tokens }) => tierOf(tokens));
  const full = [...tiers.values()].find((segments) => segments.length >= MERGE_COUNT);
  if (full === undefined) return;
  const ids = full.slice(0, MERGE_COUNT).map(({ segment }) => segment);
  await db.transaction(async (tx) => merge(tx, ids));
}

function tierOf(wordCount: number): number {
  return Math.max(0, Math.ceil(Math.log(wordCount / FIRST_TIER_WORDS) / Math.log(MERGE_COUNT)));
}

async function merge(tx: Transaction, ids: readonly number[]): Promise<void> {
  const list = bigintArray(ids);
  const segments = await tx.query<{ segment: number; docs: Uint8Array }>(
    "select segment, docs from search_segments where segment = any($1::bigint[])",
    [list],
  );
  const blocks = await tx.query<{ segment: number; data: Uint8Array }>(
    "select segment, data from search_blocks where segment = any($1::bigint[]) order by segment, block",
    [list],
  );
  const bySegment = Map.groupBy(blocks.rows, ({ segment }) => segment);
  const parts = segments.rows.map(({ segment, docs }) => ({
    docs: decodeDocs(docs),
    blocks: (bySegment.get(segment) ?? []).map(({ data }) => data),
  }));
  const numbers = parts.flatMap(({ docs }) => docs.map(({ doc }) => doc));
  const living = await tx.query<{ doc: number }>(
    "select doc from search_docs where doc = any($1::bigint[])",
    [bigintArray(numbers)],
  );
  const lives = new Set(living.rows.map(({ doc }) => doc));
  await tx.query("delete from search_segments where segment = any($1::bigint[])", [list]);
  await tx.query("delete from search_blocks where segment = any($1::bigint[])", [list]);
  await writeSegment(
    tx,
    mergeSegments(parts, (doc) => lives.has(doc)),
  );
}
