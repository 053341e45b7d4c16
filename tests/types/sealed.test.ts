/**
 * Proof by the type checker: only what was sealed can be given to a transport. When a line below compiles after all, its
 * `@ts-expect-error` is the error.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import type { StreamRef } from "../../src/sync/ports.ts";
import type { SealedRow } from "../../src/sync/seal.ts";
import type { Sealed, Transport } from "../../src/sync/transport.ts";

export function whatCompiles(
  transport: Transport,
  stream: StreamRef,
  row: SealedRow,
  plain: Bytes,
  text: string,
) {
  void transport.push(stream, [row.row]);
  // @ts-expect-error plain bytes are not sealed
  void transport.push(stream, [plain]);
  // @ts-expect-error neither are fresh ones
  void transport.push(stream, [new Uint8Array(16)]);
  // @ts-expect-error nor the content of a row
  void transport.push(stream, [row.change.body]);
  // @ts-expect-error nor text
  void transport.push(stream, [text]);
  // @ts-expect-error the brand cannot be written as a property
  const forged: Sealed = Object.assign(plain, { sealed: true });
  return forged;
}

test("S20: bytes become Sealed in one place", () => {
  const casts = /\bas (unknown as )?Sealed\b/;
  expect(readFileSync(`${import.meta.dirname}/../../src/sync/seal.ts`, "utf8")).toMatch(casts);
  for (const file of [
    "exchange",
    "engine",
    "reader",
    "transport",
    "streams",
    "pacing",
    "looks",
    "presence",
  ])
    expect(readFileSync(`${import.meta.dirname}/../../src/sync/${file}.ts`, "utf8")).not.toMatch(
      casts,
    );
});
