/**
 * Tokens and cost of whole sessions against values worked out elsewhere: by hand for the fixtures, and, where
 * OPERON_CORPUS names a folder with real transcripts, by another program for those.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { captureOf, fixtureHome } from "./home.ts";
import { Ledger } from "./ledger.ts";

interface Expected {
  readonly sourceId: string;
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly reasoning: number;
  readonly costNanoUsd: number | null;
}

const row = (
  sourceId: string,
  [input, output, cacheRead, cacheWrite, reasoning]: readonly [
    number,
    number,
    number,
    number,
    number,
  ],
  costNanoUsd: number | null,
): Expected => ({ sourceId, input, output, cacheRead, cacheWrite, reasoning, costNanoUsd });

const BY_HAND: readonly Expected[] = [
  // Sonnet 4.5, nine calls: 64 × 3,000 + 897 × 15,000 + 38,000 × 300 + 6,130 × 3,750
  row("3f6c1a52-7b1e-4c0a-9d53-0a1b2c3d4e01", [64, 897, 38_000, 6_130, 0], 48_034_500),
  // its fork: two calls of its own, 14 × 3,000 + 220 × 15,000 + 5,200 × 300 + 5,400 × 3,750
  row("5b90d1fe-22c4-4f7e-8a61-0a1b2c3d4e02", [14, 220, 5_200, 5_400, 0], 25_152_000),
  // Opus 4.6, 8,700 of 9,700 written for an hour: 32 × 5,000 + 950 × 25,000 + 35,400 × 500 + 1,000 × 6,250 + 8,700 × 10,000
  row("8d02b7c3-90ab-4e11-b6d4-0a1b2c3d4e03", [32, 950, 35_400, 9_700, 0], 134_860_000),
  // Sonnet 4.5 29,376,000 and its sub-agent's Haiku 4.5 4,345,000; the side question's replay is not counted
  row("b41e7790-1c5d-4b3f-93e8-0a1b2c3d4e04", [57, 360, 10_300, 9_000, 0], 33_721_000),
  row("e7a3390c-4d68-4f02-a5b7-0a1b2c3d4e05", [37, 450, 20_300, 17_550, 0], 78_763_500),
  // a sidechain inside and one beside: 44 × 3,000 + 263 × 15,000 + 7,900 × 300 + 5,300 × 3,750
  row("f10c2d8e-6a77-4d29-8e0f-0a1b2c3d4e06", [44, 263, 7_900, 5_300, 0], 26_322_000),
  // a model without a price
  row("aa55c0de-0f0f-4a4a-9b9b-0a1b2c3d4e07", [7, 11, 0, 0, 0], null),
  // GPT-5.5 and its sub-agent: 14,600 × 5,000 + 21,000 × 500 + 1,460 × 30,000
  row("019a0c11-5e20-7b31-9c40-0000000000a1", [14_600, 1_460, 21_000, 0, 580], 127_300_000),
  // its fork: one turn rolled back and one that stayed, 400 × 5,000 + 1,300 × 500 + 130 × 30,000
  row("019a0c22-5e20-7b31-9c40-0000000000b2", [400, 130, 1_300, 0, 30], 6_550_000),
  // GPT-5.4: 600 × 2,500 + 400 × 250 + 120 × 15,000
  row("019a0c44-5e20-7b31-9c40-0000000000d4", [600, 120, 400, 0, 0], 3_400_000),
];

interface GoldenSession {
  readonly sessionId: string;
  readonly sessionFile?: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheCreationTokens: number;
  readonly reasoningOutputTokens?: number;
  readonly totalCost?: number;
  readonly costUSD?: number;
}

const corpus = process.env["OPERON_CORPUS"];

function expectedOf(folder: string): Expected[] {
  const golden = JSON.parse(readFileSync(join(folder, "golden-ccusage.json"), "utf8")) as Record<
    "claude" | "codex",
    { sessions: GoldenSession[] }
  >;
  return [...golden.claude.sessions, ...golden.codex.sessions].map((session) => ({
    sourceId: session.sessionFile?.slice(-36) ?? session.sessionId,
    input: session.inputTokens,
    output: session.outputTokens,
    cacheRead: session.cacheReadTokens,
    cacheWrite: session.cacheCreationTokens,
    reasoning: session.reasoningOutputTokens ?? 0,
    costNanoUsd: Math.round((session.totalCost ?? session.costUSD ?? 0) * 1e9),
  }));
}

describe("tokens and cost of every session", () => {
  const dataSets = [
    { name: "the fixtures", home: fixtureHome, expected: BY_HAND },
    ...(corpus === undefined
      ? []
      : [{ name: corpus, home: () => join(corpus, "home"), expected: expectedOf(corpus) }]),
  ];

  for (const { name, home, expected } of dataSets) {
    test(`of ${name}`, async () => {
      const ledger = await new Ledger().take(captureOf(home()).scan(new Map()));
      const found = expected.map(({ sourceId }) => {
        const { tokens, costNanoUsd } = ledger.usageOf(sourceId);
        return { sourceId, ...tokens, costNanoUsd };
      });
      expect(found).toEqual(expected);
      const named = new Set(expected.map(({ sourceId }) => sourceId));
      const others = [...ledger.sessions.values()].filter(
        ({ agent, sourceId }) =>
          (agent === "claude-code" || agent === "codex") && !named.has(sourceId),
      );
      for (const session of others)
        expect(ledger.callsOf(session.sourceId), session.sourceId).toEqual([]);
    });
  }

  test("is the same when the files are read in another order", async () => {
    const home = corpus === undefined ? fixtureHome() : join(corpus, "home");
    const capture = captureOf(home);
    const straight = await new Ledger().take(capture.scan(new Map()));
    const files = [...straight.files.keys()].toReversed();
    const backwards = new Ledger();
    for (const file of files) await backwards.take(capture.scan(backwards.files, [file]));
    const total = (ledger: Ledger) =>
      [...ledger.calls.values()].reduce(
        (sum, { value }) => sum + value.tokens.output + (value.costNanoUsd ?? 0),
        0,
      );
    expect(total(backwards)).toBe(total(straight));
    expect(backwards.calls.size).toBe(straight.calls.size);
  });
});
