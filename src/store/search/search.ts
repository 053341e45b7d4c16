/** Full-text search over everything local: see `indexer.ts` and `searcher.ts`. */
import type { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../../base/clock.ts";
import { withoutNul } from "../../pg/arrays.ts";
import type { FreshWords } from "./fresh.ts";
import { createIndexer } from "./indexer.ts";
import { type Searcher, createSearcher } from "./searcher.ts";

export interface DecisionText {
  readonly id: string;
  readonly title: string;
  readonly body: string;
  readonly at: number | null;
}

export interface SearchStore extends Searcher {
  /** Indexes what changed, some 8 MB of text a call. True: there is more. */
  catchUp(): Promise<boolean>;
  /** What a decision says now. A no-op when it said the same before. */
  setDecision(decision: DecisionText): Promise<void>;
}

export function createSearch(db: PGlite, fresh: FreshWords, clock: Clock): SearchStore {
  const indexer = createIndexer(db, fresh);
  const searcher = createSearcher(db, clock);
  return {
    catchUp: () => indexer.catchUp(),
    search: (query, limit, within) => searcher.search(query, limit, within),
    async setDecision({ id, title, body, at }) {
      await db.query(
        `insert into search_decisions as s (id, title, body, at, rev) values ($1, $2, $3, $4, 1)
         on conflict (id) do update set title = excluded.title, body = excluded.body, at = excluded.at, rev = s.rev + 1
         where (s.title, s.body) is distinct from (excluded.title, excluded.body)`,
        [id, withoutNul(title), withoutNul(body), at],
      );
    },
  };
}
