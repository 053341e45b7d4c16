/** Documents that are taken back: said in the log first, then let go by everybody, and by the next snapshot. */
import { beforeEach, describe, expect, test } from "vitest";
import type { DocId } from "../../src/base/ids.ts";
import { decodeEntry } from "../../src/crypto/log/entry.ts";
import { unwrap } from "../../src/base/result.ts";
import { KIND_ATTEST, KIND_DISPUTE, KIND_SNAPSHOT, peekHeader } from "../../src/crypto/header.ts";
import { expectSoon, quiet } from "./soon.ts";
import { TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
let kept: DocId;
let gone: DocId;

const write = (device: TestDevice, doc: DocId, word = "word ") =>
  device.type(doc, (text) => text.insert(text.length, word));
const retirements = () =>
  team.server.log.entries.filter((entry) => unwrap(decodeEntry(entry)).body.kind === "retire");
const marks = (kind: number) =>
  team.server.stream(TEAM_STREAM).rows.filter((row) => unwrap(peekHeader(row)).kind === kind);
const shared = async (device: TestDevice) =>
  (await device.store.documentsOf(TEAM_STREAM.team))
    .filter(({ retired }) => !retired)
    .map(({ id }) => id);

beforeEach(async () => {
  team = new TestTeam();
  ada = team.device("ada");
  bob = team.device("bob");
  [kept, gone] = [ada.create("dec_kept"), ada.create("dec_gone")];
  for (const doc of [kept, gone]) write(ada, doc);
  await ada.once();
  await bob.once();
});

describe("S41", () => {
  test("S41: whoever takes a document back says so in the log, once, and everybody lets it go", async () => {
    await ada.store.takeBack(gone);
    await ada.once();
    expect(retirements().length).toBe(1);
    expect((await bob.once()).alarms).toEqual([]);
    expect(bob.retired).toEqual([gone]);
    expect(await shared(bob)).toEqual([kept]);
    ada.crash();
    for (const device of [ada, bob, ada]) expect((await device.once()).alarms).toEqual([]);
    expect(retirements().length).toBe(1);
    expect(ada.text(gone)).toBe("word ");
  });

  test("S41: what others wrote in it meanwhile is neither sent nor taken, and is no alarm", async () => {
    write(bob, gone, "late ");
    await bob.once();
    await ada.store.takeBack(gone);
    write(bob, gone, "later ");
    await ada.once();
    const { length } = team.server.stream(TEAM_STREAM).rows;
    expect((await bob.once()).alarms).toEqual([]);
    expect(team.server.stream(TEAM_STREAM).rows.length).toBe(length);
    const dan = team.device("dan");
    expect((await dan.once()).alarms).toEqual([]);
    expect(await shared(dan)).toEqual([kept]);
    expect(dan.text(gone)).toBe("");
    expect(dan.text(kept)).toBe("word ");
  });

  test("S41: nobody takes back what another has shared", async () => {
    await bob.store.takeBack(gone);
    await bob.once();
    expect(retirements()).toEqual([]);
    await ada.once();
    expect(ada.retired).toEqual([]);
  });

  test("S41: a stream that is read anew does not bring it back, and does not send it again", async () => {
    await ada.store.takeBack(gone);
    await ada.once();
    await bob.once();
    team.server.stream(TEAM_STREAM).rows.splice(0);
    for (const device of [bob, ada]) {
      await device.once();
      expect(unwrap(await device.sync.restart(TEAM_STREAM)).alarms).toEqual([]);
    }
    const dan = team.device("dan");
    await dan.once();
    expect(await shared(dan)).toEqual([kept]);
  });

  test("S41: the next snapshot is without it, whoever has read of it or not; who begins there never had it", async () => {
    for (let i = 0; i < 10; i++) {
      write(ada, kept);
      write(ada, gone);
      await ada.once();
    }
    team.gatheredBytes = 256 * 8;
    for (const device of [ada, bob]) device.crash();
    write(ada, kept);
    await ada.once();
    await bob.once();
    expect(marks(KIND_ATTEST).length).toBe(1);
    const snapshots = marks(KIND_SNAPSHOT).length;
    await ada.store.takeBack(gone);
    await ada.once();
    expect(marks(KIND_SNAPSHOT).length).toBeGreaterThan(snapshots);
    expect((await bob.once()).alarms).toEqual([]);
    expect([marks(KIND_ATTEST).length, marks(KIND_DISPUTE).length]).toEqual([2, 0]);
    const dan = team.device("dan");
    expect((await dan.once()).alarms).toEqual([]);
    expect(await shared(dan)).toEqual([kept]);
    expect([dan.text(gone), dan.text(kept)]).toEqual(["", ada.text(kept)]);
  });

  /** A snapshot with both documents in it, for which bodies went. Cyd checks what ada makes. */
  async function compacted(): Promise<TestDevice> {
    const cyd = team.device("cyd");
    for (let i = 0; i < 10; i++) {
      write(ada, kept);
      write(ada, gone);
      await ada.once();
    }
    team.gatheredBytes = 256 * 8;
    for (const device of [ada, cyd]) device.crash();
    write(ada, kept);
    await ada.once();
    await cyd.once();
    expect(marks(KIND_ATTEST).length).toBe(1);
    return cyd;
  }

  test("S41: what was on its way into it when the snapshot without it was made brings it back to nobody", async () => {
    const cyd = await compacted();
    await bob.once();
    const { push } = bob.transport;
    bob.transport.push = async (...args) => {
      bob.transport.push = push;
      await ada.store.takeBack(gone);
      await ada.once();
      await cyd.once();
      expect(marks(KIND_ATTEST).length).toBe(2);
      return push(...args);
    };
    write(bob, gone, "late ");
    await bob.once();
    const dan = team.device("dan");
    for (const device of [dan, ada, bob, cyd]) {
      expect((await device.once()).alarms).toEqual([]);
      expect(await shared(device)).toEqual([kept]);
    }
    expect(dan.text(gone)).toBe("");
  });

  test("S41: a snapshot that is without it disputes nobody who has not read of it yet", async () => {
    const cyd = await compacted();
    const { snapshots } = bob.transport;
    bob.transport.snapshots = async (stream) => {
      bob.transport.snapshots = snapshots;
      await ada.store.takeBack(gone);
      await ada.once();
      await cyd.once();
      return snapshots(stream);
    };
    expect((await bob.once()).alarms).toEqual([]);
    expect(marks(KIND_DISPUTE)).toEqual([]);
    expect(await shared(bob)).toEqual([kept]);
  });

  test("S41: what is typed in it afterwards is sent by nobody, live or not, and what was on its way is forgotten", async () => {
    ada.sync.start();
    await expectSoon(() => ada.states.at(-1)?.state === "verified");
    await ada.store.takeBack(gone);
    ada.sync.poke();
    await expectSoon(() => retirements().length === 1);
    const { length } = team.server.stream(TEAM_STREAM).rows;
    write(ada, gone, "for myself ");
    ada.sync.edited(gone, 20);
    write(ada, kept, "for all ");
    ada.sync.edited(kept, 20);
    await expectSoon(() => team.server.stream(TEAM_STREAM).rows.length > length);
    await ada.sync.stop();
    expect(ada.store.pendingOf(kept)).toBe(null);
    expect(team.server.stream(TEAM_STREAM).rows.length).toBe(length + 1);
  });
});

describe("S42", () => {
  test("S42: what waits for its window does not leave any more", async () => {
    const [one, other] = [team.device("one"), team.device("other")];
    const id = one.create("ses_1.1", "trace");
    const record = (text: string) =>
      one.sync.edited(id, one.type(id, (t) => t.insert(t.length, text)).length, true);
    for (const device of [one, other]) device.sync.start();
    await quiet();
    record("base");
    await expectSoon(() => other.store.has(id) && other.text(id) === "base");
    record(" and more");
    await one.store.retire([id], one.identity.id);
    team.time.advance(10_000);
    await quiet();
    expect(other.text(id)).toBe("base");
    for (const device of [one, other]) await device.sync.stop();
  });

  test("S42: what was sealed while the network was gone does not leave when it is back", async () => {
    const [one, other] = [team.device("one"), team.device("other")];
    const [unlinked, unshared] = [one.create("dec_8"), one.create("dec_9")];
    for (const id of [unlinked, unshared]) one.type(id, (text) => text.insert(0, "base"));
    await one.once();
    await other.once();
    const before = team.server.stream(TEAM_STREAM).rows.length;
    for (const id of [unlinked, unshared]) one.type(id, (text) => text.insert(0, "more "));
    team.server.failNext = "lose question";
    expect((await one.sync.once()).ok).toBe(false);
    await one.store.retire([unlinked], one.identity.id);
    await one.store.takeBack(unshared);
    await one.once();
    expect(team.server.stream(TEAM_STREAM).rows.length).toBe(before);
    await other.once();
    expect(other.text(unlinked)).toBe("base");
  });
});
