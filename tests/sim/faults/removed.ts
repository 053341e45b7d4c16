/** A device that was removed stays: with its old keys and connections, and a server on its side. */
import { unwrap } from "../../../src/base/result.ts";
import { createDevice } from "../../../src/crypto/device.ts";
import { peekHeader } from "../../../src/crypto/header.ts";
import { openKeyRecord } from "../../../src/crypto/key-record.ts";
import { deviceAuthor } from "../../../src/crypto/log/author.ts";
import { openKeys } from "../../../src/crypto/log/key-box.ts";
import type { TeamKeys } from "../../../src/crypto/team.ts";
import { unsealRow } from "../../../src/sync/seal.ts";
import { remove } from "../../../src/sync/team/manage.ts";
import { PASSPHRASE } from "../../sync/memoryLog.ts";
import { ADMINS, LIMITS, TEAM } from "../cast.ts";
import { leadOf } from "../changes.ts";
import type { SimDevice } from "../device.ts";
import { adding, entryOf, list } from "../entries.ts";
import { says, shows } from "../oracle.ts";
import type { World } from "../world.ts";
import { allOnce, common, type Inject, streamOf, TAINT, write } from "./fault.ts";
import { anybodyKnows, oldLogFor } from "./log.ts";
import { sealed, tainted } from "./members.ts";

/** What those who stay write to each other. */
const SECRET = "☂";

export const removedStays: Inject = async (world, dice) => {
  const out = dice.pick(world.devices.filter(({ name }) => !ADMINS.includes(name)));
  const lead = leadOf(world);
  if (!lead) return null;
  const document = await common(world, dice);
  const { relay } = world;
  const { view } = relay;
  for (const device of world.devices) if (dice.chance(0.5)) device.page(document.id);
  out.goLive(true);
  await world.settle();
  const { channels } = relay;
  const before = out.keychain.keys;
  relay.sides.add(out.name);
  relay.lies.add(oldLogFor(out, view.team.entries.length));
  const body = { kind: "remove-device", device: out.identity.id } as const;
  const removed = await world.manage(lead, (team, fences, manager) =>
    remove(team, body, fences, manager),
  );
  if (!removed?.ok) throw new Error(`not removed: ${removed?.fault.message}`);
  // Until they have heard of it, windows still show what the device says on a channel.
  await world.settle();
  // As it was before: its own text, a row of it, the same on the channels it knew, and a device of its own in the log.
  const device = out.identity;
  const row = sealed(document, tainted(dice), dice, { device, keys: before });
  relay.insert(view, streamOf(document), row);
  for (const channel of channels) relay.say(channel, null, row);
  const second = createDevice(dice.bytes);
  list(world, [
    entryOf(world, deviceAuthor(device), adding(second, out.name, view.team.state, dice)),
  ]);
  if (dice.chance(0.5)) await allOnce(world);
  await write(world, lead, document, SECRET);
  await world.edit(out, document, TAINT);
  await allOnce(world);
  await write(world, lead, document, SECRET);
  await allOnce(world);
  const known = await anybodyKnows(world, second);
  const clean = () =>
    !known &&
    !says(out, SECRET) &&
    !shows(out, SECRET) &&
    world.remaining.every((one) => !says(one, TAINT) && !shows(one, TAINT)) &&
    !canRead(world, out, before);
  return { alarms: ["refused"], misled: [], mustAlarm: true, clean };
};

/** Whether anything that the server has can be opened with what a removed device has. */
function canRead(world: World, out: SimDevice, held: TeamKeys): boolean {
  const { team } = world.relay.view;
  const later = team.beside.slice(held.epoch);
  const boxes = later.flatMap((kept) => [...kept.boxes.values()]);
  if (boxes.some((box) => openKeys(team.state, box, out.identity).ok)) return true;
  const { teamSecret } = held;
  const records = later.map(({ keyRecord }) => keyRecord);
  if (records.some((record) => openKeyRecord(record, TEAM, PASSPHRASE, teamSecret, LIMITS).ok))
    return true;
  return world.relay.view.logsOf(TEAM).some(({ stream, rows }) =>
    rows.some((row) => {
      const { epoch, device } = unwrap(peekHeader(row));
      const signKey = team.state.devices.get(device)?.signKey;
      if (!signKey || epoch <= held.epoch) return false;
      return unsealRow(row, stream, { by: "signature", signKey }, { ...held, epoch }).ok;
    }),
  );
}
