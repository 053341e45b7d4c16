/**
 * One entry of the team log.
 *
 * ```
 *  0 version  1     18 number    4     60 author is 1   (1 a device, 2 an invite)
 *  1 kind     1     22 previous 32     61 author   16
 *  2 team    16     54 time      6     77 body · signature 64
 * ```
 * `previous` is the SHA-256 of the whole entry before, whoever wrote that. The signature is Ed25519 over label and all bytes
 * before it. The first entry, and no other, has number 0, kind create, and zeros for team and previous: the team's id is its
 * hash. Every entry has one encoding. Bodies: `body.ts`.
 */
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import { fail, ok } from "../../base/result.ts";
import { SIGNATURE_BYTES } from "../device.ts";
import { HASH_BYTES, ID_BYTES, labelBytes, sha256 } from "../hash.ts";
import { type Body, decodeBody, encodeBody, KINDS, TIME_BYTES } from "./body.ts";
import type { LogResult } from "./fault.ts";
import { teamIdOf } from "./team-id.ts";
import { fixed, id, number, Reader } from "./wire.ts";

const LOG_VERSION = 1;
const HEADER_BYTES = 77;
export const ENTRY_MAX_BYTES = 128 * 1024;
/** No clock says more, so that an end can always lie after it. */
export const TIME_LIMIT_MS = 2 ** 47;
const NO_TEAM = "0".repeat(2 * ID_BYTES);
const AUTHORS = ["device", "invite"] as const;

export interface Head {
  readonly n: number;
  /** SHA-256 of entry `n`. */
  readonly hash: Bytes;
}

/** Who signed: a device of the team, or, adding itself, who holds an invite. */
export interface AuthorName {
  readonly is: (typeof AUTHORS)[number];
  /** 32 hex digits. */
  readonly id: string;
}

export interface Entry {
  /** `teamTag`; zeros in the first entry. */
  readonly team: string;
  readonly n: number;
  readonly previous: Bytes;
  /** What its author's clock said. */
  readonly atMs: number;
  readonly author: AuthorName;
  readonly body: Body;
  readonly signature: Bytes;
}

/** Everything but the signature, as it is signed. Throws `RangeError` on what no entry can say. */
export function encodeUnsigned(entry: Omit<Entry, "signature">): Bytes {
  if (entry.atMs >= TIME_LIMIT_MS) throw new RangeError("no such time");
  const bytes = concatBytes(
    number(LOG_VERSION, 1),
    number(KINDS.indexOf(entry.body.kind) + 1, 1),
    id(entry.team),
    number(entry.n, 4),
    fixed(entry.previous, HASH_BYTES),
    number(entry.atMs, TIME_BYTES),
    number(AUTHORS.indexOf(entry.author.is) + 1, 1),
    id(entry.author.id),
    encodeBody(entry.body),
  );
  if (bytes.length + SIGNATURE_BYTES > ENTRY_MAX_BYTES)
    throw new RangeError("an entry has at most 128 KiB");
  return bytes;
}

/** The place of a team's first entry: before it there is no team. */
export const FIRST_PLACE = { team: NO_TEAM, n: 0, previous: new Uint8Array(HASH_BYTES) } as const;

/** Reads, and believes nothing: no signature is checked here. Faults: "log-malformed", "log-unknown". */
export function decodeEntry(bytes: Uint8Array): LogResult<Entry> {
  if (bytes.length < HEADER_BYTES + SIGNATURE_BYTES || bytes.length > ENTRY_MAX_BYTES)
    return malformed();
  const [version, kindNumber] = bytes as unknown as readonly [number, number];
  if (version === 0 || kindNumber === 0) return malformed();
  const kind = KINDS[kindNumber - 1];
  if (version !== LOG_VERSION || kind === undefined)
    return fail("log-unknown", "it is of a newer version of the log");
  const reader = new Reader(bytes.subarray(2));
  const entry = {
    team: reader.id(),
    n: reader.number(4),
    previous: reader.take(HASH_BYTES),
    atMs: reader.number(TIME_BYTES),
    author: { is: reader.oneOf(AUTHORS), id: reader.id() },
    body: decodeBody(kind, reader),
    signature: reader.take(SIGNATURE_BYTES),
  };
  return reader.whole && entry.atMs < TIME_LIMIT_MS && placed(entry) && authored(entry)
    ? ok(entry)
    : malformed();
}

export function entryHash(bytes: Uint8Array): Bytes {
  return sha256(bytes);
}

export function signedBytes(unsigned: Uint8Array): Bytes {
  return concatBytes(labelBytes("log entry"), unsigned);
}

/** The team that a create entry makes: 128 bits of a hash of all its bytes. */
export function teamOf(createEntry: Uint8Array): TeamId {
  const hash = sha256(concatBytes(labelBytes("team"), createEntry));
  return teamIdOf(hash);
}

/** The first entry looks like one, and no other does. */
function placed({ team, n, previous, body }: Entry): boolean {
  const first = body.kind === "create";
  return (
    (n === 0) === first &&
    (team === NO_TEAM) === first &&
    (!first || previous.every((byte) => byte === 0))
  );
}

/** An invite can do one thing. */
function authored({ author, body }: Entry): boolean {
  return author.is === "device" || body.kind === "add-device";
}

function malformed(): LogResult<never> {
  return fail("log-malformed", "no entry of a team log looks like it");
}
