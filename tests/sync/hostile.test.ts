/** A server, a stranger or a member that does not keep the rules. */
import { beforeEach, describe, expect, test } from "vitest";
import * as encoding from "lib0/encoding";
import * as Y from "yjs";
import { type Bytes, concatBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { unwrap } from "../../src/base/result.ts";
import { encodeDoc, openDoc } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, isUpdate, writersIn } from "../../src/crdt/known.ts";
import { createDevice, type DeviceIdentity, sign } from "../../src/crypto/device.ts";
import { HASH_BYTES, labelBytes } from "../../src/crypto/hash.ts";
import { KIND_DISPUTE, KIND_SNAPSHOT, peekHeader } from "../../src/crypto/header.ts";
import { encodeRow, rowHash } from "../../src/crypto/row.ts";
import { sodium } from "../../src/crypto/sodium.ts";
import { createTeamKeys, documentKey, wireDocumentId } from "../../src/crypto/team.ts";
import type { Cursor } from "../../src/sync/ports.ts";
import { MAX_CLIENTS } from "../../src/sync/reader.ts";
import { sealUpdate, streamTags, type Tail } from "../../src/sync/seal.ts";
import { advance, START } from "../../src/sync/streams.ts";
import { noise, seededRandom } from "../crypto/samples.ts";
import { PROJECT_STREAM, TEAM, TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
let doc: DocId;
const rows = () => team.server.stream(TEAM_STREAM).rows;
const tailOf = (row: Bytes): Tail => ({ seq: unwrap(peekHeader(row)).seq, hash: rowHash(row) });

function typed(content: string): Bytes {
  const open = new Y.Doc();
  open.getText("context").insert(0, content);
  return Y.encodeStateAsUpdate(open) as Bytes;
}

/**
 * A row that can be applied, of a thing that is collected, and one that cannot: it says that a text stands there and is longer.
 * It decodes, and Yjs throws.
 */
function inapplicableRow(device: DeviceIdentity): Bytes {
  const collected = sealedBy(device, Uint8Array.from([1, 1, 7, 0, 0, 1, 1, 7, 1, 0, 1]));
  rows().push(collected);
  const longer = Uint8Array.from([1, 1, 7, 0, 4, 1, 1, 116, 2, 97, 98, 0]);
  expect(isUpdate(longer)).toBe(true);
  return sealedBy(device, longer, tailOf(collected));
}

/** Can be applied, once: what comes of it is written with numbers that cannot be read. */
function unreadableUpdate(): Bytes {
  const most = [255, 255, 255, 255, 255, 255, 255, 15];
  const collected = Array.from({ length: 10 }, () => [0, ...most]).flat();
  return Uint8Array.from([1, collected.length / 9, 5, 0, ...collected, 0]);
}

/** A row by any device with any keys. */
function sealedBy(
  device: DeviceIdentity,
  update: Bytes,
  tail: Tail | null = null,
  head: Cursor = START,
  keys = team.keys,
): Bytes {
  const author = { keys, device, replica: "ab".repeat(16) };
  const target = { doc, kind: "decision", stream: TEAM_STREAM } as const;
  const [sealed] = sealUpdate(author, target, update, tail, head, seededRandom("hostile"));
  return (sealed as { row: Bytes }).row;
}

/** Carol's device, listed, whose program does what it wants. */
function carol(): DeviceIdentity {
  const device = createDevice(seededRandom("carol"));
  team.founding.admit(device, "carol");
  return device;
}

beforeEach(async () => {
  team = new TestTeam();
  ada = team.device("ada");
  bob = team.device("bob");
  doc = ada.create("dec_1");
  for (const word of ["one ", "two ", "three "]) {
    ada.type(doc, (text) => text.insert(text.length, word));
    await ada.once();
  }
});

describe("S11", () => {
  const forgeries: Record<string, () => Bytes> = {
    "of a device that the team does not list": () =>
      sealedBy(createDevice(seededRandom("stranger")), typed("evil")),
    "in a listed device's name, with another key": () =>
      sealedBy(
        { ...ada.identity, secret: createDevice(seededRandom("mallory")).secret },
        typed("evil"),
      ),
    "sealed with another team's key": () =>
      sealedBy(carol(), typed("evil"), null, START, {
        ...createTeamKeys(TEAM, seededRandom("evil")),
        idKey: team.keys.idKey,
      }),
    "altered in one bit": () => {
      const row = sealedBy(carol(), typed("evil"));
      row[200] = (row[200] as number) ^ 1;
      return row;
    },
    "of another stream": () => {
      const author = { keys: team.keys, device: carol(), replica: "ab".repeat(16) };
      const target = { doc, kind: "decision", stream: PROJECT_STREAM } as const;
      return sealUpdate(author, target, typed("evil"), null, START, seededRandom("x"))[0]
        ?.row as Bytes;
    },
    "of random bytes": () => concatBytes(new Uint8Array([1, 1, 1]), noise(509)),
    "of a version that never was": () => new Uint8Array(512),
    "whose update decodes and cannot be applied": () => inapplicableRow(carol()),
    "whose update makes a document that nobody can read again": () =>
      sealedBy(carol(), unreadableUpdate()),
    "holding what is no update": () => sealedBy(carol(), utf8("not a Yjs update")),
    "naming one document outside and another inside": () => {
      const document = wireDocumentId(team.keys, "dec_other");
      const device = carol();
      const replica = "ab".repeat(16);
      const header = {
        kind: 1,
        ...streamTags(TEAM_STREAM),
        document,
        device: device.id,
        replica,
        epoch: 1,
        seq: 1,
      };
      const content = {
        head: START,
        part: 0,
        parts: 1,
        documentKind: 3,
        document: doc,
        body: typed("evil"),
      };
      const secrets = { device, document: documentKey(team.keys, document) };
      return encodeRow(
        { ...header, previous: new Uint8Array(HASH_BYTES) },
        content,
        secrets,
        seededRandom("x"),
      );
    },
    "claiming to have seen what came after it": () =>
      sealedBy(carol(), typed("evil"), null, { n: 4, h: noise(32) }),
  };

  for (const [what, forge] of Object.entries(forgeries)) {
    test(`S11: a row ${what} is refused, alarmed once, and blocks nothing`, async () => {
      rows().push(forge());
      const report = await bob.once();
      expect(report.alarms.length).toBe(1);
      expect(report.alarms[0]).toMatch(/was refused: .+\. Nothing of it was taken/);
      expect(report.verified).toBe(false);
      expect(bob.text(doc)).toBe("one two three ");
      expect(bob.states.at(-1)).toMatchObject({
        state: "alarm",
        alarms: [{ words: report.alarms[0], halted: null }],
      });
      ada.type(doc, (text) => text.insert(text.length, "four"));
      await ada.once();
      expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [], verified: true });
      expect(bob.text(doc)).toBe("one two three four");
    });
  }

  test("S11: between good changes in a page only the one that cannot be applied is refused", async () => {
    ada.type(doc, (text) => text.insert(text.length, "four "));
    await ada.once();
    rows().push(inapplicableRow(carol()));
    ada.type(doc, (text) => text.insert(text.length, "five"));
    await ada.once();
    const report = await bob.once();
    expect(report.alarms).toEqual([expect.stringContaining("its change cannot be applied")]);
    expect(report.pulled).toBe(6);
    expect(bob.text(doc)).toBe("one two three four five");
  });

  test("S11: a change under a clientID that others write with is refused where it contradicts them", async () => {
    await bob.once();
    const page = ada.store.open(doc);
    const before = Y.encodeStateVector(page);
    page.getText("context").insert(0, "mine ");
    ada.store.append(doc, Y.encodeStateAsUpdate(page, before) as Bytes);
    const false_ = bob.store.open(doc);
    false_.clientID = page.clientID;
    false_.getText("context").insert(0, "evil, and longer ");
    rows().push(sealedBy(carol(), Y.encodeStateAsUpdate(false_, before) as Bytes));
    // Whose words it would replace has an alarm, and sends them all the same.
    expect((await ada.once()).alarms).toEqual([
      expect.stringContaining("under a name that is taken"),
    ]);
    expect(ada.text(doc)).toBe("mine one two three ");
    expect(ada.store.pendingOf(doc)).toBe(null);
    // Who heard the false ones alone has the alarm when the true ones come.
    const { alarms } = await bob.once();
    expect(alarms).toEqual([expect.stringContaining("under a name that is taken")]);
  });

  test("S11: so it is if what it contradicts comes between its being judged and its commit", async () => {
    await ada.once();
    await bob.once();
    const page = ada.store.open(doc);
    const before = Y.encodeStateVector(page);
    page.getText("context").insert(0, "mine ");
    const mine = Y.encodeStateAsUpdate(page, before) as Bytes;
    const false_ = bob.store.open(doc);
    false_.clientID = page.clientID;
    false_.getText("context").insert(0, "evil, and longer ");
    rows().push(sealedBy(carol(), Y.encodeStateAsUpdate(false_, before) as Bytes));
    const { commit } = ada.store;
    ada.store.commit = (batch) => {
      ada.store.commit = commit;
      ada.store.append(doc, mine);
      return ada.store.commit(batch);
    };
    expect((await ada.once()).alarms).toEqual([
      expect.stringContaining("under a name that is taken"),
    ]);
    expect(ada.text(doc)).toBe("mine one two three ");
    await ada.once();
    expect(ada.store.pendingOf(doc)).toBe(null);
  });

  test("S11: a document that is typed in without end takes what comes all the same", async () => {
    const { commit } = ada.store;
    ada.store.commit = (batch) => {
      ada.type(doc, (text) => text.insert(text.length, "."));
      return commit.call(ada.store, batch);
    };
    await bob.once();
    bob.type(doc, (text) => text.insert(0, "theirs "));
    await bob.once();
    expect((await ada.once()).alarms).toEqual([]);
    expect(ada.text(doc)).toMatch(/^theirs one two three \.+$/);
  });

  test.each(["collected", "deleted"])(
    "S11: what is %s in another's name, and nobody deleted, is refused by who has it and who has not",
    async (how) => {
      await bob.once();
      const page = ada.store.open(doc);
      const before = Y.encodeStateVector(page);
      const clientID = encoding.encode((encoder) => encoding.writeVarUint(encoder, page.clientID));
      const root = [1, 7, ...utf8("context")];
      const gone = how === "collected" ? [0, 100] : [1, ...root, 100];
      const update = Uint8Array.from([1, 1, ...clientID, 0, ...gone, 0]);
      expect(isUpdate(update)).toBe(true);
      page.getText("context").insert(0, "mine ");
      ada.store.append(doc, Y.encodeStateAsUpdate(page, before) as Bytes);
      rows().push(sealedBy(carol(), update));
      for (const device of [ada, bob])
        expect((await device.once()).alarms).toEqual([
          expect.stringContaining("under a name that is taken"),
        ]);
      await bob.once();
      expect([ada.text(doc), bob.text(doc)]).toEqual(Array(2).fill("mine one two three "));
    },
  );

  test("S11: a log in which the server changed or left out an entry ends there: who came later believes nothing", async () => {
    const { log } = team.server;
    const cyd = team.device("cyd");
    const { entries } = log;
    log.entries = entries.toSpliced(3, 1, noise(600));
    expect(await bob.sync.once()).toMatchObject({ ok: false, fault: { type: "removed" } });
    log.entries = entries.toSpliced(2, 2);
    expect(await cyd.sync.once()).toMatchObject({ ok: false, fault: { type: "removed" } });
    expect([...bob.store.ids, ...cyd.store.ids]).toEqual([]);
  });

  test("S11: a device listed after the last look is asked for", async () => {
    await bob.once();
    rows().push(sealedBy(carol(), typed("carol ")));
    expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [] });
  });
});

/** Something of each of so many writers; behind `clock` other things that are nowhere. */
function ofMany(count: number, clock = 0): Bytes {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, count);
  for (let client = count + 10; client > 10; client--) {
    for (const value of [1, client, clock]) encoding.writeVarUint(encoder, value);
    encoding.writeUint8(encoder, 4);
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarString(encoder, "t");
    encoding.writeVarString(encoder, "a");
  }
  encoding.writeVarUint(encoder, 0);
  return encoding.toUint8Array(encoder) as Bytes;
}

describe("S43", () => {
  test("S43: a change that gives a document more writers than a snapshot has room for is refused", async () => {
    const device = carol();
    doc = "dec_many" as DocId;
    const author = { keys: team.keys, device, replica: "ab".repeat(16) };
    let tail: Tail | null = null;
    for (const update of [ofMany(MAX_CLIENTS - 1), ofMany(MAX_CLIENTS + 1), typed("one more")]) {
      const of = { doc, kind: "decision", stream: TEAM_STREAM } as const;
      const sealed = sealUpdate(author, of, update, tail, START, seededRandom("many"));
      rows().push(...sealed.map(({ row }) => row));
      tail = tailOf(rows().at(-1) as Bytes);
    }
    const { alarms } = await bob.once();
    expect(alarms).toEqual([expect.stringContaining("more writers than one can have")]);
    expect(bob.text(doc)).toBe("one more");
    expect(writersIn((await bob.store.document(doc))?.known ?? EMPTY_KNOWN)).toBe(MAX_CLIENTS);
  }, 60_000);

  test("S43: a change that goes on from what is missing of very many is refused before it is tried", async () => {
    const author = { keys: team.keys, device: carol(), replica: "ab".repeat(16) };
    const of = { doc: "dec_gaps" as DocId, kind: "decision", stream: TEAM_STREAM } as const;
    const sealed = sealUpdate(author, of, ofMany(65_000, 5), null, START, seededRandom("gaps"));
    rows().push(...sealed.map(({ row }) => row));
    const { alarms } = await bob.once();
    expect(alarms).toEqual([expect.stringContaining("cannot be applied")]);
    expect(bob.store.has(of.doc)).toBe(false);
  });

  test("S43: one of very many writers breaks nobody's exchange, nor their snapshots", async () => {
    const device = carol();
    const author = { keys: team.keys, device, replica: "ab".repeat(16) };
    const of = { doc: "dec_many" as DocId, kind: "decision", stream: TEAM_STREAM } as const;
    const update = ofMany(MAX_CLIENTS + 1);
    const sealed = sealUpdate(author, of, update, null, START, seededRandom("many"));
    rows().push(...sealed.map(({ row }) => row));
    await ada.once();
    team.gatheredBytes = 1;
    ada.crash();
    ada.type(doc, (text) => text.insert(0, "x"));
    expect((await ada.once()).alarms).toEqual([]);
    const kinds = () => rows().map((row) => unwrap(peekHeader(row)).kind);
    expect(kinds()).toContain(KIND_SNAPSHOT);
    await bob.once();
    expect(kinds()).not.toContain(KIND_DISPUTE);
  }, 60_000);

  test("S43: nor does a snapshot that cannot be made", async () => {
    team.gatheredBytes = 1;
    ada.crash();
    ada.transport.snapshots = () => Promise.reject(new RangeError("no room"));
    ada.type(doc, (text) => text.insert(0, "x"));
    expect((await ada.once()).alarms).toEqual([]);
    await bob.once();
    expect(bob.text(doc)).toBe(ada.text(doc));
  });

  test("S43: what is more than an update can hold is not sent, is an alarm, and holds up nothing", async () => {
    const large = ada.create("dec_large");
    const other = ada.create("dec_other");
    ada.type(other, (text) => text.insert(0, "sent"));
    const { state } = ada.store;
    const sizeBytes = 129 * 1024 * 1024;
    const most = openDoc(null);
    most.getText("context").insert(0, "a".repeat(sizeBytes));
    const huge = encodeDoc(most);
    ada.store.state = async (id) => {
      const held = await state.call(ada.store, id);
      return held && id === large ? { ...held, state: huge } : held;
    };
    for (let i = 0; i < 2; i++) {
      const { alarms } = await ada.once();
      expect(alarms).toEqual([expect.stringContaining("more than can be sent")]);
    }
    await bob.once();
    expect(bob.text(other)).toBe("sent");
    expect(bob.store.has(large)).toBe(false);
  }, 60_000);
});

describe("S12", () => {
  test("S12: a row given a second time changes nothing and is an alarm", async () => {
    await bob.once();
    rows().push(rows()[1] as Bytes);
    expect((await bob.once()).alarms).toEqual([expect.stringContaining("a second time")]);
    expect(bob.text(doc)).toBe("one two three ");
  });

  test("S12: rows of a chain in another order are not taken", async () => {
    rows().reverse();
    const { alarms } = await bob.once();
    expect(alarms.join()).toContain("came without the ones before");
    expect(bob.text(doc)).toBe("one ");
  });

  test("S12: a row left out of a chain is an alarm, and what follows it is not taken", async () => {
    rows().splice(1, 1);
    expect((await bob.once()).alarms).toEqual([expect.stringContaining("holding something back")]);
    expect(bob.text(doc)).toBe("one ");
  });

  test("S12: a chain is its device's: nobody continues another one's", async () => {
    await bob.once();
    const last = rows().at(-1) as Bytes;
    const author = { keys: team.keys, device: carol(), replica: unwrap(peekHeader(last)).replica };
    const target = { doc, kind: "decision", stream: TEAM_STREAM } as const;
    const [forged] = sealUpdate(
      author,
      target,
      typed("evil"),
      tailOf(last),
      START,
      seededRandom("x"),
    );
    rows().push((forged as { row: Bytes }).row);
    expect((await bob.once()).alarms.length).toBe(1);
    expect(bob.text(doc)).toBe("one two three ");
    ada.type(doc, (text) => text.insert(0, "zero "));
    await ada.once();
    expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [] });
  });

  test("S12: parts out of order are refused, and the next whole update is taken", async () => {
    await bob.once();
    const device = carol();
    const first = unwrap(peekHeader(sealedBy(device, typed(""))));
    const keys = { device, document: documentKey(team.keys, first.document) };
    const chain: Bytes[] = [];
    const add = (part: number, parts: number, body: Bytes) => {
      const last = chain.at(-1);
      const header = last ? { ...first, seq: chain.length + 1, previous: rowHash(last) } : first;
      const content = { head: START, part, parts, documentKind: 3, document: doc, body };
      chain.push(encodeRow(header, content, keys, seededRandom(`${part} of ${parts}`)));
    };
    add(1, 2, noise(10));
    add(0, 1, typed("whole "));
    add(0, 3, noise(10));
    add(2, 3, noise(10));
    add(0, 2, noise(10));
    add(0, 1, typed("again whole "));
    rows().push(...chain);
    const report = await bob.once();
    expect(report.pulled).toBe(4);
    expect(report.alarms).toEqual([expect.stringMatching(/^2 rows .*parts are out of order/)]);
    expect(bob.text(doc).match(/whole/g)?.length).toBe(2);
  });
});

describe("S13", () => {
  /** Nothing is taken, nothing sent, and it is said every time. */
  async function expectStands(sentence: string): Promise<void> {
    const before = {
      text: bob.text(doc),
      cursors: await bob.store.cursors(TEAM),
      offered: team.server.offered.length,
    };
    bob.type(doc, (text) => text.insert(0, "mine "));
    for (let i = 0; i < 2; i++) {
      const report = await bob.once();
      expect(report.alarms).toEqual([expect.stringContaining(sentence)]);
      expect(report).toMatchObject({ verified: false, pushed: 0 });
    }
    expect(bob.text(doc)).toBe(`mine ${before.text}`);
    expect(await bob.store.cursors(TEAM)).toEqual(before.cursors);
    expect(team.server.offered.length).toBe(before.offered);
  }

  beforeEach(() => bob.once());

  test("S13: a history that was set back", async () => {
    rows().pop();
    await expectStands("it was set back");
  });

  test("S13: a history in which an old row is another one", async () => {
    rows()[0] = sealedBy(carol(), typed("another past"));
    await expectStands("not the one this device verified");
  });

  test("S13: a history that was changed before and goes on after", async () => {
    rows().splice(0, 2, rows()[1] as Bytes, rows()[0] as Bytes);
    ada.type(doc, (text) => text.insert(0, "zero "));
    const [sealed] = sealUpdate(
      { keys: team.keys, device: ada.identity, replica: "ef".repeat(16) },
      { doc, kind: "decision", stream: TEAM_STREAM },
      typed("zero"),
      null,
      START,
      seededRandom("x"),
    );
    rows().push((sealed as { row: Bytes }).row);
    await expectStands("not the one this device verified");
  });

  test("S13: a page with a hole, and rows that are promised and not given", async () => {
    rows().push(sealedBy(carol(), typed("four ")));
    const { pull } = bob.transport;
    const bend = (change: (n: number) => number | null) => {
      bob.transport.pull = async (...asked) => {
        const page = unwrap(await pull(...asked));
        const bent = page.rows.flatMap((row) =>
          change(row.n) === null ? [] : [{ ...row, n: change(row.n) as number }],
        );
        return { ok: true, value: { ...page, rows: bent } };
      };
    };
    bend((n) => n + 1);
    await expectStands("left out rows");
    bob.type(doc, (text) => text.delete(0, 5));
    rows().push(noise(300), noise(300));
    bend((n) => (n === 5 ? null : n));
    await expectStands("left out rows");
    bob.type(doc, (text) => text.delete(0, 5));
    const bent = bob.transport.pull;
    bob.transport.pull = async (...asked) => ({
      ok: true,
      value: { ...unwrap(await bent(...asked)), more: true },
    });
    await expectStands("left out rows");
    bob.type(doc, (text) => text.delete(0, 5));
    bend(() => null);
    await expectStands("left out rows");
  });

  test("S13: a stream that is not shown any more", async () => {
    team.server.streams.clear();
    await expectStands("no longer shows");
  });

  test("S13: a halted stream does not stop another one", async () => {
    rows().pop();
    const elsewhere = ada.create("dec_p", "decision", PROJECT_STREAM);
    ada.type(elsewhere, (text) => text.insert(0, "fine"));
    await ada.once();
    expect((await bob.once()).pulled).toBe(1);
    expect(bob.text(elsewhere)).toBe("fine");
  });

  test("S13: nor does a halted stream with more rows than a page has", async () => {
    rows().push(...Array.from({ length: 600 }, () => noise(300)));
    const { pull } = bob.transport;
    bob.transport.pull = async (...asked) => {
      const page = unwrap(await pull(...asked));
      const bent = page.rows.map((row) =>
        row.stream.project === null ? { ...row, n: row.n + 1 } : row,
      );
      return { ok: true, value: { ...page, rows: bent } };
    };
    const elsewhere = ada.create("dec_p", "decision", PROJECT_STREAM);
    ada.type(elsewhere, (text) => text.insert(0, "fine"));
    await ada.once();
    const report = await bob.once();
    expect(report).toMatchObject({
      pulled: 1,
      alarms: [expect.stringContaining("left out rows of the team's stream")],
    });
    expect(bob.text(elsewhere)).toBe("fine");
  });
});

describe("S14", () => {
  test("S14: an author who verified another hash at a number held here has seen another history", async () => {
    await bob.once();
    rows().push(sealedBy(carol(), typed("from the other side "), null, { n: 3, h: noise(32) }));
    const report = await bob.once();
    expect(report.alarms).toEqual([expect.stringContaining("another history")]);
    expect(report.alarms[0]).toContain("carol's laptop");
  });

  test("S14: a head that an earlier process of this device verified is compared too", async () => {
    await bob.once();
    bob.crash();
    rows().push(sealedBy(carol(), typed("x"), null, { n: 1, h: noise(32) }));
    expect((await bob.once()).alarms).toEqual([expect.stringContaining("another history")]);
  });

  test("S14: every row seals the newest place that its author verified", async () => {
    const places: Cursor[] = [START];
    for (const row of rows()) places.push(advance(places.at(-1) as Cursor, rowHash(row)));
    rows().push(sealedBy(carol(), typed("x"), null, places[3] as Cursor));
    expect((await bob.once()).alarms).toEqual([]);
    rows().push(
      sealedBy(carol(), typed("x"), tailOf(rows()[3] as Bytes), {
        n: 3,
        h: (places[2] as Cursor).h,
      }),
    );
    expect((await bob.once()).alarms).toEqual([expect.stringContaining("another history")]);
  });
});

describe("S15", () => {
  test("S15: a row of a newer version or kind is kept unread, counted in every hash, and a reason to update", async () => {
    const device = carol();
    const header = unwrap(peekHeader(sealedBy(device, typed("x"))));
    const keys = { device, document: documentKey(team.keys, header.document) };
    const body = {
      head: START,
      part: 0,
      parts: 1,
      documentKind: 3,
      document: doc,
      body: typed("later "),
    };
    const ofNewKind = encodeRow({ ...header, kind: 9 }, body, keys, seededRandom("a"));
    const ofNewDocument = encodeRow(
      { ...header, seq: 2, previous: rowHash(ofNewKind) },
      { ...body, documentKind: 99 },
      keys,
      seededRandom("b"),
    );
    const known = encodeRow(
      { ...header, seq: 3, previous: rowHash(ofNewDocument) },
      body,
      keys,
      seededRandom("c"),
    );
    const ofNewVersion = noise(600);
    ofNewVersion[0] = 2;
    rows().push(ofNewKind, ofNewDocument, known, ofNewVersion);
    const report = await bob.once();
    expect(report).toMatchObject({ pulled: 4, alarms: [], verified: true, head: { [TEAM]: 7 } });
    expect(report.notices).toEqual([expect.stringMatching(/^3 rows .* Update Operon/)]);
    expect(bob.store.unapplied).toEqual([
      { n: 4, row: ofNewKind },
      { n: 5, row: ofNewDocument },
      { n: 7, row: ofNewVersion },
    ]);
    expect(bob.text(doc)).toContain("later ");
  });

  test("S15: a row of a newer kind that nobody of the team signed is not kept", async () => {
    const stranger = createDevice(seededRandom("stranger"));
    const header = unwrap(peekHeader(sealedBy(stranger, typed("x"))));
    const keys = { device: stranger, document: documentKey(team.keys, header.document) };
    const body = {
      head: START,
      part: 0,
      parts: 1,
      documentKind: 3,
      document: doc,
      body: typed("evil"),
    };
    rows().push(encodeRow({ ...header, kind: 9 }, body, keys, seededRandom("a")));
    expect((await bob.once()).alarms.length).toBe(1);
    expect(bob.store.unapplied).toEqual([]);
  });

  test("S15: rows under a key that the log does not show are not taken, and are an alarm", async () => {
    rows().push(sealedBy(carol(), typed("x"), null, START, { ...team.keys, epoch: 2 }));
    const report = await bob.once();
    expect(report).toMatchObject({ pulled: 3, head: { [TEAM]: 3 } });
    expect(report.alarms).toEqual([expect.stringContaining("key number 2")]);
    expect(bob.store.unapplied).toEqual([]);
  });
});

describe("S16", () => {
  /** Ada's rows as her device wrote them, with a signature that is damaged where `damage` says, and chained on that. */
  function chainWith(damage: (i: number) => boolean, count = 5): Bytes[] {
    const made: Bytes[] = [];
    for (let i = 0; i < count; i++) {
      const last = made.at(-1);
      const row = sealedBy(ada.identity, typed(`${i} `), last ? tailOf(last) : null);
      if (damage(i)) row[row.length - 1] = (row[row.length - 1] as number) ^ 1;
      made.push(row);
    }
    return made;
  }

  const spied = async (run: () => Promise<unknown>) => {
    const real = sodium.crypto_sign_verify_detached;
    const checked: string[] = [];
    sodium.crypto_sign_verify_detached = (signature, message, key) => {
      checked.push(toHex(key));
      return real(signature, message, key);
    };
    try {
      await run();
    } finally {
      sodium.crypto_sign_verify_detached = real;
    }
    return checked.filter((key) => key === toHex(ada.identity.signKey)).length;
  };

  test("S16: of a run only the newest row's signature is checked", async () => {
    await bob.once();
    rows().push(...chainWith(() => false));
    expect(await spied(() => bob.once())).toBe(1);
    expect(bob.text(doc)).toContain("0 ");
  });

  test("S16: a run whose newest row is forged proves nothing; each row then stands on its own signature", async () => {
    await bob.once();
    rows().push(...chainWith((i) => i === 4));
    expect(await bob.once()).toMatchObject({ pulled: 4 });
    expect(bob.text(doc)).not.toContain("4 ");
  });

  test("S16: a forged row is not proven by a successor of another device, replica or document", async () => {
    const evil = sealedBy(
      { ...ada.identity, secret: createDevice(seededRandom("mallory")).secret },
      typed("evil"),
    );
    const device = carol();
    const vouching = sealedBy(device, typed("carol"), tailOf(evil));
    rows().push(evil, vouching);
    const report = await bob.once();
    expect(report.alarms.length).toBe(2);
    expect(bob.text(doc)).toBe("one two three ");
  });

  test("S16: a row that is not the one its successor names stands on its own signature", async () => {
    const [first, second] = chainWith(() => false, 2) as [Bytes, Bytes];
    const unsigned = first.slice(0, -64);
    unsigned[130] = (unsigned[130] as number) ^ 1;
    rows().push(
      concatBytes(
        unsigned,
        sign(createDevice(seededRandom("mallory")), concatBytes(labelBytes("row"), unsigned)),
      ),
      second,
    );
    const report = await bob.once();
    expect(report.alarms.length).toBe(2);
    expect(bob.text(doc)).toBe("one two three ");
  });
});

describe("S9", () => {
  test.each([
    ["of the same kind", "decision", "decision"],
    ["of another kind", "trace", "decision"],
    ["of a session", "trace", "trace"],
  ] as const)(
    "S9: a first row that is refused leaves no mark, in one page or in two (%s)",
    async (_what, refused, taken) => {
      const [early, late] = [team.device("early"), team.device("late")];
      const [one, other] = ["one", "other"].map((name) => createDevice(seededRandom(name))) as [
        DeviceIdentity,
        DeviceIdentity,
      ];
      team.founding.admit(one, "one");
      team.founding.admit(other, "other");
      const doc = "dec_x" as DocId;
      const push = (device: DeviceIdentity, kind: "decision" | "trace", update: Bytes) => {
        const author = { keys: team.keys, device, replica: device.id };
        const of = { doc, kind, stream: TEAM_STREAM };
        const sealed = sealUpdate(author, of, update, null, START, seededRandom(kind));
        rows().push(...sealed.map(({ row }) => row));
      };
      // Content that is gone and that nobody deleted.
      push(one, refused, Uint8Array.from([1, 1, 7, 0, 0, 1, 0]));
      await early.once();
      push(other, taken, typed("fine"));
      for (const device of [early, late]) {
        await device.once();
        const held = await device.store.document(doc);
        expect(held).toMatchObject({ kind: taken, owner: other.id });
        expect(device.text(doc)).toBe("fine");
      }
    },
  );
});
