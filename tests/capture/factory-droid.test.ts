import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AGENTS, captureOf, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const FOLDER = ".factory/sessions/-home-mira-work-harbor";
const MAIN = "d0000000-0000-4000-8000-00000000000a";
const SUBAGENT = "d0000000-0000-4000-8000-00000000000b";
const FORK = "d0000000-0000-4000-8000-00000000000c";

function homeHere(): string {
  const home = tempFolder();
  cpSync(join(AGENTS, ".factory"), join(home, ".factory"), { recursive: true });
  return home;
}

const told = (ledger: Ledger, sourceId: string, lane: string | null = null) =>
  ledger
    .eventsOf(sourceId, lane)
    .map(({ kind, status, summary, parts }) => [kind, status, summary ?? parts[0]?.body]);

describe("Factory Droid", () => {
  test("a session, and its sub-agent's as a lane of it", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect(ledger.sessions.size).toBe(2);
    expect(ledger.session(MAIN).facts).toEqual({
      title: "Red buoys",
      cwd: "/home/mira/work/harbor",
    });
    expect(told(ledger, MAIN)).toEqual([
      ["prompt", null, "Paint the buoys in @buoys.ts red"],
      ["response", null, "One constant."],
      ["response", null, "I will change the constant."],
      ["tool", "ok", "/home/mira/work/harbor/buoys.ts"],
      ["tool", "error", "npm test"],
      ["tool", "rejected", "git push"],
      ["tool", "error", "/home/mira/work/harbor/gone.ts"],
      ["subagent", "ok", "Find the lamps"],
      ["compaction", null, "6 messages"],
      ["prompt", "interrupted", "And the lamps?"],
      ["response", null, "Lamps next."],
      ["tool", "running", "ApplyPatch"],
      ["mode", null, "model: gpt-5.4"],
    ]);
    const events = ledger.eventsOf(MAIN, null);
    expect(events[3]).toMatchObject({ linesAdded: 1, linesRemoved: 1, durationMs: 1_000 });
    expect(events[4]).toMatchObject({ exitCode: 1, model: "claude-opus-4-5-20251101" });
    expect(events[7]).toMatchObject({ opens: SUBAGENT, durationMs: 26_000 });
    expect(told(ledger, MAIN, SUBAGENT)).toEqual([
      ["prompt", null, "Where are the lamps?"],
      ["response", null, "In lamps.ts."],
    ]);
  });

  test("a fork holds only what is its own; of one that spent nothing there is no call", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.session(FORK).facts).toMatchObject({
      title: "And the lamps?",
      parentSourceId: MAIN,
    });
    expect(told(ledger, FORK)).toEqual([["prompt", null, "Blue, rather"]]);
    expect(ledger.eventsOf(FORK)[0]?.parts[1]?.name).toBe("images");
    expect(ledger.callsOf(FORK)).toEqual([]);
  });

  test("tokens are those of the settings beside it, and grow with them", async () => {
    const home = homeHere();
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    // Opus: 2,000 in, 750 out with what was thought, 90,000 read and 4,000 written; Haiku: 100 in, 20 out. In micro-dollars.
    const opus = 2_000 * 5 + 750 * 25 + 90_000 * 0.5 + 4_000 * 6.25;
    expect(ledger.callsOf(MAIN)).toEqual([
      {
        key: `${MAIN}/settings`,
        lane: null,
        at: Date.parse("2026-08-13T09:00:02.000Z"),
        model: "claude-opus-4-5-20251101",
        tokens: { input: 2_000, output: 750, cacheRead: 90_000, cacheWrite: 4_000, reasoning: 50 },
        costNanoUsd: opus * 1_000,
      },
      {
        key: `${SUBAGENT}/settings`,
        lane: SUBAGENT,
        at: Date.parse("2026-08-13T09:00:16.000Z"),
        model: "claude-haiku-4-5",
        tokens: { input: 100, output: 20, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
        costNanoUsd: 200_000,
      },
    ]);
    const path = join(home, FOLDER, `${MAIN}.settings.json`);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace('"outputTokens": 700', '"outputTokens": 900'));
    const events = ledger.eventsOf(MAIN);
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.usageOf(MAIN).tokens).toMatchObject({ input: 2_100, output: 970 });
    expect(ledger.eventsOf(MAIN)).toEqual(events);
  });
});
