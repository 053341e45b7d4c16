/** Every primitive that src/crypto uses, on arbitrary input, beside an implementation in JavaScript that shares no code. */
import { createHash, createPublicKey, verify as nodeVerify } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { argon2id } from "@noble/hashes/argon2.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { deflateSync } from "fflate";
import { describe, expect, test } from "vitest";
import { type Bytes, concatBytes, equalBytes, utf8 } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import { NONCE_BYTES, seal, unseal } from "../../src/crypto/aead.ts";
import { createDevice, sign, verify } from "../../src/crypto/device.ts";
import { derive, KEY_BYTES, labelBytes, sha256, u32 } from "../../src/crypto/hash.ts";
import { deriveKek, stretch } from "../../src/crypto/kdf.ts";
import { sodium } from "../../src/crypto/sodium.ts";
import { noise, QUICK, seededRandom } from "./samples.ts";

const RUNS = { numRuns: 200 };
const bytes = (most = 300) => fc.uint8Array({ maxLength: most }).map((each) => each.slice());
const exactly = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((each) => each.slice() as Bytes);
function expectSame(ours: Uint8Array, theirs: Uint8Array): void {
  expect(equalBytes(ours, theirs)).toBe(true);
}

describe("C16", () => {
  test("C16: SHA-256", () => {
    expectSame(sha256(utf8("abc")), createHash("sha256").update("abc").digest());
    fc.assert(
      fc.property(bytes(), (text) => expectSame(sha256(text), nobleSha256(text))),
      RUNS,
    );
  });

  test("C16: BLAKE2b, keyed, in both sizes that are used", () => {
    fc.assert(
      fc.property(exactly(KEY_BYTES), bytes(), fc.constantFrom(16, 32), (key, part, size) => {
        const message = concatBytes(labelBytes("document id"), u32(part.length), part);
        const theirs = blake2b(message, { key, dkLen: size });
        expectSame(derive(new Secret(key), "document id", [part], size), theirs);
      }),
      RUNS,
    );
  });

  test("C16: BLAKE2b with a key of 16 bytes, as secrets of invites have", () => {
    const key = noise(16);
    const message = concatBytes(labelBytes("invite proof"), u32(3), utf8("one"));
    expectSame(
      derive(new Secret(key), "invite proof", [utf8("one")]),
      blake2b(message, { key, dkLen: 32 }),
    );
  });

  test("C16: XChaCha20-Poly1305, both ways", () => {
    fc.assert(
      fc.property(exactly(KEY_BYTES), bytes(), bytes(80), (key, plain, authenticated) => {
        const sealed = seal(plain, authenticated, new Secret(key), seededRandom("nonce"));
        const nonce = sealed.slice(0, NONCE_BYTES);
        const theirs = xchacha20poly1305(key, nonce, authenticated).encrypt(plain);
        expectSame(sealed, concatBytes(nonce, theirs));
        expectSame(
          unseal(concatBytes(nonce, theirs), authenticated, new Secret(key)) ?? noise(1),
          plain,
        );
      }),
      RUNS,
    );
  });

  test("C16: Ed25519: keys, signatures, and what each accepts of the other", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), bytes(), (seed, message) => {
        const device = createDevice(seededRandom(seed));
        const { signSeed } = device.secret.reveal();
        const signature = sign(device, message);
        expectSame(device.signKey, ed25519.getPublicKey(signSeed));
        expectSame(signature, ed25519.sign(message, signSeed));
        expect(ed25519.verify(signature, message, device.signKey, { zip215: false })).toBe(true);
        expect(verify(device.signKey, message, signature)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("C16: Ed25519 accepts neither a second form of a signature nor a key of small order", () => {
    const device = createDevice(seededRandom("signs"));
    const signature = sign(device, utf8("one"));
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const scalar = signature.slice(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    const second = signature.slice();
    for (let i = 0, rest = scalar + order; i < 32; i++, rest >>= 8n)
      second[32 + i] = Number(rest & 255n);
    expect(verify(device.signKey, utf8("one"), second)).toBe(false);
    const der = concatBytes(
      Uint8Array.from([0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0]),
      device.signKey,
    );
    const key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
    expect(nodeVerify(null, utf8("one"), key, signature)).toBe(true);
    expect(nodeVerify(null, utf8("one"), key, second)).toBe(false);
    const identity = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
    const forAnything = concatBytes(identity, new Uint8Array(32));
    expect(verify(identity, utf8("anything"), forAnything)).toBe(false);
  });

  test("C16: X25519: public keys and what two agree on", () => {
    fc.assert(
      fc.property(exactly(KEY_BYTES), exactly(KEY_BYTES), (one, two) => {
        const theirs = x25519.getPublicKey(two);
        expectSame(sodium.crypto_scalarmult_base(two), theirs);
        expectSame(sodium.crypto_scalarmult(one, theirs), x25519.getSharedSecret(one, theirs));
      }),
      { numRuns: 50 },
    );
  });

  test("C16: Argon2id", () => {
    const kdf = { ops: 2, memoryKiB: 64, salt: noise(16) };
    const teamSecret = new Secret(noise(16, "team secret"));
    const own = unwrap(stretch(new Secret("Zürich"), kdf, QUICK));
    const kek = deriveKek(own, teamSecret);
    const stretched = argon2id(utf8("Zürich"), kdf.salt, { t: 2, m: 64, p: 1, dkLen: 32 });
    const again = derive(new Secret(stretched), "kek", [teamSecret.reveal()]);
    expectSame(kek.reveal(), again);
  });

  test("C16: deflate", () => {
    fc.assert(
      fc.property(bytes(2000), (text) => expectSame(inflateRawSync(deflateSync(text)), text)),
      RUNS,
    );
  });
});
