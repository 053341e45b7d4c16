/** XChaCha20-Poly1305 with a nonce from the platform: `nonce (24) ‖ ciphertext ‖ tag (16)`. */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Secret } from "../base/secret.ts";
import { sodium } from "./sodium.ts";

export const NONCE_BYTES = 24;
export const TAG_BYTES = 16;

export function seal(
  plain: Uint8Array,
  authenticated: Uint8Array,
  key: Secret<Bytes>,
  random: Random,
): Bytes {
  const nonce = random(NONCE_BYTES);
  if (nonce.length !== NONCE_BYTES) throw new RangeError("a nonce has 24 bytes");
  return concatBytes(
    nonce,
    sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
      plain,
      authenticated,
      null,
      nonce,
      key.reveal(),
    ),
  );
}

/** Null when anything differs: key, nonce, text or what was authenticated with it. */
export function unseal(
  sealed: Uint8Array,
  authenticated: Uint8Array,
  key: Secret<Bytes>,
): Bytes | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return null;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      null,
      sealed.subarray(NONCE_BYTES),
      authenticated,
      nonce,
      key.reveal(),
    ) as Bytes;
  } catch {
    return null;
  }
}
