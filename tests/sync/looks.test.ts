import { beforeEach, describe, expect, test } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { channelTag, createTeamKeys } from "../../src/crypto/team.ts";
import { streamKey } from "../../src/sync/streams.ts";
import { type Heard, LIVE_MAX_BYTES } from "../../src/sync/transport.ts";
import { seededRandom } from "../crypto/samples.ts";
import { expectSoon, quiet } from "./soon.ts";
import { PROJECT_STREAM, TEAM, TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
let doc: DocId;

function type(device: TestDevice, letters: string): void {
  const update = device.type(doc, (text) => text.insert(text.length, letters));
  device.sync.edited(doc, update.length);
}

const channel = (): ReadonlySet<(heard: Heard) => void> =>
  team.server.channels.get(`${streamKey(TEAM_STREAM)} ${channelTag(team.keys, null)}`) ?? new Set();
const look = (...devices: readonly TestDevice[]) => {
  for (const device of devices) device.sync.lookAt(new Set([doc]));
  return expectSoon(() => channel().size === devices.length);
};
/** A server that stores nothing, so that only the channel brings anything. */
const storeNothing = () => {
  for (const device of [ada, bob]) device.transport.push = () => new Promise(() => undefined);
};
const heard = (row: Bytes) => {
  for (const hear of channel()) hear({ is: "row", bytes: row });
};

beforeEach(async () => {
  team = new TestTeam();
  ada = team.device("ada");
  bob = team.device("bob");
  doc = ada.create("dec_1");
  ada.type(doc, (text) => text.insert(0, "base"));
  for (const device of [ada, bob]) device.sync.start();
  await expectSoon(() => bob.store.has(doc) && ada.states.at(-1)?.state === "verified");
  await quiet();
  team.time.advance(1000);
  ada.shown.length = 0;
  bob.shown.length = 0;
});

describe("S21", () => {
  test("S21: who looks at a document is shown what others type before it has a place in the stream", async () => {
    await look(ada, bob);
    storeNothing();
    type(ada, "!");
    await expectSoon(() => bob.shown.length === 1);
    expect(bob.shown[0]?.doc).toBe(doc);
    await quiet();
    expect(bob.text(doc)).toBe("base");
    expect(await bob.store.pendingDocuments(TEAM)).toEqual([]);
  });

  test("S21: the stream brings the same, counts it once, and a reader answers nothing", async () => {
    await look(ada, bob);
    type(ada, "!");
    await expectSoon(() => bob.text(doc) === "base!");
    const before = team.server.offered.length;
    expect((await bob.once()).alarms).toEqual([]);
    expect((await ada.once()).alarms).toEqual([]);
    expect(team.server.offered.length).toBe(before);
    expect(bob.applied.filter((one) => one.doc === doc).length).toBe(2);
  });

  test("S21: nothing goes there while nobody looks, nor after", async () => {
    type(ada, "1");
    await quiet();
    expect(channel().size).toBe(0);
    await look(ada, bob);
    ada.sync.lookAt(new Set());
    bob.sync.lookAt(new Set());
    await expectSoon(() => channel().size === 0);
    await look(ada, bob);
    await ada.sync.stop();
    await expectSoon(() => channel().size === 1);
    ada.sync.start();
    await expectSoon(() => channel().size === 2);
  });

  test("S21: a document that is not looked at here is not shown, nor one that is in another stream or unknown", async () => {
    await look(ada, bob);
    bob.sync.lookAt(new Set([ada.create("dec_unknown"), doc]));
    await quiet();
    const other = ada.create("dec_2");
    const update = ada.type(other, (text) => text.insert(0, "other"));
    ada.sync.edited(other, update.length);
    await quiet();
    expect(bob.shown.filter((one) => one.doc === other).length).toBe(1); // from the stream
    const strange = bob.create("dec_unknown", "decision", PROJECT_STREAM);
    ada.type("dec_unknown" as DocId, (text) => text.insert(0, "x"));
    ada.sync.edited("dec_unknown" as DocId, 10);
    await quiet();
    expect(bob.shown.filter((one) => one.doc === strange)).toEqual([]);
  });

  test("S21: what is cut, flipped, of another team, epoch or device is not shown, and is no alarm", async () => {
    await look(ada, bob);
    storeNothing();
    const rows: Bytes[] = [];
    const spy = team.server.connect().look(TEAM_STREAM, channelTag(team.keys, null), (said) => {
      if (said.is === "row") rows.push(said.bytes);
    });
    type(ada, "!");
    await expectSoon(() => rows.length === 1);
    spy.close();
    await quiet();
    bob.shown.length = 0;
    const [row] = rows as [Bytes];
    for (let at = 0; at < row.length; at += 7) {
      const flipped = row.slice();
      flipped[at] = (flipped[at] as number) ^ 4;
      heard(flipped);
      heard(row.slice(0, at));
    }
    heard(new Uint8Array(LIVE_MAX_BYTES + 1) as Bytes);
    const mallory = new TestTeam().device("mallory");
    mallory.transport.look = () => ({
      send: (is, bytes) => is === "row" && heard(bytes),
      close: () => undefined,
    });
    mallory.sync = mallory.start();
    mallory.create(doc);
    mallory.sync.start();
    mallory.sync.lookAt(new Set([doc]));
    await quiet();
    const forged = mallory.type(doc, (text) => text.insert(0, "forged"));
    mallory.sync.edited(doc, forged.length);
    await quiet();
    expect(bob.shown).toEqual([]);
    expect(bob.states.map(({ state }) => state)).not.toContain("alarm");
    heard(row);
    await expectSoon(() => bob.shown.length === 1);
  });

  test("S21: a store that fails costs the short way and ends nothing", async () => {
    await look(ada, bob);
    const { state } = bob.store;
    bob.store.state = async () => {
      throw new Error("the disk is gone");
    };
    storeNothing();
    type(ada, "!");
    await quiet();
    expect(bob.shown).toEqual([]);
    bob.store.state = state;
    type(ada, "?");
    team.time.advance(1000);
    await quiet();
    expect(bob.text(doc)).toBe("base");
  });

  test("S21: traces and large updates come with the stream alone", async () => {
    const trace = ada.create("ses_1", "trace");
    ada.sync.lookAt(new Set([trace, doc]));
    bob.sync.lookAt(new Set([trace, doc]));
    await expectSoon(() => channel().size === 2);
    storeNothing();
    ada.type(trace, (text) => text.insert(0, "t"));
    ada.sync.edited(trace, 10);
    await quiet();
    ada.type(doc, (text) => text.insert(0, seededRandom("noise")(LIVE_MAX_BYTES).join()));
    ada.sync.edited(doc, 3 * LIVE_MAX_BYTES);
    await quiet();
    expect(bob.shown).toEqual([]);
  });

  test("S21: the channel has another name in each epoch and stream", () => {
    const next = { ...team.keys, epoch: 2 };
    const tags = [
      channelTag(team.keys, null),
      channelTag(team.keys, PROJECT_STREAM.project),
      channelTag(next, null),
      channelTag(createTeamKeys(TEAM, seededRandom("another")), null),
    ];
    expect(new Set(tags).size).toBe(tags.length);
    for (const tag of tags) expect(tag).toMatch(/^[0-9a-f]{32}$/);
  });
});
