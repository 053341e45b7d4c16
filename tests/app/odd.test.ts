/** Whatever a transcript says, an import into the real store ends, and every other transcript's session is there. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import { ingest, type Ingested } from "../../src/app/ingest.ts";
import type { Store } from "../../src/store/store.ts";
import { captureOf, FIXTURES, homeOf, jsonl } from "../capture/home.ts";
import { openTestStore } from "../store/help.ts";

vi.setConfig({ testTimeout: 300_000 });

type Json = Record<string, unknown>;

const CLAUDE = ".claude/projects/-home-mira-work-tally/3f6c1a52-7b1e-4c0a-9d53-0a1b2c3d4e01.jsonl";
const CODEX =
  ".codex/sessions/2026/10/21/rollout-2026-10-21T13-00-00-019a0c11-5e20-7b31-9c40-0000000000a1.jsonl";
const HUGE = 1e300;
const LONG = "x".repeat(6_000);

/** So long a text that no index takes it, however well it is packed. */
function noise(bytes: number): string {
  let [text, seed] = ["", 1];
  while (text.length < bytes) {
    seed = (seed * 48_271) % 2_147_483_647;
    text += seed.toString(36);
  }
  return text.slice(0, bytes);
}

async function importHome(store: Store, home: string): Promise<Ingested> {
  return ingest(
    {
      commit: (batches) => store.capture.commit(batches),
      states: new Map(),
      ended: () => false,
      onSessions: () => undefined,
      log: silentLog,
    },
    captureOf(home).scan(new Map()),
    () => undefined,
  );
}

const USER = {
  type: "user",
  sessionId: "odd",
  uuid: "u1",
  timestamp: "2026-10-05T08:00:00.000Z",
  cwd: "/srv/odd",
};
const ASSISTANT = { ...USER, type: "assistant", uuid: "u2" };

function said(message: Json, more: Json = {}): Json {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const content = [{ type: "tool_use", id: "t1", name: "Bash", input: { command: "x" } }];
  return {
    ...ASSISTANT,
    message: { id: "m1", model: "claude-sonnet-4-5", content, usage, ...message },
    ...more,
  };
}

function answered(block: Json, result: Json = {}): Json {
  const content = [{ type: "tool_result", tool_use_id: "t1", content: "", ...block }];
  return { ...USER, uuid: "u3", message: { content }, toolUseResult: result };
}

const CLAUDE_LINES: readonly (readonly [string, readonly Json[]])[] = [
  [
    "an exit code of twenty digits",
    [said({}), answered({ is_error: true, content: "Exit code 99999999999999999999\nx" })],
  ],
  ["an exit code with a fraction", [said({}), answered({}, { exitCode: 1.5 })]],
  ["a tool's id that every object has", [answered({ tool_use_id: "toString" })]],
  [
    "a tool's id that changes an object",
    [
      said({ content: [{ type: "tool_use", id: "__proto__", name: "Bash", input: {} }] }),
      answered({ tool_use_id: "__proto__" }),
    ],
  ],
  ["a cost beyond counting", [said({}, { costUSD: 1e11 })]],
  ["tokens whose price is beyond counting", [said({ usage: { output_tokens: 9e15 } })]],
  ["an id of 6 KB", [said({ id: noise(6_000) })]],
  ["a request's id of 6 KB", [said({}, { requestId: noise(6_000) })]],
  [
    "a parent's id of 6 KB",
    [{ ...USER, message: { content: "p" }, forkedFrom: { sessionId: noise(6_000) } }],
  ],
  ["a duration beyond counting", [said({}), answered({}, { durationMs: HUGE })]],
  [
    "a turn of a fraction of a millisecond",
    [
      { ...USER, message: { content: "p" } },
      { ...USER, uuid: "u4", type: "system", subtype: "turn_duration", durationMs: 1e-7 },
      { ...USER, uuid: "u5", type: "system", subtype: "turn_duration", durationMs: HUGE },
    ],
  ],
];

function codexLine(type: string, payload: Json): Json {
  return { timestamp: "2026-10-21T11:00:00.000Z", type, payload };
}

const SHELL = codexLine("response_item", {
  type: "function_call",
  name: "shell",
  call_id: "c1",
  arguments: '{"command":["ls"]}',
});

function output(text: string, callId = "c1"): Json {
  return codexLine("response_item", {
    type: "function_call_output",
    call_id: callId,
    output: text,
  });
}

const CODEX_LINES: readonly (readonly [string, readonly Json[]])[] = [
  ["an exit code of twenty digits", [SHELL, output("Exit code: 99999999999999999999\nOutput:\nx")]],
  ["an exit code in JSON", [SHELL, output(`{"output":"x","metadata":{"exit_code":1e30}}`)]],
  ["a wall time that is none", [SHELL, output("Wall time: 1.2.3 seconds\nOutput:\nx")]],
  [
    "a duration beyond counting",
    [
      SHELL,
      codexLine("event_msg", {
        type: "exec_command_end",
        call_id: "c1",
        exit_code: 1e30,
        duration: { secs: HUGE, nanos: HUGE },
      }),
      output("x"),
    ],
  ],
  ["a call's id that every object has", [output("x", "constructor")]],
  [
    "a turn's duration beyond counting",
    [
      codexLine("event_msg", { type: "user_message", message: "p" }),
      codexLine("event_msg", { type: "task_complete", duration_ms: HUGE }),
    ],
  ],
  [
    "tokens whose price is beyond counting",
    [
      codexLine("turn_context", { turn_id: "t", model: "gpt-5.5" }),
      codexLine("event_msg", {
        type: "token_count",
        info: { last_token_usage: { output_tokens: 9e15 } },
      }),
    ],
  ],
];

const ODD = [
  ...CLAUDE_LINES.map(([what, lines]) => ({
    what,
    path: ".claude/projects/-odd/odd.jsonl",
    lines,
  })),
  ...CODEX_LINES.map(([what, lines]) => ({
    what,
    path: ".codex/sessions/2026/10/20/rollout-2026-10-20T00-00-00-odd.jsonl",
    lines: [codexLine("session_meta", { id: "odd" }), ...lines],
  })),
  {
    what: "a thread's id of 6 KB",
    path: ".codex/sessions/2026/10/20/rollout-2026-10-20T00-00-00-odd.jsonl",
    lines: [
      codexLine("session_meta", { id: noise(6_000) }),
      codexLine("event_msg", { type: "user_message", message: "p" }),
      codexLine("event_msg", {
        type: "token_count",
        info: { last_token_usage: { output_tokens: 9 } },
      }),
    ],
  },
];

test("one odd value in a line is that value's trouble alone", async () => {
  const store = await openTestStore();
  for (const [run, { what, path, lines }] of ODD.entries()) {
    const good = renamed(CLAUDE, run);
    const own = jsonl(...lines).replaceAll(/"(odd|[umtc]\d)"/g, `"$1-${run}"`);
    const home = homeOf({
      [path.replace("odd.jsonl", `odd-${run}.jsonl`)]: own,
      [good]: renamed(fixture(CLAUDE), run),
    });
    const done = await importHome(store, home);
    expect([what, done.partial]).toEqual([what, []]);
    const { rows } = await store.views.sessions({ limit: 10_000 });
    expect([what, rows.length]).toEqual([what, 2 * (run + 1)]);
    expect(rows.find(({ sourceId }) => good.includes(sourceId))).toMatchObject({ prompts: 2 });
  }
});

function fixture(path: string): string {
  return readFileSync(join(FIXTURES, path), "utf8");
}

/** What a value may turn into. */
const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(HUGE, -HUGE, 1e-9, -0, 1e11, 2 ** 53, -(2 ** 63), 9e15, 0.5, null, true, [], {}),
  fc.constantFrom("toString", "__proto__", "constructor", "hasOwnProperty", "valueOf"),
  fc.constantFrom("", "\u0000", "a\u0000b", "\ud800", "\udfff\ud800", LONG, noise(9_000)),
  fc.constantFrom("Exit code 99999999999999999999", "+275760-09-13T00:00:00Z", "/\u0000/x"),
  fc.double(),
  fc.string({ unit: "binary" }),
  fc.jsonValue(),
);

/** The ways to every value in a line. */
function waysIn(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [[]];
  return Object.entries(value).flatMap(([key, item]) => [
    [key],
    ...waysIn(item).map((way) => [key, ...way]),
  ]);
}

/** What lies at the end of the way is another value, or stands under another key. */
function mutate(
  value: unknown,
  [key, ...rest]: readonly string[],
  odd: unknown,
  asKey: boolean,
): unknown {
  if (key === undefined || typeof value !== "object" || value === null) return odd;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Json;
  if (rest.length > 0) copy[key] = mutate(copy[key], rest, odd, asKey);
  else if (asKey) Object.defineProperty(copy, String(odd), { value: copy[key], enumerable: true });
  else copy[key] = odd;
  return copy;
}

interface Change {
  readonly line: number;
  readonly way: number;
  readonly odd: unknown;
  readonly asKey: boolean;
}

const change: fc.Arbitrary<Change> = fc.record({
  line: fc.nat(),
  way: fc.nat(),
  odd: oddValue,
  asKey: fc.nat(9).map((die) => die === 0),
});

function mutated(text: string, changes: readonly Change[]): string {
  const lines = text
    .trim()
    .split("\n")
    .map((line) => parsed(line));
  for (const { line, way, odd, asKey } of changes) {
    const at = line % lines.length;
    const ways = waysIn(lines[at]);
    lines[at] = mutate(lines[at], ways[way % ways.length] ?? [], odd, asKey);
  }
  return jsonl(...(lines as object[]));
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

/** Each run's ids are its own, in one store. */
function renamed(text: string, run: number): string {
  const tag = String(run).padStart(4, "0");
  return text
    .replaceAll("-0000-4000-8000-", `-${tag}-4000-8000-`)
    .replaceAll("-5e20-", `-${tag}-`)
    .replaceAll(/(toolu|req|msg)_/g, `$1_${tag}_`)
    .replaceAll(/-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-0a1b2c3d4e/g, `-${tag}-0000-0000-0a1b2c3d4e`);
}

test("any line may be anything", async () => {
  const store = await openTestStore();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom([CLAUDE, CODEX], [CODEX, CLAUDE]),
      fc.array(change, { minLength: 8, maxLength: 40 }),
      async ([odd, good], changes) => {
        run++;
        const text = mutated(renamed(fixture(odd as string), run), changes);
        const goodPath = renamed(good as string, run);
        const home = homeOf({
          [renamed(odd as string, run)]: text,
          [goodPath]: renamed(fixture(good as string), run),
        });
        const done = await importHome(store, home);
        expect(done.partial.filter(({ lines }) => lines === undefined)).toEqual([]);
        const { rows } = await store.views.sessions({ limit: 10_000 });
        const row = rows.find(
          ({ sourceId }) => sourceId !== "" && goodPath.endsWith(`${sourceId}.jsonl`),
        );
        expect(row?.prompts).toBeGreaterThan(0);
        for (const changed of done.changed) await store.views.events(changed, 0);
        await store.views.usage(["session", "day", "model"], null);
        rmSync(home, { recursive: true });
      },
    ),
    { numRuns: 60, endOnFailure: true },
  );
  while (await store.search.catchUp());
  expect((await store.views.search("toString", 10)).hits).toBeInstanceOf(Array);
});

test("a file that the store does not take is told, and leaves the others in peace", async () => {
  const store = await openTestStore();
  const home = homeOf({
    ".claude/projects/-odd/odd.jsonl": jsonl({ ...USER, message: { content: "p" } }),
    [CLAUDE]: fixture(CLAUDE),
    [CODEX]: fixture(CODEX),
  });
  const states = new Map();
  const done = await ingest(
    {
      commit: async (batches) => {
        if (batches.some(({ file }) => file.path.includes("-odd")))
          throw new Error("no such number");
        return store.capture.commit(batches);
      },
      states,
      ended: () => false,
      onSessions: () => undefined,
      log: silentLog,
    },
    captureOf(home).scan(new Map()),
    () => undefined,
  );
  const odd = join(home, ".claude/projects/-odd/odd.jsonl");
  expect(done.partial).toEqual([
    {
      file: odd,
      reason: expect.stringMatching(/could not be stored \(no such number\).*other files/),
    },
  ]);
  expect(done.changed.size).toBe(2);
  expect(new Set(states.keys())).toEqual(new Set([join(home, CLAUDE), join(home, CODEX)]));
  expect((await store.views.sessions({})).total).toBe(2);
});
