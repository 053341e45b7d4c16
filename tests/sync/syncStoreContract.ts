/** What every store owes sync. Each implementation runs this suite: `syncStoreContract("PGlite", open)`. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { type Bytes, fromHex, utf8 } from "../../src/base/bytes.ts";
import type { DocId, TeamId } from "../../src/base/ids.ts";
import type { DocKind } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, foldKnown } from "../../src/crdt/known.ts";
import type {
  Chain,
  PulledBatch,
  PulledDocument,
  StreamRef,
  SyncStore,
} from "../../src/sync/ports.ts";

export interface StoreUnderTest {
  readonly store: SyncStore;
  /** A new document on this machine, with nothing in it. */
  create(id: DocId, kind: DocKind, stream: StreamRef | null): Promise<void>;
  /** A local edit. */
  append(id: DocId, update: Bytes): Promise<void>;
  /** The same data after a clean or unclean end of the process. */
  reopen(): Promise<StoreUnderTest>;
  close(): Promise<void>;
}

const TEAM = "team_01KABCDEFGHJKMNPQRSTVWXYZ0" as TeamId;
const OTHER_TEAM = "team_01KABCDEFGHJKMNPQRSTVWXYZ9" as TeamId;
const ofTeam: StreamRef = { team: TEAM, project: null };
const ofProject: StreamRef = { team: TEAM, project: "0191d3a0-7c1e-7b2a-9c3d-111111111111" };
const DOC = "dec_01KABCDEFGHJKMNPQRSTVWXYZ1" as DocId;
const NEW = "dec_01KABCDEFGHJKMNPQRSTVWXYZ2" as DocId;
const TRACE = "trc_01KABCDEFGHJKMNPQRSTVWXYZ3" as DocId;
const device = "d".repeat(32);
const replica = device + "e".repeat(32);
const wire = "f".repeat(32);
const hash = (digits: string) => fromHex(digits.repeat(32));

function typed(text: string, clientID = 1): Bytes {
  const doc = new Y.Doc();
  doc.clientID = clientID;
  doc.getText("context").insert(0, text);
  return Y.encodeStateAsUpdate(doc) as Bytes;
}

function textOf(state: Bytes): string {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, state);
  return doc.getText("context").toString();
}

function pulled(changes: Partial<PulledDocument> = {}): PulledDocument {
  const update = typed("pulled", 2);
  return {
    id: NEW,
    kind: "decision",
    updates: [update],
    known: foldKnown(EMPTY_KNOWN, update),
    owner: device,
    retired: false,
    ...changes,
  };
}

function batch(changes: Partial<PulledBatch> = {}): PulledBatch {
  return {
    stream: ofTeam,
    places: [{ n: 3, h: hash("aa") }],
    documents: [],
    chains: [],
    unapplied: [],
    ...changes,
  };
}

export function syncStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`sync's store: ${name}`, () => {
    let held: StoreUnderTest;
    const stateOf = async (id: DocId) =>
      (await held.store.state(id)) as { state: Bytes; rev: number; retired: boolean };

    beforeEach(async () => {
      held = await open();
    });
    afterEach(() => held.close());

    test("P1: a local append makes a document of a stream pending, for its own team only", async () => {
      await held.create(DOC, "decision", ofProject);
      await held.append(DOC, typed("a"));
      expect(await held.store.pendingDocuments(TEAM)).toEqual([DOC]);
      expect(await held.store.pendingDocuments(OTHER_TEAM)).toEqual([]);
    });

    test("P1: a document without a stream is never pending, and says so", async () => {
      await held.create(DOC, "decision", null);
      await held.append(DOC, typed("a"));
      expect(await held.store.pendingDocuments(TEAM)).toEqual([]);
      expect(await held.store.document(DOC)).toMatchObject({ kind: "decision", stream: null });
    });

    test("P2: settling clears it, unless the document has grown since", async () => {
      await held.create(DOC, "decision", ofTeam);
      await held.append(DOC, typed("a"));
      const { rev } = await stateOf(DOC);
      await held.append(DOC, typed("b", 3));
      expect(await held.store.settle(DOC, rev)).toBe(false);
      expect(await held.store.pendingDocuments(TEAM)).toEqual([DOC]);
      expect(await held.store.settle(DOC, (await stateOf(DOC)).rev)).toBe(true);
      expect(await held.store.pendingDocuments(TEAM)).toEqual([]);
      await held.append(DOC, typed("c", 4));
      expect(await held.store.pendingDocuments(TEAM)).toEqual([DOC]);
    });

    test("P2: a commit leaves pending what was pending, and nothing else", async () => {
      await held.create(DOC, "decision", ofTeam);
      await held.append(DOC, typed("a"));
      const { rev } = await stateOf(DOC);
      await held.store.commit(batch({ documents: [pulled({ id: DOC }), pulled()] }));
      expect(await held.store.pendingDocuments(TEAM)).toEqual([DOC]);
      await held.store.settle(DOC, rev);
      expect(await held.store.pendingDocuments(TEAM)).toEqual([DOC]);
    });

    test("P3: a commit creates documents in its stream and appends to those there are", async () => {
      await held.create(DOC, "decision", ofTeam);
      await held.append(DOC, typed("mine"));
      await held.store.commit(batch({ documents: [pulled({ id: DOC }), pulled()] }));
      expect(["minepulled", "pulledmine"]).toContain(textOf((await stateOf(DOC)).state));
      expect(textOf((await stateOf(NEW)).state)).toBe("pulled");
      const { known, owner } = pulled();
      expect(await held.store.document(NEW)).toEqual({
        kind: "decision",
        stream: ofTeam,
        known,
        owner,
        retired: false,
      });
    });

    test("P3: what is known is replaced, and starts empty", async () => {
      await held.create(DOC, "decision", ofTeam);
      expect(await held.store.document(DOC)).toEqual({
        kind: "decision",
        stream: ofTeam,
        known: EMPTY_KNOWN,
        owner: null,
        retired: false,
      });
      const known = foldKnown(EMPTY_KNOWN, typed("mine"));
      await held.store.commit(batch({ documents: [pulled({ id: DOC, updates: [], known })] }));
      expect((await held.store.document(DOC))?.known).toEqual(known);
    });

    test("P4: cursors are kept by stream and team", async () => {
      expect(await held.store.cursors(TEAM)).toEqual([]);
      await held.store.commit(batch());
      await held.store.commit(batch({ stream: ofProject, places: [{ n: 9, h: hash("bb") }] }));
      await held.store.commit(batch({ places: [4, 5].map((n) => ({ n, h: hash(`${n}c`) })) }));
      const cursors = await held.store.cursors(TEAM);
      expect(cursors.toSorted((a, b) => a.cursor.n - b.cursor.n)).toEqual([
        { stream: ofTeam, cursor: { n: 5, h: hash("5c") } },
        { stream: ofProject, cursor: { n: 9, h: hash("bb") } },
      ]);
      expect(await held.store.cursors(OTHER_TEAM)).toEqual([]);
      expect(await held.store.placeAt(ofTeam, 4)).toEqual(hash("4c"));
      expect(await held.store.placeAt(ofTeam, 9)).toBe(null);
      expect(await held.store.placeAt(ofProject, 9)).toEqual(hash("bb"));
    });

    test("P9: a stream that is restarted is as if it had never been read; its documents stay, with all to be sent", async () => {
      const chain: Chain = { replica, doc: wire, seq: 2, hash: hash("dd"), parts: [] };
      const other = { ...chain, doc: "0".repeat(32) };
      const rows = [{ n: 3, row: utf8("of a newer version") }];
      const trace = pulled({ id: TRACE, kind: "trace" });
      const documents = [pulled(), trace, pulled({ id: DOC })];
      await held.store.commit(batch({ documents, chains: [chain], unapplied: rows }));
      await held.store.retire([DOC], device);
      await held.store.commit(batch({ stream: ofProject, chains: [other] }));
      await held.store.document(NEW);
      await held.store.restart(ofTeam);
      for (let i = 0; i < 2; i++) {
        expect((await held.store.cursors(TEAM)).map(({ stream }) => stream)).toEqual([ofProject]);
        expect(await held.store.placeAt(ofTeam, 3)).toBe(null);
        expect(await held.store.chain(replica, wire)).toBe(null);
        expect(await held.store.chain(replica, other.doc)).toEqual(other);
        expect(await held.store.knownDocuments(ofTeam)).toEqual([]);
        for (const [id, owner] of [
          [NEW, null],
          // Nobody else writes into it, whatever the new history is.
          [TRACE, device],
          [DOC, device],
        ] as const)
          expect(await held.store.document(id)).toMatchObject({ known: EMPTY_KNOWN, owner });
        expect(textOf((await stateOf(NEW)).state)).toBe("pulled");
        expect(await held.store.pendingDocuments(TEAM)).toEqual([NEW, TRACE]);
        held = await held.reopen();
      }
      await held.store.commit(batch({ chains: [chain], unapplied: rows }));
      expect(await held.store.chain(replica, wire)).toEqual(chain);
    });

    test("P4: documents of a snapshot may come before its place", async () => {
      await held.store.commit(batch({ places: [], documents: [pulled()] }));
      expect(await held.store.cursors(TEAM)).toEqual([]);
      expect(textOf((await stateOf(NEW)).state)).toBe("pulled");
      await held.store.commit(batch({ places: [{ n: 900, h: hash("9a") }] }));
      expect(await held.store.cursors(TEAM)).toEqual([
        { stream: ofTeam, cursor: { n: 900, h: hash("9a") } },
      ]);
    });

    test("P5: chains are kept by replica and document, with the parts of an update that is not complete", async () => {
      const chain: Chain = {
        replica,
        doc: wire,
        seq: 2,
        hash: hash("dd"),
        parts: [utf8("one"), utf8("two")],
      };
      await held.store.commit(batch({ chains: [chain] }));
      expect(await held.store.chain(replica, wire)).toEqual(chain);
      expect(await held.store.chain(replica, "0".repeat(32))).toBe(null);
      const done = { ...chain, seq: 3, hash: hash("ee"), parts: [] };
      await held.store.commit(batch({ places: [{ n: 4, h: hash("ff") }], chains: [done] }));
      expect(await held.store.chain(replica, wire)).toEqual(done);
    });

    test("P6: what a commit stored is there after the process ended, rows it cannot read too", async () => {
      const unapplied = [{ n: 3, row: utf8("of a newer version") }];
      const chain: Chain = { replica, doc: wire, seq: 2, hash: hash("dd"), parts: [utf8("one")] };
      await held.store.commit(batch({ documents: [pulled()], chains: [chain], unapplied }));
      held = await held.reopen();
      expect(await held.store.cursors(TEAM)).toEqual([
        { stream: ofTeam, cursor: { n: 3, h: hash("aa") } },
      ]);
      expect(textOf((await stateOf(NEW)).state)).toBe("pulled");
      expect(await held.store.chain(replica, wire)).toEqual(chain);
      expect(await held.store.pendingDocuments(TEAM)).toEqual([]);
    });

    test("P6: a document that has grown since it was judged takes nothing with its commit, and leaves nothing of that", async () => {
      await held.create(DOC, "decision", ofTeam);
      await held.append(DOC, typed("a"));
      const { rev } = await stateOf(DOC);
      await held.append(DOC, typed("b", 3));
      const late = batch({ documents: [pulled(), pulled({ id: DOC, rev })] });
      expect(await held.store.commit(late)).toBe(false);
      expect(await held.store.cursors(TEAM)).toEqual([]);
      expect(await held.store.document(NEW)).toBe(null);
      expect(textOf((await stateOf(DOC)).state)).not.toContain("pulled");
      const now = (await stateOf(DOC)).rev;
      const again = batch({ documents: [pulled({ rev: 0 }), pulled({ id: DOC, rev: now })] });
      expect(await held.store.commit(again)).toBe(true);
      expect(textOf((await stateOf(DOC)).state)).toContain("pulled");
      expect(textOf((await stateOf(NEW)).state)).toBe("pulled");
    });

    test("P8: what is known of a team's log is kept by team, and replaced as a whole", async () => {
      expect(await held.store.log(TEAM)).toBe(null);
      const first = { listed: 3, entries: [utf8("create"), utf8("epoch")] };
      await held.store.keepLog(TEAM, first);
      await held.store.keepLog(OTHER_TEAM, { listed: 1, entries: [utf8("other")] });
      expect(await held.store.log(TEAM)).toEqual(first);
      const longer = { listed: 5, entries: [...first.entries, utf8("invite")] };
      await held.store.keepLog(TEAM, longer);
      held = await held.reopen();
      expect(await held.store.log(TEAM)).toEqual(longer);
      const another = { listed: 7, entries: [utf8("create"), utf8("another")] };
      for (const log of [another, { listed: 8, entries: [] }, longer, { ...longer, listed: 9 }]) {
        await held.store.keepLog(TEAM, log);
        expect(await held.store.log(TEAM)).toEqual(log);
        held = await held.reopen();
        expect(await held.store.log(TEAM)).toEqual(log);
      }
      expect((await held.store.log(OTHER_TEAM))?.entries).toEqual([utf8("other")]);
    });

    test("P10: a stream's documents of which something is known to be in the cloud are listed, and no others", async () => {
      await held.create(DOC, "decision", ofTeam);
      await held.append(DOC, typed("not sent"));
      expect(await held.store.knownDocuments(ofTeam)).toEqual([]);
      await held.store.commit(batch({ documents: [pulled()] }));
      const { id, known, owner } = pulled();
      expect(await held.store.knownDocuments(ofTeam)).toEqual([{ id, known, owner }]);
      expect(await held.store.knownDocuments(ofProject)).toEqual([]);
      await held.store.restart(ofTeam);
      expect(await held.store.knownDocuments(ofTeam)).toEqual([]);
    });

    test("P11: what is not shared any more has nothing to send; of one's own it stays, of others it goes", async () => {
      const theirs = `${NEW.slice(0, -1)}3` as DocId;
      const [mine, another] = ["a".repeat(32), device];
      await held.create(DOC, "decision", ofTeam);
      await held.append(DOC, typed("mine"));
      const documents = [pulled({ owner: mine }), pulled({ id: theirs, owner: another })];
      await held.store.commit(batch({ documents }));
      await held.append(theirs, typed("and mine"));
      await held.store.retire([DOC, NEW, theirs], mine);
      for (let i = 0; i < 2; i++) {
        expect(await held.store.documentsOf(TEAM)).toEqual([
          { id: DOC, owner: null, retired: true, takenBack: false },
          { id: NEW, owner: mine, retired: true, takenBack: false },
          { id: theirs, owner: another, retired: true, takenBack: false },
        ]);
        expect(await held.store.pendingDocuments(TEAM)).toEqual([]);
        expect((await stateOf(DOC)).retired).toBe(true);
        expect(textOf((await stateOf(DOC)).state)).toContain("mine");
        await held.append(DOC, typed("still ", 2));
        expect(await held.store.pendingDocuments(TEAM)).toEqual([]);
        expect(textOf((await stateOf(NEW)).state)).toBe("pulled");
        expect(textOf((await stateOf(theirs)).state)).toBe("");
        held = await held.reopen();
      }
      expect(await held.store.documentsOf(OTHER_TEAM)).toEqual([]);
    });

    test("P7: nobody knows a document that is not there", async () => {
      expect(await held.store.document(DOC)).toBe(null);
      expect(await held.store.state(DOC)).toBe(null);
    });
  });
}
