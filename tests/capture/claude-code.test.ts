import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { CapturedEvent, FilePatch } from "../../src/base/session.ts";
import { claudeCode } from "../../src/capture/claude-code.ts";
import { captureOf, FIXTURES, homeOf, jsonl } from "./home.ts";
import { Ledger } from "./ledger.ts";

const IMPORTER = "3f6c1a52-7b1e-4c0a-9d53-0a1b2c3d4e01";
const SPLIT = "8d02b7c3-90ab-4e11-b6d4-0a1b2c3d4e03";
const RATES = "b41e7790-1c5d-4b3f-93e8-0a1b2c3d4e04";
const REPORTS = "e7a3390c-4d68-4f02-a5b7-0a1b2c3d4e05";
const BERTHS = "f10c2d8e-6a77-4d29-8e0f-0a1b2c3d4e06";
const TIDES = "aa55c0de-0f0f-4a4a-9b9b-0a1b2c3d4e07";

const part = (event: CapturedEvent | undefined, name: string) =>
  event?.parts.find((one) => one.name === name)?.body;

describe("Claude Code's sessions in the fixtures", () => {
  const ledger = new Ledger();
  beforeAll(() => ledger.take(captureOf(FIXTURES).scan(new Map())));

  const tools = (sourceId: string, name: string) =>
    ledger.eventsOf(sourceId).filter((event) => event.tool?.name === name);

  test("say what they are called and where they ran", () => {
    expect(ledger.session(IMPORTER).facts).toEqual({
      title: "Read Nordbank statements with decimal commas",
      cwd: "/home/mira/work/tally",
      gitBranch: "main",
      agentVersion: "2.1.179",
    });
  });

  test("take a summary as title only if it is of this session", () => {
    expect(ledger.session(BERTHS).facts.title).toBe("Berth lights and a date that cannot be");
  });

  test("give a change of a file as its real diff, and what it added and removed", () => {
    const [first] = tools(IMPORTER, "Edit");
    const [patch] = JSON.parse(part(first, "patch") ?? "") as FilePatch[];
    expect(first).toMatchObject({
      status: "ok",
      linesAdded: 4,
      linesRemoved: 2,
      summary: "src/importer/amount.ts",
    });
    expect(patch?.hunks[0]?.lines.at(-1)).toBe(" }");
    expect(first?.parts.map((one) => one.name)).not.toContain("input");
    const [written] = tools(IMPORTER, "Write");
    expect(JSON.parse(part(written, "patch") ?? "")).toMatchObject([
      { change: "add", hunks: [{ newStart: 1 }] },
    ]);
  });

  test("tell how a command ended, and how long it took", () => {
    expect(tools(IMPORTER, "Bash")).toMatchObject([
      { status: "error", exitCode: 1, durationMs: 8_000 },
      { status: "ok", exitCode: 0, durationMs: 7_000 },
    ]);
    expect(part(tools(IMPORTER, "Bash")[0], "input")).toBe("npm test -- importer");
  });

  test("keep thinking apart from what was said, on the call it came from", () => {
    const [, thinking, said] = ledger.eventsOf(IMPORTER);
    expect(thinking?.parts.map((one) => one.name)).toEqual(["thinking"]);
    expect(said?.callKey).toBe("msg_a1/req_a1");
    expect(said?.callKey).toBe(thinking?.callKey);
  });

  test("give the turn's duration to its prompt", () => {
    expect(ledger.eventsOf(IMPORTER)[0]).toMatchObject({ kind: "prompt", durationMs: 61_000 });
  });

  test("show plan mode, the plan and its approval", () => {
    const modes = ledger.eventsOf(SPLIT).filter((event) => event.kind === "mode");
    expect(modes.map((event) => event.summary)).toEqual(["plan", "acceptEdits"]);
    const [plan] = tools(SPLIT, "ExitPlanMode");
    expect(plan).toMatchObject({ status: "ok", summary: "Split a payment over several accounts" });
    expect(part(plan, "plan")).toMatch(/^# Split a payment/);
  });

  test("tell what a person refused from what failed", () => {
    expect(tools(SPLIT, "Bash")).toMatchObject([{ status: "rejected", exitCode: null }]);
  });

  test("nest a sub-agent under the tool that started it", () => {
    const [task] = ledger.eventsOf(RATES).filter((event) => event.kind === "subagent");
    expect(task).toMatchObject({
      opens: "7d21c9",
      durationMs: 41_000,
      summary: "Find currency conversions",
    });
    const lane = ledger.eventsOf(RATES, "7d21c9");
    expect(lane.map((event) => event.kind)).toEqual(["prompt", "tool", "tool", "response"]);
    expect(lane[2]?.summary).toBe("src/api/balance.ts");
  });

  test("nest a sidechain inside the main file, and one beside it, as old versions wrote them", () => {
    const [task] = ledger.eventsOf(BERTHS).filter((event) => event.kind === "subagent");
    expect(task?.opens).toBe("f10c2d8e-51de-4000-8000-000000000001");
    expect(ledger.eventsOf(BERTHS, task?.opens ?? "").map((event) => event.kind)).toEqual([
      "prompt",
      "tool",
      "response",
    ]);
    expect(ledger.eventsOf(BERTHS, "c0ffee")).toHaveLength(2);
  });

  test("name a sub-agent without its parent by the parent's folder", () => {
    expect(ledger.eventsOf(TIDES, "0dd1")).toHaveLength(2);
    expect(ledger.session(TIDES).facts.cwd).toBe("/home/mira/work/harbor");
  });

  test("drop the replay of a call in a side question", () => {
    expect(ledger.callsOf(RATES).map((call) => call.key)).not.toContain("msg_d2/req_aside");
  });

  test("show a compaction as a boundary with its summary, not as a prompt", () => {
    const [boundary] = ledger.eventsOf(REPORTS).filter((event) => event.kind === "compaction");
    expect(boundary?.summary).toBe("auto, 167k tokens");
    expect(part(boundary, "text")).toContain("Key decisions");
  });

  test("take prompts written meanwhile, and leave commands and interruptions out", () => {
    const prompts = ledger.eventsOf(REPORTS).filter((event) => event.kind === "prompt");
    expect(prompts.map((event) => [event.status, event.summary])).toEqual([
      [null, "Monthly reports take 40 seconds. Find out why and make them fast."],
      ["interrupted", "Keep the output byte for byte the same, please."],
      [null, "Compare September and August, not only September."],
    ]);
    expect(ledger.eventsOf(REPORTS)[0]).toMatchObject({ kind: "mode", summary: "/model sonnet" });
    expect(tools(REPORTS, "Bash").at(-1)?.status).toBe("interrupted");
  });

  test("show an error of the service", () => {
    const errors = ledger.eventsOf(REPORTS).filter((event) => event.kind === "error");
    expect(errors).toMatchObject([{ status: "error", summary: "Overloaded (attempt 1)" }]);
  });

  test("leave a model without a price unpriced", () => {
    expect(ledger.callsOf(TIDES)).toMatchObject([{ model: "tidewise-7b", costNanoUsd: null }]);
  });
});

describe("a Claude Code line", () => {
  const base = { sessionId: "s", timestamp: "2026-10-01T10:00:00.000Z" };
  const user = (content: unknown, more = {}) => ({
    ...base,
    type: "user",
    uuid: "u1",
    message: { role: "user", content },
    ...more,
  });
  const events = async (...lines: object[]) => {
    const home = homeOf({ ".claude/projects/-p/s.jsonl": jsonl(...lines) });
    return (await new Ledger().take(captureOf(home).scan(new Map()))).eventsOf("s");
  };

  test.each([
    ["a reminder", "<system-reminder>Be brief.</system-reminder>"],
    ["a command's output", "<local-command-stdout>ok</local-command-stdout>"],
    ["an opened file", "<ide_opened_file>The user opened a.ts</ide_opened_file>"],
    [
      "a finished background task",
      "<task-notification><task-id>1</task-id></task-notification>\nRead its output.",
    ],
    [
      "a caveat",
      "Caveat: The messages below were generated by the user while running local commands.",
    ],
  ])("with %s is no prompt", async (_what, content) => {
    expect(await events(user(content))).toEqual([]);
    expect(await events(user([{ type: "text", text: content }]))).toEqual([]);
  });

  test("marked as meta is no prompt", async () => {
    expect(await events(user("Hello", { isMeta: true }))).toEqual([]);
  });

  test("keeps what a person wrote beside a wrapper", async () => {
    const [prompt] = await events(
      user([
        { type: "text", text: "<ide_selection>line 3</ide_selection>" },
        { type: "text", text: "Why is <Row> slow?" },
      ]),
    );
    expect(prompt?.parts).toEqual([{ name: "text", body: "Why is <Row> slow?" }]);
  });

  test("keeps a prompt that begins with a tag of its own", async () => {
    const [prompt] = await events(user("<Button> has no focus ring. Add one."));
    expect(prompt?.summary).toBe("<Button> has no focus ring. Add one.");
  });

  test("keeps an image", async () => {
    const source = { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" };
    const [prompt] = await events(user([{ type: "image", source }]));
    expect(JSON.parse(part(prompt, "images") ?? "")).toEqual([
      { mediaType: "image/png", base64: "iVBORw0KGgo=" },
    ]);
  });

  test("of the synthetic model is not a call; an error of the service is an error", async () => {
    const message = {
      id: "m",
      role: "assistant",
      model: "<synthetic>",
      usage: { input_tokens: 0, output_tokens: 0 },
    };
    const text = [{ type: "text", text: "API Error: 500" }];
    const line = {
      ...base,
      type: "assistant",
      uuid: "a1",
      isApiErrorMessage: true,
      message: { ...message, content: text },
    };
    const home = homeOf({ ".claude/projects/-p/s.jsonl": jsonl(line) });
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.calls.size).toBe(0);
    expect(ledger.eventsOf("s")).toMatchObject([{ kind: "error", model: null, callKey: null }]);
  });

  test("with a cost of its own keeps it", async () => {
    const usage = { input_tokens: 1, output_tokens: 1 };
    const message = { id: "m", role: "assistant", model: "claude-sonnet-4-5", content: [], usage };
    const line = { ...base, type: "assistant", uuid: "a1", costUSD: 0.0123, message };
    const home = homeOf({ ".claude/projects/-p/s.jsonl": jsonl(line) });
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.callsOf("s")).toMatchObject([{ costNanoUsd: 12_300_000 }]);
  });

  test("with NUL and half a surrogate becomes text that PostgreSQL takes", async () => {
    const home = homeOf({
      ".claude/projects/-p/s.jsonl": `{"type":"user","uuid":"u","sessionId":"s","message":{"content":"a\\u0000b\\ud800c\\ud83d\\ude00"}}\n`,
    });
    const [prompt] = (await new Ledger().take(captureOf(home).scan(new Map()))).eventsOf("s");
    expect(part(prompt, "text")).toBe("a\uFFFDb\uFFFDc😀");
  });
});

test("Claude Code is found where it was told to keep its files", () => {
  expect(claudeCode.roots("/h", {})).toEqual(["/h/.claude/projects", "/h/.config/claude/projects"]);
  expect(claudeCode.roots("/h", { CLAUDE_CONFIG_DIR: "/a, /b" })).toEqual([
    join("/a", "projects"),
    join("/b", "projects"),
  ]);
});
