/**
 * A document's log of updates. Loading merges it; when it has grown it is compacted into one update by a fresh Yjs
 * document, which also collects what was deleted.
 */
import type { DocId, TeamId } from "../base/ids.ts";
import type { Bytes } from "../base/bytes.ts";
import { type DocKind, encodeDoc, rebuildDoc } from "../crdt/documents.ts";
import { bigintArray, byteaArray } from "../pg/arrays.ts";
import type { JournaledDocument } from "./journal.ts";
import type { Db } from "./rows.ts";

export interface DocumentColumns {
  readonly id: DocId;
  readonly kind: DocKind;
  readonly subject: string | null;
  readonly team: TeamId | null;
  readonly cloud_project: string | null;
  readonly generation: number;
  readonly retired: boolean;
  readonly pending: boolean;
  readonly owner: string | null;
  readonly state_vector: Bytes;
  readonly delete_set: Bytes;
  readonly log_rev: number;
  readonly model_rev: number;
}

const MAX_UPDATES = 200;
const MAX_GROWTH_BYTES = 256 * 1024;

export function toJournal(row: DocumentColumns): JournaledDocument {
  const { id, kind, subject, team, generation, retired } = row;
  return { id, kind, subject, team, cloudProject: row.cloud_project, generation, retired };
}

/** `pending`: raise the flag that something of it may not be in the cloud. Throws for a document that is not there. */
export async function appendUpdates(
  db: Db,
  id: string,
  updates: readonly Uint8Array[],
  options: { readonly pending: boolean },
): Promise<void> {
  if (updates.length === 0) return;
  const raised = await db.query<{ log_rev: number }>(
    "update documents set log_rev = log_rev + $2, pending = pending or ($3 and team is not null) where id = $1 returning log_rev",
    [id, updates.length, options.pending],
  );
  const last = raised.rows[0]?.log_rev;
  if (last === undefined) throw new Error(`no document ${id}`);
  await db.query(
    "insert into document_updates (document_id, seq, data) select $1, * from unnest($2::bigint[], $3::bytea[])",
    [id, bigintArray(updates.map((_, i) => last - updates.length + 1 + i)), byteaArray(updates)],
  );
  await compactIfGrown(db, id);
}

/** The whole document as one update; null while it is empty. */
export async function readState(db: Db, id: string): Promise<Bytes | null> {
  const updates = await readUpdates(db, id);
  const [first] = updates;
  if (first === undefined) return null;
  if (updates.length === 1) return first;
  const doc = rebuildDoc(updates);
  const state = encodeDoc(doc);
  doc.destroy();
  return state;
}

/** The last compaction's update is the first of the log: only what came after it counts as growth. */
async function compactIfGrown(db: Db, id: string): Promise<void> {
  const size = await db.query<{ count: number; growth: number; base: number }>(
    `select count(*) as count, coalesce(sum(octet_length(data)) filter (where seq > first), 0)::bigint as growth,
       coalesce(sum(octet_length(data)) filter (where seq = first), 0)::bigint as base
     from (select seq, data, min(seq) over () as first from document_updates where document_id = $1) log`,
    [id],
  );
  const { count, growth, base } = size.rows[0] as { count: number; growth: number; base: number };
  if (count <= MAX_UPDATES && growth <= Math.max(MAX_GROWTH_BYTES, base)) return;
  const state = await readState(db, id);
  if (state === null) return;
  const last = await db.query<{ seq: number }>(
    "select max(seq) as seq from document_updates where document_id = $1",
    [id],
  );
  await db.query("delete from document_updates where document_id = $1", [id]);
  await db.query("insert into document_updates (document_id, seq, data) values ($1, $2, $3)", [
    id,
    last.rows[0]?.seq,
    state,
  ]);
}

async function readUpdates(db: Db, id: string): Promise<readonly Bytes[]> {
  const found = await db.query<{ data: Bytes }>(
    "select data from document_updates where document_id = $1 order by seq",
    [id],
  );
  return found.rows.map((row) => row.data);
}
