/** A member makes snapshots that are not what the rows made, and attests them. */
import { encodeDoc, openDoc, rebuildDoc } from "../../../src/crdt/documents.ts";
import { createDevice, type DeviceIdentity } from "../../../src/crypto/device.ts";
import type { SnapshotDocument } from "../../../src/sync/snapshot.ts";
import { identityOf, LATE, MALLORY } from "../cast.ts";
import type { SimDevice } from "../device.ts";
import type { Dice } from "../dice.ts";
import { admitted, list } from "../entries.ts";
import { lostOn, says } from "../oracle.ts";
import { logOf, makeSnapshot, say } from "../snapshots.ts";
import type { SimDocument, World } from "../world.ts";
import { allOnce, allSync, fresh, type Inject, TAINT, two, write } from "./fault.ts";

/** One device says it is right, twice: bodies stay, and whoever rebuilds it disputes it. */
export const falseSnapshot: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const document = await fresh(world, dice, dice.pick(world.devices));
  const log = logOf(world, document);
  const mallory = identityOf(MALLORY);
  const made = await makeSnapshot(world, log, mallory, dice, falsified(document, dice, ANYTHING));
  if (dice.chance(0.7)) say(world, log, mallory, dice, "attest", made);
  const dropped = world.relay.compact(MALLORY, log.stream, made.last);
  await allOnce(world);
  await allOnce(world);
  const clean = () => !dropped && world.devices.every((device) => !says(device, TAINT));
  return { alarms: ["disputed"], misled: [], mustAlarm: true, clean };
};

/**
 * A second device of the same member attests it, and bodies go. Who had verified what it lacks disputes it, and after that
 * nobody begins with it, whatever the member says.
 */
export const falseAttestation: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [author, victim] = two(world, dice);
  const document = await fresh(world, dice, author);
  await write(world, author, document, "known to all ");
  await world.calm();
  const behind = dice.chance(0.5);
  victim.online = !behind;
  const log = logOf(world, document);
  await write(world, author, document, "not to everybody ");
  const ahead = world.devices.filter((device) => device !== victim || !behind);
  for (const device of ahead) await world.once(device);
  const mallory = identityOf(MALLORY);
  const second = secondOf(world, dice);
  const made = await makeSnapshot(world, log, mallory, dice, falsified(document, dice, LACKING));
  say(world, log, second, dice, "attest", made);
  if (!world.relay.compact(MALLORY, log.stream, made.last)) return null;
  victim.online = true;
  await allOnce(world);
  if (dice.chance(0.5)) say(world, log, mallory, dice, "vouch", made);
  await allOnce(world);
  const late = await newcomer(world);
  const clean = () =>
    !says(late, TAINT) &&
    lostOn(late, knownEdits(author, document)).length ===
      (late.store.has(document.id) ? 0 : knownEdits(author, document).length) &&
    world.devices.every((device) => !says(device, TAINT));
  return { alarms: ["disputed"], misled: [victim], mustAlarm: true, clean };
};

function secondOf(world: World, dice: Dice): DeviceIdentity {
  const second = createDevice(dice.bytes);
  list(world, [admitted(world, second, dice)]);
  return second;
}

async function newcomer(world: World): Promise<SimDevice> {
  const late = world.join(LATE);
  await world.once(late);
  return late;
}

function knownEdits(author: SimDevice, { id }: SimDocument) {
  return author.kept.filter(({ doc }) => doc === id);
}

type Documents = readonly SnapshotDocument[];

/** One document is missing, lacks everything, says something else, or is said to be another's. */
function falsified(
  { id }: SimDocument,
  dice: Dice,
  changes: readonly Falsify[],
): (documents: Documents) => Documents {
  const change = dice.pick(changes);
  return (documents) => documents.flatMap((doc) => (doc.id === id ? change(doc, dice) : [doc]));
}

type Falsify = (doc: SnapshotDocument, dice: Dice) => Documents;

/** Something that was there is not any more. */
const LACKING: readonly Falsify[] = [
  () => [],
  (doc) => [{ ...doc, state: encodeDoc(rebuildDoc([])) }],
  (doc) => [{ ...doc, owner: identityOf(MALLORY).id }],
];

const ANYTHING: readonly Falsify[] = [
  ...LACKING,
  (doc, dice) => {
    const changed = openDoc(doc.state);
    changed.clientID = dice.clientId();
    const text = changed.getText("context");
    text.delete(0, text.length);
    text.insert(0, TAINT);
    return [{ ...doc, state: encodeDoc(changed) }];
  },
];
