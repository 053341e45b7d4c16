/** What sync keeps: cursors, chains, what is known to be in the cloud. Shaped after the port in `src/sync/ports.ts`. */
import type { Transaction } from "@electric-sql/pglite";
import { type Bytes, toBase64 } from "../base/bytes.ts";
import type { DocId, TeamId } from "../base/ids.ts";
import { type DocKind, encodeDoc, rebuildDoc } from "../crdt/documents.ts";
import type { Known } from "../crdt/known.ts";
import { byteaArray } from "../pg/arrays.ts";
import {
  compact,
  type DocumentColumns,
  dropContent,
  type Growth,
  grow,
  toJournal,
} from "./document-log.ts";
import { type DocumentStream, infoOf, TAKEN_BACK } from "./documents.ts";
import type { Durable } from "./durable.ts";
import type { JournalEntry, JournaledDocument } from "./journal.ts";
import { putDocument } from "./replay.ts";
import { dropRemote } from "./sessions.ts";
import { SIGNED_IN } from "./settings.ts";
import { createTeamLogs, type TeamLogs } from "./team-log.ts";

export interface Cursor {
  readonly n: number;
  readonly h: Bytes;
}

export interface SyncDocumentInfo {
  readonly kind: DocKind;
  readonly stream: DocumentStream | null;
  readonly known: Known;
  readonly owner: string | null;
  readonly retired: boolean;
}

export interface SyncKnownDocument {
  readonly id: DocId;
  readonly known: Known;
  readonly owner: string | null;
}

export interface Chain {
  readonly replica: string;
  readonly doc: string;
  readonly seq: number;
  readonly hash: Bytes;
  readonly parts: readonly Bytes[];
}

export interface PulledDocument {
  readonly id: DocId;
  readonly kind: DocKind;
  readonly updates: readonly Bytes[];
  /** When they were held against it. */
  readonly rev?: number;
  readonly known: Known;
  readonly owner: string;
  readonly retired: boolean;
}

export interface PulledBatch {
  readonly stream: DocumentStream;
  readonly places: readonly Cursor[];
  readonly documents: readonly PulledDocument[];
  readonly chains: readonly Chain[];
  readonly unapplied: readonly { readonly n: number; readonly row: Bytes }[];
}

export interface SyncTeamDocument {
  readonly id: DocId;
  readonly owner: string | null;
  readonly retired: boolean;
  readonly takenBack: boolean;
}

export interface SyncStore extends TeamLogs {
  cursors(
    team: TeamId,
  ): Promise<readonly { readonly stream: DocumentStream; readonly cursor: Cursor }[]>;
  placeAt(stream: DocumentStream, n: number): Promise<Bytes | null>;
  restart(stream: DocumentStream): Promise<void>;
  pendingDocuments(team: TeamId): Promise<readonly DocId[]>;
  document(id: DocId): Promise<SyncDocumentInfo | null>;
  documentsOf(team: TeamId): Promise<readonly SyncTeamDocument[]>;
  retire(ids: readonly DocId[], device: string): Promise<void>;
  knownDocuments(stream: DocumentStream): Promise<readonly SyncKnownDocument[]>;
  state(
    id: DocId,
  ): Promise<(SyncDocumentInfo & { readonly state: Bytes; readonly rev: number }) | null>;
  settle(id: DocId, rev: number): Promise<boolean>;
  chain(replica: string, doc: string): Promise<Chain | null>;
  commit(batch: PulledBatch): Promise<boolean>;
}

/** A stream without a project, as a key. */
const NO_PROJECT = "";

export function createSync(durable: Durable): SyncStore {
  const { db, held } = durable;
  return {
    ...createTeamLogs(durable),

    async cursors(team) {
      const found = await db.query<{ project: string; n: number; h: Bytes }>(
        "select distinct on (project) project, n, h from places where team = $1 order by project, n desc",
        [team],
      );
      return found.rows.map(({ project, n, h }) => ({
        stream: { team, project: project === NO_PROJECT ? null : project },
        cursor: { n, h },
      }));
    },

    async placeAt(stream, n) {
      const found = await db.query<{ h: Bytes }>(
        "select h from places where team = $1 and project = $2 and n = $3",
        [...keyOf(stream), n],
      );
      return found.rows[0]?.h ?? null;
    },

    async restart(stream) {
      const key = keyOf(stream);
      const documents = await durable.write(async (tx) => {
        for (const table of ["places", "chains", "unapplied_rows"])
          await tx.query(`delete from ${table} where team = $1 and project = $2`, [...key]);
        const reset = await tx.query<{ id: DocId }>(
          `update documents set state_vector = '\\x00', delete_set = '\\x00', pending = not retired,
             account = case when owner is null then account end,
             owner = case when kind = 'trace' or retired then owner end
           where team = $1 and coalesce(cloud_project, '') = $2 returning id`,
          [...key],
        );
        return { entries: [], value: reset.rows };
      });
      for (const { id } of documents) held.forget(id);
    },

    async pendingDocuments(team) {
      const found = await db.query<{ id: DocId }>(
        `select id from documents where team = $1 and pending and not retired
           and (account is null or account = ${SIGNED_IN}) order by id`,
        [team],
      );
      return found.rows.map(({ id }) => id);
    },

    async document(id) {
      const found = await held.read(id);
      return found === null ? null : syncInfoOf(found.row);
    },

    async documentsOf(team) {
      const found = await db.query<SyncTeamDocument>(
        `select d.id, d.owner, d.retired, exists (select from settings s where s.key = $2 || d.id) as "takenBack"
         from documents d where d.team = $1 order by d.id`,
        [team, TAKEN_BACK],
      );
      return found.rows;
    },

    async retire(ids, device) {
      const changed = await durable.write(async (tx) => {
        const retired = await Promise.all(ids.map((id) => retireDocument(tx, id, device)));
        return {
          entries: retired.flatMap(({ entries }) => entries),
          value: retired.flatMap(({ shown }) => shown),
        };
      });
      for (const id of [...ids, ...changed]) held.forget(id);
    },

    async knownDocuments({ team, project }) {
      const found = await db.query<
        SyncKnownDocument["known"] & Pick<DocumentColumns, "id" | "owner">
      >(
        `select id, owner, state_vector as "stateVector", delete_set as "deleteSet" from documents
         where team = $1 and cloud_project is not distinct from $2
           and (octet_length(state_vector) > 1 or octet_length(delete_set) > 1) order by id`,
        [team, project],
      );
      return found.rows.map(({ id, owner, ...known }) => ({ id, owner, known }));
    },

    async state(id) {
      const found = await held.state(id);
      if (found === null) return null;
      const state = found.state ?? encodeDoc(rebuildDoc([]));
      return { ...syncInfoOf(found.row), state, rev: found.row.log_rev };
    },

    async settle(id, rev) {
      const settled = await db.query(
        "update documents set pending = false where id = $1 and log_rev = $2 returning id",
        [id, rev],
      );
      held.settled(id, rev);
      return settled.rows.length > 0;
    },

    async chain(replica, doc) {
      const found = await db.query<{ seq: number; hash: Bytes; parts: Bytes[] }>(
        "select seq, hash, parts from chains where replica = $1 and doc = $2",
        [replica, doc],
      );
      const row = found.rows[0];
      return row === undefined ? null : { replica, doc, ...row };
    },

    async commit(batch) {
      const written = durable.write(async (tx) => {
        const entries: JournalEntry[] = [];
        for (const document of batch.documents)
          entries.push(...(await commitDocument(tx, batch.stream, document)));
        await commitStream(tx, batch);
        return { entries, value: undefined };
      });
      try {
        await written;
      } catch (error) {
        if (error instanceof Outgrown) return false;
        throw error;
      }
      for (const document of batch.documents) held.grew(document.id, growthOf(document));
      return true;
    },
  };
}

/** Takes a commit back: a document is another one than its changes were held against. */
class Outgrown extends Error {}

function growthOf({ updates, known, owner }: PulledDocument): Growth {
  return { updates, pending: false, inCloud: { known, owner } };
}

function syncInfoOf(row: DocumentColumns): SyncDocumentInfo {
  const { kind, stream, known, owner, retired } = infoOf(row);
  return { kind, stream, known, owner, retired };
}

async function commitDocument(
  tx: Transaction,
  stream: DocumentStream,
  pulled: PulledDocument,
): Promise<readonly JournalEntry[]> {
  const { id, kind, updates, rev } = pulled;
  const entries: JournalEntry[] = [];
  let grown = await grow(tx, id, growthOf(pulled));
  if (grown && rev !== undefined && grown.rev !== rev + updates.length) throw new Outgrown();
  if (grown === null) {
    const { team, project: cloudProject } = stream;
    const document: JournaledDocument = {
      id,
      kind,
      subject: subjectOf(id),
      team,
      cloudProject,
      generation: 1,
      retired: pulled.retired,
      account: null,
    };
    await putDocument(tx, document);
    grown = await grow(tx, id, growthOf(pulled));
    entries.push({ type: "document", document });
  }
  if (grown?.long === true) await compact(tx, id);
  for (const update of updates) entries.push({ type: "update", id, update: toBase64(update) });
  return kind === "trace" ? [] : entries;
}

/** Of one that another device wrote, nothing is left but its name. */
async function retireDocument(
  tx: Transaction,
  id: DocId,
  device: string,
): Promise<{ readonly entries: readonly JournalEntry[]; readonly shown: readonly DocId[] }> {
  const found = await tx.query<DocumentColumns>(
    "update documents set retired = true, pending = false where id = $1 returning *",
    [id],
  );
  const row = found.rows[0];
  if (row === undefined) return { entries: [], shown: [] };
  const entries: JournalEntry[] = [{ type: "document", document: toJournal(row) }];
  if (row.owner !== null && row.owner !== device) {
    entries.push({ type: "drop", id });
    await dropContent(tx, id);
    await tx.query("delete from search_decisions where id = $1", [id]);
    await tx.query("delete from search_docs where subject = $1", [id]);
  }
  if (row.kind !== "trace") return { entries, shown: [] };
  return { entries: [], shown: await dropRemote(tx, subjectOf(id)) };
}

/** A document is named after its subject: `SUBJECT`, or `SUBJECT.GENERATION`. */
function subjectOf(id: DocId): string {
  return id.split(".", 1)[0] as string;
}

async function commitStream(
  tx: Transaction,
  { stream, places, chains, unapplied }: PulledBatch,
): Promise<void> {
  const key = keyOf(stream);
  await tx.query(
    `insert into places (team, project, n, h)
     select $1, $2, $3 + i, h from unnest($4::bytea[]) with ordinality u (h, i)`,
    [...key, (places[0]?.n ?? 1) - 1, byteaArray(places.map(({ h }) => h))],
  );
  for (const { replica, doc, seq, hash, parts } of chains) {
    await tx.query(
      `insert into chains (team, project, replica, doc, seq, hash, parts) values ($1, $2, $3, $4, $5, $6, $7::bytea[])
       on conflict (replica, doc) do update set seq = excluded.seq, hash = excluded.hash, parts = excluded.parts`,
      [...key, replica, doc, seq, hash, byteaArray(parts)],
    );
  }
  for (const { n, row } of unapplied) {
    await tx.query(
      "insert into unapplied_rows (team, project, n, row) values ($1, $2, $3, $4) on conflict do nothing",
      [...key, n, row],
    );
  }
}

function keyOf({ team, project }: DocumentStream): readonly [TeamId, string] {
  return [team, project ?? NO_PROJECT];
}
