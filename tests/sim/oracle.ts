/** What must be true in the end. Each finding is a sentence; none is good. */
import { createHash } from "node:crypto";
import * as Y from "yjs";
import { equalBytes, toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { unwrap } from "../../src/base/result.ts";
import { isKeyOf } from "../../src/crypto/log/commitment.ts";
import { replay } from "../../src/crypto/log/history.ts";
import type { TeamState } from "../../src/crypto/log/state.ts";
import { encodeDoc, rebuildDoc } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, foldKnown } from "../../src/crdt/known.ts";
import { streamKey } from "../../src/sync/streams.ts";
import { TEAM } from "./cast.ts";
import type { View } from "./streamLog.ts";
import type { KeptEdit, SimDevice } from "./device.ts";

/** Differences of shared documents between devices that must be equal. */
export async function differences(devices: readonly SimDevice[]): Promise<readonly string[]> {
  const [first, ...others] = await Promise.all(devices.map(contents));
  const found: string[] = [];
  for (const [i, other] of others.entries())
    for (const id of new Set([...(first ?? new Map()).keys(), ...other.keys()]))
      if (first?.get(id) !== other.get(id))
        found.push(`${id} differs between ${devices[0]?.name} and ${devices[i + 1]?.name}`);
  return found;
}

/** Documents with something that was not sent, whatever the store's flag says. */
export async function unsent(device: SimDevice): Promise<readonly string[]> {
  const flagged = await device.store.pendingDocuments(TEAM);
  const shared = await sharedOf(device);
  const pending = shared.filter((id) => device.store.pendingOf(id) !== null);
  return [...new Set([...flagged, ...pending])].map((id) => `${device.name} did not send ${id}`);
}

/** Whether a device has verified another history than this one: it stays apart, whatever the server shows from now on. */
export async function isAstray(device: SimDevice, view: View): Promise<boolean> {
  const cursors = await device.store.cursors(TEAM);
  return cursors.some(({ stream, cursor }) => {
    const { n, h } = view.log(stream).placeAt(cursor.n);
    return n === cursor.n && !equalBytes(h, cursor.h);
  });
}

/** Edits that are not in a device's documents. */
export function lostOn(device: SimDevice, edits: readonly KeptEdit[]): readonly KeptEdit[] {
  const opened = new Map<DocId, Y.Doc>();
  return edits.filter(({ doc, update }) => {
    if (!device.store.has(doc)) return true;
    const open = opened.get(doc) ?? device.store.open(doc);
    opened.set(doc, open);
    return !holds(open, update);
  });
}

/** Whether all believe the relay's log to its end, and have its newest keys and the same secret. */
export async function teamFindings(
  devices: readonly SimDevice[],
  { team }: View,
): Promise<readonly string[]> {
  const found: string[] = [];
  const [first] = devices;
  for (const device of devices) {
    const state = await believed(device);
    if (!equalBytes(state.head.hash, team.state.head.hash))
      found.push(`${device.name} believes another log, up to entry ${state.head.n}`);
    const { keys } = device.keychain;
    if (!isKeyOf(team.state, keys) || keys.epoch !== team.epoch)
      found.push(`${device.name} holds keys of epoch ${keys.epoch}, not the newest`);
    if (
      !equalBytes(keys.teamSecret.reveal(), (first as SimDevice).keychain.keys.teamSecret.reveal())
    )
      found.push(`${device.name} holds another secret of the team`);
  }
  return found;
}

/** The team as a device keeps it. */
export async function believed(device: SimDevice): Promise<TeamState> {
  const kept = await device.store.log(TEAM);
  return unwrap(replay(TEAM, kept?.entries ?? [], null)).state;
}

export function says(device: SimDevice, text: string): boolean {
  return device.store.ids.some((id) => {
    const doc = device.store.open(id);
    const said = [...doc.share.keys()].map((name) => JSON.stringify(readable(doc, name)));
    return said.some((one) => one.includes(text));
  });
}

/** In a window. */
export function shows({ pages }: SimDevice, text: string): boolean {
  return [...pages.values()].some(({ doc }) => doc.getText("context").toString().includes(text));
}

async function sharedOf({ store }: SimDevice): Promise<readonly DocId[]> {
  const documents = await store.documentsOf(TEAM);
  return documents.filter(({ retired }) => !retired).map(({ id }) => id);
}

/** Of each shared document: its stream, and the hash of a fresh one made of all that is here. */
async function contents(device: SimDevice): Promise<ReadonlyMap<DocId, string>> {
  const found = new Map<DocId, string>();
  for (const id of await sharedOf(device)) {
    const info = await device.store.document(id);
    // Nobody is told of a document in which nothing was ever written.
    if (Y.encodeStateVector(device.store.open(id)).length === 1) continue;
    found.set(id, `${info?.stream ? streamKey(info.stream) : ""} ${digestOf(device, id)}`);
  }
  return found;
}

function digestOf(device: SimDevice, id: DocId): string {
  const state = encodeDoc(device.store.open(id));
  const { stateVector, deleteSet } = foldKnown(EMPTY_KNOWN, state);
  const doc = rebuildDoc([state]);
  const said = ["context", "fields", "events"].map((name) => readable(doc, name));
  return createHash("sha256")
    .update(JSON.stringify([toHex(stateVector), toHex(deleteSet), said]))
    .digest("hex");
}

function readable(doc: Y.Doc, name: string): unknown {
  return name === "context" ? doc.getText(name).toString() : sorted(doc.getMap(name).toJSON());
}

function sorted(map: Readonly<Record<string, unknown>>): unknown {
  return Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function holds(doc: Y.Doc, update: Uint8Array): boolean {
  const { structs, ds } = Y.decodeUpdate(update);
  const clocks = Y.decodeStateVector(Y.encodeStateVector(doc));
  const inserted = structs.every(
    ({ id, length }) => (clocks.get(id.client) ?? 0) >= id.clock + length,
  );
  const deletes = Y.createDeleteSetFromStructStore(doc.store);
  const gone = (client: number, clock: number) => Y.isDeleted(deletes, Y.createID(client, clock));
  return (
    inserted &&
    [...ds.clients].every(([client, items]) =>
      items.every(({ clock, len }) =>
        Array.from({ length: len }, (_, i) => clock + i).every((at) => gone(client, at)),
      ),
    )
  );
}
