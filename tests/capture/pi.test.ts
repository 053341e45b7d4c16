import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AGENTS, captureOf, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const FOLDER = ".pi/agent/sessions/--home-mira-work-tally--";
const TREE = "2026-08-12T10-00-00-000Z_51000000-0000-4000-8000-000000000001";
const FORK = "2026-08-12T11-00-00-000Z_51000000-0000-4000-8000-000000000002";
const OLD = "2026-07-01T08-00-00-000Z_51000000-0000-4000-8000-000000000003";

function homeHere(): string {
  const home = tempFolder();
  cpSync(join(AGENTS, ".pi"), join(home, ".pi"), { recursive: true });
  return home;
}

const told = (ledger: Ledger, sourceId: string) =>
  ledger
    .eventsOf(sourceId)
    .map(({ kind, status, rolledBack, summary, parts }) => [
      kind,
      status,
      rolledBack,
      summary ?? parts[0]?.body,
    ]);

describe("Pi", () => {
  test("a session with a branch that was left", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect(ledger.session(TREE).facts).toEqual({ cwd: "/home/mira/work/tally", title: "Cents" });
    expect(told(ledger, TREE)).toEqual([
      ["prompt", null, false, "Round the sums to cents."],
      ["response", null, false, "Half up?"],
      ["response", null, false, "I will edit the sum."],
      ["tool", "ok", false, "sum.ts"],
      ["tool", "error", false, "npm test"],
      ["response", null, false, "One test expects the old sum."],
      ["tool", "ok", true, "! git diff --stat"],
      ["prompt", "interrupted", true, "Change the test then."],
      ["tool", "interrupted", true, "sum.test.ts"],
      ["mode", null, false, "another branch"],
      ["mode", null, false, "model: gpt-5.4"],
      ["mode", null, false, "thinking: high"],
      ["prompt", null, false, "Undo the rounding."],
      ["error", "error", false, "Too many requests"],
      ["response", null, false, "Undone."],
      ["tool", "running", false, "sum.ts"],
      ["compaction", null, false, "51k tokens"],
    ]);
    const events = ledger.eventsOf(TREE);
    expect(events[3]).toMatchObject({ linesAdded: 3, linesRemoved: 1, durationMs: 1_000 });
    expect(JSON.parse(events[3]?.parts.find(({ name }) => name === "patch")?.body ?? "")).toEqual([
      {
        path: "sum.ts",
        change: "update",
        hunks: [
          {
            oldStart: 9,
            newStart: 9,
            lines: [" }", " ", "-return a + b;", "+return cents(a + b);", "+// rounded", " }"],
          },
          { oldStart: 40, newStart: 41, lines: [" // end", "+export { cents };"] },
        ],
      },
    ]);
    expect(events[4]).toMatchObject({ exitCode: 1, durationMs: 6_000 });
    expect(events[8]).toMatchObject({ linesAdded: null, linesRemoved: null });
    expect(events[12]?.parts[1]).toEqual({
      name: "images",
      body: '[{"mediaType":"image/png","base64":"AAAA"}]',
    });
  });

  test("what was spent is spent, at the cost that was written down, else at the model's price", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.usageOf(TREE)).toEqual({
      calls: 4,
      tokens: { input: 3_020, output: 138, cacheRead: 7_300, cacheWrite: 500, reasoning: 0 },
      costNanoUsd: 7_500_000 + 1_200_000 + 1_100_000 + (3_000 * 2_500 + 8 * 15_000),
    });
  });

  test("a branch that is gone back to is the conversation again", async () => {
    const home = homeHere();
    const path = join(home, FOLDER, `${TREE}.jsonl`);
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const label = {
      type: "label",
      id: "a0000020",
      parentId: "a0000009",
      timestamp: "2026-08-12T10:03:00.000Z",
      targetId: "a0000003",
    };
    writeFileSync(path, `${JSON.stringify(label)}\n`, { flag: "a" });
    await ledger.take(capture.scan(ledger.files));
    const gone = ledger.eventsOf(TREE).map(({ rolledBack }) => rolledBack);
    expect(gone).toEqual([...Array(8).fill(false), ...Array(9).fill(true)]);
  });

  test("a tool without an answer is interrupted by the next prompt", async () => {
    const home = homeHere();
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const prompt = {
      type: "message",
      id: "a0000020",
      parentId: "a0000012",
      timestamp: "2026-08-12T10:03:00.000Z",
      message: { role: "user", content: "And?" },
    };
    const path = join(home, FOLDER, `${TREE}.jsonl`);
    writeFileSync(path, `${JSON.stringify(prompt)}\n`, { flag: "a" });
    await ledger.take(capture.scan(ledger.files));
    expect(told(ledger, TREE).slice(-3)).toEqual([
      ["tool", "interrupted", false, "sum.ts"],
      ["compaction", null, false, "51k tokens"],
      ["prompt", null, false, "And?"],
    ]);
  });

  test("a fork holds only what is its own", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.session(FORK).facts).toMatchObject({ parentSourceId: TREE });
    expect(told(ledger, FORK)).toEqual([
      ["prompt", null, false, "Which test?"],
      ["response", null, false, "sum.test.ts."],
    ]);
    expect(ledger.usageOf(FORK)).toMatchObject({ calls: 1, costNanoUsd: 500_000 });
  });

  test("the first version, whose entries have no ids", async () => {
    const home = homeHere();
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    const expected = [
      ["prompt", null, false, "Say hello."],
      ["response", null, false, "Hello."],
      ["mode", null, false, "thinking: minimal"],
    ];
    expect(told(ledger, OLD)).toEqual(expected);
    // Opened by a newer Pi it is written anew, with ids.
    const path = join(home, FOLDER, `${OLD}.jsonl`);
    let parentId: string | null = null;
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    const migrated = lines.map((line, i) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      if (i === 0) return JSON.stringify({ ...entry, version: 2 });
      const id = `d000000${i}`;
      const whole = { ...entry, id, parentId };
      parentId = id;
      return JSON.stringify(whole);
    });
    writeFileSync(path, `${migrated.join("\n")}\n`);
    await ledger.take(captureOf(home).scan(ledger.files));
    expect(told(ledger, OLD)).toEqual(expected);
    expect(ledger.usageOf(OLD)).toMatchObject({ calls: 1, costNanoUsd: 600_000 });
  });
});
