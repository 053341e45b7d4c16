import fc from "fast-check";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { editText, splices } from "../../src/crdt/text.ts";

function two(base: string): [Y.Doc, Y.Doc] {
  const a = new Y.Doc();
  a.getText("t").insert(0, base);
  const b = new Y.Doc();
  Y.applyUpdate(b, Y.encodeStateAsUpdate(a));
  return [a, b];
}

function merged(base: string, here: string, there: string): string {
  const [a, b] = two(base);
  editText(a.getText("t"), here);
  editText(b.getText("t"), there);
  Y.applyUpdate(a, Y.encodeStateAsUpdate(b));
  Y.applyUpdate(b, Y.encodeStateAsUpdate(a));
  expect(a.getText("t").toString()).toBe(b.getText("t").toString());
  return a.getText("t").toString();
}

test("an end written here and a beginning written there are both kept", () => {
  expect(merged("base", "base A", "B base")).toBe("B base A");
});

test("two words changed here and the one between them there are all three kept", () => {
  expect(merged("one two three", "ONE two THREE", "one TWO three")).toBe("ONE TWO THREE");
});

test("a text becomes exactly the other, whatever they are", () => {
  const text = fc
    .array(fc.constantFrom("a", "b ", "the ", "👍", "👎", "é", "\n", "word "), { maxLength: 40 })
    .map((w) => w.join(""));
  fc.assert(
    fc.property(text, text, (from, to) => {
      const [doc] = two(from);
      editText(doc.getText("t"), to);
      expect(doc.getText("t").toString()).toBe(to);
    }),
  );
});

test("a surrogate pair is replaced whole, never in half", () => {
  // The two share their first half, and (the other way round) their second.
  expect(splices("a👍b", "a👎b")).toEqual([{ at: 1, remove: 2, insert: "👎" }]);
  expect(splices("\u{1F44D}", "\u{1F84D}")).toEqual([{ at: 0, remove: 2, insert: "\u{1F84D}" }]);
});

test("what stays equal is not touched, and an equal text writes nothing", () => {
  expect(splices("base", "base A")).toEqual([{ at: 4, remove: 0, insert: " A" }]);
  expect(splices("the quick fox", "the slow fox")).toEqual([{ at: 4, remove: 5, insert: "slow" }]);
  const [doc] = two("same");
  let updates = 0;
  doc.on("update", () => updates++);
  editText(doc.getText("t"), "same");
  expect(updates).toBe(0);
  editText(doc.getText("t"), "SAME, or SO");
  expect(updates).toBe(1);
});

test("a text rewritten from end to end is still replaced, in a moment", () => {
  const from = Array.from({ length: 5_000 }, (_, i) => `old${i} `).join("");
  const to = Array.from({ length: 5_000 }, (_, i) => `new${i} `).join("");
  const [doc] = two(from);
  editText(doc.getText("t"), to);
  expect(doc.getText("t").toString()).toBe(to);
});

test("an object that a peer embedded does not shift an edit, and goes", () => {
  const [doc] = two("one two");
  doc.getText("t").insertEmbed(3, { image: "x" });
  editText(doc.getText("t"), "one 2");
  expect(doc.getText("t").toDelta()).toEqual([{ insert: "one 2" }]);
});
