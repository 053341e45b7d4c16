import { expect, test } from "vitest";
import * as Y from "yjs";
import type { DecisionId, EventId } from "../../src/base/ids.ts";
import { encodeDoc, openDoc } from "../../src/crdt/documents.ts";
import { addComment, addTag, linkDecision, readNotes, removeNote } from "../../src/crdt/notes.ts";
import { readProject, setProjectName } from "../../src/crdt/project.ts";
import { makerFrom } from "./make.ts";

const EVENT = `evt_${"0".repeat(26)}` as EventId;
const DECISION = `dec_${"0".repeat(26)}` as DecisionId;

test("notes of two people come together, each once, oldest first", () => {
  const [a, b] = [openDoc(null), openDoc(null)];
  addComment(a, EVENT, "why so?", makerFrom(1));
  addTag(a, "slow", makerFrom(2));
  addComment(b, null, "good session", makerFrom(3));
  linkDecision(b, DECISION, makerFrom(4));
  Y.applyUpdate(a, encodeDoc(b));
  const notes = readNotes(a);
  expect(notes.comments.map(({ event, text }) => [event, text])).toEqual([
    [EVENT, "why so?"],
    [null, "good session"],
  ]);
  expect(notes.tags.map(({ tag }) => tag)).toEqual(["slow"]);
  expect(notes.decisions.map(({ decision }) => decision)).toEqual([DECISION]);
});

test("a removed note is gone, the others stay", () => {
  const doc = openDoc(null);
  const first = addTag(doc, "one", makerFrom(1));
  addTag(doc, "two", makerFrom(2));
  removeNote(doc, "tags", first);
  expect(readNotes(doc).tags.map(({ tag }) => tag)).toEqual(["two"]);
});

test("notes of another shape are left out", () => {
  const doc = openDoc(null);
  const keys = Array.from({ length: 4 }, (_, i) => i.toString().padStart(26, "0")) as [
    string,
    string,
    string,
    string,
  ];
  doc.getMap("comments").set(keys[0], { event: "evt_x", text: "t", at: 1 });
  doc.getMap("comments").set(keys[1], { event: null, text: 5, at: 1 });
  doc.getMap("comments").set("no ulid", { event: null, text: "t", at: 1 });
  doc.getMap("tags").set(keys[2], new Y.Text("x"));
  doc.getMap("decisions").set(keys[3], "dec_x");
  expect(readNotes(doc)).toEqual({ comments: [], tags: [], decisions: [] });
});

test("a project has a name, or what is no name reads as none", () => {
  const doc = openDoc(null);
  setProjectName(doc, "Website");
  expect(readProject(doc)).toEqual({ name: "Website" });
  doc.getMap("fields").set("name", 5);
  expect(readProject(doc)).toEqual({ name: null });
});
