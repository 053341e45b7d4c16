import { readFileSync } from "node:fs";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bytes, concatBytes, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { seal } from "../../src/crypto/aead.ts";
import { sign } from "../../src/crypto/device.ts";
import { u32 } from "../../src/crypto/hash.ts";
import {
  CARET_MAX_BYTES,
  encodePresence,
  FIELD_MAX_BYTES,
  openPresence,
  type Presence,
  type PresenceContext,
  PRESENCE_BYTES,
  presenceDigest,
  presenceKey,
  roomForChallenges,
} from "../../src/crypto/presence.ts";
import { device, keys, noise, other, seededRandom, stream, wireId } from "./samples.ts";
import { presenceVectors } from "./vectors.ts";

const context = { ...stream, epoch: keys.epoch };
const key = presenceKey(keys);
const by = { device, key };
const signKeyOf = (id: string) => (id === device.id ? device.signKey : null);
const said: Omit<Presence, "device"> = {
  replica: "ab".repeat(16),
  counter: 7,
  leaves: false,
  document: wireId,
  digest: "0011223344556677",
  challenge: "8899aabbccddeeff",
  field: "context",
  caret: { anchor: noise(12, "anchor"), head: noise(12, "head") },
  heard: ["01".repeat(8), "02".repeat(8)],
};
const message = encodePresence(context, said, by, seededRandom("nonce"));
const open = (bytes: Bytes, where: PresenceContext = context) =>
  openPresence(bytes, where, key, signKeyOf);

test("C20: a message has 512 bytes, whatever it says, and opens to that", () => {
  const empty = { ...said, digest: null, field: null, caret: null, heard: [], leaves: true };
  const full = {
    ...said,
    field: "x".repeat(FIELD_MAX_BYTES),
    caret: { anchor: noise(CARET_MAX_BYTES), head: noise(CARET_MAX_BYTES, "head") },
  };
  const room = roomForChallenges(full);
  expect(room).toBe(30);
  const heard = Array.from({ length: room }, (_, i) => toHex(noise(8, `${i}`)));
  for (const each of [said, empty, { ...full, heard }]) {
    const bytes = encodePresence(context, each, by, seededRandom("each"));
    expect(bytes.length).toBe(PRESENCE_BYTES);
    expect(open(bytes)).toEqual({ ...each, device: device.id });
  }
  for (const tooMuch of [
    { field: "x".repeat(FIELD_MAX_BYTES + 1) },
    { caret: { anchor: noise(CARET_MAX_BYTES + 1), head: noise(1) } },
    { heard: [...Array(roomForChallenges(said) + 1).keys()].map(() => "00".repeat(8)) },
  ])
    expect(() => encodePresence(context, { ...said, ...tooMuch }, by, seededRandom(""))).toThrow(
      RangeError,
    );
});

test("C20: with any byte changed, cut or added it is nothing, and so is one of another stream, epoch or device", () => {
  for (let at = 0; at < message.length; at++) {
    const changed = message.slice();
    changed[at] = (changed[at] as number) ^ 1;
    expect(open(changed)).toBe(null);
  }
  for (const bytes of [message.slice(0, -1), concatBytes(message, noise(1)), noise(0)])
    expect(open(bytes as Bytes)).toBe(null);
  expect(open(message, { ...context, project: null })).toBe(null);
  expect(open(message, { ...context, epoch: 2 })).toBe(null);
  expect(open(message, { ...context, team: "00".repeat(16) })).toBe(null);
  expect(openPresence(message, context, presenceKey({ ...keys, epoch: 2 }), signKeyOf)).toBe(null);
  expect(openPresence(message, context, key, () => other.signKey)).toBe(null);
  const byOther = encodePresence(context, said, { device: other, key }, seededRandom("other"));
  expect(open(byOther)).toBe(null);
});

test("C20: a row's signature is none of a message, and content has one form", () => {
  const plainOf = (bytes: Bytes) =>
    xchacha20poly1305(key.reveal(), bytes.slice(1, 25), aad()).decrypt(bytes.slice(25));
  const resealed = (change: (content: Bytes) => void, label = "presence") => {
    const content = plainOf(message).slice(0, 407) as Bytes;
    change(content);
    const signed = concatBytes(utf8(`operon/1/${label}\0`), aad().slice(18), content);
    const plain = concatBytes(content, sign(device, signed));
    return concatBytes(Uint8Array.of(1), seal(plain, aad(), key, seededRandom("again")));
  };
  expect(open(resealed(() => undefined))).toEqual({ ...said, device: device.id });
  expect(open(resealed(() => undefined, "row"))).toBe(null);
  const wrong: readonly ((content: Bytes) => void)[] = [
    (content) => void (content[406] = 1), // behind the zeros
    (content) => void (content[38] = 128), // a flag that is not there yet
    (content) => void (content[71] = 200), // a longer field
    (content) => void (content[72] = 0xff), // no UTF-8
    (content) => void (content[79] = 0), // half a caret
  ];
  for (const change of wrong) expect(open(resealed(change))).toBe(null);
});

test("C20: no bytes make it throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => open(bytes.slice()) === null),
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 471, maxLength: 471 }), (plain) => {
      const bytes = seal(plain, aad(), key, seededRandom("any"));
      return (
        openPresence(concatBytes(Uint8Array.of(1), bytes), context, key, () => device.signKey) ===
        null
      );
    }),
  );
});

test("C21: the digest differs with key, epoch, document and snapshot", () => {
  const all = [
    presenceDigest(keys, wireId, utf8("one")),
    presenceDigest(keys, wireId, utf8("two")),
    presenceDigest(keys, "00".repeat(16), utf8("one")),
    presenceDigest({ ...keys, epoch: 2 }, wireId, utf8("one")),
    presenceDigest({ ...keys, epochKey: keys.idKey }, wireId, utf8("one")),
  ];
  expect(new Set(all).size).toBe(all.length);
  for (const digest of all) expect(digest).toMatch(/^[0-9a-f]{16}$/);
});

const frozenText = () => readFileSync(`${import.meta.dirname}/../vectors/presence.json`, "utf8");
const frozen = () => JSON.parse(frozenText()) as ReturnType<typeof presenceVectors>;

test("C15: messages are made as frozen", () => {
  const bump = "the format of presence changed: it needs a new version byte";
  expect(JSON.parse(JSON.stringify(presenceVectors())), bump).toEqual(frozen());
});

test("C16: another implementation, on other libraries, reads the frozen messages", () => {
  const { messages, said: all, key: frozenKey, signKey } = frozen();
  const derived = (label: string, ...parts: readonly Uint8Array[]) =>
    concatBytes(utf8(`operon/1/${label}\0`), ...parts.flatMap((part) => [u32(part.length), part]));
  expect(frozenKey).toBe(
    toHex(
      blake2b(derived("presence key", utf8(keys.team), u32(keys.epoch)), {
        key: keys.epochKey.reveal(),
        dkLen: 32,
      }),
    ),
  );
  expect(frozen().digestOfASnapshot).toBe(
    toHex(
      blake2b(derived("presence digest", u32(keys.epoch), utf8(wireId), utf8("a snapshot")), {
        key: keys.epochKey.reveal(),
        dkLen: 8,
      }),
    ),
  );
  for (const [name, hex] of Object.entries(messages)) {
    const bytes = fromHex(hex);
    const project = name === "of the team" ? "00".repeat(16) : undefined;
    const authenticated = aad(project);
    const plain = xchacha20poly1305(fromHex(frozenKey), bytes.slice(1, 25), authenticated).decrypt(
      bytes.slice(25),
    );
    const signed = concatBytes(authenticated, plain.slice(0, 407));
    expect(ed25519.verify(plain.slice(407), signed, fromHex(signKey), { zip215: false })).toBe(
      true,
    );
    expect(read(Buffer.from(plain.slice(0, 407)))).toEqual({
      ...all[name],
      device: frozen().device,
    });
  }
});

function aad(project = stream.project): Uint8Array {
  return concatBytes(
    utf8("operon/1/presence\0"),
    Uint8Array.of(1),
    fromHex(stream.team),
    fromHex(project),
    u32(keys.epoch),
  );
}

function read(content: Buffer): unknown {
  let at = 0;
  const take = (sizeBytes: number) => content.subarray(at, (at += sizeBytes));
  const hex = (sizeBytes: number) => take(sizeBytes).toString("hex");
  const short = () => take(take(1)[0] as number);
  const [id, replica, counter] = [hex(16), hex(16), take(6).readUIntBE(0, 6)];
  const [flags] = take(1) as unknown as readonly [number];
  const [document, digest, challenge] = [hex(16), hex(8), hex(8)];
  const [field, anchor, head] = [short().toString(), short(), short()];
  const heard = Array.from({ length: take(1)[0] as number }, () => hex(8));
  expect(content.subarray(at).every((byte) => byte === 0)).toBe(true);
  return {
    device: id,
    replica,
    counter,
    leaves: (flags & 1) === 1,
    document,
    digest: flags & 2 ? digest : null,
    challenge,
    field: field === "" ? null : field,
    caret:
      anchor.length > 0 ? { anchor: anchor.toString("hex"), head: head.toString("hex") } : null,
    heard,
  };
}
