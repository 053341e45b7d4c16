import { describe, expect, test } from "vitest";
import type { SessionId } from "../../src/base/ids.ts";
import type { CaptureBatch, CapturedEvent } from "../../src/base/session.ts";
import type { Store } from "../../src/store/store.ts";
import { NOW, batch, call, event, eventId, sessionId } from "./captures.ts";
import { everything, openTestStore } from "./help.ts";

async function revOf(store: Store, id: SessionId): Promise<number> {
  return (await store.views.revisions([id]))[0]?.rev ?? 0;
}

function firstRun(): CaptureBatch {
  return batch("one", {
    facts: { cwd: "/work/shop", gitBranch: "main", agentVersion: "2.1.0" },
    events: [
      event("p1", { kind: "prompt", order: 1_000, text: "\n  Add a cart\nplease" }),
      event("r1", { order: 2_000, text: "On it.", callKey: "m1/q1" }),
      event("t1", {
        kind: "tool",
        order: 2_001,
        status: "running",
        tool: { name: "Edit", input: { file_path: "/work/shop/cart.ts" } },
        callKey: "m1/q1",
        parts: [{ name: "input", body: "cart" }],
      }),
    ],
    calls: [call("m1/q1", 50)],
  });
}

function secondRun(): CaptureBatch {
  const patch = JSON.stringify([{ path: "/work/shop/cart.ts", change: "add", hunks: [] }]);
  return batch("one", {
    patches: [
      {
        id: eventId("t1"),
        at: NOW,
        status: "ok",
        durationMs: 12.4,
        linesAdded: 3,
        parts: [
          { name: "output", body: "done \u0000 ok" },
          { name: "patch", body: patch },
        ],
      },
    ],
    calls: [call("m1/q1", 80)],
    file: { offset: 200 },
  });
}

describe("a commit", () => {
  test("shows the session with its counts, and keeps how far the file was read", async () => {
    const store = await openTestStore();
    await store.capture.commit([firstRun()]);
    const { changed } = await store.capture
      .commit([secondRun()])
      .then(({ sessions }) => ({ changed: sessions }));
    expect(changed).toEqual([sessionId("one")]);
    const row = await store.views.session(sessionId("one"));
    expect(row).toMatchObject({
      agent: "claude-code",
      sourceId: "one",
      title: "Add a cart",
      gitBranch: "main",
      agentVersion: "2.1.0",
      models: ["claude-opus-4-8"],
      events: 3,
      prompts: 1,
      tools: 1,
      calls: 1,
      filesChanged: 1,
      tokens: { input: 10, output: 80, cacheRead: 1_000, cacheWrite: 200, reasoning: 0 },
      costUsd: 8_000 / 1e9,
      project: { name: "shop", path: "/work/shop" },
    });
    expect((await store.capture.fileStates("claude-code")).get(secondRun().file.path)).toEqual(
      secondRun().file,
    );
    const { events } = await store.views.events(sessionId("one"), 0);
    expect(events.map(({ id }) => id)).toEqual([eventId("p1"), eventId("r1"), eventId("t1")]);
    expect(events[2]).toMatchObject({
      status: "ok",
      durationMs: 12,
      linesAdded: 3,
      parts: ["input", "output", "patch"],
    });
    const bodies = await store.views.bodies(sessionId("one"), [eventId("t1")]);
    expect(bodies[eventId("t1")]?.find(({ name }) => name === "output")?.body).toBe(
      "done \uFFFD ok",
    );
  });

  test("gives an event a call's tokens once, and says so again when they grow", async () => {
    const store = await openTestStore();
    await store.capture.commit([firstRun()]);
    const rev = await revOf(store, sessionId("one"));
    const shown = (await store.views.events(sessionId("one"), 0)).events.map(
      ({ tokens }) => tokens?.output ?? null,
    );
    expect(shown).toEqual([null, 50, null]);
    await store.capture.commit([batch("one", { calls: [call("m1/q1", 80)] })]);
    const grown = await store.views.events(sessionId("one"), rev);
    expect(grown.events.map(({ id, tokens }) => [id, tokens?.output])).toEqual([
      [eventId("r1"), 80],
    ]);
  });

  test("written twice is written once", async () => {
    const store = await openTestStore();
    await store.capture.commit([firstRun()]);
    await store.capture.commit([secondRun()]);
    const before = await everything(store);
    const rev = await revOf(store, sessionId("one"));
    expect(await store.capture.commit([firstRun()])).toEqual({ sessions: [] });
    expect(await store.capture.commit([secondRun()])).toEqual({ sessions: [] });
    expect(await store.capture.commit([firstRun(), secondRun()])).toEqual({ sessions: [] });
    expect(await everything(store)).toEqual(before);
    expect(await revOf(store, sessionId("one"))).toBe(rev);
  });

  test("in one step or in several ends the same", async () => {
    const [one, many] = [await openTestStore(), await openTestStore()];
    await one.capture.commit([firstRun(), secondRun()]);
    await many.capture.commit([firstRun()]);
    await many.capture.commit([secondRun()]);
    expect(await everything(one)).toEqual(await everything(many));
  });

  test("a call and its event that come apart find each other", async () => {
    const store = await openTestStore();
    await store.capture.commit([batch("one", { events: [event("r1", { callKey: "c#1" })] })]);
    await store.capture.commit([batch("one", { calls: [call("c#1", 7)] })]);
    expect((await store.views.events(sessionId("one"), 0)).events[0]?.tokens?.output).toBe(7);
  });

  test("a call without a price makes the session unpriced, not free", async () => {
    const store = await openTestStore();
    await store.capture.commit([
      batch("one", { calls: [call("a/1", 1), call("b/1", 1, { costNanoUsd: null })] }),
    ]);
    expect((await store.views.session(sessionId("one"))).costUsd).toBeNull();
    await store.capture.commit([batch("two")]);
    expect((await store.views.session(sessionId("two"))).costUsd).toBe(0);
  });

  test("the agent's title comes before the prompt's", async () => {
    const store = await openTestStore();
    await store.capture.commit([firstRun(), batch("one", { facts: { title: "Cart work" } })]);
    expect((await store.views.session(sessionId("one"))).title).toBe("Cart work");
  });

  test("a patch of another session's event is passed over", async () => {
    const store = await openTestStore();
    await store.capture.commit([firstRun()]);
    await store.capture.commit([
      batch("two", { patches: [{ id: eventId("t1"), at: null, status: "error" }] }),
    ]);
    expect((await store.views.events(sessionId("one"), 0)).events[2]?.status).toBe("running");
  });

  test("damaged lines are counted, and named by file", async () => {
    const store = await openTestStore();
    await store.capture.commit([batch("one", { file: { damagedLines: [3, 9] } })]);
    expect((await store.views.session(sessionId("one"))).damagedLines).toBe(2);
    expect(await store.capture.damaged()).toMatchObject([
      { session: sessionId("one"), lines: [3, 9] },
    ]);
  });
});

describe("a fork", () => {
  const original = batch("one", {
    events: [
      event("p1", { kind: "prompt", text: "first" }),
      event("r1", { order: 2_000, callKey: "m1/q1" }),
    ],
    calls: [call("m1/q1", 30)],
  });
  const fork = batch("two", {
    events: [
      event("p1", { kind: "prompt", text: "first" }),
      event("r1", { order: 2_000, callKey: "m1/q1" }),
      event("p2", { kind: "prompt", order: 3_000, text: "second" }),
    ],
    calls: [call("m1/q1", 30), call("m2/q2", 20)],
  });

  test.each([
    ["in one commit", true],
    ["in two commits", false],
  ])("keeps only what is its own, and knows its parent (%s)", async (_, together) => {
    const store = await openTestStore();
    if (together) await store.capture.commit([original, fork]);
    else {
      await store.capture.commit([original]);
      await store.capture.commit([fork]);
    }
    expect(await store.views.session(sessionId("two"))).toMatchObject({
      parent: sessionId("one"),
      title: "second",
      prompts: 1,
      events: 1,
      calls: 1,
      tokens: { output: 20 },
    });
    expect(await store.views.session(sessionId("one"))).toMatchObject({
      parent: null,
      events: 2,
      tokens: { output: 30 },
    });
  });

  test("a larger output seen in the fork belongs to the original", async () => {
    const store = await openTestStore();
    await store.capture.commit([original]);
    await store.capture.commit([batch("two", { calls: [call("m1/q1", 99)] })]);
    expect((await store.views.session(sessionId("one"))).tokens.output).toBe(99);
    expect((await store.views.session(sessionId("two"))).tokens.output).toBe(0);
  });

  test("the parent that the transcript names comes first", async () => {
    const store = await openTestStore();
    await store.capture.commit([original, batch("three")]);
    await store.capture.commit([{ ...fork, facts: { parentSourceId: "three" } }]);
    expect((await store.views.session(sessionId("two"))).parent).toBe(sessionId("three"));
  });
});

describe("a side question", () => {
  const main = batch("one", { calls: [call("m1/q1", 10)] });
  const side = batch("one", { path: "/side.jsonl", calls: [call("m1/q2", 500, { lane: "side" })] });

  test.each([
    ["first", [side, main]],
    ["last", [main, side]],
  ])("gives way to the main conversation when it comes %s", async (_, batches) => {
    for (const together of [true, false]) {
      const store = await openTestStore();
      if (together) await store.capture.commit(batches);
      else for (const one of batches) await store.capture.commit([one]);
      expect(await store.views.session(sessionId("one"))).toMatchObject({
        calls: 1,
        tokens: { output: 10 },
      });
    }
  });

  test("calls of one message in lanes alone stay", async () => {
    const store = await openTestStore();
    await store.capture.commit([side]);
    expect((await store.views.session(sessionId("one"))).calls).toBe(1);
  });
});

describe("a file that was replaced", () => {
  test("takes back what it gave, and says which events are gone", async () => {
    const store = await openTestStore();
    await store.capture.commit([
      firstRun(),
      batch("one", { path: "/lane.jsonl", events: [event("l1", { lane: "a" })] }),
    ]);
    const rev = await revOf(store, sessionId("one"));
    const again = batch("one", {
      restart: true,
      events: [
        event("p9", { kind: "prompt", text: "Another" }),
        event("r1", { order: 2_000, text: "On it again." }),
      ],
    });
    await store.capture.commit([again]);
    const { events } = await store.views.events(sessionId("one"), 0);
    expect(events.map(({ id }) => id).sort()).toEqual(
      [eventId("l1"), eventId("p9"), eventId("r1")].sort(),
    );
    expect(await store.views.session(sessionId("one"))).toMatchObject({
      title: "Another",
      calls: 0,
    });
    const trace = await store.views.localTrace(sessionId("one"), rev);
    expect([...(trace?.removed ?? [])].sort()).toEqual([eventId("p1"), eventId("t1")].sort());
    expect(trace?.events.map(({ id }) => id)).toEqual([eventId("p9"), eventId("r1")]);
    expect((await store.views.events(sessionId("one"), rev)).removed).toEqual(trace?.removed);
  });

  test("a file that was written anew keeps what it holds as it was, and loses what it does not hold any more", async () => {
    const store = await openTestStore();
    const path = "/home/dev/.gemini/tmp/p/chats/session-1.json";
    const events = ["a", "b", "c"].map((name, i) =>
      event(name, { order: (i + 1) * 1_000, text: `About ${name}.` }),
    );
    const calls = [call("k", 5)];
    await store.capture.commit([batch("one", { path, events, calls })]);
    await store.capture.commit([batch("two", { events: [event("d", { text: "Elsewhere." })] })]);
    while (await store.search.catchUp());
    const { rev } = await store.views.events(sessionId("one"), 0);
    const [a, , c] = events as [CapturedEvent, CapturedEvent, CapturedEvent];
    const anew = [a, { ...c, parts: [{ name: "text", body: "Another word." }] as const }];
    const only = [eventId("a"), eventId("c")];
    await store.capture.commit([batch("one", { path, events: anew, calls, only })]);
    const changed = await store.views.events(sessionId("one"), rev);
    expect(changed.events.map(({ id }) => id)).toEqual([eventId("c")]);
    expect(changed.removed).toEqual([eventId("b")]);
    expect(await store.views.session(sessionId("one"))).toMatchObject({ events: 2, calls: 1 });
    expect(await store.views.session(sessionId("two"))).toMatchObject({ events: 1 });
    while (await store.search.catchUp());
    const found = async (query: string) =>
      (await store.views.search(query, 9)).hits.map((hit) => hit.event);
    expect(await found("about")).toEqual([eventId("a")]);
    expect(await found("another")).toEqual([eventId("c")]);
    // Again the same: nothing changes.
    const before = await store.views.session(sessionId("one"));
    await store.capture.commit([batch("one", { path, events: anew, calls, only })]);
    expect(await store.views.session(sessionId("one"))).toEqual(before);
  });
});

describe("projects", () => {
  test("stay the same when the agent changes its folder", async () => {
    const store = await openTestStore();
    await store.capture.commit([batch("one", { facts: { cwd: "/work/shop" } })]);
    await store.capture.commit([batch("one", { facts: { cwd: "/tmp/elsewhere" } })]);
    expect((await store.views.session(sessionId("one"))).project?.path).toBe("/work/shop");
  });

  test("are the folder with .git around the session's", async () => {
    const store = await openTestStore();
    const here = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
    await store.capture.commit([batch("one", { facts: { cwd: `${here}/src/store` } })]);
    expect((await store.views.session(sessionId("one"))).project?.path).toBe(here);
  });
});
