import { expect, test, vi } from "vitest";
import { createDecisions } from "../../src/app/decisions.ts";
import { createLiveDocs } from "../../src/app/livedocs.ts";
import type { DocId } from "../../src/base/ids.ts";
import { seededRandom } from "../crypto/samples.ts";
import type { Store } from "../../src/store/store.ts";
import { clock, openTestStore } from "../store/help.ts";

function decisionsIn(store: Store) {
  return createDecisions({
    store,
    docs: createLiveDocs({
      load: (id) => store.documents.load(id),
      append: (id, update) => store.documents.append(id, [update]),
      onChange: () => undefined,
      onLooks: () => undefined,
    }),
    clock: { ...clock, nowMs: () => Date.UTC(2026, 6, 2, 0, 30) },
    random: seededRandom("decisions"),
    log: () => undefined,
    onCreated: () => undefined,
  });
}

test("a decision is dated as its writer's calendar has it", async () => {
  vi.stubEnv("TZ", "America/New_York");
  const store = await openTestStore();
  const decisions = decisionsIn(store);
  const { date, id } = await decisions.create({ title: "Written at half past eight" }, null);
  expect(date).toBe("2026-07-01");
  await decisions.index(id as DocId);
  await store.search.catchUp();
  const [hit] = (await store.search.search("written", 5)).hits;
  expect(hit?.at).toBe(Date.UTC(2026, 6, 1, 4));
  expect((await decisions.create({ title: "Elsewhere", date: "2026-07-03" }, null)).date).toBe(
    "2026-07-03",
  );
  vi.unstubAllEnvs();
});

test("a whole record is taken with its options and evidence, in the order they came in", async () => {
  const decisions = decisionsIn(await openTestStore());
  const option = (title: string, chosen: boolean) => ({
    title,
    pros: `+${title}`,
    cons: "",
    chosen,
  });
  const given = {
    title: "Taken",
    status: "accepted",
    date: null,
    deciders: ["b, c", "a"],
    context: "c",
    drivers: "d",
    options: ["z", "a", "m", "b"].map((title, i) => option(title, i === 2)),
    outcome: "o",
    consequences: "q",
    tags: ["t"],
    project: "tally",
    supersedes: ["dec_1"],
    relatesTo: [],
    evidence: ["y", "x"].map((event) => ({ session: "s", event, hash: "h" })),
    origin: "agent",
    reviewBy: "2027-01-01",
  } as const;
  const { options, evidence, ...rest } = await decisions.take(given, undefined, null);
  expect({
    ...rest,
    options: options.map(withoutId),
    evidence: evidence.map(withoutId),
  }).toEqual({ ...given, id: rest.id, team: null, waiting: false });
});

function withoutId<T extends { readonly id: string }>(held: T): Partial<T> {
  const { id, ...rest } = held;
  expect(id).not.toBe("");
  return rest as Partial<T>;
}
