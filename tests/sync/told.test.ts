/** What could not be verified, and is behind the cursor: told, whatever fails afterwards. */
import { beforeEach, describe, expect, test } from "vitest";
import { type Bytes, toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { fail, ok, unwrap } from "../../src/base/result.ts";
import { encodeDoc, openDoc } from "../../src/crdt/documents.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { sealUpdate } from "../../src/sync/seal.ts";
import { START } from "../../src/sync/streams.ts";
import { seededRandom } from "../crypto/samples.ts";
import { PROJECT_STREAM, TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
let doc: DocId;

beforeEach(async () => {
  team = new TestTeam();
  [ada, bob] = [team.device("ada"), team.device("bob")];
  doc = ada.create("dec_1");
  ada.type(doc, (text) => text.insert(0, "base"));
  await ada.once();
  await bob.once();
});

/** A row of nobody in the team. */
function forge(): void {
  const stranger = createDevice(seededRandom("stranger"));
  const author = { keys: team.keys, device: stranger, replica: "ab".repeat(16) };
  const text = openDoc(null);
  text.getText("context").insert(0, "evil");
  const target = { doc, kind: "decision", stream: TEAM_STREAM } as const;
  const rows = sealUpdate(author, target, encodeDoc(text), null, START, seededRandom("forged"));
  team.server.stream(TEAM_STREAM).rows.push(...rows.map(({ row }): Bytes => row));
}

describe("S40", () => {
  test("S40: an alarm is told though the same exchange fails afterwards, and once", async () => {
    forge();
    bob.type(doc, (text) => text.insert(0, "x"));
    team.server.failNext = "lose question";
    expect((await bob.sync.once()).ok).toBe(false);
    expect(bob.told.map(({ words }) => words).join()).toContain("in the name of an unknown device");
    expect((await bob.once()).alarms).toEqual([]);
  });

  test("S40: it is kept before the place behind it is", async () => {
    forge();
    bob.failAlarms = true;
    expect((await bob.sync.once()).ok).toBe(false);
    bob.failAlarms = false;
    bob.crash();
    expect((await bob.once()).alarms.join()).toContain("refused");
  });

  test("S40: looking at the team tells it too", async () => {
    forge();
    unwrap(await bob.sync.manage(async () => ok(undefined)));
    expect(bob.told.length).toBe(1);
  });

  test("S40: a server that shows an older state and then answers no more has shown it", async () => {
    ada.type(doc, (text) => text.insert(0, "more "));
    await ada.once();
    team.server.stream(TEAM_STREAM).rows.splice(1);
    const { pull } = ada.transport;
    ada.transport.pull = async (...asked) => {
      ada.transport.pull = async () => fail("offline", "The network is gone.");
      const page = unwrap(await pull(...asked));
      return ok({ ...page, more: true });
    };
    ada.crash();
    expect((await ada.sync.once()).ok).toBe(false);
    expect(ada.told[0]?.words).toContain("set back");
  });
});

describe("S8", () => {
  test("S8: what one stream does not take keeps nothing from the others", async () => {
    const { push } = ada.transport;
    ada.transport.push = async (stream, rows) =>
      stream.project === null ? push(stream, rows) : fail("rights", "You may not see that.");
    ada.crash();
    const there = ada.create("dec_2", "decision", PROJECT_STREAM);
    const here = ada.create("dec_3");
    for (const id of [there, here]) ada.type(id, (text) => text.insert(0, "t"));
    expect((await ada.sync.once()).ok).toBe(false);
    await bob.once();
    expect(bob.store.has(here)).toBe(true);
  });
});

describe("S13", () => {
  test("S13: what was on its way to a stream that is halted keeps nothing from the others", async () => {
    const there = ada.create("dec_2", "decision", PROJECT_STREAM);
    for (const word of ["a", "b"]) {
      ada.type(there, (text) => text.insert(0, word));
      await ada.once();
    }
    const noise = toHex(seededRandom("noise")(3 * 1024 * 1024));
    ada.type(there, (text) => text.insert(0, noise));
    team.server.failNext = "lose question";
    expect((await ada.sync.once()).ok).toBe(false);
    team.server.stream(PROJECT_STREAM).rows.splice(1);
    const here = ada.create("dec_3");
    ada.type(here, (text) => text.insert(0, "t"));
    expect((await ada.once()).alarms.join()).toContain("set back");
    await bob.once();
    expect(bob.store.has(here)).toBe(true);
  });
});

describe("S27", () => {
  test("S27: bodies that were deleted stay an alarm that a person can act on", async () => {
    team.server.stream(TEAM_STREAM).dropped.add(1);
    const carol = team.device("carol");
    await carol.once();
    const [deleted] = carol.told;
    expect(deleted).toMatchObject({ lasting: true, halted: TEAM_STREAM });
    expect((await carol.sync.once()).ok).toBe(true);
    expect(carol.states.at(-1)).toMatchObject({ state: "alarm", alarms: [deleted] });
  });
});

describe("S19", () => {
  test("S19: own rows that a snapshot covers, of who had read nothing, are no alarm", async () => {
    const late = team.device("late");
    const own = late.create("dec_9");
    late.type(own, (text) => text.insert(0, "whose answer was lost "));
    team.server.failNext = "lose answer";
    expect((await late.sync.once()).ok).toBe(false);
    team.gatheredBytes = 20 * 256;
    ada.crash();
    for (let i = 0; i < 25; i++) {
      ada.type(doc, (text) => text.insert(text.length, `line ${i} `));
      if (i === 24) ada.crash();
      await ada.once();
    }
    await bob.once();
    expect(team.server.stream(TEAM_STREAM).dropped.size).toBeGreaterThan(0);
    expect((await late.once()).alarms).toEqual([]);
    expect(ada.text(own)).toBe(late.text(own));
  });
});
