/**
 * Updates that say something else where something stands.
 *
 * Yjs names every inserted thing by a clientID and a clock, and of two things with one name keeps the first it hears. So
 * whoever writes under another's clientID makes documents differ, and takes the place of what that one is about to send,
 * without an error anywhere. What is there and what comes is therefore compared wherever both have the same name. Content that is
 * gone cannot be compared: it has to be deleted, which is the same everywhere.
 */
import * as Y from "yjs";
import { encodeDoc, openDoc } from "./documents.ts";
import { deepEqual } from "./json.ts";
import { deletesWhatIsGone } from "./known.ts";

/** An update without anything. */
const NOTHING = new Uint8Array(2);

/** Which of these updates (by index) contradict `state`, or one before them that does not. All decode. */
export function contradicting(
  state: Uint8Array,
  updates: readonly Uint8Array[],
): ReadonlySet<number> {
  const bad = new Set<number>();
  // Nearly always all is new and lives, and no document has to be opened.
  const whole = updates.every((update) => deletesWhatIsGone(update, () => NOTHING));
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
  if (!deletesWhatIsGone(update, () => encodeDoc(doc))) return true;
  return Y.decodeUpdate(update).structs.some(
    (struct) =>
      struct instanceof Y.Item && heldWithin(doc, struct).some((held) => !agree(held, struct)),
  );
}

/** What the document has under the names of `said`. What was deleted there has no content any more to compare. */
function heldWithin(doc: Y.Doc, { id, length }: Y.Item): readonly Y.Item[] {
  const structs = doc.store.clients.get(id.client) ?? [];
  if (id.clock >= Y.getState(doc.store, id.client)) return [];
  const found: Y.Item[] = [];
  for (let i = Y.findIndexSS(structs, id.clock); i < structs.length; i++) {
    const held = structs[i] as Y.Item | Y.GC;
    if (held.id.clock >= id.clock + length) break;
    if (held instanceof Y.Item && !held.deleted) found.push(held);
  }
  return found;
}

function agree(held: Y.Item, said: Y.Item): boolean {
  if (said.content instanceof Y.ContentDeleted) return true;
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
  return held.parentSub === said.parentSub && deepEqual(nameOf(held.parent), nameOf(said.parent));
}

/** Of a shared type: its name at the top of the document, or what it was inserted as. */
function nameOf(parent: Y.Item["parent"]): unknown {
  if (!(parent instanceof Y.AbstractType)) return idOf(parent);
  return parent._item ? idOf(parent._item.id) : Y.findRootTypeKey(parent);
}

function idOf(name: Y.ID | string | null): unknown {
  return name instanceof Y.ID ? [name.client, name.clock] : name;
}

function sameContent(held: Y.Item, said: Y.Item, from: number, to: number): boolean {
  if (held.content.constructor !== said.content.constructor) return false;
  // Types and embedded things are one long, and have no content of their own to compare.
  if (!(held.content instanceof Y.ContentString || held.content instanceof Y.ContentAny))
    return true;
  const others = unitsOf(said, from, to);
  return unitsOf(held, from, to).every((unit, i) => sameUnit(unit, others[i]));
}

/** What is named by these clocks, each a UTF-16 unit or a value. */
function unitsOf({ id, content }: Y.Item, from: number, to: number): readonly unknown[] {
  const units: readonly unknown[] = content.getContent();
  return units.slice(from - id.clock, to - id.clock);
}

/** Half of a surrogate pair that was cut reads as U+FFFD. */
function sameUnit(one: unknown, other: unknown): boolean {
  return isHalf(one) || isHalf(other) || deepEqual(one, other);
}

function isHalf(unit: unknown): boolean {
  return typeof unit === "string" && /^[\uD800-\uDFFF\uFFFD]$/.test(unit);
}

/** Whether it can be applied at all is asked elsewhere. */
function tryApply(doc: Y.Doc, update: Uint8Array): void {
  try {
    Y.applyUpdate(doc, update);
  } catch {
    return;
  }
}
