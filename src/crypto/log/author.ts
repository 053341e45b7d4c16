/** Who can sign an entry, and what a new device signs when it is added. */
import { type Bytes, concatBytes, toHex } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import { type DeviceIdentity, type DeviceKeys, sign, signKeyOf, signWith } from "../device.ts";
import { HASH_BYTES, ID_BYTES, labelBytes, sha256 } from "../hash.ts";
import { teamTag } from "../header.ts";
import { type DeviceKind, terms } from "./body.ts";
import { type AuthorName, encodeUnsigned, type Entry, signedBytes } from "./entry.ts";
import { fixed, id } from "./wire.ts";

export interface Author extends AuthorName {
  sign(message: Uint8Array): Bytes;
}

/** What a new device agrees to: as whose device, of which kind, until when. */
export interface Consent extends DeviceKeys {
  readonly team: TeamId;
  /** The hash of the invite's entry; null when a device of the same member adds it. */
  readonly inviteEntry: Bytes | null;
  readonly member: string;
  readonly kind: DeviceKind;
  readonly expiresMs: number | null;
}

export function deviceAuthor(device: DeviceIdentity): Author {
  return { is: "device", id: device.id, sign: (message) => sign(device, message) };
}

/** `seed`: of the invite's Ed25519 key, 32 bytes. */
export function inviteAuthor(seed: Bytes): Author {
  const signKey = signKeyOf(seed);
  return {
    is: "invite",
    id: inviteId(signKey),
    sign: (message) => signWith(seed, signKey, message),
  };
}

/** An invite's id, 32 hex digits: another key is another invite. */
export function inviteId(signKey: Bytes): string {
  return toHex(sha256(concatBytes(labelBytes("invite key"), signKey)).subarray(0, ID_BYTES));
}

export function signEntry(entry: Omit<Entry, "author" | "signature">, author: Author): Bytes {
  const unsigned = encodeUnsigned({ ...entry, author: { is: author.is, id: author.id } });
  return concatBytes(unsigned, author.sign(signedBytes(unsigned)));
}

/** Signed by the new device itself, so that nobody lists a device without its key, or for another team, member or invite. */
export function consent(device: DeviceIdentity, said: Omit<Consent, keyof DeviceKeys>): Bytes {
  return sign(
    device,
    consentStatement({ ...said, signKey: device.signKey, boxKey: device.boxKey }),
  );
}

/** `label · team 16 · hash of the invite's entry, or zeros, 32 · member 16 · device kind 1 · expires 6 · sign key 32 · box key 32`. */
export function consentStatement(said: Consent): Bytes {
  return concatBytes(
    labelBytes("log device"),
    id(teamTag(said.team)),
    fixed(said.inviteEntry ?? new Uint8Array(HASH_BYTES), HASH_BYTES),
    id(said.member),
    terms(said.kind, said.expiresMs),
    said.signKey,
    said.boxKey,
  );
}
