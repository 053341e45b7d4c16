/**
 * Answers a query from the index: every clause must be in a document; ranked by BM25, and of nearly equal ranks the
 * newer first. Filters alone list the newest.
 */
import type { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../../base/clock.ts";
import { type Counts, type HeldSegment, countAll, refresh } from "./held.ts";
import { type SearchHit, showHits } from "./hits.ts";
import { type Filter, parseQuery } from "./query.ts";
import type { SegmentDoc } from "./segment.ts";
import { type SearchWithin, firstInside } from "./within.ts";

export interface SearchAnswer {
  readonly hits: readonly SearchHit[];
  /** What of the query was understood as filters. */
  readonly filters: readonly Pick<Filter, "name" | "value">[];
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
      if (clauses.length + filters.length === 0 || limit <= 0) return { hits: [], filters };
      const segments = await refresh(db, held);
      const ranked =
        clauses.length === 0
          ? newest(segments)
          : rank(segments, await countAll(db, segments, clauses));
      const docs = ranked.map(({ doc }) => doc);
      const first = await firstInside(db, docs, limit, within, query);
      return { hits: await showHits(db, first, clauses), filters };
    },
  };
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
