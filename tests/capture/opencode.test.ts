import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { NO_TOKENS, type Tokens } from "../../src/base/session.ts";
import { openArchive } from "../../src/capture/archive.ts";
import { linesInside, pathInside } from "../../src/capture/database.ts";
import { openCode } from "../../src/capture/opencode.ts";
import {
  addMessage,
  COUNT,
  HARBOR,
  openCodeDatabase,
  openCodeExport,
  type Export,
} from "./databases.ts";
import { AGENTS, captureOf, put, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const DATABASE = ".local/share/opencode/opencode.db";
const CREATED = 1_786_530_000_000;

function homeHere(): { home: string; path: string; database: DatabaseSync } {
  const home = tempFolder();
  const path = join(home, DATABASE);
  return { home, path, database: openCodeDatabase(path, [HARBOR, COUNT].map(openCodeExport)) };
}

const told = (ledger: Ledger, sourceId: string, lane: string | null = null) =>
  ledger
    .eventsOf(sourceId, lane)
    .map(({ kind, status, parts }) => [kind, status, parts[0]?.body ?? null]);

const STORY = [
  ["prompt", null, "Let a berth know its quay."],
  ["response", null, "A berth has no field for it yet."],
  ["response", null, "I will add the field."],
  ["tool", "ok", '{"filePath":"src/berth.ts"}'],
  ["tool", "ok", expect.stringContaining("oldString")],
  ["tool", "error", expect.stringContaining("npm test")],
  ["tool", "error", '{"tool":"serch","error":"no such tool"}'],
  ["tool", "rejected", expect.stringContaining("src/notes.ts")],
  ["mode", null, null],
  ["prompt", null, "How many berths have none? Plan first."],
  ["subagent", "ok", expect.stringContaining("Count the berths")],
  ["compaction", null, "Berths have quays; three are without."],
  ["mode", null, null],
  ["prompt", "interrupted", "Give those three the north quay."],
  ["response", null, "Looking for the three."],
  ["tool", "interrupted", '{"pattern":"quay: null"}'],
];

/** A message of mira's, as OpenCode would write it now. */
function message(text: string, at = Date.now()): Export["messages"][number] {
  const id = `msg_${(at % 2 ** 36).toString(16).padStart(9, "0")}001Mira${text.length}`;
  const info = { id, role: "user", time: { created: at }, agent: "build" };
  return { info, parts: [{ id: id.replace("msg", "prt"), type: "text", text }] };
}

describe("OpenCode", () => {
  test("a session in the database, its sub-agent in a lane", async () => {
    const { home } = homeHere();
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect([...ledger.sessions.values()].map(({ sourceId }) => sourceId)).toEqual([HARBOR]);
    expect(ledger.session(HARBOR).facts).toEqual({
      title: "Berths and their quays",
      cwd: "/home/mira/work/harbor",
      agentVersion: "1.2.24",
    });
    expect(told(ledger, HARBOR)).toEqual(STORY);
    expect(told(ledger, HARBOR, COUNT)).toEqual([
      ["prompt", null, "Count the berths without a quay."],
      ["response", null, "Three."],
    ]);
    const events = ledger.eventsOf(HARBOR, null);
    expect(events[0]).toMatchObject({
      at: CREATED,
      parts: [{}, { name: "images", body: '[{"mediaType":"image/png","base64":"iVBORw0KGgo="}]' }],
    });
    expect(events[1]).toMatchObject({ at: CREATED + 1_200, durationMs: 500 });
    expect(events[4]).toMatchObject({ summary: "src/berth.ts", linesAdded: 2, linesRemoved: 1 });
    expect(events[5]).toMatchObject({ summary: "npm test", exitCode: 1, durationMs: 30 });
    expect(events[8]).toMatchObject({ summary: "plan" });
    expect(events[10]).toMatchObject({ opens: COUNT, model: "claude-sonnet-4-5" });
    expect(events[11]).toMatchObject({ summary: "auto" });
  });

  test("calls: what a message says, once; without a price of its own the model's", async () => {
    const { home } = homeHere();
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    const calls = ledger
      .callsOf(HARBOR)
      .map(({ lane, tokens, costNanoUsd }) => ({ lane, ...tokens, costNanoUsd }));
    expect(calls.toSorted((a, b) => b.output - a.output)).toEqual([
      // 100 at 3, 250 at 15, 2,000 read at 0.3 dollars a million: reasoning was not in the output.
      call(100, 250, { cacheRead: 2_000, reasoning: 100 }, 4_650_000),
      // It was, here: 5,200 are all.
      call(1_000, 200, { cacheRead: 3_000, cacheWrite: 1_000, reasoning: 80 }, 12_500_000),
      call(500, 60, {}, 2_400_000),
      { ...call(900, 40, {}, 3_300_000), lane: COUNT },
    ]);
  });

  test("exports that a person names give the same events", async () => {
    const { home } = homeHere();
    const inDatabase = await new Ledger().take(captureOf(home).scan(new Map()));
    const empty = tempFolder();
    const archive = await openArchive(join(empty, "archive"));
    const capture = captureOf(empty, archive);
    const paths = [HARBOR, COUNT].map((id) => join(AGENTS, "opencode", `${id}.json`));
    const ledger = await new Ledger().take(capture.scan(new Map(), paths));
    expect(ledger.partial).toEqual([]);
    const content = (of: Ledger) => [of.eventsOf(HARBOR), of.usageOf(HARBOR)];
    expect(content(ledger)).toEqual(content(inDatabase));

    await ledger.take(capture.scan(ledger.files, paths));
    expect(ledger.bytesRead).toBe(0);
    await archive.close();
    const again = await openArchive(join(empty, "archive"));
    const replayed = await new Ledger().take(captureOf(empty, again).replayArchive(new Map()));
    expect(content(replayed)).toEqual(content(ledger));
    await again.close();
  });

  test("a database that another connection writes to: what is there is read, the rest at the next look", async () => {
    const { home, path, database } = homeHere();
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const count = ledger.events.size;
    await ledger.take(capture.scan(ledger.files));
    expect([ledger.bytesRead, ledger.unchanged]).toEqual([0, 2]);

    database.exec("begin immediate");
    addMessage(database, HARBOR, message("And the south quay?"));
    await ledger.take(capture.scan(ledger.files, [path]));
    expect([ledger.partial, ledger.bytesRead]).toEqual([[], 0]);
    database.exec("commit");
    await ledger.take(capture.scan(ledger.files, [path]));
    expect(ledger.unchanged).toBe(1);
    expect(ledger.events.size).toBe(count + 1);
    expect(told(ledger, HARBOR).at(-1)).toEqual(["prompt", null, "And the south quay?"]);
  });

  test("one reading sees one state of the database", () => {
    const { path, database } = homeHere();
    addMessage(database, HARBOR, message("x".repeat(1_200_000)));
    addMessage(database, HARBOR, message("Before.", Date.now() + 1));
    const reading = linesInside(openCode.database as never, pathInside(path, HARBOR));
    const first = reading.next().value as Buffer;
    expect(first.includes("xxx")).toBe(true);
    addMessage(database, HARBOR, message("Meanwhile.", Date.now() + 2));
    const rest = Buffer.concat([...reading]).toString();
    expect(rest).toContain("Before.");
    expect(rest).not.toContain("Meanwhile.");
  });

  test("what is changed in place, taken back or deleted is seen", async () => {
    const { home, database } = homeHere();
    const archive = await openArchive(join(home, "archive"));
    const capture = captureOf(home, archive);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const look = async () => told(await ledger.take(capture.scan(ledger.files)), HARBOR);

    // A part of an early message, at a time before the session's last.
    database.exec(
      `update part set time_updated = time_updated + 1, data = replace(data, '"exit":1', '"exit":0')
       where data like '%"npm test"%'`,
    );
    expect((await look())[5]?.[1]).toBe("ok");

    const last = openCodeExport(HARBOR).messages[6]?.info.id as string;
    database
      .prepare("update session set time_updated = time_updated + 1, title = 'Quays', revert = ?")
      .run(JSON.stringify({ messageID: last }));
    await look();
    expect(ledger.session(HARBOR).facts.title).toBe("Quays");
    expect(ledger.eventsOf(HARBOR, null).filter((event) => event.rolledBack)).toHaveLength(4);

    database.prepare("delete from part where message_id >= ? and session_id = ?").run(last, HARBOR);
    database.prepare("delete from message where id >= ? and session_id = ?").run(last, HARBOR);
    expect(await look()).toHaveLength(12);

    // The archive has what is there now, and reads it the same.
    await archive.close();
    const again = await openArchive(join(home, "archive"));
    const replayed = await new Ledger().take(captureOf(home, again).replayArchive(new Map()));
    expect(told(replayed, HARBOR)).toEqual(told(ledger, HARBOR));
    await again.close();
  });

  test("a fork's copies are not spent again; from its own first message on it counts", async () => {
    const { home, database } = homeHere();
    const forked = "ses_29b7000000ffeHarborFork03";
    const [prompt, answer] = openCodeExport(HARBOR).messages as [Message, Message];
    const later = CREATED + 3_600_000;
    const copyOf = ({ info, parts }: Message, i: number): Message => ({
      info: { ...info, id: message(`copy ${"x".repeat(i)}`, later).info.id },
      parts: parts.map((part) => ({ ...part, id: `${part.id}f` })),
    });
    const own = { ...answer.info, ...message("own", later).info, role: "assistant" };
    const title = "Berths and their quays (fork #1)";
    const info = { id: forked, directory: "/home/mira/work/harbor", title };
    database
      .prepare("insert into session values (?, 'harbor', null, 'slug', ?, ?, '1.2.24', null, ?, ?)")
      .run(info.id, info.directory, info.title, later, later);
    for (const copy of [copyOf(prompt, 1), copyOf(answer, 2), { info: own, parts: [] }])
      addMessage(database, forked, copy);
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(told(ledger, forked)).toHaveLength(8);
    expect(ledger.usageOf(forked)).toMatchObject({ calls: 1, tokens: { output: 200 } });
  });

  test("a sub-agent whose parent is gone is a session of its own", async () => {
    const { home, database } = homeHere();
    database.prepare("delete from session where id = ?").run(HARBOR);
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.session(COUNT).facts.title).toBe("Count the berths (@general subagent)");
  });

  test("a database that is locked, another's or none is told of; what was read stays", async () => {
    const { home, path, database } = homeHere();
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const before = ledger.content();
    database.exec("pragma journal_mode = delete; begin exclusive");
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.partial).toEqual([{ file: path, reason: expect.stringContaining("locked") }]);
    database.exec("rollback");

    const other = join(home, ".local/share/opencode/opencode-beta.db");
    const schema = new DatabaseSync(other);
    schema.exec("create table session (id text); create table note (id text)");
    schema.close();
    put(join(home, ".local/share/opencode/opencode-local.db"), "not a database at all".repeat(99));
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.partial).toHaveLength(2);
    expect(ledger.partial.map(({ reason }) => reason).toSorted()).toEqual([
      "It could not be read (file is not a database).",
      "It could not be read (its tables are not those that OpenCode is known by).",
    ]);
    expect(ledger.content()).toEqual(before);
  });

  test("folders beside the database are not looked into", async () => {
    const { home, path } = homeHere();
    const below = join(home, ".local/share/opencode/snapshot/harbor");
    mkdirSync(below, { recursive: true });
    copyFileSync(path, join(below, "opencode.db"));
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.files.size).toBe(2);
  });
});

type Message = Export["messages"][number];

function call(input: number, output: number, rest: Partial<Tokens>, costNanoUsd: number) {
  return { lane: null, ...NO_TOKENS, input, output, ...rest, costNanoUsd };
}

// ---- The corpus' exports, or the fixtures' ------------------------------------------------------------------------

interface Total {
  readonly sourceId: string;
  readonly lane: string | null;
  readonly prompts: number;
  readonly responses: number;
  readonly thoughts: number;
  /** Those that did their work. */
  readonly tools: Readonly<Record<string, number>>;
  readonly failed: number;
  readonly calls: number;
  readonly tokens: Tokens;
  readonly costNanoUsd: number;
}

const OWN: readonly Total[] = [
  {
    sourceId: HARBOR,
    lane: COUNT,
    prompts: 1,
    responses: 1,
    thoughts: 0,
    tools: {},
    failed: 0,
    calls: 1,
    tokens: { ...NO_TOKENS, input: 900, output: 40 },
    costNanoUsd: 3_300_000,
  },
];

/** Counted in the files by another program. */
const CORPUS: readonly Total[] = [
  {
    // Its parent's id was taken out.
    sourceId: "ses_32a371af9ffeojdBcoCxdByNUi",
    lane: null,
    prompts: 1,
    responses: 1,
    thoughts: 3,
    tools: { glob: 1, grep: 1, read: 2 },
    failed: 0,
    calls: 3,
    tokens: { input: 17_798, output: 789, cacheRead: 6_016, cacheWrite: 0, reasoning: 481 },
    costNanoUsd: 49_979_300,
  },
  {
    sourceId: "ses_3353a8139ffeLXvY9MIuOitgt6",
    lane: "ses_333c347a9ffeM0gQkLFmngbh68",
    prompts: 1,
    responses: 1,
    thoughts: 8,
    tools: { bash: 3, glob: 2, read: 9 },
    failed: 1,
    calls: 8,
    tokens: { input: 96_975, output: 5_270, cacheRead: 145_664, cacheWrite: 0, reasoning: 4_409 },
    costNanoUsd: 330_703_450,
  },
];

const corpus = process.env["OPERON_CORPUS"];
const sets = [
  { name: "fixtures", folder: join(AGENTS, "opencode"), totals: OWN },
  ...(corpus === undefined
    ? []
    : [{ name: corpus, folder: join(corpus, "exports/opencode"), totals: CORPUS }]),
];

describe.each(sets)("exports of $name", ({ folder, totals }) => {
  test.each(totals)("$sourceId $lane", async (expected) => {
    const paths = readdirSync(folder).map((name) => join(folder, name));
    const ledger = await new Ledger().take(captureOf(tempFolder()).scan(new Map(), paths));
    expect(ledger.partial).toEqual([]);
    const { sourceId, lane, tools } = expected;
    const events = ledger.eventsOf(sourceId, lane);
    const count = (kind: string, part: string) =>
      events.filter((event) => event.kind === kind && event.parts[0]?.name === part).length;
    const calls = ledger.callsOf(sourceId).filter((one) => one.lane === lane);
    const sum = (field: keyof Tokens) => calls.reduce((all, one) => all + one.tokens[field], 0);
    expect({
      sourceId,
      lane,
      prompts: count("prompt", "text"),
      responses: count("response", "text"),
      thoughts: count("response", "thinking"),
      tools: Object.fromEntries(
        Object.keys(tools).map((name) => [
          name,
          events.filter((event) => event.tool?.name === name && event.status === "ok").length,
        ]),
      ),
      failed: events.filter((event) => event.status === "error").length,
      calls: calls.length,
      tokens: Object.fromEntries(
        Object.keys(NO_TOKENS).map((field) => [field, sum(field as keyof Tokens)]),
      ),
      costNanoUsd: calls.reduce((all, one) => all + (one.costNanoUsd ?? NaN), 0),
    }).toEqual(expected);
    expect(events.filter((event) => event.tool !== null)).toHaveLength(
      Object.values(tools).reduce((all, one) => all + one, expected.failed),
    );
  });
});
