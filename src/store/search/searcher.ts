/**
 * Answers a query from the index: every clause must be in a document; ranked by BM25, and of nearly equal ranks the
 * newer first. Filters alone list the newest.
 */
import type { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../../base/clock.ts";
import { type Counts, type HeldSegment, countAll, isOpen, refresh } from "./held.ts";
import { type SearchHit, firstHits } from "./hits.ts";
import { nearestWords } from "./nearest.ts";
import { type Clause, type Filter, type Query, parseQuery } from "./query.ts";
import type { SegmentDoc } from "./segment-docs.ts";
import { type SearchWithin, firstInside } from "./within.ts";

export interface SearchAnswer {
  readonly hits: readonly SearchHit[];
  /** What of the query was understood as filters. */
  readonly filters: readonly Pick<Filter, "name" | "value">[];
  /** What was looked for in place of words that are nowhere here. Null: what was asked. */
  readonly instead: string | null;
}

export interface Searcher {
  /** Throws `FaultError` "wrong-query". */
  search(query: string, limit: number, within?: SearchWithin): Promise<SearchAnswer>;
}

interface Ranked {
  readonly doc: number;
  readonly score: number;
  readonly at: number;
}

const K1 = 1.2;
const B = 0.75;

export function createSearcher(db: PGlite, clock: Clock): Searcher {
  const held = new Map<number, HeldSegment>();
  return {
    async search(text, limit, within = {}) {
      const query = parseQuery(text, clock.nowMs());
      const { clauses } = query;
      const filters = query.filters.map(({ name, value }) => ({ name, value }));
      const none = { hits: [], filters, instead: null };
      if (clauses.length + filters.length === 0 || limit <= 0) return none;
      const segments = await refresh(db, held);
      const find = async (wanted: Query, ranked: readonly { readonly doc: number }[]) => {
        const docs = ranked.map(({ doc }) => doc);
        const first = await firstInside(db, docs, limit, within, wanted);
        return firstHits(db, first, limit, wanted.clauses);
      };
      if (clauses.length === 0) return { ...none, hits: await find(query, newest(segments)) };
      const counts = await countAll(db, segments, clauses);
      const ranked = rank(segments, counts);
      if (ranked.length > 0) return { ...none, hits: await find(query, ranked) };
      const unknown = clauses.filter((_, i) => counts[i]?.size === 0);
      for (const other of await alternatives(db, segments, clauses, unknown)) {
        const found = rank(segments, await countAll(db, segments, other));
        const hits = await find({ ...query, clauses: other }, found);
        if (hits.length > 0) return { hits, filters, instead: written(other) };
      }
      return none;
    },
  };
}

/** The same with the nearest words in place of those that are nowhere, and with the next ones. Of `unknown` there is no place. */
async function alternatives(
  db: PGlite,
  segments: readonly HeldSegment[],
  clauses: readonly Clause[],
  unknown: readonly Clause[],
): Promise<readonly (readonly Clause[])[]> {
  const single = unknown.flatMap((clause) =>
    clause.words.map((word, i) => ({ words: [word], prefix: isOpen(clause, i) })),
  );
  const counts = await countAll(db, segments, single);
  const missing = single.flatMap(({ words }, i) => (counts[i]?.size === 0 ? words : []));
  const nearest = await nearestWords(db, segments, missing);
  if (missing.length === 0 || missing.some((word) => !nearest.get(word)?.length)) return [];
  const most = Math.max(...[...nearest.values()].map(({ length }) => length));
  return Array.from({ length: most }, (_, n) =>
    clauses.map((clause) => {
      if (!unknown.includes(clause)) return clause;
      const words = clause.words.map((word) => {
        const near = nearest.get(word);
        return near?.[Math.min(n, near.length - 1)] ?? word;
      });
      return { words, prefix: clause.prefix && words.at(-1) === clause.words.at(-1) };
    }),
  );
}

function written(clauses: readonly Clause[]): string {
  return clauses
    .map(({ words }) => (words.length === 1 ? words.join("") : `"${words.join(" ")}"`))
    .join(" ");
}

function newest(segments: readonly HeldSegment[]): readonly SegmentDoc[] {
  return segments
    .flatMap(({ docs }) => [...docs.values()])
    .sort((a, b) => b.at - a.at || b.doc - a.doc);
}

function rank(segments: readonly HeldSegment[], clauses: readonly Counts[]): readonly Ranked[] {
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
