/**
 * The kinds of Yjs documents, how they are opened and encoded, and what a newer schema means.
 *
 * Each document names its schema version under `schema` of its top-level map `meta`. A document of a newer version is
 * read as far as it is understood and never written: an old writer would lose what it does not know.
 */
import * as Y from "yjs";
import type { Bytes } from "../base/bytes.ts";
import { fail, ok, type Result } from "../base/result.ts";

export const DOC_KINDS = ["trace", "notes", "decision", "project"] as const;
export type DocKind = (typeof DOC_KINDS)[number];

/** Raised whenever a document of a kind is laid out differently. */
export const SCHEMA: Readonly<Record<DocKind, number>> = {
  trace: 1,
  notes: 1,
  decision: 1,
  project: 1,
};

/** Yjs draws a random one, which nothing here asks for: it costs as much as applying a small document. */
const NO_GUID = "";

/** A document with a fresh clientID. Throws on bytes that are no Yjs update. */
export function openDoc(state: Uint8Array | null): Y.Doc {
  return rebuildDoc(state === null ? [] : [state]);
}

/** A document from its updates, in the order given, applied at once (one by one takes four times as long). */
export function rebuildDoc(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc({ guid: NO_GUID });
  applyUpdates(doc, updates, "load");
  return doc;
}

/** Into an open document, in one transaction; listeners hear of it once, with `origin`. */
export function applyUpdates(doc: Y.Doc, updates: readonly Uint8Array[], origin: unknown): void {
  doc.transact(() => {
    for (const update of updates) Y.applyUpdate(doc, update, origin);
  }, origin);
}

/**
 * Which of these updates (by index) cannot be applied to a document that holds `state`, each after those before it that
 * can. Bytes may decode and still name what is not there.
 */
export function inapplicable(
  state: Uint8Array,
  updates: readonly Uint8Array[],
): ReadonlySet<number> {
  const hopeless = waitingForMany(state, updates);
  const tried = updates.filter((_, i) => !hopeless.has(i));
  if (canRebuild([state, ...tried])) return hopeless;
  const good = [state];
  const bad = new Set(hopeless);
  let doc = rebuildDoc(good);
  for (const [i, update] of updates.entries()) {
    if (hopeless.has(i)) continue;
    try {
      Y.applyUpdate(doc, update);
      good.push(update);
    } catch {
      bad.add(i);
      // It may be in the document in part.
      doc.destroy();
      doc = rebuildDoc(good);
    }
  }
  doc.destroy();
  // All at once is how they will be read.
  return canRebuild(good) ? bad : new Set(updates.keys());
}

/** Of so many clientIDs something may be missing that an update goes on from: Yjs tries all of them again with each. */
const MAX_WAITING = 1_000;
/** Of a clientID in an update, its clock and the number of things, one each. */
export const CLIENT_MIN_BYTES = 3;

/** Those that go on from what is not here, of more clientIDs than anybody lacks who reads in order. */
function waitingForMany(state: Uint8Array, updates: readonly Uint8Array[]): Set<number> {
  const found = new Set<number>();
  for (const [i, update] of updates.entries()) {
    if (update.length < MAX_WAITING * CLIENT_MIN_BYTES) continue;
    const begun = Y.parseUpdateMeta(update).from;
    if (begun.size <= MAX_WAITING) continue;
    const before = [state, ...updates.slice(0, i).filter((_, earlier) => !found.has(earlier))];
    const here = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(Y.mergeUpdates(before)));
    const waiting = [...begun].filter(([client, clock]) => clock > (here.get(client) ?? 0));
    if (waiting.length > MAX_WAITING) found.add(i);
  }
  return found;
}

function canRebuild(updates: readonly Uint8Array[]): boolean {
  try {
    rebuildDoc(updates).destroy();
    return true;
  } catch {
    return false;
  }
}

export function encodeDoc(doc: Y.Doc): Bytes {
  return Y.encodeStateAsUpdate(doc) as Bytes;
}

/** Yjs's snapshot of it: the same on devices that have the same. The other way it is a hint: two may have one and differ. */
export function snapshotOf(state: Uint8Array): Bytes {
  const doc = openDoc(state);
  const snapshot = Y.encodeSnapshot(Y.snapshot(doc)) as Bytes;
  doc.destroy();
  return snapshot;
}

/** 0 for a document that does not say. */
export function schemaOf(doc: Y.Doc): number {
  const schema: unknown = doc.getMap("meta").get("schema");
  return typeof schema === "number" && Number.isSafeInteger(schema) && schema > 0 ? schema : 0;
}

export type NewerSchema = "newer-schema";

/** Asked before every write. */
export function canWrite(
  kind: DocKind,
  doc: Y.Doc,
): Result<void, { type: NewerSchema; message: string }> {
  if (schemaOf(doc) <= SCHEMA[kind]) return ok(undefined);
  return fail(
    "newer-schema",
    `This ${NAMES[kind]} was written by a newer Operon. It can be read here but not changed; nothing is lost. Update Operon on this device.`,
  );
}

/** Marks a document as of this version; a no-op when it says so already. */
export function setSchema(kind: DocKind, doc: Y.Doc): void {
  if (schemaOf(doc) < SCHEMA[kind]) doc.getMap("meta").set("schema", SCHEMA[kind]);
}

const NAMES: Readonly<Record<DocKind, string>> = {
  trace: "session",
  notes: "session's notes",
  decision: "decision",
  project: "project",
};
