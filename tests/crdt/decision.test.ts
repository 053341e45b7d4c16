import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import type { DecisionId } from "../../src/base/ids.ts";
import {
  addOption,
  createDecision,
  decisionText,
  editDecision,
  markOption,
  newDecisionId,
  optionText,
  readDecision,
  type DecisionEdit,
  type DecisionRecord,
} from "../../src/crdt/decision.ts";
import { addEntry } from "../../src/crdt/lists.ts";
import { encodeDoc, openDoc } from "../../src/crdt/documents.ts";
import { editText } from "../../src/crdt/text.ts";
import { makerFrom } from "./make.ts";

const ID = newDecisionId(makerFrom(1));

function created(input: DecisionEdit = { title: "base" }): Y.Doc {
  const doc = openDoc(null);
  const dated = { date: "2027-01-15", ...input };
  expect(createDecision(doc, ID, dated, makerFrom(1)).ok).toBe(true);
  return doc;
}

/** The same decision on two devices. */
function pair(input?: DecisionEdit): [Y.Doc, Y.Doc] {
  const state = encodeDoc(created(input));
  return [openDoc(state), openDoc(state)];
}

/** What both read after they met. */
function meet(a: Y.Doc, b: Y.Doc): DecisionRecord {
  const [fromA, fromB] = [encodeDoc(a), encodeDoc(b)];
  Y.applyUpdate(a, fromB);
  Y.applyUpdate(b, fromA);
  expect(readDecision(a)).toEqual(readDecision(b));
  return readDecision(a);
}

function edit(doc: Y.Doc, fields: DecisionEdit, seed = 2): void {
  expect(editDecision(doc, fields, makerFrom(seed))).toEqual({ ok: true, value: undefined });
}

test("a new decision has its words, is proposed by a person on the day given, and has all fields", () => {
  expect(
    readDecision(created({ title: "Use Yjs", tags: "crdt, sync", deciders: ["Ada", "Grace"] })),
  ).toEqual({
    id: ID,
    title: "Use Yjs",
    status: "proposed",
    date: "2027-01-15",
    deciders: ["Ada", "Grace"],
    context: "",
    drivers: "",
    options: [],
    outcome: "",
    consequences: "",
    tags: ["crdt", "sync"],
    project: null,
    supersedes: [],
    relatesTo: [],
    evidence: [],
    origin: "person",
    reviewBy: null,
  });
});

describe("two people at once", () => {
  test("the same prose field keeps both, and other fields are not touched", () => {
    const [a, b] = pair();
    edit(a, { title: "base A", context: "from A", status: "accepted" });
    edit(b, { title: "B base", outcome: "from B", reviewBy: "2027-06-01" });
    const record = meet(a, b);
    expect(record).toMatchObject({
      title: "B base A",
      context: "from A",
      outcome: "from B",
      status: "accepted",
      reviewBy: "2027-06-01",
    });
  });

  test("both write into a field that was empty", () => {
    const [a, b] = pair();
    edit(a, { context: "alpha" });
    edit(b, { context: "beta" });
    const { context } = meet(a, b);
    expect(["alphabeta", "betaalpha"]).toContain(context);
  });

  test("both add to a list: both are there, and the same word twice reads once", () => {
    const [a, b] = pair({ title: "base", tags: "old" });
    edit(a, { tags: "old, same, a" }, 3);
    edit(b, { tags: "old, same, b" }, 4);
    expect(meet(a, b).tags.toSorted()).toEqual(["a", "b", "old", "same"]);
  });

  test("one removes a word while the other adds it again: the adding survives", () => {
    const [a, b] = pair({ title: "base", tags: "kept, gone" });
    edit(a, { tags: "kept" }, 3);
    edit(b, { tags: "kept" }, 4);
    edit(b, { tags: "kept, gone" }, 5);
    expect(meet(a, b).tags).toEqual(["kept", "gone"]);
  });

  test("both add an option, and both type into one that was there", () => {
    const [a, b] = pair();
    const shared = addOption(a, { title: "Yjs", pros: "small" }, makerFrom(3));
    meet(a, b);
    addOption(a, { title: "Automerge" }, makerFrom(4));
    addOption(b, { title: "SQLite" }, makerFrom(5));
    editText(optionText(a, shared, "pros") as Y.Text, "small, known");
    editText(optionText(b, shared, "pros") as Y.Text, "very small");
    expect(markOption(b, shared, "chosen", true)).toBe(true);
    const { options } = meet(a, b);
    expect(options.map(({ title }) => title).toSorted()).toEqual(["Automerge", "SQLite", "Yjs"]);
    expect(options.find(({ id }) => id === shared)).toMatchObject({
      pros: "very small, known",
      chosen: true,
    });
  });

  test("an option that one removes while the other types in it can come back with every word", () => {
    const [a, b] = pair();
    const option = addOption(a, { title: "Yjs" }, makerFrom(3));
    meet(a, b);
    markOption(a, option, "removed", true);
    editText(optionText(b, option, "cons") as Y.Text, "written meanwhile");
    expect(meet(a, b).options).toEqual([]);
    markOption(a, option, "removed", false);
    expect(meet(a, b).options).toMatchObject([{ title: "Yjs", cons: "written meanwhile" }]);
  });

  test("both bring evidence", () => {
    const [a, b] = pair();
    const add = (doc: Y.Doc, n: number, session: string, event: string, hash: string) =>
      addEntry(doc.getMap("evidence"), { session, event, hash }, makerFrom(n));
    add(a, 3, "ses_1", "evt_1", "aa");
    add(b, 4, "ses_2", "evt_2", "bb");
    expect(
      meet(a, b)
        .evidence.map(({ hash }) => hash)
        .toSorted(),
    ).toEqual(["aa", "bb"]);
  });

  test("any edits on three devices, in any order of meeting, end in the same record", () => {
    const word = fc.constantFrom("a", "base", "", "one two", "👍 three", "x, y", "y");
    const fields = fc.record(
      {
        title: word.filter((text) => text !== ""),
        context: word,
        tags: word,
        deciders: word,
        project: word,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2), fields, fc.boolean()), { maxLength: 15 }),
        (steps) => {
          const state = encodeDoc(created());
          const docs = [0, 1, 2].map(() => openDoc(state)) as [Y.Doc, Y.Doc, Y.Doc];
          steps.forEach(([i, change, meets], n) => {
            edit(docs[i] as Y.Doc, change as DecisionEdit, 10 + n);
            if (meets) meet(docs[i] as Y.Doc, docs[(i + 1) % 3] as Y.Doc);
          });
          meet(docs[0], docs[1]);
          meet(docs[1], docs[2]);
          expect(meet(docs[0], docs[2])).toEqual(readDecision(docs[1]));
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("editing", () => {
  test("is by the smallest difference, and nothing is written for what is so already", () => {
    const doc = created({ title: "base", context: "one two", tags: "a, b", status: "accepted" });
    const updates: Uint8Array[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update));
    edit(doc, { title: "base", context: "one two", tags: "b, a", status: "accepted" });
    expect(updates).toEqual([]);
    edit(doc, { context: "one 2 two" });
    expect(updates.length).toBe(1);
    expect((updates[0] as Uint8Array).length).toBeLessThan(30);
  });

  test("an empty date or project is taken away", () => {
    const doc = created({ title: "base", reviewBy: "2027-06-01", project: "web" });
    edit(doc, { reviewBy: "", project: "" });
    expect(readDecision(doc)).toMatchObject({ reviewBy: null, project: null });
  });

  test.each([
    ["status", "maybe", /"maybe" is not a status of a decision: choose one of proposed, accepted/],
    ["date", "31.3.2026", /"31.3.2026" is not a date: write it as year-month-day/],
    ["date", "2026-02-30", /is not a date/],
    ["reviewBy", "soon", /is not a review-by date/],
    ["origin", "nobody", /is not an origin/],
    ["title", "  ", /needs a title/],
    ["project", "proj_01ABC", /names its project in words/],
    ["tags", "x".repeat(301), /at most 300 characters/],
  ])(
    "%s = %s is refused with a sentence, and nothing of the edit is written",
    (field, value, sentence) => {
      const doc = created();
      const before = encodeDoc(doc);
      const answer = editDecision(doc, { context: "changed", [field]: value }, makerFrom(2));
      expect(answer.ok).toBe(false);
      if (!answer.ok)
        expect(answer.fault).toMatchObject({
          type: "invalid-field",
          message: expect.stringMatching(sentence),
        });
      expect(encodeDoc(doc)).toEqual(before);
    },
  );

  test("a decision without a title is not made", () => {
    const doc = openDoc(null);
    expect(createDecision(doc, ID, { date: "2027-01-15", context: "x" }, makerFrom(1)).ok).toBe(
      false,
    );
    expect(encodeDoc(doc)).toEqual(encodeDoc(openDoc(null)));
  });

  test("a decision of a newer version is not edited", () => {
    const doc = created();
    doc.getMap("meta").set("schema", 99);
    const answer = editDecision(doc, { title: "new" }, makerFrom(2));
    expect(answer.ok).toBe(false);
    if (!answer.ok) expect(answer.fault.message).toMatch(/Update Operon/);
    expect(decisionText(doc, "title").toString()).toBe("base");
  });
});

describe("what a peer wrote is not believed", () => {
  test("an empty document reads as an empty decision", () => {
    expect(readDecision(openDoc(null))).toMatchObject({
      id: "",
      title: "",
      status: "proposed",
      date: null,
      options: [],
    });
  });

  test("values of another shape read as if they were not there", () => {
    const doc = created({ title: "base", tags: "real" });
    doc.getMap("meta").set("id", "dec_../../etc" as DecisionId);
    doc.getMap("fields").set("status", "great");
    doc.getMap("fields").set("date", "2026-99-99");
    doc.getMap("fields").set("project", { toString: 1 });
    doc.getMap("tags").set("00000000000000000000000000", 5);
    doc.getMap("tags").set("short", "no id");
    doc.getMap("options").set("00000000000000000000000001", "not a map");
    doc.getMap("options").set("00000000000000000000000002", new Y.Map([["title", 7 as unknown]]));
    doc.getMap("evidence").set("00000000000000000000000003", { session: 1 });
    doc.getText("title").insertEmbed(0, { image: "x" });
    doc.getText("title").format(0, 3, { bold: true });
    expect(readDecision(openDoc(encodeDoc(doc)))).toMatchObject({
      id: "",
      title: "base",
      status: "proposed",
      date: null,
      project: null,
      tags: ["real"],
      options: [{ id: "00000000000000000000000002", title: "", pros: "", cons: "", chosen: false }],
      evidence: [],
    });
  });

  test("any JSON in any map is read without an error, and can be edited", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom("fields", "tags", "options", "evidence", "meta"),
        (value, map) => {
          const doc = created();
          for (const key of ["status", "date", "id", "0000000000000000000000000A"])
            doc.getMap(map).set(key, value);
          readDecision(openDoc(encodeDoc(doc)));
          expect(editDecision(doc, { tags: "x", status: "accepted" }, makerFrom(9)).ok).toBe(true);
        },
      ),
    );
  });
});
