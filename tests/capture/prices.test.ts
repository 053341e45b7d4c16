import { describe, expect, test } from "vitest";
import { costNanoUsd, type Billed } from "../../src/capture/prices.ts";

const NOTHING: Billed = {
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  webSearches: 0,
  fast: false,
};
const cost = (model: string, billed: Partial<Billed>, requests?: number) =>
  costNanoUsd(model, { ...NOTHING, ...billed }, requests);

describe("a call costs", () => {
  test("its tokens by kind, in whole nano-dollars", () => {
    expect(cost("claude-opus-4-5", { input: 1 })).toBe(5_000);
    expect(cost("claude-opus-4-5", { output: 1 })).toBe(25_000);
    expect(cost("claude-opus-4-5", { cacheRead: 1 })).toBe(500);
    expect(cost("claude-opus-4-5", { cacheWrite5m: 1 })).toBe(6_250);
    expect(cost("claude-opus-4-5", { cacheWrite1h: 1 })).toBe(10_000);
    expect(cost("gpt-5.3-codex-spark", { input: 1, output: 1, cacheRead: 2 })).toBe(
      1_750 + 14_000 + 350,
    );
  });

  test("a cent a web search", () => {
    expect(cost("claude-haiku-4-5", { webSearches: 3 })).toBe(30_000_000);
  });

  test("more at the higher speed, and nothing known where that has no price", () => {
    expect(cost("claude-opus-4-6", { input: 1, fast: true })).toBe(30_000);
    expect(cost("claude-haiku-4-5", { input: 1, fast: true })).toBeNull();
  });

  test("more as a whole if its input, cached or not, is long", () => {
    expect(cost("claude-sonnet-4-5", { input: 1, cacheRead: 199_999 })).toBe(3_000 + 199_999 * 300);
    expect(cost("claude-sonnet-4-5", { input: 1, cacheRead: 200_000, output: 1 })).toBe(
      6_000 + 200_000 * 600 + 22_500,
    );
  });

  test("of several requests together, as many of the mean size do", () => {
    expect(cost("claude-sonnet-4-5", { input: 400_000 }, 2)).toBe(400_000 * 3_000);
    expect(cost("claude-sonnet-4-5", { input: 400_002 }, 2)).toBe(400_002 * 6_000);
    expect(cost("claude-sonnet-4-5", { input: 9_000_000 }, Infinity)).toBe(9_000_000 * 3_000);
  });

  test.each([
    "claude-sonnet-4.5",
    "claude-sonnet-4-5-20250929",
    "claude-sonnet-4-5@20250929",
    "claude-sonnet-4-5-latest",
    "claude-sonnet-4-5[1m]",
    "anthropic/claude-sonnet-4-5",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
  ])("the same as %s", (model) => {
    expect(cost(model, { input: 1 })).toBe(3_000);
  });

  test.each(["claude-opus-9", "", "<synthetic>", "toString", "gpt-5"])(
    "nothing known for %j: unpriced, not free",
    (model) => {
      expect(cost(model, { input: 1 })).toBeNull();
    },
  );
});
