/** How much of each agent's there is: in the fixtures, and in the folder that OPERON_CORPUS names. Counted by other means. */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  NO_TOKENS,
  type AgentId,
  type CapturedEvent,
  type Tokens,
} from "../../src/base/session.ts";
import { AGENTS, captureOf } from "./home.ts";
import { Ledger } from "./ledger.ts";

interface Totals {
  readonly sessions: number;
  readonly prompts: number;
  /** Tools and sub-agents asked for. */
  readonly tools: number;
  readonly failed: number;
  readonly tokens: Partial<Tokens>;
  /** Null: some of it has no price. */
  readonly costNanoUsd: number | null;
}

const corpus = process.env["OPERON_CORPUS"];

const OWN: Partial<Record<AgentId, Totals>> = {
  "copilot-cli": {
    sessions: 2,
    prompts: 3,
    tools: 7,
    failed: 1,
    tokens: { input: 52_000, output: 342, cacheRead: 206_000, cacheWrite: 50_000, reasoning: 30 },
    costNanoUsd: 409_130_000,
  },
  pi: {
    sessions: 3,
    prompts: 5,
    tools: 5,
    failed: 1,
    tokens: { input: 3_027, output: 148, cacheRead: 9_950, cacheWrite: 600 },
    costNanoUsd: 18_520_000,
  },
  "factory-droid": {
    sessions: 2,
    prompts: 3,
    tools: 6,
    failed: 2,
    tokens: { input: 2_100, output: 770, cacheRead: 90_000, cacheWrite: 4_000, reasoning: 50 },
    costNanoUsd: 98_950_000,
  },
  cursor: { sessions: 2, prompts: 3, tools: 5, failed: 1, tokens: {}, costNanoUsd: 0 },
};

const CORPUS: Partial<Record<AgentId, Totals>> = {
  "copilot-cli": {
    sessions: 9,
    prompts: 9,
    tools: 70,
    failed: 3,
    tokens: { input: 78_931, output: 20_515, cacheRead: 46_684, reasoning: 809 },
    costNanoUsd: null,
  },
  pi: {
    sessions: 2,
    prompts: 143,
    tools: 848,
    failed: 27,
    tokens: { input: 4_738, output: 271_051, cacheRead: 97_923_144, cacheWrite: 5_981_552 },
    costNanoUsd: 72_926_105_200,
  },
  "factory-droid": {
    sessions: 1,
    prompts: 1,
    tools: 5,
    failed: 0,
    tokens: {},
    costNanoUsd: 0,
  },
  cursor: { sessions: 2, prompts: 6, tools: 10, failed: 0, tokens: {}, costNanoUsd: 0 },
};

const sets = [
  { name: "fixtures", home: AGENTS, totals: OWN },
  ...(corpus === undefined ? [] : [{ name: corpus, home: join(corpus, "home"), totals: CORPUS }]),
];

describe.each(sets)("all that is in $name", ({ home, totals }) => {
  const ledger = new Ledger();
  beforeAll(() => ledger.take(captureOf(home).scan(new Map())));

  test.each(Object.entries(totals))("%s", (agent, expected) => {
    const sessions = [...ledger.sessions.values()].filter((session) => session.agent === agent);
    const ids = new Set(sessions.map(({ id }) => id));
    const events = [...ledger.events.values()]
      .filter(({ session }) => ids.has(session))
      .map(({ value }) => value);
    const count = (of: (event: CapturedEvent) => boolean) => events.filter(of).length;
    const isTool = ({ kind }: CapturedEvent) => kind === "tool" || kind === "subagent";
    const usage = sessions.map(({ sourceId }) => ledger.usageOf(sourceId));
    const tokens = Object.fromEntries(
      Object.keys(NO_TOKENS).map((field) => [
        field,
        usage.reduce((sum, { tokens }) => sum + tokens[field as keyof Tokens], 0),
      ]),
    );
    const costs = usage.map(({ costNanoUsd }) => costNanoUsd);
    expect({
      sessions: sessions.length,
      prompts: count(({ kind, lane }) => kind === "prompt" && lane === null),
      tools: count(isTool),
      failed: count((event) => isTool(event) && event.status === "error"),
      tokens,
      costNanoUsd: costs.includes(null)
        ? null
        : costs.reduce((sum, cost) => (sum ?? 0) + (cost ?? 0), 0),
    }).toEqual({ ...expected, tokens: { ...NO_TOKENS, ...expected.tokens } });
  });
});
