import { expect, test } from "vitest";
import * as Y from "yjs";
import {
  applyUpdates,
  canWrite,
  DOC_KINDS,
  encodeDoc,
  openDoc,
  rebuildDoc,
  SCHEMA,
  schemaOf,
  setSchema,
} from "../../src/crdt/documents.ts";

function updatesOf(words: readonly string[]): Uint8Array[] {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  for (const word of words) doc.getText("t").insert(0, word);
  doc.getText("t").delete(0, 2);
  return updates;
}

test("every opening has a clientID of its own", () => {
  const state = encodeDoc(rebuildDoc(updatesOf(["a", "b"])));
  const ids = new Set([openDoc(null), openDoc(state), openDoc(state)].map((doc) => doc.clientID));
  expect(ids.size).toBe(3);
});

test("many updates reach listeners as one", () => {
  const doc = openDoc(null);
  const heard: unknown[] = [];
  doc.on("update", (_: Uint8Array, origin: unknown) => heard.push(origin));
  applyUpdates(doc, updatesOf(["one", "two", "three"]), "cloud");
  expect(heard).toEqual(["cloud"]);
});

test("a document of this version or none is written, one of a newer version is read only and says what to do", () => {
  for (const kind of DOC_KINDS) {
    const doc = openDoc(null);
    expect(canWrite(kind, doc).ok).toBe(true);
    setSchema(kind, doc);
    expect(canWrite(kind, doc).ok).toBe(true);
    doc.getMap("meta").set("schema", SCHEMA[kind] + 1);
    const answer = canWrite(kind, doc);
    expect(answer.ok).toBe(false);
    if (!answer.ok) expect(answer.fault.message).toMatch(/update operon/i);
    setSchema(kind, doc);
    expect(schemaOf(doc)).toBe(SCHEMA[kind] + 1);
  }
});

test("a version that is no version counts as none", () => {
  for (const schema of ["2", -1, 1.5, {}, null, Number.NaN, new Y.Map()]) {
    const doc = openDoc(null);
    doc.getMap("meta").set("schema", schema);
    expect(schemaOf(doc)).toBe(0);
  }
});
