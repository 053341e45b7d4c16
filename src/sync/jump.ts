/**
 * A snapshot into one commit, at the place it covers. Whatever of a document was known here to be in the cloud has to be
 * inside: else somebody left something out, and this device, who knows it, says so.
 */
import type { Bytes } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import { contradicting } from "../crdt/contradictions.ts";
import { encodeDoc, inapplicable, openDoc } from "../crdt/documents.ts";
import { foldKnown, isInside, knownOf } from "../crdt/known.ts";
import type { Alarms } from "./alarms.ts";
import type { PulledBatch, PulledDocument, StreamRef, SyncStore } from "./ports.ts";
import { CONTRADICTS, INAPPLICABLE, NOT_SHARED, OTHER_KIND } from "./reader.ts";
import type { SnapshotDocument } from "./snapshot.ts";
import type { ReadSnapshot } from "./snapshots.ts";
import { sameStream } from "./streams.ts";

export interface Jump {
  readonly batch: PulledBatch;
  readonly applied: readonly { readonly doc: DocId; readonly updates: readonly Bytes[] }[];
}

export interface JumpOptions {
  readonly store: Pick<SyncStore, "document" | "state" | "knownDocuments">;
  /** Whether it was taken back: nobody misses it then, and nobody takes it. */
  readonly isTakenBack: (document: DocId, owner: string) => boolean;
  /** Whether the team has, or had, a device that writes besides that one and this one. */
  readonly hasOthers: (device: string) => boolean;
}

const NOTHING = encodeDoc(openDoc(null));

/** Null: the snapshot lacks what is known here. */
export async function jumpTo(
  options: JumpOptions,
  stream: StreamRef,
  { snapshot, head, maker, standing }: ReadSnapshot,
  alarms: Alarms,
): Promise<Jump | null> {
  const documents = new Map(
    snapshot.documents.map((doc) => [doc.id, { ...doc, known: knownOf(doc.state) }]),
  );
  for (const { id, known, owner } of await options.store.knownDocuments(stream)) {
    if (owner !== null && options.isTakenBack(id, owner)) continue;
    const doc = documents.get(id);
    if (!doc || doc.owner !== owner || !doc.known || !isInside(known, doc.known)) return null;
  }
  if (standing !== "attested" && options.hasOthers(maker))
    alarms.add(stream, { is: "unattested", device: maker });
  const taken: PulledDocument[] = [];
  for (const doc of documents.values()) {
    if (options.isTakenBack(doc.id, doc.owner)) continue;
    const pulled = await take(options, stream, doc);
    if (typeof pulled === "string")
      alarms.add(stream, { is: "refused", device: maker, why: pulled });
    else if (pulled) taken.push(pulled);
  }
  const { chains } = snapshot;
  return {
    batch: { stream, places: [head], documents: taken, chains, unapplied: [] },
    applied: taken.map(({ id, updates }) => ({ doc: id, updates })),
  };
}

interface KnownIn extends SnapshotDocument {
  /** Null: its state is no update. */
  readonly known: PulledDocument["known"] | null;
}

/** Null: there is nothing new in it. Text: why it is refused. */
async function take(
  { store }: JumpOptions,
  stream: StreamRef,
  { id, kind, owner, state, known }: KnownIn,
): Promise<PulledDocument | string | null> {
  const held = await store.document(id);
  if (held && (!held.stream || !sameStream(held.stream, stream))) return NOT_SHARED;
  if (held && held.kind !== kind) return OTHER_KIND;
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
