/**
 * What only one device can open, from anybody: an ephemeral X25519 key agrees with the device's on a key that is used once.
 *
 * `ephemeral key (32) · nonce (24) · sealed · tag (16)`; its key is
 * `derive(X25519(ephemeral secret, box key), "key box key", ephemeral key, box key)`.
 * It does not say who sealed it: what is inside has to be proven otherwise.
 */
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { Secret } from "../../base/secret.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "../aead.ts";
import type { DeviceIdentity } from "../device.ts";
import { deriveKey, KEY_BYTES } from "../hash.ts";
import { sodium } from "../sodium.ts";

export const BOX_EXTRA_BYTES = KEY_BYTES + NONCE_BYTES + TAG_BYTES;
const ANY_SECRET: Bytes = new Uint8Array(KEY_BYTES).fill(1);

/** False for the few points of X25519 with which every secret agrees on the same, known key. */
export function isUsableBoxKey(boxKey: Bytes): boolean {
  return agree(ANY_SECRET, boxKey) !== null;
}

/** Throws `RangeError` on a box key that is not usable. */
export function sealTo(
  boxKey: Bytes,
  plain: Uint8Array,
  authenticated: Uint8Array,
  random: Random,
): Bytes {
  const secret = random(KEY_BYTES);
  const shared = agree(secret, boxKey);
  if (shared === null) throw new RangeError("nothing can be sealed to this key");
  const ephemeralKey = sodium.crypto_scalarmult_base(secret) as Bytes;
  const key = boxKeyOf(shared, ephemeralKey, boxKey);
  return concatBytes(ephemeralKey, seal(plain, authenticated, key, random));
}

/** Null when anything differs: device, bytes or what was authenticated with them. */
export function openBox(
  device: DeviceIdentity,
  box: Uint8Array,
  authenticated: Uint8Array,
): Bytes | null {
  const ephemeralKey = box.slice(0, KEY_BYTES) as Bytes;
  const shared = agree(device.secret.reveal().boxSecret, ephemeralKey);
  if (shared === null) return null;
  const key = boxKeyOf(shared, ephemeralKey, device.boxKey);
  return unseal(box.subarray(KEY_BYTES), authenticated, key);
}

function boxKeyOf(shared: Secret<Bytes>, ephemeralKey: Bytes, boxKey: Bytes): Secret<Bytes> {
  return deriveKey(shared, "key box key", ephemeralKey, boxKey);
}

/** libsodium throws where the result would be zeros, and on a key of another length. */
function agree(secret: Bytes, boxKey: Bytes): Secret<Bytes> | null {
  try {
    return new Secret(sodium.crypto_scalarmult(secret, boxKey) as Bytes);
  } catch {
    return null;
  }
}
