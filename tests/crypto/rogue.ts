/** Rows that nobody's program writes, sealed and signed by a member who does not keep the rules inside. */
import { type Bytes, concatBytes, utf8 } from "../../src/base/bytes.ts";
import { seal } from "../../src/crypto/aead.ts";
import { sign } from "../../src/crypto/device.ts";
import { labelBytes, u32 } from "../../src/crypto/hash.ts";
import { encodeHeader, HEADER_BYTES } from "../../src/crypto/header.ts";
import { paddedSize } from "../../src/crypto/padding.ts";
import { device, header, key, seededRandom } from "./samples.ts";

/** A row around any plaintext. */
export function rogueRow(plain: Bytes): Bytes {
  const open = encodeHeader(header());
  const unsigned = concatBytes(open, seal(plain, open, key, seededRandom("rogue")));
  return concatBytes(unsigned, sign(device, concatBytes(labelBytes("row"), unsigned)));
}

/** The plaintext of `inner` padded as the rule says. */
export function padded(inner: Bytes): Bytes {
  const around = HEADER_BYTES + 24 + 16 + 64;
  const plain = new Uint8Array(paddedSize(around + 4 + inner.length) - around);
  plain.set(u32(inner.length));
  plain.set(inner, 4);
  return plain;
}

export const inner = (flags: number, body: Bytes, part = 0, parts = 1): Bytes =>
  concatBytes(
    new Uint8Array(38),
    new Uint8Array([0, part, 0, parts, flags, 3, 1]),
    utf8("d"),
    body,
  );
