import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NO_TOKENS } from "../../src/base/session.ts";
import { AGENTS, captureOf, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const THREADS = ".local/share/amp/threads";
const FERRIES = "T-5e201a2b-7b31-4c40-9d53-0a1b2c3d4e11";
const FILE = join(THREADS, `${FERRIES}.json`);

function homeHere(): string {
  const home = tempFolder();
  cpSync(join(AGENTS, THREADS), join(home, THREADS), { recursive: true });
  return home;
}

const told = (ledger: Ledger) =>
  ledger
    .eventsOf(FERRIES)
    .map(({ kind, status, summary, parts }) => [kind, status, parts[0]?.body ?? summary]);

const STORY = [
  ["mode", null, "deep"],
  ["prompt", null, "List the ferries of each quay."],
  ["response", null, "Two files name ferries."],
  ["response", null, "I will read them."],
  ["tool", "ok", '{"path":"ferries.csv"}'],
  ["tool", "error", expect.stringContaining("b;south")],
  ["tool", "error", '{"cmd":"wc -l ferries.csv"}'],
  ["tool", "rejected", '{"cmd":"rm ferries.csv"}'],
  ["response", null, "North has ferry a."],
  ["subagent", "interrupted", '{"task":"Which ferries are missing?"}'],
  ["prompt", null, "Stop, that is enough."],
  ["response", null, "Done."],
];

describe("Amp", () => {
  test("a thread: what was typed, said and done, and what tools gave", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect(ledger.session(FERRIES).facts).toEqual({
      title: "Ferries by quay",
      cwd: "/home/mira/work/harbor",
      agentVersion: "0.0.1786000000",
    });
    expect(told(ledger)).toEqual(STORY);
    const events = ledger.eventsOf(FERRIES);
    // Its times are those of the calls, and of what was sent.
    expect(events.map(({ at }) => at)).toEqual([
      null,
      1_786_615_200_100,
      ...Array<number>(6).fill(1_786_615_204_000),
      ...Array<number>(2).fill(1_786_615_260_000),
      null,
      null,
    ]);
    expect(events[4]?.parts[1]).toEqual({ name: "output", body: "a;north" });
    expect(events[5]).toMatchObject({
      summary: "ferries.csv",
      linesAdded: 1,
      linesRemoved: 0,
      parts: [{}, { name: "patch" }, { name: "output", body: "the text was not found" }],
    });
    expect(events[6]).toMatchObject({ exitCode: 1, model: "claude-sonnet-4-5" });
  });

  test("calls: input counted apart, OpenAI's without writing; without a model no price; a ledger's rest", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    const calls = ledger.callsOf(FERRIES).map(({ key, model, tokens, costNanoUsd }) => ({
      key: key.slice(FERRIES.length + 1),
      model,
      ...tokens,
      costNanoUsd,
    }));
    const [sonnet, gpt] = ["claude-sonnet-4-5", "gpt-5.4"];
    expect(calls).toEqual([
      {
        ...NO_TOKENS,
        key: "1",
        model: sonnet,
        input: 10,
        output: 200,
        cacheRead: 4_000,
        cacheWrite: 1_000,
        // 10 at 3, 200 at 15, 4,000 at 0.3, 1,000 at 3.75 dollars a million.
        costNanoUsd: 30_000 + 3_000_000 + 1_200_000 + 3_750_000,
      },
      {
        ...NO_TOKENS,
        key: "3",
        model: gpt,
        input: 70,
        output: 30,
        cacheRead: 5_000,
        // 70 at 2.5, 30 at 15, 5,000 at 0.25.
        costNanoUsd: 175_000 + 450_000 + 1_250_000,
      },
      { ...NO_TOKENS, key: "5", model: "unknown", input: 7, output: 3, costNanoUsd: null },
      {
        ...NO_TOKENS,
        key: "ledger e2",
        model: sonnet,
        input: 100,
        output: 10,
        costNanoUsd: 450_000,
      },
    ]);
  });

  test("a thread that is written anew, and the same one as an export that a person names", async () => {
    const home = homeHere();
    const path = join(home, FILE);
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const ids = ledger.eventsOf(FERRIES).map(({ id }) => id);
    const thread = JSON.parse(readFileSync(path, "utf8")) as { messages: object[] };
    const exported = join(home, "ferries.json");
    writeFileSync(exported, JSON.stringify(thread));
    const named = await new Ledger().take(captureOf(tempFolder()).scan(new Map(), [exported]));
    expect(told(named)).toEqual(STORY);
    expect(named.eventsOf(FERRIES).map(({ id }) => id)).toEqual(ids);

    const again = { role: "user", messageId: 6, content: [{ type: "text", text: "Thanks." }] };
    writeFileSync(
      path,
      JSON.stringify({ ...thread, messages: [...thread.messages.slice(0, 4), again] }),
    );
    await ledger.take(capture.scan(ledger.files));
    expect(told(ledger)).toEqual([...STORY.slice(0, 10), ["prompt", null, "Thanks."]]);
  });
});
