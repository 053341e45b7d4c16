/** Bodies, and that what nobody has any more takes no room. */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { CaptureBatch } from "../../src/base/session.ts";
import { Engine } from "../../src/pg/engine.ts";
import { type BatchParts, NOW, batch, event, eventId, sessionId } from "./captures.ts";
import { closeStore, everything, openTestStore, temporaryFolder } from "./help.ts";

const TOOL = {
  kind: "tool",
  status: "running",
  tool: { name: "Bash", input: {} },
} as const;

function tool(name: string, body: string): ReturnType<typeof event> {
  return event(name, { ...TOOL, parts: [{ name: "input", body }] });
}

function answered(name: string, output: string, more: BatchParts = {}): CaptureBatch {
  const patches = [
    { id: eventId(name), at: NOW, parts: [{ name: "output", body: output } as const] },
  ];
  return batch("one", { patches, ...more });
}

/** Number of pieces of each pack, after these commits. */
async function packsAfter(...commits: readonly (readonly CaptureBatch[])[]): Promise<number[]> {
  const folder = temporaryFolder();
  const store = await openTestStore(folder);
  for (const batches of commits) await store.capture.commit(batches);
  await closeStore(store);
  const db = await Engine.start(join(folder, "db"));
  const { rows } = await db.query<{ pieces: number }>("select pieces from packs order by number");
  await db.close();
  return rows.map(({ pieces }) => pieces);
}

async function bodiesAfter(...batches: readonly CaptureBatch[]): Promise<Record<string, string>> {
  const store = await openTestStore();
  for (const one of batches) await store.capture.commit([one]);
  const { events } = await store.views.events(sessionId("one"), 0);
  const bodies = await store.views.bodies(
    sessionId("one"),
    events.map(({ id }) => id),
  );
  const found = Object.values(bodies).flat();
  expect(events.reduce((sum, { partBytes }) => sum + partBytes, 0)).toBe(
    found.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0),
  );
  return Object.fromEntries(found.map(({ name, body }) => [name, body]));
}

test("a commit's bodies are one pack, which goes with the last that is replaced", async () => {
  const first = batch("one", { events: [tool("a", "first"), tool("b", "other")] });
  const again = (name: string) => batch("one", { events: [tool(name, `${name} again`)] });
  expect(await packsAfter([first])).toEqual([2]);
  expect(await packsAfter([first], [again("a")])).toEqual([1, 1]);
  expect(await packsAfter([first], [again("a")], [again("b")])).toEqual([1, 1]);
  expect(await packsAfter([first], [again("a"), again("b")])).toEqual([2]);
});

test("a body that comes again as it was is not written again", async () => {
  const first = batch("one", { events: [tool("a", "first")] });
  expect(await packsAfter([first], [first], [first])).toEqual([1]);
  const store = await openTestStore();
  await store.capture.commit([first]);
  await store.capture.commit([answered("a", "out \u0000 \ud800")]);
  expect(await store.capture.commit([first, answered("a", "out \u0000 \ud800")])).toEqual({
    sessions: [],
  });
});

test("a file that was replaced leaves no pack behind", async () => {
  const first = batch("one", { events: [tool("a", "x".repeat(600_000)), tool("b", "b")] });
  const other = batch("one", { path: "/other.jsonl", events: [tool("c", "c")] });
  const restart = batch("one", { restart: true });
  expect(await packsAfter([first])).toEqual([1, 1, 2]);
  expect(await packsAfter([first], [restart])).toEqual([]);
  expect(await packsAfter([first, other], [restart])).toEqual([1]);
});

test.each([
  ["of many bytes a character", "é漢🎈".repeat(70_000)],
  ["of many bytes", `a${"漢".repeat(200_000)}`],
  ["of one byte a character", "0123456789".repeat(100_000)],
  ["that is empty", ""],
])("a body %s comes back as it was, replaced or not", async (_, body) => {
  const first = batch("one", { events: [tool("a", `before${body}`)] });
  expect(await bodiesAfter(first)).toEqual({ input: `before${body}` });
  expect(await bodiesAfter(first, answered("a", body))).toEqual({
    input: `before${body}`,
    output: body,
  });
  const second = batch("one", { events: [tool("a", body)] });
  expect(await bodiesAfter(first, answered("a", body), second)).toEqual({
    input: body,
    output: body,
  });
});

test("what a patch brings to an event of its own commit is the event's, shown and searched", async () => {
  const first = batch("one", { events: [tool("a", "asked"), tool("b", "asked")] });
  const [one, two] = [await openTestStore(), await openTestStore()];
  await one.capture.commit([first, answered("a", "parallax"), answered("a", "parsnip")]);
  for (const each of [first, answered("a", "parallax"), answered("a", "parsnip")])
    await two.capture.commit([each]);
  expect(await everything(one)).toEqual(await everything(two));
  for (const store of [one, two]) {
    while (await store.search.catchUp());
    expect((await store.views.search("parsnip", 9)).hits.map((hit) => hit.event)).toEqual([
      eventId("a"),
    ]);
    expect((await store.views.search("parallax", 9)).hits).toEqual([]);
  }
});

test("what a patch says of an event that is not searchable yet is what is searched", async () => {
  const store = await openTestStore();
  const patches = [{ id: eventId("a"), at: NOW, summary: "parsnip" }];
  await store.capture.commit([
    batch("one", { events: [{ ...tool("a", "asked"), summary: "parallax" }, tool("b", "asked")] }),
  ]);
  await store.capture.commit([batch("one", { patches })]);
  while (await store.search.catchUp());
  const found = async (word: string) =>
    new Set((await store.views.search(word, 9)).hits.map((hit) => hit.event));
  expect(await found("parsnip")).toEqual(new Set([eventId("a")]));
  expect(await found("parallax")).toEqual(new Set());
  expect(await found("asked")).toEqual(new Set([eventId("a"), eventId("b")]));
  expect(await found("bash")).toEqual(new Set([eventId("a"), eventId("b")]));
});

test("a patch that comes in a commit with its event's other copy reaches no other session's", async () => {
  const store = await openTestStore();
  await store.capture.commit([
    batch("one", { events: [tool("a", "asked")] }),
    { ...answered("a", "intruder"), ref: batch("two").ref, file: batch("two").file },
  ]);
  const bodies = await store.views.bodies(sessionId("one"), [eventId("a")]);
  expect(bodies[eventId("a")]).toEqual([{ name: "input", body: "asked" }]);
});

test("an event's first line is that of its text, also of one that a patch brings", async () => {
  const store = await openTestStore();
  const line = async () => (await store.views.events(sessionId("one"), 0)).events[0]?.summary;
  await store.capture.commit([batch("one", { events: [event("a", { text: " \n one\ntwo" })] })]);
  expect(await line()).toBe("one");
  const patches = [
    { id: eventId("a"), at: NOW, parts: [{ name: "text", body: "three" } as const] },
  ];
  await store.capture.commit([batch("one", { patches })]);
  expect(await line()).toBe("three");
  await store.capture.commit([batch("one", { events: [event("a", { text: " \n" })] })]);
  expect(await line()).toBeNull();
});
