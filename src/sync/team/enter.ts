/** The ways into a team: to found it, to join it with an invite, to come back with a recovery kit. */
import { type Bytes, concatBytes, equalBytes, toHex, utf8 } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import type { Secret } from "../../base/secret.ts";
import type { DeviceIdentity } from "../../crypto/device.ts";
import { sha256 } from "../../crypto/hash.ts";
import { KDF_LIMITS, type KdfLimits, newKdf, stretch } from "../../crypto/kdf.ts";
import { openKeyRecord, sealKeyRecord } from "../../crypto/key-record.ts";
import { isIdKeyOf, isKeyOf } from "../../crypto/log/commitment.ts";
import { addDevice, newcomer, type NextEntry } from "../../crypto/log/draft.ts";
import { deviceAuthor } from "../../crypto/log/author.ts";
import type { Admits } from "../../crypto/log/body.ts";
import { foundTeam } from "../../crypto/log/found.ts";
import { replay } from "../../crypto/log/history.ts";
import {
  encodeTeamInvite,
  type InviteTerms,
  join,
  makeInvite,
  openBundle,
  parseTeamInvite,
  sealBundle,
  type TeamInvite,
  teamInviteProof,
} from "../../crypto/log/invite.ts";
import { openKeys, sealKeys } from "../../crypto/log/key-box.ts";
import type { Person } from "../../crypto/log/person.ts";
import { kitDevice, parseKit } from "../../crypto/log/recovery.ts";
import { newestEpoch, type TeamState } from "../../crypto/log/state.ts";
import type { TeamKeys } from "../../crypto/team.ts";
import type { KeptLog } from "../ports.ts";
import type { Appended, TeamServer } from "./server.ts";
import { readAll } from "./team.ts";

const MAX_TRIES = 8;
const INVITE_MS = 7 * 24 * 60 * 60 * 1000;

/** Who comes in. */
export interface Seat {
  readonly device: DeviceIdentity;
  /** The account's id, 32 hex digits. */
  readonly member: string;
  readonly person: Person;
}

export interface Means {
  readonly server: TeamServer;
  readonly clock: Clock;
  readonly random: Random;
  /** For tests, which would otherwise spend a second on each passphrase. */
  readonly kdfLimits?: KdfLimits;
}

/** What a device then keeps. */
export interface Entered {
  readonly keys: TeamKeys;
  readonly log: KeptLog;
}

/** A new team, and an invite for one further device of the account. Takes about a second. */
export async function createTeam(
  { device, member, person }: Seat,
  passphrase: Secret<string>,
  { server, clock, random, kdfLimits = KDF_LIMITS }: Means,
): Promise<Result<Entered & { readonly invite: Secret<string> }>> {
  const stretched = stretch(passphrase, newKdf(random, kdfLimits), kdfLimits);
  if (!stretched.ok) return stretched;
  const nowMs = clock.nowMs();
  const { keys, entries, state } = foundTeam(device, member, person, nowMs, random);
  const box = sealKeys(state, keys, device.id, nowMs, random);
  if (!box.ok) return box;
  const invite = draftInvite(state, keys, device, "own", null, nowMs, random);
  if (!invite.ok) return invite;
  const [create, epoch] = entries;
  const keyRecord = sealKeyRecord(keys, stretched.value, random);
  const boxes = new Map([[device.id, box.value]]);
  const appended = await server.appendLog(keys.team, 0, [
    { entry: create },
    { entry: epoch, epoch: { record: null, keyRecord, boxes } },
    invite.value.appended,
  ]);
  if (!appended.ok) return appended;
  const log = { listed: 3, entries: [...entries, invite.value.appended.entry] };
  return ok({ keys, log, invite: invite.value.text });
}

/** The entry of an invite that ends in a week, and its text. `email`: of the account it is for; null for the inviter's own. */
export function draftInvite(
  state: TeamState,
  keys: TeamKeys,
  device: DeviceIdentity,
  admits: Admits,
  email: string | null,
  nowMs: number,
  random: Random,
): Result<{ readonly appended: Appended; readonly text: Secret<string> }> {
  const terms: InviteTerms = { admits, expiresMs: nowMs + INVITE_MS };
  const made = makeInvite(state, device, terms, nowMs, random);
  if (!made.ok) return made;
  const { bytes, invite } = made.value;
  const proof = teamInviteProof(invite);
  const beside = {
    proofHash: sha256(proof),
    emailHash: email === null ? null : sha256(concatBytes(proof, utf8(email))),
    bundle: sealBundle(invite, keys, random),
  };
  return ok({ appended: { entry: bytes, invite: beside }, text: encodeTeamInvite(invite) });
}

/**
 * The passphrase is tried before the invite is used up. `hold` keeps the keys, and the log that the invite pinned, before this
 * device is listed: after a crash in between it is in the team, and the invite is gone. Takes about a second.
 */
export async function joinTeam(
  inviteText: string,
  passphrase: Secret<string>,
  seat: Seat,
  hold: (entered: Entered) => Promise<void>,
  { server, clock, random, kdfLimits = KDF_LIMITS }: Means,
): Promise<Result<Entered>> {
  const parsed = parseTeamInvite(inviteText);
  if (!parsed.ok) return parsed;
  const invite = parsed.value;
  const proof = teamInviteProof(invite);
  const unwrapped = new Map<string, TeamKeys>();
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const opened = await server.openInvite(invite.team, proof);
    if (!opened.ok) return opened;
    const { log, epochs, bundle } = opened.value;
    const replayed = replay(invite.team, log, invite.entry);
    if (!replayed.ok) return replayed;
    const { state, taken } = replayed.value;
    const newest = newestEpoch(state);
    const beside = epochs.find(({ entry }) => newest && equalBytes(entry, newest.entry));
    if (beside === undefined) return notTheTeams();
    const shared = openBundle(state, invite, bundle);
    if (!shared.ok) return shared;
    const { teamSecret } = shared.value;
    // Another try opens the same record: a second of work that need not be done twice.
    const record = toHex(beside.keyRecord);
    const opening = unwrapped.has(record)
      ? ok(unwrapped.get(record) as TeamKeys)
      : openKeyRecord(beside.keyRecord, invite.team, passphrase, teamSecret, kdfLimits);
    if (!opening.ok) return opening;
    const keys = opening.value;
    unwrapped.set(record, keys);
    if (!isKeyOf(state, keys) || !isIdKeyOf(state, keys.idKey)) return notTheTeams();
    const entry = joining(state, invite, seat, keys, clock.nowMs(), random);
    if (!entry.ok) return entry;
    await hold({ keys, log: { listed: log.length, entries: whole(taken) } });
    const { bytes } = entry.value;
    const appended = await server.appendLog(invite.team, log.length, [{ entry: bytes, proof }]);
    if (appended.ok)
      return ok({ keys, log: { listed: log.length + 1, entries: [...whole(taken), bytes] } });
    if (appended.fault.type !== "log-moved") return appended;
  }
  return busy();
}

/**
 * Back into a team with a recovery kit, as a new device of the account: the kit opens its own key box, so no passphrase is
 * asked for. The device that was lost is still in the team, and so is the kit. A kit pins no entry of the log: only the safety words tell
 * whether the server shows it an older state.
 */
export async function restoreTeam(
  kitText: string,
  { device, member, person }: Seat,
  hold: (entered: Entered) => Promise<void>,
  { server, clock, random }: Means,
): Promise<Result<Entered>> {
  const kit = parseKit(kitText);
  if (!kit.ok) return kit;
  const { team } = kit.value;
  const paper = kitDevice(kit.value);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const log = await readAll(server, team);
    if (!log.ok) return log;
    const replayed = replay(team, log.value, null);
    if (!replayed.ok) return replayed;
    const { state, taken } = replayed.value;
    const kept = await server.epochs(team, paper.id);
    if (!kept.ok) return kept;
    const newest = newestEpoch(state);
    const box = kept.value.find(({ entry }) => newest && equalBytes(entry, newest.entry))?.box;
    if (!box) return spentKit();
    const keys = openKeys(state, box, paper);
    if (!keys.ok) return keys;
    const nowMs = clock.nowMs();
    const itself = newcomer(device, {
      team,
      inviteEntry: null,
      member,
      kind: "ordinary",
      expiresMs: null,
    });
    const author = deviceAuthor(paper);
    const entry = addDevice(state, author, itself, person, keys.value.idKey, nowMs, random);
    if (!entry.ok) return entry;
    const own = sealKeys(entry.value.state, keys.value, device.id, nowMs, random);
    if (!own.ok) return own;
    await hold({ keys: keys.value, log: { listed: log.value.length, entries: whole(taken) } });
    const { bytes } = entry.value;
    const appended = await server.appendLog(team, log.value.length, [
      { entry: bytes, box: own.value },
    ]);
    if (appended.ok)
      return ok({
        keys: keys.value,
        log: { listed: log.value.length + 1, entries: [...whole(taken), bytes] },
      });
    if (appended.fault.type !== "log-moved") return appended;
  }
  return busy();
}

function joining(
  state: TeamState,
  invite: TeamInvite,
  { device, member, person }: Seat,
  keys: TeamKeys,
  nowMs: number,
  random: Random,
): Result<NextEntry> {
  const who = { member, person, expiresMs: null };
  const entry = join(state, invite, device, who, keys.idKey, nowMs, random);
  if (entry.ok || entry.fault.type !== "log-author") return entry;
  return fail(
    "invite",
    "This invite was used, taken back, or ended when somebody was removed. Nothing was changed: ask for a new one.",
  );
}

function whole(taken: readonly Uint8Array[]): readonly Bytes[] {
  return taken as readonly Bytes[];
}

function busy(): Result<never> {
  return fail(
    "log-busy",
    "Others keep changing the team at this moment, so nothing was joined. The invite was not used up: try again.",
  );
}

function notTheTeams(): Result<never> {
  return fail(
    "invite",
    "The keys that the server gives for this invite are not the team's, so nothing was joined. The invite was not used up: ask who runs the server.",
  );
}

function spentKit(): Result<never> {
  return fail(
    "recovery-kit",
    "This recovery kit opens nothing any more: it, or whoever it belonged to, was removed from the team. Nothing was changed. Ask a member for an invite.",
  );
}
