/** What a member does with a team: invite, take back, remove, rename, give roles, print a kit. */
import { ok, type Result } from "../../base/result.ts";
import type { Random } from "../../base/random.ts";
import type { Secret } from "../../base/secret.ts";
import { type DeviceIdentity, deviceId } from "../../crypto/device.ts";
import { deviceAuthor } from "../../crypto/log/author.ts";
import type { Admits, Body, Fence, Role } from "../../crypto/log/body.ts";
import { addDevice, type NextEntry, nextEntry } from "../../crypto/log/draft.ts";
import { sealKeys } from "../../crypto/log/key-box.ts";
import { type Person, sealPerson } from "../../crypto/log/person.ts";
import { createKit, formatKit, kitAsNewcomer } from "../../crypto/log/recovery.ts";
import type { TeamState } from "../../crypto/log/state.ts";
import { draftInvite } from "./enter.ts";
import type { Team } from "./team.ts";

/** Who does it. */
export interface Manager {
  readonly device: DeviceIdentity;
  readonly random: Random;
  /** Milliseconds since 1970, UTC. */
  readonly nowMs: () => number;
}

/** Asked anew for each attempt. */
export type Fences = () => Promise<Result<readonly Fence[]>>;

/** `email`: of the account it is for, in the form the server compares; null for one further device of one's own. */
export async function invite(
  team: Team,
  admits: Admits,
  email: string | null,
  { device, random, nowMs }: Manager,
): Promise<Result<Secret<string>>> {
  let text: Secret<string> | null = null;
  const done = await team.append((state) => {
    const keys = team.keys.newest;
    const made = draftInvite(state, keys, device, admits, email, nowMs(), random);
    if (!made.ok) return made;
    text = made.value.text;
    return ok({ entries: [made.value.appended] });
  });
  return done.ok ? ok(text as unknown as Secret<string>) : done;
}

/**
 * Out of the team, with a new key for those who stay, in one step. "fence-stale": whoever is to go wrote in between.
 */
export function remove(
  team: Team,
  whom:
    | { readonly kind: "remove-member"; readonly member: string }
    | { readonly kind: "remove-device"; readonly device: string },
  fences: Fences,
  manager: Manager,
): Promise<Result<void>> {
  return team.append(async (state) => {
    const drawn = await fences();
    if (!drawn.ok) return drawn;
    const body = { ...whom, fences: drawn.value };
    const removal = entryOf(state, body, manager);
    if (!removal.ok) return removal;
    const { bytes, state: after } = removal.value;
    // Who leaves does not make the key of those who stay: the first of them who hears of it does.
    const stands = after.devices.get(manager.device.id)?.removed === null;
    const epoch = stands ? await team.draftEpoch(after) : ok({ entries: [] });
    if (!epoch.ok) return epoch;
    return ok({ ...epoch.value, entries: [{ entry: bytes }, ...epoch.value.entries] });
  });
}

/** Of at most `MAX_LISTED` documents, by their names on the wire. "log-rights": not all of them are one's own. */
export function takeBackDocuments(
  team: Team,
  documents: readonly string[],
  manager: Manager,
): Promise<Result<void>> {
  const scope = { what: "documents", documents } as const;
  return change(team, { kind: "retire", why: "unshared", scope }, manager);
}

export function giveRole(
  team: Team,
  member: string,
  role: Role,
  manager: Manager,
): Promise<Result<void>> {
  return change(team, { kind: "role", member, role }, manager);
}

export function takeBack(team: Team, inviteId: string, manager: Manager): Promise<Result<void>> {
  return change(team, { kind: "revoke-invite", invite: inviteId }, manager);
}

export function rename(
  team: Team,
  device: string,
  person: Person,
  manager: Manager,
): Promise<Result<void>> {
  const sealed = sealPerson(person, device, team.keys.newest.idKey, manager.random);
  return change(team, { kind: "rename-device", device, person: sealed }, manager);
}

/** A recovery kit of this member, as it is printed. It is a device of the team from now on. */
export async function printKit(
  team: Team,
  person: Person,
  manager: Manager,
): Promise<Result<Secret<string>>> {
  const { device, random, nowMs } = manager;
  const kit = createKit(team.id, random);
  const done = await team.append((state) => {
    const member = state.devices.get(device.id)?.member ?? "";
    const keys = team.keys.newest;
    const paper = kitAsNewcomer(kit, member);
    const author = deviceAuthor(device);
    const entry = addDevice(state, author, paper, person, keys.idKey, nowMs(), random);
    if (!entry.ok) return entry;
    const { bytes, state: after } = entry.value;
    const box = sealKeys(after, keys, deviceId(paper), nowMs(), random);
    return box.ok ? ok({ entries: [{ entry: bytes, box: box.value }] }) : box;
  });
  return done.ok ? ok(formatKit(kit)) : done;
}

function change(team: Team, body: NextBody, manager: Manager): Promise<Result<void>> {
  return team.append((state) => {
    const entry = entryOf(state, body, manager);
    return entry.ok ? ok({ entries: [{ entry: entry.value.bytes }] }) : entry;
  });
}

type NextBody = Exclude<Body, { readonly kind: "create" }>;

function entryOf(state: TeamState, body: NextBody, { device, nowMs }: Manager): Result<NextEntry> {
  return nextEntry(state, deviceAuthor(device), body, nowMs());
}
