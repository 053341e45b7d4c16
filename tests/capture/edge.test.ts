/** Odd transcripts, one line each: the fixtures', or those of the folder that OPERON_CORPUS names. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NO_TOKENS, type Tokens } from "../../src/base/session.ts";
import { captureOf, fixtureHome } from "./home.ts";
import { Ledger } from "./ledger.ts";

interface Odd {
  readonly what: string;
  readonly sourceId: string;
  readonly parent?: string;
  /** Of the main conversation, as it is shown: without what was rolled back. */
  readonly prompts: number;
  readonly calls: number;
  readonly tokens: Partial<Tokens>;
  readonly toolsPaired?: number;
  readonly lastText?: string;
  readonly damagedLines?: readonly number[];
  /** Bytes after the last whole line that was read. */
  readonly pendingBytes?: number;
}

const corpus = process.env["OPERON_CORPUS"];

const OWN: readonly Odd[] = [
  {
    what: "a call over several lines, with growing output",
    sourceId: "3f6c1a52-7b1e-4c0a-9d53-0a1b2c3d4e01",
    prompts: 2,
    calls: 9,
    tokens: { output: 897 },
    toolsPaired: 7,
  },
  {
    what: "a fork: what it repeats is its parent's",
    sourceId: "5b90d1fe-22c4-4f7e-8a61-0a1b2c3d4e02",
    parent: "3f6c1a52-7b1e-4c0a-9d53-0a1b2c3d4e01",
    prompts: 1,
    calls: 2,
    tokens: { output: 220 },
    toolsPaired: 1,
  },
  {
    what: "an interruption and a slash command are no prompts",
    sourceId: "e7a3390c-4d68-4f02-a5b7-0a1b2c3d4e05",
    prompts: 3,
    calls: 5,
    tokens: { output: 450 },
  },
  {
    what: "a damaged line in the middle, no newline after the last",
    sourceId: "f10c2d8e-6a77-4d29-8e0f-0a1b2c3d4e06",
    prompts: 2,
    calls: 6,
    tokens: { output: 263 },
    damagedLines: [8],
    lastText: "Dear Ms Quist, your survey dates berth 7 to 30 February. Which day was it?",
  },
  {
    what: "a repeated count of tokens",
    sourceId: "019a0c11-5e20-7b31-9c40-0000000000a1",
    prompts: 1,
    calls: 4,
    tokens: { input: 14_600, cacheRead: 21_000, output: 1_460, reasoning: 580 },
  },
  {
    what: "a Codex fork, one turn rolled back: spent is spent",
    sourceId: "019a0c22-5e20-7b31-9c40-0000000000b2",
    parent: "019a0c11-5e20-7b31-9c40-0000000000a1",
    prompts: 2,
    calls: 2,
    tokens: { input: 400, cacheRead: 1_300, output: 130, reasoning: 30 },
  },
  {
    what: "a compressed rollout",
    sourceId: "019a0c44-5e20-7b31-9c40-0000000000d4",
    prompts: 1,
    calls: 1,
    tokens: { input: 600, cacheRead: 400, output: 120 },
  },
];

const CORPUS: readonly Odd[] = [
  {
    what: "two lines of one call, growing output",
    sourceId: "aaaaaaaa-0000-4000-8000-000000000001",
    prompts: 1,
    calls: 2,
    tokens: { input: 20, output: 80, cacheWrite: 400, cacheRead: 2_000 },
    toolsPaired: 1,
  },
  {
    what: "a fork",
    sourceId: "bbbbbbbb-0000-4000-8000-000000000002",
    parent: "aaaaaaaa-0000-4000-8000-000000000001",
    prompts: 1,
    calls: 1,
    tokens: { output: 20 },
  },
  {
    what: "interruption, slash command, no newline at the end",
    sourceId: "cccccccc-0000-4000-8000-000000000003",
    prompts: 1,
    calls: 1,
    tokens: { output: 40 },
    pendingBytes: 376,
  },
  {
    what: "a cut line in the middle, half a line at the end",
    sourceId: "dddddddd-0000-4000-8000-000000000004",
    prompts: 2,
    calls: 2,
    tokens: { output: 12 },
    damagedLines: [3],
    pendingBytes: 60,
  },
  {
    what: "a repeated token_count",
    sourceId: "019f0000-0000-7000-8000-00000000000a",
    prompts: 2,
    calls: 2,
    tokens: { input: 1_400, cacheRead: 1_100, output: 180, reasoning: 60 },
  },
  {
    what: "a Codex fork",
    sourceId: "019f0000-0000-7000-8000-00000000000b",
    parent: "019f0000-0000-7000-8000-00000000000a",
    prompts: 1,
    calls: 1,
    tokens: { input: 200, cacheRead: 200, output: 30, reasoning: 5 },
  },
  {
    what: "compressed, the first turn rolled back",
    sourceId: "019f0000-0000-7000-8000-00000000000c",
    prompts: 1,
    calls: 2,
    tokens: { input: 800, cacheRead: 500, output: 90, reasoning: 15 },
  },
];

const sets = [
  { name: "fixtures", home: fixtureHome, odd: OWN },
  ...(corpus === undefined
    ? []
    : [{ name: corpus, home: () => join(corpus, "edge/home"), odd: CORPUS }]),
];

describe.each(sets)("odd transcripts of $name", ({ home, odd }) => {
  test.each(odd)("$what", async (expected) => {
    const ledger = await new Ledger().take(captureOf(home()).scan(new Map()));
    const events = ledger.eventsOf(expected.sourceId, null);
    const usage = ledger.usageOf(expected.sourceId);
    const session = ledger.session(expected.sourceId);
    const parent =
      session.facts.parentSourceId ??
      (session.parent === null ? undefined : ledger.sessions.get(session.parent)?.sourceId);
    const file = [...ledger.files.values()].find(
      (state) => state.session === session.id && state.lane === null,
    );

    expect(parent).toBe(expected.parent);
    expect(events.filter((event) => event.kind === "prompt" && !event.rolledBack)).toHaveLength(
      expected.prompts,
    );
    expect(usage.calls).toBe(expected.calls);
    expect(usage.tokens).toEqual({ ...usage.tokens, ...expected.tokens });
    expect(Object.keys(usage.tokens)).toEqual(Object.keys(NO_TOKENS));
    if (expected.toolsPaired !== undefined) {
      const tools = events.filter((event) => event.kind === "tool");
      expect(tools.filter((event) => event.status !== "running")).toHaveLength(
        expected.toolsPaired,
      );
      expect(tools).toHaveLength(expected.toolsPaired);
    }
    if (expected.lastText !== undefined)
      expect(events.at(-1)?.parts[0]?.body).toBe(expected.lastText);
    expect(file?.damagedLines).toEqual(expected.damagedLines ?? []);
    if (expected.pendingBytes !== undefined)
      expect((file?.sizeBytes ?? 0) - (file?.offset ?? 0)).toBe(expected.pendingBytes);
    const told = ledger.partial.find((partial) => partial.file === file?.path);
    expect(told?.lines).toEqual(expected.damagedLines);
  });
});
