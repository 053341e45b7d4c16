/** Keys that are withheld, or are not the team's. */
import type { Bytes } from "../../../src/base/bytes.ts";
import { ok, type Result, unwrap } from "../../../src/base/result.ts";
import { Secret } from "../../../src/base/secret.ts";
import { createDevice } from "../../../src/crypto/device.ts";
import { newKdf, stretch } from "../../../src/crypto/kdf.ts";
import { openStretched, sealKeyRecord } from "../../../src/crypto/key-record.ts";
import { deviceAuthor } from "../../../src/crypto/log/author.ts";
import { decodeEntry } from "../../../src/crypto/log/entry.ts";
import { commitmentTo } from "../../../src/crypto/log/commitment.ts";
import { rotate } from "../../../src/crypto/log/epoch.ts";
import { sealKeys } from "../../../src/crypto/log/key-box.ts";
import type { Epoch, TeamState } from "../../../src/crypto/log/state.ts";
import { joinTeam } from "../../../src/sync/team/enter.ts";
import { invite } from "../../../src/sync/team/manage.ts";
import type { KeptEpoch, OpenedInvite, TeamServer } from "../../../src/sync/team/server.ts";
import { Founding, memberOf, PASSPHRASE } from "../../sync/memoryLog.ts";
import { GONE, identityOf, LIMITS, MALLORY, TEAM } from "../cast.ts";
import { leadOf, leaveForGood, newKey } from "../changes.ts";
import { Dice } from "../dice.ts";
import { entryOf } from "../entries.ts";
import type { Lie } from "../relay.ts";
import type { World } from "../world.ts";
import { allOnce, common, flipped, type Inject, two, write } from "./fault.ts";

type Bend = (kept: readonly KeptEpoch[], dice: Dice, others: Bytes) => readonly KeptEpoch[];

/** Of what one device is given for its keys. */
const BENDS: readonly Bend[] = [
  () => [],
  (kept) => kept.map((each) => ({ ...each, box: null })),
  (kept, _, box) => kept.map((each) => ({ ...each, box })),
  (kept, dice) =>
    kept.map(({ record, ...each }) => ({ ...each, record: record && flipped(record, dice) })),
  (kept) => kept.map((each, i) => ({ ...each, record: kept[i - 1]?.record ?? null })),
  (kept) => kept.map((each, i) => ({ ...each, box: (kept[i - 1] ?? each).box })),
];

/** The key changes while a device is away, and the server does not give it what it needs, or another's. */
export const withholdKeys: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const lead = leadOf(world, victim);
  if (!lead) return null;
  const document = await common(world, dice);
  victim.online = false;
  const { team } = world.relay.view;
  for (let i = 0; i < 2; i++) await world.manage(lead, newKey);
  const other = team.beside.at(-1)?.boxes.get(lead.identity.id) as Bytes;
  const bend = dice.pick(BENDS);
  const lie: Lie = {
    epochs: (who, kept) => (who === victim.name ? bend(kept, dice, other) : kept),
  };
  world.relay.lies.add(lie);
  await world.once(author);
  await write(world, author, document, "under a new key ");
  victim.online = true;
  await world.settle();
  await allOnce(world);
  const alarms = ["no-keys", "key-box", "epoch-record"] as const;
  if (dice.chance(0.5)) return { alarms, misled: [victim], mustAlarm: true };
  const end = () => world.relay.lies.delete(lie);
  return { alarms, misled: [], mustAlarm: true, end };
};

/** After somebody left, a member is first to make the new key, and gives some other ones, or none at all. */
export const falseEpochKeys: Inject = async (world, dice) => {
  const victim = dice.pick(world.devices);
  const { relay } = world;
  const { team } = relay.view;
  const keys = victim.keychain.keys;
  if (!team.isIn(identityOf(GONE).id)) return null;
  for (const device of world.devices) device.online = false;
  leaveForGood(relay.view, world);
  const kind = dice.pick(["box", "record", "left-out"] as const);
  const mallory = identityOf(MALLORY);
  const seed = `${dice.clientId()}`;
  const { state } = team;
  const made = unwrap(rotate(state, keys, mallory, team.nowMs(), new Dice(seed).bytes));
  const wrong = { ...keys, epochKey: new Secret(dice.bytes(32)) };
  const newest = state.epochs.at(-1) as Epoch;
  const pretended = { ...newest, commitment: commitmentTo(wrong) };
  const bent: TeamState = { ...state, epochs: [...state.epochs.slice(0, -1), pretended] };
  const record =
    kind === "record"
      ? unwrap(rotate(bent, wrong, mallory, team.nowMs(), new Dice(seed).bytes)).record
      : made.record;
  const otherKeys = { ...made.keys, epochKey: new Secret(dice.bytes(32)) };
  const box = unwrap(sealKeys(made.state, otherKeys, victim.identity.id, team.nowMs(), dice.bytes));
  const boxes = new Map(made.boxes);
  if (kind === "box") boxes.set(victim.identity.id, box);
  if (kind === "left-out") boxes.delete(victim.identity.id);
  const recipients = [...made.boxes.keys()].filter((id) => id !== victim.identity.id);
  const body = { kind: "epoch", epoch: newest.number + 1, former: newest.number } as const;
  const commitment = commitmentTo(made.keys);
  const leftOut = entryOf(world, deviceAuthor(mallory), { ...body, commitment, recipients });
  const inUse = unwrap(openStretched(team.beside.at(-1)?.keyRecord as Bytes, keys));
  const keyRecord = sealKeyRecord(made.keys, inUse, dice.bytes);
  const entry = kind === "left-out" ? leftOut : made.bytes;
  await team.appendLog(TEAM, team.entries.length, [{ entry, epoch: { record, boxes, keyRecord } }]);
  for (const device of world.devices) device.online = true;
  await world.settle();
  await allOnce(world);
  if (kind === "left-out") return { alarms: [], misled: [] };
  const alarms = ["key-box", "epoch-record"] as const;
  const misled = kind === "box" ? [victim] : world.devices;
  const lead = leadOf(world, victim);
  if (kind === "record" || !lead || dice.chance(0.2)) return { alarms, misled, mustAlarm: true };
  // With the next key all is well again.
  const again = await world.manage(lead, newKey);
  return { alarms, misled: [], mustAlarm: true, clean: () => again?.ok === true };
};

const FAKE = new Founding("fake", 1_700_000_000_000).log;

/** To somebody who joins, the server says that the passphrase was stretched less than it may be. */
export const weakKdf: Inject = async (world, dice) => {
  const result = await joinAt(world, dice, (opened) => opened, { ...LIMITS, minOps: 2 });
  if (result === null) return null;
  const refused = !result.ok && result.fault.type === "kdf-refused";
  return { alarms: [], misled: [], mustAlarm: true, clean: () => refused };
};

/** Somebody who joins is led to another team, to an older state of this one, or to keys that are not its own. */
export const falseTeam: Inject = async (world, dice) => {
  const { team } = world.relay.view;
  const keys = world.devices[0]?.keychain.keys;
  if (!keys) return null;
  const wrong = { ...keys, epochKey: new Secret(dice.bytes(32)) };
  const stretched = unwrap(stretch(PASSPHRASE, newKdf(dice.bytes, LIMITS), LIMITS));
  const falseRecord = sealKeyRecord(wrong, stretched, dice.bytes);
  const lies: readonly ((opened: OpenedInvite) => OpenedInvite)[] = [
    (opened) => ({ ...opened, log: FAKE.entries }),
    (opened) => ({ ...opened, log: opened.log.slice(0, -1) }),
    (opened) => ({ ...opened, log: [...opened.log.slice(0, -1), again(world, opened.log)] }),
    (opened) => ({ ...opened, epochs: [] }),
    (opened) => ({ ...opened, bundle: flipped(opened.bundle, dice) }),
    (opened) => ({
      ...opened,
      epochs: opened.epochs.map((each) => ({ ...each, keyRecord: falseRecord })),
    }),
  ];
  const { length } = team.entries;
  const result = await joinAt(world, dice, dice.pick(lies), LIMITS);
  if (result === null) return null;
  // The invite's own entry, and nothing else.
  const refused = !result.ok && team.entries.length === length + 1;
  return { alarms: [], misled: [], mustAlarm: true, clean: () => refused };
};

/** The invite's entry, signed once more by somebody who leads the team: the same invite in another history. */
function again(world: World, log: readonly Bytes[]): Bytes {
  const { team } = world.relay.view;
  const said = decodeEntry(log.at(-1) as Bytes);
  if (!said.ok) throw new Error(said.fault.message);
  const { n, previous, body } = said.value;
  const place = { n, previous, atMs: team.nowMs() - 1 };
  return entryOf(world, deviceAuthor(identityOf("ada")), body, place);
}

/** Somebody with a true invite and the passphrase. Null: there was none. */
async function joinAt(
  world: World,
  dice: Dice,
  bend: (opened: OpenedInvite) => OpenedInvite,
  kdfLimits: typeof LIMITS,
): Promise<Result<unknown> | null> {
  const lead = leadOf(world);
  if (!lead) return null;
  const { team } = world.relay.view;
  let text: Secret<string> | null = null;
  await world.manage(lead, async (of, _fences, manager) => {
    const made = await invite(of, "member", "new@example.org", manager);
    if (!made.ok) return made;
    text = made.value;
    return ok(undefined);
  });
  if (text === null) return null;
  const server: TeamServer = {
    readLog: (...asked) => team.readLog(...asked),
    appendLog: (...asked) => team.appendLog(...asked),
    heads: () => team.heads(),
    epochs: (...asked) => team.epochs(...asked),
    putKeyRecord: (...asked) => team.putKeyRecord(...asked),
    openInvite: async (...asked) => {
      const opened = await team.openInvite(...asked);
      return opened.ok ? ok(bend(opened.value)) : opened;
    },
  };
  const seat = {
    device: createDevice(dice.bytes),
    member: memberOf("newcomer"),
    person: { name: "newcomer's laptop", email: "new@example.org" },
  };
  const clock = { nowMs: team.nowMs, monotonicMs: team.nowMs };
  const means = { server, clock, random: dice.bytes, kdfLimits };
  return joinTeam((text as Secret<string>).reveal(), PASSPHRASE, seat, async () => {}, means);
}
