import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { NO_TOKENS } from "../../src/base/session.ts";
import { linesInside, pathInside } from "../../src/capture/database.ts";
import { goose } from "../../src/capture/goose.ts";
import { addGooseMessage, gooseDatabase, TALLY, TALLY_BEGAN, TALLY_CHILD } from "./databases.ts";
import { captureOf, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const DATABASE = ".local/share/goose/sessions/sessions.db";

function homeHere(): { home: string; path: string; database: DatabaseSync } {
  const home = tempFolder();
  const path = join(home, DATABASE);
  return { home, path, database: gooseDatabase(path) };
}

const told = (ledger: Ledger, lane: string | null = null) =>
  ledger.eventsOf(TALLY, lane).map(({ kind, status, parts }) => [kind, status, parts[0]?.body]);

const callsOf = (ledger: Ledger) =>
  ledger.callsOf(TALLY).map(({ key, lane, at, model, tokens, costNanoUsd }) => ({
    key,
    lane,
    at,
    model,
    ...tokens,
    costNanoUsd,
  }));

const STORY = [
  ["prompt", null, "Which tide is the highest?"],
  ["response", null, "The table has them."],
  ["response", null, "I will look."],
  ["tool", "ok", '{"command":"sort tides.csv"}'],
  ["tool", "error", expect.stringContaining("str_replace")],
  ["tool", "rejected", '{"command":"rm tides.csv"}'],
  ["permission", "ok", "May it write?"],
  ["response", null, "The north tide, 3.1 m."],
  ["compaction", null, "Asked for the highest tide: north."],
];

describe("Goose", () => {
  test("a session, its tools with what they gave, its sub-agent in a lane", async () => {
    const { home } = homeHere();
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect([...ledger.sessions.values()].map(({ sourceId }) => sourceId)).toEqual([TALLY]);
    expect(ledger.session(TALLY).facts).toEqual({
      title: "Highest tide",
      cwd: "/home/mira/work/tally",
    });
    expect(told(ledger)).toEqual(STORY);
    expect(told(ledger, TALLY_CHILD)).toEqual([
      ["prompt", null, "Sum the tides."],
      ["response", null, "6.0 m."],
    ]);
    const events = ledger.eventsOf(TALLY, null);
    expect(events[0]).toMatchObject({ at: TALLY_BEGAN * 1_000 });
    expect(events[3]).toMatchObject({ exitCode: 0, parts: [{}, { body: "north;3.1" }] });
    expect(events[4]).toMatchObject({ summary: "tides.csv", linesAdded: 2, linesRemoved: 1 });
  });

  test("calls of the ledger, without what was cached; sums where there is none", async () => {
    const { home } = homeHere();
    const ledger = await new Ledger().take(captureOf(home).scan(new Map()));
    const model = "claude-sonnet-4-5";
    const call = { ...NO_TOKENS, lane: null, model };
    expect(callsOf(ledger).toSorted((a, b) => b.output - a.output)).toEqual([
      {
        ...call,
        key: `${TALLY}/1`,
        at: (TALLY_BEGAN + 3) * 1_000,
        input: 500,
        output: 300,
        cacheRead: 4_000,
        cacheWrite: 500,
        costNanoUsd: 9_300_000,
      },
      // 1,500 at 3 and 200 at 15 dollars a million.
      {
        ...call,
        key: `${TALLY}/2`,
        at: (TALLY_BEGAN + 9) * 1_000,
        input: 1_500,
        output: 200,
        costNanoUsd: 7_500_000,
      },
      // Of the sub-agent its sums are known.
      {
        ...call,
        key: `${TALLY_CHILD}/total`,
        lane: TALLY_CHILD,
        at: (TALLY_BEGAN + 5) * 1_000,
        input: 100,
        output: 20,
        costNanoUsd: 600_000,
      },
    ]);
  });

  test("a database of before the ledger: the sums are one call, also when a ledger carries them forward", async () => {
    const { home, database } = homeHere();
    database.exec("alter table usage_ledger rename to ledger_of_later");
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    expect(ledger.usageOf(TALLY)).toMatchObject({
      calls: 2,
      tokens: { input: 2_500 + 100, output: 520, cacheRead: 4_000 },
    });
    database.exec(`alter table ledger_of_later rename to usage_ledger;
      delete from usage_ledger;
      insert into usage_ledger (session_id, created_timestamp, model, input_tokens, output_tokens, cache_read_tokens, cost_source)
      values ('${TALLY}', ${TALLY_BEGAN + 20}, 'claude-sonnet-4-5', 6500, 500, 4000, 'carried_forward'),
        ('${TALLY}', ${TALLY_BEGAN + 21}, 'claude-sonnet-4-5', 10, 5, 0, 'estimated')`);
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.usageOf(TALLY)).toMatchObject({
      calls: 3,
      tokens: { input: 2_500 + 100 + 10, output: 525 },
    });
  });

  test("a database that another connection writes to", async () => {
    const { home, path, database } = homeHere();
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    await ledger.take(capture.scan(ledger.files));
    expect([ledger.bytesRead, ledger.unchanged]).toEqual([0, 2]);

    const more = {
      session: TALLY,
      role: "user",
      after: 30,
      content: [{ type: "text", text: "And the lowest?" }],
    } as const;
    database.exec("begin immediate");
    addGooseMessage(database, more);
    await ledger.take(capture.scan(ledger.files, [path]));
    expect([ledger.partial, ledger.bytesRead]).toEqual([[], 0]);
    database.exec("commit");
    await ledger.take(capture.scan(ledger.files, [path]));
    expect(ledger.unchanged).toBe(1);
    expect(told(ledger)).toEqual([...STORY, ["prompt", null, "And the lowest?"]]);

    const reading = linesInside(goose.database as never, pathInside(path, TALLY));
    const lines = (reading.next().value as Buffer).toString();
    expect(lines.trimEnd().split("\n")).toHaveLength(1 + 9 + 2);
  });

  test("a conversation that is written anew has the same events; a change in place is seen", async () => {
    const { home, database } = homeHere();
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const ids = ledger.eventsOf(TALLY).map(({ id }) => id);
    database.exec(`create temp table kept as select * from messages;
      delete from messages;
      insert into messages (message_id, session_id, role, content_json, created_timestamp, metadata_json)
        select message_id, session_id, role, content_json, created_timestamp, metadata_json from kept order by id`);
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.bytesRead).toBeGreaterThan(0);
    expect(ledger.eventsOf(TALLY).map(({ id }) => id)).toEqual(ids);
    database.exec("update messages set content_json = replace(content_json, '3.1 m', '3.10 m')");
    await ledger.take(capture.scan(ledger.files));
    expect(told(ledger)[7]?.[2]).toBe("The north tide, 3.10 m.");
    database.exec("update sessions set name = 'Tides'");
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.session(TALLY).facts.title).toBe("Tides");
  });

  test("a database that is locked, or another's, is told of; what was read stays", async () => {
    const { home, path, database } = homeHere();
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const before = ledger.content();
    database.exec("pragma journal_mode = delete; begin exclusive");
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.partial).toEqual([{ file: path, reason: expect.stringContaining("locked") }]);
    database.exec("rollback; alter table messages rename to letters");
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.partial).toEqual([
      {
        file: path,
        reason: "It could not be read (its tables are not those that Goose is known by).",
      },
    ]);
    expect(ledger.content()).toEqual(before);
  });
});
