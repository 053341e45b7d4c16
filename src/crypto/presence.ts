/**
 * A presence message: who looks at a document of a stream, and where they are in it. It is shown and never kept.
 *
 * ```
 * version (1) · nonce (24) · sealed [ content (407) · signature (64) ] · tag (16)      512 bytes, always
 * content = device (16) · replica (16) · counter (6) · flags (1) · document (16) · digest (8) · challenge (8) ·
 *           field · anchor · head (each behind a length byte) · count (1) · challenges heard (8 each) · zeros
 * ```
 * Sealed with a key of the epoch. Team, project and epoch are authenticated and signed with it and stand nowhere: it can be
 * opened where it was meant, and there alone. Rules: SPEC.md.
 */
import { type Bytes, concatBytes, fromHex, fromUtf8, toHex, utf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { Secret } from "../base/secret.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "./aead.ts";
import { type DeviceIdentity, sign, SIGNATURE_BYTES, verify } from "./device.ts";
import { derive, deriveKey, ID_BYTES, labelBytes, u32 } from "./hash.ts";
import { fixed, id, number, Reader } from "./log/wire.ts";
import type { TeamKeys } from "./team.ts";

export const PRESENCE_BYTES = 512;
export const CHALLENGE_BYTES = 8;
export const FIELD_MAX_BYTES = 40;
/** Of an anchor, and of a head. */
export const CARET_MAX_BYTES = 24;

const VERSION = 1;
const DIGEST_BYTES = 8;
const CONTENT_BYTES = PRESENCE_BYTES - 1 - NONCE_BYTES - SIGNATURE_BYTES - TAG_BYTES;
const FIXED_BYTES = 3 * ID_BYTES + 6 + 1 + DIGEST_BYTES + CHALLENGE_BYTES + 3 + 1;
const LEAVES = 1;
const HAS_DIGEST = 2;
const NO_PROJECT = "0".repeat(2 * ID_BYTES);

/** The stream and epoch it is said in, as a row's header names them. */
export interface PresenceContext {
  readonly team: string;
  readonly project: string | null;
  readonly epoch: number;
}

/** Where a caret is, opaque here: the same twice when nothing is selected. */
export interface Caret {
  readonly anchor: Bytes;
  readonly head: Bytes;
}

export interface Presence {
  readonly device: string;
  /** One process. */
  readonly replica: string;
  /** Grows with each message of the replica. */
  readonly counter: number;
  /** The last one for this document. */
  readonly leaves: boolean;
  /** `wireDocumentId`. */
  readonly document: string;
  /** `presenceDigest` of what the sender has of it; null: not known at the moment. */
  readonly digest: string | null;
  /** Fresh: who repeats it has heard this message or a later one. 16 hex digits. */
  readonly challenge: string;
  /** A name, at most `FIELD_MAX_BYTES`. */
  readonly field: string | null;
  /** Only in a field. */
  readonly caret: Caret | null;
  /** Challenges of others. */
  readonly heard: readonly string[];
}

/** Seals what `openPresence` opens. */
export function presenceKey(keys: TeamKeys): Secret<Bytes> {
  return deriveKey(keys.epochKey, "presence key", utf8(keys.team), u32(keys.epoch));
}

/** 16 hex digits that say whether two devices have the same of a document, as far as a snapshot of it tells. */
export function presenceDigest(keys: TeamKeys, document: string, snapshot: Bytes): string {
  const parts = [u32(keys.epoch), utf8(document), snapshot];
  return toHex(derive(keys.epochKey, "presence digest", parts, DIGEST_BYTES));
}

/** How many challenges fit beside a field and a caret. */
export function roomForChallenges({ field, caret }: Pick<Presence, "field" | "caret">): number {
  const used = utf8(field ?? "").length + (caret ? caret.anchor.length + caret.head.length : 0);
  return Math.floor((CONTENT_BYTES - FIXED_BYTES - used) / CHALLENGE_BYTES);
}

/** Throws `RangeError` on what no message can hold: that is the caller's bug. */
export function encodePresence(
  context: PresenceContext,
  said: Omit<Presence, "device">,
  { device, key }: { readonly device: DeviceIdentity; readonly key: Secret<Bytes> },
  random: Random,
): Bytes {
  const open = Uint8Array.of(VERSION);
  const content = encodeContent({ ...said, device: device.id });
  const signature = sign(device, concatBytes(authenticated(context), content));
  const sealed = seal(concatBytes(content, signature), authenticated(context), key, random);
  return concatBytes(open, sealed);
}

/** Null for anything that a device whose key `signKeyOf` gives has not said in this context. Never throws. */
export function openPresence(
  message: Uint8Array,
  context: PresenceContext,
  key: Secret<Bytes>,
  signKeyOf: (device: string) => Bytes | null,
): Presence | null {
  if (message.length !== PRESENCE_BYTES || message[0] !== VERSION) return null;
  const plain = unseal(message.subarray(1), authenticated(context), key);
  const content = plain?.subarray(0, CONTENT_BYTES) ?? null;
  const said = content && decodeContent(content);
  const signKey = said && signKeyOf(said.device);
  if (!plain || !content || !signKey) return null;
  const signed = concatBytes(authenticated(context), content);
  return verify(signKey, signed, plain.subarray(CONTENT_BYTES)) ? said : null;
}

/** What the seal authenticates, and the signature's beginning. */
function authenticated({ team, project, epoch }: PresenceContext): Bytes {
  return concatBytes(
    labelBytes("presence"),
    Uint8Array.of(VERSION),
    id(team),
    id(project ?? NO_PROJECT),
    u32(epoch),
  );
}

function encodeContent(said: Presence): Bytes {
  const field = utf8(said.field ?? "");
  const anchor = said.caret?.anchor ?? new Uint8Array();
  const head = said.caret?.head ?? new Uint8Array();
  if (field.length > FIELD_MAX_BYTES) throw new RangeError("a field's name has at most 40 bytes");
  if (Math.max(anchor.length, head.length) > CARET_MAX_BYTES)
    throw new RangeError("a caret's ends have at most 24 bytes each");
  if (said.heard.length > roomForChallenges(said)) throw new RangeError("too many challenges");
  const content = new Uint8Array(CONTENT_BYTES);
  content.set(
    concatBytes(
      id(said.device),
      id(said.replica),
      number(said.counter, 6),
      number((said.leaves ? LEAVES : 0) | (said.digest === null ? 0 : HAS_DIGEST), 1),
      id(said.document),
      fixed(fromHex(said.digest ?? "00".repeat(DIGEST_BYTES)), DIGEST_BYTES),
      fixed(fromHex(said.challenge), CHALLENGE_BYTES),
      ...[field, anchor, head].flatMap((part) => [number(part.length, 1), part]),
      number(said.heard.length, 1),
      ...said.heard.map((challenge) => fixed(fromHex(challenge), CHALLENGE_BYTES)),
    ),
  );
  return content;
}

function decodeContent(content: Bytes): Presence | null {
  const reader = new Reader(content);
  const [device, replica] = [reader.id(), reader.id()];
  const counter = reader.number(6);
  const flags = reader.number(1);
  const document = reader.id();
  const digest = toHex(reader.take(DIGEST_BYTES));
  const challenge = toHex(reader.take(CHALLENGE_BYTES));
  const field = textOrNull(reader.take(reader.number(1)));
  const anchor = reader.take(reader.number(1));
  const head = reader.take(reader.number(1));
  const heard = Array.from({ length: reader.number(1) }, () => toHex(reader.take(CHALLENGE_BYTES)));
  const rest = reader.take(
    Math.max(0, CONTENT_BYTES - FIXED_BYTES - heard.length * CHALLENGE_BYTES - used()),
  );
  const hasCaret = anchor.length > 0 && head.length > 0;
  if (
    !reader.whole ||
    rest.some((byte) => byte !== 0) ||
    (flags & ~(LEAVES | HAS_DIGEST)) !== 0 ||
    field === null ||
    utf8(field).length > FIELD_MAX_BYTES ||
    Math.max(anchor.length, head.length) > CARET_MAX_BYTES ||
    anchor.length > 0 !== head.length > 0 ||
    (hasCaret && field === "")
  )
    return null;
  return {
    device,
    replica,
    counter,
    leaves: (flags & LEAVES) !== 0,
    document,
    digest: flags & HAS_DIGEST ? digest : null,
    challenge,
    field: field === "" ? null : field,
    caret: hasCaret ? { anchor, head } : null,
    heard,
  };

  function used(): number {
    return utf8(field ?? "").length + anchor.length + head.length;
  }
}

function textOrNull(bytes: Bytes): string | null {
  try {
    return fromUtf8(bytes);
  } catch {
    return null;
  }
}
