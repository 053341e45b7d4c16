/**
 * Answers a query from the index: every clause must be in a document; ranked by BM25, and of nearly equal ranks the
 * newer first.
 */
import type { PGlite } from "@electric-sql/pglite";
import type { ProjectId, SessionId } from "../../base/ids.ts";
import type { AgentId, EventKind } from "../../base/session.ts";
import { bigintArray } from "../../pg/arrays.ts";
import { readBodies } from "./indexer.ts";
import { type Clause, parseQuery } from "./query.ts";
import { type Postings, type SegmentDoc, decodeDocs, readBlock } from "./segment.ts";
import { beginningOf, snippetOf } from "./snippet.ts";

export interface SearchHit {
  /** Empty for a decision. */
  readonly session: string;
  readonly sessionTitle: string | null;
  readonly event: string | null;
  readonly decision: string | null;
  readonly kind: EventKind | "decision";
  readonly at: number | null;
  /** Plain text; matches stand between U+0002 and U+0003. */
  readonly snippet: string;
}

/** Where to look. Decisions are in no session: of these fields only `since` can let one through. */
export interface SearchWithin {
  readonly session?: SessionId;
  readonly agent?: AgentId;
  readonly project?: ProjectId;
  /** Milliseconds since the epoch: sessions that were active, and decisions that were written, then or later. */
  readonly since?: number;
}

export interface Searcher {
  search(query: string, limit: number, within?: SearchWithin): Promise<readonly SearchHit[]>;
}

interface Segment {
  readonly id: number;
  readonly words: number;
  readonly docs: ReadonlyMap<number, SegmentDoc>;
  /** First words of its blocks. */
  readonly blocks: readonly string[];
}

/** How often a clause is in a document. */
type Counts = ReadonlyMap<number, number>;

interface Ranked {
  readonly doc: number;
  readonly score: number;
  readonly at: number;
}

/** A beginning of one letter stands for half the dictionary: of each segment so many blocks are looked at. */
const MAX_BLOCKS = 12;
const K1 = 1.2;
const B = 0.75;

export function createSearcher(db: PGlite): Searcher {
  const held = new Map<number, Segment>();
  return {
    async search(query, limit, within = {}) {
      const clauses = parseQuery(query);
      if (clauses.length === 0 || limit <= 0) return [];
      const segments = await refresh(db, held);
      const ranked = rank(segments, await countAll(db, segments, clauses));
      return firstHits(db, await narrow(db, ranked, within), clauses, limit);
    },
  };
}

/** Segments never change: only new ones are read. */
async function refresh(db: PGlite, held: Map<number, Segment>): Promise<readonly Segment[]> {
  const found = await db.query<{ segment: number }>(
    "select segment from search_segments order by segment",
  );
  const present = new Set(found.rows.map(({ segment }) => segment));
  for (const id of held.keys()) if (!present.has(id)) held.delete(id);
  const fresh = [...present].filter((id) => !held.has(id));
  if (fresh.length > 0)
    for (const segment of await readSegments(db, fresh)) held.set(segment.id, segment);
  return [...present].flatMap((id) => held.get(id) ?? []);
}

async function readSegments(db: PGlite, ids: readonly number[]): Promise<readonly Segment[]> {
  const found = await db.query<{
    segment: number;
    tokens: number;
    docs: Uint8Array;
    blocks: string[];
  }>(
    `select s.segment, s.tokens, s.docs,
       (select array_agg(b.first_term order by b.block) from search_blocks b where b.segment = s.segment) as blocks
     from search_segments s where s.segment = any($1::bigint[])`,
    [bigintArray(ids)],
  );
  return found.rows.map((row) => ({
    id: row.segment,
    words: row.tokens,
    docs: new Map(decodeDocs(row.docs).map((doc) => [doc.doc, doc])),
    blocks: row.blocks ?? [],
  }));
}

async function countAll(
  db: PGlite,
  segments: readonly Segment[],
  clauses: readonly Clause[],
): Promise<readonly Counts[]> {
  const blocks = await fetchBlocks(db, wantedBlocks(segments, clauses));
  const whole = clauses.map(() => new Map<number, number>());
  for (const segment of segments) {
    clauses.forEach((clause, i) => {
      for (const [doc, count] of countClause(segment, blocks, clause)) whole[i]?.set(doc, count);
    });
  }
  return whole;
}

type BlockKey = `${number} ${number}`;

function wantedBlocks(
  segments: readonly Segment[],
  clauses: readonly Clause[],
): readonly (readonly [number, number])[] {
  const wanted = new Map<BlockKey, readonly [number, number]>();
  for (const segment of segments) {
    for (const clause of clauses) {
      clause.words.forEach((word, i) => {
        for (const block of blocksOf(segment, word, isOpen(clause, i))) {
          wanted.set(`${segment.id} ${block}`, [segment.id, block]);
        }
      });
    }
  }
  return [...wanted.values()];
}

function isOpen(clause: Clause, i: number): boolean {
  return clause.prefix && i === clause.words.length - 1;
}

/** Blocks that may hold the word, or words that begin with it. */
function blocksOf(segment: Segment, word: string, prefix: boolean): readonly number[] {
  const { blocks } = segment;
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((blocks[middle] as string) <= word) low = middle + 1;
    else high = middle;
  }
  const found = low > 0 ? [low - 1] : [];
  for (let i = low; prefix && i < blocks.length && found.length < MAX_BLOCKS; i++) {
    if (!(blocks[i] as string).startsWith(word)) break;
    found.push(i);
  }
  return found;
}

async function fetchBlocks(
  db: PGlite,
  wanted: readonly (readonly [number, number])[],
): Promise<ReadonlyMap<BlockKey, Uint8Array>> {
  if (wanted.length === 0) return new Map();
  const found = await db.query<{ segment: number; block: number; data: Uint8Array }>(
    // The limit keeps the planner, which knows nothing of these tables yet, from reading all of one to join it.
    `select b.segment, b.block, b.data from unnest($1::bigint[], $2::bigint[]) as x(segment, block)
     cross join lateral (
       select * from search_blocks where segment = x.segment and block = x.block limit 1
     ) b`,
    [
      bigintArray(wanted.map(([segment]) => segment)),
      bigintArray(wanted.map(([, block]) => block)),
    ],
  );
  return new Map(
    found.rows.map(({ segment, block, data }) => [`${segment} ${block}` as BlockKey, data]),
  );
}

function countClause(
  segment: Segment,
  blocks: ReadonlyMap<BlockKey, Uint8Array>,
  clause: Clause,
): Counts {
  const postings = clause.words.map((word, i) =>
    postingsOf(segment, blocks, word, isOpen(clause, i)),
  );
  const [first] = postings;
  if (first === undefined) return new Map();
  if (postings.length === 1)
    return new Map([...first].map(([doc, places]) => [doc, places.length]));
  return countPhrase(postings);
}

/** By document, where the word is. */
function postingsOf(
  segment: Segment,
  blocks: ReadonlyMap<BlockKey, Uint8Array>,
  word: string,
  prefix: boolean,
): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, number[]>();
  for (const block of blocksOf(segment, word, prefix)) {
    const data = blocks.get(`${segment.id} ${block}`);
    if (data === undefined) continue;
    for (const entry of readBlock(data)) {
      if (prefix ? entry.word.startsWith(word) : entry.word === word)
        addPostings(found, entry.postings());
      else if (entry.word > word) break;
    }
  }
  return found;
}

function addPostings(into: Map<number, number[]>, { docs, positions }: Postings): void {
  docs.forEach((doc, i) => {
    const held = into.get(doc);
    const places = positions[i] as number[];
    if (held === undefined) into.set(doc, places);
    else into.set(doc, held.concat(places));
  });
}

function countPhrase(postings: readonly ReadonlyMap<number, readonly number[]>[]): Counts {
  const [first, ...rest] = postings as [ReadonlyMap<number, readonly number[]>];
  const counts = new Map<number, number>();
  for (const [doc, starts] of first) {
    const others = (rest as (typeof first)[]).map((words) => new Set(words.get(doc)));
    const count = starts.filter((start) =>
      others.every((places, i) => places.has(start + i + 1)),
    ).length;
    if (count > 0) counts.set(doc, count);
  }
  return counts;
}

function rank(segments: readonly Segment[], clauses: readonly Counts[]): readonly Ranked[] {
  const rarest = clauses.toSorted((a, b) => a.size - b.size)[0] as Counts;
  const total = segments.reduce((sum, { docs }) => sum + docs.size, 0);
  const average = segments.reduce((sum, segment) => sum + segment.words, 0) / Math.max(total, 1);
  const weights = clauses.map((counts) =>
    Math.log(1 + (total - counts.size + 0.5) / (counts.size + 0.5)),
  );
  const found: Ranked[] = [];
  for (const segment of segments) {
    for (const doc of segment.docs.values()) {
      if (!rarest.has(doc.doc) || !clauses.every((counts) => counts.has(doc.doc))) continue;
      const norm = K1 * (1 - B + (B * doc.length) / average);
      let score = 0;
      clauses.forEach((counts, i) => {
        const count = counts.get(doc.doc) as number;
        score += ((weights[i] as number) * count * (K1 + 1)) / (count + norm);
      });
      found.push({ doc: doc.doc, score: Math.round(score * 4), at: doc.at });
    }
  }
  return found.sort((a, b) => b.score - a.score || b.at - a.at || b.doc - a.doc);
}

/** Before the limit: the best hits of everything may all lie elsewhere. */
async function narrow(
  db: PGlite,
  ranked: readonly Ranked[],
  within: SearchWithin,
): Promise<readonly Ranked[]> {
  const { terms, values } = conditions(within);
  if (terms.length === 0 || ranked.length === 0) return ranked;
  const found = await db.query<{ doc: number }>(
    `select d.doc from search_docs d
     left join sessions s on s.id = d.session_id
     left join search_decisions t on t.id = d.subject
     where ${terms.join(" and ")}`,
    values,
  );
  const inside = new Set(found.rows.map(({ doc }) => doc));
  return ranked.filter(({ doc }) => inside.has(doc));
}

function conditions(within: SearchWithin): {
  readonly terms: readonly string[];
  readonly values: (string | number)[];
} {
  const columns = {
    // `search_docs` has no index of sessions.
    session: (value: string) =>
      `d.subject = any(array(select id from events where session_id = ${value}) || ${value}::text)`,
    agent: (value: string) => `s.agent = ${value}`,
    project: (value: string) => `s.project_id = ${value}`,
    since: (value: string) => `coalesce(s.ended_at, s.started_at, t.at) >= ${value}`,
  };
  const terms: string[] = [];
  const values: (string | number)[] = [];
  for (const [name, term] of Object.entries(columns)) {
    const value = within[name as keyof SearchWithin];
    if (value === undefined) continue;
    values.push(value);
    terms.push(term(`$${values.length}`));
  }
  return { terms, values };
}

interface HitRow {
  readonly doc: number;
  readonly subject: string;
  readonly session_id: string | null;
  readonly title: string | null;
  readonly kind: EventKind | null;
  readonly at: number | null;
  readonly extra: string | null;
  readonly decision_text: string | null;
  /** The event's column. */
  readonly bodies: string | null;
}

/** Dead documents (changed since, or gone) have no row any more and are passed over. */
async function firstHits(
  db: PGlite,
  ranked: readonly Ranked[],
  clauses: readonly Clause[],
  limit: number,
): Promise<readonly SearchHit[]> {
  const hits: SearchHit[] = [];
  for (let from = 0; from < ranked.length && hits.length < limit; from += limit) {
    const docs = ranked.slice(from, from + limit).map(({ doc }) => doc);
    const found = await readHits(db, docs);
    const rows = docs.flatMap((doc) => found.get(doc) ?? []).slice(0, limit - hits.length);
    const bodies = await readBodies(
      db,
      rows.map((row) => row.bodies),
    );
    hits.push(...rows.map((row, i) => hitOf(row, bodies[i] ?? [], clauses)));
  }
  return hits;
}

async function readHits(db: PGlite, docs: readonly number[]): Promise<ReadonlyMap<number, HitRow>> {
  const found = await db.query<HitRow>(
    `select d.doc, d.subject, d.session_id, coalesce(s.agent_title, s.prompt_title) as title, e.kind,
       coalesce(e.at, t.at, s.ended_at) as at, concat_ws(' ', e.tool, e.summary) as extra,
       t.title || E'\\n' || t.body as decision_text,
       e.bodies
     from search_docs d
     left join sessions s on s.id = d.session_id
     left join events e on e.id = d.subject
     left join search_decisions t on t.id = d.subject
     where d.doc = any($1::bigint[])`,
    [bigintArray(docs)],
  );
  return new Map(found.rows.map((row) => [row.doc, row]));
}

/** A session's title has no event: it is shown as the prompt it mostly is. */
function hitOf(row: HitRow, bodies: readonly string[], clauses: readonly Clause[]): SearchHit {
  const isDecision = row.decision_text !== null;
  const isTitle = row.subject === row.session_id;
  const texts = isDecision
    ? [row.decision_text]
    : isTitle
      ? [row.title ?? ""]
      : [...bodies, row.extra ?? ""];
  return {
    session: row.session_id ?? "",
    sessionTitle: row.title,
    event: isDecision || isTitle ? null : row.subject,
    decision: isDecision ? row.subject : null,
    kind: isDecision ? "decision" : (row.kind ?? "prompt"),
    at: row.at,
    snippet: bestSnippet(texts, clauses),
  };
}

/** Around the longest clause, which is mostly the rarest. */
function bestSnippet(texts: readonly string[], clauses: readonly Clause[]): string {
  const byLength = clauses.toSorted((a, b) => b.words.join().length - a.words.join().length);
  for (const clause of byLength) {
    for (const text of texts) {
      const found = snippetOf(text, clause, clauses);
      if (found !== null) return found;
    }
  }
  return beginningOf(texts.find((text) => text !== "") ?? "");
}
