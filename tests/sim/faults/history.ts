/** The server changes what it holds, for everybody. */
import type { Bytes } from "../../../src/base/bytes.ts";
import { peekHeader } from "../../../src/crypto/header.ts";
import type { SimDevice } from "../device.ts";
import type { StreamLog } from "../streamLog.ts";
import type { World } from "../world.ts";
import {
  allOnce,
  common,
  flipped,
  fresh,
  type Inject,
  isOf,
  logWith,
  streamOf,
  two,
  write,
} from "./fault.ts";

/** A row that stands in the stream stands there again. */
export const replay: Inject = async (world, dice) => {
  const log = logWith(world, dice, 1);
  if (!log) return null;
  world.relay.insert(world.relay.view, log.stream, dice.pick(log.rows));
  await allOnce(world);
  // Who begins at a snapshot does not know chains that ended before.
  return { alarms: ["replayed", "withheld"], misled: [] };
};

/** Two rows change places. */
export const swapRows: Inject = async (world, dice) => {
  const log = logWith(world, dice, 2);
  if (!log) return null;
  const rows = [...log.rows];
  const at = dice.below(rows.length - 1);
  rows.splice(at, 2, rows[at + 1] as Bytes, rows[at] as Bytes);
  world.relay.view.replace(log.stream, rows);
  await allOnce(world);
  return {
    alarms: ["history", "replayed", "withheld", "refused", "fork"],
    misled: world.devices,
  };
};

/** A bit of a stored row is another one. */
export const flipStored: Inject = async (world, dice) => {
  const log = logWith(world, dice, 1);
  if (!log) return null;
  const at = dice.below(log.rows.length);
  const rows = log.rows.map((row, i) => (i === at ? flipped(row, dice) : row));
  world.relay.view.replace(log.stream, rows);
  await allOnce(world);
  return { alarms: ["history", "withheld", "refused", "fork"], misled: world.devices };
};

/** An older state of the server, which may find the newer one again. */
export const rollBack: Inject = async (world, dice) => {
  const log = logWith(world, dice, 1);
  if (!log) return null;
  const rows = [...log.rows];
  world.relay.view.replace(log.stream, rows.slice(0, dice.below(rows.length)));
  await allOnce(world);
  const alarms = ["rollback", "gone", "history", "own-row-lost", "refused", "fork"] as const;
  if (dice.chance(0.5)) return { alarms, misled: world.devices };
  // What was pushed meanwhile is in nobody's history, and is sent again.
  return { alarms, misled: [], end: () => world.relay.view.replace(log.stream, rows) };
};

/** An older state of the server, and then other rows than those that had followed. */
export const rollBackAndGoOn: Inject = async (world, dice) => {
  const [author, behind] = two(world, dice);
  const ahead = world.devices.filter((device) => device !== behind);
  const document = await common(world, dice);
  behind.online = false;
  const stream = streamOf(document);
  const kept = world.relay.view.log(stream).rows.length;
  await write(world, author, document, "forgotten ");
  for (const device of ahead) await world.once(device);
  const { rows } = world.relay.view.log(stream);
  if (rows.length === kept) return null;
  world.relay.view.replace(stream, rows.slice(0, kept));
  if (dice.chance(0.6)) for (const device of ahead) await world.restart(device);
  await goOn(world, behind, stream, rows.length - kept + dice.below(3));
  for (const device of ahead) await world.once(device);
  return {
    alarms: ["rollback", "gone", "history", "own-row-lost", "refused", "fork", "withheld"],
    misled: world.devices,
  };
};

/** One who has not seen what was forgotten writes new documents, a row each. */
async function goOn(
  world: World,
  device: SimDevice,
  stream: StreamLog["stream"],
  rows: number,
): Promise<void> {
  for (let i = 0; i < rows; i++)
    await world.edit(device, world.create(device, "decision", stream), "instead ");
  device.online = true;
  await world.settle();
  await world.once(device);
}

/** Rows vanish: those of a document, or all of a stream. No `retire` was signed. */
export const deleteUnsigned: Inject = async (world, dice) => {
  const [author] = two(world, dice);
  const document = await fresh(world, dice, author);
  const stream = streamOf(document);
  const { rows } = world.relay.view.log(stream);
  const left = dice.chance(0.6) ? rows.filter((row) => !isOf(row, document)) : [];
  world.relay.view.replace(stream, left);
  await allOnce(world);
  return {
    alarms: ["rollback", "gone", "history", "withheld", "refused", "fork", "own-row-lost"],
    misled: world.devices,
  };
};

/** A row in a stream that it was not written for: one of the team's, or one of another team. */
export const mixStreams: Inject = async (world, dice) => {
  const log = logWith(world, dice, 1);
  if (!log) return null;
  const row = dice.pick(log.rows);
  const project = (bytes: Bytes) => {
    const header = peekHeader(bytes);
    return header.ok ? header.value.project : null;
  };
  const elsewhere = world.relay.view
    .logsOf(log.stream.team)
    .filter((other) => other !== log && project(row) !== project(other.rows[0] as Bytes));
  if (elsewhere.length === 0) return null;
  world.relay.insert(world.relay.view, dice.pick(elsewhere).stream, row);
  await allOnce(world);
  return { alarms: ["refused"], misled: [] };
};
