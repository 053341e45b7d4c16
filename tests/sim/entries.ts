/** Entries of the team's log, as hostile and honest hands make them, and how they get into the relay's list. */
import type { Bytes } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import type { DeviceIdentity } from "../../src/crypto/device.ts";
import { teamTag } from "../../src/crypto/header.ts";
import { type Author, deviceAuthor, signEntry } from "../../src/crypto/log/author.ts";
import type { Body } from "../../src/crypto/log/body.ts";
import { addDevice, newcomer } from "../../src/crypto/log/draft.ts";
import { sealPerson } from "../../src/crypto/log/person.ts";
import type { TeamState } from "../../src/crypto/log/state.ts";
import { memberOf } from "../sync/memoryLog.ts";
import { identityOf, KEYS, MALLORY, TEAM } from "./cast.ts";
import type { Dice } from "./dice.ts";
import type { World } from "./world.ts";

/** A second device of a member, by the first one, as it should be. */
export function admitted(world: World, device: DeviceIdentity, dice: Dice): Bytes {
  const { team } = world.relay.view;
  const said = { team: TEAM, inviteEntry: null, member: memberOf(MALLORY) };
  const itself = newcomer(device, { ...said, kind: "ordinary", expiresMs: null });
  const author = deviceAuthor(identityOf(MALLORY));
  const person = { name: "second", email: "mallory@example.org" };
  const random = dice.bytes;
  return unwrap(addDevice(team.state, author, itself, person, KEYS.idKey, team.nowMs(), random))
    .bytes;
}

export type Entry = Parameters<typeof signEntry>[0];

/** Signed for the next place, whether it fits or not. */
export function entryOf(
  { relay }: World,
  author: Author,
  body: Body,
  place: Partial<Entry> = {},
): Bytes {
  const { team } = relay.view;
  const { head } = team.state;
  const next = { team: teamTag(TEAM), n: head.n + 1, previous: head.hash };
  return signEntry({ ...next, atMs: team.nowMs(), body, ...place }, author);
}

/** To add a device as one of `name`'s, by a device of theirs. */
export function adding(device: DeviceIdentity, name: string, state: TeamState, dice: Dice) {
  const { team } = state;
  const said = { team, inviteEntry: null, member: memberOf(name) };
  const itself = newcomer(device, { ...said, kind: "ordinary", expiresMs: null });
  const person = sealPerson(
    { name: "ghost", email: "ghost@example.org" },
    device.id,
    KEYS.idKey,
    dice.bytes,
  );
  return { kind: "add-device" as const, ...itself, person };
}

/** Entries that nobody appended. `before`: the list they follow; null: as it is. */
export function list(
  { relay }: World,
  entries: readonly Bytes[],
  before: readonly Bytes[] = relay.view.team.entries,
): void {
  const { team } = relay.view;
  team.entries = [...before, ...entries];
  team.onAppended(team.epoch);
}
