/**
 * A device: an Ed25519 key that signs its rows, and an X25519 key for what is sealed to it. Its id is a hash of both public
 * keys, so that nobody can put other keys under a known id.
 */
import { type Bytes, concatBytes, fromBase64Url, toBase64Url, toHex } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { Secret } from "../base/secret.ts";
import { ID_BYTES, KEY_BYTES, labelBytes, sha256 } from "./hash.ts";
import { sodium } from "./sodium.ts";

export const SIGNATURE_BYTES = 64;

export interface DeviceKeys {
  /** 32 bytes, Ed25519. */
  readonly signKey: Bytes;
  /** 32 bytes, X25519. */
  readonly boxKey: Bytes;
}

export interface DeviceIdentity extends DeviceKeys {
  /** 32 lower-case hex digits. */
  readonly id: string;
  /** 32 bytes each. */
  readonly secret: Secret<{ readonly signSeed: Bytes; readonly boxSecret: Bytes }>;
}

export function createDevice(random: Random): DeviceIdentity {
  return deviceOf(random(KEY_BYTES), random(KEY_BYTES));
}

/** The device that two secrets (32 bytes each) make. */
export function deviceOf(signSeed: Bytes, boxSecret: Bytes): DeviceIdentity {
  const signKey = signKeyOf(signSeed);
  const boxKey = sodium.crypto_scalarmult_base(boxSecret) as Bytes;
  return {
    id: deviceId({ signKey, boxKey }),
    signKey,
    boxKey,
    secret: new Secret({ signSeed, boxSecret }),
  };
}

export function deviceId(keys: DeviceKeys): string {
  return toHex(
    sha256(concatBytes(labelBytes("device"), keys.signKey, keys.boxKey)).subarray(0, ID_BYTES),
  );
}

export function sign(device: DeviceIdentity, message: Uint8Array): Bytes {
  return signWith(device.secret.reveal().signSeed, device.signKey, message);
}

/** libsodium's secret key is the seed and the public key. */
export function signWith(signSeed: Bytes, signKey: Bytes, message: Uint8Array): Bytes {
  return sodium.crypto_sign_detached(message, concatBytes(signSeed, signKey)) as Bytes;
}

/** The Ed25519 public key of a seed; 32 bytes each. */
export function signKeyOf(signSeed: Bytes): Bytes {
  return sodium.crypto_sign_seed_keypair(signSeed).publicKey as Bytes;
}

export function verify(signKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  return sodium.crypto_sign_verify_detached(signature, message, signKey);
}

/** For the device's own keychain. */
export function packDevice(device: DeviceIdentity): Secret<string> {
  const { signSeed, boxSecret } = device.secret.reveal();
  return new Secret(toBase64Url(concatBytes(signSeed, boxSecret)));
}

/** Throws on text that `packDevice` did not make. */
export function unpackDevice(packed: Secret<string>): DeviceIdentity {
  const bytes = fromBase64Url(packed.reveal());
  if (bytes.length !== 2 * KEY_BYTES) throw new RangeError("not a device's keys");
  return deviceOf(bytes.slice(0, KEY_BYTES), bytes.slice(KEY_BYTES));
}
