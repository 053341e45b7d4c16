/**
 * A team's keys: made once, kept on each device, and lying on the server only inside a key record that needs both
 * the passphrase and the team secret to open.
 *
 * Key record: `version (1) · epoch (4) · ops (4) · memory in KiB (4) · salt (16) · nonce (24) · sealed epoch key (32) and
 * team id key (32) · tag (16)`; everything before the nonce is authenticated, and the team's id with it.
 */
import { type Bytes, concatBytes, fromBase64Url, toBase64Url, toHex, utf8 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { Secret } from "../base/secret.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "./aead.ts";
import { derive, deriveKey, ID_BYTES, KEY_BYTES, labelBytes, u32 } from "./hash.ts";
import {
  deriveKek,
  type Kdf,
  KDF_LIMITS,
  type KdfLimits,
  SALT_BYTES,
  TEAM_SECRET_BYTES,
} from "./kdf.ts";

export const KEY_RECORD_VERSION = 1;
const OPEN_BYTES = 1 + 4 + 4 + 4 + SALT_BYTES;
export const KEY_RECORD_BYTES = OPEN_BYTES + NONCE_BYTES + 2 * KEY_BYTES + TAG_BYTES;

export interface TeamKeys {
  readonly team: TeamId;
  readonly epoch: number;
  /** 32 bytes. Everything the team encrypts in this epoch comes from it. */
  readonly epochKey: Secret<Bytes>;
  /** 32 bytes, the same in every epoch: names documents on the wire. */
  readonly idKey: Secret<Bytes>;
  /** 16 bytes, handed over in invites, never in clear on a server. */
  readonly teamSecret: Secret<Bytes>;
}

export function createTeamKeys(team: TeamId, random: Random): TeamKeys {
  return {
    team,
    epoch: 1,
    epochKey: new Secret(random(KEY_BYTES)),
    idKey: new Secret(random(KEY_BYTES)),
    teamSecret: new Secret(random(TEAM_SECRET_BYTES)),
  };
}

/** What the server keeps. Takes about a second. */
export function sealKeyRecord(
  keys: TeamKeys,
  passphrase: Secret<string>,
  kdf: Kdf,
  random: Random,
  limits: KdfLimits = KDF_LIMITS,
): Result<Bytes> {
  const kek = deriveKek(passphrase, keys.teamSecret, kdf, limits);
  if (!kek.ok) return kek;
  const open = concatBytes(
    new Uint8Array([KEY_RECORD_VERSION]),
    u32(keys.epoch),
    u32(kdf.ops),
    u32(kdf.memoryKiB),
    kdf.salt,
  );
  const plain = concatBytes(keys.epochKey.reveal(), keys.idKey.reveal());
  return ok(concatBytes(open, seal(plain, recordContext(keys.team, open), kek.value, random)));
}

/** Faults: "wrong-passphrase", "kdf-refused", "key-record". Takes about a second. */
export function openKeyRecord(
  record: Uint8Array,
  team: TeamId,
  passphrase: Secret<string>,
  teamSecret: Secret<Bytes>,
  limits: KdfLimits = KDF_LIMITS,
): Result<TeamKeys> {
  if (record.length !== KEY_RECORD_BYTES || record[0] !== KEY_RECORD_VERSION)
    return fail(
      "key-record",
      "The server sent a key record this version of Operon cannot read; nothing was changed. Update Operon, or ask who runs the server.",
    );
  const open = record.subarray(0, OPEN_BYTES);
  const view = new DataView(open.buffer, open.byteOffset, open.length);
  const kdf = {
    ops: view.getUint32(5),
    memoryKiB: view.getUint32(9),
    salt: open.slice(13) as Bytes,
  };
  const kek = deriveKek(passphrase, teamSecret, kdf, limits);
  if (!kek.ok) return kek;
  const plain = unseal(record.subarray(OPEN_BYTES), recordContext(team, open), kek.value);
  if (!plain)
    return fail(
      "wrong-passphrase",
      "The passphrase does not open this team. Nothing was changed and the invite was not used up: check the passphrase and try again.",
    );
  return ok({
    team,
    epoch: view.getUint32(1),
    epochKey: new Secret(plain.slice(0, KEY_BYTES)),
    idKey: new Secret(plain.slice(KEY_BYTES)),
    teamSecret,
  });
}

/** For the device's own keychain. */
export function packTeamKeys(keys: TeamKeys): Secret<string> {
  const bytes = concatBytes(
    u32(keys.epoch),
    keys.epochKey.reveal(),
    keys.idKey.reveal(),
    keys.teamSecret.reveal(),
    utf8(keys.team),
  );
  return new Secret(toBase64Url(bytes));
}

/** Throws on text that `packTeamKeys` did not make. */
export function unpackTeamKeys(packed: Secret<string>): TeamKeys {
  const bytes = fromBase64Url(packed.reveal());
  const fixed = 4 + 2 * KEY_BYTES + TEAM_SECRET_BYTES;
  if (bytes.length <= fixed) throw new RangeError("not a team's keys");
  const at = (from: number, sizeBytes: number) => new Secret(bytes.slice(from, from + sizeBytes));
  return {
    epoch: new DataView(bytes.buffer).getUint32(0),
    epochKey: at(4, KEY_BYTES),
    idKey: at(4 + KEY_BYTES, KEY_BYTES),
    teamSecret: at(4 + 2 * KEY_BYTES, TEAM_SECRET_BYTES),
    team: new TextDecoder().decode(bytes.subarray(fixed)) as TeamId,
  };
}

/** The name of a document on the wire: 32 hex digits that say nothing without the team id key. */
export function wireDocumentId(keys: TeamKeys, document: string): string {
  return toHex(derive(keys.idKey, "document id", [utf8(document)], ID_BYTES));
}

/** The key that a document's rows are sealed with in this epoch. `wireId`: 32 hex digits. */
export function documentKey(keys: TeamKeys, wireId: string): Secret<Bytes> {
  return deriveKey(keys.epochKey, "document key", utf8(keys.team), u32(keys.epoch), utf8(wireId));
}

/** Names the channel of a stream for one epoch: 32 hex digits that a former member cannot tell. `project`: the cloud's id. */
export function channelTag(keys: TeamKeys, project: string | null): string {
  const stream = utf8(`${keys.team}/${project ?? ""}`);
  return toHex(derive(keys.epochKey, "channel tag", [u32(keys.epoch), stream], ID_BYTES));
}

function recordContext(team: TeamId, open: Uint8Array): Bytes {
  return concatBytes(labelBytes("keys"), utf8(team), open);
}
