/** The segments as a query needs them: documents and the first words of blocks in memory, blocks read by their key. */
import type { PGlite } from "@electric-sql/pglite";
import { bigintArray } from "../../pg/arrays.ts";
import type { Clause } from "./query.ts";
import { type SegmentDoc, decodeDocs } from "./segment-docs.ts";
import { type Postings, readBlock } from "./segment.ts";

export interface HeldSegment {
  readonly id: number;
  readonly words: number;
  readonly docs: ReadonlyMap<number, SegmentDoc>;
  /** First words of its blocks. */
  readonly blocks: readonly string[];
}

/** How often a clause is in a document. */
export type Counts = ReadonlyMap<number, number>;

/** A beginning of one letter stands for half the dictionary: of each segment so many blocks are looked at. */
const MAX_BLOCKS = 12;

/** Segments never change: only new ones are read. */
export async function refresh(
  db: PGlite,
  held: Map<number, HeldSegment>,
): Promise<readonly HeldSegment[]> {
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

async function readSegments(db: PGlite, ids: readonly number[]): Promise<readonly HeldSegment[]> {
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

export async function countAll(
  db: PGlite,
  segments: readonly HeldSegment[],
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
  segments: readonly HeldSegment[],
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

export function isOpen(clause: Clause, i: number): boolean {
  return clause.prefix && i === clause.words.length - 1;
}

/** Blocks that may hold the word, or words that begin with it. */
export function blocksOf(segment: HeldSegment, word: string, prefix: boolean): readonly number[] {
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

export async function fetchBlocks(
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
  segment: HeldSegment,
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
  segment: HeldSegment,
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
