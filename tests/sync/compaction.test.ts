import { describe, expect, test } from "vitest";
import { type Bytes, toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { ok, unwrap } from "../../src/base/result.ts";
import { encodeDoc, rebuildDoc } from "../../src/crdt/documents.ts";
import {
  KIND_ATTEST,
  KIND_DISPUTE,
  KIND_SNAPSHOT,
  KIND_VOUCH,
  peekHeader,
} from "../../src/crypto/header.ts";
import { replay } from "../../src/crypto/log/history.ts";
import { encodeRow, rowHash } from "../../src/crypto/row.ts";
import { documentKey, wireDocumentId } from "../../src/crypto/team.ts";
import { encodeSaid } from "../../src/sync/marks.ts";
import { contentHash, encodeSnapshot } from "../../src/sync/snapshot.ts";
import { sealMark, streamTags } from "../../src/sync/seal.ts";
import { START } from "../../src/sync/streams.ts";
import { type Manager, remove } from "../../src/sync/team/manage.ts";
import type { ListedSnapshot } from "../../src/sync/transport.ts";
import { seededRandom } from "../crypto/samples.ts";
import { memberOf } from "./memoryLog.ts";
import { rebuilt, rowsOf } from "./rebuilt.ts";
import { TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

const ROWS_WORTH = 256 * 20;

function kindsOf(team: TestTeam): readonly number[] {
  return team.server.stream(TEAM_STREAM).rows.map((row) => {
    const header = peekHeader(row);
    return header.ok ? header.value.kind : 0;
  });
}

const countOf = (team: TestTeam, kind: number) =>
  kindsOf(team).filter((each) => each === kind).length;

const droppedIn = (team: TestTeam) => team.server.stream(TEAM_STREAM).dropped.size;

/** Types and sends, a row each. */
async function write(device: TestDevice, id: DocId, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    device.type(id, (text) => text.insert(text.length, `line ${i} `));
    await device.once();
  }
}

/** Alice and bob have written; the stream is worth a snapshot when alice writes again. */
async function grown() {
  const team = new TestTeam();
  const [alice, bob] = [team.device("alice"), team.device("bob")];
  const docs = ["dec_1", "dec_2"].map((id) => alice.create(id));
  await alice.once();
  await bob.once();
  for (const id of docs) await write(alice, id, 9);
  await bob.once();
  for (const id of docs) await write(bob, id, 3);
  await alice.once();
  team.gatheredBytes = ROWS_WORTH;
  alice.crash();
  bob.crash();
  return { team, alice, bob, docs };
}

/** Alice makes a snapshot, bob attests it, bodies go. */
async function compacted() {
  const all = await grown();
  await write(all.alice, all.docs[0] as DocId, 1);
  await all.bob.once();
  await all.alice.once();
  return all;
}

/** Equal content, and nothing to say. */
async function sameOn(team: TestTeam, devices: readonly TestDevice[], docs: readonly DocId[]) {
  const [first] = devices as readonly [TestDevice, ...TestDevice[]];
  for (const device of devices) {
    for (const id of docs) {
      expect(device.text(id)).toBe(first.text(id));
      expect(device.store.pendingOf(id)).toBe(null);
      expect((await device.store.document(id))?.known).toEqual(
        (await first.store.document(id))?.known,
      );
    }
  }
  const before = team.server.stream(TEAM_STREAM).rows.length;
  for (const device of devices) expect((await device.once()).alarms).toEqual([]);
  expect(team.server.stream(TEAM_STREAM).rows.length).toBe(before);
}

function mark(
  team: TestTeam,
  device: TestDevice,
  kind: number,
  n: number,
  body: Bytes,
  head = team.server.headOf(team.server.stream(TEAM_STREAM)),
): readonly Bytes[] {
  const random = seededRandom(`mark ${kind} ${team.server.stream(TEAM_STREAM).rows.length}`);
  const replica = toHex(random(16));
  const author = { keys: device.keys, device: device.identity, replica };
  const rows = sealMark(author, TEAM_STREAM, { kind, n }, body, head, random);
  team.server.stream(TEAM_STREAM).rows.push(...rows);
  return rows;
}

const lastSnapshot = (team: TestTeam) => kindsOf(team).lastIndexOf(KIND_SNAPSHOT) + 1;

function say(team: TestTeam, device: TestDevice, kind: number, content: Bytes | null = null): void {
  const last = lastSnapshot(team);
  const snapshot = rowHash(team.server.stream(TEAM_STREAM).rows[last - 1] as Bytes);
  mark(team, device, kind, last, encodeSaid({ snapshot, content }));
}

describe("who makes one", () => {
  test("S32: a device that has written makes a snapshot when enough has gathered; another attests it, and bodies go", async () => {
    const { team, alice, bob, docs } = await grown();
    const before = team.server.stream(TEAM_STREAM).rows.length;
    await write(alice, docs[0] as DocId, 1);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(1);
    expect(droppedIn(team)).toBe(0);
    expect((await bob.once()).alarms).toEqual([]);
    expect(countOf(team, KIND_ATTEST)).toBe(1);
    expect(droppedIn(team)).toBe(before + 1);
    await alice.once();
    await sameOn(team, [alice, bob], docs);
  });

  test("S32: nobody makes one of little, or who only reads, or while one waits", async () => {
    const { team, alice, bob, docs } = await grown();
    team.gatheredBytes = 256 * 1000;
    alice.crash();
    await write(alice, docs[0] as DocId, 1);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(0);
    team.gatheredBytes = ROWS_WORTH;
    bob.crash();
    await bob.once();
    expect(countOf(team, KIND_SNAPSHOT)).toBe(0);
    alice.crash();
    await write(alice, docs[0] as DocId, 1);
    alice.crash();
    await write(alice, docs[0] as DocId, 30);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(1);
  });

  test("S32: the next one goes on from the one before, whose rows stay", async () => {
    const { team, alice, bob, docs } = await compacted();
    const first = lastSnapshot(team);
    for (let round = 0; round < 2; round++) {
      alice.crash();
      await write(alice, docs[1] as DocId, 40);
      alice.crash();
      await write(alice, docs[1] as DocId, 1);
      await bob.once();
      await alice.once();
      expect(countOf(team, KIND_SNAPSHOT)).toBe(2 + round);
      expect(team.server.stream(TEAM_STREAM).dropped.has(first)).toBe(round === 1);
    }
    const carol = team.device("carol");
    expect((await carol.once()).alarms).toEqual([]);
    await sameOn(team, [alice, bob, carol], docs);
  });

  test("S32: of one device alone nobody attests: bodies go after 30 days of the server's time", async () => {
    const team = new TestTeam();
    const alice = team.device("alice");
    team.gatheredBytes = ROWS_WORTH;
    alice.crash();
    const id = alice.create("dec_1");
    await write(alice, id, 25);
    alice.crash();
    await write(alice, id, 1);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(1);
    team.server.days = 29;
    alice.crash();
    await write(alice, id, 1);
    expect(droppedIn(team)).toBe(0);
    team.server.days = 30;
    alice.crash();
    await write(alice, id, 1);
    expect(droppedIn(team)).toBeGreaterThan(20);
    const second = team.device("alice's phone");
    // The team has another device, its founder's, which may have written what is not there.
    expect((await second.once()).alarms.join()).toContain("no other device attested");
    await sameOn(team, [alice, second], [id]);
  });

  test("S32: what cannot be done is left for the next time, and harms no exchange", async () => {
    const { team, alice, bob, docs } = await grown();
    const { snapshots } = alice.transport;
    alice.transport.snapshots = async () => ({
      ok: false,
      fault: { type: "offline", message: "no" },
    });
    await write(alice, docs[0] as DocId, 1);
    expect(alice.states.at(-1)?.state).toBe("verified");
    alice.transport.snapshots = snapshots;
    alice.crash();
    await write(alice, docs[0] as DocId, 1);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(1);
    await bob.once();
    await sameOn(team, [alice, bob], docs);
  });

  test("S32: a chain that a snapshot covers is closed: its writer goes on as a new replica, and loses nothing", async () => {
    const { team, alice, bob, docs } = await grown();
    await bob.once();
    await write(bob, docs[0] as DocId, 1);
    await alice.once();
    await write(alice, docs[0] as DocId, 1);
    await bob.once();
    // The same process, whose chain is covered now.
    await write(bob, docs[0] as DocId, 2);
    await alice.once();
    await sameOn(team, [alice, bob], docs);
    const carol = team.device("carol");
    expect((await carol.once()).alarms).toEqual([]);
    await sameOn(team, [alice, bob, carol], docs);
  });
});

describe("what holds up nothing", () => {
  /** Everybody writes and reads, so much that there are snapshots. */
  async function goOn(devices: readonly TestDevice[], docs: readonly DocId[], rounds = 2) {
    const [first] = devices as readonly [TestDevice];
    for (let round = 0; round < rounds; round++) {
      await write(first, docs[0] as DocId, 60);
      for (const device of devices.toReversed()) {
        device.crash();
        await write(device, docs[1] as DocId, 1);
      }
    }
  }

  test("S32: a snapshot that was made beside one that stands", async () => {
    const { team, alice, bob, docs } = await grown();
    const carol = team.device("carol");
    await carol.once();
    const { push } = carol.transport;
    let raced = false;
    carol.transport.push = async (stream, rows) => {
      if (unwrap(peekHeader(rows[0] as Bytes)).kind === KIND_SNAPSHOT && !raced) {
        raced = true;
        await write(alice, docs[0] as DocId, 1);
        await bob.once();
      }
      return push(stream, rows);
    };
    carol.crash();
    await write(carol, docs[1] as DocId, 1);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(2);
    expect(countOf(team, KIND_ATTEST)).toBe(1);
    await goOn([alice, bob, carol], docs);
    expect(countOf(team, KIND_SNAPSHOT)).toBeGreaterThan(2);
    expect(countOf(team, KIND_DISPUTE)).toBe(0);
  });

  const empty = { parent: null, entry: 0, documents: [], chains: [] };
  test.each([
    ["of a log entry that there is not", { ...empty, entry: 4_000_000_000 }, 0],
    ["of another parent", { ...empty, parent: { last: 3, hash: new Uint8Array(32) } }, 0],
    ["of another history", empty, 1],
  ])("S32: a member's snapshot %s", async (_what, said, off) => {
    const { team, alice, bob, docs } = await grown();
    const mallory = team.device("mallory");
    const { rows } = team.server.stream(TEAM_STREAM);
    const head = team.server.headOf({ rows: rows.slice(off) });
    const body = encodeSnapshot(said, String);
    mark(team, mallory, KIND_SNAPSHOT, rows.length, body, { ...head, n: rows.length });
    await goOn([alice, bob], docs);
    expect(countOf(team, KIND_SNAPSHOT)).toBeGreaterThan(1);
    expect(countOf(team, KIND_DISPUTE)).toBe(0);
  });

  test.each(["of a log entry before its parent's", "of no row that its parent does not cover"])(
    "S32: a member's snapshot %s",
    async (what) => {
      const { team, alice, bob, docs } = await compacted();
      const mallory = team.device("mallory");
      unwrap(await mallory.sync.once());
      const { rows } = team.server.stream(TEAM_STREAM);
      const last = lastSnapshot(team);
      const parent = { last, hash: rowHash(rows[last - 1] as Bytes) };
      const n = what.includes("entry") ? rows.length : 4;
      const head = team.server.headOf({ rows: rows.slice(0, n) });
      const entry = what.includes("entry") ? 0 : team.server.log.entries.length - 1;
      mark(
        team,
        mallory,
        KIND_SNAPSHOT,
        n,
        encodeSnapshot({ ...empty, parent, entry }, String),
        head,
      );
      await goOn([alice, bob], docs);
      expect(countOf(team, KIND_SNAPSHOT)).toBeGreaterThan(2);
      expect(countOf(team, KIND_DISPUTE)).toBe(0);
    },
  );

  test("S32: one that the server does not give, and nobody disputes it for that", async () => {
    const { team, alice, bob, docs } = await grown();
    await write(alice, docs[0] as DocId, 1);
    const last = lastSnapshot(team);
    const { snapshotRows } = bob.transport;
    bob.transport.snapshotRows = async (stream, of, after) =>
      of === last && after < last - 1
        ? ok({ rows: [], more: false })
        : snapshotRows(stream, of, after);
    await write(bob, docs[0] as DocId, 1);
    expect(countOf(team, KIND_DISPUTE)).toBe(0);
    bob.crash();
    await write(bob, docs[0] as DocId, 1);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(2);
  });

  test("S29: a row of a kind that nobody knows", async () => {
    const { team, alice, bob, docs } = await grown();
    const mallory = team.device("mallory");
    const document = wireDocumentId(team.keys, "dec_m" as DocId);
    const sealed = (kind: number, documentKind: number, replica: string) => {
      const of = { document, device: mallory.identity.id, replica, epoch: 1, seq: 1 };
      const header = { kind, ...streamTags(TEAM_STREAM), ...of, previous: new Uint8Array(32) };
      const content = { head: START, part: 0, parts: 1, documentKind, document: "dec_m" };
      const keys = { device: mallory.identity, document: documentKey(team.keys, document) };
      return encodeRow(header, { ...content, body: new Uint8Array(2) }, keys, seededRandom("k"));
    };
    const { rows } = team.server.stream(TEAM_STREAM);
    rows.push(sealed(9, 3, "ab".repeat(16)), sealed(1, 99, "cd".repeat(16)));
    const n = rows.length;
    await goOn([alice, bob], docs);
    expect(countOf(team, KIND_ATTEST)).toBeGreaterThan(0);
    expect(countOf(team, KIND_DISPUTE)).toBe(0);
    // What a later version reads is still there.
    expect(team.server.stream(TEAM_STREAM).dropped.has(n - 1)).toBe(false);
    const carol = team.device("carol");
    expect((await carol.once()).alarms).toEqual([]);
    await alice.once();
    await bob.once();
    await sameOn(team, [alice, bob, carol], docs);
  });
});

/** What a device is brought from now on, in pages of so many rows. */
function countBytes(device: TestDevice, pageRows: number): { rows: number; hashes: number } {
  const counted = { rows: 0, hashes: 0 };
  const { pull, snapshotRows } = device.transport;
  device.transport.pull = async (of, cursors) => {
    const page = await pull(of, cursors, pageRows);
    if (!page.ok) return page;
    for (const { row } of page.value.rows) counted.rows += row.length;
    counted.hashes += page.value.dropped?.length ?? 0;
    return page;
  };
  device.transport.snapshotRows = async (stream, last, after) => {
    const page = await snapshotRows(stream, last, after);
    // The last row is looked at first, to see who made it.
    if (page.ok && after !== last - 1)
      for (const { row } of page.value.rows) counted.rows += row.length;
    return page;
  };
  return counted;
}

describe("who reads one", () => {
  test("S33: who has nothing begins at the snapshot, by its rows and what follows, and asks for them once", async () => {
    const { team, alice, bob, docs } = await compacted();
    await write(bob, docs[1] as DocId, 2);
    await alice.once();
    const carol = team.device("carol");
    const counted = countBytes(carol, 10);
    carol.crash();
    const report = await carol.once();
    expect(report.alarms).toEqual([]);
    const { rows, dropped } = team.server.stream(TEAM_STREAM);
    const there = rows.reduce((sum, row, i) => sum + (dropped.has(i + 1) ? 0 : row.length), 0);
    expect(counted.rows).toBe(there);
    await sameOn(team, [alice, bob, carol], docs);
    expect((await carol.store.document(docs[0] as DocId))?.owner).toBe(alice.identity.id);
  });

  test("S33: to begin costs at most 1.3 times the bytes of the documents alone", async () => {
    const team = new TestTeam();
    const [alice, bob] = [team.device("alice"), team.device("bob")];
    await bob.once();
    const ids = Array.from({ length: 16 }, (_, i) => alice.create(`dec_${i}`));
    const words = ["we", "keep", "the", "server", "simple", "because", "of", "what", "it", "costs"];
    for (const [round, device] of [alice, bob, alice, bob].entries()) {
      for (const id of ids)
        for (let i = 0; i < 20; i++) {
          const said = words.slice((i * 7 + round) % 8).join(" ");
          device.type(id, (text) => text.insert((text.length * (i % 5)) >> 2, `${said} `));
        }
      for (const each of [device, alice, bob]) await each.once();
    }
    team.gatheredBytes = ROWS_WORTH;
    alice.crash();
    await write(alice, ids[0] as DocId, 1);
    await bob.once();
    await alice.once();
    const carol = team.device("carol");
    const counted = countBytes(carol, 20);
    carol.crash();
    expect((await carol.once()).alarms).toEqual([]);
    const plain = ids.reduce((sum, id) => sum + encodeDoc(alice.store.open(id)).length, 0);
    expect(counted.rows + 40 * counted.hashes).toBeLessThan(1.3 * plain);
    await sameOn(team, [alice, bob, carol], ids);
  });

  test("S33: who is in the middle goes over the hashes, keeps what he typed, and sends it", async () => {
    const team = new TestTeam();
    const [alice, bob, carol] = ["alice", "bob", "carol"].map((name) => team.device(name)) as [
      TestDevice,
      TestDevice,
      TestDevice,
    ];
    const id = alice.create("dec_1");
    await write(alice, id, 5);
    await bob.once();
    await carol.once();
    carol.type(id, (text) => text.insert(0, "carol was here "));
    team.gatheredBytes = ROWS_WORTH;
    alice.crash();
    await write(alice, id, 30);
    alice.crash();
    await write(alice, id, 1);
    await bob.once();
    expect(droppedIn(team)).toBeGreaterThan(30);
    expect((await carol.once()).alarms).toEqual([]);
    await alice.once();
    await bob.once();
    expect(alice.text(id)).toContain("carol was here");
    await sameOn(team, [alice, bob, carol], [id]);
  });

  test("S33: over many pages, and after a crash on the way", async () => {
    const { team, alice, bob, docs } = await grown();
    const dora = team.device("dora");
    await dora.once();
    await write(alice, docs[0] as DocId, 30);
    await bob.once();
    await alice.once();
    expect(droppedIn(team)).toBeGreaterThan(0);
    const { pull } = dora.transport;
    let left = 3;
    dora.transport.pull = async (of, cursors) =>
      left-- > 0
        ? pull(of, cursors, 4)
        : { ok: false, fault: { type: "offline", message: "lost" } };
    dora.crash();
    expect((await dora.sync.once()).ok).toBe(false);
    left = Infinity;
    dora.crash();
    expect((await dora.once()).alarms).toEqual([]);
    await sameOn(team, [alice, bob, dora], docs);
  });

  test("S33: own rows that a snapshot covers are known to have arrived", async () => {
    const { team, alice, bob, docs } = await grown();
    const id = docs[0] as DocId;
    const dora = team.device("dora");
    await dora.once();
    dora.type(id, (text) => text.insert(0, "whose answer was lost "));
    team.server.failNext = "lose answer";
    expect((await dora.sync.once()).ok).toBe(false);
    await alice.once();
    await write(alice, id, 1);
    await bob.once();
    const before = team.server.stream(TEAM_STREAM).rows.length;
    const report = await dora.once();
    expect(report).toMatchObject({ pushed: 1, alarms: [] });
    expect(team.server.stream(TEAM_STREAM).rows.length).toBe(before);
    await alice.once();
    await bob.once();
    await sameOn(team, [alice, bob, dora], docs);
  });

  test("S33: of two snapshots made at once the other one's rows are asked for, too", async () => {
    const { team, alice, bob, docs } = await grown();
    const { push } = alice.transport;
    alice.transport.push = async (stream, rows) => {
      if (unwrap(peekHeader(rows[0] as Bytes)).kind === KIND_SNAPSHOT) {
        const wireId = (id: DocId) => wireDocumentId(team.keys, id);
        const body = encodeSnapshot(await rebuilt(team, bob), wireId);
        mark(team, bob, KIND_SNAPSHOT, rowsOf(team).length, body);
      }
      return push(stream, rows);
    };
    await write(alice, docs[0] as DocId, 1);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(2);
    await bob.once();
    await alice.once();
    expect(droppedIn(team)).toBeGreaterThan(0);
    const carol = team.device("carol");
    expect((await carol.once()).alarms).toEqual([]);
    await sameOn(team, [alice, bob, carol], docs);
  });

  test("S33: a document that is here and not shared there is not overwritten", async () => {
    const { team, docs } = await compacted();
    const carol = team.device("carol");
    carol.create(docs[0] as string, "decision", null);
    carol.type(docs[0] as DocId, (text) => text.insert(0, "private"));
    const { alarms } = await carol.once();
    expect(alarms.join()).toContain("its document is not shared there");
    expect(carol.text(docs[0] as DocId)).toBe("private");
    expect(carol.text(docs[1] as DocId)).not.toBe("");
  });
});

describe("who was removed", () => {
  const by = (team: TestTeam, device: TestDevice): Manager => ({
    device: device.identity,
    random: seededRandom(`manager ${device.identity.id}`),
    nowMs: team.time.clock.nowMs,
  });
  const removed = (team: TestTeam, ada: TestDevice, name: string) =>
    ada.sync.manage((of, fences) =>
      remove(of, { kind: "remove-member", member: memberOf(name) }, fences, by(team, ada)),
    );

  /** Alice's snapshot (or none), which bob attests; both are out since, and others went on. */
  async function left(makes: "one" | "none" = "one") {
    const { team, alice, bob, docs } = await grown();
    const ada = team.device("ada", "admin");
    if (makes === "none") {
      team.gatheredBytes = Infinity;
      alice.crash();
      ada.crash();
    }
    await write(alice, docs[0] as DocId, 1);
    await bob.once();
    await alice.once();
    expect(droppedIn(team) > 0).toBe(makes === "one");
    for (const name of ["alice", "bob"]) unwrap(await removed(team, ada, name));
    await write(ada, docs[0] as DocId, 2);
    const eve = team.device("eve");
    unwrap(await ada.sync.manage((of) => of.rotate(null)));
    return { team, alice, bob, ada, eve, docs };
  }

  test("S33: a snapshot of two devices that are removed since is one to begin at", async () => {
    const { team, ada, eve, docs } = await left();
    expect((await eve.once()).alarms).toEqual([]);
    await sameOn(team, [ada, eve], docs);
  });

  test("S33: and one to go on from", async () => {
    const { team, ada, eve, docs } = await left();
    await eve.once();
    team.gatheredBytes = ROWS_WORTH;
    ada.crash();
    eve.crash();
    await write(ada, docs[0] as DocId, 40);
    ada.crash();
    await write(ada, docs[0] as DocId, 1);
    await eve.once();
    expect(countOf(team, KIND_SNAPSHOT)).toBe(2);
    expect(countOf(team, KIND_ATTEST)).toBe(2);
    await ada.once();
    await sameOn(team, [ada, eve], docs);
  });

  /** With their old keys, and a server that shows a snapshot to one device alone. */
  function forge(
    { team, alice, bob, ada }: Awaited<ReturnType<typeof left>>,
    n: number,
    at: readonly [number, number],
  ) {
    const id = "dec_1" as DocId;
    const clients = new Map([[1, ada.identity.id]]);
    const open = rebuildDoc([]);
    open.getText("context").insert(0, "ada says: we drop encryption");
    const kind = "decision" as const;
    const evil = { id, kind, owner: ada.identity.id, clients, state: encodeDoc(open) };
    const said = { parent: null, entry: 0, documents: [evil], chains: [] };
    const body = encodeSnapshot(said, (doc) => wireDocumentId(team.keys, doc));
    const { rows } = team.server.stream(TEAM_STREAM);
    const head = team.server.headOf({ rows: rows.slice(0, n) });
    const sealed = (device: TestDevice, mark: { kind: number; n: number }, bytes: Bytes) => {
      const author = { keys: team.keys, device: device.identity, replica: "ee".repeat(16) };
      return sealMark(author, TEAM_STREAM, mark, bytes, head, seededRandom("forged"))[0] as Bytes;
    };
    const row = sealed(alice, { kind: KIND_SNAPSHOT, n }, body);
    const content = encodeSaid({ snapshot: rowHash(row), content: contentHash(body) });
    return { row, word: sealed(bob, { kind: KIND_ATTEST, n: at[0] }, content) };
  }

  function show(device: TestDevice, at: readonly [number, number], row: Bytes, word: Bytes) {
    const { pull } = device.transport;
    device.transport.pull = async (of, cursors, limit) => {
      const page = unwrap(await pull(of, cursors, limit));
      // All that it covers is gone.
      const gone = page.rows.filter(({ n }) => n < at[0]);
      const hashes = gone.map(({ stream, n, row: bytes }) => ({ stream, n, hash: rowHash(bytes) }));
      const dropped = [...(page.dropped ?? []), ...hashes];
      return ok({ ...page, rows: page.rows.filter(({ n }) => n >= at[0]), dropped });
    };
    const listed = { last: at[0], words: [{ n: at[1], row: word }], dropped: true };
    const rest = { bytes: 0, behindBytes: 1e9, days: 0, othersActive: false };
    device.transport.snapshots = async () =>
      ok({ changesBytes: 1e9, snapshots: [{ ...listed, ...rest }] });
    device.transport.snapshotRows = async (_stream, _last, after) =>
      ok({ rows: after < at[0] ? [{ n: at[0], row }] : [], more: false });
    device.crash();
  }

  test.each([
    ["said to stand before what it covers", (head: number) => [head, 1, 1]],
    [
      "said to stand behind it, after they were removed",
      (head: number) => [head, head + 1, head + 2],
    ],
    ["with its word before it", (_: number, fence: number) => [fence - 3, fence - 1, fence - 2]],
    [
      "in the place of rows that stand there",
      (_: number, fence: number) => [fence - 3, fence - 2, fence - 1],
    ],
  ])("S34: a snapshot forged by two who are removed is not taken, %s", async (_how, place) => {
    const all = await left();
    const { team, alice, eve } = all;
    const { log } = team.server;
    const { devices } = unwrap(replay(TEAM_STREAM.team, log.entries, null)).state;
    const fence = devices.get(alice.identity.id)?.removed?.fences[0]?.n as number;
    const [n, ...at] = place(rowsOf(team).length, fence) as [number, number, number];
    const { row, word } = forge(all, n, at);
    show(eve, at, row, word);
    expect((await eve.once()).alarms.join()).toContain("deleted rows");
    expect(eve.store.ids).toEqual([]);
  });

  test("S34: nor with a history of its own, which ends before they were removed or goes on from there", async () => {
    const all = await left();
    const { team, alice } = all;
    const { rows } = team.server.stream(TEAM_STREAM);
    const { devices } = unwrap(replay(TEAM_STREAM.team, team.server.log.entries, null)).state;
    const fence = devices.get(alice.identity.id)?.removed?.fences[0]?.n as number;
    const at = [fence - 2, fence - 1] as const;
    const { row, word } = forge(all, fence - 3, at);
    const real = rows.splice(fence - 3, Infinity, row, word);
    for (const more of [[], real.slice(2)]) {
      rows.push(...more);
      const eve = more.length === 0 ? all.eve : team.device("eva");
      if (more.length > 0) unwrap(await all.ada.sync.manage((of) => of.rotate(null)));
      show(eve, at, row, word);
      expect((await eve.once()).alarms.join()).toContain("deleted rows");
      expect(eve.store.ids).toEqual([]);
    }
  });

  test("S32: nobody compacts for a word that does not stand where the server says", async () => {
    const { team, alice, bob, docs } = await grown();
    await write(alice, docs[0] as DocId, 1);
    const { rows } = team.server.stream(TEAM_STREAM);
    const last = lastSnapshot(team);
    const { length } = rows;
    say(team, bob, KIND_ATTEST);
    const [word] = rows.splice(length) as [Bytes];
    const { snapshots, compact } = alice.transport;
    alice.transport.snapshots = async (stream) => {
      const list = unwrap(await snapshots(stream));
      const [made] = list.snapshots as [ListedSnapshot];
      return ok({ ...list, snapshots: [{ ...made, words: [{ n: last + 1, row: word }] }] });
    };
    const asked: number[] = [];
    alice.transport.compact = async (stream, of) => {
      asked.push(of);
      return compact(stream, of);
    };
    alice.crash();
    await write(alice, docs[0] as DocId, 1);
    expect(asked).toEqual([]);
  });

  test("S32: nobody goes on from a snapshot that does not stand where the server says", async () => {
    const all = await left("none");
    const { team, ada, docs } = all;
    const { row, word } = forge(all, 2, [3, 4]);
    show(ada, [3, 4], row, word);
    team.gatheredBytes = 1;
    ada.crash();
    await write(ada, docs[1] as DocId, 1);
    expect(countOf(team, KIND_SNAPSHOT)).toBe(0);
  });
});

describe("lies", () => {
  test("S34: bodies gone without a snapshot that stands: an alarm, and nothing is taken", async () => {
    const { team, alice, docs } = await grown();
    const held = team.server.stream(TEAM_STREAM);
    for (let n = 1; n <= 10; n++) held.dropped.add(n);
    const carol = team.device("carol");
    const { alarms } = await carol.once();
    expect(alarms.join()).toContain("deleted rows");
    expect(carol.store.has(docs[0] as DocId)).toBe(false);
    expect((await alice.once()).alarms).toEqual([]);
  });

  test("S34: gone for a snapshot that only its maker attested: the same", async () => {
    const { team, alice, docs } = await grown();
    await write(alice, docs[0] as DocId, 1);
    const held = team.server.stream(TEAM_STREAM);
    say(team, alice, KIND_ATTEST);
    for (let n = 1; n < lastSnapshot(team); n++) held.dropped.add(n);
    held.compacted.push(lastSnapshot(team));
    const carol = team.device("carol");
    const { alarms } = await carol.once();
    expect(alarms.join()).toMatch(/no other device attested/);
    // Who is told can still read: what is there is signed by somebody of the team.
    expect(carol.text(docs[0] as DocId)).toBe(alice.text(docs[0] as DocId));
  });

  test("S34: gone for one that nobody attested and that leaves everything out: who begins is told", async () => {
    const { team, alice } = await grown();
    const held = team.server.stream(TEAM_STREAM);
    const nothing = encodeSnapshot({ parent: null, entry: 0, documents: [], chains: [] }, String);
    mark(team, alice, KIND_SNAPSHOT, held.rows.length, nothing);
    for (let n = 1; n < lastSnapshot(team); n++) held.dropped.add(n);
    const carol = team.device("carol");
    // The server does not even say that they went for it.
    expect((await carol.once()).alarms.join()).toContain("deleted rows");
    held.compacted.push(lastSnapshot(team));
    expect((await carol.once()).alarms.join()).toContain("no other device attested");
  });

  test("S34: false snapshots of a member hide none that stands", async () => {
    const { team, alice, bob, docs } = await compacted();
    const mallory = team.device("mallory");
    const { rows } = team.server.stream(TEAM_STREAM);
    const head = team.server.headOf({ rows });
    for (let entry = 0; entry < 40; entry++) {
      const body = encodeSnapshot({ parent: null, entry, documents: [], chains: [] }, String);
      mark(team, mallory, KIND_SNAPSHOT, head.n, body, head);
    }
    for (const device of [alice, bob]) {
      device.crash();
      await write(device, docs[0] as DocId, 2);
    }
    const eve = team.device("eve");
    expect((await eve.once()).alarms).toEqual([]);
    await alice.once();
    await sameOn(team, [alice, bob, eve], docs);
    expect(countOf(team, KIND_DISPUTE)).toBe(0);
  });

  test("S34: an older snapshot than the one for which bodies went: an alarm", async () => {
    const { team, alice, bob, docs } = await compacted();
    alice.crash();
    await write(alice, docs[1] as DocId, 40);
    alice.crash();
    await write(alice, docs[1] as DocId, 1);
    await bob.once();
    await alice.once();
    const carol = team.device("carol");
    const { snapshots } = carol.transport;
    carol.transport.snapshots = async (stream) => {
      const list = await snapshots(stream);
      return list.ok
        ? { ok: true, value: { ...list.value, snapshots: list.value.snapshots.slice(1) } }
        : list;
    };
    carol.crash();
    expect((await carol.once()).alarms.join()).toContain("deleted rows");
  });

  test("S34: hashes of dropped rows that do not come to the snapshot's: an alarm", async () => {
    const { team, alice, bob, docs } = await grown();
    const dora = team.device("dora");
    const { pull } = dora.transport;
    await dora.once();
    team.gatheredBytes = Infinity;
    alice.crash();
    await write(alice, docs[1] as DocId, 10);
    team.gatheredBytes = ROWS_WORTH;
    alice.crash();
    await write(alice, docs[1] as DocId, 1);
    await bob.once();
    expect(droppedIn(team)).toBeGreaterThan(0);
    dora.transport.pull = async (...args) => {
      const page = await pull(...args);
      if (!page.ok) return page;
      const dropped = page.value.dropped?.map((row, i) =>
        i === 3 ? { ...row, hash: new Uint8Array(32) } : row,
      );
      return { ok: true, value: { ...page.value, dropped: dropped ?? [] } };
    };
    dora.crash();
    const text = dora.text(docs[1] as DocId);
    expect((await dora.once()).alarms.join()).toContain("is not the one this device verified");
    expect(dora.text(docs[1] as DocId)).toBe(text);
  });

  /** Alice's program leaves a document out. */
  async function bogus(team: TestTeam, alice: TestDevice, without: string): Promise<Bytes> {
    const built = await rebuilt(team, alice);
    const documents = built.documents.filter(({ id }) => id !== without);
    const wireId = (id: DocId) => wireDocumentId(team.keys, id);
    const body = encodeSnapshot({ ...built, documents }, wireId);
    mark(team, alice, KIND_SNAPSHOT, rowsOf(team).length, body);
    return contentHash(body);
  }

  test.each(["garbage", "without a document"])(
    "S34: a bogus snapshot (%s) is disputed by who rebuilds it, and everybody hears it",
    async (how) => {
      const { team, alice, bob, docs } = await grown();
      const { length } = team.server.stream(TEAM_STREAM).rows;
      if (how === "garbage") mark(team, alice, KIND_SNAPSHOT, length, new Uint8Array(100));
      else await bogus(team, alice, "dec_2");
      const { alarms } = await bob.once();
      expect(countOf(team, KIND_DISPUTE)).toBe(1);
      expect(alarms.join()).toContain("is not what");
      expect(droppedIn(team)).toBe(0);
      expect((await alice.once()).alarms.join()).toContain("is not what bob");
      const carol = team.device("carol");
      expect((await carol.once()).alarms.join()).toContain("is not what bob");
      expect(carol.text(docs[1] as DocId)).toBe(bob.text(docs[1] as DocId));
      // Others go on: the next one does not build on it.
      carol.crash();
      await write(carol, docs[0] as DocId, 1);
      expect(countOf(team, KIND_SNAPSHOT)).toBe(2);
      await bob.once();
      expect(droppedIn(team)).toBeGreaterThan(0);
    },
  );

  test("S34: who knows what a snapshot lacks disputes it, stays where he is, and says so once", async () => {
    const { team, alice, bob, docs } = await grown();
    const dora = team.device("dora");
    await dora.once();
    const kept = dora.create("dec_3");
    await write(dora, kept, 1);
    await alice.once();
    await bob.once();
    team.gatheredBytes = Infinity;
    alice.crash();
    await write(alice, docs[0] as DocId, 1);
    const before = (await dora.store.cursors(TEAM_STREAM.team))[0]?.cursor.n;
    // Two devices in one hand: one leaves dora's document out, the other attests that.
    say(team, bob, KIND_ATTEST, await bogus(team, alice, kept));
    await alice.transport.compact(TEAM_STREAM, lastSnapshot(team));
    expect(droppedIn(team)).toBeGreaterThan(0);
    for (let i = 0; i < 2; i++) {
      const { alarms } = await dora.once();
      expect(alarms.join()).toContain("is not what this device");
      expect(countOf(team, KIND_DISPUTE)).toBe(1);
    }
    expect(dora.text(kept)).not.toBe("");
    expect((await dora.store.cursors(TEAM_STREAM.team))[0]?.cursor.n).toBe(before);
    expect((await alice.once()).alarms.join()).toContain("is not what dora");
    const carol = team.device("carol");
    expect((await carol.once()).alarms.join()).toContain("is not what dora");
    expect(carol.store.has(kept)).toBe(false);
  });

  test("S34: when who leads has vouched all the same, who disputed reads anew and sends what it lacked", async () => {
    const { team, alice, bob, docs } = await grown();
    const admin = team.device("ada", "admin");
    const dora = team.device("dora");
    await dora.once();
    const kept = dora.create("dec_3");
    await write(dora, kept, 1);
    for (const device of [alice, bob, admin]) await device.once();
    team.gatheredBytes = Infinity;
    alice.crash();
    await write(alice, docs[0] as DocId, 1);
    say(team, bob, KIND_ATTEST, await bogus(team, alice, kept));
    await alice.transport.compact(TEAM_STREAM, lastSnapshot(team));
    await dora.once();
    expect(dora.told.at(-1)).toMatchObject({ lasting: true, halted: TEAM_STREAM });
    admin.crash();
    expect(await admin.sync.vouch()).toEqual({ ok: true, value: 1 });
    expect(unwrap(await dora.sync.restart(TEAM_STREAM)).pushed).toBe(1);
    const carol = team.device("carol");
    await carol.once();
    expect(carol.text(kept)).toBe(dora.text(kept));
  });

  test("S34: who is ahead of a snapshot that lacks what he knows disputes it, though another attested it", async () => {
    const { team, alice, bob, docs } = await grown();
    team.gatheredBytes = Infinity;
    for (const device of [alice, bob]) device.crash();
    const dora = team.device("dora");
    const kept = dora.create("dec_3");
    await write(dora, kept, 2);
    await alice.once();
    await bob.once();
    say(team, bob, KIND_ATTEST, await bogus(team, alice, kept));
    await alice.transport.compact(TEAM_STREAM, lastSnapshot(team));
    expect(droppedIn(team)).toBeGreaterThan(0);
    await write(bob, docs[0] as DocId, 1);
    expect(countOf(team, KIND_DISPUTE)).toBe(0);
    expect((await dora.once()).alarms.join()).toContain("is not what this device");
    expect(countOf(team, KIND_DISPUTE)).toBe(1);
    const carol = team.device("carol");
    expect((await carol.once()).alarms.join()).toContain("is not what dora");
    expect(carol.store.has(kept)).toBe(false);
  });

  test("S34: an admin's vouch ends a dispute, a member's does not", async () => {
    const { team, alice, bob, docs } = await grown();
    const admin = team.device("ada", "admin");
    await admin.once();
    await write(alice, docs[0] as DocId, 1);
    say(team, bob, KIND_DISPUTE);
    await bob.once();
    await admin.once();
    expect(droppedIn(team)).toBe(0);
    expect(await bob.sync.vouch()).toMatchObject({ ok: false, fault: { type: "rights" } });
    say(team, bob, KIND_VOUCH);
    team.gatheredBytes = Infinity;
    bob.crash();
    await write(bob, docs[0] as DocId, 1);
    expect(droppedIn(team)).toBe(0);
    expect(await admin.sync.vouch()).toEqual({ ok: true, value: 1 });
    expect(await admin.sync.vouch()).toEqual({ ok: true, value: 0 });
    bob.crash();
    await write(bob, docs[0] as DocId, 1);
    expect(droppedIn(team)).toBeGreaterThan(0);
    const carol = team.device("carol");
    await carol.once();
    expect(carol.text(docs[1] as DocId)).toBe(alice.text(docs[1] as DocId));
  });

  test("S34: a document of a snapshot that cannot be opened is not taken, the others are", async () => {
    const { team, alice, bob, docs } = await grown();
    const built = await rebuilt(team, alice);
    const documents = built.documents.map((doc) =>
      doc.id === docs[0] ? { ...doc, state: new Uint8Array([1, 2, 3]) } : doc,
    );
    const body = encodeSnapshot({ ...built, documents }, (id) => wireDocumentId(team.keys, id));
    mark(team, alice, KIND_SNAPSHOT, rowsOf(team).length, body);
    say(team, bob, KIND_ATTEST, contentHash(body));
    await alice.transport.compact(TEAM_STREAM, lastSnapshot(team));
    const carol = team.device("carol");
    expect((await carol.once()).alarms.join()).toContain("its change cannot be applied");
    expect(carol.store.has(docs[0] as DocId)).toBe(false);
    expect(carol.text(docs[1] as DocId)).toBe(alice.text(docs[1] as DocId));
  });

  test("S34: a withheld dispute is heard where it stands in the stream", async () => {
    const { team, bob, docs } = await compacted();
    say(team, bob, KIND_DISPUTE);
    team.server.hides = ({ kind }) => kind === KIND_DISPUTE;
    const carol = team.device("carol");
    expect((await carol.once()).alarms.join()).toContain("is not what bob");
    expect(carol.store.has(docs[0] as DocId)).toBe(true);
    team.server.hides = () => false;
    const dave = team.device("dave");
    expect((await dave.once()).alarms.join()).toContain("is not what bob");
    expect(dave.store.has(docs[0] as DocId)).toBe(false);
  });

  test("S34: a row that is not a snapshot's is not taken for one because it came without a body", async () => {
    const { team, alice, bob, docs } = await compacted();
    await write(alice, docs[0] as DocId, 1);
    const held = team.server.stream(TEAM_STREAM);
    held.dropped.add(held.rows.length);
    const { alarms } = await bob.once();
    expect(alarms.join()).toContain("deleted rows");
  });
});
