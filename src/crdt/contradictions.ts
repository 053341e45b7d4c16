/**
 * Updates that say something else where something stands.
 *
 * Yjs names every inserted thing by a clientID and a clock, and of two things with one name keeps the first it hears. So
 * whoever writes under another's clientID makes documents differ, and takes the place of what that one is about to send,
 * without an error anywhere. What is there and what comes is therefore compared wherever both have the same name. Content that is
 * gone cannot be compared: it has to be deleted, which is the same everywhere.
 */
import * as Y from "yjs";
import { equalBytes } from "../base/bytes.ts";
import { openDoc } from "./documents.ts";
import { deepEqual } from "./json.ts";
import { deletesWhatIsGone, isDeletedBy, type Range } from "./known.ts";

/** Which of these updates (by index) contradict `state`, or one before them that does not. All decode. */
export function contradicting(
  state: Uint8Array,
  updates: readonly Uint8Array[],
): ReadonlySet<number> {
  const bad = new Set<number>();
  // Nearly always all is new and lives, and no document has to be opened.
  const whole = updates.every((update) => deletesWhatIsGone(update, () => false));
  if (whole && !anyOverlap(state, updates)) return bad;
  const doc = openDoc(state);
  for (const [i, update] of updates.entries()) {
    if (contradicts(doc, update)) bad.add(i);
    else tryApply(doc, update);
  }
  doc.destroy();
  return bad;
}

function anyOverlap(state: Uint8Array, updates: readonly Uint8Array[]): boolean {
  const clocks = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(state));
  for (const update of updates)
    for (const struct of Y.decodeUpdate(update).structs) {
      if (struct instanceof Y.Skip) continue;
      const { client, clock } = struct.id;
      const end = clocks.get(client) ?? 0;
      if (clock < end) return true;
      clocks.set(client, clock + struct.length);
    }
  return false;
}

function contradicts(doc: Y.Doc, update: Uint8Array): boolean {
  if (!deletesWhatIsGone(update, (client, gone) => isDeleted(doc, client, gone))) return true;
  return Y.decodeUpdate(update).structs.some(
    (struct) =>
      struct instanceof Y.Item &&
      // Gone, and that is asked above. It is as long as it says, so what lies there is not walked through for it.
      !(struct.content instanceof Y.ContentDeleted) &&
      heldWithin(doc, struct.id, struct.length).some((held) => !agree(held, struct)),
  );
}

/** A document has what it deletes before it comes, too. */
function isDeleted(doc: Y.Doc, client: number, { clock, end }: Range): boolean {
  if (!liveWithin(doc, client, clock, end).next().done) return false;
  const known = Y.getState(doc.store, client);
  const { pendingDs } = doc.store;
  return end <= known || isDeletedBy(pendingDs, client, { clock: Math.max(clock, known), end });
}

/** What lives in the document under these names. What was deleted there has no content any more to compare. */
function heldWithin(doc: Y.Doc, { client, clock }: Y.ID, length: number): readonly Y.Item[] {
  return [...liveWithin(doc, client, clock, clock + length)];
}

function* liveWithin(doc: Y.Doc, client: number, from: number, to: number): Generator<Y.Item> {
  const structs = doc.store.clients.get(client) ?? [];
  if (from >= Y.getState(doc.store, client)) return;
  for (let i = Y.findIndexSS(structs, from); i < structs.length; i++) {
    const held = structs[i] as Y.Item | Y.GC;
    if (held.id.clock >= to) return;
    if (held instanceof Y.Item && !held.deleted) yield held;
  }
}

function agree(held: Y.Item, said: Y.Item): boolean {
  const from = Math.max(held.id.clock, said.id.clock);
  const to = Math.min(held.id.clock + held.length, said.id.clock + said.length);
  return (
    Y.compareIDs(originAt(held, from), originAt(said, from)) &&
    Y.compareIDs(held.rightOrigin, said.rightOrigin) &&
    samePlace(held, said, from) &&
    sameContent(held, said, from, to)
  );
}

/** An item may be cut in two anywhere: then the second part stands behind the first. */
function originAt(item: Y.Item, clock: number): Y.ID | null {
  return clock === item.id.clock ? item.origin : Y.createID(item.id.client, clock - 1);
}

/** An update names the place of what has no neighbours, and leaves it to the neighbours otherwise. */
function samePlace(held: Y.Item, said: Y.Item, from: number): boolean {
  if (from !== said.id.clock || said.origin !== null || said.rightOrigin !== null) return true;
  return held.parentSub === said.parentSub && isCalled(held.parent, said.parent);
}

/** A shared type is called by its name at the top of the document, or by what it was inserted as. */
function isCalled(held: Y.Item["parent"], said: Y.Item["parent"]): boolean {
  if (!(held instanceof Y.AbstractType)) return false;
  if (typeof said === "string") return held._item === null && held.doc?.share.get(said) === held;
  return said instanceof Y.ID && Y.compareIDs(held._item?.id ?? null, said);
}

/** Costs as much as the shorter of the two says: a large text is not split for each letter that is held against it. */
function sameContent(held: Y.Item, said: Y.Item, from: number, to: number): boolean {
  const [one, other] = [held.content, said.content];
  if (one.constructor !== other.constructor) return false;
  const cut = <T extends { slice(from: number, to: number): T }>(whole: T, { id }: Y.Item): T =>
    whole.slice(from - id.clock, to - id.clock);
  if (one instanceof Y.ContentString && other instanceof Y.ContentString)
    return sameText(cut(one.str, held), cut(other.str, said));
  const [values, others] = [valuesOf(one), valuesOf(other)];
  // All others are one long.
  if (!values || !others) return equalBytes(encoded(one), encoded(other));
  const theirs = cut(others, said);
  return cut(values, held).every((value, i) => deepEqual(value, theirs[i]));
}

function valuesOf(content: Y.Item["content"]): readonly unknown[] | null {
  return content instanceof Y.ContentAny || content instanceof Y.ContentJSON ? content.arr : null;
}

function encoded(content: Y.Item["content"]): Uint8Array {
  const encoder = new Y.UpdateEncoderV1();
  content.write(encoder, 0);
  return encoder.toUint8Array();
}

/** By UTF-16 units: half of a surrogate pair that was cut reads as U+FFFD. */
function sameText(one: string, other: string): boolean {
  if (one === other) return true;
  for (let i = 0; i < one.length; i++) {
    const [a, b] = [one.charCodeAt(i), other.charCodeAt(i)];
    if (a !== b && !isHalf(a) && !isHalf(b)) return false;
  }
  return true;
}

function isHalf(unit: number): boolean {
  return (unit >= 0xd800 && unit <= 0xdfff) || unit === 0xfffd;
}

/** Whether it can be applied at all is asked elsewhere. */
function tryApply(doc: Y.Doc, update: Uint8Array): void {
  try {
    Y.applyUpdate(doc, update);
  } catch {
    return;
  }
}
