import fc from "fast-check";
import { describe, expect, test } from "vitest";
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

describe("contradicting", () => {
  const pairs: Record<string, readonly [Uint8Array, Uint8Array]> = {
    "other letters": [typed("mine"), typed("evil")],
    "the same letters elsewhere": [typed("mine"), typed("mine", 4)],
    "a longer text that begins otherwise": [typed("mine"), typed("evil, and more of it")],
    "another value of a key": [set("key", 1), set("key", 2)],
    "the same value of another key": [set("key", 1), set("other", 1)],
    "the same value in another map": [set("key", 1), set("key", 1, "meta")],
    "a text where a value was set": [set("key", 1), typed("m")],
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
