/** What befalls a device without anybody meaning it. Each is scheduled for some moment of an ordinary day. */
import { TEAM } from "./cast.ts";
import {
  asleepOverEpochs,
  clocksAtRotation,
  gather,
  leave,
  type Mishap,
  newDevice,
  removeDevice,
  retire,
  rotate,
  rotateAtOnce,
} from "./changes.ts";
import type { SimDevice } from "./device.ts";
import type { Dice } from "./dice.ts";
import { importMuch } from "./life.ts";
import { lostOn } from "./oracle.ts";
import { FIELDS } from "./page.ts";
import type { World } from "./world.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

export const MISHAPS = {
  kill,
  backup: restoreBackup,
  clock: wrongClock,
  asleep,
  "full-disk": fillDisk,
  "large-import": importLarge,
  rotate,
  "rotate-at-once": rotateAtOnce,
  "remove-device": removeDevice,
  leave,
  "new-device": newDevice,
  "asleep-over-epochs": asleepOverEpochs,
  "clocks-at-rotation": clocksAtRotation,
  snapshots: gather,
  retire,
} as const satisfies Readonly<Record<string, Mishap>>;

/** Of runs in which nobody lies: whom a lie is told has to stay. */
export const HONEST_ONLY: ReadonlySet<string> = new Set(["remove-device", "leave"]);

/** At something that a process waits for, whatever that is; the next one starts a little later. */
function kill(world: World, dice: Dice, ms: number, struck: () => void): void {
  for (let i = dice.between(1, 5); i > 0; i--) {
    const device = dice.pick(world.devices);
    const at = dice.below(ms);
    world.time.after(at, () => {
      if (dice.chance(0.5)) setAtOnce(world, device, dice);
      device.doom({ call: dice.between(1, 40), made: dice.chance(0.5) });
      struck();
    });
    world.time.after(at + dice.between(200, ms), () => {
      if (device.awake) device.start();
    });
  }
}

/** This device and another set the same fact, neither having heard of the other. */
function setAtOnce(world: World, device: SimDevice, dice: Dice): void {
  const other = dice.pick(world.devices);
  const both = world.documents.filter(
    ({ id, kind }) => kind !== "trace" && device.store.has(id) && other.store.has(id),
  );
  if (both.length === 0 || !device.awake || !other.awake) return;
  const { id } = dice.pick(both);
  for (const one of [device, other])
    one.page(id).change((doc) => void doc.getMap(FIELDS).set("fact0", dice.below(100)));
}

/**
 * A disk, or only its database while the journal and the team's log are kept, as it was some time ago. A keychain in a file is
 * on the disk, the system's own is not.
 */
function restoreBackup(world: World, dice: Dice, ms: number, struck: () => void): void {
  const device = dice.pick(world.devices);
  const disk = dice.chance(0.5);
  const keysToo = disk && dice.chance(0.5);
  const at = dice.below(ms);
  world.time.after(at, () => {
    const backup = device.store.copy();
    const { keys } = device.keychain;
    world.time.after(dice.below(ms), () => {
      device.kill();
      const { store } = device;
      device.store = backup;
      if (keysToo) device.keychain.keys = keys;
      if (disk) forget(device);
      else replayJournal(world, device, store);
      struck();
    });
  });
}

/** Every edit that was acknowledged is in the journal; a trace is made again from its session. */
function replayJournal(world: World, device: SimDevice, before: SimDevice["store"]): void {
  for (const { id, kind, stream } of world.documents)
    if (before.has(id) && !device.store.has(id)) device.store.create(id, kind, stream);
  for (const { doc, update } of device.kept) device.store.append(doc, update);
  void before.documentsOf(TEAM).then(async (documents) => {
    for (const { id, retired, takenBack } of documents)
      if (takenBack) await device.store.takeBack(id);
      else if (retired) await device.store.retire([id], device.identity.id);
  });
  void before.log(TEAM).then((log) => log && device.store.keepLog(TEAM, log));
}

/** With the disk goes what was never sent: nobody can bring that back. */
export function forget(device: SimDevice): void {
  for (const page of device.pages.values()) page.close();
  device.pages.clear();
  const lost = new Set(lostOn(device, device.kept));
  device.kept = device.kept.filter((edit) => !lost.has(edit));
}

function wrongClock(world: World, dice: Dice, _ms: number, struck: () => void): void {
  for (const device of world.devices) {
    if (!dice.chance(0.6)) continue;
    device.clockOffMs = dice.between(-30, 30) * YEAR_MS;
    device.kill();
    device.start();
    struck();
  }
}

function asleep(world: World, dice: Dice, ms: number, struck: () => void): void {
  const device = dice.pick(world.devices);
  world.time.after(dice.below(ms), () => {
    device.sleep(40 * DAY_MS);
    struck();
  });
}

function fillDisk(world: World, dice: Dice, ms: number, struck: () => void): void {
  const device = dice.pick(world.devices);
  world.time.after(dice.below(ms), () => {
    device.fullDisk = dice.between(1, 6);
    struck();
  });
}

function importLarge(world: World, dice: Dice, ms: number, struck: () => void): void {
  const device = dice.pick(world.devices);
  world.time.after(dice.below(ms), () => {
    if (importMuch(world, device, dice)) struck();
  });
}
