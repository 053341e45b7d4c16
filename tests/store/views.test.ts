import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId, EventId, ProjectId, TeamId } from "../../src/base/ids.ts";
import { NO_TOKENS } from "../../src/base/session.ts";
import { EMPTY_KNOWN, foldKnown } from "../../src/crdt/known.ts";
import type { TraceEvent } from "../../src/crdt/trace.ts";
import { UNKNOWN_MEMBER } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";
import { type TracedEvent, tracesOf } from "../../src/store/views/traces.ts";
import { NOW, batch, call, event, eventId, sessionId } from "./captures.ts";
import { closeStore, openTestStore, temporaryFolder } from "./help.ts";

const team = "team_1" as TeamId;

let order = 0;

/** Each stands after those made before it. */
function traced(id: string, more: Partial<TracedEvent> = {}): TracedEvent {
  return {
    id,
    order: order++,
    status: "ok",
    changed: [],
    lane: null,
    kind: "response",
    at: 1,
    opens: null,
    rolledBack: false,
    tokens: null,
    costNanoUsd: null,
    ...more,
  };
}

describe("traces", () => {
  test("go from prompt to prompt, lanes behind what opened them", () => {
    const rows = tracesOf([
      traced("hello"),
      traced("p1", { kind: "prompt", at: 5 }),
      traced("s1", { kind: "subagent", opens: "a", at: 6 }),
      traced("p2", {
        kind: "prompt",
        at: 20,
        tokens: { ...NO_TOKENS, output: 3 },
        costNanoUsd: 2_000,
      }),
      traced("a1", { lane: "a", kind: "prompt", at: 7 }),
      traced("a2", {
        lane: "a",
        opens: "b",
        kind: "tool",
        at: 9,
        tokens: { ...NO_TOKENS, output: 4 },
        costNanoUsd: null,
      }),
      traced("b1", { lane: "b", opens: "a" }),
      traced("c1", { lane: "c" }),
    ]);
    expect(rows.map(({ index, prompt, events }) => ({ index, prompt, events }))).toEqual([
      { index: 0, prompt: null, events: ["hello", "c1"] },
      { index: 1, prompt: "p1", events: ["p1", "s1", "a1", "a2", "b1"] },
      { index: 2, prompt: "p2", events: ["p2"] },
    ]);
    expect(rows[1]).toMatchObject({
      startedAt: 1,
      endedAt: 9,
      tools: 1,
      tokens: { output: 4 },
      costUsd: null,
    });
    expect(rows[2]).toMatchObject({ startedAt: 20, endedAt: 20, costUsd: 2e-6 });
  });

  test("are numbered from one, whether or not something came before the first prompt", () => {
    const rows = tracesOf([traced("p1", { kind: "prompt" }), traced("p2", { kind: "prompt" })]);
    expect(rows.map(({ index, prompt }) => [index, prompt])).toEqual([
      [1, "p1"],
      [2, "p2"],
    ]);
  });
});

describe("lists", () => {
  test("are newest first, filtered, and paged", async () => {
    const store = await openTestStore();
    await store.capture.commit([
      batch("old", {
        facts: { title: "100%_done", cwd: "/w/shop" },
        events: [event("e1", { at: 1_000 })],
      }),
      batch("new", {
        facts: { title: "Fix login", cwd: "/w/site" },
        events: [event("e2", { at: 5_000 })],
      }),
      batch("cx", {
        agent: "codex",
        facts: { title: "Fix cart", cwd: "/w/shop" },
        events: [event("e3", { at: 3_000 })],
      }),
    ]);
    const titles = async (filter: Parameters<typeof store.views.sessions>[0]) => {
      const { rows, total } = await store.views.sessions(filter);
      return [total, ...rows.map(({ title }) => title)];
    };
    expect(await titles({})).toEqual([3, "Fix login", "Fix cart", "100%_done"]);
    expect(await titles({ limit: 1, offset: 1 })).toEqual([3, "Fix cart"]);
    expect(await titles({ agent: "codex" })).toEqual([1, "Fix cart"]);
    expect(await titles({ project: "shop", since: 2_000 })).toEqual([1, "Fix cart"]);
    expect(await titles({ project: "/w/shop/" })).toEqual([2, "Fix cart", "100%_done"]);
    expect(await titles({ text: "fix SHOP" })).toEqual([1, "Fix cart"]);
    expect(await titles({ text: "0%_d" })).toEqual([1, "100%_done"]);
    expect(await titles({ text: "0_%d" })).toEqual([0]);
    expect(await store.views.projects()).toMatchObject([
      { name: "shop", sessions: 2 },
      { name: "site", sessions: 1 },
    ]);
    expect(await store.views.counts()).toEqual({ sessions: 3, events: 3 });
  });

  test("a session is live for a minute after its last event, and not before it", async () => {
    const store = await openTestStore();
    const at = async (source: string, time: number) => {
      await store.capture.commit([batch(source, { events: [event(source, { at: time })] })]);
      return (await store.views.session(sessionId(source))).live;
    };
    expect(await at("a", NOW - 60_000)).toBe(true);
    expect(await at("b", NOW - 60_001)).toBe(false);
    expect(await at("c", NOW + 1)).toBe(false);
  });
});

describe("an id", () => {
  test("may be a unique beginning, or the agent's own", async () => {
    const store = await openTestStore();
    await store.capture.commit([batch("abc-1"), batch("abc-2")]);
    const one = sessionId("abc-1");
    expect(await store.views.sessionId(one)).toBe(one);
    expect(await store.views.sessionId(one.slice(0, 12))).toBe(one);
    expect(await store.views.sessionId(one.slice(4, 14))).toBe(one);
    expect(await store.views.sessionId("abc-1")).toBe(one);
    await expect(store.views.sessionId("abc")).rejects.toMatchObject({
      fault: { type: "ambiguous" },
    });
    await expect(store.views.sessionId("ses_")).rejects.toMatchObject({
      fault: { type: "ambiguous" },
    });
    await expect(store.views.sessionId("nothing%")).rejects.toMatchObject({
      fault: { type: "not-found" },
    });
  });
});

describe("usage", () => {
  test("sums by any grouping, sub-agents with their session, every session a row", async () => {
    const store = await openTestStore();
    const day = Date.UTC(2026, 5, 30, 23);
    await store.capture.commit([
      batch("one", {
        facts: { cwd: "/w/shop" },
        calls: [
          call("a/1", 1, { at: day }),
          call("b/1", 2, { lane: "sub", model: "claude-haiku-4-5", at: day + 7_200_000 }),
        ],
      }),
      batch("two", { calls: [call("c/1", 4, { costNanoUsd: null, at: day })] }),
      batch("idle"),
    ]);
    const { rows, totals } = await store.views.usage(["session"], null);
    expect(rows).toHaveLength(3);
    expect(rows.find(({ sourceId }) => sourceId === "one")).toEqual({
      agent: "claude-code",
      session: sessionId("one"),
      sourceId: "one",
      calls: 2,
      tokens: { input: 20, output: 3, cacheRead: 2_000, cacheWrite: 400, reasoning: 0 },
      costUsd: 300 / 1e9,
    });
    expect(rows.find(({ sourceId }) => sourceId === "two")?.costUsd).toBeNull();
    expect(rows.find(({ sourceId }) => sourceId === "idle")).toMatchObject({
      calls: 0,
      costUsd: 0,
    });
    expect(totals).toMatchObject({ calls: 3, tokens: { output: 7 }, costUsd: null });
    const by = async (...groups: Parameters<typeof store.views.usage>[0]) =>
      (await store.views.usage(groups, null)).rows.map(
        ({ tokens, calls: _calls, costUsd: _cost, ...labels }) => [labels, tokens.output],
      );
    expect(await by("day")).toEqual([
      [{ day: "2026-06-30" }, 5],
      [{ day: "2026-07-01" }, 2],
    ]);
    const away = await store.views.usage(["day"], null, "America/New_York");
    expect(away.rows.map((row) => [row.day, row.tokens.output])).toEqual([["2026-06-30", 7]]);
    expect(await by("model", "agent")).toEqual([
      [{ model: "claude-haiku-4-5", agent: "claude-code" }, 2],
      [{ model: "claude-opus-4-8", agent: "claude-code" }, 5],
    ]);
    expect(await by("project")).toEqual([
      [{ project: "" }, 4],
      [{ project: "shop" }, 3],
    ]);
    expect((await store.views.usage(["model"], sessionId("one"))).totals.calls).toBe(2);
  });
});

describe("a teammate's trace", () => {
  const id = sessionId("theirs");
  const plain: TraceEvent = {
    kind: "response",
    at: NOW,
    durationMs: null,
    status: "ok",
    model: "m",
    lane: null,
    order: 1_000,
    opens: null,
    tool: { name: "Edit", input: { path: "a.ts" } },
    tokens: { ...NO_TOKENS, output: 5 },
    costNanoUsd: 50,
    linesAdded: null,
    linesRemoved: null,
    exitCode: null,
    rolledBack: false,
  };
  const meta = {
    agent: "codex" as const,
    agentVersion: null,
    sourceId: null,
    startedAt: 1,
    endedAt: NOW,
    usage: { m: { calls: 3, tokens: { ...NO_TOKENS, output: 9 }, costNanoUsd: 90 } },
    events: 2,
    prompts: 1,
    tools: 0,
    filesChanged: 0,
  };

  function trace(events: readonly (readonly [EventId, TraceEvent])[]) {
    const project = { id: "proj_theirs" as ProjectId, name: "ledger" };
    return { id, team, owner: "Ada", project, meta, events: new Map(events) };
  }

  test("stands beside one's own, with its sums and without bodies", async () => {
    const store = await openTestStore();
    const edit = { ...plain, linesAdded: 1 };
    expect(await store.sessions.putRemote(trace([[eventId("x"), edit]]))).toBe(true);
    expect(await store.views.session(id)).toMatchObject({
      owner: "Ada",
      sharedWith: team,
      project: { id: "proj_theirs", name: "ledger", path: null },
      events: 2,
      calls: 3,
      tokens: { output: 9 },
      costUsd: 90 / 1e9,
      title: null,
    });
    expect((await store.views.usage(["session"], null)).rows[0]).toMatchObject({
      calls: 3,
      tokens: { output: 9 },
    });
    const { events } = await store.views.events(id, 0);
    expect(events).toMatchObject([
      {
        id: eventId("x"),
        tool: "Edit",
        summary: "a.ts",
        changed: ["a.ts"],
        tokens: { output: 5 },
        parts: [],
        partBytes: 0,
      },
    ]);
    expect(await store.views.localTrace(id, 0)).toBeNull();
  });

  test("may have any counts and a name with U+0000, and stops nobody's sums", async () => {
    const store = await openTestStore();
    const most = Number.MAX_SAFE_INTEGER;
    const tokens = { ...NO_TOKENS, input: most, output: most };
    const events = Array.from(
      { length: 1_100 },
      (_, n) => [eventId(`x${n}`), { ...plain, order: n, tokens, costNanoUsd: most }] as const,
    );
    const usage = {
      m: { calls: most, tokens, costNanoUsd: most },
      n: { calls: most, tokens, costNanoUsd: most },
    };
    const project = { id: "proj_theirs" as ProjectId, name: "led\0ger" };
    const theirs = { ...trace(events), meta: { ...meta, usage }, owner: "A\0da", project };
    expect(await store.sessions.putRemote(theirs)).toBe(true);
    expect(await store.views.session(id)).toMatchObject({ owner: "A\uFFFDda", calls: most });
    const { rows } = await store.views.usage(["day", "model"], null);
    expect(rows.length).toBeGreaterThan(0);
    await store.search.setDecision({ id: "dec_1", title: "a\0b", body: "c\0d", at: null });
  });

  /** As a document of this device says it. */
  async function put(store: Store, doc: string, device: string): Promise<void> {
    const said = new Y.Doc();
    said.getMap("meta").set("agent", "codex");
    const update = Y.encodeStateAsUpdate(said) as Bytes;
    const known = foldKnown(EMPTY_KNOWN, update);
    const document = { id: doc as DocId, kind: "trace", updates: [update], known } as const;
    await store.sync.commit({
      ...{ stream: { team, project: null }, places: [], chains: [], unapplied: [] },
      documents: [{ ...document, owner: device, retired: false }],
    });
    await store.sessions.putRemote(trace([[eventId("x"), { ...plain, tool: ZEBRAFISH }]]));
    await store.documents.setRev(doc as DocId, 1);
    while (await store.search.catchUp());
  }
  const ZEBRAFISH = { name: "Edit", input: { path: "zebrafish.ts" } };

  test("that is taken back is gone: its content, its session, and what search found of it", async () => {
    const folder = temporaryFolder();
    const store = await openTestStore(folder);
    const doc = `${id}.00000000000000000000000001` as DocId;
    await put(store, doc, "aa");
    expect((await store.views.search("zebrafish", 10)).hits).toHaveLength(1);
    await store.sync.retire([doc], "bb");
    expect((await store.views.search("zebrafish", 10)).hits).toEqual([]);
    expect((await store.views.sessions({})).total).toBe(0);
    expect(await store.documents.load(doc)).toMatchObject({ retired: true, state: null });
    await closeStore(store);
    const db = await PGlite.create(join(folder, "db"));
    for (const table of ["document_updates", "events", "calls", "search_docs"])
      expect((await db.query(`select * from ${table}`)).rows).toEqual([]);
    await db.close();
  });

  test("that is taken back while another document shows the session stays, to be shown by that one", async () => {
    const store = await openTestStore();
    const [first, second] = [1, 2].map((n) => `${id}.0000000000000000000000000${n}` as DocId);
    await put(store, first as DocId, "aa");
    await put(store, second as DocId, "aa");
    await store.sync.retire([first as DocId], "bb");
    expect(await store.views.session(id)).toMatchObject({ owner: UNKNOWN_MEMBER });
    expect(await store.documents.info(second as DocId)).toMatchObject({ rev: 1, modelRev: 0 });
  });

  test("grows by what differs only", async () => {
    const store = await openTestStore();
    await store.sessions.putRemote(
      trace([
        [eventId("x"), plain],
        [eventId("y"), plain],
      ]),
    );
    const { rev } = await store.views.events(id, 0);
    await store.sessions.putRemote(
      trace([
        [eventId("x"), plain],
        [eventId("z"), { ...plain, order: 2_000 }],
      ]),
    );
    const grown = await store.views.events(id, rev);
    expect(grown.events.map((row) => row.id)).toEqual([eventId("z")]);
    expect(grown.removed).toEqual([eventId("y")]);
    expect((await store.views.events(id, 0)).events.map((row) => row.id)).toEqual([
      eventId("x"),
      eventId("z"),
    ]);
  });

  test("never replaces what was captured here, nor takes its events", async () => {
    const store = await openTestStore();
    await store.capture.commit([
      batch("theirs", { events: [event("mine")] }),
      batch("two", { events: [event("x")] }),
    ]);
    expect(await store.sessions.putRemote(trace([[eventId("x"), plain]]))).toBe(false);
    const other = { ...trace([[eventId("x"), plain]]), id: sessionId("other") };
    expect(await store.sessions.putRemote(other)).toBe(true);
    expect((await store.views.events(sessionId("two"), 0)).events).toHaveLength(1);
  });

  test("holds nothing against what is captured here later", async () => {
    const store = await openTestStore();
    const hiding = trace([[eventId("x"), plain]]);
    const spent = call("c", 7);
    const mine = batch("two", {
      events: [event("x", { text: "mine", callKey: "c" })],
      calls: [spent],
    });
    const shows = async (): Promise<void> => {
      const { events } = await store.views.events(sessionId("two"), 0);
      expect(events).toMatchObject([{ id: eventId("x"), tool: null, tokens: { output: 7 } }]);
      expect(await store.views.session(sessionId("two"))).toMatchObject({
        parent: null,
        events: 1,
      });
      expect((await store.views.localTrace(sessionId("two"), 0))?.events).toHaveLength(1);
      expect((await store.views.events(id, 0)).events).toEqual([]);
    };
    await store.sessions.putRemote(hiding);
    await store.capture.commit([mine]);
    await shows();
    await store.sessions.putRemote(hiding);
    await shows();
    while (await store.search.catchUp());
    const hits = (await store.views.search("mine", 10)).hits;
    expect(hits).toMatchObject([{ session: sessionId("two") }]);
  });

  test("captured here after all, it is this machine's", async () => {
    const store = await openTestStore();
    await store.sessions.putRemote(trace([[eventId("x"), plain]]));
    await store.capture.commit([batch("theirs", { events: [event("x", { text: "mine" })] })]);
    expect(await store.views.session(id)).toMatchObject({
      owner: null,
      sharedWith: null,
      events: 1,
    });
  });

  test("captured here after all, it counts once, and shows what the transcript says", async () => {
    const store = await openTestStore();
    await store.sessions.putRemote(
      trace([
        [eventId("x"), plain],
        [eventId("y"), plain],
      ]),
    );
    await store.capture.commit([
      batch("theirs", {
        events: [event("x", { text: "mine", callKey: "m1/r1" })],
        calls: [call("m1/r1", 7)],
      }),
    ]);
    expect(await store.views.session(id)).toMatchObject({ calls: 1, tokens: { output: 7 } });
    expect((await store.views.events(id, 0)).events).toMatchObject([
      { id: eventId("x"), tokens: { output: 7 } },
    ]);
  });
});

test("a claim outlives a restart", async () => {
  const folder = temporaryFolder();
  const store = await openTestStore(folder);
  await store.capture.commit([batch("one"), batch("two")]);
  await store.sessions.claim([sessionId("one")], "account-1");
  await closeStore(store);
  const { rows } = await (await openTestStore(folder)).views.sessions({});
  const claims = Object.fromEntries(rows.map(({ id, claimedBy }) => [id, claimedBy]));
  expect(claims).toEqual({ [sessionId("one")]: "account-1", [sessionId("two")]: null });
});
