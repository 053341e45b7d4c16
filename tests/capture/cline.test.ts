import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NO_TOKENS } from "../../src/base/session.ts";
import { AGENTS, captureOf, put, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const EXTENSIONS = ".config/Code/User/globalStorage";
const TIDES = "1786616400000";
const QUAYS = "0b7d1c52-5e20-4a31-9c40-00000000ro01";
const TIDES_FILE = `${EXTENSIONS}/saoudrizwan.claude-dev/tasks/${TIDES}/ui_messages.json`;
const QUAYS_FILE = `${EXTENSIONS}/rooveterinaryinc.roo-cline/tasks/${QUAYS}/ui_messages.json`;

function homeHere(): string {
  const home = tempFolder();
  cpSync(join(AGENTS, ".config"), join(home, ".config"), { recursive: true });
  return home;
}

const told = (ledger: Ledger, sourceId: string) =>
  ledger
    .eventsOf(sourceId, null)
    .map(({ kind, status, summary, parts }) => [kind, status, parts[0]?.body ?? summary]);

const callsOf = (ledger: Ledger, sourceId: string) =>
  ledger
    .callsOf(sourceId)
    .map(({ model, tokens, costNanoUsd }) => ({ model, ...tokens, costNanoUsd }));

describe("Cline", () => {
  test("a task: what was typed, said and done", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect(ledger.session(TIDES).facts).toEqual({ cwd: "/home/mira/work/tally" });
    expect(told(ledger, TIDES)).toEqual([
      ["prompt", null, "Sum the tides by day."],
      ["response", null, "The sums are by hour now."],
      ["response", null, "I will read the module."],
      ["tool", "ok", expect.stringContaining('"path":"src/sum.ts"')],
      ["tool", "rejected", expect.stringContaining("SEARCH")],
      ["prompt", null, "Name it total, please."],
      ["tool", "ok", '{"command":"npm test"}'],
      ["response", null, "Also by week?\n- Yes\n- No"],
      ["prompt", "interrupted", "No"],
      ["mode", null, "plan"],
      ["tool", "running", '{"path":"src","regex":"week"}'],
    ]);
    const events = ledger.eventsOf(TIDES, null);
    expect(events[0]).toMatchObject({
      at: 1_786_616_400_000,
      parts: [{}, { name: "images", body: expect.stringContaining("image/png") }],
    });
    expect(events[1]?.parts[0]?.name).toBe("thinking");
    expect(events[4]).toMatchObject({
      summary: "src/sum.ts",
      model: "claude-sonnet-4-5",
      linesAdded: 2,
      linesRemoved: 1,
    });
    expect(events[6]?.parts[1]).toEqual({ name: "output", body: "2 tests\n2 passed" });
    expect(events[10]?.parts[1]).toEqual({ name: "output", body: "0 results" });
  });

  test("calls as they were counted; one without a price has its model's, one that spent nothing is none", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    const model = "claude-sonnet-4-5";
    const call = { ...NO_TOKENS, model };
    expect(callsOf(ledger, TIDES)).toEqual([
      { ...call, input: 12, output: 140, cacheWrite: 2_000, costNanoUsd: 9_700_000 },
      {
        ...call,
        input: 30,
        output: 200,
        cacheWrite: 100,
        cacheRead: 2_000,
        costNanoUsd: 4_100_000,
      },
      // 40 at 3, 90 at 15, 2,100 at 0.3 dollars a million.
      { ...call, input: 40, output: 90, cacheRead: 2_100, costNanoUsd: 2_100_000 },
      { ...call, input: 5, output: 20, cacheRead: 2_200, costNanoUsd: 1_000_000 },
    ]);
  });

  test("a list that is written anew: what went on is told anew, what was taken back is withdrawn", async () => {
    const home = homeHere();
    const path = join(home, TIDES_FILE);
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const ids = ledger.eventsOf(TIDES, null).map(({ id }) => id);
    const list = JSON.parse(readFileSync(path, "utf8")) as object[];
    const more = { ts: 1_786_616_405_000, type: "say", say: "text", text: "No week is there." };
    writeFileSync(path, JSON.stringify([...list, more]));
    await ledger.take(capture.scan(ledger.files));
    expect(told(ledger, TIDES).slice(-2)).toEqual([
      ["tool", "ok", '{"path":"src","regex":"week"}'],
      ["response", null, "No week is there."],
    ]);
    writeFileSync(path, JSON.stringify(list.slice(0, 5)));
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.eventsOf(TIDES, null).map(({ id }) => id)).toEqual(ids.slice(0, 4));
  });

  test("half a message is read as far as it goes; a button that said no is heard in the next request", async () => {
    const home = tempFolder();
    const at = (ts: number, said: object) => ({ ts, type: "say", ...said });
    const ask = (ts: number, tool: object) => ({
      ts,
      type: "ask",
      ask: "tool",
      text: JSON.stringify(tool),
    });
    const request = "[write_to_file for 'a.ts'] Result:\n\nThe user denied this operation.";
    put(
      join(home, TIDES_FILE),
      JSON.stringify([
        at(1, { say: "text", text: "Begin." }),
        ask(2, { tool: "newFileCreated", path: "a.ts", content: "one\ntwo\n" }),
        at(3, { say: "api_req_started", text: JSON.stringify({ request, tokensIn: 7 }) }),
        { ts: 4, type: "ask", ask: "tool", text: '{"tool":"newFile', partial: true },
        at(5, { say: "text", text: "I wri", partial: true }),
        ask(6, { tool: "readFile", path: "b.ts" }),
        { ts: 7, type: "ask", ask: "resume_task", text: "" },
      ]),
    );
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(told(ledger, TIDES)).toEqual([
      ["prompt", null, "Begin."],
      ["tool", "rejected", expect.stringContaining("a.ts")],
      ["response", null, "I wri"],
      // The task was left while it was asked.
      ["tool", "interrupted", '{"path":"b.ts"}'],
    ]);
    expect(ledger.eventsOf(TIDES)[1]).toMatchObject({ linesAdded: 2, linesRemoved: 0 });
    expect(callsOf(ledger, TIDES)).toEqual([
      { ...NO_TOKENS, model: "unknown", input: 7, costNanoUsd: null },
    ]);
  });
});

describe("Roo Code", () => {
  test("a task, and what lies beside it: its name, its folder, the task that asked for it", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.session(QUAYS)).toMatchObject({
      agent: "roo",
      facts: {
        title: "Which quays are full?",
        cwd: "/home/mira/work/harbor",
        parentSourceId: "0b7d1c52-5e20-4a31-9c40-00000000ro00",
      },
    });
    expect(told(ledger, QUAYS)).toEqual([
      ["prompt", null, "Which quays are full?"],
      ["response", null, "A list of berths by quay."],
      ["mode", null, "architect"],
      ["tool", "ok", '{"mode":"architect","reason":"to plan"}'],
      ["tool", "error", expect.stringContaining("src/quay.ts")],
      ["error", "error", "Unable to apply diff to file"],
      ["subagent", "ok", expect.stringContaining("Count the full quays.")],
      ["compaction", null, "Two quays are full."],
      ["tool", "ok", '{"port":"north"}'],
      ["response", null, "Two quays are full."],
    ]);
    const events = ledger.eventsOf(QUAYS, null);
    expect(events[4]).toMatchObject({ linesAdded: 2, linesRemoved: 1 });
    expect(events[6]?.parts[1]).toEqual({ name: "output", body: "Two." });
    expect(events[7]).toMatchObject({ summary: "61k tokens" });
    expect(events[8]).toMatchObject({
      tool: { name: "tides/today" },
      parts: [{}, { name: "output", body: "3.1 m" }],
    });
  });

  test("what was cached is taken out of the input where it is in it", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    const call = { ...NO_TOKENS, model: "unknown" };
    expect(callsOf(ledger, QUAYS)).toEqual([
      {
        ...call,
        input: 1_000,
        output: 60,
        cacheWrite: 100,
        cacheRead: 4_000,
        costNanoUsd: 6_200_000,
      },
      { ...call, input: 20, output: 10, cacheRead: 5_000, costNanoUsd: 2_000_000 },
    ]);
  });

  test("files that a person names are known for whose they are", async () => {
    const ledger = await new Ledger().take(
      captureOf(tempFolder()).scan(
        new Map(),
        [TIDES_FILE, QUAYS_FILE].map((file) => join(AGENTS, file)),
      ),
    );
    expect(ledger.partial).toEqual([]);
    expect(
      [...ledger.sessions.values()].map(({ agent, sourceId }) => `${agent} ${sourceId}`).toSorted(),
    ).toEqual([`cline ${TIDES}`, `roo ${QUAYS}`]);
  });
});
