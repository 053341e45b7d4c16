/**
 * A row: one sealed change of one document, as it lies on the server and in every device's stream.
 *
 * ```
 * header (123, about a snapshot 131) · nonce (24) · sealed [ length (4) · content · zeros ] · tag (16) · signature (64)
 * content = head number (6) · head hash (32) · part (2) · parts (2) · flags (1) · document kind (1) ·
 *           name length (1) · document name · [inflated size (4), if deflated] · body
 * ```
 * The header is authenticated with the content, the signature (Ed25519, under a label) covers everything before it, and
 * the zeros fill the whole row up to its padded size. Rules: SPEC.md. Faults' messages are clauses ("its … does not
 * fit"): the caller knows which row it was.
 */
import { deflateSync, inflateSync } from "fflate";
import { type Bytes, concatBytes, equalBytes, fromUtf8, utf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { type Fault, fail, ok, type Result } from "../base/result.ts";
import type { Secret } from "../base/secret.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "./aead.ts";
import { type DeviceIdentity, sign, SIGNATURE_BYTES, verify } from "./device.ts";
import { HASH_BYTES, labelBytes, sha256, u32 } from "./hash.ts";
import { encodeHeader, isKnownKind, openBytes, peekHeader, type RowHeader } from "./header.ts";
import { PADDED_FLOOR_BYTES, paddedSize } from "./padding.ts";

/** The server's cap on a row. */
export const ROW_MAX_BYTES = 256 * 1024;
/** A larger update is cut into parts of this size. No body has more, inflated, which is checked before anything is allocated. */
export const PART_BYTES = 128 * 1024;
export const MAX_PARTS = 1024;

const LENGTH_BYTES = 4;
const CONTENT_FIXED_BYTES = 6 + HASH_BYTES + 2 + 2 + 1 + 1 + 1;
const CLOSED_BYTES = NONCE_BYTES + LENGTH_BYTES + TAG_BYTES + SIGNATURE_BYTES;
const DEFLATED = 1;
/** Nothing shorter has ever become shorter, and trying costs more than sealing. */
const DEFLATE_MIN_BYTES = 64;

export interface RowContent {
  /** The newest place in the stream that the author has verified. */
  readonly head: { readonly n: number; readonly h: Bytes };
  /** 0 … parts − 1. */
  readonly part: number;
  readonly parts: number;
  /** A number the callers agree on, 0 … 255. */
  readonly documentKind: number;
  /** The document's own name, at most 255 bytes. */
  readonly document: string;
  readonly body: Bytes;
}

export interface OpenedRow {
  readonly header: RowHeader;
  readonly content: RowContent;
}

/**
 * Why a row is believed to be its device's. `successor`: a row of the same replica that is itself proven names this row's
 * hash as the one before it, so the device vouched for these very bytes; no second signature needs checking.
 */
export type Proof =
  | { readonly by: "signature"; readonly signKey: Bytes }
  | { readonly by: "successor"; readonly header: RowHeader };

export type RowFault = Fault<
  | "row-malformed"
  | "row-unknown"
  | "row-moved"
  | "row-signature"
  | "row-sealed"
  | "row-padding"
  | "row-content"
>;

/** Throws `RangeError` on content that no row can hold: that is the caller's bug. */
export function encodeRow(
  header: RowHeader,
  content: RowContent,
  keys: { readonly device: DeviceIdentity; readonly document: Secret<Bytes> },
  random: Random,
): Bytes {
  const open = encodeHeader(header);
  const inner = encodeContent(content);
  const envelopeBytes = open.length + CLOSED_BYTES;
  const sizeBytes = paddedSize(envelopeBytes + inner.length);
  if (sizeBytes > ROW_MAX_BYTES) throw new RangeError("a row has at most 256 KiB");
  const plain = new Uint8Array(sizeBytes - envelopeBytes + LENGTH_BYTES);
  plain.set(u32(inner.length));
  plain.set(inner, LENGTH_BYTES);
  const unsigned = concatBytes(open, seal(plain, open, keys.document, random));
  return concatBytes(unsigned, sign(keys.device, signed(unsigned)));
}

export function rowHash(row: Uint8Array): Bytes {
  return sha256(row);
}

/** Whether `proof` fits. Also for rows of a kind this version cannot open. */
export function proveRow(row: Uint8Array, header: RowHeader, proof: Proof): boolean {
  if (row.length < envelopeBytesOf(header) || row.length > ROW_MAX_BYTES) return false;
  switch (proof.by) {
    case "signature": {
      const end = row.length - SIGNATURE_BYTES;
      return verify(proof.signKey, signed(row.subarray(0, end)), row.subarray(end));
    }
    case "successor": {
      const next = proof.header;
      return (
        next.team === header.team &&
        next.project === header.project &&
        next.document === header.document &&
        next.device === header.device &&
        next.replica === header.replica &&
        next.seq === header.seq + 1 &&
        equalBytes(next.previous, rowHash(row))
      );
    }
  }
}

/**
 * Checks a row in this order: size, header, the stream it came in (`expected`), proof, seal, padding, content.
 * `documentKey` may refuse (null) an epoch or document it has no key for.
 */
export function openRow(
  row: Uint8Array,
  expected: { readonly team: string; readonly project: string | null },
  proof: Proof,
  documentKey: (header: RowHeader) => Secret<Bytes> | null,
): Result<OpenedRow, RowFault> {
  if (row.length < PADDED_FLOOR_BYTES || row.length > ROW_MAX_BYTES)
    return fail("row-malformed", "no row has its size");
  const peeked = peekHeader(row);
  if (!peeked.ok) return peeked;
  const header = peeked.value;
  if (header.team !== expected.team || header.project !== expected.project)
    return fail("row-moved", "it was written for another stream");
  if (!proveRow(row, header, proof))
    return fail("row-signature", "its signature is not that of the device it names");
  if (!isKnownKind(header.kind))
    return fail("row-unknown", "it is of a kind this version does not know");
  const key = documentKey(header);
  const end = openBytes(header.kind);
  const plain = key && unseal(row.subarray(end, -SIGNATURE_BYTES), row.subarray(0, end), key);
  if (!plain) return fail("row-sealed", "it is not sealed with the team's key");
  const inner = unpad(plain, row.length, envelopeBytesOf(header));
  if (!inner) return fail("row-padding", "its padding is not the one rule");
  const content = decodeContent(inner);
  return content.ok ? ok({ header, content: content.value }) : content;
}

function signed(unsigned: Uint8Array): Bytes {
  return concatBytes(labelBytes("row"), unsigned);
}

function envelopeBytesOf({ kind }: RowHeader): number {
  return openBytes(kind) + CLOSED_BYTES;
}

function unpad(plain: Bytes, rowBytes: number, envelopeBytes: number): Bytes | null {
  const lengthBytes = viewOf(plain).getUint32(0);
  if (
    lengthBytes > plain.length - LENGTH_BYTES ||
    paddedSize(envelopeBytes + lengthBytes) !== rowBytes
  )
    return null;
  for (let i = LENGTH_BYTES + lengthBytes; i < plain.length; i++) if (plain[i] !== 0) return null;
  return plain.subarray(LENGTH_BYTES, LENGTH_BYTES + lengthBytes);
}

function encodeContent(content: RowContent): Bytes {
  const name = utf8(content.document);
  if (name.length > 255) throw new RangeError("a document's name has at most 255 bytes");
  if (content.body.length > PART_BYTES) throw new RangeError("a body has at most 128 KiB");
  if (
    content.parts < 1 ||
    content.parts > MAX_PARTS ||
    content.part < 0 ||
    content.part >= content.parts
  )
    throw new RangeError("no such part");
  const packed = content.body.length < DEFLATE_MIN_BYTES ? content.body : deflateSync(content.body);
  const deflated = packed.length + LENGTH_BYTES < content.body.length;
  const fixed = new Uint8Array(CONTENT_FIXED_BYTES);
  const view = viewOf(fixed);
  view.setUint16(0, Math.floor(content.head.n / 2 ** 32));
  view.setUint32(2, content.head.n % 2 ** 32);
  fixed.set(content.head.h, 6);
  view.setUint16(38, content.part);
  view.setUint16(40, content.parts);
  fixed[42] = deflated ? DEFLATED : 0;
  fixed[43] = content.documentKind;
  fixed[44] = name.length;
  return deflated
    ? concatBytes(fixed, name, u32(content.body.length), packed)
    : concatBytes(fixed, name, content.body);
}

function decodeContent(inner: Bytes): Result<RowContent, RowFault> {
  if (inner.length < CONTENT_FIXED_BYTES) return contentFault();
  const view = viewOf(inner);
  const flags = inner[42] as number;
  if ((flags & ~DEFLATED) !== 0)
    return fail("row-unknown", "it uses something this version does not know");
  const bodyAt = CONTENT_FIXED_BYTES + (inner[44] as number);
  if (bodyAt > inner.length) return contentFault();
  const part = view.getUint16(38);
  const parts = view.getUint16(40);
  if (parts < 1 || parts > MAX_PARTS || part >= parts) return contentFault();
  const body = flags & DEFLATED ? inflate(inner.subarray(bodyAt)) : inner.slice(bodyAt);
  const document = textOrNull(inner.subarray(CONTENT_FIXED_BYTES, bodyAt));
  if (body === null || document === null || body.length > PART_BYTES) return contentFault();
  return ok({
    head: { n: view.getUint16(0) * 2 ** 32 + view.getUint32(2), h: inner.slice(6, 38) },
    part,
    parts,
    documentKind: inner[43] as number,
    document,
    body,
  });
}

/** `size (4) · deflated`. The room for one byte more tells a body that is larger than it says. */
function inflate(packed: Bytes): Bytes | null {
  if (packed.length <= LENGTH_BYTES) return null;
  const sizeBytes = viewOf(packed).getUint32(0);
  if (sizeBytes > PART_BYTES) return null;
  try {
    const out = inflateSync(packed.subarray(LENGTH_BYTES), { out: new Uint8Array(sizeBytes + 1) });
    return out.length === sizeBytes ? out.slice() : null;
  } catch {
    return null;
  }
}

function textOrNull(bytes: Bytes): string | null {
  try {
    return fromUtf8(bytes);
  } catch {
    return null;
  }
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function contentFault(): Result<never, RowFault> {
  return fail("row-content", "its content cannot be read");
}
