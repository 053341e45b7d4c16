/**
 * PostgreSQL arrays in their binary form, as one parameter.
 *
 * Thousands of rows go in with one `insert … select … from unnest($1::text[], …)`; sent as text, escaping and parsing
 * the arrays cost more than storing them.
 */
import { types } from "@electric-sql/pglite";
import type { Bytes } from "../base/bytes.ts";

const HEADER_BYTES = 20;

/** U+0000, which PostgreSQL's text cannot hold, becomes U+FFFD. */
export function textArray(values: readonly (string | null)[]): Bytes {
  let size = HEADER_BYTES;
  for (const value of values) size += 4 + (value === null ? 0 : value.length * 3);
  const buffer = Buffer.allocUnsafe(size);
  let at = writeHeader(buffer, types.TEXT, values);
  for (const value of values) {
    const written = value === null ? -1 : buffer.write(withoutNul(value), at + 4, "utf8");
    at = buffer.writeInt32BE(written, at) + Math.max(written, 0);
  }
  return bytesOf(buffer, at);
}

export function byteaArray(values: readonly (Uint8Array | null)[]): Bytes {
  let size = HEADER_BYTES;
  for (const value of values) size += 4 + (value?.length ?? 0);
  const buffer = Buffer.allocUnsafe(size);
  let at = writeHeader(buffer, types.BYTEA, values);
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? -1 : value.length, at);
    if (value !== null) {
      buffer.set(value, at);
      at += value.length;
    }
  }
  return bytesOf(buffer, at);
}

/** Whole numbers up to 2^53; a fraction is a bug and throws. */
export function bigintArray(values: readonly (number | null)[]): Bytes {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 12);
  let at = writeHeader(buffer, types.INT8, values);
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? -1 : 8, at);
    if (value !== null) at = buffer.writeBigInt64BE(BigInt(value), at);
  }
  return bytesOf(buffer, at);
}

export function boolArray(values: readonly (boolean | null)[]): Bytes {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 5);
  let at = writeHeader(buffer, types.BOOL, values);
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? -1 : 1, at);
    if (value !== null) at = buffer.writeUInt8(value ? 1 : 0, at);
  }
  return bytesOf(buffer, at);
}

export function withoutNul(text: string): string {
  return text.includes("\u0000") ? text.replaceAll("\u0000", "\uFFFD") : text;
}

/** Dimensions (1; an empty array has 0), "has nulls", element type, length, first index. */
function writeHeader(buffer: Buffer, elementType: number, values: readonly unknown[]): number {
  let at = buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  at = buffer.writeInt32BE(values.includes(null) ? 1 : 0, at);
  at = buffer.writeInt32BE(elementType, at);
  if (values.length === 0) return at;
  at = buffer.writeInt32BE(values.length, at);
  return buffer.writeInt32BE(1, at);
}

function bytesOf(buffer: Buffer, length: number): Bytes {
  return new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, length);
}
