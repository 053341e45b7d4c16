/** The server shows devices different histories. */
import type { Bytes } from "../../../src/base/bytes.ts";
import type { SimDevice } from "../device.ts";
import type { StreamLog, View } from "../streamLog.ts";
import type { World } from "../world.ts";
import { common, fresh, type Inject, isOf, streamOf, two, write } from "./fault.ts";

const CARRIED_MS = 300;

type Stream = StreamLog["stream"];

/** From here on `others` are shown a copy, with this log. `carries`: whether a row pushed on one side is shown on the other, too. */
export function split(
  world: World,
  others: readonly SimDevice[],
  carries: (toOthers: boolean, row: Bytes) => boolean,
  team = world.relay.view.team,
): View {
  const { relay } = world;
  const copy = relay.view.copy(team);
  for (const { name } of others) relay.views.set(name, copy);
  relay.onStored = (view: View, stream: Stream, row: Bytes) => {
    const toOthers = view !== copy;
    // Later, so that what is pushed on both sides stands in another order on each.
    if (carries(toOthers, row))
      world.time.after(CARRIED_MS, () => relay.carry(toOthers ? copy : relay.view, stream, row));
  };
  return copy;
}

/** One row of a chain is shown to nobody but its author; those after it are. The numbers have no hole. */
export const omit: Inject = async (world, dice) => {
  const [author] = two(world, dice);
  const others = world.devices.filter((device) => device !== author);
  const document = await common(world, dice);
  const back = dice.chance(0.3);
  let left = 0;
  split(world, others, (toOthers, row) => (toOthers ? !isOf(row, document) || left++ > 0 : back));
  await write(world, author, document, "left out ");
  for (const other of others) {
    for (let i = dice.between(1, 3); i > 0; i--) {
      const more = world.create(other, "decision", streamOf(document));
      await write(world, other, more, "between ");
    }
  }
  for (const other of others) await world.once(other);
  if (dice.chance(0.7)) for (const other of others) await world.restart(other);
  await write(world, author, document, "and then ");
  await world.settle();
  for (const other of others) await world.once(other);
  return left > 1 ? { alarms: ["withheld", "fork", "refused"], misled: world.devices } : null;
};

/** A document is not shown to one device; everything else is. */
export const hideDocument: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const document = await common(world, dice);
  const hidden = world.create(author, "decision", streamOf(document));
  const own = dice.between(0, 3);
  split(world, [victim], (toVictim, row) => toVictim && !isOf(row, hidden));
  for (let i = 0; i < own; i++)
    await write(world, victim, world.create(victim, "decision", streamOf(document)), "own ");
  await write(world, author, hidden, "hidden ");
  for (let i = 0; i < 2; i++) {
    await write(world, author, document, "shown ");
    // A process that ends before the row arrives takes with it what it would be held against.
    await world.settle();
    await world.once(victim);
  }
  return { alarms: ["fork", "refused", "withheld"], misled: world.devices };
};

/** Two groups are shown two histories; most rows cross. At times all are shown one again. */
export const fork: Inject = async (world, dice) => {
  const [one, other] = two(world, dice);
  const rest = world.devices.filter((device) => device !== one && device !== other);
  const others = [other, ...rest.filter(() => dice.chance(0.5))];
  const document = await fresh(world, dice, one);
  const kept = dice.chance(0.5) ? await fresh(world, dice, other) : null;
  split(world, others, (_, row) => kept === null || !isOf(row, kept));
  if (kept) await write(world, one, kept, "only here ");
  for (let i = 0; i < 2; i++) {
    await atOnce(world, [one, other], document);
    for (const device of world.devices) await world.once(device);
  }
  const alarms = [
    "fork",
    "refused",
    "withheld",
    "history",
    "rollback",
    "own-row-lost",
    "replayed",
  ] as const;
  const end = () => {
    world.relay.views.clear();
    world.relay.onStored = null;
  };
  return { alarms, misled: world.devices, ...(dice.chance(0.4) ? { end } : {}) };
};

/** Both write before either hears of the other, so that the rows stand in another order on each side. */
async function atOnce(
  world: World,
  writers: readonly SimDevice[],
  document: Parameters<typeof write>[2],
): Promise<void> {
  for (const writer of writers) writer.online = false;
  for (const writer of writers) await world.edit(writer, document, "at once ");
  for (const writer of writers) writer.online = true;
  await world.settle();
}

/** A row is moved to another stream, and the stream it was written for is not shown to one device any more. */
export const moveRow: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const there = streamOf(await common(world, dice));
  const document = world.create(author, "decision", world.anyStream());
  const here = streamOf(document);
  if (here.project === there.project) return null;
  const copy = split(world, [victim], () => false);
  await write(world, author, document, "moved ");
  const row = world.relay.view.log(here).rows.at(-1);
  if (!row || !isOf(row, document)) return null;
  world.relay.insert(copy, there, row);
  await world.settle();
  await world.once(victim);
  return { alarms: ["refused"], misled: world.devices };
};
