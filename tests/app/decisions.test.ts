import { expect, test, vi } from "vitest";
import { createDecisions } from "../../src/app/decisions.ts";
import { createLiveDocs } from "../../src/app/livedocs.ts";
import type { DocId } from "../../src/base/ids.ts";
import { seededRandom } from "../crypto/samples.ts";
import { clock, openTestStore } from "../store/help.ts";

test("a decision is dated as its writer's calendar has it", async () => {
  vi.stubEnv("TZ", "America/New_York");
  const store = await openTestStore();
  const decisions = createDecisions({
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
  const { date, id } = await decisions.create({ title: "Written at half past eight" }, null);
  expect(date).toBe("2026-07-01");
  await decisions.index(id as DocId);
  await store.search.catchUp();
  const [hit] = await store.search.search("written", 5);
  expect(hit?.at).toBe(Date.UTC(2026, 6, 1, 4));
  expect((await decisions.create({ title: "Elsewhere", date: "2026-07-03" }, null)).date).toBe(
    "2026-07-03",
  );
  vi.unstubAllEnvs();
});
