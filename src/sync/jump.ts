/**
 * A snapshot into the store, at the place it covers. Whatever of a document was known here to be in the cloud has to be
 * inside: else somebody left something out, and this device, who knows it, says so.
 *
 * The newest documents come first, some at a time, so that a new device shows them while the others are still read. The place is
 * taken with the last of them: after a crash in between those that are here are not taken again.
 */
import type { DocId } from "../base/ids.ts";
import { contradicting } from "../crdt/contradictions.ts";
import { inapplicable } from "../crdt/documents.ts";
import { EMPTY_KNOWN, foldKnown, isInside, knownOf } from "../crdt/known.ts";
import type { Alarms } from "./alarms.ts";
import type { KnownDocument, PulledBatch, PulledDocument, StreamRef, SyncStore } from "./ports.ts";
import { CONTRADICTS, INAPPLICABLE, NOT_SHARED, OTHER_KIND, OTHER_OWNER } from "./reader.ts";
import { NOTHING } from "./rebuild.ts";
import type { SnapshotDocument } from "./snapshot.ts";
import type { ReadSnapshot } from "./snapshots.ts";
import { sameStream } from "./streams.ts";

const CHUNK_DOCUMENTS = 50;
const ULID_LETTERS = 26;

export interface Jump {
  /** How many documents the snapshot has. */
  readonly total: number;
  /** To be committed one after the other; the last one alone has the place. `done`: of `total`. */
  readonly batches: AsyncIterable<{ readonly batch: PulledBatch; readonly done: number }>;
}

export interface JumpOptions {
  readonly store: Pick<SyncStore, "document" | "state" | "knownDocuments">;
  /** Whether it was taken back: nobody misses it then, and nobody takes it. */
  readonly isTakenBack: (document: DocId, owner: string) => boolean;
  /** Whether the team has, or had, a device that writes besides that one and this one. */
  readonly hasOthers: (device: string) => boolean;
}

/** Null: the snapshot lacks what is known here. */
export async function jumpTo(
  options: JumpOptions,
  stream: StreamRef,
  { snapshot, head, maker, standing }: ReadSnapshot,
  alarms: Alarms,
): Promise<Jump | null> {
  if (!holdsAll(options, await options.store.knownDocuments(stream), snapshot.documents))
    return null;
  if (standing !== "attested" && options.hasOthers(maker))
    alarms.add(stream, { is: "unattested", device: maker });
  const newest = snapshot.documents.toSorted((a, b) => (madeAt(a.id) < madeAt(b.id) ? 1 : -1));

  async function* batches() {
    for (let at = 0; at < newest.length; at += CHUNK_DOCUMENTS) {
      const taken: PulledDocument[] = [];
      for (const doc of newest.slice(at, at + CHUNK_DOCUMENTS)) {
        const pulled = await take(options, stream, { ...doc, known: knownOf(doc.state) });
        if (typeof pulled === "string")
          alarms.add(stream, { is: "refused", device: maker, why: pulled });
        else if (pulled) taken.push(pulled);
      }
      const batch = { stream, places: [], documents: taken, chains: [], unapplied: [] };
      yield { batch, done: Math.min(at + CHUNK_DOCUMENTS, newest.length) };
    }
    const { chains } = snapshot;
    const last = { stream, places: [head], documents: [], chains, unapplied: [] };
    yield { batch: last, done: newest.length };
  }
  return { total: newest.length, batches: batches() };
}

/** Whether all that is known here to be in the cloud is inside, but for what was taken back. */
export function holdsAll(
  { isTakenBack }: Pick<JumpOptions, "isTakenBack">,
  knownHere: readonly KnownDocument[],
  inside: readonly SnapshotDocument[],
): boolean {
  const documents = new Map(inside.map((doc) => [doc.id, doc]));
  return knownHere.every(({ id, known, owner }) => {
    if (owner !== null && isTakenBack(id, owner)) return true;
    const doc = documents.get(id);
    const there = doc && knownOf(doc.state);
    return doc?.owner === owner && there && isInside(known, there);
  });
}

/** Documents' names end with the ULID of when they were made. */
function madeAt(id: DocId): string {
  return id.slice(-ULID_LETTERS);
}

interface KnownIn extends SnapshotDocument {
  /** Null: its state is no update. */
  readonly known: PulledDocument["known"] | null;
}

/** Null: there is nothing new in it. Text: why it is refused. */
async function take(
  { store, isTakenBack }: JumpOptions,
  stream: StreamRef,
  { id, kind, owner, state, known }: KnownIn,
): Promise<PulledDocument | string | null> {
  const held = await store.document(id);
  if (isTakenBack(id, owner))
    return held ? null : { id, kind, owner, retired: true, updates: [], known: EMPTY_KNOWN };
  if (held && (!held.stream || !sameStream(held.stream, stream))) return NOT_SHARED;
  if (held && held.kind !== kind) return OTHER_KIND;
  if (kind === "trace" && held && held.owner !== null && held.owner !== owner) return OTHER_OWNER;
  if (!known) return INAPPLICABLE;
  if (held && isInside(known, held.known)) return null;
  const here = held ? ((await store.state(id))?.state ?? NOTHING) : NOTHING;
  if (inapplicable(here, [state]).size > 0) return INAPPLICABLE;
  if (held && contradicting(here, [state]).size > 0) return CONTRADICTS;
  return {
    id,
    kind,
    owner,
    retired: false,
    updates: [state],
    known: held ? foldKnown(held.known, state) : known,
  };
}
