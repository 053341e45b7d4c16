/** Bytes as text for people: a checksum behind them tells a damaged text from a wrong one. */
import { type Bytes, concatBytes, equalBytes } from "../../base/bytes.ts";
import { type Label, labelBytes, sha256 } from "../hash.ts";

const CHECKSUM_BYTES = 4;

export function withChecksum(body: Bytes, label: Label): Bytes {
  return concatBytes(body, checksum(body, label));
}

/** The body without its checksum; null when that does not fit. */
export function checked(bytes: Bytes, label: Label): Bytes | null {
  if (bytes.length <= CHECKSUM_BYTES) return null;
  const body = bytes.slice(0, -CHECKSUM_BYTES);
  return equalBytes(bytes.subarray(-CHECKSUM_BYTES), checksum(body, label)) ? body : null;
}

export function checkedBytes(bodyBytes: number): number {
  return bodyBytes + CHECKSUM_BYTES;
}

function checksum(body: Uint8Array, label: Label): Bytes {
  return sha256(concatBytes(labelBytes(label), body)).slice(0, CHECKSUM_BYTES);
}
