import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toOtlp } from "../../../src/app/export/otlp.ts";
import { collectorOf } from "../../../src/app/export/send.ts";
import type { ExportedSession } from "../../../src/app/export/session.ts";
import { EVENT_KINDS, EVENT_STATUSES, NO_TOKENS } from "../../../src/base/session.ts";
import { event, SAMPLE, SESSION } from "./sample.ts";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
  readonly status?: object;
}

function spansOf(exported: ExportedSession): readonly Span[] {
  const { json } = toOtlp(exported);
  const request = JSON.parse(json) as {
    resourceSpans: readonly { scopeSpans: readonly { spans: readonly Span[] }[] }[];
  };
  return request.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
}

function values(span: Span | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    (span?.attributes ?? []).map(({ key, value }) => [key, Object.entries(value)[0]?.join(" ")]),
  );
}

describe("a session as traces", () => {
  const spans = spansOf(SAMPLE);
  const named = (name: string) => spans.filter((span) => span.name === name);

  test("is an agent around its calls, its tools and its sub-agents", () => {
    const [outer, inner] = named("invoke_agent claude-code");
    expect(spans.map(({ name }) => name)).toEqual([
      "invoke_agent claude-code",
      "chat claude-sonnet-4-5",
      "execute_tool Edit",
      "invoke_agent claude-code",
      "execute_tool Bash",
      "chat claude-sonnet-4-5",
    ]);
    expect(outer?.parentSpanId).toBeUndefined();
    expect(inner?.parentSpanId).toBe(outer?.spanId);
    expect(named("execute_tool Bash")[0]?.parentSpanId).toBe(inner?.spanId);
    expect(values(inner)["gen_ai.agent.id"]).toBe("stringValue lane-1");
    expect([outer?.startTimeUnixNano, outer?.endTimeUnixNano]).toEqual([
      "1777888800000000000",
      "1777888805000000000",
    ]);
  });

  test("counts tokens by the conventions, and costs where they are known", () => {
    const [first, last] = named("chat claude-sonnet-4-5");
    expect(first?.kind).toBe(3);
    expect(values(first)).toEqual({
      "gen_ai.operation.name": "stringValue chat",
      "gen_ai.provider.name": "stringValue anthropic",
      "gen_ai.response.model": "stringValue claude-sonnet-4-5",
      "gen_ai.conversation.id": `stringValue ${SESSION.id}`,
      "gen_ai.usage.input_tokens": "intValue 1220",
      "gen_ai.usage.output_tokens": "intValue 5",
      "gen_ai.usage.cache_read.input_tokens": "intValue 1000",
      "gen_ai.usage.cache_creation.input_tokens": "intValue 200",
      "operon.cost.usd": "doubleValue 0.01",
      "operon.duration.recorded": "boolValue false",
      "operon.event.id": "stringValue evt_edit",
    });
    expect(values(last)["gen_ai.usage.reasoning.output_tokens"]).toBe("intValue 4");
    expect(values(last)).not.toHaveProperty("operon.cost.usd");
  });

  test("says how long a tool took, and how it failed", () => {
    const [edit] = named("execute_tool Edit");
    expect(BigInt(edit?.endTimeUnixNano ?? 0) - BigInt(edit?.startTimeUnixNano ?? 0)).toBe(
      500_000_000n,
    );
    expect(values(edit)).not.toHaveProperty("operon.duration.recorded");
    const [bash] = named("execute_tool Bash");
    expect(bash?.status).toEqual({ code: 2 });
    expect(values(bash)).toMatchObject({
      "error.type": "stringValue _OTHER",
      "process.exit.code": "intValue 1",
      "gen_ai.tool.name": "stringValue Bash",
    });
  });

  test("holds nothing of what was said or done", () => {
    expect(toOtlp(SAMPLE).json).not.toMatch(/sum|wrong|adds twice|Fixed|look around|no such/i);
  });
});

test("what has no time is counted and left out, never dated 1970", () => {
  const exported = {
    session: SESSION,
    events: [
      event("p", 0, { kind: "prompt", at: null }),
      event("t", 1, { tool: "Read", at: null, tokens: NO_TOKENS }),
    ],
    bodies: {},
  };
  expect(spansOf(exported)).toEqual([]);
  expect(toOtlp(exported)).toMatchObject({ spans: 0, untimed: 1 });
  const sub = event("s", 0, { kind: "subagent", opens: "l", at: null });
  const inner = event("i", 0, { lane: "l", tool: "Read" });
  const [root, tool] = spansOf({ ...exported, events: [sub, inner] });
  expect(tool).toMatchObject({ name: "execute_tool Read", parentSpanId: root?.spanId });
});

test("any session gives spans that are whole: ids of their own, a parent that is there and around them", () => {
  const lane = fc.constantFrom(null, "l1", "l2");
  const row = fc.record({
    lane,
    kind: fc.constantFrom(...EVENT_KINDS),
    at: fc.option(fc.integer({ min: 1, max: 4_000_000_000_000 })),
    durationMs: fc.option(fc.integer({ min: -5, max: 1_000_000 })),
    status: fc.option(fc.constantFrom(...EVENT_STATUSES)),
    model: fc.option(fc.string()),
    tool: fc.option(fc.string({ unit: "binary" })),
    opens: lane,
    rolledBack: fc.boolean(),
    tokens: fc.option(fc.constant({ ...NO_TOKENS, input: 1 })),
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
      const events = rows.map((more, i) => event(`e${i}`, i, more));
      const spans = spansOf({ session: SESSION, events, bodies: {} });
      const byId = new Map(spans.map((span) => [span.spanId, span]));
      expect(byId.size).toBe(spans.length);
      for (const span of spans) {
        expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
        expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
        expect(span.startTimeUnixNano).toMatch(/^[1-9]\d*$/);
        expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
        if (span.parentSpanId === undefined) continue;
        const parent = byId.get(span.parentSpanId);
        expect(parent?.traceId).toBe(span.traceId);
        expect(BigInt(parent?.startTimeUnixNano ?? 0)).toBeLessThanOrEqual(
          BigInt(span.startTimeUnixNano),
        );
      }
    }),
  );
});

test("traces are sent with https, or to this machine itself", () => {
  expect(collectorOf("http://127.0.0.1:4318").href).toBe("http://127.0.0.1:4318/v1/traces");
  expect(collectorOf("http://[::1]:4318/").pathname).toBe("/v1/traces");
  expect(collectorOf("https://a.example/otlp/x?y=1").href).toBe("https://a.example/otlp/x?y=1");
  for (const bad of [
    "http://collector.example",
    "http://127.0.0.1.example",
    "ftp://127.0.0.1",
    "collector",
    "",
    "https://me:secret@a.example",
  ])
    expect(() => collectorOf(bad)).toThrow(/[Nn]othing was sent/);
});
