import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { AGENTS, captureOf, homeOf, jsonl, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const MAIN = "c5000000-0000-4000-8000-00000000000a";
const SUBAGENT = "c5000000-0000-4000-8000-00000000005a";
const FLAT = "c5000000-0000-4000-8000-00000000000f";
const COMPOSER = "c5000000-0000-4000-8000-0000000000db";
const PLACE = ".config/Cursor/User/globalStorage/state.vscdb";
const TRANSCRIPT = `.cursor/projects/tally/agent-transcripts/${COMPOSER}/${COMPOSER}.jsonl`;

const told = (ledger: Ledger, sourceId: string, lane: string | null = null) =>
  ledger
    .eventsOf(sourceId, lane)
    .map(({ kind, status, summary, parts }) => [kind, status, summary ?? parts[0]?.body]);

describe("Cursor's transcripts", () => {
  function homeHere(): string {
    const home = tempFolder();
    cpSync(join(AGENTS, ".cursor"), join(home, ".cursor"), { recursive: true });
    return home;
  }

  test("a session: no times, no ends of tools but those that are told, no calls", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect(told(ledger, MAIN)).toEqual([
      ["prompt", null, "Sum the harbor dues"],
      ["response", null, "I will read the table."],
      ["tool", null, "dues.csv"],
      ["tool", null, "sum.ts"],
      ["tool", null, "dues.test.ts"],
      ["tool", "error", "npm test"],
      ["subagent", null, "Find who pays"],
      ["response", null, "They make 12."],
      ["prompt", null, "Why?"],
    ]);
    const events = ledger.eventsOf(MAIN, null);
    expect(new Set(events.map(({ at }) => at))).toEqual(new Set([null]));
    expect(events[3]).toMatchObject({ linesAdded: 1, linesRemoved: 1 });
    expect(events[4]).toMatchObject({ linesAdded: 2, linesRemoved: 0 });
    expect(events[5]?.parts).toEqual([
      { name: "input", body: "npm test" },
      { name: "output", body: "1 failing" },
    ]);
    expect(ledger.session(MAIN).facts).toEqual({});
    expect(ledger.calls.size).toBe(0);
  });

  test("a sub-agent's as a lane, and one in the older place", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.sessions.size).toBe(2);
    expect(told(ledger, MAIN, SUBAGENT)).toEqual([
      ["prompt", null, "Who pays?"],
      ["response", null, "The pilots."],
    ]);
    expect(told(ledger, FLAT)).toEqual([
      ["prompt", null, "Say hello"],
      ["response", null, "Hello."],
    ]);
  });
});

type Rows = Readonly<Record<string, object | string>>;

describe("Cursor's database", () => {
  const tool = (name: string, status: string, more: object) => ({
    type: 2,
    text: "",
    toolFormerData: { name, status, toolCallId: `call_${name}`, toolCallBinary: "AAAA", ...more },
  });
  const BUBBLES: Rows = {
    b1: {
      type: 1,
      text: "Sum the dues\u0007",
      createdAt: "2026-08-14T08:00:00.000Z",
      images: ["data:image/png;base64,AAAA", "/tmp/a.png"],
      modelInfo: { modelName: "gpt-5.4" },
    },
    b2: {
      type: 2,
      text: "",
      thinking: { text: "Which column?" },
      thinkingDurationMs: 1_200,
      createdAt: "2026-08-14T08:00:02.000Z",
    },
    b3: {
      type: 2,
      text: "I will read it.",
      createdAt: 1_786_694_403_000,
      tokenCount: { inputTokens: 4_000, outputTokens: 50 },
    },
    b4: tool("read_file", "completed", {
      rawArgs: '{"target_file":"dues.csv"}',
      params: "{}",
      result: '{"contents":"7,5"}',
    }),
    b5: tool("edit_file_v2", "completed", {
      params: '{"relativeWorkspacePath":"/home/mira/work/tally/sum.ts"}',
      result: '{"beforeContentId":"composer.content.a","afterContentId":"composer.content.b"}',
    }),
    b6: tool("edit_file", "completed", {
      rawArgs: '{"target_file":"dues.ts","code_edit":"…"}',
      params: '{"relativeWorkspacePath":"dues.ts"}',
      result: '{"diff":{"chunks":[{"diffString":" a\\n-b\\n+c","oldStart":4,"newStart":4}]}}',
    }),
    b7: tool("run_terminal_cmd", "completed", {
      params: '{"command":"npm test"}',
      result: '{"output":"1 failing","exitCode":1}',
    }),
    b8: tool("run_terminal_cmd", "completed", {
      params: '{"command":"git push","requireUserApproval":true}',
      userDecision: "rejected",
      result: '{"rejected":true}',
    }),
    b9: tool("grep", "error", {
      rawArgs: '{"pattern":"dues"}',
      error: '{"clientVisibleErrorMessage":"No such folder"}',
    }),
    b10: tool("list_dir", "cancelled", { rawArgs: '{"path":"."}' }),
    b11: tool("web_search", "loading", { rawArgs: '{"search_term":"dues"}' }),
    b12: {
      type: 2,
      text: "Twelve.",
      tokenCount: { inputTokens: 0, outputTokens: 0 },
      modelInfo: { modelName: "composer-1" },
    },
  };
  const HEADERS = [...Object.keys(BUBBLES), "gone"].map((bubbleId) => ({ bubbleId, type: 2 }));
  const composer = (headers: readonly object[], more: object = {}) => ({
    composerId: COMPOSER,
    name: "Dues",
    createdAt: 1_786_694_400_000,
    lastUpdatedAt: 1_786_694_460_000,
    modelConfig: { modelName: "default" },
    workspaceIdentifier: { id: "w", uri: { fsPath: "/home/mira/work/tally" } },
    fullConversationHeadersOnly: headers,
    ...more,
  });

  function open(home: string): DatabaseSync {
    mkdirSync(dirname(join(home, PLACE)), { recursive: true });
    const database = new DatabaseSync(join(home, PLACE));
    onTestFinished(() => database.close());
    database.exec(
      "create table if not exists cursorDiskKV (key text unique on conflict replace, value blob)",
    );
    return database;
  }

  function write(database: DatabaseSync, rows: Rows): void {
    const statement = database.prepare("insert into cursorDiskKV values (?, ?)");
    for (const [key, value] of Object.entries(rows))
      statement.run(key, typeof value === "string" ? value : JSON.stringify(value));
  }

  const bubbles = (id: string, of: Rows): Rows =>
    Object.fromEntries(Object.entries(of).map(([key, value]) => [`bubbleId:${id}:${key}`, value]));

  function databaseHere(home: string): DatabaseSync {
    const database = open(home);
    write(database, {
      [`composerData:${COMPOSER}`]: composer(HEADERS),
      ...bubbles(COMPOSER, BUBBLES),
      "composer.content.a": "1\n2\n3\n4\nreturn 0;\n6\n",
      "composer.content.b": "1\n2\n3\n4\nreturn a + b;\n6\n",
      "composerData:empty": { composerId: "empty", fullConversationHeadersOnly: [] },
      "checkpointId:x": { text: "nothing of a session" },
    });
    return database;
  }

  test("a session, with how each tool ended", async () => {
    const home = tempFolder();
    databaseHere(home);
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect(ledger.sessions.size).toBe(1);
    expect(ledger.session(COMPOSER).facts).toEqual({ title: "Dues", cwd: "/home/mira/work/tally" });
    expect(told(ledger, COMPOSER)).toEqual([
      ["prompt", null, "Sum the dues\u0007"],
      ["response", null, "Which column?"],
      ["response", null, "I will read it."],
      ["tool", "ok", "dues.csv"],
      ["tool", "ok", "/home/mira/work/tally/sum.ts"],
      ["tool", "ok", "dues.ts"],
      ["tool", "error", "npm test"],
      ["tool", "rejected", "git push"],
      ["tool", "error", "dues"],
      ["tool", "interrupted", "."],
      ["tool", "running", "dues"],
      ["response", null, "Twelve."],
      ["mode", null, "model: composer-1"],
    ]);
    const events = ledger.eventsOf(COMPOSER);
    expect(events.map(({ at }) => at).slice(0, 4)).toEqual([
      Date.parse("2026-08-14T08:00:00.000Z"),
      Date.parse("2026-08-14T08:00:02.000Z"),
      1_786_694_403_000,
      null,
    ]);
    expect(events[0]?.parts[1]?.body).toBe('[{"mediaType":"image/png","base64":"AAAA"}]');
    expect(events[1]).toMatchObject({ durationMs: 1_200, model: "gpt-5.4" });
    expect(events[3]?.parts).toEqual([
      { name: "input", body: '{"target_file":"dues.csv"}' },
      { name: "output", body: "7,5" },
    ]);
    expect(JSON.parse(events[4]?.parts[0]?.body ?? "")).toEqual([
      {
        path: "/home/mira/work/tally/sum.ts",
        change: "update",
        hunks: [
          {
            oldStart: 2,
            newStart: 2,
            lines: [" 2", " 3", " 4", "-return 0;", "+return a + b;", " 6"],
          },
        ],
      },
    ]);
    expect(events[5]).toMatchObject({ linesAdded: 1, linesRemoved: 1 });
    expect(events[6]).toMatchObject({ exitCode: 1 });
    expect(events[8]?.parts[1]?.body).toBe("No such folder");
    expect(ledger.callsOf(COMPOSER)).toMatchObject([
      { model: "gpt-5.4", tokens: { input: 4_000, output: 50 }, costNanoUsd: null },
    ]);
  });

  test("what is written anew is read anew, what is gone is withdrawn, the rest is not opened", async () => {
    const home = tempFolder();
    const database = databaseHere(home);
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    await ledger.take(capture.scan(ledger.files));
    expect([ledger.bytesRead, ledger.unchanged]).toEqual([0, 1]);

    write(database, bubbles(COMPOSER, { b12: { type: 2, text: "Thirteen." } }));
    await ledger.take(capture.scan(ledger.files));
    expect(told(ledger, COMPOSER).at(-1)).toEqual(["response", null, "Thirteen."]);

    write(database, { [`composerData:${COMPOSER}`]: composer(HEADERS.slice(0, 3)) });
    await ledger.take(capture.scan(ledger.files));
    expect(told(ledger, COMPOSER)).toHaveLength(3);
  });

  test("an older session, whose bubbles stand in its own row, with a control character in it", async () => {
    const home = tempFolder();
    const older = { ...composer([]), conversation: [{ bubbleId: "o1", type: 1, text: "Hel\tlo" }] };
    write(open(home), {
      [`composerData:${COMPOSER}`]: JSON.stringify(older).replace("\\t", "\t"),
    });
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(told(ledger, COMPOSER)).toEqual([["prompt", null, "Hel lo"]]);
  });

  test("of a session that has a transcript too, the database's is read", async () => {
    const spoken = { role: "user", message: { content: [{ type: "text", text: "Sum the dues" }] } };
    const home = homeOf({ [TRANSCRIPT]: jsonl(spoken) });
    databaseHere(home);
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    expect(ledger.files.size).toBe(1);
    // A watch tells of the transcript alone.
    writeFileSync(join(home, TRANSCRIPT), jsonl(spoken), { flag: "a" });
    await ledger.take(capture.scan(ledger.files, [join(home, TRANSCRIPT)]));
    expect(told(ledger, COMPOSER)).toHaveLength(13);
  });

  test("a database without sessions is none, a damaged one is told of", async () => {
    const home = tempFolder();
    open(home).exec("drop table cursorDiskKV");
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect([ledger.sessions.size, ledger.partial]).toEqual([0, []]);
    const other = homeOf({ [PLACE]: "no database at all, but long enough to be looked at" });
    await ledger.take(captureOf(other).scan(new Map()));
    expect(ledger.partial).toHaveLength(1);
  });
});
