/**
 * A snapshot from the one before it and the rows after that, read as any device reads them, into fresh documents: whoever
 * does it comes to the same bytes. What a device has on its screen or in its store is not asked.
 */
import type { Bytes } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import { encodeDoc, openDoc, rebuildDoc } from "../crdt/documents.ts";
import { clientsKnown, clientsOf, EMPTY_KNOWN, foldKnown } from "../crdt/known.ts";
import { Alarms } from "./alarms.ts";
import { Chains } from "./chains.ts";
import { Heads } from "./heads.ts";
import type { PulledDocument, StreamRef } from "./ports.ts";
import { placesOf, type ReaderOptions, readPage, type Written } from "./reader.ts";
import type { Parent, Snapshot, SnapshotDocument, WireId } from "./snapshot.ts";
import { START } from "./streams.ts";
import type { PulledRow } from "./transport.ts";

/** A document without content. */
export const NOTHING = encodeDoc(openDoc(null));
/** Of what was taken back it is kept whose it was, which says what becomes of rows behind. */
const NOTHING_OF_IT = { clients: new Map<number, string>(), state: NOTHING };

/** The snapshot that the rows go on from: it stands, and `n` is the last row it covers. */
export interface Base {
  readonly n: number;
  readonly parent: Parent;
  readonly snapshot: Snapshot;
}

/**
 * `rows`: all that follow `base`, or the start, up to the last one the snapshot covers; the caller has verified their running
 * hash. `entry`: of the team log, to which the team of `options` was read. Null: there is something that cannot be read
 * here, so nobody can say what the documents are.
 */
export async function buildSnapshot(
  options: Pick<ReaderOptions, "team"> & { readonly wireId: WireId; readonly entry: number },
  stream: StreamRef,
  base: Base | null,
  rows: readonly PulledRow[],
): Promise<Snapshot | null> {
  const before = new Map(base?.snapshot.documents.map((doc) => [doc.id, doc]));
  const places = placesOf({ ...START, n: base?.n ?? 0 }, rows);
  const store = storeOf(stream, base);
  // Other histories were heard of when the rows were first read.
  const heads = new Heads({ placeAt: async () => null });
  const held = { ...options, store, heads, chains: new Chains() };
  const read = await readPage(held, stream, rows, places, new Map(), new Alarms());
  // Rows of a kind that this version does not know change nothing for any device of it.
  if (read.unread) return null;
  const written = Map.groupBy(read.written, ({ doc }) => doc);
  for (const changed of read.batch.documents)
    before.set(changed.id, grown(before.get(changed.id), changed, written.get(changed.id) ?? []));
  const { team, wireId, entry } = options;
  return {
    parent: base?.parent ?? null,
    entry,
    documents: [...before.values()].map((doc) =>
      team.isTakenBack(wireId(doc.id), doc.owner) ? { ...doc, ...NOTHING_OF_IT } : doc,
    ),
    chains: read.batch.chains,
  };
}

function grown(
  before: SnapshotDocument | undefined,
  { id, kind, owner, updates, known }: PulledDocument,
  written: readonly Written[],
): SnapshotDocument {
  const doc = rebuildDoc(before ? [before.state, ...updates] : updates);
  const state = encodeDoc(doc);
  doc.destroy();
  const clients = new Map(before?.clients);
  // What stands after a gap is not counted, so that there are no more than readers let in.
  const counted = clientsKnown(known);
  for (const { device, update } of written)
    for (const client of clientsOf(update))
      if (counted.has(client) && !clients.has(client)) clients.set(client, device);
  return { id, kind, owner, clients, state };
}

/** As a device has it that read the snapshot and nothing else. */
function storeOf(stream: StreamRef, base: Base | null): ReaderOptions["store"] {
  const documents = new Map(base?.snapshot.documents.map((doc) => [doc.id, doc]));
  const chains = new Map(
    base?.snapshot.chains.map((chain) => [`${chain.replica}/${chain.doc}`, chain]),
  );
  const infoOf = (doc: SnapshotDocument) => {
    const known = foldKnown(EMPTY_KNOWN, doc.state);
    return { kind: doc.kind, stream, known, owner: doc.owner, retired: false };
  };
  return {
    async document(id: DocId) {
      const doc = documents.get(id);
      return doc ? infoOf(doc) : null;
    },
    async state(id: DocId) {
      const doc = documents.get(id);
      return doc ? { ...infoOf(doc), state: doc.state as Bytes, rev: 0 } : null;
    },
    async chain(replica: string, doc: string) {
      return chains.get(`${replica}/${doc}`) ?? null;
    },
  };
}
