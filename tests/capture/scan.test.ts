import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import { READERS } from "../../src/capture/capture.ts";
import { claudeCode } from "../../src/capture/claude-code.ts";
import { codex } from "../../src/capture/codex.ts";
import type { Reader } from "../../src/capture/reader.ts";
import { scan } from "../../src/capture/scan.ts";
import { captureOf, FIXTURES, fixtureHome, homeOf, jsonl, put, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

/** The system's program for it: Node has no call. */
const MAKE_PIPE = "mkfifo";
const FILE = ".claude/projects/-p/s.jsonl";

function prompt(n: number, text = `Prompt ${n}`): object {
  const timestamp = new Date(Date.UTC(2026, 9, 1, 10, n)).toISOString();
  return {
    type: "user",
    uuid: `u${n}`,
    sessionId: "s",
    timestamp,
    cwd: "/w",
    message: { role: "user", content: text },
  };
}

const texts = (ledger: Ledger, sourceId = "s") =>
  ledger.eventsOf(sourceId).map((event) => event.parts[0]?.body);

describe("an import", () => {
  test("reads nothing the second time", async () => {
    const capture = captureOf(fixtureHome());
    const ledger = await new Ledger().take(capture.scan(new Map()));
    expect(ledger.bytesRead).toBeGreaterThan(90_000);
    const before = ledger.content();
    const files = ledger.files.size;
    await ledger.take(capture.scan(ledger.files));
    expect(ledger).toMatchObject({ bytesRead: 0, batches: 0, unchanged: files });
    expect(ledger.partial.map((partial) => partial.lines)).toEqual([[8]]);
    expect(ledger.content()).toEqual(before);
  });

  test("gives the same from states that were lost", async () => {
    const capture = captureOf(fixtureHome());
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const before = ledger.content();
    await ledger.take(capture.scan(new Map()));
    expect(ledger.content()).toEqual(before);
  });

  test("stopped after any step and started again ends the same", async () => {
    const records = Array.from({ length: 7_000 }, (_, i) => prompt(i));
    const home = homeOf({
      [FILE]: jsonl(...records),
      ".claude/projects/-p/t.jsonl": jsonl(prompt(9_000)),
    });
    const capture = captureOf(home);
    const whole = await new Ledger().take(capture.scan(new Map()));
    expect(whole.batches).toBe(5);
    for (let stop = 1; stop < whole.batches; stop++) {
      const ledger = new Ledger();
      for await (const step of capture.scan(new Map())) {
        if (step.type === "batch") ledger.apply(step.batch);
        if (ledger.batches === stop) break;
      }
      await ledger.take(capture.scan(ledger.files));
      expect(ledger.content()).toEqual(whole.content());
      expect(ledger.files).toEqual(whole.files);
    }
  });

  test("tells how far it is", async () => {
    const steps = [];
    for await (const step of captureOf(FIXTURES).scan(new Map()))
      if (step.type === "progress") steps.push(step);
    const last = steps.at(-1);
    expect(last?.doneBytes).toBe(last?.totalBytes);
    expect(last).toMatchObject({ doneFiles: steps.length, totalFiles: steps.length });
  });

  test("reads an original before its copy, though the copy is older", async () => {
    const home = homeOf({
      ".claude/projects/-p/a-copy.jsonl": jsonl(
        { ...prompt(1), sessionId: "a-copy", sessionKind: "bg" },
        prompt(2),
      ),
      [FILE]: jsonl(prompt(1)),
    });
    utimesSync(join(home, ".claude/projects/-p/a-copy.jsonl"), 1_000, 1_000);
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(texts(ledger)).toEqual(["Prompt 1"]);
    expect(texts(ledger, "a-copy")).toEqual(["Prompt 2"]);
    expect(ledger.session("a-copy").parent).toBe(ledger.session("s").id);
  });
});

describe("a transcript that grows", () => {
  test("is read from where it was left", async () => {
    const home = homeOf({ [FILE]: jsonl(prompt(1)) });
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const more = jsonl(prompt(2));
    appendFileSync(join(home, FILE), more);
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.bytesRead).toBe(more.length);
    expect(texts(ledger)).toEqual(["Prompt 1", "Prompt 2"]);
  });

  test("on a device of another number is the same transcript", async () => {
    const home = homeOf({ [FILE]: jsonl(prompt(1), prompt(2)) });
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const mountedAgain = new Map(
      [...ledger.files].map(([path, state]) => [path, { ...state, dev: 77 }]),
    );
    await ledger.take(capture.scan(mountedAgain));
    expect(ledger).toMatchObject({ bytesRead: 0, batches: 0, unchanged: 1 });
    const more = jsonl(prompt(3));
    appendFileSync(join(home, FILE), more);
    await ledger.take(capture.scan(mountedAgain));
    expect(ledger.bytesRead).toBe(more.length);
  });

  test("has its last line read without a newline if it is whole, and once only if it is not", async () => {
    const [first, second] = [jsonl(prompt(1)), jsonl(prompt(2))];
    const home = homeOf({ [FILE]: first.trimEnd() });
    const path = join(home, FILE);
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    expect(texts(ledger)).toEqual(["Prompt 1"]);
    expect(ledger.files.get(path)).toMatchObject({ offset: 0, line: 0 });
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.bytesRead).toBe(0);

    appendFileSync(path, `\n${second.slice(0, 40)}`);
    await ledger.take(capture.scan(ledger.files));
    expect(texts(ledger)).toEqual(["Prompt 1"]);
    expect(ledger.files.get(path)).toMatchObject({
      offset: first.length,
      line: 1,
      damagedLines: [],
    });
    expect(ledger.partial).toEqual([]);

    appendFileSync(path, second.slice(40));
    await ledger.take(capture.scan(ledger.files));
    expect(texts(ledger)).toEqual(["Prompt 1", "Prompt 2"]);
    expect(ledger.eventsOf("s").map((event) => event.order)).toEqual([1_000, 2_000]);
  });

  test.each([
    ["shrank", (path: string) => truncateSync(path, jsonl(prompt(1)).length)],
    [
      "was replaced by a longer one",
      (path: string) => replace(path, jsonl(prompt(1), prompt(5), prompt(6), prompt(7))),
    ],
    [
      "begins otherwise",
      (path: string) => writeFileSync(path, jsonl(prompt(8), prompt(2), prompt(3), prompt(4))),
    ],
  ])("and %s is read anew", async (_how, change) => {
    const home = homeOf({ [FILE]: jsonl(prompt(1), prompt(2), prompt(3)) });
    const path = join(home, FILE);
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    change(path);
    utimesSync(path, 2_000, 2_000);
    await ledger.take(capture.scan(ledger.files));
    const fresh = await new Ledger().take(capture.scan(new Map()));
    expect(ledger.content()).toEqual(fresh.content());
    expect(ledger.files).toEqual(fresh.files);
  });
});

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

describe("what cannot be read", () => {
  test("is told with a reason, and the rest is read", async () => {
    const home = homeOf({
      [FILE]: jsonl(prompt(1)),
      "elsewhere/secret.jsonl": jsonl(prompt(2, "Not below the agent's folder")),
    });
    const folder = join(home, ".claude/projects/-p");
    mkdirSync(join(folder, "folder.jsonl"));
    execFileSync(MAKE_PIPE, [join(folder, "pipe.jsonl")]);
    symlinkSync(join(home, "elsewhere/secret.jsonl"), join(folder, "out.jsonl"));
    symlinkSync(join(home, "gone.jsonl"), join(folder, "dangling.jsonl"));
    symlinkSync(join(folder, "loop.jsonl"), join(folder, "loop.jsonl"));
    symlinkSync(join(folder, "s.jsonl"), join(folder, "inside.jsonl"));
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(texts(ledger)).toEqual(["Prompt 1"]);
    expect([...ledger.sessions.values()].map((session) => session.sourceId)).toEqual(["s"]);
    const told = ledger.partial.map((partial) => partial.file.slice(folder.length + 1));
    expect(told.toSorted()).toEqual([
      "dangling.jsonl",
      "folder.jsonl",
      "loop.jsonl",
      "out.jsonl",
      "pipe.jsonl",
    ]);
    for (const partial of ledger.partial) expect(partial.reason).toMatch(/^[A-Z].+\.$/);
  });

  test("for want of permission is told so", async () => {
    const home = homeOf({
      [FILE]: jsonl(prompt(1)),
      ".claude/projects/-p/locked.jsonl": jsonl(prompt(2)),
    });
    const locked = join(home, ".claude/projects/-p/locked.jsonl");
    chmodSync(locked, 0);
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    const mayReadAll = process.getuid?.() === 0;
    expect(ledger.partial.map((partial) => partial.file)).toEqual(mayReadAll ? [] : [locked]);
    expect(texts(ledger)).toEqual(["Prompt 1"]);
  });

  test("of a compressed file is told, and what came before the damage is kept", async () => {
    const home = fixtureHome();
    const [packed] = [
      join(
        home,
        ".codex/archived_sessions",
        "rollout-2026-07-03T11-00-00-019a0c44-5e20-7b31-9c40-0000000000d4.jsonl.zst",
      ),
    ];
    truncateSync(packed, readFileSync(packed).length - 30);
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.partial.map((partial) => partial.file)).toContain(packed);
    expect(ledger.sessions.size).toBe(9);
  });

  test("of lines is counted by number: a cut one, one that is no object, one that is too long", async () => {
    const long = JSON.stringify(prompt(3, "x".repeat(7_000_000)));
    const text = `${jsonl(prompt(1))}{"type":"us\n42\n\n${long}\n${jsonl(prompt(4))}`;
    const home = homeOf({ [FILE]: text });
    const input = {
      home,
      env: {},
      readers: READERS,
      archive: null,
      log: silentLog,
      maxLineBytes: 1_000_000,
    };
    const ledger = await new Ledger().take(scan(input, new Map()));
    expect(texts(ledger).map((body) => body?.slice(0, 20))).toEqual(["Prompt 1", "Prompt 4"]);
    expect(ledger.partial).toMatchObject([
      { lines: [2, 3, 5], reason: "3 lines could not be read. The others are there." },
    ]);
    expect(ledger.eventsOf("s").at(-1)?.order).toBe(6_000);
    appendFileSync(join(home, FILE), `{\n${jsonl(prompt(5))}`);
    await ledger.take(scan(input, ledger.files));
    expect([...ledger.files.values()][0]?.damagedLines).toEqual([2, 3, 5, 7]);
  });

  test("is forgotten when a home has nothing", async () => {
    const ledger = await new Ledger().take(captureOf(tempFolder()).scan(new Map()));
    expect(ledger).toMatchObject({ partial: [], batches: 0, unchanged: 0 });
  });
});

describe("a path that a person names", () => {
  test("outside of the home is recognised by what is in it", async () => {
    const elsewhere = tempFolder();
    cpSync(join(FIXTURES, ".codex/sessions/2026/10/21"), elsewhere, { recursive: true });
    put(join(elsewhere, "deep/down/s.jsonl"), jsonl(prompt(1)));
    put(join(elsewhere, "deep/notes.txt"), "hello");
    const capture = captureOf(tempFolder());
    const ledger = await new Ledger().take(capture.scan(new Map(), [elsewhere]));
    expect(ledger.partial).toEqual([]);
    const found = [...ledger.sessions.values()].map(
      (session) => `${session.agent} ${session.sourceId.slice(-2)}`,
    );
    expect(found.toSorted()).toEqual(["claude-code s", "codex a1", "codex b2"]);
    await ledger.take(capture.scan(ledger.files, [join(elsewhere, "deep/down/s.jsonl")]));
    expect(ledger).toMatchObject({ bytesRead: 0, unchanged: 1 });
  });

  test("and is no transcript, or not there, is told so", async () => {
    const folder = homeOf({ "list.jsonl": jsonl({ a: 1 }) });
    const paths = [join(folder, "list.jsonl"), join(folder, "missing.jsonl")];
    const ledger = await new Ledger().take(captureOf(tempFolder()).scan(new Map(), paths));
    expect(ledger.partial).toEqual([
      { file: paths[1], reason: "There is no such file or folder." },
      {
        file: paths[0],
        reason: "Nothing in it is of an agent that Operon knows. It was left out.",
      },
    ]);
  });

  test("inside the home is read alone", async () => {
    const home = fixtureHome();
    const one = join(home, ".claude/projects/-home-mira-work-tally");
    const ledger = await new Ledger().take(captureOf(home).scan(new Map(), [one]));
    expect(ledger.sessions.size).toBe(5);
  });
});

test("what a copy repeats is asked of its own agent's transcripts", async () => {
  const home = fixtureHome();
  renameSync(join(home, ".codex"), join(home, ".other"));
  const other: Reader = {
    ...codex,
    agent: "amp",
    roots: (under) => codex.roots(under, { CODEX_HOME: join(under, ".other") }),
  };
  const input = { home, env: {}, archive: null, log: silentLog, readers: [claudeCode, other] };
  const ledger = await new Ledger().take(scan(input, new Map()));
  const prompts = ledger
    .eventsOf("019a0c22-5e20-7b31-9c40-0000000000b2", null)
    .filter(({ kind, rolledBack }) => kind === "prompt" && !rolledBack);
  expect(prompts).toHaveLength(2);
});

describe("wherever a transcript is cut", () => {
  const TALLY = "3f6c1a52-7b1e-4c0a-9d53-0a1b2c3d4e01.jsonl";
  const TIDES = "rollout-2026-10-21T13-00-00-019a0c11-5e20-7b31-9c40-0000000000a1.jsonl";
  const BERTHS = "f10c2d8e-6a77-4d29-8e0f-0a1b2c3d4e06.jsonl";
  const samples = [
    { from: `.claude/projects/-home-mira-work-tally/${TALLY}`, to: `.claude/projects/-p/${TALLY}` },
    {
      from: `.claude/projects/-home-mira-work-harbor/${BERTHS}`,
      to: `.claude/projects/-p/${BERTHS}`,
    },
    { from: `.codex/sessions/2026/10/21/${TIDES}`, to: `.codex/sessions/2026/10/21/${TIDES}` },
  ];

  test.each(samples)("read in pieces it is what it is as a whole: $to", async ({ from, to }) => {
    const bytes = readFileSync(join(FIXTURES, from));
    const whole = await new Ledger().take(captureOf(homeOf({ [to]: bytes })).scan(new Map()));
    const cuts = fc.uniqueArray(fc.integer({ min: 0, max: bytes.length }), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(cuts, async (unsorted) => {
        const home = homeOf({ [to]: "" });
        const path = join(home, to);
        const capture = captureOf(home);
        const ledger = new Ledger();
        let at = 0;
        for (const cut of [...unsorted.toSorted((a, b) => a - b), bytes.length]) {
          appendFileSync(path, bytes.subarray(at, cut));
          at = cut;
          await ledger.take(capture.scan(ledger.files));
        }
        expect(ledger.content()).toEqual(whole.content());
        expect([...ledger.files.values()][0]?.damagedLines).toEqual(
          [...whole.files.values()][0]?.damagedLines,
        );
        rmSync(home, { recursive: true });
      }),
      { numRuns: 40 },
    );
  });
});
