/**
 * What a page wrote under names that somebody else has taken is said again under new ones.
 *
 * Yjs keeps of two things with one name what it hears first. So what was typed under a clientID and clocks under which others
 * have something else would be left out everywhere but here.
 */
import * as Y from "yjs";
import { disagreement, isSaid } from "./contradictions.ts";
import { openDoc } from "./documents.ts";
import { type Deletes, encodeUpdate, type Range } from "./known.ts";

/** Of one client: where others' begin, and who says it from now on. */
interface Renaming {
  readonly from: number;
  readonly client: number;
  /** What is renamed, in order; its new clocks are without gaps. */
  readonly ranges: Range[];
}

/**
 * Changes `doc` so that what it has beyond the state vector `kept` is under no names that are taken in `theirs`, the state of
 * the same document elsewhere: what was, is deleted and stands beside it under a new clientID, and what is typed from now on
 * has another one too. False: there is nothing of that kind.
 */
export function renameTaken(
  doc: Y.Doc,
  kept: Uint8Array,
  theirs: Uint8Array,
  drawClient: () => number,
): boolean {
  const items = Y.decodeUpdate(Y.encodeStateAsUpdate(doc, kept)).structs.filter(isSaid);
  const other = openDoc(theirs);
  const renamings = new Map<number, Renaming>();
  for (const item of items) {
    const { client } = item.id;
    const from = disagreement(other, item, true);
    // A larger clientID comes later among those at one place, and the last value of a key is the one that counts.
    if (from !== null && !renamings.has(client))
      renamings.set(client, { from, client: client + 1 + drawClient(), ranges: [] });
  }
  const taken = items.filter((item) => isTaken(renamings.get(item.id.client), other, item));
  other.destroy();
  if (taken.length === 0) return false;
  for (const item of taken) note(renamings.get(item.id.client) as Renaming, item);
  const said = new Map<number, { offset: number; structs: Y.Item[] }>();
  for (const item of taken) {
    const renamed = again(item, renamings);
    const { client } = renamed.id;
    const tail = said.get(client) ?? { offset: 0, structs: [] };
    tail.structs.push(renamed);
    said.set(client, tail);
  }
  const deletes: Deletes = new Map([...renamings].map(([client, { ranges }]) => [client, ranges]));
  doc.transact(() => {
    doc.clientID = drawClient();
    Y.applyUpdate(doc, encodeUpdate(said, new Map()));
    Y.applyUpdate(doc, encodeUpdate(new Map(), deletes));
  });
  return true;
}

/** From where they differ on all but what others have as it is here. */
function isTaken(renaming: Renaming | undefined, other: Y.Doc, item: Y.Item): boolean {
  const end = item.id.clock + item.length;
  if (renaming === undefined || end <= renaming.from) return false;
  return end > Y.getState(other.store, item.id.client) || disagreement(other, item, true) !== null;
}

function note({ from, ranges }: Renaming, { id, length }: Y.Item): void {
  ranges.push({ clock: Math.max(id.clock, from), end: id.clock + length });
}

/** The item, or what is renamed of it. */
function again(item: Y.Item, renamings: ReadonlyMap<number, Renaming>): Y.Item {
  const { client, clock } = item.id;
  const { from } = renamings.get(client) as Renaming;
  const at = Math.max(clock, from);
  const content = at === clock ? item.content : item.content.splice(at - clock);
  const origin = at === clock ? item.origin : Y.createID(client, at - 1);
  const { parent } = item;
  return new Y.Item(
    newName(Y.createID(client, at), renamings),
    null,
    origin && newName(origin, renamings),
    null,
    item.rightOrigin && newName(item.rightOrigin, renamings),
    parent instanceof Y.ID ? newName(parent, renamings) : parent,
    item.parentSub,
    content,
  );
}

function newName(name: Y.ID, renamings: ReadonlyMap<number, Renaming>): Y.ID {
  const renaming = renamings.get(name.client);
  let before = 0;
  for (const { clock, end } of renaming?.ranges ?? []) {
    if (name.clock < clock) break;
    if (name.clock < end)
      return Y.createID((renaming as Renaming).client, before + name.clock - clock);
    before += end - clock;
  }
  return name;
}
