/**
 * Documents: a log of Yjs updates each, what of it is known to be in the cloud, and which revision of its session a
 * trace reflects. Decisions, notes and projects are journaled; a trace can be made again from its session.
 */
import type { Bytes } from "../base/bytes.ts";
import type { DocId, TeamId } from "../base/ids.ts";
import type { DocKind } from "../crdt/documents.ts";
import type { Known } from "../crdt/known.ts";
import { appendUpdates, compact, grow, toJournal, type DocumentColumns } from "./document-log.ts";
import type { Durable } from "./durable.ts";
import { toBase64 } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import type { JournalEntry, JournaledDocument } from "./journal.ts";
import { putDocument } from "./replay.ts";
import type { Db } from "./rows.ts";
import { type Settings, SIGNED_IN } from "./settings.ts";

export interface DocumentStream {
  readonly team: TeamId;
  /** The cloud's UUID. */
  readonly project: string | null;
}

export interface DocumentInfo {
  readonly id: DocId;
  readonly kind: DocKind;
  /** The session, decision or project it is about. */
  readonly subject: string | null;
  /** Null: on this machine only. */
  readonly stream: DocumentStream | null;
  readonly generation: number;
  readonly retired: boolean;
  /** Something of it may not be in the cloud. */
  readonly pending: boolean;
  readonly owner: string | null;
  /** In whose name it is sent: the account that was signed in at its last edit here. Null: nobody's in particular. */
  readonly account: string | null;
  readonly known: Known;
  /** Grows with every append. */
  readonly rev: number;
  /** Of a trace: the session's revision it shows, or (a teammate's) how much of its own log its session shows. */
  readonly modelRev: number;
}

export interface NewDocument {
  readonly id: DocId;
  readonly kind: DocKind;
  readonly subject: string | null;
  readonly stream: DocumentStream | null;
  readonly generation?: number;
  /** Its first content. */
  readonly state?: Uint8Array;
}

export interface Appended {
  readonly kept: Promise<void>;
}

export interface Documents {
  list(filter?: {
    readonly kind?: DocKind;
    readonly subject?: string;
  }): Promise<readonly DocumentInfo[]>;
  info(id: DocId): Promise<DocumentInfo | null>;
  /** With its content as one update; null `state`: nothing was written yet. */
  load(
    id: DocId,
  ): Promise<(Omit<DocumentInfo, "account"> & { readonly state: Bytes | null }) | null>;
  create(document: NewDocument): Promise<void>;
  /** The updates are in the document when this resolves, all or none; a power loss keeps them once `kept` does. */
  append(id: DocId, updates: readonly Uint8Array[]): Promise<Appended>;
  /** Sets `modelRev`. */
  setRev(id: DocId, modelRev: number): Promise<void>;
  /** What a pulled document turned out to be about. */
  setSubject(id: DocId, subject: string): Promise<void>;
  retire(id: DocId): Promise<void>;
  /** Retires it, and remembers that the team is to be told. */
  takeBack(id: DocId): Promise<void>;
}

/** A setting for each document that was taken back. */
export const TAKEN_BACK = "taken-back:";

export function createDocuments(durable: Durable, settings: Settings, log: Log): Documents {
  const { db, held } = durable;

  const compactIfLong =
    (id: DocId) =>
    async (grown: Awaited<ReturnType<typeof grow>>): Promise<void> => {
      if (grown?.long !== true) return;
      await db.transaction((tx) => compact(tx, id));
      held.forget(id);
    };

  /** Changes what is known of the document itself; journaled like its content. */
  const change = async (
    id: DocId,
    edit: (document: JournaledDocument) => JournaledDocument,
  ): Promise<void> => {
    await durable.write(async (tx) => {
      const row = await readRow(tx, id);
      if (row === null) throw new Error(`no document ${id}`);
      const document = edit(toJournal(row));
      await putDocument(tx, document);
      await tx.query("update documents set pending = pending and not retired where id = $1", [id]);
      return {
        entries: row.kind === "trace" ? [] : [{ type: "document", document }],
        value: undefined,
      };
    });
    held.forget(id);
  };

  const retire = async (id: DocId): Promise<void> =>
    change(id, (document) => ({ ...document, retired: true }));

  return {
    async list({ kind, subject } = {}) {
      const found = await db.query<DocumentColumns>(
        "select * from documents where kind = coalesce($1, kind) and ($2::text is null or subject = $2) order by id",
        [kind ?? null, subject ?? null],
      );
      return found.rows.map(infoOf);
    },

    async info(id) {
      const row = await readRow(db, id);
      return row === null ? null : infoOf(row);
    },

    async load(id) {
      const found = await held.state(id);
      return found === null ? null : { ...infoOf(found.row), state: found.state };
    },

    create: async ({ id, kind, subject, stream, generation = 1, state }) =>
      durable.write(async (tx) => {
        const { team, project: cloudProject } = stream ?? { team: null, project: null };
        const account = team === null ? null : await signedIn(tx);
        const document: JournaledDocument = {
          id,
          kind,
          subject,
          team,
          cloudProject,
          generation,
          retired: false,
          account,
        };
        const entries: JournalEntry[] = [{ type: "document", document }];
        await putDocument(tx, document);
        if (state !== undefined) {
          await appendUpdates(tx, id, [state], { pending: true });
          entries.push({ type: "update", id, update: toBase64(state) });
        }
        return { entries: kind === "trace" ? [] : entries, value: undefined };
      }),

    async append(id, updates) {
      const kind = held.kindOf(id) ?? (await held.read(id))?.row.kind;
      if (kind === undefined) throw new Error(`no document ${id}`);
      const entries = updates.map((update): JournalEntry => ({
        type: "update",
        id,
        update: toBase64(update),
      }));
      const growth = { updates, pending: true };
      const journaled = kind === "trace" ? [] : entries;
      const { kept, done } = durable.writeOne(journaled, (applied) =>
        grow(db, id, growth, applied),
      );
      // Nobody waits for the database, which has it before it is asked anything else; where there is no journal one has to.
      if (journaled.length === 0) await done;
      held.grew(id, growth);
      done.then(compactIfLong(id)).catch((error: unknown) => {
        held.forget(id);
        log("warn", "document.late", { reason: String(error) });
      });
      kept.catch(() => undefined);
      return { kept };
    },

    async setRev(id, modelRev) {
      await db.query("update documents set model_rev = $2 where id = $1", [id, modelRev]);
      held.forget(id);
    },

    setSubject: async (id, subject) => change(id, (document) => ({ ...document, subject })),

    retire,

    async takeBack(id) {
      await settings.set(TAKEN_BACK + id, true);
      await retire(id);
    },
  };
}

async function signedIn(db: Db): Promise<string | null> {
  const found = await db.query<{ account: string | null }>(`select ${SIGNED_IN} as account`);
  return found.rows[0]?.account ?? null;
}

async function readRow(db: Db, id: string): Promise<DocumentColumns | null> {
  const found = await db.query<DocumentColumns>("select * from documents where id = $1", [id]);
  return found.rows[0] ?? null;
}

export function infoOf(row: DocumentColumns): DocumentInfo {
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    stream: row.team === null ? null : { team: row.team, project: row.cloud_project },
    generation: row.generation,
    retired: row.retired,
    pending: row.pending,
    owner: row.owner,
    account: row.account,
    known: { stateVector: row.state_vector, deleteSet: row.delete_set },
    rev: row.log_rev,
    modelRev: row.model_rev,
  };
}
