/**
 * What anybody may send, a member who has all keys too: a decoder says no, with a fault of its own, and takes memory for what
 * came and not for what that claims.
 */
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, expect, test, vi } from "vitest";
import { type Bytes, concatBytes, fromHex, toBase64Url, utf8 } from "../../src/base/bytes.ts";
import { Secret } from "../../src/base/secret.ts";
import { seal } from "../../src/crypto/aead.ts";
import { inGroups, toBase32 } from "../../src/crypto/base32.ts";
import { deriveKey, type Label, labelBytes, sha256, u32 } from "../../src/crypto/hash.ts";
import { peekHeader } from "../../src/crypto/header.ts";
import { newKdf, stretch } from "../../src/crypto/kdf.ts";
import { openKeyRecord, openStretched, sealKeyRecord } from "../../src/crypto/key-record.ts";
import { openBox, sealTo } from "../../src/crypto/log/box.ts";
import { decodeEntry } from "../../src/crypto/log/entry.ts";
import { openEpochChain } from "../../src/crypto/log/epoch.ts";
import { openBundle, parseTeamInvite } from "../../src/crypto/log/invite.ts";
import { openKeys } from "../../src/crypto/log/key-box.ts";
import { openPerson } from "../../src/crypto/log/person.ts";
import { parseKit } from "../../src/crypto/log/recovery.ts";
import { openRow, PART_BYTES, ROW_MAX_BYTES } from "../../src/crypto/row.ts";
import { everyKind } from "./log/every-kind.ts";
import { DEVICES } from "./log/world.ts";
import { inner, padded, rogueRow } from "./rogue.ts";
import { device, key, keys, noise, QUICK, seededRandom, stream, TEAM } from "./samples.ts";

/** All bytes that were asked for by their number, in typed arrays and buffers, of src and its packages. */
const memory = vi.hoisted(() => {
  const asked = { bytes: 0 };
  const names = ["ArrayBuffer", "Uint8Array", "Uint16Array", "Int32Array", "Uint32Array"] as const;
  const global = globalThis as unknown as Record<string, new (...args: unknown[]) => object>;
  const real = names.map((name) => [name, global[name]] as const);
  for (const [name, Real] of real) {
    const unit = (Real as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    const counted: typeof Real = new Proxy(Real as new (...args: unknown[]) => object, {
      construct(target, args: unknown[], by) {
        if (typeof args[0] === "number") asked.bytes += args[0] * unit;
        return Reflect.construct(target, args, by === counted ? target : by) as object;
      },
    });
    global[name] = counted;
  }
  const restore = () => Object.assign(globalThis, Object.fromEntries(real));
  return { asked, restore };
});
afterAll(() => memory.restore());

const KIB = 1024;
/** Twice what a body may have, and the tables of an inflater. */
const ROW_EXTRA_BYTES = 2 * PART_BYTES + 256 * KIB;

/** Runs a decoder, and holds what it takes against what it was given. */
function within<T>(given: { readonly length: number }, extraBytes: number, decode: () => T): T {
  const before = memory.asked.bytes;
  const answer = decode();
  expect(memory.asked.bytes - before).toBeLessThan(8 * given.length + extraBytes);
  return answer;
}

const bySignature = { by: "signature", signKey: device.signKey } as const;
const open = (row: Bytes) => openRow(row, stream, bySignature, () => key);
const openRogue = (content: Bytes, extraBytes = ROW_EXTRA_BYTES) => {
  const row = rogueRow(padded(content));
  const opened = within(row, extraBytes, () => open(row));
  return opened.ok ? null : opened.fault.type;
};
const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((each) => each.slice() as Bytes);

/** A few bytes of `of` set, taken out or put in, some of them so that a length is as large as it can be. */
const mutated = (of: readonly Bytes[]) =>
  fc
    .tuple(
      fc.constantFrom(...of),
      fc.array(
        fc.record({
          at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          out: fc.nat({ max: 4 }),
          into: fc.oneof(bytes(4), fc.constantFrom(...[1, 2, 4].map((n) => noise(n).fill(255)))),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    )
    .map(([good, changes]) =>
      changes.reduce((held, { at, out, into }) => {
        const from = Math.floor(at * held.length);
        return concatBytes(held.subarray(0, from), into, held.subarray(from + out));
      }, good),
    );

/** Name and e-mail as they stand in cards and entries, mostly no text at all. */
const twoTexts = (maxLength: number) =>
  fc
    .tuple(bytes(maxLength), bytes(maxLength))
    .map(([name, email]) =>
      concatBytes(Uint8Array.of(name.length), name, Uint8Array.of(email.length), email),
    );

test("C18: the memory that is asked for is seen", () => {
  const before = memory.asked.bytes;
  open(rogueRow(padded(inner(1, concatBytes(u32(9999), deflateRawSync(new Uint8Array(9999)))))));
  expect(memory.asked.bytes - before).toBeGreaterThan(9999);
});

test("C18: a body that claims up to 4 GiB is refused before memory is taken for it", () => {
  const packed = deflateRawSync(utf8("short"));
  for (const claim of [PART_BYTES + 1, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])
    expect(openRogue(inner(1, concatBytes(u32(claim), packed)), 4 * KIB)).toBe("row-content");
  const lying = padded(inner(0, utf8("body")));
  for (const claim of [lying.length, 2 ** 31, 2 ** 32 - 1]) {
    const row = rogueRow(concatBytes(u32(claim), lying.subarray(4)));
    const opened = within(row, 4 * KIB, () => open(row));
    expect(opened.ok ? null : opened.fault.type).toBe("row-padding");
  }
});

test("C18: of bodies that inflate to a thousand times a row no more is kept than they say", () => {
  for (const size of [PART_BYTES + 1, 80 * 2 ** 20])
    for (const claim of [1, 5000, PART_BYTES]) {
      const bomb = deflateRawSync(new Uint8Array(size), { level: 9 });
      const row = inner(1, concatBytes(u32(claim), bomb));
      expect(row.length).toBeLessThan(ROW_MAX_BYTES);
      expect(openRogue(row)).toBe("row-content");
    }
  const stored = deflateRawSync(noise(200_000), { level: 0 });
  expect(openRogue(inner(1, concatBytes(u32(100), stored)))).toBe("row-content");
});

test("C18: 3,000 contents of rows, changed and sealed by a member: opened or refused, within bounds", () => {
  const text = utf8("the same words ".repeat(40));
  const deflated = (level: number) =>
    inner(1, concatBytes(u32(text.length), deflateRawSync(text, { level })));
  const good = [inner(0, text), deflated(0), deflated(1), deflated(9), inner(1, noise(300))];
  const declared = new Set([null, "row-content", "row-unknown"]);
  const seen = new Set<string | null>();
  fc.assert(
    fc.property(mutated(good), (content) => {
      const fault = openRogue(content);
      seen.add(fault);
      return declared.has(fault);
    }),
    { numRuns: 3000, seed: 18 },
  );
  expect(seen).toEqual(declared);
});

test("C18: rows changed or made up: refused, within bounds", () => {
  const good = [rogueRow(padded(inner(0, noise(40)))), rogueRow(padded(inner(0, noise(900))))];
  fc.assert(
    fc.property(fc.oneof(mutated(good), bytes(3000)), (row) => {
      within(row, KIB, () => peekHeader(row));
      const opened = within(row, 4 * KIB, () => open(row));
      return !opened.ok || good.some((each) => each.length === row.length);
    }),
    { numRuns: 3000, seed: 18 },
  );
});

test("C18: key records from a server: one of three faults, within what its settings are allowed", () => {
  const words = new Secret("some words");
  const stretched = stretch(words, newKdf(seededRandom("salt"), QUICK), QUICK);
  if (!stretched.ok) throw new Error("not stretched");
  const record = sealKeyRecord(keys, stretched.value, seededRandom("wrap"));
  const faults = new Set(["key-record", "kdf-refused", "wrong-passphrase"]);
  fc.assert(
    fc.property(fc.oneof(mutated([record]), bytes(200)), (made) => {
      const read = () => openKeyRecord(made, TEAM, words, keys.teamSecret, QUICK);
      const opened = within(made, 4 * KIB, read);
      const kept = within(made, 4 * KIB, () => openStretched(made, keys));
      return (
        (opened.ok || faults.has(opened.fault.type)) &&
        (kept.ok || kept.fault.type === "key-record")
      );
    }),
    { numRuns: 1000, seed: 18 },
  );
});

test("C18: texts of invites and kits with a checksum that fits, of any size", () => {
  const withSum = (body: Bytes, label: Label) =>
    concatBytes(body, sha256(concatBytes(labelBytes(label), body)).subarray(0, 4));
  const size = fc.oneof(fc.nat({ max: 120 }), fc.constantFrom(37, 33, 49, 69, 300_000));
  const body = fc.tuple(size, fc.boolean(), bytes(120)).map(([length, first, noisy]) => {
    const made = new Uint8Array(length).fill(97);
    made.set(noisy.subarray(0, length));
    if (first && length > 0) made[0] = 1;
    return made;
  });
  fc.assert(
    fc.property(body, (made) => {
      const next = `operon2_${toBase64Url(withSum(made, "invite text"))}`;
      const parsedNext = within(next, KIB, () => parseTeamInvite(next));
      if (made.length > 1000) return !parsedNext.ok;
      const kit = inGroups(toBase32(withSum(made, "recovery kit")));
      const parsedKit = within(kit, KIB, () => parseKit(kit));
      return !parsedKit.ok || made.length === 33;
    }),
    { numRuns: 500, seed: 18 },
  );
});

test("C18: what belongs to a log (entries, boxes, bundles, records, persons): refused or read, within bounds", () => {
  const { samples, log, rotation, invites } = everyKind();
  const { state } = log;
  const entries = samples.map((sample) => sample.bytes);
  fc.assert(
    fc.property(mutated(entries), (entry) => {
      const decoded = within(entry, 4 * KIB, () => decodeEntry(entry));
      return decoded.ok || ["log-malformed", "log-unknown"].includes(decoded.fault.type);
    }),
    { numRuns: 3000, seed: 18 },
  );
  const invite = Object.values(invites)[0];
  const person = deriveKey(log.keys.idKey, "log person key");
  const about = concatBytes(labelBytes("log person"), fromHex(DEVICES.cy.id));
  const boxes = [...rotation.boxes.values()];
  fc.assert(
    fc.property(fc.oneof(mutated([...boxes, rotation.record]), bytes(500)), (made) => {
      const nobody = within(made, 4 * KIB, () => openKeys(state, made, DEVICES.cy));
      within(made, 4 * KIB, () => openBox(DEVICES.cy, made, noise(3)));
      const box = sealTo(DEVICES.cy.boxKey, made, noise(3), seededRandom("box"));
      expect(within(box, 4 * KIB, () => openBox(DEVICES.cy, box, noise(3)))).toEqual(made);
      const records = new Map([[3, made]]);
      const chain = within(made, 4 * KIB, () => openEpochChain(state, log.keys, records));
      if (invite !== undefined) within(made, 4 * KIB, () => openBundle(state, invite, made));
      return !nobody.ok && !chain.ok;
    }),
    { numRuns: 500, seed: 18 },
  );
  const texts = twoTexts(111).map((said) => concatBytes(said, new Uint8Array(367 - said.length)));
  fc.assert(
    fc.property(fc.oneof(texts, bytes(500)), (made) => {
      const sealed = seal(made, about, person, seededRandom("person"));
      const opened = within(sealed, 4 * KIB, () =>
        openPerson(sealed, DEVICES.cy.id, log.keys.idKey),
      );
      return opened === null || made.length === 367;
    }),
    { numRuns: 500, seed: 18 },
  );
});
