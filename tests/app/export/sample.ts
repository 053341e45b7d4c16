/** A session with a sub-agent, an edit and a picture, as the api answers it. */
import type { EventRow, SessionRow } from "../../../src/app/api.ts";
import type { ExportedSession } from "../../../src/app/export/session.ts";
import { NO_TOKENS, type FilePatch, type Part } from "../../../src/base/session.ts";

const START = Date.UTC(2026, 4, 4, 10);

export const SESSION: SessionRow = {
  id: "ses_0123456789ABCDEFGHJKMNPQRS",
  agent: "claude-code",
  sourceId: "5b90d1fe-22c4-4f7e-8a61-0a1b2c3d4e02",
  project: { id: "proj_1", name: "tally", path: "/home/mira/work/tally" },
  title: "Fix the sum",
  startedAt: START,
  endedAt: START + 60_000,
  agentVersion: "2.1.100",
  gitBranch: "main",
  models: ["claude-sonnet-4-5"],
  events: 6,
  prompts: 1,
  calls: 2,
  tools: 2,
  filesChanged: 1,
  tokens: { input: 30, output: 12, cacheRead: 1_000, cacheWrite: 200, reasoning: 4 },
  costUsd: 0.0123,
  parent: null,
  damagedLines: 0,
  live: false,
  sharedWith: null,
  owner: null,
  claimedBy: null,
};

export function event(id: string, order: number, more: Partial<EventRow>): EventRow {
  return {
    id: `evt_${id}`,
    lane: null,
    kind: "tool",
    order,
    at: START + order * 1_000,
    durationMs: null,
    status: null,
    model: null,
    tool: null,
    summary: null,
    opens: null,
    linesAdded: null,
    linesRemoved: null,
    changed: [],
    exitCode: null,
    rolledBack: false,
    tokens: null,
    costUsd: null,
    parts: [],
    partBytes: 0,
    ...more,
  };
}

const PATCH: readonly FilePatch[] = [
  {
    path: "/home/mira/work/tally/src/sum.ts",
    change: "update",
    hunks: [
      { oldStart: 3, newStart: 3, lines: [" a", "-b", "+c", "+d", " e"] },
      { oldStart: 20, newStart: 21, lines: [" x", "+y", " z"] },
    ],
  },
];

/** One pixel. */
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const MODEL = "claude-sonnet-4-5";
const EVENTS: readonly EventRow[] = [
  event("prompt", 0, { kind: "prompt" }),
  event("edit", 1, {
    tool: "Edit",
    status: "ok",
    model: MODEL,
    summary: "src/sum.ts",
    durationMs: 500,
    linesAdded: 3,
    linesRemoved: 1,
    changed: ["/home/mira/work/tally/src/sum.ts"],
    tokens: { ...NO_TOKENS, input: 20, output: 5, cacheRead: 1_000, cacheWrite: 200 },
    costUsd: 0.01,
  }),
  event("sub", 2, { kind: "subagent", opens: "lane-1", summary: "look around", status: "ok" }),
  event("inner", 3, { lane: "lane-1", tool: "Bash", status: "error", exitCode: 1, summary: "ls" }),
  event("said", 4, { lane: "lane-1", kind: "response", model: MODEL }),
  event("response", 5, {
    kind: "response",
    model: MODEL,
    tokens: { ...NO_TOKENS, input: 10, output: 7, reasoning: 4 },
    costUsd: null,
  }),
];

const BODIES: Readonly<Record<string, readonly Part[]>> = {
  evt_prompt: [
    { name: "text", body: "The sum is wrong." },
    { name: "images", body: JSON.stringify([{ mediaType: "image/png", base64: PNG }]) },
  ],
  evt_edit: [
    { name: "input", body: JSON.stringify({ file_path: "src/sum.ts" }) },
    { name: "output", body: "done" },
    { name: "patch", body: JSON.stringify(PATCH) },
  ],
  evt_inner: [{ name: "output", body: "no such folder" }],
  evt_said: [{ name: "text", body: "Nothing there." }],
  evt_response: [
    { name: "thinking", body: "It adds twice." },
    { name: "text", body: "Fixed." },
  ],
};

export const SAMPLE: ExportedSession = { session: SESSION, events: EVENTS, bodies: BODIES };
