import { expect, test } from "vitest";
import * as Y from "yjs";
import { takesNames } from "../../src/crdt/contradictions.ts";
import { encodeDoc, openDoc } from "../../src/crdt/documents.ts";
import { renameTaken } from "../../src/crdt/rename.ts";

const MINE = 5;
let drawn = 1000;
const draw = () => ++drawn;

/** What everybody has, and two documents that go on from it under one clientID. */
function begun(): { readonly page: Y.Doc; readonly other: Y.Doc; readonly kept: Uint8Array } {
  const page = new Y.Doc();
  page.clientID = MINE;
  page.getText("context").insert(0, "base ");
  const other = openDoc(encodeDoc(page));
  other.clientID = MINE;
  return { page, other, kept: Y.encodeStateVector(page) };
}

/** The page says again what was taken, both hear each other, and what is then in both. */
function settled({ page, other, kept }: ReturnType<typeof begun>): string {
  const stale = Y.encodeStateAsUpdate(page, kept);
  expect(takesNames(other, stale)).toBe(true);
  expect(renameTaken(page, kept, encodeDoc(other), draw)).toBe(true);
  expect(page.clientID).not.toBe(MINE);
  Y.applyUpdate(page, encodeDoc(other));
  const update = Y.encodeStateAsUpdate(page, kept);
  expect(takesNames(other, update)).toBe(false);
  Y.applyUpdate(other, update);
  const text = page.getText("context").toString();
  expect(other.getText("context").toString()).toBe(text);
  expect(other.getMap("fields").toJSON()).toEqual(page.getMap("fields").toJSON());
  expect(renameTaken(page, kept, encodeDoc(other), draw)).toBe(false);
  return text;
}

for (const theirs of ["evil", "evil, and longer than what is typed"])
  test(`what was typed where others wrote ${theirs.length} letters is said again, whole`, () => {
    const both = begun();
    both.page.getText("context").insert(5, "what I type");
    both.other.getText("context").insert(5, theirs);
    expect(settled(both)).toContain("what I type");
    expect(both.other.getText("context").toString()).toMatch(/^base /);
  });

test("so is what others wrote over and deleted again", () => {
  const both = begun();
  both.page.getText("context").insert(5, "what I type");
  both.other.getText("context").insert(5, "evil, and longer than what is typed");
  both.other.getText("context").delete(5, 35);
  expect(settled(both)).toBe("base what I type");
});

test("fields, and what stands in them, too", () => {
  const both = begun();
  const option = new Y.Map<unknown>();
  both.page.transact(() => {
    both.page.getMap("fields").set("option", option);
    option.set("title", new Y.Text("mine"));
    both.page.getMap("fields").set("outcome", "yes");
  });
  both.other.getMap("fields").set("option", "evil");
  both.other.getMap("fields").set("outcome", "no");
  settled(both);
  expect(both.other.getMap("fields").toJSON()).toEqual({
    option: { title: "mine" },
    outcome: "yes",
  });
});

test("what nobody took keeps its names", () => {
  const { page, other, kept } = begun();
  page.getText("context").insert(5, "what I type");
  expect(renameTaken(page, kept, encodeDoc(other), draw)).toBe(false);
  Y.applyUpdate(other, Y.encodeStateAsUpdate(page, kept));
  expect(renameTaken(page, kept, encodeDoc(other), draw)).toBe(false);
  expect(page.clientID).toBe(MINE);
});
