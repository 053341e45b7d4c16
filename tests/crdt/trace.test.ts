import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import type { EventId } from "../../src/base/ids.ts";
import { encodeDoc, openDoc } from "../../src/crdt/documents.ts";
import {
  readTrace,
  removeFromTrace,
  toolSummary,
  writeTrace,
  type Shareable,
  type TraceEvent,
  type TraceMeta,
} from "../../src/crdt/trace.ts";

const TOKENS = { input: 1, output: 2, cacheRead: 3, cacheWrite: 4, reasoning: 5 };

const META = {
  agent: "codex",
  agentVersion: "0.140.0",
  sourceId: null,
  startedAt: 1_800_000_000_000,
  endedAt: 1_800_000_060_000,
  usage: { "gpt-5.5": { calls: 2, tokens: TOKENS, costNanoUsd: 12_345 } },
  events: 3,
  prompts: 1,
  tools: 1,
  filesChanged: 0,
} as const as unknown as Shareable<TraceMeta>;

function event(order: number, more: Partial<TraceEvent> = {}): Shareable<TraceEvent> {
  return {
    kind: "tool",
    at: 1_800_000_000_000 + order,
    durationMs: null,
    status: "running",
    model: "gpt-5.5",
    lane: null,
    order,
    opens: null,
    tool: { name: "Read", input: { path: "src/a.ts", limit: 3, all: true, paths: ["a", "b"] } },
    tokens: TOKENS,
    costNanoUsd: 0,
    linesAdded: 0,
    linesRemoved: null,
    exitCode: -1,
    rolledBack: false,
    ...more,
  } as Shareable<TraceEvent>;
}

function id(n: number): EventId {
  return `evt_${n.toString().padStart(26, "0")}` as EventId;
}

function events(count: number): Map<EventId, Shareable<TraceEvent>> {
  return new Map(Array.from({ length: count }, (_, n) => [id(n), event(n)]));
}

function updatesDuring(doc: Y.Doc, work: () => void): Uint8Array[] {
  const updates: Uint8Array[] = [];
  const listen = (update: Uint8Array) => updates.push(update);
  doc.on("update", listen);
  work();
  doc.off("update", listen);
  return updates;
}

describe("writing", () => {
  test("what was written is read, zeros and nulls apart", () => {
    const doc = openDoc(null);
    const written = new Map([
      [id(1), event(1)],
      [
        id(2),
        event(2, { tool: null, tokens: null, costNanoUsd: null, lane: "lane_X", rolledBack: true }),
      ],
    ]);
    writeTrace(doc, META, written);
    const read = readTrace(openDoc(encodeDoc(doc)));
    expect(read).toEqual({ meta: META, events: written, dropped: 0 });
  });

  test("a second writing of the same writes nothing", () => {
    const doc = openDoc(null);
    writeTrace(doc, META, events(450));
    expect(updatesDuring(doc, () => writeTrace(doc, META, events(450)))).toEqual([]);
    const reopened = openDoc(encodeDoc(doc));
    expect(updatesDuring(reopened, () => writeTrace(reopened, META, events(450)))).toEqual([]);
  });

  test("at most 200 events a transaction, each well within a row", () => {
    const doc = openDoc(null);
    const updates = updatesDuring(doc, () => writeTrace(doc, META, events(450)));
    expect(updates.length).toBe(4);
    for (const update of updates) expect(update.length).toBeLessThan(128 * 1024);
    const counts = updates.map((update) => Y.decodeUpdate(update).structs.length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(200);
    expect(counts.slice(1)).toEqual([200, 200, 50]);
  });

  test("one event that changed is one small update", () => {
    const doc = openDoc(null);
    writeTrace(doc, META, events(450));
    const changed = new Map([
      ...events(450),
      [id(7), event(7, { status: "ok", durationMs: 5 })] as const,
    ]);
    const updates = updatesDuring(doc, () => writeTrace(doc, META, changed));
    expect(updates.length).toBe(1);
    expect((updates[0] as Uint8Array).length).toBeLessThan(500);
    expect(readTrace(doc).events.get(id(7))?.status).toBe("ok");
  });

  test("events that a session lost are taken out", () => {
    const doc = openDoc(null);
    writeTrace(doc, META, events(3));
    removeFromTrace(doc, [id(1), id(99)]);
    expect([...readTrace(doc).events.keys()]).toEqual([id(0), id(2)]);
    expect(updatesDuring(doc, () => removeFromTrace(doc, [id(1)]))).toEqual([]);
  });
});

test.each([
  [{ path: "src/a.ts", limit: 3 }, "src/a.ts"],
  [{ pattern: "TODO", path: "src", ignoreCase: true }, "TODO · src"],
  [{ paths: ["a.ts", "b.ts"] }, "a.ts, b.ts"],
  [{ command: "npm" }, "npm"],
  [{ limit: 3 }, null],
])("a tool with the input %j is told as %j", (input, summary) => {
  expect(toolSummary({ name: "Read", input })).toBe(summary);
});

describe("what a peer wrote is not believed", () => {
  test("events of another shape are dropped and counted, the others are there", () => {
    const doc = openDoc(null);
    writeTrace(doc, META, events(2));
    const map = doc.getMap("events");
    const hostile: unknown[] = [
      null,
      7,
      "text",
      [],
      {},
      { kind: "prompts" },
      new Y.Map(),
      new Y.Text("x"),
      new Uint8Array(3),
      { kind: "tool", order: "1" },
    ];
    hostile.forEach((value, n) => map.set(id(100 + n), value));
    map.set("not an id", { kind: "tool", order: 1 });
    const read = readTrace(openDoc(encodeDoc(doc)));
    expect(read.events.size).toBe(2);
    expect(read.dropped).toBe(hostile.length + 1);
  });

  test("fields of another type read as not recorded", () => {
    const doc = openDoc(null);
    doc.getMap("events").set(id(1), {
      kind: "tool",
      order: 1,
      at: "now",
      durationMs: Number.POSITIVE_INFINITY,
      status: "great",
      model: "m".repeat(10_000),
      lane: 5,
      tool: {
        name: "Read",
        input: {
          path: { nested: 1 },
          limit: Number.NaN,
          ["__proto__"]: "x",
          pattern: "ok",
          long: "x".repeat(5_000),
        },
      },
      tokens: { input: -5, output: 1.5, cacheRead: "9" },
      costNanoUsd: -1,
      rolledBack: "yes",
      title: "a title",
    });
    expect(readTrace(doc).events.get(id(1))).toEqual({
      kind: "tool",
      order: 1,
      at: null,
      durationMs: null,
      status: null,
      model: null,
      lane: null,
      opens: null,
      tool: { name: "Read", input: { pattern: "ok" } },
      tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
      costNanoUsd: null,
      linesAdded: null,
      linesRemoved: null,
      exitCode: null,
      rolledBack: false,
    });
  });

  test("numbers and texts that a database could not hold read as not recorded", () => {
    const doc = openDoc(null);
    const map = doc.getMap("events");
    map.set(id(1), { kind: "tool", order: 2 ** 63 });
    map.set(id(2), {
      kind: "tool",
      order: 1.5,
      at: 1e300,
      durationMs: 2 ** 63,
      exitCode: -1e20,
      model: "a\0b",
      lane: "\0",
      tool: { name: "Grep", input: { pattern: "\0", "pa\0th": "a", glob: "*", paths: ["\0"] } },
    });
    map.set(id(3), { kind: "tool", order: 1, at: 1e18 });
    for (const [key, value] of Object.entries({
      agent: "codex",
      agentVersion: "1\0",
      sourceId: "\0",
      startedAt: 1.5,
      endedAt: -1,
      usage: { "a\0": META.usage["gpt-5.5"] },
    }))
      doc.getMap("meta").set(key, value);
    const { meta, events: read, dropped } = readTrace(doc);
    expect(dropped).toBe(1);
    expect(read.get(id(2))).toMatchObject({
      order: 2,
      at: null,
      durationMs: null,
      exitCode: null,
      model: null,
      lane: null,
      tool: { name: "Grep", input: { glob: "*" } },
    });
    expect(read.get(id(2))?.tool?.input).toEqual({ glob: "*" });
    expect(read.get(id(3))?.at).toBeNull();
    expect(meta).toMatchObject({
      agentVersion: null,
      sourceId: null,
      startedAt: 2,
      endedAt: null,
      usage: {},
    });
  });

  test("any JSON anywhere is read without an error", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (a, b, c) => {
        const doc = openDoc(null);
        doc.getMap("events").set(id(1), a);
        doc.getMap("events").set(id(2), { kind: "tool", order: 1, tool: a, tokens: b });
        for (const key of Object.keys(META)) doc.getMap("meta").set(key, c);
        doc.getMap("meta").set("agent", "codex");
        const read = readTrace(openDoc(encodeDoc(doc)));
        expect(read.events.size + read.dropped).toBe(2);
        expect(read.meta?.agent).toBe("codex");
      }),
    );
  });

  test("a document whose top-level types are of other kinds reads as an empty one", () => {
    const hostile = new Y.Doc();
    hostile.getText("meta").insert(0, "text");
    hostile.getArray("events").push([1, 2, 3]);
    expect(readTrace(openDoc(encodeDoc(hostile)))).toEqual({
      meta: null,
      events: new Map(),
      dropped: 0,
    });
  });
});
