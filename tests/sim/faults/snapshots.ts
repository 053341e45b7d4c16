/** The server lets bodies go, or gives snapshots that are none. */
import type { Bytes } from "../../../src/base/bytes.ts";
import { createDevice, type DeviceIdentity } from "../../../src/crypto/device.ts";
import { peekHeader } from "../../../src/crypto/header.ts";
import { teamIdOf } from "../../../src/crypto/log/team-id.ts";
import type { StreamRef } from "../../../src/sync/ports.ts";
import { encodeSnapshot } from "../../../src/sync/snapshot.ts";
import { sameStream } from "../../../src/sync/streams.ts";
import { MemoryStore } from "../../sync/memoryStore.ts";
import { identityOf, MALLORY, STREAMS, TEAM } from "../cast.ts";
import type { SimDevice } from "../device.ts";
import type { Dice } from "../dice.ts";
import { forget } from "../mishaps.ts";
import { says } from "../oracle.ts";
import type { Lie } from "../relay.ts";
import { compacted, logOf, newestKeys, snapshotRows, wireIdOf, wordRow } from "../snapshots.ts";
import type { StreamLog } from "../streamLog.ts";
import type { SimDocument, World } from "../world.ts";
import {
  allOnce,
  allSync,
  flipped,
  fresh,
  type Inject,
  type Injected,
  isOf,
  TAINT,
  two,
  write,
} from "./fault.ts";
import { tainted } from "./members.ts";

/** Bodies of rows go, and no snapshot covers them: as many as one would, or those of one document, as if that were taken back. */
const lettingGo =
  (which: (log: StreamLog, document: SimDocument) => readonly number[]): Inject =>
  async (world, dice) => {
    if (!(await allSync(world))) return null;
    const [author, victim] = two(world, dice);
    const document = await fresh(world, dice, author);
    const log = logOf(world, document);
    victim.online = false;
    for (let i = dice.between(1, 3); i > 0; i--) await write(world, author, document, "gone? ");
    for (const device of world.devices) if (device !== victim) await world.once(device);
    const before = new Set(log.dropped);
    for (const n of which(log, document)) log.dropped.add(n);
    await comeBack(world, victim, dice);
    const end = () => {
      for (const n of log.dropped) if (!before.has(n)) log.dropped.delete(n);
    };
    return ending(dice, { alarms: ["deleted"], misled: [victim], mustAlarm: true }, end);
  };

export const bodiesGone: Inject = lettingGo(({ rows }) => rows.map((_, i) => i + 1));

export const unsignedRetire: Inject = lettingGo(({ rows }, document) =>
  rows.flatMap((row, i) => (isOf(row, document) ? [i + 1] : [])),
);

/** They go for a snapshot that is true, and that only its maker answers for. It is taken, and told. */
export const unattested: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [maker] = two(world, dice);
  const others = world.devices.filter((device) => device !== maker);
  const document = await fresh(world, dice, maker);
  const log = logOf(world, document);
  for (const other of others) other.online = false;
  const before = log.rows.length;
  await compacted(world, document, [maker]);
  const [newest] = world.relay.snapshots(maker.name, log.stream).snapshots;
  if (!newest || newest.last <= before) return null;
  const made = peekHeader(log.rows[newest.last - 1] as Bytes);
  const covered = made.ok && made.value.mark ? made.value.mark.n : 0;
  for (let n = before + 1; n <= covered; n++) log.dropped.add(n);
  log.compacted.push(newest.last);
  for (const other of others) other.online = true;
  await allOnce(world);
  return { alarms: ["unattested"], misled: [], mustAlarm: true };
};

/** Of two snapshots the older one is shown, or none. Where the bodies behind it are there, nothing is amiss. */
export const oldSnapshot: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [maker, victim] = two(world, dice);
  const document = await fresh(world, dice, maker);
  const log = logOf(world, document);
  const present = world.devices.filter((device) => device !== victim);
  const hands = present.length > 1 ? present : world.devices;
  if (!(await compacted(world, document, hands))) return null;
  const older = log.compacted.at(-1) as number;
  victim.online = false;
  if (!(await compacted(world, document, present.length > 1 ? present : [maker]))) return null;
  const bodies = dice.chance(0.3);
  const lie = listLie(victim, log.stream, dice.chance(0.5) ? older : 0);
  if (bodies) world.relay.lies.add(bodiesFor(victim, log));
  world.relay.lies.add(lie);
  await comeBack(world, victim, dice);
  const end = () => world.relay.lies.delete(lie);
  if (bodies) return { alarms: [], misled: [], end };
  return ending(dice, { alarms: ["deleted"], misled: [victim], mustAlarm: true }, end);
};

/** Only snapshots up to row `last` are listed. */
function listLie(victim: SimDevice, stream: StreamRef, last: number): Lie {
  return {
    snapshots: (who, list, of) =>
      who === victim.name && sameStream(of, stream)
        ? { ...list, snapshots: list.snapshots.filter((one) => one.last <= last) }
        : list,
  };
}

/** The server has kept them all. */
function bodiesFor(victim: SimDevice, log: StreamLog): Lie {
  return {
    pull: (who, page) => {
      if (who !== victim.name) return page;
      const kept = (page.dropped ?? []).filter(({ stream }) => sameStream(stream, log.stream));
      const rows = kept.map(({ stream, n }) => ({ stream, n, row: log.rows[n - 1] as Bytes }));
      return {
        ...page,
        rows: [...page.rows, ...rows],
        dropped: (page.dropped ?? []).filter((row) => !kept.includes(row)),
      };
    },
  };
}

/** In place of the snapshot that stands: garbage, another stream's, or one that no device of the team has signed. */
export const bogusSnapshot: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [maker, victim] = two(world, dice);
  const document = await fresh(world, dice, maker);
  const log = logOf(world, document);
  if (!(await compacted(world, document))) return null;
  const last = log.compacted.at(-1) as number;
  const bogus = dice.pick(BOGUS)(world, dice, log, document, last);
  const lie: Lie = {
    snapshots: (who, list, of) => {
      if (who !== victim.name || !sameStream(of, log.stream)) return list;
      const snapshots = list.snapshots.filter((one) => one.last === last);
      return {
        ...list,
        snapshots: snapshots.map((one) => ({ ...one, words: bogus.words ?? one.words })),
      };
    },
    snapshotRows: (who, page, of, asked) =>
      who === victim.name && sameStream(of, log.stream) && asked === last
        ? { rows: page.rows.map(({ n, row }) => ({ n, row: bogus.row(n, row) })), more: page.more }
        : page,
  };
  world.relay.lies.add(lie);
  victim.online = false;
  await wipe(world, victim);
  victim.online = true;
  await allOnce(world);
  const end = () => world.relay.lies.delete(lie);
  const clean = () => !says(victim, TAINT);
  return ending(dice, { alarms: ["deleted"], misled: [victim], mustAlarm: true, clean }, end);
};

interface Bogus {
  /** What is given for a row of the snapshot. */
  row(n: number, row: Bytes): Bytes;
  /** Null: those of the true one. */
  readonly words: readonly { readonly n: number; readonly row: Bytes }[] | null;
}

type MakeBogus = (
  world: World,
  dice: Dice,
  log: StreamLog,
  document: SimDocument,
  last: number,
) => Bogus;

type Where = (stream: StreamRef, dice: Dice) => StreamRef;

const here: Where = (stream) => stream;
const inAnotherStream: Where = (stream) =>
  STREAMS.find((other) => !sameStream(other, stream)) as StreamRef;
const inAnotherTeam: Where = (stream, dice) => ({ ...stream, team: teamIdOf(dice.bytes(32)) });

/** A snapshot of one row, which says something else, and a word that it is right, by whom `made` and `attested` it. */
const whole =
  (made: DeviceIdentity | null, attested: DeviceIdentity | null, where = here): MakeBogus =>
  (world, dice, log, { id, kind }, last) => {
    const [maker, other] = [made ?? createDevice(dice.bytes), attested ?? createDevice(dice.bytes)];
    const head = log.placeAt(last - 1);
    const place = { head, stream: where(log.stream, dice) };
    const owner = identityOf("ada").id;
    const doc = { id, kind, owner, clients: new Map<number, string>(), state: tainted(dice) };
    const snapshot = { parent: null, entry: 0, documents: [doc], chains: [] };
    const body = encodeSnapshot(snapshot, wireIdOf(newestKeys(world)));
    const rows = snapshotRows(world, place, maker, dice, body);
    const row = rows[0] as Bytes;
    const word = wordRow(world, place, other, dice, "attest", { last, body }, row);
    return {
      row: (n, instead) => (n === last ? row : instead),
      words: [{ n: last + 1, row: word }],
    };
  };

/** The name of a device of the team, and not its signature. */
function pretended(name: string): DeviceIdentity {
  return { ...identityOf(name), secret: identityOf(MALLORY).secret };
}

const BOGUS: readonly MakeBogus[] = [
  (_world, dice) => ({ row: (_n, row) => dice.bytes(row.length), words: null }),
  (_world, dice) => ({ row: (_n, row) => flipped(row, dice), words: null }),
  whole(null, null),
  whole(pretended("ada"), pretended("bob")),
  whole(identityOf("ada"), identityOf("bob"), inAnotherStream),
  whole(identityOf("ada"), identityOf("bob"), inAnotherTeam),
];

/** One of the hashes that stand for rows is another one: they do not come to what the snapshot covers. */
export const droppedHash: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [maker, victim] = two(world, dice);
  const present = world.devices.filter((device) => device !== victim);
  if (present.length < 2) return null;
  const document = await fresh(world, dice, maker);
  const log = logOf(world, document);
  victim.online = false;
  if (!(await compacted(world, document, present))) return null;
  let bent = 0;
  const lie: Lie = {
    pull: (who, page) => {
      if (who !== victim.name || !page.dropped) return page;
      const dropped = page.dropped.map((row) => {
        if (!sameStream(row.stream, log.stream) || row.n !== (log.compacted.at(-1) as number) - 1)
          return row;
        bent++;
        return { ...row, hash: dice.bytes(32) };
      });
      return { ...page, dropped };
    },
  };
  world.relay.lies.add(lie);
  victim.online = true;
  await allOnce(world);
  const end = () => world.relay.lies.delete(lie);
  const injected = { alarms: ["history"], misled: [victim], mustAlarm: true } as const;
  return bent > 0 ? ending(dice, injected, end) : null;
};

/** Who makes a snapshot, or checks one, is given the rows without one of them. Then there is none. */
export const otherRows: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [maker] = two(world, dice);
  const document = await fresh(world, dice, maker);
  await write(world, maker, document, "in every snapshot ");
  await allOnce(world);
  const log = logOf(world, document);
  const left = log.rows.findLastIndex((row) => isOf(row, document)) + 1;
  const lie: Lie = {
    // All are beyond it: who asks from before does it for a snapshot.
    pull: (_who, page) => ({
      ...page,
      rows: page.rows.flatMap((one) => {
        if (!sameStream(one.stream, log.stream) || one.n < left) return [one];
        const first = page.rows.find(({ stream }) => sameStream(stream, log.stream))?.n ?? 0;
        if (first > left) return [one];
        return one.n === left ? [] : [{ ...one, n: one.n - 1 }];
      }),
    }),
  };
  world.relay.lies.add(lie);
  await compacted(world, document);
  return { alarms: [], misled: [], end: () => world.relay.lies.delete(lie) };
};

/** Who was away is here again, at times with an empty disk. */
async function comeBack(world: World, victim: SimDevice, dice: Dice): Promise<void> {
  if (dice.chance(0.5)) await wipe(world, victim);
  victim.online = true;
  await allOnce(world);
}

/** All but the keys and the team's log is gone: what comes now is new to it. */
async function wipe(world: World, device: SimDevice): Promise<void> {
  device.kill();
  const log = await device.store.log(TEAM);
  device.store = new MemoryStore();
  if (log) await device.store.keepLog(TEAM, log);
  forget(device);
  await world.restart(device);
}

/** Half of the lies end, and then everybody has to be up to date; half stand to the end. */
function ending(dice: Dice, injected: Injected, end: () => void): Injected {
  return dice.chance(0.5) ? injected : { ...injected, misled: [], end };
}
