/** Invented sessions, decisions and projects for the stand-in engine: the same for the same `now`. */
import type { DecisionRow, EventRow, ProjectRow, SessionRow } from "../../src/app/api.ts";
import { NO_TOKENS, type FilePatch, type Part, type Tokens } from "../../src/base/session.ts";

export interface StoredEvent {
  row: EventRow;
  parts: readonly Part[];
  rev: number;
}

export interface StoredSession {
  row: SessionRow;
  rev: number;
  readonly events: Map<string, StoredEvent>;
}

const PROJECTS = ["harbour", "ledger", "orchard", "signal-box", "tide-table"];
const VERBS = ["Make", "Explain", "Rename", "Fix", "Speed up", "Test", "Remove", "Document"];
const THINGS = [
  "the importer",
  "rounding",
  "the nightly job",
  "page breaks",
  "retries",
  "the settlement states",
  "the export",
  "the menu",
];
const MINUTE = 60_000;

export function projects(): ProjectRow[] {
  return PROJECTS.map((name, index) => ({
    id: `proj_${name}`,
    name,
    path: `/home/ada/${name}`,
    sessions: 10 + index,
    team: index === 1 ? "team_1" : null,
  }));
}

/** One small session after another, back in time. */
export function manySessions(count: number, nowMs: number): StoredSession[] {
  return Array.from({ length: count }, (_, index) => {
    const startedAt = nowMs - (index + 3) * 47 * MINUTE;
    const project = PROJECTS[index % PROJECTS.length] as string;
    const verb = VERBS[index % VERBS.length] as string;
    const thing = THINGS[Math.floor(index / VERBS.length) % THINGS.length] as string;
    return newSession({
      id: `ses_${String(index).padStart(5, "0")}`,
      agent: index % 3 === 0 ? "codex" : "claude-code",
      project: { id: `proj_${project}`, name: project, path: `/home/ada/${project}` },
      title: index % 41 === 7 ? null : `${verb} ${thing} (${index})`,
      startedAt,
      endedAt: startedAt + (3 + (index % 40)) * MINUTE,
      tools: (index * 7) % 90,
      filesChanged: index % 12,
      events: 20 + ((index * 13) % 300),
      tokens: {
        input: 900 + index,
        output: 3_100 + index * 3,
        cacheRead: 210_000 + index * 97,
        cacheWrite: 8_000,
        reasoning: 0,
      },
      costUsd: index % 17 === 3 ? null : ((index * 37) % 900) / 100,
    });
  });
}

function newSession(part: Partial<SessionRow> & { readonly id: string }): StoredSession {
  return {
    rev: 0,
    events: new Map(),
    row: {
      agent: "claude-code",
      sourceId: part.id,
      project: null,
      title: null,
      startedAt: null,
      endedAt: null,
      agentVersion: "2.1.0",
      gitBranch: "main",
      models: ["claude-opus-4-5"],
      events: 0,
      prompts: 1,
      calls: 1,
      tools: 0,
      filesChanged: 0,
      tokens: NO_TOKENS,
      costUsd: 0,
      parent: null,
      damagedLines: 0,
      live: false,
      sharedWith: null,
      owner: null,
      claimedBy: null,
      ...part,
    },
  };
}

type EventInput = Partial<Omit<EventRow, "parts" | "partBytes">> &
  Pick<EventRow, "kind"> & { readonly bodies?: readonly Part[] };

/** Adds an event at the end of its lane, or replaces the one of the same id; the session's revision goes up by one. */
export function putEvent(session: StoredSession, { bodies = [], ...input }: EventInput): string {
  const order = session.events.size * 1_000;
  const id = input.id ?? `evt_${session.row.id.slice(4)}_${session.events.size}`;
  session.rev++;
  session.events.set(id, {
    rev: session.rev,
    parts: bodies,
    row: {
      lane: null,
      order: session.events.get(id)?.row.order ?? order,
      at: (session.row.startedAt ?? 0) + session.events.size * 4_000,
      durationMs: null,
      status: null,
      model: null,
      tool: null,
      summary:
        (bodies.find((part) => part.name === "text")?.body ?? "").split("\n")[0]?.slice(0, 200) ??
        null,
      opens: null,
      linesAdded: null,
      linesRemoved: null,
      changed: input.linesAdded == null || input.summary == null ? [] : [input.summary],
      exitCode: null,
      rolledBack: false,
      tokens: null,
      costUsd: null,
      ...input,
      id,
      parts: bodies.map((part) => part.name),
      partBytes: bodies.reduce((sum, part) => sum + part.body.length, 0),
    },
  });
  session.row = { ...session.row, events: session.events.size };
  return id;
}

const said = (body: string): readonly Part[] => [{ name: "text", body }];
const call = (input: object, output: string, ...more: readonly Part[]): readonly Part[] => [
  { name: "input", body: JSON.stringify(input) },
  { name: "output", body: output },
  ...more,
];
const spent = (output: number): Tokens => ({
  input: 12,
  output,
  cacheRead: 20_000,
  cacheWrite: 800,
  reasoning: 0,
});

const PATCH: readonly FilePatch[] = [
  {
    path: "src/import/run.ts",
    change: "update",
    hunks: [
      {
        oldStart: 41,
        newStart: 41,
        lines: [
          "   for await (const batch of source.batches()) {",
          "-    await store.insert(batch.rows);",
          "+    await store.transaction(async (tx) => {",
          "+      await tx.insert(batch.rows);",
          "+      await tx.saveCursor(source.id, batch.end);",
          "+    });",
          "   }",
        ],
      },
    ],
  },
];

/** A red pixel. */
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/** Everything a trace can show, once. */
export function richSession(nowMs: number): StoredSession {
  const session = newSession({
    id: "ses_rich",
    title: "Make the importer resumable",
    project: { id: "proj_ledger", name: "ledger", path: "/home/ada/ledger" },
    gitBranch: "feat/resume",
    startedAt: nowMs - 40 * MINUTE,
    endedAt: nowMs - 20 * MINUTE,
    prompts: 3,
    tools: 9,
    filesChanged: 2,
    damagedLines: 2,
    sharedWith: "team_1",
    tokens: { input: 18_402, output: 9_117, cacheRead: 412_880, cacheWrite: 30_200, reasoning: 0 },
    costUsd: 3.18,
  });
  const put = (input: EventInput): string => putEvent(session, input);
  put({
    kind: "prompt",
    bodies: said(
      "The importer starts from zero when it is killed. Make it go on where it stopped, without importing a row twice.",
    ),
  });
  put({
    kind: "response",
    bodies: [
      { name: "thinking", body: "First find where the cursor is kept." },
      ...said("I will look at how a batch ends."),
    ],
    tokens: spent(90),
    costUsd: 0.1,
  });
  put({
    kind: "tool",
    tool: "Grep",
    summary: "cursor|offset|resume",
    status: "ok",
    durationMs: 300,
    bodies: call(
      { pattern: "cursor|offset|resume", path: "src" },
      "src/import/run.ts\nsrc/store/cursor.ts",
    ),
  });
  put({
    kind: "tool",
    tool: "Read",
    summary: "src/import/run.ts",
    status: "ok",
    durationMs: 100,
    bodies: call(
      { file_path: "src/import/run.ts" },
      "41\tfor await (const batch of source.batches()) {",
    ),
  });
  put({
    kind: "subagent",
    tool: "Task",
    summary: "Explore how batches are numbered",
    status: "ok",
    durationMs: 41_000,
    opens: "lane-1",
    bodies: call(
      { description: "Explore", prompt: "How are batches numbered?" },
      "They have an `end`.",
    ),
  });
  put({ kind: "prompt", lane: "lane-1", bodies: said("How are batches numbered?") });
  put({
    kind: "tool",
    lane: "lane-1",
    tool: "Read",
    summary: "src/source/csv.ts",
    status: "ok",
    durationMs: 6_000,
    bodies: call({ file_path: "src/source/csv.ts" }, "export const csv = 1;"),
  });
  put({
    kind: "tool",
    lane: "lane-1",
    tool: "Grep",
    summary: "batch.end",
    status: "ok",
    durationMs: 200,
    bodies: call({ pattern: "batch.end" }, "3 files"),
  });
  put({ kind: "response", lane: "lane-1", bodies: said("They have an `end`.") });
  put({
    kind: "tool",
    tool: "TodoWrite",
    summary: "2 of 3 done",
    status: "ok",
    bodies: call(
      {
        todos: [
          { content: "Find the cursor", status: "completed" },
          { content: "Move it into the transaction", status: "in_progress" },
          { content: "Kill it forty times", status: "pending" },
        ],
      },
      "ok",
    ),
  });
  put({
    kind: "tool",
    tool: "Edit",
    summary: "src/import/run.ts",
    status: "ok",
    durationMs: 200,
    linesAdded: 4,
    linesRemoved: 1,
    bodies: call({ file_path: "src/import/run.ts", old_string: "a", new_string: "b" }, "ok", {
      name: "patch",
      body: JSON.stringify(PATCH),
    }),
  });
  put({
    kind: "tool",
    tool: "Bash",
    summary: "npm test -- import",
    status: "error",
    exitCode: 1,
    durationMs: 8_000,
    bodies: call(
      { command: "npm test -- import" },
      "\u001b[32m✓\u001b[39m cursor\n\u001b[31m✗ resumes\u001b[39m\n  \u001b[2mexpected 40, got 41\u001b[22m",
    ),
  });
  put({
    kind: "tool",
    tool: "Bash",
    summary: "npm test -- import",
    status: "ok",
    exitCode: 0,
    durationMs: 8_000,
    bodies: call({ command: "npm test -- import" }, "40 passed"),
  });
  put({
    kind: "tool",
    tool: "Screenshot",
    summary: "progress.png",
    status: "ok",
    bodies: [
      { name: "input", body: "{}" },
      { name: "images", body: JSON.stringify([{ mediaType: "image/png", base64: PIXEL }]) },
    ],
  });
  put({
    kind: "response",
    model: "claude-opus-4-5",
    tokens: spent(420),
    costUsd: 0.74,
    bodies: said(
      "The cursor is now saved **in the same transaction** as the rows, so a kill between the two cannot happen.\n\n- a run that is started again reads the cursor first\n- I tested it by killing the process at `40` random moments\n\n```ts\nawait tx.saveCursor(source.id, batch.end);\n```",
    ),
  });
  put({ kind: "compaction", bodies: said("So far: the importer is resumable.") });
  put({ kind: "prompt", bodies: said("Use a file for the cursor instead."), rolledBack: true });
  put({
    kind: "response",
    bodies: said("I moved it into a file."),
    rolledBack: true,
    tokens: spent(30),
    costUsd: 0.02,
  });
  put({ kind: "prompt", bodies: said("Good. Now show the progress while it runs.") });
  put({ kind: "mode", summary: "plan" });
  put({
    kind: "tool",
    tool: "ExitPlanMode",
    summary: "A plan",
    status: "rejected",
    bodies: [{ name: "plan", body: "# Plan\n\n1. Count the batches\n2. Print a line" }],
  });
  put({
    kind: "error",
    summary: "API error 529: overloaded",
    status: "error",
    bodies: said("API error 529: overloaded"),
  });
  return session;
}

const HOSTILE_TITLE = `<img src=x onerror="window.hacked=1"> invoice\u202egpj.exe`;

/** What a transcript could hold to harm its reader. */
export function hostileSession(nowMs: number): StoredSession {
  const session = newSession({
    id: "ses_hostile",
    title: HOSTILE_TITLE,
    project: { id: "proj_x", name: `<b>x</b>\u0007`, path: "/tmp/<script>alert(1)</script>" },
    gitBranch: `"><svg onload=window.hacked=2>`,
    startedAt: nowMs - 30 * MINUTE,
    endedAt: nowMs - 29 * MINUTE,
  });
  const script = "<script>window.hacked = 3</script><img src=x onerror=window.hacked=4>";
  putEvent(session, { kind: "prompt", bodies: said(`${script} javascript:alert(1)`) });
  putEvent(session, {
    kind: "tool",
    tool: `${script}`,
    summary: `rm -rf ~ # \u202etxt.emdaer tac`,
    status: "ok",
    bodies: call(
      { command: `echo safe \u202e; rm -rf ~`, note: script },
      `${script}\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u0007\u001b[2J\u009b31m`,
    ),
  });
  putEvent(session, {
    kind: "response",
    bodies: said(
      `${script}\n\n[link](javascript:window.hacked=5) [data](data:text/html,<script>1</script>) [good](https://example.com/a)\n\n![pixel](https://example.com/spy.png)\n\n<a href="https://example.com" onclick="window.hacked=6">x</a>\n\n\`${script}\``,
    ),
  });
  return session;
}

/** 5,000 events in 25 traces, with sub-agents. */
export function hugeSession(nowMs: number): StoredSession {
  const session = newSession({
    id: "ses_huge",
    title: "Five thousand events",
    project: { id: "proj_ledger", name: "ledger", path: "/home/ada/ledger" },
    startedAt: nowMs - 600 * MINUTE,
    endedAt: nowMs - 200 * MINUTE,
    prompts: 25,
    tools: 4_950,
  });
  for (let trace = 0; trace < 25; trace++) {
    putEvent(session, {
      kind: "prompt",
      bodies: said(`Prompt number ${trace}: go on with the next part of the work`),
    });
    for (let tool = 0; tool < 198; tool++) {
      putEvent(session, {
        kind: "tool",
        tool: "Read",
        summary: `src/part-${trace}/file-${tool}.ts`,
        status: "ok",
        durationMs: 900,
        bodies: call({ file_path: `file-${tool}.ts` }, "text"),
      });
    }
    putEvent(session, {
      kind: "response",
      bodies: said(`Part ${trace} is done.\n\nIt took 198 files.`),
      tokens: spent(100),
      costUsd: 0.3,
    });
  }
  return session;
}

/** Something happened in the last minute: it grows while it is looked at. */
export function liveSession(nowMs: number): StoredSession {
  const session = newSession({
    id: "ses_live",
    title: "Draw the tides as a curve",
    project: { id: "proj_tide-table", name: "tide-table", path: "/home/ada/tide-table" },
    startedAt: nowMs - 2 * MINUTE,
    endedAt: nowMs - 1_000,
    live: true,
  });
  putEvent(session, { kind: "prompt", bodies: said("Draw the tides of a day as a curve.") });
  putEvent(session, {
    kind: "tool",
    tool: "Read",
    summary: "src/tides.ts",
    status: "ok",
    durationMs: 120,
    bodies: call({ file_path: "src/tides.ts" }, "export const tides = [];"),
  });
  return session;
}

export function decisionRows(): DecisionRow[] {
  const base: DecisionRow = {
    id: "dec_01J00000000000000000000001",
    title: "Save the import cursor in the same transaction as the rows",
    status: "accepted",
    date: "2026-11-23",
    deciders: ["Ada", "Mara"],
    context: "An import that is killed starts again from zero and writes rows twice.",
    drivers: "No row twice, none missing.",
    options: [],
    outcome: "The cursor lives in the store beside the rows; one commit moves both.",
    consequences:
      "A source that cannot name the end of a batch cannot be resumed, and says so when it starts.",
    tags: ["import"],
    project: "ledger",
    supersedes: [],
    relatesTo: [],
    evidence: [
      { id: "01J00000000000000000000009", session: "ses_rich", event: "evt_rich_14", hash: "x" },
    ],
    origin: "person",
    reviewBy: null,
    team: null,
    waiting: false,
  };
  return [
    base,
    {
      ...base,
      id: "dec_01J00000000000000000000002",
      title: "Retry with a queue in the database",
      status: "proposed",
      date: "2026-11-22",
      evidence: [],
    },
    {
      ...base,
      id: "dec_01J00000000000000000000003",
      title: "Ledgers are named by date",
      status: "superseded",
      date: "2026-09-03",
      evidence: [],
    },
  ];
}
