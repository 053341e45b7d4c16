/**
 * A device's card: who it is and its public keys, sealed so that only holders of the epoch key can read it or list a
 * device, and signed by the device itself. All cards have one size.
 *
 * `version (1) · epoch (4) · nonce (24) · sealed: sign key (32) · box key (32) · name · e-mail (each behind a length byte) ·
 * signature (64) · zeros up to 512 · tag (16)`
 */
import { type Bytes, concatBytes, cutUtf8, fromUtf8, fromHex, utf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { type Fault, fail, ok, type Result } from "../base/result.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "./aead.ts";
import { type DeviceIdentity, deviceId, sign, SIGNATURE_BYTES, verify } from "./device.ts";
import { deriveKey, KEY_BYTES, labelBytes, u32 } from "./hash.ts";
import type { TeamKeys } from "./team.ts";

const CARD_VERSION = 1;
const PLAIN_BYTES = 512;
const OPEN_BYTES = 1 + 4;
export const CARD_BYTES = OPEN_BYTES + NONCE_BYTES + PLAIN_BYTES + TAG_BYTES;
const NAME_MAX_BYTES = 80;
const EMAIL_MAX_BYTES = 254;

export interface DeviceCard {
  readonly device: string;
  readonly name: string;
  readonly email: string;
  readonly signKey: Bytes;
  readonly boxKey: Bytes;
}

/** A name over 80 bytes is cut. Throws `RangeError` on an e-mail over 254 bytes: no such address exists. */
export function sealCard(
  device: DeviceIdentity,
  person: { readonly name: string; readonly email: string },
  keys: TeamKeys,
  random: Random,
): Bytes {
  const said = concatBytes(
    device.signKey,
    device.boxKey,
    short(cutUtf8(person.name, NAME_MAX_BYTES), NAME_MAX_BYTES),
    short(person.email, EMAIL_MAX_BYTES),
  );
  const plain = new Uint8Array(PLAIN_BYTES);
  plain.set(concatBytes(said, sign(device, statement(keys, said))));
  const open = concatBytes(new Uint8Array([CARD_VERSION]), u32(keys.epoch));
  return concatBytes(open, seal(plain, context(keys, device.id, open), cardKey(keys), random));
}

/** A card that anybody but a holder of the epoch key made, or that stands under another id, is refused. */
export function openCard(
  card: Uint8Array,
  device: string,
  keys: TeamKeys,
): Result<DeviceCard, Fault<"card">> {
  if (card.length !== CARD_BYTES || card[0] !== CARD_VERSION || !/^[0-9a-f]{32}$/.test(device))
    return refused();
  const open = card.subarray(0, OPEN_BYTES);
  const plain = unseal(card.subarray(OPEN_BYTES), context(keys, device, open), cardKey(keys));
  const parsed = plain && parse(plain);
  if (!parsed) return refused();
  const { said, signature, ...rest } = parsed;
  if (deviceId(rest) !== device || !verify(rest.signKey, statement(keys, said), signature))
    return refused();
  return ok({ device, ...rest });
}

function parse(plain: Bytes) {
  const nameAt = 2 * KEY_BYTES;
  const emailAt = nameAt + 1 + (plain[nameAt] as number);
  const emailSize = plain[emailAt];
  if (emailSize === undefined) return null;
  const end = emailAt + 1 + emailSize;
  if (
    end + SIGNATURE_BYTES > plain.length ||
    plain.subarray(end + SIGNATURE_BYTES).some((byte) => byte !== 0)
  )
    return null;
  try {
    return {
      signKey: plain.slice(0, KEY_BYTES),
      boxKey: plain.slice(KEY_BYTES, nameAt),
      name: fromUtf8(plain.subarray(nameAt + 1, emailAt)),
      email: fromUtf8(plain.subarray(emailAt + 1, end)),
      said: plain.slice(0, end),
      signature: plain.slice(end, end + SIGNATURE_BYTES),
    };
  } catch {
    return null;
  }
}

function short(text: string, maxBytes: number): Bytes {
  const bytes = utf8(text);
  if (bytes.length > maxBytes) throw new RangeError(`at most ${maxBytes} bytes`);
  return concatBytes(new Uint8Array([bytes.length]), bytes);
}

function cardKey(keys: TeamKeys) {
  return deriveKey(keys.epochKey, "card key", utf8(keys.team), u32(keys.epoch));
}

function context(keys: TeamKeys, device: string, open: Uint8Array): Bytes {
  return concatBytes(labelBytes("card"), open, fromHex(device), utf8(keys.team));
}

function statement(keys: TeamKeys, said: Uint8Array): Bytes {
  return concatBytes(labelBytes("card"), u32(keys.team.length), utf8(keys.team), said);
}

function refused(): Result<never, Fault<"card">> {
  return fail(
    "card",
    "A device of this team is listed with a card that nobody of the team made; its rows are refused.",
  );
}
