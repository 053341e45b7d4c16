/** A new team: its first two entries and its keys. */
import type { Bytes } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { Secret } from "../../base/secret.ts";
import type { DeviceIdentity } from "../device.ts";
import { KEY_BYTES } from "../hash.ts";
import { createTeamKeys, type TeamKeys } from "../team.ts";
import { createEntry } from "./draft.ts";
import { epochEntry } from "./epoch.ts";
import type { Person } from "./person.ts";
import type { TeamState } from "./state.ts";

export interface FoundedTeam {
  readonly keys: TeamKeys;
  /** Create, and the first epoch. */
  readonly entries: readonly [Bytes, Bytes];
  readonly state: TeamState;
}

/** `member`: the founder's id, 32 hex digits. `nowMs`: milliseconds since 1970, UTC. */
export function foundTeam(
  device: DeviceIdentity,
  member: string,
  person: Person,
  nowMs: number,
  random: Random,
): FoundedTeam {
  const idKey = new Secret(random(KEY_BYTES));
  const created = createEntry(device, member, person, idKey, nowMs, random);
  const keys = { ...createTeamKeys(created.state.team, random), idKey };
  const epoch = epochEntry(created.state, keys, 0, device, nowMs);
  if (!epoch.ok) throw new Error(epoch.fault.message);
  return { keys, entries: [created.bytes, epoch.value.bytes], state: epoch.value.state };
}
