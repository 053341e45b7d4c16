import { beforeAll, describe, expect, test } from "vitest";
import type { CapturedEvent, FilePatch } from "../../src/base/session.ts";
import { codex } from "../../src/capture/codex.ts";
import { captureOf, FIXTURES, fixtureHome, homeOf, jsonl } from "./home.ts";
import { Ledger } from "./ledger.ts";

const TIDES = "019a0c11-5e20-7b31-9c40-0000000000a1";
const ZONE = "019a0c22-5e20-7b31-9c40-0000000000b2";
const WREN = "019a0c33-5e20-7b31-9c40-0000000000c3";
const QUAY = "019a0c44-5e20-7b31-9c40-0000000000d4";

const part = (event: CapturedEvent | undefined, name: string) =>
  event?.parts.find((one) => one.name === name)?.body;

describe("Codex's sessions in the fixtures", () => {
  const ledger = new Ledger();
  beforeAll(() => ledger.take(captureOf(FIXTURES).scan(new Map())));
  const tool = (name: string) =>
    ledger.eventsOf(TIDES, null).filter((event) => event.tool?.name === name);

  test("say what they are called and where they ran", () => {
    expect(ledger.session(TIDES).facts).toEqual({
      title: "Tide table in winter time",
      cwd: "/home/mira/work/harbor",
      gitBranch: "main",
      agentVersion: "0.140.0",
    });
  });

  test("hold each text once, though it is written twice", () => {
    const said = ledger.eventsOf(TIDES, null).filter((event) => event.kind === "response");
    expect(said.map((event) => event.parts[0]?.name)).toEqual(["thinking", "text", "text"]);
  });

  test("take prompts from what was typed, not from what was put before it", () => {
    const prompts = ledger.eventsOf(TIDES, null).filter((event) => event.kind === "prompt");
    expect(prompts).toMatchObject([
      { summary: "The tide table shows summer time in winter. Fix it.", durationMs: 92_000 },
    ]);
  });

  test("give a patch as it was applied, with line numbers", () => {
    const [applied] = tool("apply_patch");
    expect(applied).toMatchObject({ status: "ok", linesAdded: 8, linesRemoved: 2, exitCode: 0 });
    const patches = JSON.parse(part(applied, "patch") ?? "") as FilePatch[];
    expect(
      patches.map((patch) => [patch.change, patch.hunks.map((hunk) => hunk.newStart)]),
    ).toEqual([
      ["update", [7, 19]],
      ["add", [1]],
    ]);
  });

  test("tell how a command ended and how long it took, apart from its output", () => {
    expect(tool("exec_command")).toMatchObject([
      { status: "ok", exitCode: 0, durationMs: 41 },
      { status: "error", exitCode: 1, durationMs: 3_200 },
    ]);
    expect(part(tool("exec_command")[1], "output")).toBe(
      "FAIL season.test.ts: expected 13, got 14\n",
    );
    expect(part(ledger.eventsOf(TIDES, WREN)[1], "output")).toBe("EET\n");
  });

  test("show a plan as a list", () => {
    expect(part(tool("update_plan")[0], "plan")).toMatch(
      /^One bug, one test\.\n\n- \[~\] Find the offset\n- \[ \] Use/,
    );
  });

  test("nest a spawned thread as a lane, without what it repeats of its parent", () => {
    const [spawn] = tool("spawn_agent");
    expect(spawn).toMatchObject({ kind: "subagent", opens: WREN });
    expect(ledger.eventsOf(TIDES, WREN).map((event) => event.kind)).toEqual([
      "prompt",
      "tool",
      "response",
    ]);
    expect([...ledger.sessions.values()].map((session) => session.sourceId)).not.toContain(WREN);
  });

  test("keep rolled-back turns, out of the conversation", () => {
    const events = ledger.eventsOf(ZONE);
    expect(events.map((event) => [event.kind, event.rolledBack])).toEqual([
      ["mode", true],
      ["prompt", true],
      ["response", true],
      ["mode", false],
      ["prompt", false],
      ["response", false],
      ["response", false],
      ["compaction", false],
      ["prompt", false],
    ]);
    expect(part(events[5], "plan")).toMatch(/^# Show the zone/);
    expect(events.at(-1)).toMatchObject({ status: "interrupted", durationMs: 1_500 });
  });

  test("tell of a search once", () => {
    const searches = ledger.eventsOf(QUAY).filter((event) => event.tool?.name === "web_search");
    expect(searches.map((event) => event.summary)).toEqual(["ascii quay"]);
  });
});

describe("a rollout", () => {
  const ID = "019a0c55-0000-7000-8000-000000000001";
  const name = `rollout-2026-01-02T03-04-05-${ID}.jsonl`;
  const lines = (text: string) =>
    jsonl(
      { timestamp: "2026-01-02T03:04:05Z", type: "session_meta", payload: { id: ID, cwd: "/w" } },
      {
        timestamp: "2026-01-02T03:04:06Z",
        type: "event_msg",
        payload: { type: "user_message", message: text },
      },
    );
  const prompts = (ledger: Ledger) => ledger.eventsOf(ID).map((event) => event.summary);

  test("in sessions/ wins over the same in archived_sessions/", async () => {
    const home = homeOf({
      [`.codex/sessions/2026/01/02/${name}`]: lines("live"),
      [`.codex/archived_sessions/${name}`]: lines("archived"),
    });
    expect(prompts(await new Ledger().take(captureOf(home).scan(new Map())))).toEqual(["live"]);
  });

  test("that is compressed is read like its plain twin, gives the same ids, and is not read again", async () => {
    const plain = await new Ledger().take(captureOf(FIXTURES).scan(new Map()));
    const capture = captureOf(fixtureHome());
    const packed = await new Ledger().take(capture.scan(new Map()));
    expect(packed.content()).toEqual(plain.content());
    await packed.take(capture.scan(packed.files));
    expect(packed.bytesRead).toBe(0);
  });

  test("whose parent is gone keeps all it holds", async () => {
    const record = (id: string, more = {}) => ({
      type: "session_meta",
      payload: { id, cwd: "/w", ...more },
    });
    const turn = { type: "event_msg", payload: { type: "task_started", turn_id: "t1" } };
    const prompt = { type: "event_msg", payload: { type: "user_message", message: "Hello" } };
    const home = homeOf({
      [`.codex/sessions/2026/01/02/${name}`]: jsonl(
        record(ID, { forked_from_id: "gone" }),
        record("gone"),
        turn,
        prompt,
      ),
    });
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(prompts(ledger)).toEqual(["Hello"]);
    expect(ledger.session(ID).facts.parentSourceId).toBe("gone");
  });

  test("gets a new title without being read again", async () => {
    const path = `.codex/sessions/2026/01/02/${name}`;
    const home = homeOf({
      [path]: lines("x"),
      ".codex/session_index.jsonl": jsonl({ id: ID, thread_name: "First" }),
    });
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    expect(ledger.session(ID).facts.title).toBe("First");
    const { appendFileSync } = await import("node:fs");
    appendFileSync(`${home}/.codex/session_index.jsonl`, jsonl({ id: ID, thread_name: "Second" }));
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.session(ID).facts.title).toBe("Second");
    expect(ledger.bytesRead).toBe(0);
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.batches).toBe(0);
  });
});

test("Codex is found where it was told to keep its files", () => {
  expect(codex.roots("/h", { CODEX_HOME: "/c" })).toEqual(["/c/sessions", "/c/archived_sessions"]);
});
