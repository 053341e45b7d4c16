import { beforeEach, describe, expect, test } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { unwrap } from "../../src/base/result.ts";
import { rowHash } from "../../src/crypto/row.ts";
import { advance } from "../../src/sync/streams.ts";
import { expectSoon, quiet } from "./soon.ts";
import { TEAM, TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
let doc: DocId;
const rows = () => team.server.stream(TEAM_STREAM).rows;

function type(device: TestDevice, letters: string): Bytes {
  const update = device.type(doc, (text) => text.insert(text.length, letters));
  device.sync.edited(doc, update.length);
  return update;
}

beforeEach(async () => {
  team = new TestTeam();
  ada = team.device("ada");
  bob = team.device("bob");
  doc = ada.create("dec_1");
  ada.type(doc, (text) => text.insert(0, "base"));
  ada.sync.start();
  bob.sync.start();
  await expectSoon(() => bob.store.has(doc) && ada.states.at(-1)?.state === "verified");
  await quiet();
  team.time.advance(1000);
});

describe("S17", () => {
  test("S17: the first edit after quiet leaves at once, and arrives without anybody asking", async () => {
    type(ada, "!");
    await expectSoon(() => bob.text(doc) === "base!");
    expect(team.time.waiting).toBe(0);
    expect(bob.applied.at(-1)?.doc).toBe(doc);
  });

  test("S17: a few edits within the short window leave together when it ends", async () => {
    type(ada, "q");
    await expectSoon(() => rows().length === 2);
    for (const letter of "uick") type(ada, letter);
    team.time.advance(49);
    await quiet();
    expect(rows().length).toBe(2);
    team.time.advance(1);
    await expectSoon(() => bob.text(doc) === "basequick");
    expect(rows().length).toBe(3);
  });

  test("S17: many edits leave together when the long window ends", async () => {
    for (const letter of "quick") type(ada, letter);
    await expectSoon(() => rows().length === 2);
    await quiet();
    expect(rows().length).toBe(2);
    for (const letter of " fox") type(ada, letter);
    team.time.advance(50);
    await quiet();
    expect(rows().length).toBe(2);
    team.time.advance(449);
    await quiet();
    expect(rows().length).toBe(2);
    team.time.advance(1);
    await expectSoon(() => bob.text(doc) === "basequick fox");
    expect(rows().length).toBe(3);
  });

  test("S17: 32 KB do not wait for the window", async () => {
    type(ada, "!");
    await expectSoon(() => rows().length === 2);
    type(ada, "x".repeat(16 * 1024));
    await quiet();
    expect(rows().length).toBe(2);
    type(ada, "x".repeat(16 * 1024));
    await expectSoon(() => rows().length === 3);
    expect(team.time.waiting).toBe(0);
  });

  test("S17: each document has its own window", async () => {
    type(ada, "!");
    await expectSoon(() => bob.text(doc) === "base!");
    type(ada, "?");
    const other = ada.create("dec_2");
    const update = ada.type(other, (text) => text.insert(0, "at once"));
    ada.sync.edited(other, update.length);
    await expectSoon(() => bob.store.has(other));
    await quiet();
    expect(bob.text(doc)).toBe("base!");
    team.time.advance(500);
    await expectSoon(() => bob.text(doc) === "base!?");
  });

  test("S17: what is recorded, and not typed, gathers for five seconds", async () => {
    const trace = ada.create("ses_1", "trace");
    const record = (word: string) => {
      const update = ada.type(trace, (text) => text.insert(0, word));
      ada.sync.edited(trace, update.length, true);
    };
    record("one ");
    await expectSoon(() => rows().length === 2);
    record("two ");
    record("three ");
    team.time.advance(4_999);
    await quiet();
    expect(rows().length).toBe(2);
    team.time.advance(1);
    await expectSoon(() => rows().length === 3);
    expect(bob.text(trace)).toBe("three two one ");
  });

  test("S17: while a push is under way, edits gather and go with the next one", async () => {
    const push = ada.transport.push;
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let pushes = 0;
    ada.transport.push = async (...sent) => {
      pushes++;
      await held;
      return push(...sent);
    };
    type(ada, "1");
    await expectSoon(() => pushes === 1);
    type(ada, "2");
    team.time.advance(2000);
    type(ada, "3");
    await quiet();
    expect(pushes).toBe(1);
    release();
    await expectSoon(() => bob.text(doc) === "base123");
    expect(rows().length).toBe(3);
  });
});

describe("S5", () => {
  test("S5: what two people type at once is known to be in the cloud on both, without anybody asking", async () => {
    const { push } = ada.transport;
    ada.transport.push = async (...sent) => {
      await expectSoon(() => rows().length === 2);
      return push(...sent);
    };
    type(ada, "a");
    type(bob, "b");
    await expectSoon(() => rows().length === 3 && ada.text(doc) === bob.text(doc));
    await quiet();
    for (const device of [ada, bob]) expect(await device.store.pendingDocuments(TEAM)).toEqual([]);
    expect(team.server.offered.length).toBe(3);
  });
});

describe("S8", () => {
  test("S8: an open window shows what is verified; who reads the store is told after the commit", async () => {
    const { commit } = bob.store;
    const held = Promise.withResolvers<void>();
    bob.store.commit = async (batch) => {
      await held.promise;
      return commit.call(bob.store, batch);
    };
    const [shown, applied] = [bob.shown.length, bob.applied.length];
    type(ada, "!");
    await expectSoon(() => bob.shown.length === shown + 1);
    await quiet();
    expect(bob.applied.length).toBe(applied);
    expect(bob.text(doc)).toBe("base");
    held.resolve();
    await expectSoon(() => bob.applied.length === applied + 1);
    expect(bob.text(doc)).toBe("base!");
  });
});

describe("S18", () => {
  test("S18: a poke fetches once; one about what is known already fetches nothing", async () => {
    await quiet();
    team.server.brings = false;
    const pulls = team.server.pulls;
    const told = ada.states.length;
    type(ada, "!");
    await expectSoon(() => bob.text(doc) === "base!");
    await quiet();
    expect(team.server.pulls).toBe(pulls + 1);
    expect(ada.states.length).toBe(told + 1);
  });

  test("S18: the next row, brought by the channel, is not fetched", async () => {
    await quiet();
    const pulls = team.server.pulls;
    type(ada, "!");
    await expectSoon(() => bob.text(doc) === "base!");
    await quiet();
    expect(team.server.pulls).toBe(pulls);
  });

  test("S18: of brought rows that do not continue the history, nothing is believed: it is fetched", async () => {
    await quiet();
    const pulls = team.server.pulls;
    const { listen } = bob.transport;
    await bob.sync.stop();
    const spoil = new Set<"h" | "n">(["h", "n"]);
    bob.transport.listen = (of, epoch, onSignal) =>
      listen(of, epoch, (signal) => {
        if (signal.is !== "poke" || signal.brought === null) return onSignal(signal);
        const [what] = spoil;
        spoil.delete(what as "h");
        const brought =
          what === "h"
            ? { ...signal.brought, h: new Uint8Array(32) }
            : { ...signal.brought, n: signal.n + 1 };
        onSignal({ ...signal, brought });
      });
    bob.sync.start();
    await expectSoon(() => team.server.pulls === pulls + 1);
    for (const text of ["base!", "base!!"]) {
      type(ada, "!");
      await expectSoon(() => bob.text(doc) === text);
      await quiet();
      team.time.advance(1000);
    }
    expect(team.server.pulls).toBe(pulls + 3);
    expect(bob.states.at(-1)?.state).toBe("verified");
  });

  test("S18: pokes that overtake each other hide no row", async () => {
    const { listen, pull } = bob.transport;
    await bob.sync.stop();
    const late: (() => void)[] = [];
    let isLate = false;
    bob.transport.listen = (of, epoch, onSignal) =>
      listen(of, epoch, (signal) => {
        if (isLate) late.push(() => onSignal(signal));
        else onSignal(signal);
      });
    bob.sync.start();
    await quiet();
    const answered = Promise.withResolvers<void>();
    bob.transport.pull = async (...asked) => {
      const page = await pull(...asked);
      await answered.promise;
      return page;
    };
    isLate = true;
    bob.sync.poke();
    await quiet();
    type(ada, "1");
    await expectSoon(() => rows().length === 2);
    team.time.advance(1000);
    type(ada, "2");
    await expectSoon(() => rows().length === 3);
    for (const tell of late.toReversed()) tell();
    answered.resolve();
    await expectSoon(() => bob.text(doc) === "base12");
  });

  test("S18: a brought row is judged like a fetched one", async () => {
    await quiet();
    const { listen } = bob.transport;
    await bob.sync.stop();
    bob.transport.listen = (of, epoch, onSignal) =>
      listen(of, epoch, (signal) => {
        if (signal.is !== "poke" || signal.brought === null) return onSignal(signal);
        const row = signal.brought.row.slice();
        row[row.length - 1] = (row.at(-1) as number) ^ 1;
        const { h } = advance(team.server.headOf({ rows: rows().slice(0, -1) }), rowHash(row));
        onSignal({ ...signal, brought: { ...signal.brought, row, h } });
      });
    bob.sync.start();
    await expectSoon(() => bob.states.at(-1)?.state === "verified");
    type(ada, "!");
    await expectSoon(() => bob.states.at(-1)?.state === "alarm");
    expect(bob.text(doc)).toBe("base");
  });

  test("S18: nothing is fetched and no timer runs while nothing happens", async () => {
    await quiet();
    const pulls = team.server.pulls;
    team.time.advance(24 * 3600 * 1000);
    await quiet();
    expect(team.server.pulls).toBe(pulls);
    expect(team.time.waiting).toBe(0);
  });

  test("S18: a failure is told, and tried again with growing patience", async () => {
    const { pull } = ada.transport;
    const { push } = ada.transport;
    let tries = 0;
    ada.transport.push = async () => {
      tries++;
      return { ok: false, fault: { type: "offline", message: "There is no connection." } };
    };
    ada.transport.pull = async (...asked) => {
      tries++;
      return tries < 5
        ? { ok: false, fault: { type: "offline", message: "There is no connection." } }
        : pull(...asked);
    };
    type(ada, "!");
    await expectSoon(() => ada.states.at(-1)?.state === "offline");
    expect(ada.states.at(-1)).toMatchObject({ state: "offline", waiting: 1, since: team.time.ms });
    for (const [waitMs, count] of [
      [1000, 2],
      [2000, 3],
      [4000, 4],
    ] as const) {
      await expectSoon(() => team.time.waiting === 1);
      team.time.advance(waitMs - 1);
      await quiet();
      expect(tries).toBe(count - 1);
      team.time.advance(1);
      await expectSoon(() => tries === count);
    }
    ada.transport.push = push;
    await expectSoon(() => team.time.waiting === 1);
    team.time.advance(8000);
    await expectSoon(() => bob.text(doc) === "base!");
    await expectSoon(() => ada.states.at(-1)?.state === "verified");
  });

  test("S18: a bug is told and tried again, and ends nothing", async () => {
    const { pendingDocuments } = ada.store;
    ada.store.pendingDocuments = async () => {
      throw new TypeError("a bug");
    };
    ada.sync.poke();
    await expectSoon(() => ada.states.at(-1)?.state === "offline");
    expect(ada.states.at(-1)).toMatchObject({
      reason: expect.stringContaining("Something in Operon itself failed"),
    });
    ada.store.pendingDocuments = pendingDocuments;
    await expectSoon(() => team.time.waiting === 1);
    team.time.advance(1000);
    await expectSoon(() => ada.states.at(-1)?.state === "verified");
  });

  test("S18: stopped, nothing leaves; what waited is found by the next start", async () => {
    await ada.sync.stop();
    type(ada, "!");
    team.time.advance(10_000);
    await quiet();
    expect(rows().length).toBe(1);
    ada.sync.start();
    await expectSoon(() => bob.text(doc) === "base!");
    await ada.sync.stop();
    await bob.sync.stop();
    expect(team.time.waiting).toBe(0);
  });

  test("S18: by hand and live at once never overlap", async () => {
    let underWay = 0;
    let most = 0;
    const { pull, push } = ada.transport;
    const alone = async <T>(run: () => Promise<T>): Promise<T> => {
      most = Math.max(most, ++underWay);
      await quiet();
      underWay--;
      return run();
    };
    ada.transport.pull = (...asked) => alone(() => pull(...asked));
    ada.transport.push = (...sent) => alone(() => push(...sent));
    type(ada, "1");
    const reports = await Promise.all([ada.sync.once(), ada.sync.once()]);
    expect(reports.map((report) => unwrap(report).alarms)).toEqual([[], []]);
    await expectSoon(() => bob.text(doc) === "base1");
    expect(most).toBe(1);
    expect(await ada.store.pendingDocuments(TEAM)).toEqual([]);
  });
});
