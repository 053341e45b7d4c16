import { describe, expect, test } from "vitest";
import type { CapturedEvent } from "../../src/base/session.ts";
import {
  shareEvent,
  shareMeta,
  type LocalEvent,
  type LocalSession,
} from "../../src/privacy/gate.ts";
import { CONTEXT, EVENT, PROJECT, SESSION } from "./given.ts";

function tool(name: string, input: Record<string, unknown>): unknown {
  return shareEvent({ ...EVENT, tool: { name, input } }, CONTEXT).tool;
}

test("P1: an event leaves with these fields and no others", () => {
  const captured: LocalEvent & Partial<CapturedEvent> = {
    ...EVENT,
    summary: "reads a.ts",
    callKey: "msg_1/req_1",
    parts: [{ name: "output", body: "secret body" }],
  };
  expect(shareEvent(captured, CONTEXT)).toEqual({
    ...EVENT,
    tool: { name: "Read", input: { path: "src/a.ts" } },
  });
});

test("P2: a session leaves with these fields and no others", () => {
  const local = {
    ...SESSION,
    title: "my title",
    projectPath: PROJECT,
    gitBranch: "feat/x",
    host: "box",
    parent: "ses_0",
  };
  const { usage, ...rest } = SESSION;
  expect(shareMeta(local)).toEqual({
    ...rest,
    usage: { "claude-opus-4-6": { calls: 2, tokens: usage[0]?.tokens, costNanoUsd: 7 } },
  });
});

test.each([
  "fix-login-of-bank",
  "0a1b2c3d",
  "0a1b2c3d-0000-4000-8000-000000000001-bank",
  "",
  "../x",
])("P2: the agent's own id %j is no plain UUID and stays", (sourceId) => {
  expect(shareMeta({ ...SESSION, sourceId }).sourceId).toBeNull();
});

test("P3: a lane leaves under a derived name, the same wherever it is named, another in another session", () => {
  const event = {
    ...EVENT,
    kind: "subagent" as const,
    lane: "acompact-bank",
    opens: "fix-the-bank",
  };
  const first = shareEvent(event, CONTEXT);
  const inside = shareEvent({ ...EVENT, lane: "fix-the-bank" }, CONTEXT);
  expect(first.opens).toMatch(/^lane_[0-9A-Z]{26}$/);
  expect(first.opens).toBe(inside.lane);
  expect(first.lane).not.toBe(first.opens);
  expect(JSON.stringify(first)).not.toMatch(/bank|compact/);
  const elsewhere = shareEvent(event, { ...CONTEXT, session: "ses_2" as typeof CONTEXT.session });
  expect(elsewhere.lane).not.toBe(first.lane);
});

test.each([
  ["Bash", "Bash"],
  ["exec_command", "exec_command"],
  ["mcp__bank-internal__transfer", "mcp"],
  ["bank_transfer", "other"],
  ["bash", "other"],
  ["constructor", "other"],
  ["__proto__", "other"],
  ["", "other"],
])("P4: the tool %j is named %j", (name, shared) => {
  expect(tool(name, {})).toEqual({ name: shared, input: {} });
});

test("P4: a tool that is not named leaves no inputs", () => {
  expect(tool("mcp__x__Read", { file_path: `${PROJECT}/a.ts`, command: "ls" })).toEqual({
    name: "mcp",
    input: {},
  });
});

describe("P5: of each tool's input only what is listed", () => {
  test.each([
    [
      "Read",
      { file_path: `${PROJECT}/a.ts`, offset: 3, limit: 9, note: "x" },
      { path: "a.ts", offset: 3, limit: 9 },
    ],
    [
      "Edit",
      { file_path: `${PROJECT}/a.ts`, old_string: "x", new_string: "y", replace_all: true },
      { path: "a.ts", all: true },
    ],
    ["Write", { file_path: `${PROJECT}/a.ts`, content: "x" }, { path: "a.ts" }],
    ["MultiEdit", { file_path: `${PROJECT}/a.ts`, edits: [{ old_string: "x" }] }, { path: "a.ts" }],
    [
      "Bash",
      { command: "npm test -- x", description: "Runs tests", timeout: 5_000 },
      { command: "npm", timeoutMs: 5_000 },
    ],
    [
      "Grep",
      {
        pattern: "use\\w+",
        path: PROJECT,
        glob: "*.ts",
        output_mode: "content",
        "-A": 2,
        "-n": true,
      },
      { pattern: "use\\w+", path: ".", glob: "*.ts", mode: "content", after: 2, lineNumbers: true },
    ],
    [
      "Glob",
      { pattern: "src/**/*.{ts,tsx}", path: "/etc" },
      { glob: "src/**/*.{ts,tsx}", path: "outside the project" },
    ],
    [
      "Task",
      { prompt: "do it", description: "a bank", subagent_type: "Explore", model: "haiku" },
      { agent: "Explore", model: "haiku" },
    ],
    ["Task", { prompt: "do it", subagent_type: "bank-auditor", model: "bank" }, {}],
    ["WebFetch", { url: "https://x.y/z", prompt: "read" }, {}],
    ["WebSearch", { query: "a bank" }, {}],
    ["TodoWrite", { todos: [{ content: "x" }] }, {}],
    ["ExitPlanMode", { plan: "# plan" }, {}],
    ["Skill", { skill: "bank", args: "x" }, {}],
    [
      "exec_command",
      { cmd: "git commit -m x", workdir: "/x", max_output_tokens: 10 },
      { command: "git", maxOutputTokens: 10 },
    ],
    ["shell", { command: ["bash", "-lc", "cargo build"], workdir: "/x" }, { command: "cargo" }],
    ["write_stdin", { session_id: 5, chars: "password\n", yield_time_ms: 100 }, { waitMs: 100 }],
    ["update_plan", { plan: [{ step: "x" }], explanation: "y" }, {}],
    ["view_image", { path: `${PROJECT}/logo.png` }, { path: "logo.png" }],
  ])("%s %j", (name, input, shared) => {
    expect(tool(name, input)).toEqual({ name, input: shared });
  });

  test("a patch leaves the paths of its headers, no line of its body", () => {
    const patch = [
      "*** Begin Patch",
      "*** Update File: src/a.ts",
      "*** Move to: src/b.ts",
      "@@ function bank() {",
      "-*** Update File: leaked.ts",
      "+const leaked = 1;",
      " *** Add File: leaked.ts",
      `*** Add File: ${PROJECT}/docs/c.md`,
      "+leaked",
      "*** Delete File: /home/alice/.ssh/config",
      "*** End Patch",
    ].join("\n");
    const paths = ["web/src/a.ts", "web/src/b.ts", "docs/c.md", "outside the project"];
    expect(tool("apply_patch", { input: patch })).toEqual({
      name: "apply_patch",
      input: { paths },
    });
    expect(tool("apply_patch", { patch })).toEqual({ name: "apply_patch", input: { paths } });
  });
});

test("P11: numbers, switches and listed words leave; others of their kind do not", () => {
  const read = (offset: unknown) => tool("Read", { offset });
  expect(read(-3)).toEqual({ name: "Read", input: { offset: -3 } });
  for (const offset of [1.5, 1e9, Number.NaN, "3", [3], null])
    expect(read(offset)).toEqual({ name: "Read", input: {} });
  expect(tool("Grep", { "-i": "true", output_mode: "bank" })).toEqual({ name: "Grep", input: {} });
});

test("P12: usage of models that are not known is added up under one name, and is unpriced if one of them is", () => {
  const tokens = { input: 1, output: 1, cacheRead: 1, cacheWrite: 1, reasoning: 1 };
  const usage: LocalSession["usage"] = [
    { model: "ft:gpt-4o:bank::x1", calls: 1, tokens, costNanoUsd: 5 },
    { model: "gpt-5-bank", calls: 2, tokens, costNanoUsd: null },
    { model: "gpt-5.5", calls: 3, tokens, costNanoUsd: 7 },
  ];
  const two = { input: 2, output: 2, cacheRead: 2, cacheWrite: 2, reasoning: 2 };
  expect(shareMeta({ ...SESSION, usage }).usage).toEqual({
    other: { calls: 3, tokens: two, costNanoUsd: null },
    "gpt-5.5": { calls: 3, tokens, costNanoUsd: 7 },
  });
  expect(shareEvent({ ...EVENT, model: "gpt-5-bank" }, CONTEXT).model).toBe("other");
  expect(shareMeta({ ...SESSION, agentVersion: "2.1.39 (bank build)" }).agentVersion).toBeNull();
});

test("P14: values of any type anywhere do not make the gate fail", () => {
  const odd = [null, undefined, 5, "x", [], {}, true, Symbol("x"), 10n];
  for (const value of odd) {
    const event = Object.fromEntries(
      Object.keys(EVENT).map((key) => [key, value]),
    ) as unknown as LocalEvent;
    expect(() => shareEvent({ ...event, tokens: null, tool: null }, CONTEXT)).not.toThrow();
    const name = value as string;
    const input = value as Record<string, unknown>;
    expect(() => shareEvent({ ...EVENT, tool: { name, input } }, CONTEXT)).not.toThrow();
    expect(() => shareEvent({ ...EVENT, tool: { name: "Bash", input } }, CONTEXT)).not.toThrow();
    for (const field of ["command", "pattern", "path", "glob", "-A", "-i", "output_mode"]) {
      expect(() => tool("Grep", { [field]: value })).not.toThrow();
      expect(() => tool("shell", { [field]: value })).not.toThrow();
    }
  }
});
