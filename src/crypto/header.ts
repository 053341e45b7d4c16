/**
 * The open part of a row, at fixed places so that a server can read it and a client can compare it:
 *
 * ```
 *   0 version   1     35 document 16     83 epoch     4
 *   1 suite     1     51 device   16     87 sequence  4
 *   2 kind      1     67 replica  16     91 previous 32    (123 bytes)
 *   3 team     16
 *  19 project  16   all zeros: a row of the team itself
 * 123 in a row about a snapshot: number 6 · rows left 2    (131 bytes)
 * ```
 * Numbers are big-endian. Ids are lower-case hex in `RowHeader`.
 */
import { type Bytes, fromHex, toHex, utf8 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import { type Fault, fail, ok, type Result } from "../base/result.ts";
import { HASH_BYTES, ID_BYTES, sha256 } from "./hash.ts";

const ROW_VERSION = 1;
/** Ed25519, XChaCha20-Poly1305, keyed BLAKE2b, SHA-256, deflate. */
const ROW_SUITE = 1;
/** A change of a document. */
export const KIND_UPDATE = 1;
/** What the stream was at a number, all documents of it. */
export const KIND_SNAPSHOT = 2;
/** Another device rebuilt the same. */
export const KIND_ATTEST = 5;
/** It lacks, or has too much. */
export const KIND_DISPUTE = 6;
/** Who leads the team says that it stands all the same. */
export const KIND_VOUCH = 7;
/** Kinds of rows about a snapshot. */
const MARKS: ReadonlySet<number> = new Set([KIND_SNAPSHOT, KIND_ATTEST, KIND_DISPUTE, KIND_VOUCH]);
/** Of a change of a document. */
export const HEADER_BYTES = 123;
const MARK_BYTES = 8;
export const FIRST_SEQUENCE = 1;

const AT = {
  team: 3,
  project: 19,
  document: 35,
  device: 51,
  replica: 67,
  epoch: 83,
  seq: 87,
  previous: 91,
} as const;
const NO_PROJECT = "0".repeat(32);

export interface RowHeader {
  readonly kind: number;
  /** `teamTag` of the team. */
  readonly team: string;
  /** The UUID's 32 digits, or null. */
  readonly project: string | null;
  /** `wireDocumentId`. */
  readonly document: string;
  readonly device: string;
  readonly replica: string;
  readonly epoch: number;
  /** 1 for a replica's first row in the document. */
  readonly seq: number;
  /** SHA-256 of the replica's row before this one in the document; zeros before the first. */
  readonly previous: Bytes;
  /** Of a row about a snapshot, and of no other. */
  readonly mark?: Mark;
}

export interface Mark {
  /** In a snapshot the last row that it covers; else the number of the last row of the snapshot it speaks of. */
  readonly n: number;
  /** How many rows of the snapshot follow. */
  readonly left: number;
}

export type HeaderFault = Fault<"row-malformed" | "row-unknown">;

/** The first 16 bytes of SHA-256 over the team's id. */
export function teamTag(team: TeamId): string {
  return toHex(sha256(utf8(team)).subarray(0, ID_BYTES));
}

/** A UUID's 32 lower-case hex digits. Throws `RangeError` on other text, and on the nil UUID. */
export function projectTag(uuid: string): string {
  const digits = uuid.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/.test(digits) || digits === NO_PROJECT)
    throw new RangeError("not a project's lower-case UUID");
  return digits;
}

/** How long the open part of a row of this kind is. */
export function openBytes(kind: number): number {
  return MARKS.has(kind) ? HEADER_BYTES + MARK_BYTES : HEADER_BYTES;
}

/** A kind this version knows. */
export function isKnownKind(kind: number): boolean {
  return kind === KIND_UPDATE || MARKS.has(kind);
}

export function encodeHeader(header: RowHeader): Bytes {
  const bytes = new Uint8Array(openBytes(header.kind));
  const view = new DataView(bytes.buffer);
  bytes[0] = ROW_VERSION;
  bytes[1] = ROW_SUITE;
  bytes[2] = header.kind;
  bytes.set(id(header.team), AT.team);
  bytes.set(id(header.project ?? NO_PROJECT), AT.project);
  bytes.set(id(header.document), AT.document);
  bytes.set(id(header.device), AT.device);
  bytes.set(id(header.replica), AT.replica);
  view.setUint32(AT.epoch, header.epoch);
  view.setUint32(AT.seq, header.seq);
  if (header.previous.length !== HASH_BYTES) throw new RangeError("a hash has 32 bytes");
  bytes.set(header.previous, AT.previous);
  if (MARKS.has(header.kind) !== (header.mark !== undefined))
    throw new RangeError("a row about a snapshot has a mark, and no other");
  if (header.mark) {
    view.setUint16(HEADER_BYTES, Math.floor(header.mark.n / 2 ** 32));
    view.setUint32(HEADER_BYTES + 2, header.mark.n % 2 ** 32);
    view.setUint16(HEADER_BYTES + 6, header.mark.left);
  }
  return bytes;
}

/** Reads, and believes nothing: no signature is checked here. "row-unknown": written by a newer version of the program. */
export function peekHeader(row: Uint8Array): Result<RowHeader, HeaderFault> {
  if (row.length < HEADER_BYTES || row.length < openBytes(row[2] as number))
    return fail("row-malformed", "it is too short to be a row");
  const [version, suite, kind] = row as unknown as readonly [number, number, number];
  if (version === 0 || suite === 0 || kind === 0)
    return fail("row-malformed", "no version of the format is like it");
  if (version !== ROW_VERSION || suite !== ROW_SUITE)
    return fail("row-unknown", "it is of a newer version of the format");
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  const hex = (at: number) => toHex(row.subarray(at, at + ID_BYTES));
  const project = hex(AT.project);
  const header = {
    kind,
    team: hex(AT.team),
    project: project === NO_PROJECT ? null : project,
    document: hex(AT.document),
    device: hex(AT.device),
    replica: hex(AT.replica),
    epoch: view.getUint32(AT.epoch),
    seq: view.getUint32(AT.seq),
    previous: row.slice(AT.previous, HEADER_BYTES) as Bytes,
    ...(MARKS.has(kind) && { mark: markOf(view) }),
  };
  if (header.seq < FIRST_SEQUENCE)
    return fail("row-malformed", "its number in its chain is impossible");
  if ((header.seq === FIRST_SEQUENCE) !== header.previous.every((byte) => byte === 0))
    return fail("row-malformed", "its place in its chain contradicts itself");
  return ok(header);
}

function markOf(view: DataView): Mark {
  return {
    n: view.getUint16(HEADER_BYTES) * 2 ** 32 + view.getUint32(HEADER_BYTES + 2),
    left: view.getUint16(HEADER_BYTES + 6),
  };
}

function id(hex: string): Bytes {
  const bytes = fromHex(hex);
  if (bytes.length !== ID_BYTES) throw new RangeError("an id has 16 bytes");
  return bytes;
}
