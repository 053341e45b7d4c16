import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, concatBytes, equalBytes } from "../../../src/base/bytes.ts";
import { unwrap } from "../../../src/base/result.ts";
import { deviceId as deviceIdOf } from "../../../src/crypto/device.ts";
import { deviceAuthor, signEntry } from "../../../src/crypto/log/author.ts";
import { type Body, KINDS, MAX_FENCES, MAX_LISTED } from "../../../src/crypto/log/body.ts";
import { createEntry } from "../../../src/crypto/log/draft.ts";
import {
  decodeEntry,
  encodeUnsigned,
  ENTRY_MAX_BYTES,
  entryHash,
  FIRST_PLACE,
  teamOf,
  TIME_LIMIT_MS,
} from "../../../src/crypto/log/entry.ts";
import { found, reduce } from "../../../src/crypto/log/reducer.ts";
import { Secret } from "../../../src/base/secret.ts";
import { teamTag } from "../../../src/crypto/header.ts";
import { noise, seededRandom } from "../samples.ts";
import { everyKind } from "./every-kind.ts";
import { DEVICES, fence, forge, MEMBERS, personOf, T0, world, writer } from "./world.ts";

const { samples } = everyKind();
/** An add-device entry. */
const added = samples[0]?.bytes as Bytes;
const { log } = world();
const { state } = log;
const create = log.entries[0] as Bytes;
const by = deviceAuthor(DEVICES.laptop);
const faultOf = (bytes: Uint8Array) => {
  const decoded = decodeEntry(bytes);
  return decoded.ok ? null : decoded.fault.type;
};
const flipped = (bytes: Bytes, at: number, bits: number) => {
  const changed = bytes.slice();
  changed[at] = (changed[at] as number) ^ bits;
  return changed;
};
const idOf = (i: number) => i.toString(16).padStart(32, "0");

describe("L1", () => {
  test("L1: there is a sample of every kind, and each is taken", () => {
    const kinds = samples.map(({ bytes }) => unwrap(decodeEntry(bytes)).body.kind);
    expect(new Set(["create", ...kinds])).toEqual(new Set(KINDS));
    for (const { name, before, bytes, after } of samples)
      expect(reduce(before, bytes), name).toEqual({ ok: true, value: after });
  });

  test("L1: what is read is written again as the same bytes", () => {
    for (const bytes of [create, ...samples.map((sample) => sample.bytes)])
      expect(encodeUnsigned(unwrap(decodeEntry(bytes)))).toEqual(bytes.slice(0, -64));
  });

  test("L1: arbitrary bytes behind a header are refused or have one encoding, and nothing throws", () => {
    const header = create.slice(2, 77);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: KINDS.length + 2 }),
        fc.boolean(),
        fc.uint8Array({ maxLength: 700 }),
        (kind, first, noisy) => {
          const head = first ? header : added.slice(2, 77);
          const bytes = concatBytes(Uint8Array.from([1, kind]), head, noisy, new Uint8Array(64));
          const decoded = decodeEntry(bytes);
          if (decoded.ok) return equalBytes(encodeUnsigned(decoded.value), bytes.subarray(0, -64));
          return ["log-malformed", "log-unknown"].includes(decoded.fault.type);
        },
      ),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (noisy) => faultOf(noisy) !== null));
  });

  test("L1: any byte of any kind of entry changed, added or taken away: refused", () => {
    const { team } = state;
    for (let at = 0; at < create.length; at++)
      for (const bits of [1, 128]) expect(found(team, flipped(create, at, bits)).ok).toBe(false);
    for (const { name, before, bytes } of samples) {
      for (let at = 0; at < bytes.length; at++)
        expect(reduce(before, flipped(bytes, at, 1 << (at % 8))).ok, `${name}, ${at}`).toBe(false);
      for (const cut of [0, 1, 76, 141, bytes.length - 1])
        expect(reduce(before, bytes.slice(0, cut)).ok, name).toBe(false);
      expect(reduce(before, concatBytes(bytes, new Uint8Array(1))).ok, name).toBe(false);
    }
  });

  test("L1: a flag, list or end that has a second form is refused in it, whoever signed it", () => {
    const unsigned = (body: Body) => encodeUnsigned({ ...place(), author: by, body });
    const refusedWith = (bytes: Bytes, changes: Readonly<Record<number, number>>) => {
      const changed = bytes.slice();
      for (const [at, value] of Object.entries(changes))
        changed[Number(at) < 0 ? changed.length + Number(at) : Number(at)] = value;
      return faultOf(concatBytes(changed, by.sign(changed)));
    };
    const key = noise(32);
    const invite = unsigned({ kind: "invite", signKey: key, admits: "own", expiresMs: T0 });
    expect(refusedWith(invite, {})).toBe(null);
    expect(refusedWith(invite, { 109: 4 }), "admits").toBe("log-malformed");
    expect(refusedWith(invite, { 110: 2 }), "uses").toBe("log-malformed");
    const access = unsigned({
      kind: "project-access",
      project: idOf(1),
      members: [idOf(1), idOf(2)],
    });
    expect(refusedWith(access, { 93: 2 }), "flag").toBe("log-malformed");
    expect(refusedWith(access, { 111: 3 }), "order").toBe("log-malformed");
    expect(refusedWith(access, { 111: 2 }), "twice").toBe("log-malformed");
    expect(refusedWith(access, { 95: 1 }), "count").toBe("log-malformed");
    const newcomer = unwrap(decodeEntry(added)).body;
    expect(refusedWith(unsigned(newcomer), { 163: 1 }), "an end").toBe("log-malformed");
    expect(refusedWith(unsigned(newcomer), { 157: 2 }), "no end").toBe("log-malformed");
    const late = { 54: 0x80, 55: 0, 56: 0, 57: 0, 58: 0, 59: 0 };
    expect(refusedWith(invite, late), "time").toBe("log-malformed");
    expect(refusedWith(invite, { ...late, 54: 0x7f }), "time").toBe(null);
    const scope = { what: "documents", documents: [idOf(1)] } as const;
    const retire = unsigned({ kind: "retire", why: "unshared", scope });
    const none = concatBytes(retire.slice(0, -18), new Uint8Array(2));
    expect(refusedWith(none, {}), "no documents").toBe("log-malformed");
  });

  test("L1: only the first entry creates a team, and only it has zeros for the place before it", () => {
    const body = unwrap(decodeEntry(create)).body;
    const rename: Body = { kind: "rename-device", device: idOf(1), person: personOf(DEVICES.ben) };
    const first = { ...FIRST_PLACE, atMs: T0 };
    expect(faultOf(signEntry({ ...first, body }, by))).toBe(null);
    expect(faultOf(signEntry({ ...first, body: rename }, by))).toBe("log-malformed");
    expect(faultOf(signEntry({ ...first, body, n: 1 }, by))).toBe("log-malformed");
    expect(faultOf(signEntry({ ...first, body, previous: noise(32) }, by))).toBe("log-malformed");
    expect(faultOf(signEntry({ ...first, body, team: idOf(1) }, by))).toBe("log-malformed");
    expect(faultOf(forge(state, by, rename, { team: idOf(0) }))).toBe("log-malformed");
    expect(faultOf(forge(state, by, rename, { n: 0 }))).toBe("log-malformed");
    expect(faultOf(forge(state, { ...by, is: "invite" }, rename))).toBe("log-malformed");
  });

  test("L1: an entry of a newer version or kind is told apart", () => {
    const bytes = samples[0]?.bytes as Bytes;
    expect(faultOf(flipped(bytes, 0, 3))).toBe("log-unknown");
    expect(faultOf(Uint8Array.from([1, KINDS.length + 1, ...bytes.slice(2)]))).toBe("log-unknown");
    expect(faultOf(Uint8Array.from([1, 0, ...bytes.slice(2)]))).toBe("log-malformed");
    expect(faultOf(Uint8Array.from([0, 1, ...bytes.slice(2)]))).toBe("log-malformed");
  });

  test("L1: the longest lists fit; nothing longer is made or read", () => {
    const fences = Array.from({ length: MAX_FENCES }, (_, i) => fence(1, idOf(i)));
    const documents = Array.from({ length: MAX_LISTED }, (_, i) => idOf(i));
    const removal = (all: typeof fences): Body => ({
      kind: "remove-member",
      member: MEMBERS.cy,
      fences: all,
    });
    const retire = (all: typeof documents): Body => ({
      kind: "retire",
      why: "unshared",
      scope: { what: "documents", documents: all },
    });
    for (const body of [removal(fences), retire(documents)]) {
      const bytes = forge(state, by, body);
      expect(bytes.length).toBeLessThanOrEqual(ENTRY_MAX_BYTES);
      expect(reduce(state, bytes).ok).toBe(true);
    }
    const more = fence(1, "ff".repeat(16));
    expect(() => forge(state, by, removal([...fences, more]))).toThrow(RangeError);
    expect(() => forge(state, by, retire([...documents, more.stream]))).toThrow(RangeError);
    expect(() => forge(state, by, removal([more, more]))).toThrow(RangeError);
    expect(() => forge(state, by, retire([]))).toThrow(RangeError);
    expect(faultOf(new Uint8Array(ENTRY_MAX_BYTES + 1).fill(1))).toBe("log-malformed");
    const overfull = encodeUnsigned({ ...place(), author: by, body: retire(documents) }).slice();
    overfull[79] = 0x10;
    overfull[80] = 1;
    expect(faultOf(concatBytes(overfull, new Uint8Array(16 + 64)))).toBe("log-malformed");
  });

  test("L1: what no entry can say is the caller's bug", () => {
    const invite = { kind: "invite", signKey: noise(32), admits: "own", expiresMs: T0 } as const;
    expect(() => forge(state, by, { ...invite, signKey: noise(31) })).toThrow(RangeError);
    expect(() => forge(state, by, { ...invite, expiresMs: -1 })).toThrow(RangeError);
    expect(() => forge(state, by, { ...invite, expiresMs: 2 ** 48 })).toThrow(RangeError);
    expect(() => forge(state, by, { ...invite, expiresMs: 0.5 })).toThrow(RangeError);
    expect(() => forge(state, by, invite, { atMs: TIME_LIMIT_MS })).toThrow(RangeError);
    const newcomer = unwrap(decodeEntry(added)).body as Extract<Body, { kind: "add-device" }>;
    expect(() => forge(state, by, { ...newcomer, expiresMs: T0 })).toThrow(RangeError);
    expect(() => forge(state, by, { ...newcomer, deviceKind: "ephemeral" })).toThrow(RangeError);
  });

  function place() {
    const { team, n, previous } = unwrap(decodeEntry(added));
    return { team, n, previous, atMs: T0 };
  }
});

describe("L2", () => {
  test("L2: a team's id is a hash of its first entry, in the form that the cloud knows", () => {
    expect(state.team).toMatch(/^team_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
    expect(teamOf(create)).toBe(state.team);
    expect(unwrap(decodeEntry(log.entries[1] as Bytes)).team).toBe(teamTag(state.team));
    expect(teamOf(flipped(create, 100, 1))).not.toBe(state.team);
  });

  test("L2: the same founder with another nonce founds another team", () => {
    const made = (seed: string) =>
      createEntry(
        DEVICES.laptop,
        MEMBERS.ada,
        { name: "", email: "" },
        new Secret(noise(32)),
        T0,
        seededRandom(seed),
      ).state.team;
    expect(made("one")).not.toBe(made("two"));
    expect(writer("another").state.team).not.toBe(state.team);
  });

  test("L2: the first entry is its founder's: named after the keys in it, signed, able to get keys", () => {
    const body = unwrap(decodeEntry(create)).body as Extract<Body, { kind: "create" }>;
    const first = { ...FIRST_PLACE, atMs: T0 };
    const typeOf = (bytes: Bytes) => {
      const result = found(teamOf(bytes), bytes);
      return result.ok ? null : result.fault.type;
    };
    expect(typeOf(signEntry({ ...first, body }, by))).toBe(null);
    const ben = deviceAuthor(DEVICES.ben);
    expect(typeOf(signEntry({ ...first, body }, ben))).toBe("log-author");
    expect(typeOf(signEntry({ ...first, body }, { ...by, sign: ben.sign }))).toBe("log-signature");
    const deaf = { ...DEVICES.laptop, boxKey: new Uint8Array(32) };
    const unable = { ...body, boxKey: deaf.boxKey };
    const itself = { ...by, id: deviceIdOf(unable) };
    expect(typeOf(signEntry({ ...first, body: unable }, itself))).toBe("log-device");
    const elsewhere = found(writer("another").state.team, create);
    expect(elsewhere.ok ? null : elsewhere.fault.type).toBe("log-place");
    const second = found(state.team, log.entries[1] as Bytes);
    expect(second.ok ? null : second.fault.type).toBe("log-place");
  });

  test("L2: the founder is its owner, with one device, at the first entry", () => {
    const begun = unwrap(found(state.team, create));
    expect([...begun.members]).toEqual([[MEMBERS.ada, { role: "owner", since: 0, removed: null }]]);
    expect([...begun.devices.keys()]).toEqual([DEVICES.laptop.id]);
    expect(begun.head).toEqual({ n: 0, hash: entryHash(create) });
    expect(begun.timeMs).toBe(T0);
  });
});
