import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openArchive } from "../../src/capture/archive.ts";
import { AGENTS, captureOf, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const CHATS = ".gemini/tmp/harbor/chats";
const WHOLE = "session-2026-08-03T14-02-5c19e0";
const LINES = "session-2026-08-04T09-10-77aa01";

function homeHere(): string {
  const home = tempFolder();
  cpSync(join(AGENTS, ".gemini"), join(home, ".gemini"), { recursive: true });
  return home;
}

const told = (ledger: Ledger, sourceId: string, lane: string | null = null) =>
  ledger
    .eventsOf(sourceId, lane)
    .map(({ kind, status, rolledBack, parts }) => [kind, status, rolledBack, parts[0]?.body]);

describe("Gemini CLI", () => {
  test("a session that is one JSON text", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.partial).toEqual([]);
    expect(ledger.session(WHOLE).facts).toEqual({
      title: "Quays become berths",
      cwd: "/home/mira/work/harbor",
    });
    expect(told(ledger, WHOLE)).toEqual([
      ["prompt", null, false, "Rename the quay list to berths."],
      ["response", null, false, "Finding uses\nThe list is read in two places."],
      ["response", null, false, "I will look for its uses first."],
      ["tool", "ok", false, '{"pattern":"quays","dir_path":"src"}'],
      ["tool", "rejected", false, expect.stringContaining("berths")],
      ["error", "error", false, "The service is not available."],
    ]);
    const edit = ledger.eventsOf(WHOLE)[4];
    expect(edit).toMatchObject({ linesAdded: 2, linesRemoved: 1, summary: "src/list.ts" });
    expect(ledger.usageOf(WHOLE)).toMatchObject({
      calls: 1,
      tokens: { input: 4000, output: 100, cacheRead: 1200, cacheWrite: 0, reasoning: 60 },
    });
  });

  test("a session in lines: what is written again stands where it stood, what is taken back is marked", async () => {
    const ledger = await new Ledger().take(captureOf(homeHere()).scan(new Map()));
    expect(ledger.session(LINES).facts).toMatchObject({ title: "Lengths of piers" });
    expect(told(ledger, LINES)).toEqual([
      ["prompt", null, false, "Which pier is the longest?"],
      ["response", null, false, "I will read the table."],
      ["tool", "ok", false, '{"file_path":"piers.csv"}'],
      ["response", null, false, "The north pier."],
      ["prompt", null, true, "And the shortest, in a limerick?"],
      ["response", null, true, "There once was a pier"],
      ["prompt", null, false, "And the shortest?"],
    ]);
    // Of all calls, also of the one that was taken back and of the sub-agent.
    expect(ledger.usageOf(LINES)).toMatchObject({
      calls: 4,
      tokens: { input: 900 + 120 + 100 + 100, output: 20 + 5 + 30 + 2, cacheRead: 1880 },
    });
    expect(told(ledger, LINES, "0c41")).toEqual([
      ["prompt", null, false, "Count the rows."],
      ["response", null, false, "Four."],
    ]);
  });

  test("a text that is written anew changes what changed, and what it lacks is withdrawn", async () => {
    const home = homeHere();
    const path = join(home, CHATS, `${WHOLE}.json`);
    const archive = await openArchive(join(home, "archive"));
    const capture = captureOf(home, archive);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const ids = ledger.eventsOf(WHOLE).map(({ id }) => id);
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.bytesRead).toBe(0);

    const text = readFileSync(path, "utf8");
    const chat = JSON.parse(text) as { messages: { content: unknown }[] };
    const [prompt, answer] = chat.messages;
    writeFileSync(
      path,
      JSON.stringify({ ...chat, messages: [prompt, { ...answer, content: "Another answer." }] }),
    );
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.eventsOf(WHOLE).map(({ id }) => id)).toEqual(ids.slice(0, 5));
    expect(told(ledger, WHOLE)[2]).toEqual(["response", null, false, "Another answer."]);

    // The archive has what is there now, and reads it the same.
    await archive.close();
    const again = await openArchive(join(home, "archive"));
    const replayed = await new Ledger().take(captureOf(home, again).replayArchive(new Map()));
    expect(told(replayed, WHOLE)).toEqual(told(ledger, WHOLE));
    await again.close();
  });

  test("a text that is cut off is told of, keeps what was there, and is read when it is whole", async () => {
    const home = homeHere();
    const path = join(home, CHATS, `${WHOLE}.json`);
    const capture = captureOf(home);
    const ledger = await new Ledger().take(capture.scan(new Map()));
    const before = told(ledger, WHOLE);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, 900));
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.partial).toEqual([{ file: path, reason: expect.stringContaining("JSON") }]);
    expect(told(ledger, WHOLE)).toEqual(before);
    writeFileSync(path, text);
    await ledger.take(capture.scan(ledger.files));
    expect(ledger.partial).toEqual([]);
    expect(told(ledger, WHOLE)).toEqual(before);
  });
});
