/** Snapshots as honest devices come to make them, and as hostile hands do. */
import { type Bytes, toHex } from "../../src/base/bytes.ts";
import type { DeviceIdentity } from "../../src/crypto/device.ts";
import { KIND_ATTEST, KIND_SNAPSHOT, peekHeader } from "../../src/crypto/header.ts";
import { acceptsRow, isTakenBack } from "../../src/crypto/log/state.ts";
import { rowHash } from "../../src/crypto/row.ts";
import { type TeamKeys, wireDocumentId } from "../../src/crypto/team.ts";
import { encodeSaid, standingOf, VERDICT_KINDS, type Verdict } from "../../src/sync/marks.ts";
import { buildSnapshot } from "../../src/sync/rebuild.ts";
import { type Author, sealMark } from "../../src/sync/seal.ts";
import {
  contentHash,
  encodeSnapshot,
  type Parent,
  type Snapshot,
  type SnapshotDocument,
} from "../../src/sync/snapshot.ts";
import { logStream } from "../../src/sync/streams.ts";
import type { ReadingTeam } from "../../src/sync/team/team.ts";
import { type Compacted, listSnapshots } from "../sync/compacted.ts";
import type { SimDevice } from "./device.ts";
import type { Dice } from "./dice.ts";
import { keyringFrom } from "./keys.ts";
import type { StreamLog } from "./streamLog.ts";
import type { SimDocument, World } from "./world.ts";

/** More than a few rows are worth a snapshot. */
export const FEW_BYTES = 1200;
const TRIES = 4;

/**
 * `makers` type in a document until a snapshot of its stream is there that another one attested: bodies have gone. False: it
 * did not come to that, as when the stream has a large one already.
 */
export async function compacted(
  world: World,
  document: SimDocument,
  makers: readonly SimDevice[] = world.devices,
): Promise<boolean> {
  const log = logOf(world, document);
  const [maker, ...others] = makers as [SimDevice, ...SimDevice[]];
  const before = log.compacted.length;
  world.gatheredBytes = FEW_BYTES;
  for (let tries = 0; tries < TRIES && log.compacted.length === before; tries++) {
    for (let i = 0; i < 2; i++) await type(world, maker, document);
    await world.restart(maker);
    await type(world, maker, document);
    for (const other of others) await world.once(other);
    await world.once(maker);
  }
  return log.compacted.length > before;
}

async function type(world: World, device: SimDevice, document: SimDocument): Promise<void> {
  await world.edit(device, document, "gathered ");
  await world.once(device);
}

export function logOf(world: World, { id, stream }: SimDocument): StreamLog {
  if (!stream) throw new Error(`${id} is not shared`);
  return world.relay.view.log(stream);
}

/** Its last row's number, and what it says. */
export interface Made {
  readonly last: number;
  readonly body: Bytes;
}

/** What a stream's rows make, as any device of the team finds it that begins at the first one. */
export async function trueSnapshot(world: World, log: StreamLog): Promise<Snapshot> {
  const { team: teamLog } = world.relay.view;
  const { state } = teamLog;
  const keys = newestKeys(world);
  const team: ReadingTeam = {
    keys: keyringFrom(teamLog, keys),
    signKeyOf: (device) => state.devices.get(device)?.signKey ?? null,
    accepts: (device, stream, n) => acceptsRow(state, { device, stream: logStream(stream), n }),
    isTakenBack: (document, device) => isTakenBack(state, document, device),
  };
  const { stream } = log;
  const rows = log.rows.map((row, i) => ({ stream, n: i + 1, row }));
  const options = { team, wireId: wireIdOf(keys), entry: state.head.n };
  const built = await buildSnapshot(options, stream, null, rows);
  if (!built) throw new Error("rows of the stream cannot be read");
  return { ...built, parent: standing(world, log) };
}

/** At the end of its stream, as if it were all that is there. `falsify` changes what the documents are. */
export async function makeSnapshot(
  world: World,
  log: StreamLog,
  maker: DeviceIdentity,
  dice: Dice,
  falsify: (documents: readonly SnapshotDocument[]) => readonly SnapshotDocument[],
): Promise<Made> {
  const built = await trueSnapshot(world, log);
  const documents = falsify(built.documents);
  const body = encodeSnapshot({ ...built, documents }, wireIdOf(newestKeys(world)));
  for (const row of snapshotRows(world, log, maker, dice, body))
    world.relay.insert(world.relay.view, log.stream, row);
  return { body, last: log.head.n };
}

/** Rows that stand for all there is, whatever their body is. */
export function snapshotRows(
  world: World,
  { stream, head }: Pick<StreamLog, "stream" | "head">,
  maker: DeviceIdentity,
  dice: Dice,
  body: Bytes,
): readonly Bytes[] {
  const author = authorIn(world, maker, dice);
  return sealMark(author, stream, { kind: KIND_SNAPSHOT, n: head.n }, body, head, dice.bytes);
}

/** A word on the snapshot that ends with the row `lastRow`. */
export function wordRow(
  world: World,
  { stream, head }: Pick<StreamLog, "stream" | "head">,
  device: DeviceIdentity,
  dice: Dice,
  verdict: Verdict,
  { last, body }: Made,
  lastRow: Bytes,
): Bytes {
  const author = authorIn(world, device, dice);
  const said = encodeSaid({ snapshot: rowHash(lastRow), content: contentHash(body) });
  const mark = { kind: VERDICT_KINDS[verdict], n: last };
  return sealMark(author, stream, mark, said, head, dice.bytes)[0] as Bytes;
}

/** The same, at the end of its stream. */
export function say(
  world: World,
  log: StreamLog,
  device: DeviceIdentity,
  dice: Dice,
  verdict: Verdict,
  made: Made,
): void {
  const lastRow = log.rows[made.last - 1] as Bytes;
  const row = wordRow(world, log, device, dice, verdict, made, lastRow);
  world.relay.insert(world.relay.view, log.stream, row);
}

function authorIn(world: World, device: DeviceIdentity, dice: Dice): Author {
  return { keys: newestKeys(world), device, replica: toHex(dice.bytes(16)) };
}

/** The newest snapshot that stands, for another one to go on from. */
function standing(world: World, log: Compacted): Parent | null {
  const { state } = world.relay.view.team;
  const leads = (device: string) =>
    state.members.get(state.devices.get(device)?.member ?? "")?.role !== "member";
  for (const { last, words } of listSnapshots(log).snapshots) {
    const row = log.rows[last - 1] as Bytes;
    const said = words.map((word) => {
      const { device, kind } = headerOf(word.row);
      const verdict = (["attest", "dispute", "vouch"] as const)[kind - KIND_ATTEST] as Verdict;
      return { verdict, device, n: word.n, content: null };
    });
    if (standingOf(headerOf(row).device, said, leads) === "attested")
      return { last, hash: rowHash(row) };
  }
  return null;
}

function headerOf(row: Bytes) {
  const header = peekHeader(row);
  if (!header.ok) throw new Error("a row about a snapshot has no header");
  return header.value;
}

export function newestKeys({ devices, relay }: World): TeamKeys {
  const keys = devices.map(({ keychain }) => keychain.keys);
  const newest = keys.find(({ epoch }) => epoch === relay.view.team.epoch);
  if (!newest) throw new Error("nobody has the newest keys");
  return newest;
}

export function wireIdOf(keys: TeamKeys) {
  return (document: SimDocument["id"]) => wireDocumentId(keys, document);
}
