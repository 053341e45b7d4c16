/** A store in memory: what sync needs of one, and nothing more. A crash is a new engine over the same store. */
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId, TeamId } from "../../src/base/ids.ts";
import { type DocKind, openDoc, rebuildDoc } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, type Known, pendingUpdate } from "../../src/crdt/known.ts";
import type {
  Chain,
  Cursor,
  DocumentInfo,
  KnownDocument,
  KeptLog,
  PulledBatch,
  StreamRef,
  SyncStore,
  UnappliedRow,
} from "../../src/sync/ports.ts";
import { streamKey } from "../../src/sync/streams.ts";
import type { StreamCursor } from "../../src/sync/transport.ts";

interface Held {
  readonly kind: DocKind;
  stream: StreamRef | null;
  known: Known;
  owner: string | null;
  readonly log: Bytes[];
  pending: boolean;
  retired: boolean;
}

interface HeldStream {
  readonly stream: StreamRef;
  readonly places: Cursor[];
  readonly chains: Map<string, Chain>;
}

export class MemoryStore implements SyncStore {
  readonly unapplied: UnappliedRow[] = [];
  readonly #documents = new Map<DocId, Held>();
  readonly #streams = new Map<string, HeldStream>();
  readonly #logs = new Map<TeamId, KeptLog>();
  readonly #takenBack = new Set<DocId>();
  /** How often `commit` was called. */
  commits = 0;

  /** As a backup has it. */
  copy(): MemoryStore {
    const copy = new MemoryStore();
    for (const [id, held] of this.#documents) {
      copy.#documents.set(id, { ...held, log: [...held.log] });
    }
    for (const [key, held] of this.#streams)
      copy.#streams.set(key, { ...held, places: [...held.places], chains: new Map(held.chains) });
    for (const id of this.#takenBack) copy.#takenBack.add(id);
    for (const [team, log] of this.#logs) copy.#logs.set(team, log);
    copy.unapplied.push(...this.unapplied);
    return copy;
  }

  get ids(): readonly DocId[] {
    return [...this.#documents.keys()];
  }

  create(id: DocId, kind: DocKind, stream: StreamRef | null): void {
    this.#documents.set(id, {
      kind,
      stream,
      known: EMPTY_KNOWN,
      owner: null,
      log: [],
      pending: stream !== null,
      retired: false,
    });
  }

  append(id: DocId, update: Bytes): void {
    const held = this.#held(id);
    held.log.push(update);
    held.pending = held.stream !== null;
  }

  /** A fresh document of all that the log holds. */
  open(id: DocId): Y.Doc {
    return rebuildDoc(this.#held(id).log);
  }

  /** Opens, changes, appends what changed. Returns the update. */
  edit(id: DocId, change: (doc: Y.Doc) => void): Bytes {
    const doc = this.open(id);
    const before = Y.encodeStateVector(doc);
    const updates: Bytes[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update as Bytes));
    doc.transact(() => change(doc));
    const update = updates[0] ?? (Y.encodeStateAsUpdate(doc, before) as Bytes);
    this.append(id, update);
    return update;
  }

  has(id: DocId): boolean {
    return this.#documents.has(id);
  }

  /** What is really pending, whatever the flag says. */
  pendingOf(id: DocId): Bytes | null {
    const held = this.#held(id);
    const state = Y.encodeStateAsUpdate(this.open(id));
    return pendingUpdate(openDoc(state), held.known);
  }

  async log(team: TeamId): Promise<KeptLog | null> {
    return this.#logs.get(team) ?? null;
  }

  async keepLog(team: TeamId, log: KeptLog): Promise<void> {
    this.#logs.set(team, log);
  }

  async cursors(team: TeamId): Promise<readonly StreamCursor[]> {
    return [...this.#streams.values()]
      .filter(({ stream, places }) => stream.team === team && places.length > 0)
      .map(({ stream, places }) => ({ stream, cursor: places.at(-1) as Cursor }));
  }

  async documentsOf(team: TeamId) {
    return [...this.#documents]
      .filter(([, { stream }]) => stream?.team === team)
      .map(([id, { owner, retired }]) => ({
        ...{ id, owner, retired },
        takenBack: this.#takenBack.has(id),
      }));
  }

  /** As its person wants. */
  async takeBack(id: DocId): Promise<void> {
    this.#takenBack.add(id);
    await this.retire([id], this.#held(id).owner ?? "");
  }

  async retire(ids: readonly DocId[], device: string): Promise<void> {
    for (const id of ids) {
      const held = this.#held(id);
      held.retired = true;
      held.pending = false;
      if (held.owner !== null && held.owner !== device) held.log.splice(0);
    }
  }

  async placeAt(stream: StreamRef, n: number): Promise<Bytes | null> {
    const places = this.#streams.get(streamKey(stream))?.places ?? [];
    return places.find((place) => place.n === n)?.h ?? null;
  }

  async restart(stream: StreamRef): Promise<void> {
    this.#streams.delete(streamKey(stream));
    for (const held of this.#documents.values()) {
      if (!held.stream || streamKey(held.stream) !== streamKey(stream)) continue;
      held.known = EMPTY_KNOWN;
      held.pending = !held.retired;
      if (held.kind !== "trace" && !held.retired) held.owner = null;
    }
  }

  async pendingDocuments(team: TeamId): Promise<readonly DocId[]> {
    return [...this.#documents]
      .filter(([, held]) => held.pending && !held.retired && held.stream?.team === team)
      .map(([id]) => id);
  }

  async document(id: DocId): Promise<DocumentInfo | null> {
    const held = this.#documents.get(id);
    if (!held) return null;
    const { kind, stream, known, owner, retired } = held;
    return { kind, stream, known, owner, retired };
  }

  async knownDocuments(stream: StreamRef): Promise<readonly KnownDocument[]> {
    return [...this.#documents]
      .filter(([, held]) => held.stream && streamKey(held.stream) === streamKey(stream))
      .filter(([, { known }]) => known.stateVector.length > 1 || known.deleteSet.length > 1)
      .map(([id, { known, owner }]) => ({ id, known, owner }));
  }

  async state(id: DocId) {
    const held = this.#documents.get(id);
    return held
      ? { ...held, state: Y.encodeStateAsUpdate(this.open(id)) as Bytes, rev: held.log.length }
      : null;
  }

  async settle(id: DocId, rev: number): Promise<boolean> {
    const held = this.#held(id);
    if (held.log.length !== rev) return false;
    held.pending = false;
    return true;
  }

  async chain(replica: string, doc: string): Promise<Chain | null> {
    for (const { chains } of this.#streams.values()) {
      const chain = chains.get(`${replica}/${doc}`);
      if (chain) return chain;
    }
    return null;
  }

  async commit(batch: PulledBatch): Promise<boolean> {
    const outgrown = batch.documents.some(
      ({ id, rev }) => rev !== undefined && rev !== (this.#documents.get(id)?.log.length ?? 0),
    );
    if (outgrown) return false;
    this.commits++;
    const { stream } = batch;
    const fresh: HeldStream = { stream, places: [], chains: new Map() };
    const { places, chains } = this.#streams.get(streamKey(stream)) ?? fresh;
    this.#streams.set(streamKey(stream), { stream, places, chains });
    places.push(...batch.places);
    for (const chain of batch.chains) chains.set(`${chain.replica}/${chain.doc}`, chain);
    for (const { id, kind, updates, known, owner, retired } of batch.documents) {
      const held = this.#documents.get(id) ?? {
        kind,
        stream: batch.stream,
        known,
        owner,
        log: [],
        pending: false,
        retired,
      };
      this.#documents.set(id, held);
      held.log.push(...updates);
      held.known = known;
      held.owner = owner;
    }
    this.unapplied.push(...batch.unapplied);
    return true;
  }

  #held(id: DocId): Held {
    const held = this.#documents.get(id);
    if (!held) throw new Error(`no document ${id}`);
    return held;
  }
}
