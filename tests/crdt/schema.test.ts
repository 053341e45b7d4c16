/**
 * Freezes how documents are laid out. When a test here fails because the layout was meant to change:
 * bump the kind's version in SCHEMA (src/crdt/documents.ts), then put the new layout here.
 */
import { expect, test } from "vitest";
import * as Y from "yjs";
import type { DecisionId, EventId } from "../../src/base/ids.ts";
import { toHex } from "../../src/base/bytes.ts";
import { addOption, createDecision, markOption } from "../../src/crdt/decision.ts";
import { addEntry } from "../../src/crdt/lists.ts";
import { encodeDoc, SCHEMA } from "../../src/crdt/documents.ts";
import { addComment, addTag, linkDecision } from "../../src/crdt/notes.ts";
import { setProjectName } from "../../src/crdt/project.ts";
import {
  writeTrace,
  type Shareable,
  type TraceEvent,
  type TraceMeta,
} from "../../src/crdt/trace.ts";
import { makerFrom } from "./make.ts";

const BUMP = "bump the schema version of this kind, then freeze the new layout";
const make = makerFrom(1);
const EVENT = `evt_${"1".repeat(26)}` as EventId;
const DECISION = `dec_0${"1".repeat(25)}` as DecisionId;

function fixed(fill: (doc: Y.Doc) => void): Y.Doc {
  const doc = new Y.Doc();
  doc.clientID = 1;
  fill(doc);
  return doc;
}

/** Top-level names with the kinds and keys under them; fresh ids are written as ULID. */
function layout(doc: Y.Doc): unknown {
  return Object.fromEntries([...doc.share].map(([name, type]) => [name, shape(type)]));
}

function shape(value: unknown): unknown {
  if (value instanceof Y.Text) return "text";
  if (value instanceof Y.Map) {
    return Object.fromEntries(
      [...value].map(([key, item]) => [/^0[0-9A-Z]{25}$/.test(key) ? "ULID" : key, shape(item)]),
    );
  }
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shape(item)]));
}

const TOKENS = { input: 1, output: 2, cacheRead: 3, cacheWrite: 4, reasoning: 5 };

test("the versions are what is frozen below", () => {
  expect(SCHEMA).toEqual({ trace: 1, notes: 1, decision: 1, project: 1 });
});

test("trace", () => {
  const meta: TraceMeta = {
    agent: "codex",
    agentVersion: "1.0.0",
    sourceId: "00000000-0000-0000-0000-000000000000",
    startedAt: 1,
    endedAt: 2,
    usage: { other: { calls: 1, tokens: TOKENS, costNanoUsd: 1 } },
    events: 1,
    prompts: 1,
    tools: 1,
    filesChanged: 1,
  };
  const event: TraceEvent = {
    kind: "tool",
    at: 1,
    durationMs: 1,
    status: "ok",
    model: "other",
    lane: "lane",
    order: 1,
    opens: "lane",
    tool: { name: "Read", input: { path: "a" } },
    tokens: TOKENS,
    costNanoUsd: 1,
    linesAdded: 1,
    linesRemoved: 1,
    exitCode: 1,
    rolledBack: true,
  };
  const doc = fixed((doc) =>
    writeTrace(
      doc,
      meta as Shareable<TraceMeta>,
      new Map([[EVENT, event as Shareable<TraceEvent>]]),
    ),
  );
  const tokens = {
    input: "number",
    output: "number",
    cacheRead: "number",
    cacheWrite: "number",
    reasoning: "number",
  };
  expect(layout(doc), BUMP).toEqual({
    meta: {
      schema: "number",
      agent: "string",
      agentVersion: "string",
      sourceId: "string",
      startedAt: "number",
      endedAt: "number",
      usage: { other: { calls: "number", tokens, costNanoUsd: "number" } },
      events: "number",
      prompts: "number",
      tools: "number",
      filesChanged: "number",
    },
    events: {
      [EVENT]: {
        kind: "string",
        at: "number",
        durationMs: "number",
        status: "string",
        model: "string",
        lane: "string",
        order: "number",
        opens: "string",
        tool: { name: "string", input: { path: "string" } },
        tokens,
        costNanoUsd: "number",
        linesAdded: "number",
        linesRemoved: "number",
        exitCode: "number",
        rolledBack: "boolean",
      },
    },
  });
});

test("decision", () => {
  const doc = fixed((doc) => {
    createDecision(
      doc,
      DECISION,
      {
        title: "t",
        date: "2027-01-15",
        context: "c",
        drivers: "d",
        outcome: "o",
        consequences: "c",
        reviewBy: "2027-01-01",
        project: "p",
        deciders: "a",
        tags: "a",
        supersedes: "a",
        relatesTo: "a",
      },
      make,
    );
    markOption(doc, addOption(doc, { title: "t" }, make), "removed", true);
    addEntry(doc.getMap("evidence"), { session: "s", event: "e", hash: "h" }, make);
  });
  expect(layout(doc), BUMP).toEqual({
    meta: { schema: "number", id: "string" },
    title: "text",
    context: "text",
    drivers: "text",
    outcome: "text",
    consequences: "text",
    fields: {
      status: "string",
      date: "string",
      reviewBy: "string",
      project: "string",
      origin: "string",
    },
    deciders: { ULID: "string" },
    tags: { ULID: "string" },
    supersedes: { ULID: "string" },
    relatesTo: { ULID: "string" },
    options: {
      ULID: { title: "text", pros: "text", cons: "text", chosen: "boolean", removed: "boolean" },
    },
    evidence: { ULID: { session: "string", event: "string", hash: "string" } },
  });
});

test("notes and project", () => {
  const notes = fixed((doc) => {
    addComment(doc, EVENT, "t", make);
    addTag(doc, "t", make);
    linkDecision(doc, DECISION, make);
  });
  expect(layout(notes), BUMP).toEqual({
    meta: { schema: "number" },
    comments: { ULID: { event: "string", text: "string", at: "number" } },
    tags: { ULID: "string" },
    decisions: { ULID: "string" },
  });
  const project = fixed((doc) => {
    setProjectName(doc, "n");
  });
  expect(layout(project), BUMP).toEqual({
    meta: { schema: "number" },
    fields: { name: "string" },
  });
});

test("the bytes of a document", () => {
  const doc = fixed((doc) => setProjectName(doc, "n"));
  expect(toHex(encodeDoc(doc)), BUMP).toMatchInlineSnapshot(
    `"010201002801046d65746106736368656d61017d012801066669656c6473046e616d650177016e00"`,
  );
});
