/** Hashing and key derivation. Every use has a label of its own, so that no two uses can be taken for each other. */
import { type Bytes, concatBytes, utf8 } from "../base/bytes.ts";
import { Secret } from "../base/secret.ts";
import { sodium } from "./sodium.ts";

export const KEY_BYTES = 32;
export const HASH_BYTES = 32;
export const ID_BYTES = 16;

export type Label =
  | "kek"
  | "keys"
  | "stretched"
  | "stretched key"
  | "row"
  | "document id"
  | "document key"
  | "device"
  | "channel tag"
  | "presence"
  | "presence key"
  | "presence digest"
  | "team"
  | "log entry"
  | "log device"
  | "log person"
  | "log person key"
  | "team id key"
  | "epoch commitment"
  | "epoch record"
  | "epoch record key"
  | "key box"
  | "key box key"
  | "invite key"
  | "invite signer"
  | "invite proof"
  | "invite bundle"
  | "invite bundle key"
  | "invite text"
  | "recovery signer"
  | "recovery box"
  | "recovery kit"
  | "safety words";

export function sha256(bytes: Uint8Array): Bytes {
  return sodium.crypto_hash_sha256(bytes) as Bytes;
}

/** `operon/1/<label>` and a zero byte: what every labelled message begins with. No label is a prefix of another one's. */
export function labelBytes(label: Label): Bytes {
  return utf8(`operon/1/${label}\0`);
}

/** Keyed BLAKE2b over the label and the parts, each part behind its length (4 bytes, big-endian). */
export function derive(
  key: Secret<Bytes>,
  label: Label,
  parts: readonly Uint8Array[],
  sizeBytes = KEY_BYTES,
): Bytes {
  const message = concatBytes(
    labelBytes(label),
    ...parts.flatMap((part) => [u32(part.length), part]),
  );
  return sodium.crypto_generichash(sizeBytes, message, key.reveal()) as Bytes;
}

export function deriveKey(
  key: Secret<Bytes>,
  label: Label,
  ...parts: readonly Uint8Array[]
): Secret<Bytes> {
  return new Secret(derive(key, label, parts));
}

export function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
