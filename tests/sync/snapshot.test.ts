import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { type Bytes, concatBytes, toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { rebuildDoc } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, foldKnown, isInside } from "../../src/crdt/known.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { KIND_ATTEST, KIND_SNAPSHOT, peekHeader } from "../../src/crypto/header.ts";
import { PART_BYTES, rowHash } from "../../src/crypto/row.ts";
import { wireDocumentId } from "../../src/crypto/team.ts";
import {
  decodeSaid,
  encodeSaid,
  mayDrop,
  standingOf,
  type Verdict,
  type Word,
} from "../../src/sync/marks.ts";
import { buildSnapshot } from "../../src/sync/rebuild.ts";
import { sealMark, sealUpdate, unsealMark } from "../../src/sync/seal.ts";
import {
  contentHash,
  decodeSnapshot,
  encodeSnapshot,
  type Snapshot,
} from "../../src/sync/snapshot.ts";
import { noise, seededRandom } from "../crypto/samples.ts";
import frozen from "../vectors/snapshots.json" with { type: "json" };
import { optionsOf, rebuilt as build, rowsOf } from "./rebuilt.ts";
import { snapshotVectors } from "./snapshotVectors.ts";
import { PROJECT_STREAM, TEAM_STREAM, TestTeam } from "./team.ts";

const wireId = (team: TestTeam) => (doc: DocId) => wireDocumentId(team.keys, doc);
const hash = (digit: string) => sha256(new TextEncoder().encode(digit));

/** A team whose two devices wrote, deleted and renamed, over several processes. */
async function busy(edits = 12) {
  const team = new TestTeam();
  const [a, b] = [team.device("a"), team.device("b")];
  const docs = ["dec_1", "dec_2", "dec_3"].map((id) => a.create(id));
  await a.once();
  await b.once();
  for (let i = 0; i < edits; i++) {
    const device = i % 2 === 0 ? a : b;
    const doc = docs[i % 3] as DocId;
    if (i % 3 === 0 && !device.store.has(doc)) continue;
    if (device.store.has(doc)) device.type(doc, (text) => text.insert(0, `edit ${i} `));
    if (i % 4 === 3 && device.store.has(doc)) device.type(doc, (text) => text.delete(0, 3));
    if (i % 5 === 4) device.crash();
    await device.once();
    await (device === a ? b : a).once();
  }
  return { team, a, b, docs };
}

describe("the form", () => {
  test("S28: a snapshot is read as it was written, and has one form", async () => {
    const { team, a } = await busy();
    const snapshot = await build(team, a);
    const bytes = encodeSnapshot(snapshot, wireId(team));
    const read = decodeSnapshot(bytes, wireId(team)) as Snapshot;
    expect(encodeSnapshot(read, wireId(team))).toEqual(bytes);
    expect(read.documents.map(({ id }) => id)).toEqual(["dec_1", "dec_2", "dec_3"]);
    const reversed = { ...snapshot, documents: snapshot.documents.toReversed() };
    expect(encodeSnapshot(reversed, wireId(team))).toEqual(bytes);
    expect(contentHash(bytes)).toEqual(sha256(bytes.subarray(70)));
  });

  test("S28: with any byte of it changed, added or taken away it is not read, and nothing throws", async () => {
    const { team, a } = await busy(4);
    const bytes = encodeSnapshot(await build(team, a), wireId(team));
    for (let at = 38; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(decodeSnapshot(changed, wireId(team))).toBe(null);
      // With a hash that fits it must still be the one form, or another good one.
      changed.set(sha256(changed.subarray(70)), 38);
      const read = decodeSnapshot(changed, wireId(team));
      if (read) expect(encodeSnapshot(read, wireId(team))).toEqual(changed);
    }
    expect(decodeSnapshot(concatBytes(bytes, new Uint8Array(1)), wireId(team))).toBe(null);
    expect(decodeSnapshot(bytes.slice(0, -1), wireId(team))).toBe(null);
  });

  test("S28: no bytes make the decoder throw or reserve what is not there", () => {
    const team = new TestTeam();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noisy) => {
        const content = noisy.slice();
        const bytes = concatBytes(new Uint8Array(38), sha256(content), content);
        const read = decodeSnapshot(bytes, wireId(team));
        if (read) expect(encodeSnapshot(read, wireId(team))).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test("S28: it goes in rows that say how many follow, and is of its own stream only", () => {
    const team = new TestTeam();
    const { identity } = team.device("a");
    const author = { keys: team.keys, device: identity, replica: "ab".repeat(16) };
    const body = noise(2 * PART_BYTES + 5);
    const head = { n: 7, h: hash("h") };
    const random = seededRandom("marks");
    const rows = sealMark(author, TEAM_STREAM, { kind: KIND_SNAPSHOT, n: 7 }, body, head, random);
    const read = rows.map((row) =>
      unsealMark(row, TEAM_STREAM, { by: "signature", signKey: identity.signKey }, team.keys),
    );
    expect(read.map((row) => row?.header.mark)).toEqual([2, 1, 0].map((left) => ({ n: 7, left })));
    expect(concatBytes(...read.map((row) => row?.body as Bytes))).toEqual(body);
    expect(
      rows.slice(1).every((row, i) => {
        const header = peekHeader(row);
        return header.ok && toHex(header.value.previous) === toHex(rowHash(rows[i] as Bytes));
      }),
    ).toBe(true);
    const proof = { by: "signature", signKey: identity.signKey } as const;
    expect(unsealMark(rows[0] as Bytes, PROJECT_STREAM, proof, team.keys)).toBe(null);
  });

  test("S28: snapshots and their rows are made as frozen", async () => {
    expect(await snapshotVectors()).toEqual(frozen);
  });
});

describe("the rebuild", () => {
  test("S29: every device comes to the same bytes, whatever it has that was not sent", async () => {
    const { team, a, b, docs } = await busy();
    b.type(docs[0] as DocId, (text) => text.insert(0, "not sent "));
    const ofA = encodeSnapshot(await build(team, a), wireId(team));
    const ofB = encodeSnapshot(await build(team, b), wireId(team));
    expect(ofA).toEqual(ofB);
    const read = decodeSnapshot(ofA, wireId(team)) as Snapshot;
    for (const { id, state } of read.documents)
      expect(rebuildDoc([state]).getText("context").toString()).toBe(a.text(id));
  });

  test("S29: on from a snapshot, by rows after it: the same content as by all rows, and only chains that moved", async () => {
    const { team, a, b, docs } = await busy();
    const n = rowsOf(team).length;
    const first = await build(team, a);
    a.crash();
    a.type(docs[0] as DocId, (text) => text.insert(0, "after "));
    await a.once();
    await b.once();
    const base = { n, parent: { last: n, hash: hash("first") }, snapshot: first };
    const next = await build(team, a, base);
    expect(encodeSnapshot(next, wireId(team))).toEqual(
      encodeSnapshot(await build(team, b, base), wireId(team)),
    );
    expect(next.parent).toEqual(base.parent);
    expect(next.chains.length).toBe(1);
    const whole = await build(team, a);
    for (const { id, state } of whole.documents) {
      const same = next.documents.find((doc) => doc.id === id);
      const known = (bytes: Bytes) => foldKnown(EMPTY_KNOWN, bytes);
      expect(known(same?.state as Bytes)).toEqual(known(state));
      expect(same?.clients).toEqual(whole.documents.find((doc) => doc.id === id)?.clients);
    }
  });

  test("S29: it says who owns a document and who wrote under which clientID", async () => {
    const { team, a, b } = await busy();
    const { documents } = await build(team, a);
    const devices = new Set([a.identity.id, b.identity.id]);
    for (const { owner, clients } of documents) {
      expect(owner).toBe(a.identity.id);
      expect(clients.size).toBeGreaterThan(0);
      expect([...clients.values()].every((device) => devices.has(device))).toBe(true);
    }
    expect(new Set(documents.flatMap(({ clients }) => [...clients.values()]))).toEqual(devices);
  });

  test("S29: what readers refuse is not in it; where something cannot be read, there is none", async () => {
    const { team, a, b } = await busy();
    const clean = encodeSnapshot(await build(team, a), wireId(team));
    const { rows } = team.server.stream(TEAM_STREAM);
    rows.push((rows[0] as Bytes).slice());
    const flipped = (rows[1] as Bytes).slice();
    flipped[200] = (flipped[200] as number) ^ 1;
    rows.push(flipped);
    expect(encodeSnapshot(await build(team, b), wireId(team))).toEqual(clean);
    const newer = (rows[0] as Bytes).slice();
    newer[0] = 9;
    rows.push(newer);
    const options = await optionsOf(team, a);
    expect(await buildSnapshot(options, TEAM_STREAM, null, rowsOf(team))).toBe(null);
  });

  test("S29: a clientID of which there are only things behind a gap is not listed", async () => {
    const { team, a, docs } = await busy();
    const [doc] = docs as [DocId];
    const open = new Y.Doc();
    open.clientID = 77;
    open.getText("context").insert(0, "first");
    const first = Y.encodeStateVector(open);
    open.getText("context").insert(5, " and then");
    const author = { keys: team.keys, device: a.identity, replica: "cd".repeat(16) };
    const target = { doc, kind: "decision", stream: TEAM_STREAM } as const;
    const update = Y.encodeStateAsUpdate(open, first) as Bytes;
    const head = { n: 0, h: new Uint8Array(32) };
    const sealed = sealUpdate(author, target, update, null, head, seededRandom("gap"));
    team.server.stream(TEAM_STREAM).rows.push(...sealed.map(({ row }) => row));
    const built = (await build(team, a)).documents.find(({ id }) => id === doc);
    expect(built?.clients.has(77)).toBe(false);
    expect(toHex(built?.state as Bytes)).toContain(toHex(new TextEncoder().encode(" and then")));
  });

  test("S29: rows about snapshots change nothing but their own chains", async () => {
    const { team, a } = await busy();
    const clean = await build(team, a);
    const author = { keys: team.keys, device: a.identity, replica: "cd".repeat(16) };
    const said = encodeSaid({ snapshot: hash("row"), content: null });
    const head = team.server.headOf(team.server.stream(TEAM_STREAM));
    const marks = sealMark(
      author,
      TEAM_STREAM,
      { kind: KIND_ATTEST, n: 3 },
      said,
      head,
      seededRandom("x"),
    );
    team.server.stream(TEAM_STREAM).rows.push(...marks);
    const marked = await build(team, a);
    expect(marked.documents).toEqual(clean.documents);
    expect(marked.chains.length).toBe(clean.chains.length + 1);
  });
});

describe("what is known", () => {
  test("S30: it is inside a snapshot when every insert and every delete of it is", async () => {
    const { team, a, docs } = await busy();
    const id = docs[0] as DocId;
    const known = async () => (await a.store.document(id))?.known ?? EMPTY_KNOWN;
    const before = await known();
    const stateOf = async () =>
      (await build(team, a)).documents.find((doc) => doc.id === id)?.state as Bytes;
    const early = foldKnown(EMPTY_KNOWN, await stateOf());
    expect(isInside(before, early)).toBe(true);
    a.type(id, (text) => text.delete(0, 2));
    await a.once();
    expect(isInside(before, await known())).toBe(true);
    expect(isInside(await known(), early)).toBe(false);
    expect(isInside(await known(), foldKnown(EMPTY_KNOWN, await stateOf()))).toBe(true);
    expect(isInside(EMPTY_KNOWN, EMPTY_KNOWN)).toBe(true);
  });
});

describe("what may go", () => {
  const word = (verdict: Verdict, device: string, n: number): Word => ({
    ...{ verdict, device, n },
    content: null,
  });
  const leads = (device: string) => device === "admin";
  const standing = (...words: Word[]) => standingOf("maker", words, leads);

  test("S31: a snapshot stands when another device attested it and nobody disputes it", () => {
    expect(standing()).toBe("waiting");
    expect(standing(word("attest", "maker", 9))).toBe("waiting");
    expect(standing(word("attest", "other", 9))).toBe("attested");
    expect(standing(word("attest", "other", 9), word("dispute", "third", 10))).toBe("disputed");
    expect(standing(word("dispute", "third", 8), word("attest", "other", 9))).toBe("disputed");
  });

  test("S31: a dispute ends by the word of who leads the team, and of nobody else", () => {
    const disputed = [word("attest", "other", 9), word("dispute", "third", 10)];
    expect(standing(...disputed, word("vouch", "other", 11))).toBe("disputed");
    expect(standing(...disputed, word("vouch", "admin", 11))).toBe("attested");
    expect(standing(word("vouch", "admin", 9), ...disputed)).toBe("disputed");
    expect(standing(...disputed, word("vouch", "admin", 11), word("dispute", "third", 12))).toBe(
      "disputed",
    );
  });

  test("S31: without an attest bodies go after 30 days, if no other device was active", () => {
    expect(mayDrop("attested", { days: 0, othersActive: true })).toBe(true);
    expect(mayDrop("waiting", { days: 29, othersActive: false })).toBe(false);
    expect(mayDrop("waiting", { days: 30, othersActive: false })).toBe(true);
    expect(mayDrop("waiting", { days: 400, othersActive: true })).toBe(false);
    expect(mayDrop("disputed", { days: 400, othersActive: false })).toBe(false);
  });

  test("S31: a word names its snapshot by the hash of its last row, and what its author came to", () => {
    const said = { snapshot: hash("row"), content: hash("content") };
    expect(decodeSaid(encodeSaid(said))).toEqual(said);
    expect(decodeSaid(encodeSaid({ ...said, content: null }))).toEqual({ ...said, content: null });
    expect(decodeSaid(new Uint8Array(63))).toBe(null);
  });
});
