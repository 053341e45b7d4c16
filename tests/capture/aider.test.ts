import { appendFileSync, cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NO_TOKENS } from "../../src/base/session.ts";
import { openArchive } from "../../src/capture/archive.ts";
import { AGENTS, captureOf, put, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const FILE = "work/tally/.aider.chat.history.md";
const TALLY = "tally 2026-08-13 10:00:00";

/** A home with the history, and where it is. */
function homeHere(): { home: string; path: string } {
  const home = tempFolder();
  cpSync(join(AGENTS, "work"), join(home, "work"), { recursive: true });
  return { home, path: join(home, FILE) };
}

const told = (ledger: Ledger) =>
  ledger
    .eventsOf(TALLY)
    .map(({ kind, status, summary, parts }) => [
      kind,
      status,
      kind === "tool" ? summary : (parts[0]?.body ?? summary),
    ]);

const STORY = [
  ["mode", null, "started"],
  ["prompt", null, "Sum the tides by day,\nand name the sum total."],
  ["response", null, expect.stringMatching(/^I will add the days\.[^]*REPLACE\n```$/)],
  ["tool", "ok", "src/sum.ts"],
  ["tool", "ok", "feat: sum the tides by day"],
  ["permission", "rejected", "Run shell command?"],
  ["mode", null, "ask"],
  ["prompt", "interrupted", "/ask Which day is the highest?"],
  ["response", null, "The third day, I think."],
  ["mode", null, "started"],
  ["prompt", null, "Thanks."],
  ["error", "error", "litellm.APIConnectionError: the connection was refused"],
  ["response", null, "You are welcome."],
];

describe("Aider", () => {
  test("is read only where a person names it", async () => {
    const { home, path } = homeHere();
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.sessions.size).toBe(0);
    await ledger.take(captureOf(home).scan(new Map(), [path]));
    expect(ledger.session(TALLY)).toMatchObject({
      agent: "aider",
      facts: { cwd: join(home, "work/tally"), agentVersion: "0.86.1" },
    });
  });

  test("what was typed, answered and done; no time but of a run's begin", async () => {
    const { home, path } = homeHere();
    const ledger = await new Ledger().take(captureOf(home).scan(new Map(), [path]));
    expect(ledger.partial).toEqual([]);
    expect(told(ledger)).toEqual(STORY);
    const events = ledger.eventsOf(TALLY);
    expect(events.filter(({ at }) => at !== null).map(({ at }) => at)).toEqual([
      new Date(2026, 7, 13, 10).getTime(),
      new Date(2026, 7, 14, 9, 30).getTime(),
    ]);
    expect(events[2]).toMatchObject({ model: "anthropic/claude-sonnet-4-5" });
    expect(events[3]).toMatchObject({ linesAdded: 2, linesRemoved: 1 });
  });

  test("calls as Aider rounds them; a model of no price has none", async () => {
    const { home, path } = homeHere();
    const ledger = await new Ledger().take(captureOf(home).scan(new Map(), [path]));
    const calls = ledger
      .callsOf(TALLY)
      .map(({ at, model, tokens, costNanoUsd }) => ({ at, model, ...tokens, costNanoUsd }));
    const call = { ...NO_TOKENS, at: null, model: "anthropic/claude-sonnet-4-5" };
    expect(calls).toEqual([
      { ...call, input: 2_300, output: 1_100, costNanoUsd: 20_000_000 },
      {
        ...call,
        input: 500,
        output: 42,
        cacheRead: 1_500,
        cacheWrite: 1_000,
        costNanoUsd: 4_600_000,
      },
      { ...call, model: "gpt-9-local", input: 150, output: 12, costNanoUsd: null },
    ]);
  });

  test("a history that grows is read on from where it was left, also within an answer", async () => {
    const { home, path } = homeHere();
    const archive = await openArchive(join(home, "archive"));
    const capture = captureOf(home, archive);
    const ledger = await new Ledger().take(capture.scan(new Map(), [path]));
    const ids = ledger.eventsOf(TALLY).map(({ id }) => id);
    appendFileSync(path, "\n#### And by week?  \n\nYes: 4 weeks,\nas a ta");
    await ledger.take(capture.scan(ledger.files, [path]));
    expect(told(ledger).slice(-2)).toEqual([
      ["prompt", null, "And by week?"],
      ["response", null, "Yes: 4 weeks,\nas a ta"],
    ]);
    const before = ledger.bytesRead;
    appendFileSync(path, "ble.\n");
    await ledger.take(capture.scan(ledger.files, [path]));
    expect(ledger.bytesRead).toBeLessThan(before);
    expect(told(ledger).at(-1)).toEqual(["response", null, "Yes: 4 weeks,\nas a table."]);
    expect(ledger.eventsOf(TALLY).map(({ id }) => id)).toEqual([
      ...ids,
      expect.any(String),
      expect.any(String),
    ]);

    await archive.close();
    const again = await openArchive(join(home, "archive"));
    const replayed = await new Ledger().take(captureOf(home, again).replayArchive(new Map()));
    expect(told(replayed)).toEqual(told(ledger));
    await again.close();
  });

  test("another text is no history", async () => {
    const home = tempFolder();
    const path = join(home, "README.md");
    put(path, "# Tides\n\n#### Sums\n");
    const ledger = await new Ledger().take(captureOf(home).scan(new Map(), [path]));
    expect(ledger.partial).toEqual([
      { file: path, reason: "Nothing in it is of an agent that Operon knows. It was left out." },
    ]);
  });
});
