/** Updates that no Yjs made: whatever is taken for one can be applied, written and read again. */
import { expect, test } from "vitest";
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import { contradicting } from "../../src/crdt/contradictions.ts";
import { encodeDoc, inapplicable, openDoc } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, foldKnown, isUpdate, pendingUpdate } from "../../src/crdt/known.ts";
import { Dice } from "../sim/dice.ts";

const NONE = encodeDoc(new Y.Doc());
/** 2⁵³ − 1, as lib0 writes it. */
const MOST = [255, 255, 255, 255, 255, 255, 255, 15];
const BEYOND = [255, 255, 255, 255, 255, 255, 255, 127];
const times = (count: number, bytes: readonly number[]) =>
  Array.from({ length: count }, () => bytes).flat();

test("places beyond 2⁵³, which are read once and never again, are in no update", () => {
  const bad: Record<string, readonly number[]> = {
    "collected things that add up": [1, 10, 5, 0, ...times(10, [0, ...MOST]), 0],
    "deleted things that add up": [1, 10, 5, 0, ...times(10, [1, 1, 1, 97, ...MOST]), 0],
    "gaps that add up": [1, 11, 5, 0, ...times(10, [10, ...MOST]), 0, 1, 0],
    "a writer": [1, 1, ...BEYOND, 0, 0, 1, 0],
    "what a thing stands behind": [1, 1, 9, 0, 132, ...BEYOND, 1, 1, 97, 0],
    "a delete": [0, 1, 5, 1, ...MOST, 1],
    "whose delete": [0, 1, ...BEYOND, 1, 0, 1],
  };
  for (const [what, bytes] of Object.entries(bad))
    expect(isUpdate(Uint8Array.from(bytes)), what).toBe(false);
  expect(isUpdate(Uint8Array.from([1, 1, 5, 0, 0, ...MOST, 1, 5, 1, 0, ...MOST]))).toBe(true);
});

test("nor are things of no length, deletes out of order, and things beside later ones of their writer", () => {
  const bad: Record<string, readonly number[]> = {
    "a collected thing of no length": [1, 1, 9, 0, 0, 0, 0],
    "a text of no length": [1, 1, 5, 0, 4, 1, 1, 116, 0, 0],
    "a delete of no length": [0, 1, 5, 1, 0, 0],
    "deletes out of order": [0, 1, 5, 2, 9, 1, 0, 2],
    "deletes that overlap": [0, 1, 5, 2, 0, 3, 2, 2],
    "a thing behind itself": [1, 1, 9, 0, 132, 9, 0, 1, 97, 0],
    "a thing before a later one": [1, 1, 9, 0, 68, 9, 5, 1, 97, 0],
    "a thing in a later one": [1, 1, 9, 0, 4, 0, 9, 5, 1, 97, 0],
  };
  for (const [what, bytes] of Object.entries(bad))
    expect(isUpdate(Uint8Array.from(bytes)), what).toBe(false);
  expect(isUpdate(Uint8Array.from([1, 1, 9, 0, 4, 1, 1, 116, 1, 97, 1, 9, 2, 0, 1, 2, 1]))).toBe(
    true,
  );
});

test("a count that claims four thousand million things holds none of them", () => {
  const many = [255, 255, 255, 255, 15];
  for (const bytes of [many, [1, ...many, 5, 0], [1, 1, 5, 0, 8, 1, 1, 116, ...many], [0, ...many]])
    expect(isUpdate(Uint8Array.from(bytes))).toBe(false);
});

test("20,000 updates changed in a few bytes: none throws, and what is taken can be written and read again", () => {
  const dice = new Dice("hostile updates");
  const { made, state } = edits();
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const update = mutated(dice, dice.pick(made));
    if (!isUpdate(update)) continue;
    const held = dice.chance(0.4) ? NONE : state;
    if (inapplicable(held, [update]).size > 0 || contradicting(held, [update]).size > 0) continue;
    taken++;
    const doc = openDoc(held);
    Y.applyUpdate(doc, update);
    const whole = encodeDoc(doc);
    expect(isUpdate(whole)).toBe(true);
    expect(whole.length).toBeLessThan(held.length + update.length + 64);
    expect(inapplicable(whole, [update, state]).size).toBeLessThan(2);
    contradicting(whole, [update, state]);
    const known = foldKnown(foldKnown(EMPTY_KNOWN, update), state, whole);
    pendingUpdate(openDoc(whole), known);
    pendingUpdate(whole, EMPTY_KNOWN);
  }
  expect(taken).toBeGreaterThan(1000);
});

/** Of two people who type, erase, nest and set. */
function edits(): { readonly made: readonly Bytes[]; readonly state: Bytes } {
  const made: Bytes[] = [];
  const [one, two] = [new Y.Doc(), new Y.Doc()];
  one.clientID = 5;
  two.clientID = 9;
  for (const [doc, other] of [
    [one, two],
    [two, one],
  ] as const)
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === "other") return;
      made.push(update as Bytes);
      Y.applyUpdate(other, update, "other");
    });
  one.getText("t").insert(0, "hello");
  two.getText("t").insert(2, "w🌊");
  one.getText("t").delete(1, 3);
  const nested = two.getMap("m").set("k", new Y.Map<unknown>());
  nested.set("x", new Y.Text("ab"));
  one.getMap("m").set("k", 3);
  one.getArray("r").push([1, [null, { q: "x" }], new Uint8Array(3)]);
  two.getArray("r").delete(0, 2);
  one.getText("t").format(0, 1, { bold: true });
  one.getText("t").insertEmbed(0, { e: 1 });
  const state = encodeDoc(one);
  return { made: [...made, state, encodeDoc(two)], state };
}

/** One to four changes: a byte, a bit, a number of any size, bytes out, bytes in. */
function mutated(dice: Dice, update: Bytes): Bytes {
  let bytes = [...update];
  for (let left = 1 + dice.below(4); left > 0 && bytes.length > 0; left--) {
    const at = dice.below(bytes.length);
    const numbers = [[0], [1], [127], MOST, BEYOND, [128, 128, 128, 14], [dice.below(128)]];
    const number = dice.pick(numbers);
    const change = [
      () => bytes.with(at, dice.below(256)),
      () => bytes.with(at, (bytes[at] as number) ^ (1 << dice.below(8))),
      () => bytes.toSpliced(at, 1, ...number),
      () => bytes.toSpliced(at, 1 + dice.below(4)),
      () => bytes.toSpliced(at, 0, 0, ...number),
      () =>
        bytes.toSpliced(at, 0, ...bytes.slice(dice.below(bytes.length)).slice(0, dice.below(12))),
    ];
    bytes = dice.pick(change)();
  }
  return Uint8Array.from(bytes);
}
