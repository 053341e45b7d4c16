import { describe, expect, test } from "vitest";
import { type Bytes, toHex } from "../../../src/base/bytes.ts";
import { unwrap } from "../../../src/base/result.ts";
import { deviceAuthor } from "../../../src/crypto/log/author.ts";
import { entryHash, type Head } from "../../../src/crypto/log/entry.ts";
import { follow, replay } from "../../../src/crypto/log/history.ts";
import { safetyWords } from "../../../src/crypto/log/safety-words.ts";
import { DEVICES, forge, personOf, world, writer } from "./world.ts";

const { log } = world();
const { state, entries } = log;
const { team } = state;
const by = deviceAuthor(DEVICES.laptop);
const person = personOf(DEVICES.laptop);
const rename = { kind: "rename-device", device: DEVICES.laptop.id, person } as const;
const placeOf = (n: number): Head => ({ n, hash: entryHash(entries[n] as Bytes) });
const faultOf = (shown: readonly Uint8Array[], pinned: Head | null = null, of = team) => {
  const result = replay(of, shown, pinned);
  return result.ok ? null : result.fault;
};

/** Another valid history from entry `n` on: one more valid entry, signed by a device of the team. */
function other(n: number): readonly Bytes[] {
  const before = entries.slice(0, n);
  return [...before, forge(unwrap(replay(team, before, null)).state, by, rename)];
}

describe("L14", () => {
  test("L14: a log read again gives the same state, pinned anywhere in it", () => {
    expect(unwrap(replay(team, entries, null))).toEqual({ state, taken: entries, leftOut: [] });
    for (let n = 0; n < entries.length; n++)
      expect(unwrap(replay(team, entries, placeOf(n))).state).toEqual(state);
    expect(placeOf(entries.length - 1)).toEqual(state.head);
  });

  test("L14: a log that ends before the pinned entry was rolled back", () => {
    const shown = entries.slice(0, -2);
    expect(faultOf(shown, state.head)).toMatchObject({
      type: "log-rollback",
      pinned: state.head.n,
      shownEntries: shown.length,
    });
    expect(faultOf([], state.head)?.type).toBe("log-rollback");
    expect(faultOf([])?.type).toBe("log-rollback");
  });

  test("L14: another valid history than the pinned one is a fork, with both hashes", () => {
    const n = 5;
    const shown = other(n);
    expect(faultOf(shown)).toBe(null);
    expect(faultOf(shown, placeOf(n))).toMatchObject({
      type: "log-fork",
      n,
      held: toHex(placeOf(n).hash),
      shown: toHex(entryHash(shown[n] as Bytes)),
    });
    expect(faultOf(shown, placeOf(n - 1))).toBe(null);
  });

  test("L14: what does not fit is left out by every device alike, and stops nothing", () => {
    const garbage = [
      new Uint8Array(200),
      forge(state, { ...by, sign: deviceAuthor(DEVICES.cy).sign }, rename),
      (entries[3] as Bytes).with(1, 99),
      entries[2] as Bytes,
      other(4)[4] as Bytes,
    ];
    const listed = [...entries.slice(0, 6), ...garbage, ...entries.slice(6)];
    const followed = unwrap(replay(team, listed, state.head));
    expect(followed.state).toEqual(state);
    expect(followed.taken).toEqual(entries);
    expect(followed.leftOut.map(({ place }) => place)).toEqual([6, 7, 8, 9, 10]);
    expect(followed.leftOut.map(({ fault }) => fault.type)).toEqual([
      "log-malformed",
      "log-place",
      "log-unknown",
      "log-place",
      "log-place",
    ]);
    const begun = unwrap(replay(team, entries.slice(0, 6), null)).state;
    expect(follow(begun, listed.slice(6)).state).toEqual(state);
  });

  test("L14: a hole or another order only hides what comes behind it", () => {
    const shown = (listed: readonly Uint8Array[]) => unwrap(replay(team, listed, null));
    const hole = shown(entries.toSpliced(4, 1));
    expect(hole.state.head).toEqual(placeOf(3));
    expect(hole.leftOut).toHaveLength(entries.length - 5);
    const swapped = entries.with(4, entries[5] as Bytes).with(5, entries[4] as Bytes);
    expect(shown(swapped).state.head).toEqual(placeOf(4));
    expect(faultOf(swapped, state.head)?.type).toBe("log-rollback");
  });

  test("L14: another team's log, or one without its beginning, is refused", () => {
    expect(faultOf(writer("another").entries)?.type).toBe("log-place");
    expect(faultOf(entries.slice(1))?.type).toBe("log-place");
  });
});

describe("L18", () => {
  test("L18: safety words are eight of the head: the same for the same log, others for any other", () => {
    const words = safetyWords(team, state.head);
    expect(words).toHaveLength(8);
    expect(safetyWords(team, unwrap(replay(team, entries, null)).state.head)).toEqual(words);
    const rest = [
      safetyWords(team, placeOf(state.head.n - 1)),
      safetyWords(team, { ...state.head, n: state.head.n + 1 }),
      safetyWords(writer("another").state.team, state.head),
    ];
    for (const differ of rest) expect(differ).not.toEqual(words);
  });
});
