import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AGENTS, captureOf, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const SESSIONS = ".copilot/session-state";
const ENDED = "7b1d5a90-33c2-4e6f-9a41-0c0c0c0c0001";
const RUNNING = "7b1d5a90-33c2-4e6f-9a41-0c0c0c0c0002";

function homeHere(): string {
  const home = tempFolder();
  cpSync(join(AGENTS, ".copilot"), join(home, ".copilot"), { recursive: true });
  return home;
}

const told = (ledger: Ledger, sourceId: string, lane: string | null = null) =>
  ledger
    .eventsOf(sourceId, lane)
    .map(({ kind, status, summary, parts }) => [kind, status, summary ?? parts[0]?.body]);

describe("GitHub Copilot CLI", () => {
  test("a session that ended", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect(ledger.session(ENDED).facts).toEqual({
      cwd: "/home/mira/work/harbor",
      gitBranch: "tides",
      agentVersion: "1.0.64",
    });
    expect(told(ledger, ENDED)).toEqual([
      ["mode", null, "model: claude-sonnet-4.5 (medium)"],
      ["prompt", null, "The tide table is an hour off. Fix it."],
      ["response", null, "An hour: summer time?"],
      ["response", null, "I will look at the table first."],
      ["tool", "ok", "Read the table"],
      ["tool", "ok", "/home/mira/work/harbor/src/tides.ts"],
      ["tool", "rejected", "npm test"],
      ["permission", "ok", "write: /home/mira/work/harbor/src/tides.ts"],
      ["permission", "rejected", "shell: npm test"],
      ["subagent", "ok", "Find who reads the table"],
      ["tool", "error", "npx tsc --noEmit"],
      ["mode", null, "permissions: allow-all"],
      ["response", null, "The offset is gone;"],
      ["response", null, "the clock does not compile yet."],
      ["compaction", null, "manual, 118k tokens"],
    ]);
    const events = ledger.eventsOf(ENDED, null);
    expect(events[4]).toMatchObject({ exitCode: 0, durationMs: 2_000, model: "claude-sonnet-4.5" });
    expect(events[5]).toMatchObject({ linesAdded: 2, linesRemoved: 1 });
    expect(JSON.parse(events[5]?.parts.at(-1)?.body ?? "")).toMatchObject([
      { path: "/home/mira/work/harbor/src/tides.ts", hunks: [{ oldStart: 4, newStart: 4 }] },
    ]);
    expect(events[8]).toMatchObject({
      durationMs: 4_000,
      parts: [
        { name: "input", body: "npm test" },
        { name: "output", body: "denied-interactively-by-user\nThey take an hour." },
      ],
    });
    expect(events[9]).toMatchObject({ opens: "explore-1", durationMs: 4_000 });
    expect(events[10]).toMatchObject({ exitCode: 2 });
    expect(told(ledger, ENDED, "explore-1")).toEqual([["response", null, "Nobody but the clock."]]);
  });

  test("its calls make what the shutdown says", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    const { tokens, costNanoUsd } = ledger.usageOf(ENDED);
    // Sonnet 50,000 + 200,000 cached + 50,000 written, 300 out of which 240 were told of; GPT 2,000 + 6,000 cached, 12 out.
    expect(tokens).toEqual({
      input: 52_000,
      output: 312,
      cacheRead: 206_000,
      cacheWrite: 50_000,
      reasoning: 30,
    });
    // Five requests of 60,000 each: no long one. In micro-dollars, 150,000 + 60,000 + 187,500 + 4,500 and 5,000 + 1,500 + 180.
    expect(costNanoUsd).toBe(408_680_000);
    const outputs = ledger
      .callsOf(ENDED)
      .map(({ model, lane, tokens }) => [model, lane, tokens.output]);
    expect(outputs).toEqual([
      ["claude-sonnet-4.5", null, 90],
      ["claude-sonnet-4.5", null, 60],
      ["claude-sonnet-4.5", null, 50],
      ["gpt-5.4", "explore-1", 12],
      ["claude-sonnet-4.5", null, 40],
      ["claude-sonnet-4.5", null, 60],
      ["gpt-5.4", null, 0],
    ]);
  });

  test("one that runs, in the older place: what is not told of is not there", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(told(ledger, RUNNING)).toEqual([
      ["prompt", "interrupted", "Draw the harbor."],
      ["response", null, "Drawing it."],
      ["tool", "interrupted", "/home/mira/work/harbor/map.txt"],
      ["error", "error", "Too many requests."],
      ["mode", null, "plan"],
      ["prompt", null, "Only the quays."],
      ["tool", "running", "ls quays"],
    ]);
    expect(ledger.eventsOf(RUNNING)[0]?.parts[1]).toEqual({
      name: "images",
      body: '[{"mediaType":"image/png","base64":"AAAA"}]',
    });
    // Of the first message nobody says which model it was.
    expect(ledger.callsOf(RUNNING)).toMatchObject([
      { model: "gpt-5.4", tokens: { output: 30 }, costNanoUsd: 450_000 },
    ]);
  });

  test("resumed after a shutdown, the next one counts from there", async () => {
    const home = homeHere();
    const path = join(home, SESSIONS, ENDED, "events.jsonl");
    const shutdown = readFileSync(path, "utf8").trimEnd().split("\n").at(-1) ?? "";
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const next = { ...(JSON.parse(shutdown) as object), id: "c0de1-99" };
    writeFileSync(path, `${JSON.stringify(next)}\n`, { flag: "a" });
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.usageOf(ENDED).tokens).toMatchObject({ input: 104_000, output: 624 });
  });
});
