/** The format is frozen: what other devices and stored rows rely on. */
import {
  argon2Sync,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  verify as nodeVerify,
} from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { type Bytes, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import { derive, KEY_BYTES, sha256 } from "../../src/crypto/hash.ts";
import { KEY_RECORD_VERSION, openKeyRecord } from "../../src/crypto/key-record.ts";
import { packTeamKeys } from "../../src/crypto/team.ts";
import { openRow, rowHash } from "../../src/crypto/row.ts";
import { sodium } from "../../src/crypto/sodium.ts";
import frozenKeys from "../vectors/keys.json" with { type: "json" };
import frozenRows from "../vectors/rows.json" with { type: "json" };
import { content, device, key, keys, QUICK, stream, TEAM } from "./samples.ts";
import { keyVectors, rowVectors } from "./vectors.ts";

const BUMP =
  "the wire format changed: bump the version, keep reading the old one, and add vectors beside these";

test("C15: keys and records are made as frozen", () => {
  expect(keyVectors(), BUMP).toEqual(frozenKeys);
});

test("C15: rows are made as frozen", () => {
  expect(rowVectors(), BUMP).toEqual(frozenRows);
});

test("C15: frozen rows and records are read", () => {
  const { plain, "of the team": ofTeam } = frozenRows.rows;
  const opened = unwrap(
    openRow(fromHex(plain), stream, { by: "signature", signKey: device.signKey }, () => key),
  );
  expect(opened.content, BUMP).toEqual(content());
  const proof = { by: "signature", signKey: device.signKey } as const;
  expect(openRow(fromHex(ofTeam), { ...stream, project: null }, proof, () => key).ok, BUMP).toBe(
    true,
  );
  const record = fromHex(frozenKeys.keyRecord);
  expect(record[0]).toBe(KEY_RECORD_VERSION);
  const read = unwrap(
    openKeyRecord(record, TEAM, new Secret(frozenKeys.passphrase), keys.teamSecret, QUICK),
  );
  expect(packTeamKeys(read).reveal(), BUMP).toBe(packTeamKeys(keys).reveal());
});

test("C16: another implementation, on Node's own primitives, reads the frozen rows", () => {
  for (const [name, hex] of Object.entries(frozenRows.rows)) {
    const row = Buffer.from(hex, "hex");
    const unsigned = row.subarray(0, -64);
    const signedMessage = Buffer.concat([Buffer.from("operon/1/row\0"), unsigned]);
    expect(
      nodeVerify(null, signedMessage, publicKey(frozenRows.signKey), row.subarray(-64)),
      name,
    ).toBe(true);
    const plain = openXChaCha(
      unsigned.subarray(123),
      row.subarray(0, 123),
      Buffer.from(frozenRows.key, "hex"),
    );
    const inner = plain.subarray(4, 4 + plain.readUInt32BE(0));
    const nameEnd = 45 + (inner[44] as number);
    const body =
      inner[42] === 1 ? inflateRawSync(inner.subarray(nameEnd + 4)) : inner.subarray(nameEnd);
    const proof = { by: "signature", signKey: device.signKey } as const;
    const where = name === "of the team" ? { ...stream, project: null } : stream;
    const opened = unwrap(openRow(fromHex(hex), where, proof, () => key));
    expect(inner.subarray(45, nameEnd).toString()).toBe(opened.content.document);
    expect(toHex(body)).toBe(toHex(opened.content.body));
    expect(createHash("sha256").update(row).digest("hex")).toBe(toHex(rowHash(fromHex(hex))));
  }
});

test("C16: SHA-256, X25519, BLAKE2b and Argon2id agree with Node's", () => {
  const text = utf8("the same words");
  expect(toHex(sha256(text))).toBe(createHash("sha256").update(text).digest("hex"));
  expect(toHex(sodium.crypto_generichash(64, text, null))).toBe(
    createHash("blake2b512").update(text).digest("hex"),
  );
  const shared = diffieHellman({
    privateKey: createPrivateKey({
      key: Buffer.concat([
        Buffer.from("302e020100300506032b656e04220420", "hex"),
        device.secret.reveal().boxSecret,
      ]),
      format: "der",
      type: "pkcs8",
    }),
    publicKey: createPublicKey({
      key: Buffer.concat([Buffer.from("302a300506032b656e032100", "hex"), device.boxKey]),
      format: "der",
      type: "spki",
    }),
  });
  const ours = sodium.crypto_scalarmult(device.secret.reveal().boxSecret, device.boxKey);
  expect(toHex(ours)).toBe(shared.toString("hex"));
  const { ops, memoryKiB, salt } = frozenKeys.kdf;
  const parameters = { parallelism: 1, tagLength: KEY_BYTES, memory: memoryKiB, passes: ops };
  const stretched = argon2Sync("argon2id", {
    message: frozenKeys.passphrase.normalize("NFKC"),
    nonce: Buffer.from(salt, "hex"),
    ...parameters,
  });
  const kek = derive(new Secret(new Uint8Array(stretched)), "kek", [
    fromHex(frozenKeys.teamSecret),
  ]);
  expect(toHex(kek)).toBe(frozenKeys.kek);
});

test("C16: keyed BLAKE2b is the published one", () => {
  const published =
    "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568";
  const longKey = Uint8Array.from({ length: 64 }, (_, i) => i);
  expect(toHex(sodium.crypto_generichash(64, new Uint8Array(), longKey))).toBe(published);
});

function publicKey(hex: string) {
  const der = Buffer.concat([
    Buffer.from("302a300506032b6570032100", "hex"),
    Buffer.from(hex, "hex"),
  ]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

function openXChaCha(sealed: Buffer, authenticated: Buffer, secret: Buffer): Buffer {
  const subkey = hChaCha20(secret, sealed.subarray(0, 16));
  const nonce = Buffer.concat([Buffer.alloc(4), sealed.subarray(16, 24)]);
  const text = sealed.subarray(24, -16);
  const cipher = createDecipheriv("chacha20-poly1305", subkey, nonce, { authTagLength: 16 });
  cipher.setAuthTag(sealed.subarray(-16));
  cipher.setAAD(authenticated, { plaintextLength: text.length });
  return Buffer.concat([cipher.update(text), cipher.final()]);
}

/** The first half of XChaCha20: 20 rounds over constants, key and 16 bytes of nonce; words 0–3 and 12–15 are the key. */
function hChaCha20(secret: Buffer, nonce: Buffer): Bytes {
  const words = new Uint32Array(16);
  const input = Buffer.concat([Buffer.from("expand 32-byte k"), secret, nonce]);
  for (let i = 0; i < 16; i++) words[i] = input.readUInt32LE(4 * i);
  const at = (i: number) => words[i] as number;
  const turn = (to: number, add: number, mix: number, bits: number) => {
    words[to] = at(to) + at(add);
    const mixed = at(mix) ^ at(to);
    words[mix] = (mixed << bits) | (mixed >>> (32 - bits));
  };
  const quarter = (a: number, b: number, c: number, d: number) => {
    turn(a, b, d, 16);
    turn(c, d, b, 12);
    turn(a, b, d, 8);
    turn(c, d, b, 7);
  };
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) quarter(i, 4 + i, 8 + i, 12 + i);
    for (let i = 0; i < 4; i++)
      quarter(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4));
  }
  const out = Buffer.alloc(32);
  [0, 1, 2, 3, 12, 13, 14, 15].forEach((word, i) => out.writeUInt32LE(at(word), 4 * i));
  return new Uint8Array(out);
}
