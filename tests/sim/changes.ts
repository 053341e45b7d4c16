/** What people change about the team while others go on working. Each is scheduled for some moment of an ordinary day. */
import { unwrap } from "../../src/base/result.ts";
import { deviceAuthor } from "../../src/crypto/log/author.ts";
import { nextEntry } from "../../src/crypto/log/draft.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { logStream } from "../../src/sync/streams.ts";
import { remove } from "../../src/sync/team/manage.ts";
import { memberOf } from "../sync/memoryLog.ts";
import { ADMINS, GONE, identityOf, TEAM } from "./cast.ts";
import { RESTART_MS, type SimDevice } from "./device.ts";
import type { Dice } from "./dice.ts";
import { admitted, list } from "./entries.ts";
import { isOf, streamOf } from "./faults/fault.ts";
import { sealed, tainted } from "./faults/members.ts";
import { TEXT } from "./page.ts";
import { FEW_BYTES } from "./snapshots.ts";
import type { View } from "./streamLog.ts";
import type { Change, World } from "./world.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
/** Whoever was interrupted tries again after this, so many times. */
const AGAIN_MS = 4_000;
const TRIES = 4;

/** Within `ms`. Calls `struck` when it has happened. */
export type Mishap = (world: World, dice: Dice, ms: number, struck: () => void) => void;

/** A new key while everybody works. */
export const rotate: Mishap = (world, dice, ms, struck) => {
  at(world, dice.below(ms), () => {
    const [lead] = dice.shuffled(leads(world));
    if (lead) insist(world, dice, lead, newKey, isRotated(world), struck);
  });
};

/** Somebody leaves, and all who stay hear of it at the same time; those who lead the team want a new key anyway. */
export const rotateAtOnce: Mishap = (world, dice, ms, struck) => {
  at(world, dice.below(ms), () => {
    leaveForGood(world.relay.view, world);
    const rotated = isRotated(world);
    for (const lead of leads(world)) insist(world, dice, lead, newKey, rotated, struck);
    for (const device of world.remaining) if (device.awake) quietly(device.start().sync.once());
    struck();
  });
};

/** Somebody who leads the team removes a device that is typing. */
export const removeDevice: Mishap = (world, dice, ms, struck) => {
  at(world, dice.below(ms), () => {
    const [lead] = dice.shuffled(leads(world));
    const others = world.remaining.filter(({ name }) => !ADMINS.includes(name));
    if (!lead || others.length === 0) return;
    const target = dice.pick(others);
    const body = dice.chance(0.5)
      ? ({ kind: "remove-device", device: target.identity.id } as const)
      : ({ kind: "remove-member", member: memberOf(target.name) } as const);
    const change: Change = (team, fences, manager) => remove(team, body, fences, manager);
    busy(world, dice, [target, ...world.remaining.slice(0, 2)]);
    insist(world, dice, lead, change, () => !isIn(world, target), struck);
  });
};

/** A member leaves. Who stays makes the new key, sooner or later. */
export const leave: Mishap = (world, dice, ms, struck) => {
  at(world, dice.below(ms), () => {
    if (world.remaining.length < 2) return;
    const who = dice.pick(world.remaining);
    const body = { kind: "remove-member", member: memberOf(who.name) } as const;
    const change: Change = (team, fences, manager) => remove(team, body, fences, manager);
    busy(world, dice, world.remaining.slice(0, 3));
    insist(world, dice, who, change, () => !isIn(world, who), struck);
  });
};

/** A member lists a second device, which writes at once: its row may be there before the log says whose it is. */
export const newDevice: Mishap = (world, dice, ms, struck) => {
  at(world, dice.below(ms), () => {
    const { relay, documents } = world;
    // Whose first row it is, its owner is.
    const shared = documents.filter(
      (one) =>
        one.kind !== "trace" &&
        one.stream &&
        relay.view.log(one.stream).rows.some((row) => isOf(row, one)),
    );
    const keys = world.devices.map((device) => device.keychain.keys);
    const newest = keys.find(({ epoch }) => epoch === relay.view.team.epoch);
    if (shared.length === 0 || !newest) return;
    const document = dice.pick(shared);
    const device = createDevice(dice.bytes);
    list(world, [admitted(world, device, dice)]);
    const row = sealed(document, tainted(dice, "new here "), dice, { device, keys: newest });
    relay.insert(relay.view, streamOf(document), row);
    struck();
  });
};

/** Forty days without a process running on, in which the key changes several times. */
export const asleepOverEpochs: Mishap = (world, dice, ms, struck) => {
  const times = dice.between(2, 4);
  at(world, dice.below(ms / 2), () => {
    const sleeper = dice.pick(world.remaining);
    const [lead] = dice.shuffled(leads(world).filter((one) => one !== sleeper));
    if (!lead) return;
    sleeper.sleep(40 * DAY_MS);
    for (let i = 0; i < times; i++)
      at(world, dice.below(ms), () => {
        busy(world, dice, [lead]);
        insist(world, dice, lead, newKey, isRotated(world), struck);
      });
  });
};

/** Somebody leaves while all clocks but one are years wrong: what they would sign, no server takes. */
export const clocksAtRotation: Mishap = (world, dice, ms, struck) => {
  at(world, dice.below(ms), () => {
    const right = dice.pick(world.devices);
    for (const device of world.devices) {
      device.clockOffMs = device === right ? 0 : dice.pick([-1, 1]) * dice.between(1, 30) * YEAR_MS;
      device.kill();
      if (device.awake) device.start();
    }
    at(world, dice.below(1_000), () => {
      leaveForGood(world.relay.view, world);
      struck();
    });
  });
};

/** Somebody takes back what they have shared, while others type in it. */
export const retire: Mishap = (world, dice, ms, struck) => {
  at(world, dice.below(ms), () => {
    const own = world.documents.filter(
      ({ id, stream, maker }) =>
        stream && maker.awake && maker.store.has(id) && world.remaining.includes(maker),
    );
    if (own.length === 0) return;
    const { id, kind, maker } = dice.pick(own);
    if (kind !== "trace")
      for (const device of dice.shuffled(world.remaining).slice(0, 3))
        at(world, dice.below(2_000), () => {
          if (!device.awake || !device.store.has(id)) return;
          device.page(id).change((doc) => doc.getText(TEXT).insert(0, "meanwhile "));
        });
    void maker.store.takeBack(id);
    quietly(maker.start().sync.once());
    struck();
  });
};

/** Enough is typed that snapshots are made of it, on machines that were started again. */
export const gather: Mishap = (world, dice, ms, struck) => {
  world.gatheredBytes = FEW_BYTES;
  for (let i = dice.between(3, 10); i > 0; i--)
    at(world, dice.below(ms), () => {
      const device = dice.pick(world.remaining.length > 0 ? world.remaining : world.devices);
      device.kill();
      at(world, RESTART_MS, () => {
        if (!device.awake) return;
        device.start();
        busy(world, dice, [device]);
        at(world, 1_000, () => {
          if (device.awake) quietly(device.start().sync.once());
          const logs = world.relay.view.logsOf(TEAM);
          if (logs.some(({ compacted }) => compacted.length > 0)) struck();
        });
      });
    });
};

/** The one who only ever leaves does so now: the entry is in the log, and nobody has made a new key. */
export function leaveForGood({ team }: View, world: World): void {
  const gone = identityOf(GONE);
  if (!team.isIn(gone.id)) return;
  const fences = (team.headsNow?.() ?? []).map(({ stream, cursor }) => ({
    stream: logStream(stream),
    ...cursor,
  }));
  const body = { kind: "remove-member", member: memberOf(GONE), fences } as const;
  const entry = unwrap(nextEntry(team.state, deviceAuthor(gone), body, team.nowMs())).bytes;
  const { length } = team.entries;
  void team.appendLog(TEAM, length, [{ entry }]);
  if (team.entries.length !== length + 1) throw new Error(`${world.time.nowMs}: nobody left`);
}

export const newKey: Change = (team) => team.rotate(null);

/** Devices that are in the team and lead it. */
export function leads(world: World): readonly SimDevice[] {
  return world.remaining.filter(({ name }) => ADMINS.includes(name));
}

/** One of them, other than `not`, whose clock no server refuses. */
export function leadOf(world: World, not: SimDevice | null = null): SimDevice | null {
  return leads(world).find((one) => one !== not && one.clockOffMs === 0) ?? null;
}

function isIn(world: World, { identity }: SimDevice): boolean {
  return world.relay.view.team.isIn(identity.id);
}

/** Since now. */
function isRotated({ relay }: World): () => boolean {
  const { epoch } = relay.view.team;
  return () => relay.view.team.epoch > epoch;
}

/** The process may die in it. Then, and when it did not work, the person tries again. */
function insist(
  world: World,
  dice: Dice,
  device: SimDevice,
  change: Change,
  done: () => boolean,
  struck: () => void,
): void {
  const dies = dice.chance(0.3) ? { call: dice.between(1, 40), made: dice.chance(0.5) } : null;
  for (let i = 0; i < TRIES; i++)
    at(world, i * AGAIN_MS, () => {
      if (done() || !device.awake) return;
      if (i === 0 && dies) device.doom(dies);
      quietly(device.start().sync.manage((team, fences) => change(team, fences, device.manager)));
      struck();
    });
}

/** These type now, and in the second after. */
function busy(world: World, dice: Dice, devices: readonly SimDevice[]): void {
  for (const device of devices)
    for (let i = dice.between(0, 4); i > 0; i--)
      at(world, dice.below(1_000), () => {
        const here = world.documents.filter(
          ({ id, kind }) => kind !== "trace" && device.store.has(id),
        );
        if (here.length === 0 || !device.awake) return;
        const page = device.page(dice.pick(here).id);
        page.change((doc) => doc.getText(TEXT).insert(0, dice.pick(["now ", "still ", "more "])));
      });
}

function at(world: World, ms: number, happen: () => void): void {
  world.time.after(ms, happen);
}

/** What fails here is told by states, or is the process's end. */
function quietly(done: Promise<unknown>): void {
  done.catch(() => {});
}
