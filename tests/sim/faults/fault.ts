/** What a fault is to the simulator, and what several of them need. */
import type { Bytes } from "../../../src/base/bytes.ts";
import type { DocId } from "../../../src/base/ids.ts";
import { peekHeader } from "../../../src/crypto/header.ts";
import { wireDocumentId } from "../../../src/crypto/team.ts";
import type { StreamRef } from "../../../src/sync/ports.ts";
import type { AlarmKind } from "../alarms.ts";
import { KEYS } from "../cast.ts";
import type { SimDevice } from "../device.ts";
import type { Dice } from "../dice.ts";
import type { StreamLog } from "../streamLog.ts";
import { letGo } from "../takenBack.ts";
import type { SimDocument, World } from "../world.ts";

/** A lie of the server, or a member's, while everybody is up to date. Null: there was no occasion for it. */
export type Inject = (world: World, dice: Dice) => Promise<Injected | null>;

export interface Injected {
  /** What the threat model names: one of them has to be heard, unless all is as if it had not happened. */
  readonly alarms: readonly AlarmKind[];
  /** Who does not see the team's true history to the end, and so cannot be up to date. */
  readonly misled: readonly SimDevice[];
  /** Whether nothing false was taken. Must be so, alarm or not. */
  readonly clean?: () => boolean;
  /** It must be told, even if nothing came of it. Without `alarms`: `clean` says that it was. */
  readonly mustAlarm?: true;
  /** Documents that need not be equal. */
  readonly ignored?: readonly DocId[];
  /** The server is honest again, from here on. */
  readonly end?: () => void;
}

/** What hostile members write: it must be read nowhere. */
export const TAINT = "☠";

/** Two devices that are not the same. */
export function two(world: World, dice: Dice): readonly [SimDevice, SimDevice] {
  const [one, other] = dice.shuffled(world.devices);
  return [one as SimDevice, other as SimDevice];
}

/** A document that everybody has and may write, and nobody has taken back. */
export async function common(world: World, dice: Dice): Promise<SimDocument> {
  const retired = await Promise.all(world.devices.map(letGo));
  const held = world.documents.filter(
    ({ id, kind, stream }) =>
      kind !== "trace" &&
      stream &&
      retired.every((ids) => !ids.has(id)) &&
      world.devices.every(({ store }) => store.has(id)),
  );
  return held.length > 0 ? dice.pick(held) : fresh(world, dice, dice.pick(world.devices));
}

/** A new document that everybody has. */
export async function fresh(world: World, dice: Dice, maker: SimDevice): Promise<SimDocument> {
  const document = world.create(maker, "decision", world.anyStream());
  await world.edit(maker, document, `begun ${dice.below(1000)} `);
  await world.calm();
  return document;
}

/** Writes and sends. */
export async function write(
  world: World,
  device: SimDevice,
  document: SimDocument,
  text: string,
): Promise<void> {
  await world.edit(device, document, text);
  await world.once(device);
}

export async function allOnce(world: World): Promise<void> {
  await world.settle();
  for (const device of world.devices) await world.once(device);
}

/** A clock that is years wrong can keep a device from reading and sending anything: then there is nothing to be misled about. */
export async function allSync(world: World): Promise<boolean> {
  const reports = [];
  for (const device of world.devices) reports.push(await world.once(device));
  return reports.every((report) => report !== null);
}

/** The true log of a stream with so many rows; null when there is none. */
export function logWith(world: World, dice: Dice, rows: number): StreamLog | null {
  const logs = world.relay.view.logsOf(KEYS.team).filter((log) => log.rows.length >= rows);
  return logs.length === 0 ? null : dice.pick(logs);
}

/** Of a shared document. */
export function streamOf({ id, stream }: SimDocument): StreamRef {
  if (!stream) throw new Error(`${id} is not shared`);
  return stream;
}

export function isOf(row: Bytes, document: SimDocument): boolean {
  const header = peekHeader(row);
  return header.ok && header.value.document === wireDocumentId(KEYS, document.id);
}

export function flipped(row: Bytes, dice: Dice): Bytes {
  const copy = row.slice();
  const at = dice.below(copy.length);
  copy[at] = (copy[at] as number) ^ (1 << dice.below(8));
  return copy;
}
