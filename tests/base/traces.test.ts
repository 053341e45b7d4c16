import { expect, test } from "vitest";
import { NO_TOKENS, type EventKind } from "../../src/base/session.ts";
import { cutTraces, flatten, sumOf, type Placed, type Summed } from "../../src/base/traces.ts";

interface Event extends Placed, Summed {
  readonly cost: number | null;
}

/** At the time that is its order. */
function event(id: string, order: number, more: Partial<Event> = {}): Event {
  return {
    id,
    lane: null,
    kind: "tool",
    order,
    at: order,
    opens: null,
    rolledBack: false,
    status: "ok",
    changed: [],
    tokens: null,
    cost: null,
    ...more,
  };
}

const prompt = (id: string, order: number, more: Partial<Event> = {}): Event =>
  event(id, order, { kind: "prompt", ...more });

/** Each trace as its prompt and the rest. */
function cut(...events: readonly Event[]): readonly (readonly [string | null, string])[] {
  const [there, back] = [events, events.toReversed()].map((given) =>
    cutTraces(given).map(
      (trace) =>
        [
          trace.prompt?.id ?? null,
          flatten(trace.nodes)
            .map(({ id }) => id)
            .join(" "),
        ] as const,
    ),
  );
  expect(there).toEqual(back);
  return there as readonly (readonly [string | null, string])[];
}

test("1: what came before the first prompt is a trace without one", () => {
  expect(cut(event("early", 1), prompt("p", 2), event("t", 3), prompt("q", 4))).toEqual([
    [null, "early"],
    ["p", "t"],
    ["q", ""],
  ]);
  expect(cut()).toEqual([]);
});

test("2: a prompt that was rolled back begins none", () => {
  const rolledBack = true;
  expect(
    cut(
      prompt("p", 1),
      event("t", 2),
      prompt("gone", 3, { rolledBack }),
      event("too", 4, { rolledBack }),
      prompt("q", 5),
    ),
  ).toEqual([
    ["p", "t gone too"],
    ["q", ""],
  ]);
});

test("3: a lane stands once, in what opened it first, also when lanes open each other", () => {
  expect(
    cut(
      prompt("p", 1),
      event("a", 2, { opens: "x" }),
      event("b", 3, { opens: "x" }),
      event("x1", 1, { lane: "x", opens: "y" }),
      event("x2", 2, { lane: "x" }),
      event("y1", 1, { lane: "y", opens: "x" }),
    ),
  ).toEqual([["p", "a x1 y1 x2 b"]]);
  expect(
    cut(
      prompt("p", 1),
      event("x1", 5, { lane: "x", opens: "y" }),
      event("y1", 6, { lane: "y", opens: "x" }),
    ),
  ).toEqual([["p", "x1 y1"]]);
  expect(cut(prompt("p", 1, { opens: "x" }), event("x1", 1, { lane: "x" }))).toEqual([["p", "x1"]]);
});

test("4: a lane that nothing opened stands where it ran, or in the first trace", () => {
  const prompts = [prompt("p", 10), prompt("q", 20), prompt("r", 30)];
  expect(cut(...prompts, event("x1", 25, { lane: "x" }))).toEqual([
    ["p", ""],
    ["q", "x1"],
    ["r", ""],
  ]);
  for (const at of [5, null])
    expect(cut(...prompts, event("x1", 1, { lane: "x", at }))[0]).toEqual(["p", "x1"]);
  expect(cut(event("x1", 1, { lane: "x" }))).toEqual([[null, "x1"]]);
});

test("5, 6: sums go over sub-agents and what was rolled back, from the first event to the last", () => {
  const tokens = { ...NO_TOKENS, output: 2 };
  const kinds: readonly EventKind[] = ["prompt", "tool", "tool", "subagent", "response"];
  const events = kinds.map((kind, i) =>
    event(`e${i}`, 10 + i, {
      kind,
      lane: i === 4 ? "x" : null,
      rolledBack: i === 2,
      changed: [["a, b.ts"], ["c.ts"], ["a, b.ts"]][i - 1] ?? [],
      tokens: i > 2 ? tokens : null,
      cost: i > 2 ? i : null,
    }),
  );
  expect(sumOf(events, ({ cost }) => cost)).toEqual({
    events: 5,
    tools: 2,
    subagents: 1,
    files: 2,
    errors: 0,
    running: 0,
    rolledBack: 1,
    startedAt: 10,
    endedAt: 14,
    tokens: { ...NO_TOKENS, output: 4 },
    cost: 7,
  });
  const unpriced = [...events, event("e5", 40, { tokens, at: null, status: "error" })];
  expect(sumOf(unpriced, ({ cost }) => cost)).toMatchObject({ cost: null, endedAt: 14, errors: 1 });
});
