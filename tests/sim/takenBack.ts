/** What must be true of documents that somebody took back. */
import * as Y from "yjs";
import type { DocId } from "../../src/base/ids.ts";
import { peekHeader } from "../../src/crypto/header.ts";
import { isTakenBack } from "../../src/crypto/log/state.ts";
import { wireDocumentId } from "../../src/crypto/team.ts";
import { KEYS, TEAM } from "./cast.ts";
import type { SimDevice } from "./device.ts";
import { isOf, streamOf } from "./faults/fault.ts";
import type { View } from "./streamLog.ts";
import type { SimDocument, World } from "./world.ts";

/** Those of a device that it does not share any more. */
export async function letGo({ store }: SimDevice): Promise<ReadonlySet<DocId>> {
  const documents = await store.documentsOf(TEAM);
  return new Set(documents.filter(({ retired }) => retired).map(({ id }) => id));
}

/** Those that others have taken back: nothing of them is left here, what was typed in them here neither. */
export async function takenAway({ identity, store }: SimDevice): Promise<ReadonlySet<DocId>> {
  const documents = await store.documentsOf(TEAM);
  const theirs = documents.filter(
    ({ retired, owner }) => retired && owner !== null && owner !== identity.id,
  );
  return new Set(theirs.map(({ id }) => id));
}

/** Whether its person has taken something back that others have. */
export async function unsaid({ store }: SimDevice): Promise<boolean> {
  const documents = await store.documentsOf(TEAM);
  return documents.some(({ owner, takenBack }) => takenBack && owner !== null);
}

/** What was taken back is let go by everybody, and nothing else is. `takenBack`: by who was entitled to it. */
export async function retireFindings(
  devices: readonly SimDevice[],
  takenBack: ReadonlySet<DocId>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, store } of devices)
    for (const { id, retired, takenBack: own } of await store.documentsOf(TEAM))
      if (takenBack.has(id) ? !retired : retired && !own)
        found.push(`${name} ${retired ? "let go" : "did not let go"} ${id}`);
  return found;
}

/** Documents of which a device has something, though it came when they were taken back. */
export function contentOf({ name, store }: SimDevice, ids: ReadonlySet<DocId>): readonly string[] {
  return [...ids].flatMap((id) =>
    store.has(id) && Y.encodeStateVector(store.open(id)).length > 1
      ? [`${name} has content of ${id}, which was taken back`]
      : [],
  );
}

/** What was taken back by who was entitled to it. `documents`: all there are. */
export function takenBackIn(documents: readonly SimDocument[], view: View): ReadonlySet<DocId> {
  const taken = documents.filter(({ id, stream }) => {
    const name = wireDocumentId(KEYS, id);
    const headers = (stream ? view.log(stream).rows : []).map(peekHeader);
    const first = headers.find((header) => header.ok && header.value.document === name);
    return first?.ok && isTakenBack(view.team.state, name, first.value.device);
  });
  return new Set(taken.map(({ id }) => id));
}

/** Whoever types in it types for himself. */
export async function sentAnyway(
  world: World,
  devices: readonly SimDevice[],
  takenBack: ReadonlySet<DocId>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const document of world.documents.filter(({ id }) => takenBack.has(id))) {
    const { rows } = world.relay.view.log(streamOf(document));
    const sent = () => rows.filter((row) => isOf(row, document)).length;
    for (const device of devices.filter(({ store }) => store.has(document.id))) {
      const before = sent();
      await world.edit(device, document, "for himself ");
      await world.once(device);
      if (sent() > before) found.push(`${device.name} sent ${document.id}, which was taken back`);
    }
  }
  return found;
}
