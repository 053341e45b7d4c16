/** A server that was set back, and a person who decides to go on with what it has. */
import { beforeEach, describe, expect, test } from "vitest";
import type { DocId } from "../../src/base/ids.ts";
import { unwrap } from "../../src/base/result.ts";
import { TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
let doc: DocId;

const rows = () => team.server.stream(TEAM_STREAM).rows;
const type = (device: TestDevice, word: string) =>
  device.type(doc, (text) => text.insert(text.length, word));
const raised = (device: TestDevice) => {
  const state = device.states.at(-1);
  return state?.state === "alarm" ? state.alarms : [];
};

beforeEach(async () => {
  team = new TestTeam();
  ada = team.device("ada");
  bob = team.device("bob");
  doc = ada.create("dec_1");
  for (const word of ["one ", "two ", "three "]) {
    type(ada, word);
    await ada.once();
  }
  await bob.once();
  type(bob, "four ");
  await bob.once();
  await ada.once();
});

describe("S27", () => {
  test("S27: a halted stream is the same alarm at each exchange, and nothing is sent there, with a pull or without", async () => {
    rows().splice(2);
    await ada.once();
    const [first] = raised(ada);
    expect(first).toMatchObject({ halted: TEAM_STREAM });
    type(ada, "more ");
    await ada.once();
    expect(raised(ada)).toEqual([first]);
    ada.sync.start();
    ada.sync.edited(doc, 10);
    team.time.advance(1000);
    await ada.sync.stop();
    expect(rows().length).toBe(2);
  });

  test("S27: after a person says so, the stream is read from its start, and what the server lost is sent again", async () => {
    rows().splice(2);
    for (const device of [ada, bob]) expect((await device.once()).alarms.length).toBe(1);
    expect(unwrap(await ada.sync.restart(TEAM_STREAM))).toMatchObject({
      alarms: [],
      verified: true,
    });
    // What one device has sent again the other has no need to.
    expect(unwrap(await bob.sync.restart(TEAM_STREAM))).toMatchObject({ alarms: [], pushed: 0 });
    type(bob, "five ");
    await bob.once();
    await ada.once();
    const late = team.device("late");
    await late.once();
    for (const device of [ada, bob, late]) {
      expect(device.text(doc)).toBe("one two three four five ");
      expect(device.store.pendingOf(doc)).toBe(null);
    }
  });

  test("S27: whose a document is the new history says, and a snapshot of it is not disputed", async () => {
    const dan = team.device("dan");
    rows().splice(0);
    await bob.once();
    // Bob's row is the first now.
    for (const device of [bob, ada]) unwrap(await device.sync.restart(TEAM_STREAM));
    await dan.once();
    for (const device of [ada, bob, dan]) {
      expect((await device.store.document(doc))?.owner).toBe(bob.identity.id);
      expect(device.text(doc)).toBe("one two three four ");
    }
  });

  test("S34: nor is one of the new history, by who has still to begin with it", async () => {
    const dan = team.device("dan");
    rows().splice(0);
    await bob.once();
    unwrap(await bob.sync.restart(TEAM_STREAM));
    await dan.once();
    team.gatheredBytes = 256 * 20;
    for (const device of [bob, dan]) device.crash();
    for (let i = 0; i < 26; i++) {
      type(bob, `line ${i} `);
      if (i === 25) bob.crash();
      await bob.once();
    }
    await dan.once();
    expect(team.server.stream(TEAM_STREAM).dropped.size).toBeGreaterThan(0);
    await ada.once();
    expect(unwrap(await ada.sync.restart(TEAM_STREAM)).alarms).toEqual([]);
    expect(ada.text(doc)).toBe(bob.text(doc));
    expect((await bob.once()).alarms).toEqual([]);
  });

  test("S27: so it is when the server went on with other rows, and after a restart of the program", async () => {
    const cyd = team.device("cyd");
    const lost = rows().splice(2);
    await cyd.once();
    cyd.type(doc, (text) => text.insert(0, "zero "));
    for (const word of ["a ", "b ", "c "]) {
      cyd.type(doc, (text) => text.insert(text.length, word));
      await cyd.once();
    }
    expect(lost.length).toBe(2);
    for (const device of [ada, bob]) {
      expect((await device.once()).alarms).toEqual([
        expect.stringContaining("is not the one this device verified"),
      ]);
      device.crash();
      expect((await device.once()).alarms.length).toBe(1);
      expect(unwrap(await device.sync.restart(TEAM_STREAM)).alarms).toEqual([]);
    }
    for (const device of [cyd, ada]) await device.once();
    const text = ada.text(doc);
    for (const word of ["zero", "one", "two", "three", "four", "a ", "b ", "c "])
      expect(text).toContain(word);
    for (const device of [bob, cyd]) expect(device.text(doc)).toBe(text);
  });
});
