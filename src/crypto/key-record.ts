/**
 * The keys of an epoch as the server holds them, behind passphrase and team secret:
 *
 * ```
 * version (1) · epoch (4) · ops (4) · memory in KiB (4) · salt (16) ·
 * nonce (24) · sealed with the key-encryption key: epoch key (32), team id key (32) · tag (16) ·
 * nonce (24) · sealed with a key from the epoch key: the stretched passphrase (32) · tag (16)
 * ```
 * What lies before the first nonce is authenticated in both parts, and the team's id with it. The second part is for the team's
 * own devices: whoever makes the next epoch wraps its keys in the same passphrase, and nobody types it
 * (`docs/decisions/0010-stretched-passphrase.md`).
 */
import { type Bytes, concatBytes, utf8 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { type Fault, fail, ok, type Result } from "../base/result.ts";
import { Secret } from "../base/secret.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "./aead.ts";
import { deriveKey, KEY_BYTES, type Label, labelBytes, u32 } from "./hash.ts";
import {
  deriveKek,
  type Kdf,
  KDF_LIMITS,
  type KdfLimits,
  SALT_BYTES,
  stretch,
  type Stretched,
} from "./kdf.ts";
import type { TeamKeys } from "./team.ts";

export const KEY_RECORD_VERSION = 1;
const OPEN_BYTES = 1 + 4 + 4 + 4 + SALT_BYTES;
const WRAPPED_BYTES = NONCE_BYTES + 2 * KEY_BYTES + TAG_BYTES;
export const KEY_RECORD_BYTES = OPEN_BYTES + WRAPPED_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

export function sealKeyRecord(keys: TeamKeys, stretched: Stretched, random: Random): Bytes {
  const open = openPart(keys.epoch, stretched.kdf);
  const kek = deriveKek(stretched, keys.teamSecret);
  const plain = concatBytes(keys.epochKey.reveal(), keys.idKey.reveal());
  return concatBytes(
    open,
    seal(plain, context("keys", keys.team, open), kek, random),
    seal(stretched.key.reveal(), context("stretched", keys.team, open), ownKey(keys), random),
  );
}

/** Faults: "wrong-passphrase", "kdf-refused", "key-record". Takes about a second. */
export function openKeyRecord(
  record: Uint8Array,
  team: TeamId,
  passphrase: Secret<string>,
  teamSecret: Secret<Bytes>,
  limits: KdfLimits = KDF_LIMITS,
): Result<TeamKeys> {
  const read = readOpenPart(record);
  if (read === null) return unreadable();
  const { open, epoch, kdf } = read;
  const stretched = stretch(passphrase, kdf, limits);
  if (!stretched.ok) return stretched;
  const plain = unseal(
    record.subarray(OPEN_BYTES, OPEN_BYTES + WRAPPED_BYTES),
    context("keys", team, open),
    deriveKek(stretched.value, teamSecret),
  );
  if (plain === null)
    return fail(
      "wrong-passphrase",
      "The passphrase does not open this team. Nothing was changed and the invite was not used up: check the passphrase and try again.",
    );
  const keys = {
    team,
    epoch,
    epochKey: new Secret(plain.slice(0, KEY_BYTES)),
    idKey: new Secret(plain.slice(KEY_BYTES)),
    teamSecret,
  };
  const kept = openStretched(record, keys);
  return kept.ok ? ok(keys) : kept;
}

/** The passphrase in use, stretched, from the record of the epoch of `keys`. */
export function openStretched(
  record: Uint8Array,
  keys: TeamKeys,
): Result<Stretched, Fault<"key-record">> {
  const read = readOpenPart(record);
  if (read === null || read.epoch !== keys.epoch) return unreadable();
  const key = unseal(
    record.subarray(OPEN_BYTES + WRAPPED_BYTES),
    context("stretched", keys.team, read.open),
    ownKey(keys),
  );
  return key === null ? unreadable() : ok({ kdf: read.kdf, key: new Secret(key) });
}

function openPart(epoch: number, { ops, memoryKiB, salt }: Kdf): Bytes {
  return concatBytes(
    new Uint8Array([KEY_RECORD_VERSION]),
    u32(epoch),
    u32(ops),
    u32(memoryKiB),
    salt,
  );
}

function readOpenPart(record: Uint8Array) {
  if (record.length !== KEY_RECORD_BYTES || record[0] !== KEY_RECORD_VERSION) return null;
  const open = record.slice(0, OPEN_BYTES);
  const view = new DataView(open.buffer);
  const kdf = { ops: view.getUint32(5), memoryKiB: view.getUint32(9), salt: open.slice(13) };
  return { open, epoch: view.getUint32(1), kdf };
}

function ownKey(keys: TeamKeys): Secret<Bytes> {
  return deriveKey(keys.epochKey, "stretched key", utf8(keys.team), u32(keys.epoch));
}

function context(label: Label, team: TeamId, open: Uint8Array): Bytes {
  return concatBytes(labelBytes(label), utf8(team), open);
}

function unreadable(): Result<never, Fault<"key-record">> {
  return fail(
    "key-record",
    "The server sent a key record this version of Operon cannot read; nothing was changed. Update Operon, or ask who runs the server.",
  );
}
