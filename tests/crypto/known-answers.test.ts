/** What others published, and that no primitive of src/crypto is without an answer from somebody else. */
import {
  argon2Sync,
  createPrivateKey,
  sign as nodeSign,
  verify as nodeVerify,
  createPublicKey,
} from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { constants, deflateRawSync } from "node:zlib";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { argon2id } from "@noble/hashes/argon2.js";
import { blake2b } from "@noble/hashes/blake2.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bytes, concatBytes, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import { seal, unseal } from "../../src/crypto/aead.ts";
import { deviceOf, sign, signKeyOf, verify } from "../../src/crypto/device.ts";
import { derive, type Label, labelBytes, sha256, u32 } from "../../src/crypto/hash.ts";
import { deriveKek, KDF_LIMITS, stretch } from "../../src/crypto/kdf.ts";
import { isUsableBoxKey, openBox, sealTo } from "../../src/crypto/log/box.ts";
import { paddedSize } from "../../src/crypto/padding.ts";
import { openRow, PART_BYTES, ROW_MAX_BYTES } from "../../src/crypto/row.ts";
import { sodium } from "../../src/crypto/sodium.ts";
import { padme } from "./reader.ts";
import { inner, padded, rogueRow } from "./rogue.ts";
import { device, key, noise, QUICK, seededRandom, stream } from "./samples.ts";

const crypto = `${import.meta.dirname}/../../src/crypto`;
const sources = readdirSync(crypto, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(`${crypto}/${file}`, "utf8"));
const found = (pattern: RegExp) =>
  [...new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map(([, one]) => one)))]
    .map(String)
    .toSorted();
const labels = [
  ...(readFileSync(`${crypto}/hash.ts`, "utf8").match(/type Label =([^;]+);/)?.[1] ?? "").matchAll(
    /"([^"]+)"/g,
  ),
].map(([, label]) => label as Label);
const exactly = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((each) => each.slice() as Bytes);
const some = fc.uint8Array({ maxLength: 300 }).map((each) => each.slice() as Bytes);
const spki = (signKey: Bytes) =>
  createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), signKey]),
    format: "der",
    type: "spki",
  });

test("C16: these are the primitives that are used; a new one needs its answers here", () => {
  expect(found(/sodium\.(crypto_\w+)/g)).toEqual([
    "crypto_aead_xchacha20poly1305_ietf_decrypt",
    "crypto_aead_xchacha20poly1305_ietf_encrypt",
    "crypto_generichash",
    "crypto_hash_sha256",
    "crypto_pwhash",
    "crypto_pwhash_ALG_ARGON2ID13",
    "crypto_scalarmult",
    "crypto_scalarmult_base",
    "crypto_sign_detached",
    "crypto_sign_seed_keypair",
    "crypto_sign_verify_detached",
  ]);
  expect(found(/import \{ (\w+(?:, \w+)*) \} from "fflate"/g)).toEqual([
    "deflateSync, inflateSync",
  ]);
  expect(found(/from "([^."][^"]*)"/g)).toEqual([
    "@scure/bip39/wordlists/english.js",
    "fflate",
    "libsodium-wrappers-sumo",
  ]);
});

test("C16: SHA-256 of FIPS 180-4", () => {
  const published = {
    abc: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq:
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  };
  for (const [text, hash] of Object.entries(published))
    expect(toHex(sha256(utf8(text)))).toBe(hash);
});

test("C16: Ed25519 of RFC 8032, and signatures that Node makes", () => {
  const published = [
    [
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
      "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
  ].map((row) => row.map(fromHex)) as [Bytes, Bytes, Bytes, Bytes][];
  for (const [seed, signKey, message, signature] of published) {
    const signer = deviceOf(seed, noise(32));
    expect(signer.signKey).toEqual(signKey);
    expect(sign(signer, message)).toEqual(signature);
    expect(verify(signKey, message, signature)).toBe(true);
    const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
    const node = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
    expect(verify(signKey, noise(99), new Uint8Array(nodeSign(null, noise(99), node)))).toBe(true);
  }
});

test("C16: Ed25519: of changed signatures, keys and messages all three say the same", () => {
  const place = fc.record({ at: fc.nat({ max: 63 }), bit: fc.nat({ max: 7 }) });
  const which = fc.constantFrom("signature", "key", "message", "none");
  fc.assert(
    fc.property(exactly(32), exactly(64), place, which, (seed, message, { at, bit }, what) => {
      const signKey = signKeyOf(seed);
      const given = {
        signature: sign(deviceOf(seed, noise(32)), message),
        key: signKey.slice(),
        message: message.slice(),
        none: new Uint8Array(1),
      };
      const changed = given[what];
      changed[at % changed.length] = (changed[at % changed.length] as number) ^ (1 << bit);
      const good = what === "none";
      expect(verify(given.key, given.message, given.signature)).toBe(good);
      const strict = { zip215: false };
      expect(ed25519.verify(given.signature, given.message, given.key, strict)).toBe(good);
      expect(nodeVerify(null, given.message, spki(given.key), given.signature)).toBe(good);
    }),
    { numRuns: 200 },
  );
});

test("C16: X25519 of RFC 7748", () => {
  const alice = fromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const bob = fromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const ofAlice = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
  const ofBob = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
  const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  expect(toHex(deviceOf(noise(32), alice).boxKey)).toBe(ofAlice);
  expect(toHex(deviceOf(noise(32), bob).boxKey)).toBe(ofBob);
  expect(toHex(sodium.crypto_scalarmult(alice, fromHex(ofBob)))).toBe(shared);
  expect(toHex(sodium.crypto_scalarmult(bob, fromHex(ofAlice)))).toBe(shared);
});

test("C16: nothing is sealed to a point of small order, in any of its forms", () => {
  const points = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ].map(fromHex);
  for (const point of points) {
    const high = point.slice();
    high[31] = (high[31] as number) | 128;
    for (const form of [point, high]) {
      expect(isUsableBoxKey(form)).toBe(false);
      expect(() => x25519.getSharedSecret(noise(32), form)).toThrow(
        "invalid private or public key",
      );
      expect(openBox(device, concatBytes(form, noise(60)), noise(1))).toBe(null);
    }
  }
  expect(isUsableBoxKey(device.boxKey)).toBe(true);
});

test("C16: a sealed box: noble makes the same bytes, opens ours, and ours opens noble's", () => {
  fc.assert(
    fc.property(exactly(32), exactly(32), some, some, (secret, ephemeral, plain, context) => {
      const reader = deviceOf(noise(32), secret);
      const { boxKey } = reader;
      const nonce = noise(24);
      const theirs = (shared: Uint8Array, ephemeralKey: Uint8Array) => {
        const framed = [u32(32), ephemeralKey, u32(32), boxKey];
        const message = concatBytes(utf8("operon/1/key box key\0"), ...framed);
        return xchacha20poly1305(blake2b(message, { key: shared, dkLen: 32 }), nonce, context);
      };
      const ephemeralKey = x25519.getPublicKey(ephemeral);
      const made = concatBytes(
        ephemeralKey,
        nonce,
        theirs(x25519.getSharedSecret(ephemeral, boxKey), ephemeralKey).encrypt(plain),
      );
      const box = sealTo(boxKey, plain, context, (size) => (size === 32 ? ephemeral : nonce));
      expect(box).toEqual(made);
      expect(openBox(reader, made, context)).toEqual(plain);
      const agreed = x25519.getSharedSecret(secret, box.slice(0, 32));
      const opened = theirs(agreed, box.slice(0, 32)).decrypt(box.slice(56));
      expect(opened.slice()).toEqual(plain);
    }),
    { numRuns: 60 },
  );
});

test("C16: XChaCha20-Poly1305 of draft-irtf-cfrg-xchacha", () => {
  const plain = utf8(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const authenticated = fromHex("50515253c0c1c2c3c4c5c6c7");
  const secret = new Secret(Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i));
  const nonce = Uint8Array.from({ length: 24 }, (_, i) => 0x40 + i);
  const sealed = seal(plain, authenticated, secret, () => nonce);
  expect(toHex(sealed.subarray(24))).toBe(
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e" +
      "c0875924c1c7987947deafd8780acf49",
  );
  expect(unseal(sealed, authenticated, secret)).toEqual(plain);
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.with(at, (sealed[at] as number) ^ 1);
    expect(unseal(changed, authenticated, secret)).toBe(null);
    const theirs = xchacha20poly1305(secret.reveal(), changed.slice(0, 24), authenticated);
    expect(() => theirs.decrypt(changed.slice(24))).toThrow("invalid tag");
  }
});

test("C16: BLAKE2b of RFC 7693, and under every label with any parts", () => {
  expect(toHex(sodium.crypto_generichash(64, utf8("abc"), null))).toBe(
    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
  );
  expect(labels.length).toBeGreaterThan(25);
  const parts = fc.array(some, { maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...labels), exactly(32), parts, (label, secret, said) => {
      const framed = said.flatMap((part) => {
        const size = Buffer.alloc(4);
        size.writeUInt32BE(part.length);
        return [size, part];
      });
      const message = Buffer.concat([Buffer.from(`operon/1/${label}\0`), ...framed]);
      const theirs = blake2b(message, { key: secret, dkLen: 32 });
      expect(toHex(derive(new Secret(secret), label, said))).toBe(toHex(theirs));
    }),
    { numRuns: 500 },
  );
});

test("C16: no label is another one's beginning, so no labelled message is another one's", () => {
  const all = labels.map((label) => toHex(labelBytes(label)));
  expect(new Set(all).size).toBe(labels.length);
  for (const one of all) expect(all.filter((other) => other.startsWith(one))).toEqual([one]);
});

test("C16: Argon2id: noble keeps RFC 9106, and with it and Node's we agree, at the floor too", () => {
  const fill = (size: number, byte: number) => new Uint8Array(size).fill(byte);
  const published = argon2id(fill(32, 1), fill(16, 2), {
    ...{ t: 3, m: 32, p: 4, dkLen: 32 },
    ...{ key: fill(8, 3), personalization: fill(12, 4) },
  });
  expect(toHex(published)).toBe("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
  const teamSecret = noise(16, "team secret");
  const kekBy = (stretched: Uint8Array) =>
    toHex(derive(new Secret(stretched.slice() as Bytes), "kek", [teamSecret]));
  const words = "Zürich grüßt sechs müde Wörter";
  const salt = noise(16, "salt");
  for (const [ops, memoryKiB] of [
    [1, 8],
    [2, 100],
    [3, 1024],
    [KDF_LIMITS.minOps, KDF_LIMITS.minMemoryKiB],
  ] as const) {
    const floor = memoryKiB === KDF_LIMITS.minMemoryKiB;
    const kdf = { ops, memoryKiB, salt };
    const limits = floor ? KDF_LIMITS : QUICK;
    const own = unwrap(stretch(new Secret(words), kdf, limits));
    const kek = deriveKek(own, new Secret(teamSecret));
    const node = argon2Sync("argon2id", {
      ...{ message: words.normalize("NFKC"), nonce: salt, passes: ops, memory: memoryKiB },
      ...{ parallelism: 1, tagLength: 32 },
    });
    expect(toHex(kek.reveal())).toBe(kekBy(node));
    if (floor) continue;
    const noble = argon2id(utf8(words.normalize("NFKC")), salt, { t: ops, m: memoryKiB, p: 1 });
    expect(kekBy(noble)).toBe(kekBy(node));
  }
});

test("C16: Padmé's sizes are those of the paper, for every size a row can have", () => {
  const sizes = Array.from({ length: ROW_MAX_BYTES + 1 }, (_, size) => size);
  expect(sizes.filter((size) => paddedSize(size) !== padme(size))).toEqual([]);
});

test("C16: a body that zlib deflated, at any level and with any strategy, is read", () => {
  const open = (row: Bytes) =>
    openRow(row, stream, { by: "signature", signKey: device.signKey }, () => key);
  const { Z_FILTERED, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = constants;
  const bodies = [
    utf8("the same words ".repeat(500)),
    new Uint8Array(PART_BYTES),
    noise(5000),
    Uint8Array.from({ length: 70_000 }, (_, i) => (i * i) >> 9),
    new Uint8Array(1),
  ];
  for (const body of bodies)
    for (const level of [0, 1, 6, 9])
      for (const strategy of [0, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED]) {
        const packed = deflateRawSync(body, { level, strategy });
        const opened = open(rogueRow(padded(inner(1, concatBytes(u32(body.length), packed)))));
        expect(unwrap(opened).content.body).toEqual(body);
      }
});

test("C16: random bytes are the ones that are passed in, each once", () => {
  const asked: number[] = [];
  const random = seededRandom("asked");
  seal(utf8("a"), utf8("b"), key, (size) => {
    asked.push(size);
    return random(size);
  });
  sealTo(device.boxKey, utf8("a"), utf8("b"), (size) => {
    asked.push(size);
    return random(size);
  });
  expect(asked).toEqual([24, 32, 24]);
});
