import { expect, test, vi } from "vitest";
import { createHandlers, type Parts } from "../../src/app/handlers.ts";
import { systemRandom } from "../../src/base/random.ts";
import { fail, ok } from "../../src/base/result.ts";
import { sync } from "../../src/cli/sync.ts";

const REPORT = { pushed: 1, pulled: 2, head: { one: 7 }, verified: true, notices: [] };
const OFFLINE = "The server cannot be reached. Nothing is lost.";

/** Of the engine, what a sync asks for: it ends like this for each team. */
function handlersOver(results: readonly { readonly team: string; readonly result: unknown }[]) {
  const parts = {
    store: {},
    membership: { teams: () => [{ id: "two", name: "Shop" }] },
    sharing: { reconcile: async () => {} },
    traces: { catchUp: async () => {}, receiveAll: async () => {} },
    online: async () => ({ syncOnce: async () => results }),
    inOrder: async (work: () => Promise<unknown>) => work(),
    settled: async () => {},
  };
  return createHandlers(parts as unknown as Parts);
}

test("a team that cannot be synced hides neither the others' rows nor their alarms, and the command says all", async () => {
  const handlers = handlersOver([
    { team: "two", result: fail("offline", OFFLINE) },
    { team: "one", result: ok({ ...REPORT, alarms: [{ words: "A row was changed." }] }) },
  ]);
  const report = await handlers.sync(undefined, { onProgress: () => {} } as never);
  expect(report).toEqual({
    pushed: 1,
    pulled: 2,
    head: { one: 7 },
    verified: false,
    alarms: ["A row was changed."],
    failed: [`The team "Shop" was not synced. ${OFFLINE}`],
  });
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const answer = { ...report, alarms: [] };
  const context = { args: [], json: false, call: async () => answer };
  expect(await sync.run(context as never)).toBe(1);
  expect(said.mock.calls.join("")).toContain(report.failed[0]);
  vi.restoreAllMocks();
});

test("when no team can be synced, that is the answer, each sentence once", async () => {
  const result = fail("offline", OFFLINE);
  const handlers = handlersOver([
    { team: "one", result },
    { team: "two", result },
  ]);
  await expect(async () =>
    handlers.sync(undefined, { onProgress: () => {} } as never),
  ).rejects.toThrow(new RegExp(`^${OFFLINE}$`));
});

test("a suggested passphrase is six words, and another one each time", async () => {
  const handlers = createHandlers({ store: {}, random: systemRandom } as unknown as Parts);
  const suggest = async () =>
    (await handlers.suggestPassphrase(undefined, { onProgress: () => {}, local: false }))
      .passphrase;
  const [one, other] = [await suggest(), await suggest()];
  expect(one).toMatch(/^[a-z]+(?: [a-z]+){5}$/);
  expect(other).not.toBe(one);
});

test("two devices that link a project at once end at one of the two that they made, the same", async () => {
  const moved: unknown[] = [];
  let link: { team: string; cloudProject: string } | null = null;
  let asked = 0;
  const parts = {
    store: {},
    membership: { team: () => ({ id: "team" }), link: () => link, teams: () => [] },
    projects: {
      find: async () => ({ id: "proj_1", name: "shop" }),
      cloudProjectNamed: async () => (asked++ === 0 ? null : "1-theirs"),
      publishName: async () => {},
    },
    sharing: {
      relink: async (_id: string, next: typeof link) => void (link = next),
      move: async (_id: string, next: typeof link) => void moved.push((link = next)),
      shareClaimed: async () => {},
      reconcile: async () => {},
    },
    traces: { catchUp: async () => {}, receiveAll: async () => {} },
    online: async () => ({ syncOnce: async () => [], createProject: async () => "2-ours" }),
    inOrder: async (work: () => Promise<unknown>) => work(),
    settled: async () => {},
  };
  const handlers = createHandlers(parts as unknown as Parts);
  const ask = { project: "shop", team: "team" };
  await handlers.linkProject(ask, { onProgress: () => {}, local: false });
  expect(moved).toEqual([{ team: "team", cloudProject: "1-theirs" }]);
  // Whoever was first and did not see the other one's: at the next word about it.
  link = { team: "team", cloudProject: "2-ours" };
  await handlers.linkProject(ask, { onProgress: () => {}, local: false });
  expect(moved).toHaveLength(2);
});
