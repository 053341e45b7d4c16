/** Nobody lies: what honest devices do meets in an unlucky order. Nobody may hear an alarm. */
import type { Bytes } from "../../../src/base/bytes.ts";
import { deviceAuthor } from "../../../src/crypto/log/author.ts";
import { encodeSnapshot } from "../../../src/sync/snapshot.ts";
import { sameStream } from "../../../src/sync/streams.ts";
import { wireDocumentId } from "../../../src/crypto/team.ts";
import { KEYS, LATE } from "../cast.ts";
import type { SimDevice } from "../device.ts";
import { entryOf, list } from "../entries.ts";
import { contentOf } from "../takenBack.ts";
import type { Lie } from "../relay.ts";
import {
  compacted,
  logOf,
  makeSnapshot,
  newestKeys,
  say,
  snapshotRows,
  trueSnapshot,
  wireIdOf,
  wordRow,
} from "../snapshots.ts";
import type { StreamLog } from "../streamLog.ts";
import type { SimDocument, World } from "../world.ts";
import { allOnce, allSync, fresh, type Inject, two, write } from "./fault.ts";
import { sealed, tainted } from "./members.ts";

/** Two devices make a snapshot at once. One is attested; nobody needs the other, and everybody reads past it. */
export const twoSnapshots: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [one, other] = two(world, dice);
  const document = await fresh(world, dice, one);
  if (dice.chance(0.5) && !(await compacted(world, document))) return null;
  await write(world, one, document, "in both ");
  await allOnce(world);
  const log = logOf(world, document);
  const body = await bodyOf(world, log);
  const older = snapshotRows(world, log, one.identity, dice, body);
  // It may cover a row more.
  if (dice.chance(0.5)) await write(world, other, document, "in one ");
  const body2 = await bodyOf(world, log);
  const newer = snapshotRows(world, log, other.identity, dice, body2);
  for (const row of [...older, ...newer]) world.relay.insert(world.relay.view, log.stream, row);
  const last = log.head.n;
  const made = dice.pick([
    { by: one, attestedBy: other, last: last - newer.length, body },
    { by: other, attestedBy: one, last, body: body2 },
  ]);
  say(world, log, made.attestedBy.identity, dice, "attest", made);
  world.relay.compact(made.by.name, log.stream, made.last);
  await allOnce(world);
  return { alarms: [], misled: [] };
};

/**
 * A document is taken back. Somebody who begins before the next snapshot takes nothing of it from the one before; a row that
 * was on its way arrives after the next one.
 */
export const rowAfterRetire: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [owner, other] = two(world, dice);
  const document = await fresh(world, dice, owner);
  const log = logOf(world, document);
  if (!(await compacted(world, document))) return null;
  await world.settle();
  const late = sealed(document, tainted(dice, "on its way "), dice, {
    device: other.identity,
    keys: newestKeys(world),
  });
  for (const device of world.devices) device.online = false;
  list(world, [takesBack(world, owner, document)]);
  const early = world.join(LATE);
  await world.once(early);
  const before = log.compacted.length;
  for (const device of world.devices) device.online = true;
  await allOnce(world);
  if (log.compacted.length === before) {
    const made = await makeSnapshot(world, log, owner.identity, dice, (documents) => documents);
    say(world, log, other.identity, dice, "attest", made);
    world.relay.compact(owner.name, log.stream, made.last);
  }
  world.relay.insert(world.relay.view, log.stream, late);
  await allOnce(world);
  const clean = () =>
    contentOf(early, new Set([document.id])).length === 0 && early.heard.length === 0;
  return { alarms: [], misled: [], clean };
};

/** While somebody asks for snapshots, a document is taken back, and there is a new one without it. */
export const retireAtSnapshot: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [owner, victim] = two(world, dice);
  const present = world.devices.filter((device) => device !== victim);
  if (present.length < 2) return null;
  const document = await fresh(world, dice, owner);
  const log = logOf(world, document);
  victim.online = false;
  if (!(await compacted(world, document, present))) return null;
  for (const device of present) device.online = false;
  const { team } = world.relay.view;
  const { entries } = team;
  team.entries = [...entries, takesBack(world, owner, document)];
  const after = team.entries;
  const body = await bodyOf(world, log);
  const rows = snapshotRows(world, log, owner.identity, dice, body);
  const last = log.head.n + rows.length;
  const attester = (present.find((device) => device !== owner) as SimDevice).identity;
  const made = { last, body };
  const word = wordRow(world, log, attester, dice, "attest", made, rows.at(-1) as Bytes);
  team.entries = entries;
  let met = false;
  const lie: Lie = {
    snapshots: (who, listed, stream) => {
      if (met || who !== victim.name || !sameStream(stream, log.stream)) return listed;
      met = true;
      team.entries = after;
      for (const row of [...rows, word]) world.relay.insert(world.relay.view, log.stream, row);
      world.relay.compact(owner.name, log.stream, last);
      return world.relay.snapshots(who, stream);
    },
  };
  world.relay.lies.add(lie);
  victim.online = true;
  await world.once(victim);
  world.relay.lies.delete(lie);
  for (const device of present) device.online = true;
  await allOnce(world);
  return met ? { alarms: [], misled: [] } : null;
};

async function bodyOf(world: World, log: StreamLog): Promise<Bytes> {
  return encodeSnapshot(await trueSnapshot(world, log), wireIdOf(newestKeys(world)));
}

function takesBack(world: World, { identity }: SimDevice, { id }: SimDocument): Bytes {
  const scope = { what: "documents", documents: [wireDocumentId(KEYS, id)] } as const;
  return entryOf(world, deviceAuthor(identity), { kind: "retire", why: "unshared", scope });
}
