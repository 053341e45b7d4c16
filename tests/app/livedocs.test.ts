import { beforeEach, expect, test } from "vitest";
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { createLiveDocs, type LiveDocs } from "../../src/app/livedocs.ts";
import { rebuildDoc } from "../../src/crdt/documents.ts";
import { renameTaken } from "../../src/crdt/rename.ts";

const id = "dec_1" as DocId;
let log: Bytes[];
let docs: LiveDocs;

beforeEach(() => {
  log = [];
  docs = createLiveDocs({
    load: async () => ({
      kind: "decision",
      state: Y.encodeStateAsUpdate(rebuildDoc(log)) as Bytes,
    }),
    append: async (_id, update) => {
      log.push(update);
      return { kept: Promise.resolve() };
    },
    onChange: () => undefined,
    onLooks: () => undefined,
  });
});

const type = (letter: string) =>
  docs.edit(id, (doc) => {
    const text = doc.getText("context");
    text.insert(text.length, letter);
  });
const kept = (): string => rebuildDoc(log).getText("context").toString();
const listener = () => {
  const faults: Error[] = [];
  return { faults, onUpdate: () => undefined, onFault: (fault: Error) => faults.push(fault) };
};

test("edits back to back are all kept", async () => {
  let expected = "";
  for (let n = 0; n < 40; n++) {
    const letter = String.fromCodePoint(97 + (n % 26));
    expected += letter;
    await type(letter);
    // Every pause between two edits may be the one in which the document is let go.
    for (let turn = 0; turn < n % 8; turn++) await Promise.resolve();
  }
  expect(kept()).toBe(expected);
});

test("what is opened again while it is let go is the live one", async () => {
  for (let turns = 0; turns < 8; turns++) {
    const first = await docs.open(id, listener());
    first.close();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const second = await docs.open(id, listener());
    const mine = new Y.Doc();
    mine.getMap("meta").set(`${turns}`, true);
    await second.apply(Y.encodeStateAsUpdate(mine) as Bytes);
    expect(rebuildDoc(log).getMap("meta").has(`${turns}`)).toBe(true);
    second.close();
  }
});

test("others' change that cannot be applied ends the document for who looks at it, and nothing else", async () => {
  const looking = listener();
  const open = await docs.open(id, looking);
  docs.applied(id, [new Uint8Array([9, 9, 9]) as Bytes]);
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  expect(looking.faults).toHaveLength(1);
  open.close();
  await type("a");
  expect(kept()).toBe("a");
});

/** Somebody else's "base", and what they type on top of it, each as an update. */
function others() {
  const theirs = new Y.Doc();
  const updates: Bytes[] = [];
  theirs.on("update", (update: Uint8Array) => updates.push(update as Bytes));
  for (const letter of "base")
    theirs.getText("context").insert(theirs.getText("context").length, letter);
  return updates;
}

test("what is typed on top of a change that the store has not is kept together with it", async () => {
  const open = await docs.open(id, listener());
  const [first, ...rest] = others() as [Bytes, ...Bytes[]];
  docs.shown(id, [first]);
  docs.shown(id, rest);
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  expect(log).toEqual([]);
  await type("!");
  expect(kept()).toBe("base!");
  await type("?");
  expect(log.length).toBe(2);
  open.close();
});

test("what the store has by now is not kept again", async () => {
  const open = await docs.open(id, listener());
  const updates = others();
  docs.shown(id, updates);
  docs.applied(id, updates);
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  log.push(...updates);
  await type("!");
  expect(kept()).toBe("base!");
  expect((log.at(-1) as Bytes).length).toBeLessThan(40);
  open.close();
});

test("a document opened while a change is being committed shows it", async () => {
  const updates = others();
  docs.shown(id, updates);
  const seen: Bytes[] = [];
  const open = await docs.open(id, {
    onUpdate: (update) => seen.push(update),
    onFault: () => undefined,
  });
  log.push(...updates);
  docs.applied(id, updates);
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  expect(
    rebuildDoc([open.beyond(new Uint8Array([0]))])
      .getText("context")
      .toString(),
  ).toBe("base");
  expect(rebuildDoc(seen).getText("context").toString()).toBe("base");
  open.close();
});

test("says which documents are looked at, each time that changes", async () => {
  const told: string[][] = [];
  docs = createLiveDocs({
    load: async () => ({ kind: "decision", state: null }),
    append: async () => ({ kept: Promise.resolve() }),
    onChange: () => undefined,
    onLooks: (ids) => told.push([...ids]),
  });
  const [one, two] = [await docs.open(id, listener()), await docs.open(id, listener())];
  const other = await docs.open("dec_2" as DocId, listener());
  await type("x");
  for (const open of [one, two, two, other]) open.close();
  expect(told).toEqual([["dec_1"], ["dec_1", "dec_2"], ["dec_2"], []]);
});

test("a change is acknowledged when a power loss would keep it, and leaves before", async () => {
  const disk = Promise.withResolvers<void>();
  const happened: string[] = [];
  docs = createLiveDocs({
    load: async () => ({ kind: "decision", state: null }),
    append: async () => ({ kept: disk.promise }),
    onChange: () => happened.push("left"),
    onLooks: () => undefined,
  });
  const typed = type("x").then(() => happened.push("acknowledged"));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  expect(happened).toEqual(["left"]);
  disk.resolve();
  await typed;
  expect(happened).toEqual(["left", "acknowledged"]);
});

test("what the disk refuses ends the document for who looks at it", async () => {
  docs = createLiveDocs({
    load: async () => ({ kind: "decision", state: null }),
    append: async () => ({ kept: Promise.reject(new Error("the disk is broken")) }),
    onChange: () => undefined,
    onLooks: () => undefined,
  });
  const looking = listener();
  const open = await docs.open(id, looking);
  await expect(type("x")).rejects.toThrow("the disk is broken");
  expect(looking.faults).toHaveLength(1);
  open.close();
});

test("a change that refers to what is not here yet is kept before it is acknowledged", async () => {
  const [first, second] = others() as [Bytes, Bytes];
  const open = await docs.open(id, listener());
  await open.apply(second);
  expect(
    rebuildDoc([...log, first])
      .getText("context")
      .toString(),
  ).toBe("ba");
  await open.apply(first);
  expect(kept()).toBe("ba");
  open.close();
});

for (const deleted of [false, true])
  test(`what is typed under names that another took first is not acknowledged and lost${deleted ? ", even if that one deleted it" : ""}`, async () => {
    const open = await docs.open(id, listener());
    const page = new Y.Doc();
    page.getText("context").insert(0, "base ");
    await open.apply(Y.encodeStateAsUpdate(page) as Bytes);
    const before = Y.encodeStateVector(page);
    // Clocks and clientID stand in the row that went out.
    const other = rebuildDoc(log);
    other.clientID = page.clientID;
    other.getText("context").insert(5, "x".repeat(100));
    if (deleted) other.getText("context").delete(5, 100);
    docs.shown(id, [Y.encodeStateAsUpdate(other, before) as Bytes]);
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    page.getText("context").insert(5, "what is typed");
    const typed = Y.encodeStateAsUpdate(page, before) as Bytes;
    await expect(open.apply(typed)).rejects.toMatchObject({ fault: { type: "names-taken" } });
    // As the page does then.
    renameTaken(page, before, open.beyond(new Uint8Array([0])), () => 1);
    await open.apply(Y.encodeStateAsUpdate(page, before) as Bytes);
    expect(kept()).toContain("what is typed");
    open.close();
  });
