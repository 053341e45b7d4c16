/**
 * Teams: made, opened to others, joined. Keys are made and opened here, on the device: the server gets a wrapped record,
 * hashes of invites, and cards it cannot read.
 */
import * as v from "valibot";
import { type Bytes, concatBytes, toBase64, toHex, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type TeamId, ulid } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { ok, type Result } from "../base/result.ts";
import type { Secret } from "../base/secret.ts";
import { sealCard } from "../crypto/card.ts";
import type { DeviceIdentity } from "../crypto/device.ts";
import { sha256 } from "../crypto/hash.ts";
import {
  createInvite,
  encodeInvite,
  type Invite,
  inviteProof,
  parseInvite,
} from "../crypto/invite.ts";
import { type KdfLimits, KDF_LIMITS, newKdf } from "../crypto/kdf.ts";
import { createTeamKeys, openKeyRecord, sealKeyRecord, type TeamKeys } from "../crypto/team.ts";
import { normalEmail } from "./account.ts";
import type { Connection } from "./connection.ts";
import { nonsense } from "./faults.ts";
import { KeyRecords, TeamIdText, TeamStateShape } from "./shapes.ts";

export type TeamRole = "owner" | "admin" | "member";

export interface TeamState {
  readonly team: TeamId;
  readonly role: TeamRole;
  readonly members: readonly { readonly user: string; readonly role: TeamRole }[];
  /** `device`: 32 hex digits; `card`: sealed. */
  readonly devices: readonly {
    readonly device: string;
    readonly user: string;
    readonly card: Bytes;
  }[];
  /** Key records, newest last. */
  readonly keys: readonly { readonly epoch: number; readonly record: Bytes }[];
  /** UUIDs. */
  readonly projects: readonly string[];
}

/** This device and who sits at it: sealed into the card that the team reads. */
export interface Seat {
  readonly device: DeviceIdentity;
  readonly person: { readonly name: string; readonly email: string };
}

export interface Means {
  readonly clock: Clock;
  readonly random: Random;
  /** For tests, which would otherwise spend a second on each passphrase. */
  readonly kdfLimits?: KdfLimits;
}

/** The new team's keys, and an invite for the account's own further devices. Takes about a second. */
export async function createTeam(
  connection: Connection,
  passphrase: Secret<string>,
  seat: Seat,
  { clock, random, kdfLimits = KDF_LIMITS }: Means,
): Promise<Result<{ readonly keys: TeamKeys; readonly invite: Secret<string> }>> {
  const keys = createTeamKeys(`team_${ulid(clock, random)}` as TeamId, random);
  const record = sealKeyRecord(keys, passphrase, newKdf(random, kdfLimits), random, kdfLimits);
  if (!record.ok) return record;
  const made = await connection.call(
    "cloud_team_create",
    { team: keys.team, record: toBase64(record.value) },
    Anything,
  );
  if (!made.ok) return made;
  const added = await addDevice(connection, keys, seat, random);
  if (!added.ok) return added;
  const invite = await inviteOwnDevice(connection, keys, random);
  return invite.ok ? ok({ keys, invite: invite.value }) : invite;
}

/** For the account's own further devices, as many as there are within a week. */
export async function inviteOwnDevice(
  connection: Connection,
  keys: TeamKeys,
  random: Random,
): Promise<Result<Secret<string>>> {
  const invite = createInvite(keys, random);
  return publish(connection, invite, { role: null, email_hash: null });
}

/** For one other account, once, within a week. */
export async function inviteMember(
  connection: Connection,
  keys: TeamKeys,
  email: string,
  role: "admin" | "member",
  random: Random,
): Promise<Result<Secret<string>>> {
  const invite = createInvite(keys, random);
  const emailHash = sha256(concatBytes(inviteProof(invite), utf8(normalEmail(email))));
  return publish(connection, invite, { role, email_hash: toHex(emailHash) });
}

/**
 * Tries the passphrase before the invite is used up. Asking again after a crash in the middle ends the same way.
 * Takes about a second.
 */
export async function joinTeam(
  connection: Connection,
  inviteText: string,
  passphrase: Secret<string>,
  seat: Seat,
  { random, kdfLimits = KDF_LIMITS }: Omit<Means, "clock">,
): Promise<Result<TeamKeys>> {
  const parsed = parseInvite(inviteText);
  if (!parsed.ok) return parsed;
  const invite = parsed.value;
  const secret = toHex(inviteProof(invite));
  const opened = await connection.call("cloud_invite_open", { secret }, OpenedInvite);
  if (!opened.ok) return opened;
  const record = opened.value.keys.at(-1)?.record;
  if (opened.value.team !== invite.team || !record)
    return { ok: false, fault: nonsense(connection.host) };
  const keys = openKeyRecord(record, invite.team, passphrase, invite.teamSecret, kdfLimits);
  if (!keys.ok) return keys;
  const joined = await connection.call("cloud_team_join", { secret }, Anything);
  if (!joined.ok) return joined;
  const added = await addDevice(connection, keys.value, seat, random);
  return added.ok ? keys : added;
}

export async function teamState(connection: Connection, team: TeamId): Promise<Result<TeamState>> {
  const state = await connection.call("cloud_team_state", { team }, TeamStateShape);
  if (state.ok && state.value.team !== team) return { ok: false, fault: nonsense(connection.host) };
  return state;
}

const Anything = v.pipe(
  v.object({}),
  v.check((value) => !Array.isArray(value)),
);
const OpenedInvite = v.object({ team: TeamIdText, keys: KeyRecords });

async function addDevice(
  connection: Connection,
  keys: TeamKeys,
  { device, person }: Seat,
  random: Random,
): Promise<Result<unknown>> {
  const card = sealCard(device, person, keys, random);
  return connection.call(
    "cloud_device_add",
    { team: keys.team, device: device.id, card: toBase64(card) },
    Anything,
  );
}

async function publish(
  connection: Connection,
  invite: Invite,
  terms: { readonly role: string | null; readonly email_hash: string | null },
): Promise<Result<Secret<string>>> {
  const secretHash = toHex(sha256(inviteProof(invite)));
  const made = await connection.call(
    "cloud_invite_create",
    { team: invite.team, secret_hash: secretHash, ...terms },
    Anything,
  );
  return made.ok ? ok(encodeInvite(invite)) : made;
}
