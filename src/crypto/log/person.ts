/**
 * Who sits at a device, for the team's eyes: its name and the person's e-mail address, sealed with a key that comes from the
 * team id key. All have one size, so the server learns not even a length.
 *
 * `nonce (24) · sealed [ name · e-mail (each behind a length byte) · zeros up to 367 ] · tag (16)`; bound to the device's id.
 * (Not to the team's: a team's id is the hash of its first entry, in which the founder's stands; the key is the team's own.)
 */
import { type Bytes, concatBytes, cutUtf8, fromHex, fromUtf8, utf8 } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import type { Secret } from "../../base/secret.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "../aead.ts";
import { deriveKey, labelBytes } from "../hash.ts";
import { number, Reader } from "./wire.ts";

const NAME_MAX_BYTES = 111;
const EMAIL_MAX_BYTES = 254;
const PLAIN_BYTES = 1 + NAME_MAX_BYTES + 1 + EMAIL_MAX_BYTES;
export const PERSON_BYTES = NONCE_BYTES + PLAIN_BYTES + TAG_BYTES;

export interface Person {
  readonly name: string;
  readonly email: string;
}

/** A name over 111 bytes is cut. Throws `RangeError` on an e-mail over 254 bytes: no such address exists. */
export function sealPerson(
  person: Person,
  device: string,
  idKey: Secret<Bytes>,
  random: Random,
): Bytes {
  const email = utf8(person.email);
  if (email.length > EMAIL_MAX_BYTES) throw new RangeError(`at most ${EMAIL_MAX_BYTES} bytes`);
  const name = utf8(cutUtf8(person.name, NAME_MAX_BYTES));
  const plain = new Uint8Array(PLAIN_BYTES);
  plain.set(concatBytes(number(name.length, 1), name, number(email.length, 1), email));
  return seal(plain, context(device), personKey(idKey), random);
}

/** Null when it was sealed for another device or team, or is not of this form. */
export function openPerson(
  sealed: Uint8Array,
  device: string,
  idKey: Secret<Bytes>,
): Person | null {
  const plain = unseal(sealed, context(device), personKey(idKey));
  if (plain === null) return null;
  const reader = new Reader(plain);
  const name = reader.take(reader.number(1));
  const email = reader.take(reader.number(1));
  const rest = reader.take(Math.max(0, PLAIN_BYTES - 2 - name.length - email.length));
  if (!reader.whole || rest.some((byte) => byte !== 0)) return null;
  try {
    return { name: fromUtf8(name), email: fromUtf8(email) };
  } catch {
    return null;
  }
}

function personKey(idKey: Secret<Bytes>): Secret<Bytes> {
  return deriveKey(idKey, "log person key");
}

function context(device: string): Bytes {
  return concatBytes(labelBytes("log person"), fromHex(device));
}
