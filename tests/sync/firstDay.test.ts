/** A new device of a team that has much: the newest first, some at a time, and on from where it stopped. */
import { beforeAll, describe, expect, test } from "vitest";
import type { DocId } from "../../src/base/ids.ts";
import type { PulledBatch } from "../../src/sync/ports.ts";
import { TEAM_STREAM, TestTeam } from "./team.ts";

const DOCUMENTS = 130;
const ids = Array.from(
  { length: DOCUMENTS },
  (_, i) => `dec_01KABCDEFGHJKMNPQRSTVW${String(i).padStart(4, "0")}` as DocId,
);

let team: TestTeam;

beforeAll(async () => {
  team = new TestTeam();
  const [ada, bob] = [team.device("ada"), team.device("bob")];
  for (const id of ids) {
    ada.create(id);
    ada.type(id, (text) => text.insert(0, `of ${id}`), "context");
  }
  await ada.once();
  team.gatheredBytes = 1024;
  for (const device of [ada, bob]) device.crash();
  ada.type(ids[0] as DocId, (text) => text.insert(0, "again "), "context");
  await ada.once();
  await bob.once();
  expect(team.server.stream(TEAM_STREAM).dropped.size).toBeGreaterThan(DOCUMENTS);
});

/** A device that has nothing, with what it commits; the disk is full after so many commits, once. */
function newcomer(name: string, commits = Infinity) {
  let left = commits;
  const device = team.device(name);
  const { store } = device;
  const commit = store.commit.bind(store);
  const batches: PulledBatch[] = [];
  store.commit = async (batch) => {
    if (left-- === 0) throw new Error("the disk is full");
    batches.push(batch);
    return commit(batch);
  };
  const documents = () => batches.flatMap((batch) => batch.documents.map(({ id }) => id));
  return { device, batches, documents };
}

describe("S35", () => {
  test("S35: the newest documents come first, in several commits, and how far it is is told", async () => {
    const { device, batches, documents } = newcomer("cyd");
    expect((await device.once()).alarms).toEqual([]);
    expect(documents()).toEqual(ids.toReversed());
    expect(batches.filter((batch) => batch.documents.length > 0).length).toBeGreaterThan(2);
    const progress = device.states.flatMap((state) =>
      state.state === "syncing" && state.progress ? [state.progress] : [],
    );
    expect(progress.map(({ done }) => done).slice(0, 3)).toEqual([50, 100, 130]);
    expect(new Set(progress.map(({ total }) => total))).toEqual(new Set([DOCUMENTS]));
    expect(device.text(ids[0] as DocId)).toBe(`again of ${ids[0]}`);
  });

  test("S35: a device that stopped in the middle takes what it lacks, once, and has the place only then", async () => {
    const { device, batches } = newcomer("dan", 2);
    await expect(device.once()).rejects.toThrow("the disk is full");
    expect(await device.store.cursors(TEAM_STREAM.team)).toEqual([]);
    expect(device.store.ids.length).toBe(100);
    batches.length = 0;
    device.crash();
    expect((await device.once()).alarms).toEqual([]);
    const again = batches.flatMap((batch) => batch.documents.map(({ id }) => id));
    expect(again).toEqual(ids.slice(0, 30).toReversed());
    expect(await device.once()).toMatchObject({ pulled: 0, pushed: 0, verified: true });
    for (const id of ids) expect(device.store.pendingOf(id)).toBe(null);
  });
});
