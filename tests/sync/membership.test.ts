/** Who is in the team, and with which keys, while rows come and go. */
import { beforeEach, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { type Bytes, toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { fail, ok, type Result, unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { type Fence, MAX_FENCES } from "../../src/crypto/log/body.ts";
import { peekHeader } from "../../src/crypto/header.ts";
import { sealUpdate } from "../../src/sync/seal.ts";
import type { Cursor, StreamRef } from "../../src/sync/ports.ts";
import { START } from "../../src/sync/streams.ts";
import {
  createTeam,
  type Entered,
  joinTeam,
  type Means,
  restoreTeam,
  type Seat,
} from "../../src/sync/team/enter.ts";
import { invite, type Manager, printKit, remove } from "../../src/sync/team/manage.ts";
import type { Team } from "../../src/sync/team/team.ts";
import { QUICK, seededRandom } from "../crypto/samples.ts";
import { byDevice, entry } from "../rls/entries.ts";
import { type EpochBeside, memberOf, MemoryLog, PASSPHRASE } from "./memoryLog.ts";
import { expectSoon } from "./soon.ts";
import { PROJECT_STREAM, TEAM, TestDevice, TestTeam } from "./team.ts";

let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
let cyd: TestDevice;
let doc: DocId;

const by = (device: TestDevice): Manager => ({
  device: device.identity,
  random: seededRandom(`manager ${device.identity.id}`),
  nowMs: team.time.clock.nowMs,
});
const removeDevice = (by_: TestDevice, whom: TestDevice) =>
  by_.sync.manage((of, fences) =>
    remove(of, { kind: "remove-device", device: whom.identity.id }, fences, by(by_)),
  );
const removeMember = (by_: TestDevice, member: string) =>
  by_.sync.manage((of, fences) => remove(of, { kind: "remove-member", member }, fences, by(by_)));
const type = (device: TestDevice, word: string) =>
  device.type(doc, (text) => text.insert(text.length, word));
const epochs = () => team.server.log.beside.length;

beforeEach(async () => {
  team = new TestTeam();
  ada = team.device("ada", "admin");
  bob = team.device("bob");
  cyd = team.device("cyd");
  doc = ada.create("dec_1");
  type(ada, "base ");
  await ada.once();
  for (const device of [bob, cyd]) await device.once();
});

describe("S23", () => {
  test("S23: a removal ends the rights and brings a new key to those who stay, in one step", async () => {
    unwrap(await removeMember(ada, memberOf("cyd")));
    expect(epochs()).toBe(2);
    expect(ada.keys.epoch).toBe(2);
    type(ada, "secret ");
    expect(await ada.once()).toMatchObject({ pushed: 1, alarms: [] });
    expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [], verified: true });
    expect(bob.keys).toEqual(ada.keys);
    expect(bob.text(doc)).toBe("base secret ");
    expect(await cyd.sync.once()).toMatchObject({ ok: false, fault: { type: "removed" } });
    expect(cyd.text(doc)).toBe("base ");
  });

  test("S23: the removed device's old key opens nothing of the new epoch, and nothing of it is read", async () => {
    unwrap(await removeDevice(ada, cyd));
    const [kept] = unwrap(await team.server.log.epochs(TEAM, cyd.identity.id)).slice(1);
    expect(kept?.box).toBe(null);
    expect(cyd.keys.epoch).toBe(1);
    expect(ada.keys.teamSecret.reveal()).not.toEqual(cyd.keys.teamSecret.reveal());
    // A server that is on its side takes its rows all the same.
    const stream = team.server.stream({ team: TEAM, project: null });
    const before = stream.rows.length;
    team.server.admitsAnyEpoch = true;
    cyd.transport.readLog = async () =>
      ok({ entries: [], listed: team.server.log.entries.length - 2 });
    const { pull } = cyd.transport;
    cyd.transport.pull = async (...asked) => {
      const page = unwrap(await pull(...asked));
      return ok({ ...page, listed: page.listed - 2 });
    };
    type(cyd, "still here ");
    await cyd.once();
    expect(stream.rows.length).toBe(before + 1);
    for (const device of [ada, bob]) {
      const { alarms } = await device.once();
      expect(alarms).toEqual([expect.stringContaining("had been removed by then")]);
      expect(device.text(doc)).toBe("base ");
    }
  });

  test("S23: what the removed device had sent before still counts, for those who read it later too", async () => {
    type(cyd, "last words ");
    await cyd.once();
    unwrap(await removeDevice(ada, cyd));
    for (const device of [ada, bob]) {
      expect((await device.once()).alarms).toEqual([]);
      expect(device.text(doc)).toBe("base last words ");
    }
  });

  test("S23: when somebody writes in between, the fences are drawn again", async () => {
    const { appendLog } = ada.transport;
    let interrupted = false;
    ada.transport.appendLog = async (...asked) => {
      if (!interrupted) {
        interrupted = true;
        type(cyd, "quick ");
        await cyd.once();
      }
      return appendLog(...asked);
    };
    unwrap(await removeDevice(ada, cyd));
    expect(ada.text(doc)).toBe("base quick ");
    expect((await bob.once()).alarms).toEqual([]);
    expect(bob.text(doc)).toBe("base quick ");
  });

  /** Ada, who may not read the project, removes cyd: what the server says of that stream. */
  async function fencedUnseen(head: Cursor): Promise<void> {
    const secret = bob.create("dec_secret", "decision", PROJECT_STREAM);
    for (const word of ["one ", "two "]) {
      bob.type(secret, (text) => text.insert(0, word));
      await bob.once();
    }
    await cyd.once();
    const { pull } = ada.transport;
    ada.transport.pull = async (...asked) => {
      const page = unwrap(await pull(...asked));
      const isSeen = ({ stream }: { stream: StreamRef }) => stream.project === null;
      return ok({ ...page, rows: page.rows.filter(isSeen), heads: page.heads.filter(isSeen) });
    };
    const { log } = team.server;
    const heads = log.headsNow?.() ?? [];
    log.headsNow = () =>
      heads.map((each) => (each.stream.project === null ? each : { ...each, cursor: head }));
    ada.crash();
    await ada.once();
    unwrap(await removeMember(ada, memberOf("cyd")));
  }
  const inProject = () => team.server.stream(PROJECT_STREAM).rows;
  function evil(seed: string): Bytes {
    const author = {
      keys: team.keys,
      device: cyd.identity,
      replica: toHex(seededRandom(seed)(16)),
    };
    const target = {
      doc: `dec_${seed}` as DocId,
      kind: "decision",
      stream: PROJECT_STREAM,
    } as const;
    const update = Y.encodeStateAsUpdate(new Y.Doc({ guid: seed })) as Bytes;
    return sealUpdate(author, target, update, null, START, seededRandom(seed))[0]?.row as Bytes;
  }

  for (const knows of [true, false])
    test(`S23: a fence ahead of its stream, which the server named, lets nothing in (${knows ? "known" : "new"})`, async () => {
      const { h } = team.server.headOf(team.server.stream(PROJECT_STREAM));
      await fencedUnseen({ n: 2 ** 40, h });
      if (knows) expect((await bob.once()).alarms).toEqual([]);
      inProject().push(evil("late"));
      expect((await bob.once()).alarms).toEqual([expect.stringContaining("had been removed")]);
      expect(bob.store.has("dec_late" as DocId)).toBe(false);
    });

  for (const knows of [true, false])
    test(`S23: a fence at a place that its stream does not have is an alarm (${knows ? "behind" : "ahead"})`, async () => {
      await fencedUnseen({ n: knows ? 2 : 3, h: new Uint8Array(32) });
      if (!knows) inProject().push(evil("late"));
      expect((await bob.once()).alarms).toEqual([expect.stringContaining("another history")]);
      expect((await bob.once()).alarms).toEqual([]);
    });

  test("S23: a fence that the stream has reached since it was asked for is none ahead", async () => {
    const { pull } = bob.transport;
    let raced = false;
    bob.transport.pull = async (...asked) => {
      const page = await pull(...asked);
      if (raced) return page;
      raced = true;
      type(cyd, "last words ");
      await cyd.once();
      unwrap(await removeDevice(ada, cyd));
      return ok({ ...unwrap(page), listed: team.server.log.entries.length });
    };
    expect((await bob.once()).alarms).toEqual([]);
    expect(bob.text(doc)).toBe("base last words ");
  });

  test("S23: nobody is kept in the team by the projects that they made", async () => {
    const crowd = (i: number) => `0191d3a0-7c1e-7b2a-9c3d-${String(i).padStart(12, "0")}`;
    for (let i = 0; i < MAX_FENCES; i++) team.server.stream({ team: TEAM, project: crowd(i) });
    const { heads } = ada.transport;
    let drawn: readonly Fence[] = [];
    const fencedBy = (of: Team, fences: () => Promise<Result<readonly Fence[]>>) =>
      remove(
        of,
        { kind: "remove-member", member: memberOf("cyd") },
        async () => {
          const found = await fences();
          if (found.ok) drawn = found.value;
          return found;
        },
        by(ada),
      );
    // Of empty ones there is nothing to say.
    unwrap(await ada.sync.manage(fencedBy));
    expect(drawn.map(({ n }) => n)).toEqual([1]);
    // Of more than an entry holds, the largest are named.
    const dan = team.device("dan");
    team.server.log.headsNow = null;
    ada.transport.heads = async (id) => {
      const real = unwrap(await heads.call(ada.transport, id));
      return ok([
        ...Array.from({ length: MAX_FENCES }, (_, i) => ({
          stream: { team: TEAM, project: crowd(i) },
          cursor: { n: 1, h: new Uint8Array(32) },
        })),
        ...real,
      ]);
    };
    await ada.once();
    type(ada, "more ");
    await ada.once();
    unwrap(await removeMember(ada, memberOf("dan")));
    const gone = (await ada.store.log(TEAM))?.entries.length;
    expect(gone).toBe(team.server.log.entries.length);
    await bob.once();
    expect(bob.keys.epoch).toBe(3);
    expect(await dan.sync.once()).toMatchObject({ ok: false, fault: { type: "removed" } });
  });

  test("S23: who may not remove is told so, and nothing is changed", async () => {
    const { length } = team.server.log.entries;
    expect(await removeMember(bob, memberOf("cyd"))).toMatchObject({
      ok: false,
      fault: { type: "log-rights", message: expect.stringContaining("Your role") },
    });
    expect(team.server.log.entries.length).toBe(length);
  });
});

describe("S24", () => {
  test("S24: after somebody left, the first of the others who hears of it makes the new key", async () => {
    unwrap(await removeMember(cyd, memberOf("cyd")));
    expect(epochs()).toBe(1);
    await bob.once();
    expect(epochs()).toBe(2);
    await ada.once();
    expect(epochs()).toBe(2);
    expect(ada.keys).toEqual(bob.keys);
    expect(ada.keys.epoch).toBe(2);
  });

  test("S24: two who make it at once make one", async () => {
    unwrap(await removeMember(cyd, memberOf("cyd")));
    await Promise.all([ada.once(), bob.once()]);
    expect(epochs()).toBe(2);
    type(ada, "a ");
    await ada.once();
    await bob.once();
    expect(bob.text(doc)).toBe("base a ");
  });

  test("S24: who could not make it tries again, and sends nothing under the old key", async () => {
    unwrap(await removeMember(cyd, memberOf("cyd")));
    const { appendLog } = bob.transport;
    bob.transport.appendLog = async () => fail("offline", "There is no connection.");
    expect((await bob.sync.once()).ok).toBe(false);
    type(bob, "after ");
    expect((await bob.sync.once()).ok).toBe(false);
    bob.transport.appendLog = appendLog;
    expect(await bob.once()).toMatchObject({ pushed: 1, alarms: [] });
    expect(epochs()).toBe(2);
    expect(bob.keys.epoch).toBe(2);
  });

  test("S24: the passphrase in use opens the new epoch too, and nobody typed it", async () => {
    unwrap(await removeMember(cyd, memberOf("cyd")));
    await bob.once();
    const text = unwrap(
      await ada.sync.manage((of) => invite(of, "member", "dan@example.org", by(ada))),
    );
    const joined = unwrap(
      await joinTeam(text.reveal(), PASSPHRASE, seat("dan"), async () => {}, means()),
    );
    expect(joined.keys).toEqual(ada.keys);
  });
});

describe("S24", () => {
  test("S24: a passphrase record that is of no use keeps nobody in the team; another passphrase heals it", async () => {
    const { log } = team.server;
    log.beside = log.beside.map((one) => ({ ...one, keyRecord: seededRandom("no record")(205) }));
    unwrap(await removeMember(ada, memberOf("cyd")));
    await bob.once();
    expect(bob.keys).toEqual(ada.keys);
    const next = new Secret("other words that somebody typed");
    unwrap(await ada.sync.manage((of) => of.changePassphrase(next)));
    const text = unwrap(
      await ada.sync.manage((of) => invite(of, "member", "dan@example.org", by(ada))),
    ).reveal();
    const enter = (words: Secret<string>) =>
      joinTeam(text, words, seat("dan"), async () => {}, means());
    expect(await enter(PASSPHRASE)).toMatchObject({ fault: { type: "wrong-passphrase" } });
    expect(unwrap(await enter(next)).keys).toEqual(ada.keys);
  });
});

describe("S24", () => {
  const next = new Secret("other words that somebody typed");
  const opens = async (words: Secret<string>): Promise<boolean> => {
    const text = unwrap(
      await ada.sync.manage((of) => invite(of, "member", "dan@example.org", by(ada))),
    ).reveal();
    const joined = await joinTeam(text, words, seat("dan"), async () => {}, means());
    return joined.ok;
  };
  /** While this device makes a new key: before, or after it is in the log. */
  function meanwhile(device: TestDevice, when: "before" | "after", what: () => Promise<void>) {
    const { appendLog } = device.transport;
    device.transport.appendLog = async (...asked) => {
      device.transport.appendLog = appendLog;
      if (when === "before") await what();
      const appended = await appendLog.call(device.transport, ...asked);
      if (when === "after") await what();
      return appended;
    };
  }
  const changes = async () => unwrap(await ada.sync.manage((of) => of.changePassphrase(next)));
  const rotates = async () => unwrap(await bob.sync.manage((of) => of.rotate(null)));

  for (const when of ["before", "after"] as const)
    test(`S24: a passphrase that is changed ${when} another's new key is listed stays the one in use`, async () => {
      bob = team.device("eva", "admin");
      await bob.once();
      meanwhile(bob, when, changes);
      await rotates();
      expect(epochs()).toBe(2);
      expect(await opens(next)).toBe(true);
    });

  test("S24: so does one that is put beside a key that is no more the newest", async () => {
    bob = team.device("eva", "admin");
    await bob.once();
    const { putKeyRecord } = ada.transport;
    ada.transport.putKeyRecord = async (...asked) => {
      ada.transport.putKeyRecord = putKeyRecord;
      await rotates();
      return putKeyRecord.call(ada.transport, ...asked);
    };
    await changes();
    expect(await opens(next)).toBe(true);
  });

  test("S24: whoever changes the passphrase all the time stops no removal", async () => {
    const eva = team.device("eva", "admin");
    await eva.once();
    const { appendLog } = ada.transport;
    ada.transport.appendLog = async (...asked) => {
      unwrap(await eva.sync.manage((of) => of.changePassphrase(next)));
      return appendLog.call(ada.transport, ...asked);
    };
    unwrap(await removeMember(ada, memberOf("cyd")));
    expect(epochs()).toBe(2);
  });
});

describe("S25", () => {
  test("S25: what is pending when the key changes is sealed under the new one, and nothing is lost", async () => {
    type(bob, "offline ");
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    expect(await bob.once()).toMatchObject({ pushed: 1, alarms: [] });
    await ada.once();
    expect(ada.text(doc)).toBe("base offline ");
  });

  test("S25: rows on their way when the key changes are sent again under the new one", async () => {
    const { push } = bob.transport;
    bob.transport.push = async (...asked) => {
      bob.transport.push = push;
      unwrap(await ada.sync.manage((of) => of.rotate(null)));
      return push(...asked);
    };
    type(bob, "late ");
    expect(await bob.once()).toMatchObject({ pushed: 1, alarms: [] });
    await ada.once();
    expect(ada.text(doc)).toBe("base late ");
  });

  test("S25: a device that slept through several epochs has all their keys, and reads everything", async () => {
    for (const word of ["one ", "two ", "three "]) {
      unwrap(await ada.sync.manage((of) => of.rotate(null)));
      type(ada, word);
      await ada.once();
    }
    expect(await bob.once()).toMatchObject({ pulled: 3, alarms: [] });
    expect(bob.text(doc)).toBe("base one two three ");
    bob.crash();
    type(bob, "four ");
    await bob.once();
    await ada.once();
    expect(ada.text(doc)).toBe("base one two three four ");
  });

  test("S25: killed between its new keys and the new log, the next process reads on", async () => {
    const { keepLog } = ada.store;
    ada.store.keepLog = () => new Promise(() => {});
    void ada.sync.manage((of) => of.rotate(null));
    await expectSoon(() => ada.keys.epoch === 2);
    ada.store.keepLog = keepLog;
    ada.crash();
    type(ada, "alive ");
    expect(await ada.once()).toMatchObject({ pushed: 1, alarms: [] });
    await bob.once();
    expect(bob.text(doc)).toBe("base alive ");
  });

  test("S25: with a log that is older than its keys, a device reads on; where there is nothing, it is an alarm", async () => {
    const { log } = team.server;
    const { entries } = log;
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    await bob.once();
    await bob.store.keepLog(TEAM, { listed: entries.length, entries });
    bob.crash();
    const longer = log.entries;
    log.entries = entries;
    expect((await bob.once()).alarms).toEqual([
      expect.stringContaining("older state of this team"),
    ]);
    expect(bob.keys.epoch).toBe(2);
    log.entries = longer;
    expect(await bob.once()).toMatchObject({ verified: true, alarms: [] });
  });

  test("S25: keys that are not the log's are not used: the device's box has them", async () => {
    const keys = ada.keys;
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    const made = ada.keys;
    ada.keys = { ...made, epochKey: keys.epochKey };
    ada.crash();
    expect(await ada.once()).toMatchObject({ verified: true, alarms: [] });
    expect(ada.keys).toEqual(made);
  });

  test("S25: a device that was given no key of one epoch takes the next one's", async () => {
    const { log } = team.server;
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    const [first, second] = log.beside;
    const boxes = new Map(second?.boxes);
    boxes.set(bob.identity.id, seededRandom("nonsense")(205));
    log.beside = [first as EpochBeside, { ...(second as EpochBeside), boxes }];
    type(ada, "one ");
    await ada.once();
    expect(await bob.sync.once()).toMatchObject({ ok: false, fault: { type: "key-box" } });
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [] });
    expect(bob.text(doc)).toBe("base one ");
  });

  test("S25: nobody is held at a former key: its box is refused, and nothing is sent under it", async () => {
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    await bob.once();
    unwrap(await removeDevice(ada, cyd));
    const { log } = team.server;
    const [first, second, third] = log.beside as [EpochBeside, EpochBeside, EpochBeside];
    log.beside = [first, second, { ...third, boxes: second.boxes }];
    team.server.admitsAnyEpoch = true;
    const before = team.server.offered.length;
    type(bob, "secret ");
    expect(await bob.sync.once()).toMatchObject({ ok: false, fault: { type: "key-box" } });
    bob.crash();
    expect(await bob.sync.once()).toMatchObject({ ok: false, fault: { type: "key-box" } });
    expect(team.server.offered.length).toBe(before);
  });

  test("S25: a server that withholds the new keys is told of, and nothing is sent under the old one", async () => {
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    const { beside } = team.server.log;
    team.server.log.beside = beside.slice(0, 1);
    type(bob, "x ");
    expect(await bob.sync.once()).toMatchObject({ ok: false, fault: { type: "no-epoch-keys" } });
    team.server.log.beside = beside;
    expect(await bob.once()).toMatchObject({ pushed: 1, alarms: [] });
  });
});

describe("S24: an entry that does not fit stands where the next epoch would", () => {
  /** In bob's name, and nobody signed it; the server takes no rows but of that epoch. */
  function listed(): void {
    const { log } = team.server;
    const recipients = [ada, bob, cyd].map(({ identity }) => identity.id);
    const [commitment, author] = [new Uint8Array(32).fill(7), byDevice(bob.identity)];
    const body = { kind: "epoch", epoch: 2, former: 1, commitment, recipients } as const;
    log.entries = [...log.entries, entry(TEAM, author, body, team.time.ms)];
    team.server.admitsAnyEpoch = true;
    for (const { transport } of [ada, bob, cyd]) {
      const { push } = transport;
      transport.push = async (stream, rows) =>
        rows.some((row) => unwrap(peekHeader(row)).epoch < 2)
          ? fail("stale-epoch", "newer")
          : push(stream, rows);
    }
  }

  test("S24: who leads the team makes that epoch, and everybody goes on", async () => {
    listed();
    type(ada, "on ");
    expect(await ada.once()).toMatchObject({ pushed: 1, alarms: [] });
    expect(ada.keys.epoch).toBe(2);
    type(cyd, "too ");
    expect(await cyd.once()).toMatchObject({ pushed: 1, alarms: [] });
    expect((await bob.once()).alarms).toEqual([]);
    for (const word of ["on ", "too "]) expect(bob.text(doc)).toContain(word);
    expect(epochs()).toBe(2);
  });

  test("S24: a row that its author claims to be of that epoch holds nobody up for longer than that", async () => {
    listed();
    const author = {
      keys: { ...bob.keys, epoch: 2 },
      device: bob.identity,
      replica: "ab".repeat(16),
    };
    const target = { doc, kind: "decision", stream: { team: TEAM, project: null } } as const;
    const rows = sealUpdate(author, target, new Uint8Array(3), null, START, seededRandom("row"));
    unwrap(
      await bob.transport.push(
        target.stream,
        rows.map(({ row }) => row),
      ),
    );
    await ada.once();
    expect(ada.keys.epoch).toBe(2);
    type(ada, "on ");
    await ada.once();
    await cyd.once();
    expect(cyd.text(doc)).toBe("base on ");
  });

  test("S24: others say whose entry it is, and lose nothing", async () => {
    listed();
    type(cyd, "mine ");
    const fault = { type: "stale-epoch", message: expect.stringMatching(/bob's laptop.*rotate/) };
    expect(await cyd.sync.once()).toMatchObject({ ok: false, fault });
    await ada.once();
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    expect(await cyd.once()).toMatchObject({ pushed: 1, alarms: [] });
  });

  test("S24: a server that names no such entry makes nobody make one", async () => {
    for (const { transport } of [ada]) transport.push = async () => fail("stale-epoch", "newer");
    type(ada, "mine ");
    const fault = { type: "stale-epoch", message: expect.stringContaining("shows none") };
    expect(await ada.sync.once()).toMatchObject({ ok: false, fault });
    expect(epochs()).toBe(1);
  });
});

describe("S22", () => {
  test("S22: a log that was set back is an alarm, and nothing else is believed", async () => {
    const { log } = team.server;
    const { entries } = log;
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    await bob.once();
    const longer = log.entries;
    type(ada, "more ");
    await ada.once();
    log.entries = entries;
    const report = await bob.once();
    expect(report).toMatchObject({ pulled: 0, verified: false });
    expect(report.alarms).toEqual([expect.stringContaining("older state of this team")]);
    log.entries = longer;
    expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [] });
  });

  test.each([false, true])(
    "S22: that the log was set back may show only in a row: nothing behind it is read or sent (more pages: %s)",
    async (more) => {
      const { log } = team.server;
      unwrap(await ada.sync.manage((of) => of.rotate(null)));
      await bob.once();
      const other = ada.create("dec_2", "decision", PROJECT_STREAM);
      ada.type(other, (text) => text.insert(0, "there "));
      await ada.once();
      log.entries = log.entries.slice(0, -1);
      const stranger = new TestTeam("strange").device("ghost");
      const author = { keys: bob.keys, device: stranger.identity, replica: "ab".repeat(16) };
      const target = { doc, kind: "decision", stream: { team: TEAM, project: null } } as const;
      const rows = sealUpdate(author, target, typed("boo "), null, START, seededRandom("ghost"));
      team.server.stream(target.stream).rows.push((rows[0] as { row: Bytes }).row);
      const { pull } = bob.transport;
      let pulls = 0;
      bob.transport.pull = async (...asked) => {
        if (++pulls > 9) return fail("offline", "It asks and asks.");
        const page = unwrap(await pull(...asked));
        return ok({ ...page, listed: page.listed + 1, more });
      };
      type(bob, "unsent ");
      const before = team.server.offered.length;
      expect(await bob.once()).toMatchObject({
        pulled: 0,
        pushed: 0,
        alarms: [expect.stringContaining("older state of this team")],
      });
      expect(team.server.offered.length).toBe(before);
    },
  );

  test("S22: another history than before is an alarm, also after a restart", async () => {
    const { log } = team.server;
    const { founding } = team;
    const { state } = founding;
    const { entries } = log;
    founding.admit(createDevice(seededRandom("dan")), "dan");
    await bob.once();
    founding.state = state;
    log.entries = entries;
    for (const name of ["eve", "fay"]) founding.admit(createDevice(seededRandom(name)), name);
    bob.crash();
    expect((await bob.once()).alarms).toEqual([expect.stringContaining("two histories")]);
  });

  test("S22: entries that fit nowhere are left out, and stop nobody", async () => {
    const { log } = team.server;
    const [, epoch] = log.entries;
    log.entries = [...log.entries, seededRandom("garbage")(300), epoch as Bytes];
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    type(ada, "on ");
    await ada.once();
    expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [] });
    bob.crash();
    expect((await bob.once()).alarms).toEqual([]);
  });

  // Longer than it was at its start, or than it was the time before.
  test.each([0, 2])(
    "S22: a list that grows whenever it is read keeps nobody reading (%i)",
    async (more) => {
      const { readLog } = bob.transport;
      let asked = 0;
      bob.transport.readLog = async (of, after) => {
        if (++asked > 50) throw new Error("it reads and reads");
        const { entries, listed } = unwrap(await readLog(of, after));
        const [entry = seededRandom(`garbage ${asked}`)(300)] = entries;
        return ok({ entries: [entry], listed: after < listed ? listed + more : after + 2 });
      };
      const { pull } = bob.transport;
      bob.transport.pull = async (...given) => {
        const page = unwrap(await pull(...given));
        return ok({ ...page, listed: page.listed + 1 });
      };
      type(ada, "more ");
      await ada.once();
      expect((await bob.sync.once()).ok).toBe(true);
      expect(bob.text(doc)).toBe("base more ");
    },
  );

  test("S22: where garbage was read something else may stand later: a row tells, and the list is read again", async () => {
    const { log } = team.server;
    const { entries } = log;
    log.entries = [...entries, seededRandom("one")(300), seededRandom("two")(300)];
    await bob.once();
    log.entries = entries;
    unwrap(await removeDevice(ada, cyd));
    expect(log.entries.length).toBe(entries.length + 2);
    type(ada, "new ");
    await ada.once();
    expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [] });
    expect(bob.keys.epoch).toBe(2);
  });

  test("S22: a device that the server made up is nobody", async () => {
    const stranger = new TestTeam("strange");
    const ghost = stranger.device("ghost");
    const { log } = team.server;
    log.entries = [...log.entries, stranger.server.log.entries.at(-1) as Bytes];
    const author = { keys: team.keys, device: ghost.identity, replica: "ab".repeat(16) };
    const target = { doc, kind: "decision", stream: { team: TEAM, project: null } } as const;
    const rows = sealUpdate(author, target, typed("boo "), null, START, seededRandom("ghost"));
    team.server.stream(target.stream).rows.push((rows[0] as { row: Bytes }).row);
    expect((await bob.once()).alarms).toEqual([expect.stringContaining("no such device")]);
    expect(bob.text(doc)).toBe("base ");
  });
});

describe("S26", () => {
  const invited = async () =>
    unwrap(
      await ada.sync.manage((of) => invite(of, "member", "dan@example.org", by(ada))),
    ).reveal();
  const join = (text: string, passphrase = PASSPHRASE, who = "dan") =>
    joinTeam(text, passphrase, seat(who), async () => {}, means());

  test("S26: a wrong passphrase uses nothing up; the invite is used once", async () => {
    const text = await invited();
    const wrong = await join(text, new Secret("not these words"));
    expect(wrong).toMatchObject({ ok: false, fault: { type: "wrong-passphrase" } });
    expect(unwrap(await join(text)).keys).toEqual(ada.keys);
    expect(await join(text, PASSPHRASE, "eve")).toMatchObject({
      ok: false,
      fault: { type: "invite" },
    });
  });

  test("S26: the keys are held before the device is listed, so that a crash in between loses neither", async () => {
    const text = await invited();
    const held: string[] = [];
    const before = team.server.log.entries.length;
    const hold = async () => void held.push(`${team.server.log.entries.length}`);
    unwrap(await joinTeam(text, PASSPHRASE, seat("dan"), hold, means()));
    expect(held).toEqual([`${before}`]);
  });

  test("S26: so is the log that the invite pinned: after a crash nobody can be led to an older one", async () => {
    const text = await invited();
    const before = team.server.log.entries;
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    const again = await invited();
    expect(await join(text)).toMatchObject({ ok: false, fault: { type: "invite" } });
    const dan = new TestDevice(team, "dan");
    const crash = async ({ keys, log }: Entered) => {
      dan.keys = keys;
      await dan.store.keepLog(TEAM, log);
    };
    const who = { ...seat("dan"), device: dan.identity };
    unwrap(await joinTeam(again, PASSPHRASE, who, crash, means()));
    dan.crash();
    const { entries } = team.server.log;
    team.server.log.entries = before;
    expect((await dan.once()).alarms).toEqual([expect.stringContaining("older state")]);
    team.server.log.entries = entries;
    expect((await dan.once()).alarms).toEqual([]);
  });

  test("S26: another team, an older one, or keys of the server's own making cannot be joined", async () => {
    const text = await invited();
    const { log } = team.server;
    const { entries, beside } = log;
    const other = new TestTeam("fake").server.log;
    log.entries = other.entries;
    expect(await join(text)).toMatchObject({ ok: false });
    log.entries = entries.slice(0, -1);
    expect(await join(text)).toMatchObject({ ok: false, fault: { type: "log-rollback" } });
    log.entries = entries;
    log.beside = [
      { ...(beside[0] as (typeof beside)[0]), keyRecord: other.beside[0]?.keyRecord as Bytes },
    ];
    expect(await join(text)).toMatchObject({ ok: false, fault: { type: "wrong-passphrase" } });
    log.beside = beside;
    expect(await join(text)).toMatchObject({ ok: true });
  });

  test("S26: a removal ends invites that are open", async () => {
    const text = await invited();
    unwrap(await removeDevice(ada, cyd));
    expect(await join(text)).toMatchObject({ ok: false, fault: { type: "invite" } });
  });

  test("S26: with a recovery kit a member comes back on a new device, without the passphrase, after a new key too", async () => {
    const person = { name: "on paper", email: "bob@example.org" };
    const kit = unwrap(await bob.sync.manage((of) => printKit(of, person, by(bob)))).reveal();
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    const restored = unwrap(await restoreTeam(kit, seat("bob"), async () => {}, means()));
    expect(restored.keys).toEqual(ada.keys);
    unwrap(await ada.sync.manage(async () => ok(undefined)));
    expect(await ada.sync.personAt(seat("bob").device.id)).toMatchObject({
      email: "bob@example.org",
    });
    // A kit writes no rows, and opens nothing once its member was removed.
    unwrap(await removeMember(ada, memberOf("bob")));
    expect(
      await restoreTeam(
        kit,
        { ...seat("bob"), device: createDevice(seededRandom("third")) },
        async () => {},
        means(),
      ),
    ).toMatchObject({ ok: false, fault: { type: "recovery-kit" } });
  });

  test("S26: a new team is founded with an invite for one further device of the account", async () => {
    const log = new MemoryLog();
    const made = unwrap(await createTeam(seat("zoe"), PASSPHRASE, means(log)));
    expect(made.log.entries).toEqual(log.entries);
    const second = { ...seat("zoe"), device: createDevice(seededRandom("zoe's phone")) };
    const joined = unwrap(
      await joinTeam(made.invite.reveal(), PASSPHRASE, second, async () => {}, means(log)),
    );
    expect(joined.keys).toEqual(made.keys);
    expect(joined.log.entries).toEqual(log.entries);
  });
});

function seat(name: string): Seat {
  return {
    device: createDevice(seededRandom(`seat of ${name}`)),
    member: memberOf(name),
    person: { name: `${name}'s laptop`, email: `${name}@example.org` },
  };
}

function typed(text: string): Bytes {
  const made = new Y.Doc();
  made.getText("context").insert(0, text);
  return Y.encodeStateAsUpdate(made) as Bytes;
}

function means(log: MemoryLog = team.server.log): Means {
  return { server: log, clock: team.time.clock, random: seededRandom("means"), kdfLimits: QUICK };
}
