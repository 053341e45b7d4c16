/** A team whose log is kept on a server, as its devices write it: each step drafts an entry and appends it. */
import { type Bytes, concatBytes, utf8 } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { systemRandom as random } from "../../src/base/random.ts";
import { type Result, unwrap } from "../../src/base/result.ts";
import { type Account, normalEmail } from "../../src/cloud/account.ts";
import type { Connection } from "../../src/cloud/connection.ts";
import { createTeamServer } from "../../src/cloud/team-server.ts";
import { createTransport } from "../../src/cloud/transport.ts";
import { createDevice, type DeviceIdentity } from "../../src/crypto/device.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { projectTag } from "../../src/crypto/header.ts";
import { type KdfLimits, newKdf, stretch } from "../../src/crypto/kdf.ts";
import { deviceAuthor } from "../../src/crypto/log/author.ts";
import type { Admits, Body, Fence } from "../../src/crypto/log/body.ts";
import { type NextEntry, nextEntry } from "../../src/crypto/log/draft.ts";
import { rotate } from "../../src/crypto/log/epoch.ts";
import { foundTeam } from "../../src/crypto/log/found.ts";
import { openKeyRecord, sealKeyRecord } from "../../src/crypto/key-record.ts";
import { follow, replay } from "../../src/crypto/log/history.ts";
import {
  join,
  makeInvite,
  openBundle,
  sealBundle,
  type TeamInvite,
  teamInviteProof,
} from "../../src/crypto/log/invite.ts";
import { sealKeys } from "../../src/crypto/log/key-box.ts";
import type { TeamState } from "../../src/crypto/log/state.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import type { Appended, EpochKeep, TeamServer } from "../../src/sync/team/server.ts";
import type { Transport } from "../../src/sync/transport.ts";
import { newAccount, PASSPHRASE } from "./server.ts";

const QUICK: KdfLimits = { minOps: 1, maxOps: 1, minMemoryKiB: 8, maxMemoryKiB: 8 };
const DAY_MS = 24 * 60 * 60 * 1000;
export const now = () => systemClock.nowMs();

export interface Someone {
  readonly connection: Connection;
  readonly account: Account;
  readonly device: DeviceIdentity;
  readonly server: TeamServer;
  readonly transport: Transport;
}

export async function someoneAt(
  at: { url: string; anonKey: string },
  email: string,
): Promise<Someone> {
  const { connection, account } = await newAccount(at, email);
  return seated(connection, account);
}

/** Another device of an account, say. */
export function seated(connection: Connection, account: Account): Someone {
  const device = createDevice(random);
  const server = createTeamServer(connection);
  return { connection, account, device, server, transport: createTransport(connection) };
}

export const memberOf = ({ account }: Someone) => projectTag(account.id);
const personOf = ({ account }: Someone) => ({ name: "a laptop", email: account.email });

/** What a device knows of its team. */
export interface Team {
  readonly id: TeamId;
  state: TeamState;
  keys: TeamKeys;
  listed: number;
}

export function keyRecord(keys: TeamKeys): Bytes {
  const stretched = unwrap(stretch(PASSPHRASE, newKdf(random, QUICK), QUICK));
  return sealKeyRecord(keys, stretched, random);
}

export async function foundedBy(owner: Someone): Promise<Team> {
  const { keys, entries, state } = founding(owner);
  unwrap(await owner.server.appendLog(keys.team, 0, entries));
  return { id: keys.team, state, keys, listed: entries.length };
}

export function founding(owner: Someone): {
  readonly keys: TeamKeys;
  readonly state: TeamState;
  readonly entries: readonly Appended[];
} {
  const { keys, entries, state } = foundTeam(
    owner.device,
    memberOf(owner),
    personOf(owner),
    now(),
    random,
  );
  const box = unwrap(sealKeys(state, keys, owner.device.id, now(), random));
  const boxes = new Map([[owner.device.id, box]]);
  const epoch = { record: null, keyRecord: keyRecord(keys), boxes };
  return { keys, state, entries: [{ entry: entries[0] }, { entry: entries[1], epoch }] };
}

/** Entries that were drafted one on another. */
export async function append(
  by: Someone,
  team: Team,
  entries: readonly (readonly [NextEntry, Omit<Appended, "entry">])[],
): Promise<Result<void>> {
  const sent = entries.map(([{ bytes }, beside]) => ({ entry: bytes, ...beside }));
  const appended = await by.server.appendLog(team.id, team.listed, sent);
  if (appended.ok) {
    team.listed += entries.length;
    team.state = entries.at(-1)?.[0].state ?? team.state;
  }
  return appended;
}

export async function say(
  by: Someone,
  team: Team,
  body: Exclude<Body, { readonly kind: "create" }>,
): Promise<Result<void>> {
  return append(by, team, [[draft(by, team.state, body), {}]]);
}

export function draft(
  by: Someone,
  state: TeamState,
  body: Exclude<Body, { readonly kind: "create" }>,
): NextEntry {
  return unwrap(nextEntry(state, deviceAuthor(by.device), body, now()));
}

export async function invited(
  by: Someone,
  team: Team,
  admits: Admits,
  email: string | null,
): Promise<TeamInvite> {
  const terms = { admits, expiresMs: now() + DAY_MS };
  const made = unwrap(makeInvite(team.state, by.device, terms, now(), random));
  const proof = teamInviteProof(made.invite);
  const invite = {
    proofHash: sha256(proof),
    emailHash: email === null ? null : sha256(concatBytes(proof, utf8(normalEmail(email)))),
    bundle: sealBundle(made.invite, team.keys, random),
  };
  unwrap(await append(by, team, [[made, { invite }]]));
  return made.invite;
}

/** As whoever joins comes to keys and log: with nothing but the invite and the passphrase. */
export async function joinedBy(who: Someone, invite: TeamInvite): Promise<Result<Team>> {
  const proof = teamInviteProof(invite);
  const opened = await who.server.openInvite(invite.team, proof);
  if (!opened.ok) return opened;
  const { bundle, log, epochs } = opened.value;
  const { state } = unwrap(replay(invite.team, log, invite.entry));
  const { teamSecret, idKey } = unwrap(openBundle(state, invite, bundle));
  const record = epochs.at(-1)?.keyRecord as Bytes;
  const keys = unwrap(openKeyRecord(record, invite.team, PASSPHRASE, teamSecret, QUICK));
  const itself = { member: memberOf(who), person: personOf(who), expiresMs: null };
  const next = unwrap(join(state, invite, who.device, itself, idKey, now(), random));
  const team = { id: invite.team, state, keys, listed: log.length };
  const appended = await append(who, team, [[next, { proof }]]);
  return appended.ok ? { ok: true, value: team } : appended;
}

export async function fencesOf(by: Someone, team: Team): Promise<readonly Fence[]> {
  return unwrap(await by.server.heads(team.id)).map(({ stream, cursor }) => ({
    stream: stream.project === null ? "0".repeat(32) : projectTag(stream.project),
    ...cursor,
  }));
}

/** A removal, and the epoch that belongs to it, drafted on `team`. */
export function removal(
  by: Someone,
  team: Team,
  whom: { readonly member: string } | { readonly device: string },
  fences: readonly Fence[],
) {
  const gone = draft(
    by,
    team.state,
    "member" in whom
      ? { kind: "remove-member", ...whom, fences }
      : { kind: "remove-device", ...whom, fences },
  );
  const rotation = unwrap(rotate(gone.state, team.keys, by.device, now(), random));
  const { record, boxes, keys } = rotation;
  const epoch: EpochKeep = { record, keyRecord: keyRecord(keys), boxes };
  return {
    keys,
    entries: [
      [gone, {}],
      [rotation, { epoch }],
    ] as const satisfies readonly (readonly [NextEntry, Omit<Appended, "entry">])[],
  };
}

export async function remove(
  by: Someone,
  team: Team,
  whom: { readonly member: string } | { readonly device: string },
): Promise<Result<void>> {
  const { keys, entries } = removal(by, team, whom, await fencesOf(by, team));
  const removed = await append(by, team, entries);
  if (removed.ok) team.keys = keys;
  return removed;
}

/** What is listed since. */
export async function readOn(by: Someone, team: Team): Promise<void> {
  const { entries, listed } = unwrap(await by.server.readLog(team.id, team.listed));
  team.state = follow(team.state, entries).state;
  team.listed = listed;
}
