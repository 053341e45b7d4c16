import { describe, expect, test } from "vitest";
import { type Bytes, concatBytes, fromHex, toHex } from "../../../src/base/bytes.ts";
import { unwrap } from "../../../src/base/result.ts";
import { Secret } from "../../../src/base/secret.ts";
import { seal } from "../../../src/crypto/aead.ts";
import { deriveKey, labelBytes } from "../../../src/crypto/hash.ts";
import { teamTag } from "../../../src/crypto/header.ts";
import { deviceAuthor } from "../../../src/crypto/log/author.ts";
import { openBox, sealTo } from "../../../src/crypto/log/box.ts";
import { openEpochChain, type Rotation, rotate } from "../../../src/crypto/log/epoch.ts";
import { KEY_BOX_BYTES, openKeys, sealKeys } from "../../../src/crypto/log/key-box.ts";
import { nextEntry } from "../../../src/crypto/log/draft.ts";
import type { TeamKeys } from "../../../src/crypto/team.ts";
import { noise, seededRandom } from "../samples.ts";
import { BOOTH_ENDS_MS, device, DEVICES, MEMBERS, world } from "./world.ts";

const { log, kitDevice, rotation: second } = world();
const { state, keys } = log;
const random = seededRandom("epochs");
const revealed = ({ team, epoch, epochKey, idKey, teamSecret }: TeamKeys) => ({
  team,
  epoch,
  keys: [epochKey, idKey, teamSecret].map((key) => toHex(key.reveal())),
});

describe("L15", () => {
  test("L15: every device of the team, and a recovery kit, opens its own box and no other's", () => {
    const all = [...Object.values(DEVICES), kitDevice];
    expect([...second.boxes.keys()].toSorted()).toEqual(all.map(({ id }) => id).toSorted());
    for (const one of all)
      for (const [id, box] of second.boxes) {
        expect(box.length).toBe(KEY_BOX_BYTES);
        const opened = openKeys(state, box, one);
        expect(opened.ok).toBe(id === one.id);
        if (opened.ok) expect(revealed(opened.value)).toEqual(revealed(keys));
      }
  });

  // Also the one bit of an X25519 key that says nothing: the box's key is derived from all of its bytes.
  test("L15: any byte of a box changed, added or taken away: refused", () => {
    const box = second.boxes.get(DEVICES.cy.id) as Bytes;
    for (let at = 0; at < box.length; at++) {
      const changed = box.slice();
      changed[at] = (changed[at] as number) ^ 128;
      const opened = openKeys(state, changed, DEVICES.cy);
      expect(opened.ok, `${at}`).toBe(false);
      expect(openKeys(state, box.slice(0, at), DEVICES.cy).ok).toBe(false);
    }
  });

  test("L15: keys are sealed only to devices that are in the log and stand", () => {
    const typeOf = (id: string, nowMs = 0, of = state) => {
      const sealed = sealKeys(of, keys, id, nowMs, random);
      return sealed.ok ? null : sealed.fault.type;
    };
    expect(typeOf(DEVICES.phone.id)).toBe(null);
    expect(typeOf(device("stranger").id)).toBe("no-device");
    expect(typeOf(DEVICES.booth.id)).toBe(null);
    expect(typeOf(DEVICES.booth.id, BOOTH_ENDS_MS)).toBe("no-device");
    const without = removePhone();
    expect(typeOf(DEVICES.phone.id, 0, without)).toBe("no-device");
  });

  test("L15: keys that are not those the log committed to are refused, whoever sealed them", () => {
    const sealed = (wrong: Partial<TeamKeys>) => {
      const box = unwrap(sealKeys(state, { ...keys, ...wrong }, DEVICES.cy.id, 0, random));
      return openKeys(state, box, DEVICES.cy).ok;
    };
    expect(sealed({})).toBe(true);
    expect(sealed({ epochKey: new Secret(noise(32)) })).toBe(false);
    expect(sealed({ idKey: new Secret(noise(32)) })).toBe(false);
    expect(sealed({ epoch: 1 })).toBe(false);
    expect(sealed({ epoch: 3 })).toBe(false);
  });

  test("L15: the box of an epoch that is over is refused: who was removed since knows its key", () => {
    const next = unwrap(rotate(state, keys, DEVICES.laptop, state.timeMs, random));
    const former = second.boxes.get(DEVICES.cy.id) as Bytes;
    expect(openKeys(state, former, DEVICES.cy).ok).toBe(true);
    expect(openKeys(next.state, former, DEVICES.cy).ok).toBe(false);
  });

  test("L15: a rotation has a new epoch key and a new team secret; the team id key stays", () => {
    const next = unwrap(rotate(state, keys, DEVICES.laptop, state.timeMs, random));
    expect(next.keys.epoch).toBe(3);
    expect(revealed(next.keys).keys[0]).not.toBe(revealed(keys).keys[0]);
    expect(revealed(next.keys).keys[1]).toBe(revealed(keys).keys[1]);
    expect(revealed(next.keys).keys[2]).not.toBe(revealed(keys).keys[2]);
    const wrong = { ...keys, epochKey: new Secret(noise(32)) };
    const refused = rotate(state, wrong, DEVICES.laptop, state.timeMs, random);
    expect(refused.ok ? null : refused.fault.type).toBe("log-epoch");
  });

  test("L15: who was removed opens nothing of the epoch that follows", () => {
    const without = removePhone();
    const next = unwrap(rotate(without, keys, DEVICES.cy, without.timeMs, random));
    expect(next.boxes.has(DEVICES.phone.id)).toBe(false);
    for (const box of next.boxes.values())
      expect(openKeys(next.state, box, DEVICES.phone).ok).toBe(false);
    const own = { ...keys, epoch: 3 };
    expect(openEpochChain(next.state, own, recordsOf(second, next)).ok).toBe(false);
    const forged = unwrap(sealKeys(next.state, own, DEVICES.cy.id, 0, random));
    expect(openKeys(next.state, forged, DEVICES.cy).ok).toBe(false);
  });

  test("L15: the newest key opens those of all epochs before, each as committed", () => {
    const third = unwrap(rotate(state, keys, DEVICES.laptop, state.timeMs, random));
    const fourth = unwrap(rotate(third.state, third.keys, DEVICES.ben, state.timeMs, random));
    const records = recordsOf(second, third, fourth);
    const chain = unwrap(openEpochChain(fourth.state, fourth.keys, records));
    expect([...chain.keys()]).toEqual([4, 3, 2, 1]);
    expect(chain.get(2)?.reveal()).toEqual(keys.epochKey.reveal());
    const typeOf = (held: Map<number, Uint8Array>, from: TeamKeys = fourth.keys) => {
      const opened = openEpochChain(fourth.state, from, held);
      return opened.ok ? null : opened.fault.type;
    };
    expect(typeOf(records, keys)).toBe(null);
    expect(typeOf(recordsOf(second, fourth))).toBe("epoch-record");
    expect(typeOf(new Map(records).set(3, second.record))).toBe("epoch-record");
    expect(typeOf(records, { ...fourth.keys, epoch: 3 })).toBe("epoch-record");
    for (let at = 0; at < third.record.length; at++) {
      const changed = third.record.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(typeOf(new Map(records).set(3, changed)), `${at}`).toBe("epoch-record");
    }
  });

  test("L15: a record that holds another key than the one before, by whoever rotated, opens nothing", () => {
    const team = fromHex(teamTag(state.team));
    const open = second.record.slice(0, 5);
    const key = deriveKey(keys.epochKey, "epoch record key", team, open.slice(1));
    const context = concatBytes(labelBytes("epoch record"), open, team);
    const holding = (former: Bytes) => {
      const record = concatBytes(open, seal(former, context, key, random));
      return openEpochChain(state, keys, new Map([[2, record]]));
    };
    const first = unwrap(openEpochChain(state, keys, recordsOf(second))).get(1);
    expect(holding(first?.reveal() ?? noise(1)).ok).toBe(true);
    expect(holding(noise(32)).ok).toBe(false);
    const alone = { ...keys, epoch: 1, epochKey: new Secret(noise(32)) };
    expect(openEpochChain(state, alone, new Map()).ok).toBe(false);
  });

  test("L15: an epoch whose key nobody was given is left behind, and the chain goes around it", () => {
    const lost = unwrap(rotate(state, keys, DEVICES.laptop, state.timeMs, random));
    const next = unwrap(rotate(lost.state, keys, DEVICES.ben, state.timeMs, random));
    expect(next.keys.epoch).toBe(4);
    const chain = unwrap(openEpochChain(next.state, next.keys, recordsOf(second, next)));
    expect([...chain.keys()]).toEqual([4, 2, 1]);
    const member = rotate(lost.state, keys, DEVICES.cy, state.timeMs, random);
    expect(member.ok ? null : member.fault.type).toBe("log-rights");
  });

  test("L15: a box opens for its device and context alone, and never throws", () => {
    const { boxKey } = DEVICES.cy;
    const box = sealTo(boxKey, noise(10), noise(3), random);
    expect(openBox(DEVICES.cy, box, noise(3))).toEqual(noise(10));
    expect(openBox(DEVICES.cy, box, noise(4))).toBe(null);
    expect(openBox(DEVICES.ben, box, noise(3))).toBe(null);
    expect(openBox(DEVICES.cy, new Uint8Array(box.length), noise(3))).toBe(null);
    expect(openBox(DEVICES.cy, noise(71), noise(3))).toBe(null);
    expect(() => sealTo(new Uint8Array(32), noise(1), noise(1), random)).toThrow(RangeError);
    expect(toHex(sealTo(boxKey, noise(10), noise(3), random))).not.toBe(toHex(box));
  });

  function removePhone() {
    const removal = { kind: "remove-device", device: DEVICES.phone.id, fences: [] } as const;
    return unwrap(nextEntry(state, deviceAuthor(DEVICES.laptop), removal, state.timeMs)).state;
  }

  function recordsOf(...rotations: readonly Rotation[]) {
    return new Map(rotations.map((each) => [each.keys.epoch, each.record]));
  }
});

test("L10: the first epoch is the founder's, and there when the team is", () => {
  const founded = world().log.entries.slice(0, 2);
  expect(founded).toHaveLength(2);
  expect(state.epochs[0]).toMatchObject({ number: 1, former: 0, recipients: [DEVICES.laptop.id] });
  expect(state.members.get(MEMBERS.ada)?.since).toBe(0);
});
