/**
 * An invite to a team with a log, as text to hand over: `operon2_` and base64url of
 * `version 2 (1) · team (16) · number (4) and hash (32) of the invite's entry · secret (16) · checksum (4)`.
 *
 * The team's secret is not in it. From the invite's own secret come the key that signs the new device's entry, the proof that
 * the server asks for, and the key of a *bundle* (team secret, team id key) that lies on the server until the invite is used
 * or taken back. The entry's hash pins the log: a server cannot lead the new device into another team or an older state.
 */
import { type Bytes, concatBytes, fromBase64Url, toBase64Url } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { type Fault, fail, ok, type Result } from "../../base/result.ts";
import { Secret } from "../../base/secret.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "../aead.ts";
import { type DeviceIdentity, signKeyOf } from "../device.ts";
import { derive, HASH_BYTES, KEY_BYTES, type Label, labelBytes } from "../hash.ts";
import { teamTag } from "../header.ts";
import { TEAM_SECRET_BYTES } from "../kdf.ts";
import type { TeamKeys } from "../team.ts";
import { type Author, deviceAuthor, inviteAuthor } from "./author.ts";
import type { Admits } from "./body.ts";
import { isIdKeyOf } from "./commitment.ts";
import { addDevice, newcomer, type NextEntry, nextEntry } from "./draft.ts";
import type { Head } from "./entry.ts";
import type { LogResult } from "./fault.ts";
import type { Person } from "./person.ts";
import { checked, withChecksum } from "./printed.ts";
import type { TeamState } from "./state.ts";
import { teamIdBytes, teamIdOf } from "./team-id.ts";
import { fixed, id, number, Reader } from "./wire.ts";

const PREFIX = "operon2_";
const VERSION = 2;
const SECRET_BYTES = 16;
const BUNDLE_VERSION = 1;
export const BUNDLE_BYTES = 1 + NONCE_BYTES + TEAM_SECRET_BYTES + KEY_BYTES + TAG_BYTES;

export interface TeamInvite {
  readonly team: TeamId;
  /** The invite's own entry. */
  readonly entry: Head;
  /** 16 bytes. */
  readonly secret: Secret<Bytes>;
}

/** Whom it admits, and the end of it: at most 30 days from now. */
export interface InviteTerms {
  readonly admits: Admits;
  readonly expiresMs: number;
}

/** The entry, and the invite, which can be handed over once the entry is in the log. */
export function makeInvite(
  state: TeamState,
  device: DeviceIdentity,
  terms: InviteTerms,
  nowMs: number,
  random: Random,
): LogResult<NextEntry & { readonly invite: TeamInvite }> {
  const { team } = state;
  const secret = new Secret(random(SECRET_BYTES));
  const signKey = signKeyOf(signSeed({ team, secret }));
  const entry = nextEntry(
    state,
    deviceAuthor(device),
    { kind: "invite", signKey, ...terms },
    nowMs,
  );
  if (!entry.ok) return entry;
  return ok({ ...entry.value, invite: { team, entry: entry.value.state.head, secret } });
}

export function encodeTeamInvite({ team, entry, secret }: TeamInvite): Secret<string> {
  const body = concatBytes(
    number(VERSION, 1),
    teamIdBytes(team),
    number(entry.n, 4),
    fixed(entry.hash, HASH_BYTES),
    fixed(secret.reveal(), SECRET_BYTES),
  );
  return new Secret(PREFIX + toBase64Url(withChecksum(body, "invite text")));
}

/** Spaces and line breaks that a mail program put in are ignored. */
export function parseTeamInvite(text: string): Result<TeamInvite, Fault<"invite">> {
  const compact = text.replace(/\s+/g, "");
  if (!compact.startsWith(PREFIX))
    return fail(
      "invite",
      `This is not an invite: an invite begins with "${PREFIX}". Copy the whole line and try again.`,
    );
  const body = decode(compact.slice(PREFIX.length));
  if (body === null) return incomplete();
  if (body[0] !== VERSION)
    return fail("invite", "This invite was made by a newer Operon. Update Operon and try again.");
  const reader = new Reader(body.subarray(1));
  const team = teamIdOf(reader.take(SECRET_BYTES));
  const entry = { n: reader.number(4), hash: reader.take(HASH_BYTES) };
  const secret = new Secret(reader.take(SECRET_BYTES));
  return reader.whole ? ok({ team, entry, secret }) : incomplete();
}

/** 32 bytes that only holders of the invite can compute; the server keeps their SHA-256. */
export function teamInviteProof(invite: TeamInvite): Bytes {
  return fromSecret(invite, "invite proof");
}

/** 89 bytes for the server, which cannot read them. */
export function sealBundle(invite: TeamInvite, keys: TeamKeys, random: Random): Bytes {
  const version = number(BUNDLE_VERSION, 1);
  const plain = concatBytes(keys.teamSecret.reveal(), keys.idKey.reveal());
  const key = new Secret(fromSecret(invite, "invite bundle key"));
  return concatBytes(version, seal(plain, bundleContext(invite, version), key, random));
}

/**
 * `state`: of a log replayed with `invite.entry` pinned. With the passphrase, the team secret opens the key record
 * (`openKeyRecord`).
 */
export function openBundle(
  state: TeamState,
  invite: TeamInvite,
  bundle: Uint8Array,
): Result<Pick<TeamKeys, "teamSecret" | "idKey">, Fault<"invite">> {
  const key = new Secret(fromSecret(invite, "invite bundle key"));
  const version = bundle.subarray(0, 1);
  const plain =
    bundle.length === BUNDLE_BYTES && version[0] === BUNDLE_VERSION
      ? unseal(bundle.subarray(1), bundleContext(invite, version), key)
      : null;
  const opened = plain && {
    teamSecret: new Secret(plain.slice(0, TEAM_SECRET_BYTES)),
    idKey: new Secret(plain.slice(TEAM_SECRET_BYTES)),
  };
  return opened && isIdKeyOf(state, opened.idKey)
    ? ok(opened)
    : fail(
        "invite",
        "What the server keeps for this invite was not made by whoever invited you, so nothing was joined. Ask for a new invite.",
      );
}

/**
 * The entry by which this device adds itself. `state`: of a log replayed with `invite.entry` pinned. `who.member`: the
 * joining person's id, for an own further device the id they have. "log-author": the invite was used, taken back or ended
 * by a removal.
 */
export function join(
  state: TeamState,
  invite: TeamInvite,
  device: DeviceIdentity,
  who: {
    readonly member: string;
    readonly person: Person;
    /** Ends the device's rights; null for one that stays. */
    readonly expiresMs: number | null;
  },
  idKey: Secret<Bytes>,
  nowMs: number,
  random: Random,
): LogResult<NextEntry> {
  const { member, person, expiresMs } = who;
  const itself = newcomer(device, {
    team: invite.team,
    inviteEntry: invite.entry.hash,
    member,
    kind: expiresMs === null ? "ordinary" : "ephemeral",
    expiresMs,
  });
  return addDevice(state, authorOf(invite), itself, person, idKey, nowMs, random);
}

function authorOf(invite: TeamInvite): Author {
  return inviteAuthor(signSeed(invite));
}

function signSeed(invite: Pick<TeamInvite, "team" | "secret">): Bytes {
  return fromSecret(invite, "invite signer");
}

function fromSecret({ team, secret }: Pick<TeamInvite, "team" | "secret">, label: Label): Bytes {
  return derive(secret, label, [id(teamTag(team))]);
}

function bundleContext(invite: TeamInvite, version: Uint8Array): Bytes {
  return concatBytes(
    labelBytes("invite bundle"),
    version,
    id(teamTag(invite.team)),
    invite.entry.hash,
  );
}

function decode(text: string): Bytes | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  try {
    return checked(fromBase64Url(text), "invite text");
  } catch {
    return null;
  }
}

function incomplete(): Result<never, Fault<"invite">> {
  return fail(
    "invite",
    "This invite is damaged or not complete. Copy the whole line and try again; it was not used up.",
  );
}
