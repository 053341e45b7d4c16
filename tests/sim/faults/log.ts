/** The team's log is not what its members signed, or is not shown to all as it is. */
import { type Bytes, equalBytes } from "../../../src/base/bytes.ts";
import { createDevice, type DeviceIdentity } from "../../../src/crypto/device.ts";
import { type Author, deviceAuthor, inviteAuthor } from "../../../src/crypto/log/author.ts";
import { sealPerson } from "../../../src/crypto/log/person.ts";
import { standingDevices } from "../../../src/crypto/log/state.ts";
import { rename } from "../../../src/sync/team/manage.ts";
import { memberOf } from "../../sync/memoryLog.ts";
import { GONE, identityOf, KEYS, MALLORY, TEAM } from "../cast.ts";
import { leadOf, leads, leaveForGood, newKey } from "../changes.ts";
import type { SimDevice } from "../device.ts";
import type { Dice } from "../dice.ts";
import { adding, admitted, type Entry, entryOf, list } from "../entries.ts";
import { believed, says } from "../oracle.ts";
import type { Lie } from "../relay.ts";
import type { View } from "../streamLog.ts";
import type { Change, World } from "../world.ts";
import { allOnce, common, fresh, type Inject, streamOf, TAINT, two, write } from "./fault.ts";
import { sealed, tainted } from "./members.ts";
import { split } from "./views.ts";

/** A device that the server made up, listed in every way that needs no member's key, and a row of it under the team's. */
export const ghostDevice: Inject = async (world, dice) => {
  const ghost = createDevice(dice.bytes);
  const { state } = world.relay.view.team;
  const as = (id: string): Author => ({ ...deviceAuthor(ghost), id });
  const authors = [as(ghost.id), as(identityOf("ada").id), inviteAuthor(dice.bytes(32))];
  for (const author of dice.shuffled(authors))
    list(world, [entryOf(world, author, adding(ghost, "ada", state, dice))]);
  const document = await common(world, dice);
  const row = sealed(document, tainted(dice), dice, { device: ghost });
  world.relay.insert(world.relay.view, streamOf(document), row);
  await allOnce(world);
  const known = await anybodyKnows(world, ghost);
  const clean = () => !known && world.devices.every((device) => !says(device, TAINT));
  return { alarms: ["refused"], misled: [], mustAlarm: true, clean };
};

/** A member lists a device that has not agreed to it, or agreed to something else. */
export const unconsented: Inject = async (world, dice) => {
  const stranger = createDevice(dice.bytes);
  const { state } = world.relay.view.team;
  const mallory = deviceAuthor(identityOf(MALLORY));
  const asked = adding(stranger, "ada", state, dice);
  const forged = { ...asked, member: memberOf(MALLORY), consent: dice.bytes(64) };
  const moved = { ...asked, member: memberOf(MALLORY) };
  for (const body of dice.shuffled([forged, moved])) list(world, [entryOf(world, mallory, body)]);
  await allOnce(world);
  const known = await anybodyKnows(world, stranger);
  return { alarms: [], misled: [], clean: () => !known };
};

/** Garbage, and what a member may not write, stands in the list. It stops nobody. */
export const garbage: Inject = async (world, dice) => {
  const { team } = world.relay.view;
  const before = team.state.head;
  for (const bytes of dice.shuffled(unfitting(world, dice))) list(world, [bytes]);
  await allOnce(world);
  const states = await Promise.all(world.devices.map(believed));
  const untouched = states.every(({ head }) => equalBytes(head.hash, before.hash));
  const lead = leadOf(world);
  const goesOn = lead ? await world.manage(lead, newKey) : null;
  await allOnce(world);
  return { alarms: [], misled: [], clean: () => untouched && (!lead || goesOn?.ok === true) };
};

/** Each would fit but for one thing. */
function unfitting(world: World, dice: Dice): readonly Bytes[] {
  const { team } = world.relay.view;
  const { state } = team;
  const mallory = identityOf(MALLORY);
  const ada = identityOf("ada");
  const by = (device: DeviceIdentity, body: Entry["body"], place: Partial<Entry> = {}) =>
    entryOf(world, deviceAuthor(device), body, place);
  const named = (device: DeviceIdentity) => ({
    kind: "rename-device" as const,
    device: device.id,
    person: sealPerson({ name: "x", email: "x@example.org" }, device.id, KEYS.idKey, dice.bytes),
  });
  const epoch = {
    kind: "epoch",
    epoch: state.epochs.length + 1,
    former: state.epochs.length,
    commitment: dice.bytes(32),
    recipients: standingDevices(state, team.nowMs()),
  } as const;
  const expiresMs = team.nowMs() + 60_000;
  const signKey = createDevice(dice.bytes).signKey;
  return [
    dice.bytes(300),
    team.entries.at(-1) as Bytes,
    by(mallory, { kind: "role", member: memberOf("bob"), role: "admin" }),
    by(mallory, { kind: "remove-member", member: memberOf("ada"), fences: [] }),
    by(mallory, { kind: "invite", signKey, admits: "member", expiresMs }),
    by(mallory, { kind: "project-access", project: "ab".repeat(16), members: [] }),
    by(mallory, epoch),
    by(mallory, named(ada)),
    by(mallory, named(mallory), { team: "cd".repeat(16) }),
    by(ada, { ...epoch, recipients: epoch.recipients.slice(1) }),
    by(ada, named(ada), { previous: dice.bytes(32) }),
    by(ada, named(ada), { n: state.head.n + 2 }),
  ];
}

/** The server puts other keys into the entry of a device that is there, and a row by them into a stream. */
export const swappedKey: Inject = async (world, dice) => {
  const [victim] = two(world, dice);
  const document = await common(world, dice);
  const { team } = world.relay.view;
  const impostor = createDevice(dice.bytes);
  const { entries } = team;
  team.entries = entries.map((entry) => swapped(entry, victim.identity, impostor));
  // Who has read the entry reads it again only when something does not fit.
  list(world, [dice.bytes(200)]);
  const device = { ...impostor, id: victim.identity.id };
  const row = sealed(document, tainted(dice), dice, { device });
  world.relay.insert(world.relay.view, streamOf(document), row);
  await allOnce(world);
  const clean = () => world.devices.every((one) => !says(one, TAINT));
  const alarms = ["log-rollback", "refused"] as const;
  if (dice.chance(0.5)) return { alarms, misled: world.devices, mustAlarm: true, clean };
  const end = () => list(world, [], entries);
  return { alarms, misled: [], mustAlarm: true, clean, end };
};

function swapped(entry: Bytes, victim: DeviceIdentity, impostor: DeviceIdentity): Bytes {
  const copy = entry.slice();
  for (const key of ["signKey", "boxKey"] as const)
    for (let at = 0; at + 32 <= copy.length; at++)
      if (equalBytes(copy.subarray(at, at + 32), victim[key])) copy.set(impostor[key], at);
  return copy;
}

const newName: Change = (team, _fences, manager) =>
  rename(team, manager.device.id, { name: "new name", email: "new@example.org" }, manager);

/** An older state of the log. */
export const rollBackLog: Inject = async (world, dice) => {
  const [author] = two(world, dice);
  const lead = leadOf(world);
  const { team } = world.relay.view;
  const { entries, beside } = team;
  const change = dice.chance(0.5) ? newKey : newName;
  if (!lead || !(await world.manage(lead, change))?.ok) return null;
  await allOnce(world);
  const longer = { entries: team.entries, beside: team.beside };
  team.entries = entries;
  team.beside = beside;
  // From a backup of its disk a device has an older log, too. Its keychain has not.
  if (change === newKey && dice.chance(0.5))
    for (const device of world.devices) {
      device.kill();
      await device.store.keepLog(TEAM, { listed: entries.length, entries });
      await world.restart(device);
    }
  const document = world.create(author, "decision", world.anyStream());
  await write(world, author, document, "rolled back? ");
  await allOnce(world);
  // Whoever goes on from the older state makes a fork of it, and devices that others do not know.
  const alarms = ["log-rollback", "log-fork", "refused"] as const;
  if (dice.chance(0.5)) return { alarms, misled: world.devices, mustAlarm: true };
  return { alarms, misled: [], mustAlarm: true, end: () => void Object.assign(team, longer) };
};

/** Two groups are shown two logs, in each of which the key has changed. Rows cross. */
export const forkLog: Inject = async (world, dice) => {
  const [one, other] = two(world, dice);
  const rest = world.devices.filter((device) => device !== one && device !== other);
  const others = [other, ...rest.filter(() => dice.chance(0.5))];
  const document = await fresh(world, dice, one);
  const { relay } = world;
  const { team } = relay.view;
  const team2 = team.copy();
  relay.hearAppends(team2);
  const copy: View = split(world, others, () => true, team2);
  for (const view of dice.shuffled([relay.view, copy])) {
    const shown = world.devices.filter(({ name }) => relay.viewOf(name) === view);
    const lead = leads(world).find((device) => shown.includes(device));
    if (lead && dice.chance(0.5)) await world.manage(lead, newKey);
    else if (view.team.isIn(identityOf(GONE).id)) leaveForGood(view, world);
    await world.settle();
    for (const device of shown) await world.once(device);
  }
  const end = () => {
    relay.views.clear();
    relay.onStored = null;
  };
  if (team.entries === team2.entries) {
    end();
    return null;
  }
  for (let i = 0; i < 2; i++) {
    for (const writer of [one, other]) await world.edit(writer, document, "on both sides ");
    await allOnce(world);
  }
  const alarms = [
    ...(["log-fork", "no-key", "refused", "refusing", "fork", "withheld", "history"] as const),
    ...([
      "rollback",
      "own-row-lost",
      "replayed",
      "gone",
      "log-rollback",
      "no-keys",
      "key-box",
      "epoch-record",
    ] as const),
  ];
  const injected = { alarms, misled: world.devices, mustAlarm: true } as const;
  return dice.chance(0.4) ? { ...injected, end } : injected;
};

/** One device is not shown what the log says since now: a new key, or a new device. Rows of both come. */
export const hideLog: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const document = await common(world, dice);
  const { team } = world.relay.view;
  const lead = leadOf(world, victim);
  const rotates = lead !== null && dice.chance(0.5);
  const lie = oldLogFor(victim, team.entries.length);
  world.relay.lies.add(lie);
  const end = () => world.relay.lies.delete(lie);
  if (rotates) {
    if (!(await world.manage(lead, newKey))?.ok) {
      end();
      return null;
    }
    await world.once(author);
    await write(world, author, document, "under the new key ");
  } else {
    const device = createDevice(dice.bytes);
    list(world, [admitted(world, device, dice)]);
    const typed = sealed(document, tainted(dice, "new here "), dice, { device });
    world.relay.insert(world.relay.view, streamOf(document), typed);
  }
  await allOnce(world);
  // A snapshot by whom the log does not show is none, and one of who refused a row for it is false.
  const alarms = ["no-key", "refusing", "refused", "deleted", "disputed"] as const;
  const injected = { alarms, mustAlarm: true } as const;
  if (dice.chance(0.5)) return { ...injected, misled: [victim] };
  // A row that was refused for its author does not come again.
  return { ...injected, misled: rotates ? [] : [victim], end };
};

/** The list is longer whenever it is read. */
export const endlessLog: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const lie: Lie = {
    log: (who, { entries, listed }, after) =>
      who === victim.name
        ? { entries: [entries[0] ?? dice.bytes(200)], listed: Math.max(after, listed) + 2 }
        : { entries, listed },
    pull: (who, page) => (who === victim.name ? { ...page, listed: page.listed + 1 } : page),
  };
  world.relay.lies.add(lie);
  await write(world, author, await common(world, dice), "endless ");
  await world.once(victim);
  // Its count of the list's entries may be what the true list comes to: then the next row tells, or the next entry.
  // A snapshot under a key that comes after what it is given is none.
  return { alarms: ["deleted"], misled: [victim], end: () => world.relay.lies.delete(lie) };
};

/** To this device the log ends after so many entries. */
export function oldLogFor(victim: SimDevice, listed: number): Lie {
  return {
    log: (who, page, after) =>
      who === victim.name
        ? { entries: page.entries.slice(0, Math.max(0, listed - after)), listed }
        : page,
    pull: (who, page) => (who === victim.name ? { ...page, listed } : page),
  };
}

export async function anybodyKnows(world: World, device: DeviceIdentity): Promise<boolean> {
  const states = await Promise.all(world.remaining.map(believed));
  return states.some(({ devices }) => devices.has(device.id));
}
