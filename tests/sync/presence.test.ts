import { beforeEach, describe, expect, test } from "vitest";
import { type Bytes, toHex, utf8 } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { fail, unwrap } from "../../src/base/result.ts";
import { PRESENCE_BYTES, type Presence as Message } from "../../src/crypto/presence.ts";
import { channelTag, createTeamKeys, wireDocumentId } from "../../src/crypto/team.ts";
import { Presence } from "../../src/sync/presence.ts";
import { sealPresence, unsealPresence } from "../../src/sync/seal.ts";
import { streamKey } from "../../src/sync/streams.ts";
import { remove } from "../../src/sync/team/manage.ts";
import type { Heard } from "../../src/sync/transport.ts";
import { noise, seededRandom } from "../crypto/samples.ts";
import { memberOf } from "./memoryLog.ts";
import { expectSoon, quiet } from "./soon.ts";
import { ManualTime, PROJECT_STREAM, TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

const CARET = { anchor: noise(12, "anchor"), head: noise(12, "head") };
let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
let doc: DocId;
/** Presence messages that went over the channel. */
let said: Bytes[];
let rows: Bytes[];

const channel = (): Set<(heard: Heard) => void> =>
  team.server.channels.get(`${streamKey(TEAM_STREAM)} ${channelTag(ada.keys, null)}`) as Set<
    (heard: Heard) => void
  >;
const look = (device: TestDevice, ...docs: readonly DocId[]) => device.sync.lookAt(new Set(docs));
const namesAt = (device: TestDevice, of = doc) =>
  device.here.findLast((one) => one.doc === of)?.here.map(({ person }) => person?.email) ?? [];
const sees = (device: TestDevice, ...names: readonly string[]) =>
  expectSoon(
    () =>
      namesAt(device).toSorted(byText).join() === names.map((name) => `${name}@example.org`).join(),
  );
const byText = (a = "", b = "") => a.localeCompare(b);
const alarms = () =>
  [ada, bob].flatMap(({ states }) => states).filter(({ state }) => state === "alarm");

async function pass(ms: number, stepMs = 100): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    team.time.advance(Math.min(left, stepMs));
    for (let i = 0; i < 4; i++) await new Promise(setImmediate);
  }
}

function listen(): void {
  team.server.connect().look(TEAM_STREAM, channelTag(ada.keys, null), (heard) => {
    if (heard.is === "presence") said.push(heard.bytes);
    if (heard.is === "row") rows.push(heard.bytes);
  });
}

function say(bytes: Bytes): void {
  for (const hear of channel()) hear({ is: "presence", bytes });
}

const read = (bytes: Bytes) =>
  unsealPresence(
    bytes,
    TEAM_STREAM,
    team.keys,
    (device) => [ada, bob].find(({ identity }) => identity.id === device)?.identity.signKey ?? null,
  );
const messagesOf = (device: TestDevice) =>
  said.filter((bytes) => read(bytes)?.device === device.identity.id);

beforeEach(async () => {
  team = new TestTeam();
  ada = team.device("ada", "admin");
  bob = team.device("bob");
  doc = ada.create("dec_1");
  ada.type(doc, (text) => text.insert(0, "base"));
  for (const device of [ada, bob]) device.sync.start();
  await expectSoon(() => bob.store.has(doc) && ada.states.at(-1)?.state === "verified");
  await quiet();
  [said, rows] = [[], []];
  listen();
});

async function both(): Promise<void> {
  look(ada, doc);
  look(bob, doc);
  await expectSoon(() => channel().size === 3);
  await pass(300);
  await sees(ada, "bob");
  await sees(bob, "ada");
}

describe("S36", () => {
  test("S36: who looks at the same document is shown, with field and caret, and to nobody else", async () => {
    await both();
    expect(ada.here.at(-1)).toMatchObject({
      doc,
      here: [{ member: memberOf("bob"), field: null }],
    });
    bob.sync.moveTo(doc, { field: "context", caret: CARET });
    await pass(200);
    expect(ada.here.at(-1)?.here).toMatchObject([{ field: "context", caret: CARET }]);
    const other = ada.create("dec_2");
    look(ada, other);
    await pass(200);
    await sees(bob);
    await expectSoon(() => namesAt(ada).length === 0 && namesAt(ada, other).length === 0);
    expect(new Set(said.map(({ length }) => length))).toEqual(new Set([PRESENCE_BYTES]));
    expect(alarms()).toEqual([]);
  });

  test("S36: a field or caret that is too long is left out", async () => {
    await both();
    bob.sync.moveTo(doc, { field: "context", caret: { ...CARET, head: noise(25) } });
    await pass(200);
    expect(ada.here.at(-1)?.here).toMatchObject([{ field: "context", caret: null }]);
    bob.sync.moveTo(doc, { field: "ü".repeat(21), caret: CARET });
    await pass(200);
    expect(ada.here.at(-1)?.here).toMatchObject([{ field: null, caret: null }]);
  });

  test("S36: a recording shows nobody: not of now, not in the next process, not after who spoke has gone", async () => {
    await both();
    bob.sync.moveTo(doc, { field: "context", caret: CARET });
    await pass(25_000);
    const recorded = [...said];
    look(bob);
    await quiet();
    await sees(ada);
    for (const bytes of recorded) say(bytes);
    await pass(500);
    await sees(ada);
    await ada.sync.stop();
    ada.crash();
    ada.here.length = 0;
    look(ada, doc);
    ada.sync.start();
    await expectSoon(() => channel().size === 2);
    for (const bytes of recorded) say(bytes);
    await pass(500);
    for (const bytes of recorded) say(bytes);
    await pass(500);
    expect(ada.here).toEqual([]);
    expect(alarms()).toEqual([]);
  });

  test("S36: what is cut, changed, too long, reflected, or of another team, stream, epoch or device, shows nobody", async () => {
    await both();
    const [mine, theirs] = [messagesOf(ada), messagesOf(bob)];
    look(bob);
    await quiet();
    await sees(ada);
    const before = ada.here.length;
    const last = theirs.at(-1) as Bytes;
    for (let at = 0; at < last.length; at += 5) {
      const changed = last.slice();
      changed[at] = (changed[at] as number) ^ 8;
      say(changed);
      say(last.slice(0, at) as Bytes);
    }
    for (const size of [PRESENCE_BYTES, 64 * 1024]) say(noise(size));
    for (const own of mine) say(own);
    const mallory = new TestTeam("other").device("mallory").identity;
    const spoken = read(messagesOf(ada).at(-1) as Bytes) as Message;
    const answer = { ...spoken, counter: 1000, heard: [spoken.challenge] };
    const by = (device: typeof mallory, keys = team.keys) => ({
      device,
      keys,
      replica: "77".repeat(16),
    });
    const forgeries = [
      sealPresence(by(mallory), TEAM_STREAM, answer, seededRandom("1")),
      sealPresence(by(bob.identity), PROJECT_STREAM, answer, seededRandom("2")),
      sealPresence(
        by(bob.identity, { ...team.keys, epoch: 2 }),
        TEAM_STREAM,
        answer,
        seededRandom("3"),
      ),
      sealPresence(
        by(bob.identity, createTeamKeys(team.keys.team, seededRandom("strange"))),
        TEAM_STREAM,
        answer,
        seededRandom("4"),
      ),
      sealPresence(by(ada.identity), TEAM_STREAM, answer, seededRandom("5")),
      sealPresence(
        by(bob.identity),
        TEAM_STREAM,
        { ...answer, document: wireDocumentId(team.keys, "dec_9") },
        seededRandom("6"),
      ),
    ];
    for (const forged of forgeries) say(forged);
    await pass(500);
    expect(ada.here.length).toBe(before);
    // The same from a device of the team, here and now, does show it.
    say(sealPresence(by(bob.identity), TEAM_STREAM, answer, seededRandom("7")));
    await sees(ada, "bob");
    expect(alarms()).toEqual([]);
  });

  test("S36: a counter that goes back is not heard, and challenges of others answer nothing", async () => {
    await both();
    const latest = read(messagesOf(bob).at(-1) as Bytes) as Message;
    const author = { device: bob.identity, keys: team.keys, replica: latest.replica };
    const older = { ...latest, field: "title", counter: latest.counter - 1 };
    say(sealPresence(author, TEAM_STREAM, older, seededRandom("older")));
    say(
      sealPresence(
        author,
        TEAM_STREAM,
        { ...older, counter: latest.counter },
        seededRandom("same"),
      ),
    );
    await quiet();
    expect(ada.here.at(-1)?.here).toMatchObject([{ field: null }]);
    look(bob);
    await quiet();
    await sees(ada);
    const strange = { ...latest, counter: 5000, heard: ["12".repeat(8), latest.challenge] };
    say(
      sealPresence(
        { ...author, replica: "99".repeat(16) },
        TEAM_STREAM,
        strange,
        seededRandom("s"),
      ),
    );
    await pass(1000);
    await sees(ada);
  });
});

describe("S37", () => {
  test("S37: who says nothing for three beats is gone", async () => {
    await both();
    // From now on ada hears nothing.
    channel().clear();
    const alone = ada.here.length;
    await pass(28_000, 500);
    expect(ada.here.length).toBe(alone);
    await pass(5000, 500);
    await sees(ada);
  });

  test("S37: who leaves is gone at once", async () => {
    await both();
    look(bob);
    await quiet();
    await sees(ada);
    look(bob, doc);
    await pass(300);
    await sees(ada, "bob");
    await bob.sync.stop();
    await quiet();
    await sees(ada);
    expect(read(said.at(-1) as Bytes)).toMatchObject({ leaves: true });
  });

  test("S37: a device that is removed is gone at once, and the next epoch begins with nobody", async () => {
    const cyd = team.device("cyd");
    cyd.sync.start();
    for (const device of [ada, bob]) device.sync.poke();
    await quiet();
    look(cyd, doc);
    look(ada, doc);
    look(bob, doc);
    await expectSoon(() => channel().size === 4);
    await pass(1000);
    await sees(ada, "bob", "cyd");
    const old = channel();
    const by = { device: ada.identity, random: seededRandom("m"), nowMs: team.time.clock.nowMs };
    const whom = { kind: "remove-device", device: cyd.identity.id } as const;
    unwrap(await ada.sync.manage((of, fences) => remove(of, whom, fences, by)));
    await quiet();
    expect(ada.here.at(-1)?.here).toEqual([]);
    await expectSoon(() => channel() !== old && channel()?.size === 2);
    await pass(1000);
    await sees(ada, "bob");
    await sees(bob, "ada");
    expect(ada.here.at(-1)?.here.length).toBe(1);
  });

  test("S37: after a lost connection who is still there is found again", async () => {
    await both();
    for (const hear of channel()) hear({ is: "ready" });
    await pass(300);
    await sees(ada, "bob");
    expect(messagesOf(ada).length).toBeGreaterThan(2);
  });
});

describe("S38", () => {
  test("S38: nothing is said while nothing is looked at, and alone only a beat, wherever the caret goes", async () => {
    await pass(30_000, 1000);
    expect(said).toEqual([]);
    look(ada, doc);
    await quiet();
    for (let i = 0; i < 600; i++) {
      ada.sync.moveTo(doc, {
        field: "context",
        caret: { anchor: utf8(`${i}`), head: utf8(`${i}`) },
      });
      await pass(100);
    }
    expect(said.length).toBeGreaterThan(4);
    expect(said.length).toBeLessThan(9);
    await ada.sync.stop();
    const before = said.length;
    await pass(30_000, 1000);
    expect(said.length).toBe(before);
    expect(team.time.waiting).toBe(0);
  });

  test("S38: together people say a bounded number of messages a minute, moving or not", () => {
    const minutes = [2, 5, 20].map((people) => {
      const room = new Room(people);
      room.pass(60_000);
      const idle = room.count(() => room.pass(60_000));
      const moving = room.count(() => room.pass(60_000, true));
      expect(room.everybodySeesAll()).toBe(true);
      return { people, idle, moving };
    });
    expect(minutes).toEqual([
      { people: 2, idle: 12, moving: 1200 },
      { people: 5, idle: 30, moving: 750 },
      { people: 20, idle: 63, moving: 640 },
    ]);
  });

  test("S38: when not all challenges fit into a message, all are answered all the same", () => {
    const room = new Room(50);
    room.pass(300_000, false, 500);
    expect(room.everybodySeesAll()).toBe(true);
    expect(Math.max(...room.sizes)).toBe(41);
  });

  test("S38: a newcomer to many sees all of them soon, and they do not answer at once", () => {
    const room = new Room(20);
    room.pass(60_000);
    const newcomer = room.join();
    const first = room.count(() => room.pass(100));
    expect(first).toBeLessThan(8);
    room.pass(5000);
    expect(newcomer.others).toBe(20);
  });

  test("S38: thousands of devices, replicas and messages cost a bounded memory and no throw", () => {
    const room = new Room(1);
    const [listener] = room.people as [Presence];
    const hear = (i: number, replica: number, changes: Partial<Message> = {}) =>
      listener.hear({
        device: toHex(noise(16, `device ${i}`)),
        replica: toHex(noise(16, `replica ${replica}`)),
        counter: 1,
        leaves: false,
        document: "00".repeat(16),
        digest: null,
        challenge: toHex(noise(8, `${i} ${replica}`)),
        field: null,
        caret: null,
        heard: [],
        ...changes,
      });
    for (let i = 0; i < 5000; i++) hear(i, i);
    for (let i = 0; i < 1000; i++) hear(7, i, { heard: [room.newestChallenge(0)] });
    expect(listener.others).toBe(4);
    for (let i = 0; i < 5000; i++) hear(i, i, { counter: 2, heard: [room.newestChallenge(0)] });
    expect(listener.others).toBe(60);
    room.pass(190_000);
    expect(listener.others).toBe(0);
    expect(room.sizes.every((heard) => heard <= 41)).toBe(true);
  });
});

describe("S17", () => {
  test("S17: the more look at a document, the longer edits are gathered", async () => {
    const others = Array.from({ length: 3 }, (_, i) => team.device(`extra ${i}`));
    for (const device of others) device.sync.start();
    for (const device of [ada, bob]) device.sync.poke();
    await quiet();
    for (const device of [ada, bob, ...others]) look(device, doc);
    await expectSoon(() => channel().size === 6);
    await pass(2000);
    expect(namesAt(ada).length).toBe(4);
    const type = () => ada.sync.edited(doc, ada.type(doc, (text) => text.insert(0, "x")).length);
    type();
    await quiet();
    const before = rows.length;
    expect(before).toBe(1);
    type();
    await pass(190, 10);
    expect(rows.length).toBe(before);
    await pass(20, 10);
    expect(rows.length).toBe(before + 1);
  });
});

describe("S39", () => {
  /** From now on nothing that ada pushes arrives, and bob missed what she typed. */
  async function apart(): Promise<void> {
    await both();
    const { push } = ada.transport;
    ada.transport.push = async () => fail("offline", "There is no connection.");
    for (const hear of channel()) if (hear === [...channel()][2]) lost = hear;
    channel().delete(lost as never);
    ada.sync.edited(doc, ada.type(doc, (text) => text.insert(4, "!")).length);
    await quiet();
    channel().add(lost as never);
    bob.shown.length = 0;
    rows.length = 0;
    mend = () => (ada.transport.push = push);
  }
  let lost: unknown;
  let mend: () => void;

  test("S39: digests that differ for a while make both pull, and who has rows on the way says them again", async () => {
    await apart();
    await pass(15_000, 500);
    expect(bob.shown).toEqual([]);
    const pulls = team.server.pulls;
    await pass(25_000, 500);
    expect(team.server.pulls).toBeGreaterThan(pulls);
    expect(bob.shown.map((one) => one.doc)).toContain(doc);
    expect(bob.text(doc)).toBe("base");
    mend();
    await pass(60_000, 1000);
    expect(bob.text(doc)).toBe("base!");
    expect(alarms()).toEqual([]);
  });

  test("S39: ever more rarely while it stays so, and not at all when all have the same", async () => {
    await apart();
    await pass(600_000, 1000);
    expect(bob.shown.length).toBeGreaterThan(2);
    expect(bob.shown.length).toBeLessThan(10);
    mend();
    await pass(120_000, 1000);
    expect(bob.text(doc)).toBe("base!");
    await quiet();
    const pulls = team.server.pulls;
    await pass(300_000, 1000);
    expect(team.server.pulls).toBe(pulls);
    expect(alarms()).toEqual([]);
  });
});

/** People at one document, without keys or network between them. */
class Room {
  readonly time = new ManualTime();
  readonly people: Presence[] = [];
  readonly sizes: number[] = [];
  readonly #challenges: string[] = [];
  #said = 0;

  constructor(people: number) {
    for (let i = 0; i < people; i++) this.join();
  }

  join(): Presence {
    const n = this.people.length;
    let counter = 0;
    const device = toHex(noise(16, `person ${n}`));
    const person = new Presence(
      {
        clock: this.time.clock,
        after: this.time.after,
        random: seededRandom(`room ${n}`),
        count: () => ++counter,
        say: (message) => {
          this.#said++;
          this.sizes.push(message.heard.length);
          this.#challenges[n] = message.challenge;
          for (const other of this.people)
            if (other !== person)
              other.hear({ ...message, device, replica: device, document: "00".repeat(16) });
        },
        onHere: () => undefined,
        digest: async () => null,
        onApart: () => undefined,
      },
      { field: null, caret: null },
    );
    this.people.push(person);
    person.joined();
    return person;
  }

  newestChallenge(n: number): string {
    return this.#challenges[n] ?? "";
  }

  everybodySeesAll(): boolean {
    return this.people.every(({ others }) => others === this.people.length - 1);
  }

  count(during: () => void): number {
    const before = this.#said;
    during();
    return this.#said - before;
  }

  pass(ms: number, moving = false, stepMs = 50): void {
    for (let at = 0; at < ms; at += stepMs) {
      this.time.advance(stepMs);
      if (moving)
        for (const person of this.people) {
          const end = utf8(`${at}`);
          person.moveTo({ field: "context", caret: { anchor: end, head: end } });
        }
    }
  }
}
