/** What is shown of the documents that were found. */
import type { PGlite } from "@electric-sql/pglite";
import type { EventKind } from "../../base/session.ts";
import { bigintArray } from "../../pg/arrays.ts";
import { readBodies } from "./indexer.ts";
import type { Clause } from "./query.ts";
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

/** The first of them, in the order given. A dead document (changed since, or gone) has no row any more and is passed over. */
export async function firstHits(
  db: PGlite,
  docs: readonly number[],
  limit: number,
  clauses: readonly Clause[],
): Promise<readonly SearchHit[]> {
  const hits: SearchHit[] = [];
  for (let from = 0; from < docs.length && hits.length < limit; from += limit) {
    const some = docs.slice(from, from + limit);
    const found = await readHits(db, some);
    const rows = some.flatMap((doc) => found.get(doc) ?? []).slice(0, limit - hits.length);
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
