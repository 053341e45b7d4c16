import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import {
  applyUpdates,
  canWrite,
  contentHash,
  DOC_KINDS,
  encodeDoc,
  openDoc,
  rebuildDoc,
  SCHEMA,
  schemaOf,
  setSchema,
} from "../../src/crdt/documents.ts";

const sha256 = (bytes: Bytes): Bytes => new Uint8Array(createHash("sha256").update(bytes).digest());

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

test("the content's hash is of the updates in stream order: equal on every device, another for other content", () => {
  const updates = updatesOf(["one", "two"]);
  expect(contentHash(sha256, updates)).toEqual(
    contentHash(
      sha256,
      updates.map((update) => update.slice()),
    ),
  );
  expect(contentHash(sha256, updates)).not.toEqual(contentHash(sha256, updates.slice(0, -1)));
});

test("equal clientIDs with different texts, which snapshots cannot tell apart, have different hashes", () => {
  const [a, b] = ["one", "two"].map((text) => {
    const doc = new Y.Doc();
    doc.clientID = 7;
    doc.getText("t").insert(0, text);
    return doc;
  }) as [Y.Doc, Y.Doc];
  expect(Y.encodeSnapshot(Y.snapshot(a))).toEqual(Y.encodeSnapshot(Y.snapshot(b)));
  expect(contentHash(sha256, [encodeDoc(a)])).not.toEqual(contentHash(sha256, [encodeDoc(b)]));
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
