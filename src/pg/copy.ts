/**
 * Bulk inserts through `copy … (format binary)`: several times cheaper than `insert … select from unnest(…)`, and the
 * only way whose cost is near that of the bytes. Rows must be new: `copy` has no `on conflict`.
 */
import type { Transaction } from "@electric-sql/pglite";
import { withoutNul } from "./arrays.ts";
import { ROWS_DEVICE } from "./engine.ts";

/** A value knows its column's type: text, bigint, boolean or bytea. */
export type CopyValue = string | number | boolean | Uint8Array | null;

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
const FLAGS_AND_EXTENSION_BYTES = 8;
const END = -1;

/** `rows` hold a value for each column, in order. Numbers are whole. */
export async function copyRows(
  tx: Transaction,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly CopyValue[])[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(`copy ${table} (${columns.join(", ")}) from '${ROWS_DEVICE}' (format binary)`, [
    encodeRows(columns.length, rows),
  ]);
}

function encodeRows(
  width: number,
  rows: readonly (readonly CopyValue[])[],
): Uint8Array<ArrayBuffer> {
  const writer = createWriter();
  writer.bytes(SIGNATURE);
  writer.bytes(new Uint8Array(FLAGS_AND_EXTENSION_BYTES));
  for (const row of rows) {
    writer.int16(width);
    for (const value of row) writeValue(writer, value);
  }
  writer.int16(END);
  return writer.done();
}

function writeValue(writer: Writer, value: CopyValue): void {
  if (value === null) writer.int32(-1);
  else if (typeof value === "string") writer.text(withoutNul(value));
  else if (typeof value === "number") {
    writer.int32(8);
    writer.int64(value);
  } else if (typeof value === "boolean") {
    writer.int32(1);
    writer.bytes(Uint8Array.of(value ? 1 : 0));
  } else {
    writer.int32(value.length);
    writer.bytes(value);
  }
}

type Writer = ReturnType<typeof createWriter>;

function createWriter() {
  let buffer = Buffer.allocUnsafe(64 * 1024);
  let at = 0;

  function room(bytes: number): void {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  }

  return {
    int16(value: number): void {
      room(2);
      at = buffer.writeInt16BE(value, at);
    },
    int32(value: number): void {
      room(4);
      at = buffer.writeInt32BE(value, at);
    },
    int64(value: number): void {
      room(8);
      at = buffer.writeInt32BE(Math.floor(value / 2 ** 32), at);
      at = buffer.writeUInt32BE(value >>> 0, at);
    },
    bytes(value: Uint8Array): void {
      room(value.length);
      buffer.set(value, at);
      at += value.length;
    },
    /** Its length, then itself. */
    text(value: string): void {
      room(4 + value.length * 3);
      const written = buffer.write(value, at + 4, "utf8");
      at = buffer.writeInt32BE(written, at) + written;
    },
    done: () => new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, at),
  };
}
