/**
 * A document's log of updates. Loading merges it; when it has grown it is compacted into one update by a fresh Yjs
 * document, which also collects what was deleted.
 */
import type { DocId, TeamId } from "../base/ids.ts";
import type { Bytes } from "../base/bytes.ts";
import { type DocKind, encodeDoc, rebuildDoc } from "../crdt/documents.ts";
import type { Known } from "../crdt/known.ts";
import { byteaArray } from "../pg/arrays.ts";
import type { JournaledDocument } from "./journal.ts";
import type { Db } from "./rows.ts";
import { SIGNED_IN } from "./settings.ts";

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
  readonly account: string | null;
  readonly state_vector: Bytes;
  readonly delete_set: Bytes;
  readonly log_rev: number;
  readonly model_rev: number;
}

const MAX_UPDATES = 200;
const MAX_GROWTH_BYTES = 256 * 1024;

export function toJournal(row: DocumentColumns): JournaledDocument {
  const { id, kind, subject, team, generation, retired, account } = row;
  return { id, kind, subject, team, cloudProject: row.cloud_project, generation, retired, account };
}

export interface Growth {
  readonly updates: readonly Uint8Array[];
  /** Raises the flag that something of it may not be in the cloud. */
  readonly pending: boolean;
  /** Taken from the journal: in whose name it was, the document itself says, where it does. */
  readonly replayed?: boolean;
  /** What is known to be in the cloud from now on. */
  readonly inCloud?: { readonly known: Known; readonly owner: string };
}

/** In a transaction. Throws for a document that is not there. */
export async function appendUpdates(
  db: Db,
  id: string,
  updates: readonly Uint8Array[],
  options: Pick<Growth, "pending" | "replayed">,
): Promise<void> {
  const grown = await grow(db, id, { updates, ...options });
  if (grown === null) throw new Error(`no document ${id}`);
  if (grown.long) await compact(db, id);
}

export interface Grown {
  readonly rev: number;
  /** Worth compacting. */
  readonly long: boolean;
}

/**
 * One question, because each costs its way to the database's thread and back. Null: there is no such document. `applied`:
 * the journal's record that says the same.
 */
export async function grow(
  db: Db,
  id: string,
  { updates, pending, replayed = false, inCloud }: Growth,
  applied: number | null = null,
): Promise<Grown | null> {
  const grown = await db.query<{ count: number; growth: number; base: number; rev: number }>(
    `with grown as (
       update documents set log_rev = log_rev + $2, pending = pending or ($3 and team is not null),
         account = case when $3 and team is not null
           then coalesce(case when $9 then account end, ${SIGNED_IN}, account) else account end,
         state_vector = coalesce($5, state_vector), delete_set = coalesce($6, delete_set), owner = coalesce($7, owner)
       where id = $1 returning log_rev
     ), log as (
       select octet_length(data) as bytes, seq = min(seq) over () as first from document_updates where document_id = $1
     ), added as (
       insert into document_updates (document_id, seq, data)
         select $1, grown.log_rev - $2 + place, data from grown, unnest($4::bytea[]) with ordinality u (data, place)
         returning octet_length(data) as bytes
     ), taken as (
       update journal_state set applied = greatest(applied, $8::bigint) where $8::bigint is not null
     )
     select grown.log_rev as rev, (select count(*) from log) + $2 as count, coalesce((select sum(bytes) from log where first), 0)::bigint as base,
       (coalesce((select sum(bytes) from log where not first), 0) + coalesce((select sum(bytes) from added), 0))::bigint as growth
     from grown`,
    [
      id,
      updates.length,
      pending,
      byteaArray(updates),
      inCloud?.known.stateVector ?? null,
      inCloud?.known.deleteSet ?? null,
      inCloud?.owner ?? null,
      applied,
      replayed,
    ],
  );
  const row = grown.rows[0];
  if (row === undefined) return null;
  // The last compaction's update is the first of the log: only what came after it counts as growth.
  return {
    rev: row.rev,
    long: row.count > MAX_UPDATES || row.growth > Math.max(MAX_GROWTH_BYTES, row.base),
  };
}

export interface Whole {
  readonly row: DocumentColumns;
  /** Its log, or what its beginning comes to and the rest. */
  readonly updates: readonly Bytes[];
}

const HELD_DOCUMENTS = 32;
const HELD_BYTES = 1024 * 1024;

/**
 * The documents in use as the database has them or is about to, so that an edit asks it nothing. What a write did is noted
 * here once it is kept; a document that was read meanwhile is older than the one noted here, and gives way to it.
 */
export class Held {
  readonly #db: Db;
  readonly #documents = new Map<string, Whole>();

  constructor(db: Db) {
    this.#db = db;
  }

  async read(id: string): Promise<Whole | null> {
    const read = this.#documents.get(id) ?? (await readWhole(this.#db, id));
    const whole = this.#documents.get(id) ?? read;
    if (whole !== null) this.#hold(whole);
    return whole;
  }

  /** With its content as one update; null while it is empty. What was merged once is not merged again. */
  async state(id: string): Promise<{ row: DocumentColumns; state: Bytes | null } | null> {
    const whole = await this.read(id);
    if (whole === null) return null;
    const state = stateOf(whole.updates);
    if (state !== null && this.#documents.get(id) === whole)
      this.#hold({ ...whole, updates: [state] });
    return { row: whole.row, state };
  }

  /** Whether the document is there; false only means that it has to be looked up. */
  kindOf(id: string): DocKind | null {
    return this.#documents.get(id)?.row.kind ?? null;
  }

  grew(id: string, { updates, pending, inCloud }: Growth): void {
    const whole = this.#documents.get(id);
    if (whole === undefined) return;
    const { row } = whole;
    this.#hold({
      row: {
        ...row,
        log_rev: row.log_rev + updates.length,
        pending: row.pending || (pending && row.team !== null),
        state_vector: inCloud?.known.stateVector ?? row.state_vector,
        delete_set: inCloud?.known.deleteSet ?? row.delete_set,
        owner: inCloud?.owner ?? row.owner,
      },
      updates: [...whole.updates, ...(updates as readonly Bytes[])],
    });
  }

  settled(id: string, rev: number): void {
    const whole = this.#documents.get(id);
    if (whole?.row.log_rev === rev) this.#hold({ ...whole, row: { ...whole.row, pending: false } });
  }

  forget(id: string): void {
    this.#documents.delete(id);
  }

  #hold(whole: Whole): void {
    const { id } = whole.row;
    this.#documents.delete(id);
    if (whole.updates.length > MAX_UPDATES) return;
    if (whole.updates.reduce((sum, { length }) => sum + length, 0) > HELD_BYTES) return;
    this.#documents.set(id, whole);
    for (const oldest of this.#documents.keys()) {
      if (this.#documents.size <= HELD_DOCUMENTS) break;
      this.#documents.delete(oldest);
    }
  }
}

async function readWhole(db: Db, id: string): Promise<Whole | null> {
  type Log = { log: Bytes | null; sizes: number[] | null };
  const found = await db.query<DocumentColumns & Log>(
    `select d.*, l.* from documents d, lateral (
       select string_agg(data, '' order by seq) as log, array_agg(octet_length(data)::bigint order by seq) as sizes
       from document_updates where document_id = d.id
     ) l where d.id = $1`,
    [id],
  );
  const row = found.rows[0];
  if (row === undefined) return null;
  let at = 0;
  const updates = (row.sizes ?? []).map((size) => row.log?.subarray(at, (at += size)) as Bytes);
  return { row, updates };
}

/** The whole document as one update; null while it is empty. */
export async function readState(db: Db, id: string): Promise<Bytes | null> {
  return stateOf(await readUpdates(db, id));
}

/** All of a log as one update; null while it is empty. */
function stateOf(updates: readonly Bytes[]): Bytes | null {
  const [first] = updates;
  if (first === undefined) return null;
  if (updates.length === 1) return first;
  const doc = rebuildDoc(updates);
  const state = encodeDoc(doc);
  doc.destroy();
  return state;
}

/** In a transaction. */
export async function compact(db: Db, id: string): Promise<void> {
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

/** As if nothing had been written. */
export async function dropContent(db: Db, id: string): Promise<void> {
  await db.query("delete from document_updates where document_id = $1", [id]);
  await db.query("update documents set log_rev = 0, pending = false where id = $1", [id]);
}

async function readUpdates(db: Db, id: string): Promise<readonly Bytes[]> {
  const found = await db.query<{ data: Bytes }>(
    "select data from document_updates where document_id = $1 order by seq",
    [id],
  );
  return found.rows.map((row) => row.data);
}
