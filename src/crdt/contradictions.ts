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

/** Whether what a window has written, and nobody else has, stands under names that are taken in `doc`. It decodes. */
export function takesNames(doc: Y.Doc, update: Uint8Array): boolean {
  return Y.decodeUpdate(update).structs.some(
    (struct) => isSaid(struct) && disagreement(doc, struct, true) !== null,
  );
}

function contradicts(doc: Y.Doc, update: Uint8Array): boolean {
  if (!deletesWhatIsGone(update, (client, gone) => isDeleted(doc, client, gone))) return true;
  return Y.decodeUpdate(update).structs.some(
    (struct) => isSaid(struct) && disagreement(doc, struct) !== null,
  );
}

/** What is gone is as long as it says, so what lies there is not walked through for it. */
export function isSaid(struct: Y.Item | Y.GC | Y.Skip): struct is Y.Item {
  return struct instanceof Y.Item && !(struct.content instanceof Y.ContentDeleted);
}

/**
 * The first clock of the item at which the document has something else. What was deleted there has no content any more to
 * compare: it counts as something else only if `fresh`, that is if the item is nowhere but with who says it.
 */
export function disagreement(doc: Y.Doc, item: Y.Item, fresh = false): number | null {
  const { client, clock } = item.id;
  for (const held of within(doc, client, { clock, end: clock + item.length })) {
    const lives = held instanceof Y.Item && !held.deleted;
    if (!lives && !fresh) continue;
    const found = lives ? firstOther(held, item) : Math.max(held.id.clock, clock);
    if (found !== null) return found;
  }
  return null;
}

/** A document has what it deletes before it comes, too. */
function isDeleted(doc: Y.Doc, client: number, gone: Range): boolean {
  for (const held of within(doc, client, gone)) if (!held.deleted) return false;
  const known = Y.getState(doc.store, client);
  const rest = { clock: Math.max(gone.clock, known), end: gone.end };
  return rest.end <= known || isDeletedBy(doc.store.pendingDs, client, rest);
}

function* within(doc: Y.Doc, client: number, { clock, end }: Range): Generator<Y.Item | Y.GC> {
  const structs = doc.store.clients.get(client) ?? [];
  if (clock >= Y.getState(doc.store, client)) return;
  for (let i = Y.findIndexSS(structs, clock); i < structs.length; i++) {
    const held = structs[i] as Y.Item | Y.GC;
    if (held.id.clock >= end) return;
    yield held;
  }
}

function firstOther(held: Y.Item, said: Y.Item): number | null {
  const from = Math.max(held.id.clock, said.id.clock);
  const to = Math.min(held.id.clock + held.length, said.id.clock + said.length);
  const samePlaces =
    Y.compareIDs(originAt(held, from), originAt(said, from)) &&
    Y.compareIDs(held.rightOrigin, said.rightOrigin) &&
    samePlace(held, said, from);
  const alike = samePlaces ? alikeUntil(held, said, from, to) : 0;
  return from + alike < to ? from + alike : null;
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

/**
 * How many of these units are alike before one is not. Costs as much as the shorter of the two says: a large text is not
 * split for each letter that is held against it.
 */
function alikeUntil(held: Y.Item, said: Y.Item, from: number, to: number): number {
  const [one, other] = [held.content, said.content];
  if (one.constructor !== other.constructor) return 0;
  const cut = <T extends { slice(from: number, to: number): T }>(whole: T, { id }: Y.Item): T =>
    whole.slice(from - id.clock, to - id.clock);
  if (one instanceof Y.ContentString && other instanceof Y.ContentString)
    return textAlikeUntil(cut(one.str, held), cut(other.str, said));
  const [values, others] = [valuesOf(one), valuesOf(other)];
  // All others are one long.
  if (!values || !others) return equalBytes(encoded(one), encoded(other)) ? 1 : 0;
  const theirs = cut(others, said);
  const differing = cut(values, held).findIndex((value, i) => !deepEqual(value, theirs[i]));
  return differing === -1 ? to - from : differing;
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
function textAlikeUntil(one: string, other: string): number {
  if (one === other) return one.length;
  for (let i = 0; i < one.length; i++) {
    const [a, b] = [one.charCodeAt(i), other.charCodeAt(i)];
    if (a !== b && !isHalf(a) && !isHalf(b)) return i;
  }
  return one.length;
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
