import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as encoding from "lib0/encoding";
import * as Y from "yjs";
import { contradicting } from "../../src/crdt/contradictions.ts";
import { encodeDoc, rebuildDoc } from "../../src/crdt/documents.ts";

function doc(clientID: number, state: Uint8Array | null = null): Y.Doc {
  const opened = rebuildDoc(state === null ? [] : [state]);
  opened.clientID = clientID;
  return opened;
}

/** What `change` does to a document that holds `state`, written as `clientID`. */
function change(clientID: number, state: Uint8Array | null, made: (of: Y.Doc) => void): Uint8Array {
  const opened = doc(clientID, state);
  const updates: Uint8Array[] = [];
  opened.on("update", (update: Uint8Array) => updates.push(update));
  opened.transact(() => made(opened));
  return updates[0] as Uint8Array;
}

const base = encodeDoc(
  rebuildDoc([
    change(1, null, (of) => {
      of.getText("context").insert(0, "base 🌊");
      of.getMap("fields").set("fact", { n: 1 });
    }),
  ]),
);
const typed = (text: string, at = 0) =>
  change(2, base, (of) => of.getText("context").insert(at, text));
const set = (key: string, value: unknown, map = "fields") =>
  change(2, base, (of) => of.getMap(map).set(key, value));
const formed = (form: object) =>
  change(2, base, (of) => of.getText("context").insert(0, "ab", form));
const embedded = (thing: object) =>
  change(2, base, (of) => of.getText("context").insertEmbed(0, thing));

/** Says again, letter by letter, what stands in a text under these clocks. */
function spelt(client: number, from: number, count: number): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const n of [1, count, client, from]) encoding.writeVarUint(encoder, n);
  for (let i = 0; i < count; i++) {
    encoding.writeUint8(encoder, 4 | 128);
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, from + i - 1);
    encoding.writeVarString(encoder, "x");
  }
  encoding.writeVarUint(encoder, 0);
  return encoding.toUint8Array(encoder);
}

describe("contradicting", () => {
  const pairs: Record<string, readonly [Uint8Array, Uint8Array]> = {
    "other letters": [typed("mine"), typed("evil")],
    "the same letters elsewhere": [typed("mine"), typed("mine", 4)],
    "a longer text that begins otherwise": [typed("mine"), typed("evil, and more of it")],
    "another value of a key": [set("key", 1), set("key", 2)],
    "the same value of another key": [set("key", 1), set("other", 1)],
    "the same value in another map": [set("key", 1), set("key", 1, "meta")],
    "a text where a value was set": [set("key", 1), typed("m")],
    "a map where a text was set": [set("key", new Y.Text()), set("key", new Y.Map())],
    "another form of the same letters": [formed({ bold: true }), formed({ bold: false })],
    "another thing in a text": [embedded({ a: 1 }), embedded({ a: 2 })],
    "other bytes": [set("key", Uint8Array.of(1)), set("key", Uint8Array.of(2))],
    "an object where bytes were set": [set("key", [Uint8Array.of(1)]), set("key", [{ 0: 1 }])],
  };
  for (const [what, [mine, theirs]] of Object.entries(pairs)) {
    test(`finds ${what}, in whichever order`, () => {
      expect(contradicting(Y.mergeUpdates([base, mine]), [theirs])).toEqual(new Set([0]));
      expect(contradicting(Y.mergeUpdates([base, theirs]), [mine])).toEqual(new Set([0]));
      expect(contradicting(base, [mine, theirs, mine])).toEqual(new Set([1]));
    });
  }

  test("finds nothing in what is new, known, or known in part", () => {
    const mine = typed("mine");
    const longer = encodeDoc(
      rebuildDoc([
        base,
        mine,
        change(2, Y.mergeUpdates([base, mine]), (of) => of.getText("context").insert(4, " too")),
      ]),
    );
    expect(contradicting(base, [mine, mine, base, longer])).toEqual(new Set());
    expect(contradicting(longer, [mine, base])).toEqual(new Set());
  });

  test("finds nothing in what is not text when it is said again", () => {
    const all = change(2, base, (of) => {
      of.getText("context").insert(0, "ab", { bold: true });
      of.getText("context").insertEmbed(1, { a: [1, { b: null }] });
      const map = of.getMap("fields");
      map.set("bytes", Uint8Array.of(1, 2));
      map.set("list", new Y.Array());
      map.set("nan", [Number.NaN, -0, Uint8Array.of(7)]);
      (map.get("list") as Y.Array<unknown>).push([1, "two", { three: 3 }]);
    });
    const merged = Y.mergeUpdates([base, all]);
    expect(contradicting(merged, [all, encodeDoc(doc(9, merged))])).toEqual(new Set());
  });

  test("costs what comes, not what is there: 15,000 letters in the midst of a text of 8 MiB", () => {
    const state = change(7, null, (of) =>
      of.getText("context").insert(0, "x".repeat(8 * 1024 * 1024)),
    );
    const before = performance.now();
    expect(contradicting(state, [spelt(7, 5, 15_000)])).toEqual(new Set());
    // Split for each of them it would be a quarter of an hour.
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  test("what is gone may have been deleted before, or be deleted by what came before it", () => {
    const letters = change(5, null, (of) => of.getText("context").insert(0, "abc"));
    const gone = Uint8Array.of(1, 1, 5, 0, 0, 3, 0);
    const deletes = Uint8Array.of(0, 1, 5, 1, 0, 3);
    expect(contradicting(base, [gone])).toEqual(new Set([0]));
    expect(contradicting(Y.mergeUpdates([base, letters]), [gone])).toEqual(new Set([0]));
    expect(contradicting(base, [deletes, gone])).toEqual(new Set());
    expect(contradicting(base, [letters, deletes, gone])).toEqual(new Set());
    const half = Uint8Array.of(0, 1, 5, 1, 1, 2);
    expect(contradicting(base, [half, gone])).toEqual(new Set([1]));
  });

  test("finds nothing in what devices send each other, however it is cut, deleted and merged", () => {
    const step = fc.record({
      who: fc.nat({ max: 2 }),
      at: fc.nat({ max: 30 }),
      text: fc.constantFrom("", "a", "word ", "🌊", "🌊🌊"),
      remove: fc.nat({ max: 3 }),
      sends: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const docs = [11, 12, 13].map((id) => doc(id, base));
        for (const { who, at, text, remove, sends } of steps) {
          const mine = docs[who] as Y.Doc;
          const content = mine.getText("context");
          const place = Math.min(at, content.length);
          mine.transact(() => {
            content.delete(place, Math.min(remove, content.length - place));
            content.insert(place, text);
            if (text !== "") mine.getMap("fields").set("fact", { text });
          });
          if (!sends) continue;
          for (const other of docs) {
            const update = Y.encodeStateAsUpdate(
              mine,
              at % 2 ? Y.encodeStateVector(other) : undefined,
            );
            expect(contradicting(encodeDoc(other), [update])).toEqual(new Set());
            Y.applyUpdate(other, update);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
