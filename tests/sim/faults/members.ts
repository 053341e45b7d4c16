/** A member of the team whose program does what it wants: it has the team's keys and a listed device. */
import type * as Y from "yjs";
import { type Bytes, utf8 } from "../../../src/base/bytes.ts";
import { encodeDoc, openDoc } from "../../../src/crdt/documents.ts";
import { peekHeader } from "../../../src/crypto/header.ts";
import { encodeRow, rowHash } from "../../../src/crypto/row.ts";
import { createTeamKeys, documentKey, wireDocumentId } from "../../../src/crypto/team.ts";
import { type Author, sealUpdate, streamTags, type Tail } from "../../../src/sync/seal.ts";
import type { Cursor } from "../../../src/sync/ports.ts";
import { START } from "../../../src/sync/streams.ts";
import { identityOf, KEYS, MALLORY, TEAM } from "../cast.ts";
import type { SimDevice } from "../device.ts";
import type { Dice } from "../dice.ts";
import type { SimDocument, World } from "../world.ts";
import { common, fresh, type Inject, type Injected, streamOf, TAINT, two } from "./fault.ts";
import { says } from "../oracle.ts";

/** A row in another device's name. */
export const forgedAuthor: Inject = async (world, dice) => {
  const [victim] = two(world, dice);
  const document = await common(world, dice);
  const device = { ...victim.identity, secret: identityOf(MALLORY).secret };
  return push(world, document, sealed(document, tainted(dice), dice, { device }));
};

/** A row in a trace that another device recorded. */
export const forgedTrace: Inject = async (world, dice) => {
  const [victim] = two(world, dice);
  const trace = world.create(victim, "trace", world.anyStream());
  await world.edit(victim, trace, "recorded ");
  await world.calm();
  return push(world, trace, sealed(trace, tainted(dice), dice));
};

/** Goes on in another device's chain, under the own name. */
export const forgedReplica: Inject = async (world, dice) => {
  const document = await common(world, dice);
  const { rows } = world.relay.view.log(streamOf(document));
  const row = dice.pick(rows);
  const header = peekHeader(row);
  if (!header.ok) return null;
  const tail = { seq: header.value.seq, hash: rowHash(row) };
  const forged = sealed(document, tainted(dice), dice, { replica: header.value.replica }, tail);
  return push(world, document, forged, ["withheld"]);
};

/** One document's name outside, another's inside. */
export const forgedName: Inject = async (world, dice) => {
  const inside = await common(world, dice);
  const document = wireDocumentId(KEYS, `decision_${dice.below(1000)}`);
  const device = identityOf(MALLORY);
  const header = {
    kind: 1,
    ...streamTags(streamOf(inside)),
    document,
    device: device.id,
    replica: "ab".repeat(16),
    epoch: KEYS.epoch,
    seq: 1,
    previous: new Uint8Array(32),
  };
  const content = {
    head: START,
    part: 0,
    parts: 1,
    documentKind: KIND_CODES[inside.kind],
    document: inside.id,
    body: tainted(dice),
  };
  const keys = { device, document: documentKey(KEYS, document) };
  return push(world, inside, encodeRow(header, content, keys, dice.bytes));
};

/** As `seal.ts` has them. */
const KIND_CODES = { trace: 1, notes: 2, decision: 3, project: 4 } as const;

/**
 * A thing that is collected, which can be applied, and then an update that says that a text stands there and is longer: it
 * decodes, and Yjs throws.
 */
export const bogusUpdate: Inject = async (world, dice) => {
  const document = await common(world, dice);
  const collected = sealed(document, Uint8Array.from([1, 1, 7, 0, 0, 1, 1, 7, 1, 0, 1]), dice);
  world.relay.insert(world.relay.view, streamOf(document), collected);
  const longer = Uint8Array.from([1, 1, 7, 0, 4, 1, 1, 116, 2, 97, 98, 0]);
  const tail = { seq: 1, hash: rowHash(collected) };
  return push(world, document, sealed(document, longer, dice, {}, tail));
};

/** Bytes that are no update. */
export const bogusContent: Inject = async (world, dice) => {
  const document = await common(world, dice);
  return push(world, document, sealed(document, utf8("no change of a document"), dice));
};

/** A row that claims to have seen what comes after it. */
export const claimedFuture: Inject = async (world, dice) => {
  const document = await common(world, dice);
  const head = { n: world.relay.view.log(streamOf(document)).head.n + 5, h: dice.bytes(32) };
  return push(world, document, sealed(document, tainted(dice), dice, {}, null, head));
};

/** A row for a document that somebody keeps on his machine. */
export const privateDocument: Inject = async (world, dice) => {
  const [victim] = two(world, dice);
  const kept = world.create(victim, "decision", null);
  await world.edit(victim, kept, "mine ");
  const stream = world.anyStream();
  const named = { ...kept, stream };
  const injected = await push(world, named, sealed(named, tainted(dice), dice));
  return { ...injected, clean: () => !says(victim, TAINT), ignored: [kept.id] };
};

/** Text under the clientID that another's window writes with. */
export const forgedClient: Inject = async (world, dice) => {
  const [victim] = two(world, dice);
  const document = await fresh(world, dice, victim);
  const page = victim.page(document.id);
  await world.settle();
  page.change((doc) => doc.getText("context").insert(0, "first "));
  await world.calm();
  const forged = openDoc(encodeDoc(victim.store.open(document.id)));
  forged.clientID = page.doc.clientID;
  const update = changeOf(forged, (doc) => doc.getText("context").insert(0, `${TAINT} forged `));
  victim.online = false;
  page.change((doc) => doc.getText("context").insert(0, "second "));
  await world.settle();
  const injected = await push(world, document, sealed(document, update, dice));
  victim.online = true;
  // A member may write: whose text stands where is what must not go unnoticed.
  return { alarms: injected.alarms, misled: world.devices };
};

/** A row under a key that no log shows, which the server takes all the same: nothing of it is passed, or of what follows. */
export const otherEpoch: Inject = async (world, dice) => {
  const document = await common(world, dice);
  const epoch = world.relay.view.team.epoch + 1;
  const keys = { ...createTeamKeys(TEAM, dice.bytes), idKey: KEYS.idKey, epoch };
  // Once there is an epoch of that number, its key does not open the row.
  const alarms = ["no-key", "refused"] as const;
  const injected = await push(
    world,
    document,
    sealed(document, tainted(dice), dice, { keys }),
    alarms,
  );
  return { ...injected, misled: world.devices, mustAlarm: true };
};

async function push(
  world: World,
  document: SimDocument,
  row: Bytes,
  alarms: Injected["alarms"] = ["refused"],
): Promise<Injected> {
  world.relay.insert(world.relay.view, streamOf(document), row);
  await world.settle();
  for (const device of world.devices) await world.once(device);
  const clean = (device: SimDevice) => !says(device, TAINT);
  return { alarms, misled: [], clean: () => world.devices.every(clean) };
}

export function sealed(
  document: SimDocument,
  update: Bytes,
  dice: Dice,
  by: Partial<Author> = {},
  tail: Tail | null = null,
  head: Cursor = START,
): Bytes {
  const author = { keys: KEYS, device: identityOf(MALLORY), replica: "ab".repeat(16), ...by };
  const { id: doc, kind } = document;
  const rows = sealUpdate(
    author,
    { doc, kind, stream: streamOf(document) },
    update,
    tail,
    head,
    dice.bytes,
  );
  return (rows[0] as { row: Bytes }).row;
}

/** A change by a clientID of its own. */
export function tainted(dice: Dice, text = TAINT): Bytes {
  const doc = openDoc(null);
  doc.clientID = dice.clientId();
  return changeOf(doc, () => doc.getText("context").insert(0, text));
}

function changeOf(doc: Y.Doc, change: (doc: Y.Doc) => void): Bytes {
  const updates: Bytes[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update as Bytes));
  doc.transact(() => change(doc));
  return updates[0] as Bytes;
}
