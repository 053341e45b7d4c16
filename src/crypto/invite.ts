/**
 * An invite, as text to hand over: `operon1_` and base64url of
 * `version (1) · team secret (16) · invite id (16) · invite secret (16) · team id · checksum (4)`.
 *
 * The team secret is half of what opens the key record; the passphrase, told on another way, is the other half. The invite
 * secret proves to the server that this account holds the invite: the server keeps only a hash of `inviteProof`.
 */
import {
  type Bytes,
  concatBytes,
  equalBytes,
  fromBase64Url,
  fromHex,
  toBase64Url,
  toHex,
  utf8,
} from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { type Fault, fail, ok, type Result } from "../base/result.ts";
import { Secret } from "../base/secret.ts";
import { inGroups, toBase32 } from "./base32.ts";
import { derive, ID_BYTES, labelBytes, sha256 } from "./hash.ts";
import { TEAM_SECRET_BYTES } from "./kdf.ts";
import type { TeamKeys } from "./team.ts";

const PREFIX = "operon1_";
const VERSION = 1;
const INVITE_SECRET_BYTES = 16;
const CHECKSUM_BYTES = 4;
const FIXED_BYTES = 1 + TEAM_SECRET_BYTES + ID_BYTES + INVITE_SECRET_BYTES;

export interface Invite {
  readonly team: TeamId;
  readonly teamSecret: Secret<Bytes>;
  /** 32 hex digits: what the server calls it. */
  readonly id: string;
  /** 16 bytes. */
  readonly secret: Secret<Bytes>;
}

export function createInvite(keys: TeamKeys, random: Random): Invite {
  return {
    team: keys.team,
    teamSecret: keys.teamSecret,
    id: toHex(random(ID_BYTES)),
    secret: new Secret(random(INVITE_SECRET_BYTES)),
  };
}

/** 32 bytes that only holders of the invite can compute. */
export function inviteProof(invite: Invite): Bytes {
  return derive(invite.secret, "invite", [utf8(invite.team), utf8(invite.id)]);
}

export function encodeInvite(invite: Invite): Secret<string> {
  const body = concatBytes(
    new Uint8Array([VERSION]),
    invite.teamSecret.reveal(),
    fromHex(invite.id),
    invite.secret.reveal(),
    utf8(invite.team),
  );
  return new Secret(PREFIX + toBase64Url(concatBytes(body, checksum(body))));
}

/** Spaces and line breaks that a mail program put in are ignored. */
export function parseInvite(text: string): Result<Invite, Fault<"invite">> {
  const compact = text.replace(/\s+/g, "");
  if (!compact.startsWith(PREFIX))
    return fail(
      "invite",
      `This is not an invite: an invite begins with "${PREFIX}". Copy the whole line and try again.`,
    );
  const bytes = decode(compact.slice(PREFIX.length));
  if (!bytes || bytes.length <= FIXED_BYTES + CHECKSUM_BYTES) return incomplete();
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (!equalBytes(bytes.subarray(-CHECKSUM_BYTES), checksum(body))) return incomplete();
  if (body[0] !== VERSION)
    return fail("invite", "This invite was made by a newer Operon. Update Operon and try again.");
  const team = String.fromCharCode(...body.subarray(FIXED_BYTES));
  if (!/^[\w-]{1,64}$/.test(team)) return incomplete();
  const idAt = 1 + TEAM_SECRET_BYTES;
  const secretAt = idAt + ID_BYTES;
  return ok({
    teamSecret: new Secret(body.slice(1, idAt) as Bytes),
    id: toHex(body.subarray(idAt, secretAt)),
    secret: new Secret(body.slice(secretAt, FIXED_BYTES) as Bytes),
    team: team as TeamId,
  });
}

/** The team secret for paper: 26 letters and digits (Crockford base 32) in groups. */
export function formatTeamSecret(secret: Secret<Bytes>): string {
  return inGroups(toBase32(secret.reveal()));
}

function decode(text: string): Bytes | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  try {
    return fromBase64Url(text);
  } catch {
    return null;
  }
}

function checksum(body: Uint8Array): Bytes {
  return sha256(concatBytes(labelBytes("invite"), body)).slice(0, CHECKSUM_BYTES);
}

function incomplete(): Result<never, Fault<"invite">> {
  return fail(
    "invite",
    "This invite is damaged or not complete. Copy the whole line and try again; it was not used up.",
  );
}
