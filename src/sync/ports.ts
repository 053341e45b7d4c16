/**
 * What sync needs of a store. One engine process uses it at a time; nothing here is called concurrently by sync,
 * but documents are edited while a call runs, which is why `rev` travels with a state.
 */
import type { Bytes } from "../base/bytes.ts";
import type { DocId, TeamId } from "../base/ids.ts";
import type { DocKind } from "../crdt/documents.ts";
import type { Known } from "../crdt/known.ts";

/** The rows of a team and one of its projects, or (`project` null) of the team itself. `project` is the cloud's UUID, lower case. */
export interface StreamRef {
  readonly team: TeamId;
  readonly project: string | null;
}

/** A place in a stream: `h` is the running hash (32 bytes) after row `n`. `n` 0 is the start, its `h` 32 zeros. */
export interface Cursor {
  readonly n: number;
  readonly h: Bytes;
}

/** What is known of a document, without its content. */
export interface DocumentInfo {
  readonly kind: DocKind;
  /** Null: it is on this machine only. Rows that name such a document are refused. */
  readonly stream: StreamRef | null;
  /** What is verified to be in the cloud; `EMPTY_KNOWN` at first. */
  readonly known: Known;
  /** The device that wrote the document's first row in the stream; null while there is none. */
  readonly owner: string | null;
  /** It is not shared any more: nothing of it is sent. */
  readonly retired: boolean;
}

export interface KnownDocument {
  readonly id: DocId;
  readonly known: Known;
  readonly owner: string | null;
}

/** The newest verified row of one replica in one document. */
export interface Chain {
  /** 64 lower-case hex digits: the device's id and the replica's. */
  readonly replica: string;
  /** The document's name on the wire, 32 lower-case hex digits: it may be a document this device has never opened. */
  readonly doc: string;
  readonly seq: number;
  /** SHA-256 of that row. */
  readonly hash: Bytes;
  /** The parts read so far of an update that is not complete yet, in order; empty between updates. */
  readonly parts: readonly Bytes[];
}

export interface PulledDocument {
  readonly id: DocId;
  readonly kind: DocKind;
  /** To append to the document's log, in this order; empty when the rows were this process's own. */
  readonly updates: readonly Bytes[];
  /** The document's revision when they were held against it, 0 for one that was not there; none: they were not. */
  readonly rev?: number;
  /** Replaces the stored value. */
  readonly known: Known;
  readonly owner: string;
  /** It was taken back: one that is not there yet is created without content, so that its owner is known. */
  readonly retired: boolean;
}

/** A row of a newer version of the format or of an unknown kind: kept as it came, to be read after an update of the program. */
export interface UnappliedRow {
  readonly n: number;
  readonly row: Bytes;
}

export interface PulledBatch {
  readonly stream: StreamRef;
  /**
   * The place after each row, in order; the last one is the stream's cursor from now on. None: documents of a snapshot, whose
   * place is taken when all of them are here.
   */
  readonly places: readonly Cursor[];
  readonly documents: readonly PulledDocument[];
  /** Each replaces the stored chain of (replica, doc). */
  readonly chains: readonly Chain[];
  readonly unapplied: readonly UnappliedRow[];
}

/** What a device keeps of a team's log. */
export interface KeptLog {
  /** How many entries of the server's list were read. */
  readonly listed: number;
  /** Those of them that fit, from the first on: the newest one is the pin. */
  readonly entries: readonly Bytes[];
}

export interface TeamDocument {
  readonly id: DocId;
  /** The device that wrote its first row; null while there is none. */
  readonly owner: string | null;
  readonly retired: boolean;
  /** Whoever is at this device wants the team to let it go. */
  readonly takenBack: boolean;
}

export interface SyncStore {
  /** Null: never read. */
  log(team: TeamId): Promise<KeptLog | null>;

  /** Replaces it. Nothing that was believed of a team may be lost: a shorter log would be believed later. */
  keepLog(team: TeamId, log: KeptLog): Promise<void>;

  cursors(
    team: TeamId,
  ): Promise<readonly { readonly stream: StreamRef; readonly cursor: Cursor }[]>;

  /** The running hash that was verified at this number of a stream; null: never there, or not any more. */
  placeAt(stream: StreamRef, n: number): Promise<Bytes | null>;

  /**
   * As if nothing of the stream had ever been read: places, chains and rows kept unapplied go, documents stay, and nothing of
   * them is known to be in the cloud, nor whose they are, but for traces and what is retired. One transaction.
   */
  restart(stream: StreamRef): Promise<void>;

  /**
   * Documents of the team's streams that may hold something beyond `known`: a flag that every local append (and giving a
   * document a stream) sets and `settle` clears. `commit` leaves it as it is. What another account of this machine made or
   * edited last is left to that one.
   */
  pendingDocuments(team: TeamId): Promise<readonly DocId[]>;

  document(id: DocId): Promise<DocumentInfo | null>;

  /** All documents of the team's streams, also those that are not shared any more (`retired`). */
  documentsOf(team: TeamId): Promise<readonly TeamDocument[]>;

  /**
   * These are not shared any more: nothing of them is sent, and nothing taken. Content of those that `device` or nobody wrote
   * first stays; of others it goes, with whatever was made of it, in the same transaction.
   */
  retire(ids: readonly DocId[], device: string): Promise<void>;

  /** The documents of a stream of which something is known to be in the cloud. */
  knownDocuments(stream: StreamRef): Promise<readonly KnownDocument[]>;

  /** As `document`, with the whole document as one Yjs update and the log's revision, which grows with every append of whatever origin. */
  state(
    id: DocId,
  ): Promise<(DocumentInfo & { readonly state: Bytes; readonly rev: number }) | null>;

  /** Nothing of the state at `rev` is pending any more. False, and nothing is done, when the document has grown since. */
  settle(id: DocId, rev: number): Promise<boolean>;

  chain(replica: string, doc: string): Promise<Chain | null>;

  /**
   * One transaction. Documents not known yet are created, in the batch's stream, with nothing pending. False, and nothing is
   * done, when one has grown since its `rev`: it may say something else by now under the names that the batch has.
   */
  commit(batch: PulledBatch): Promise<boolean>;
}
