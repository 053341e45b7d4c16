import {
  appendFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId, TeamId } from "../../src/base/ids.ts";
import { openDoc } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, foldKnown } from "../../src/crdt/known.ts";
import type { SyncStore as SyncPort } from "../../src/sync/ports.ts";
import { openJournal } from "../../src/store/journal.ts";
import { ACCOUNT_KEY } from "../../src/store/settings.ts";
import { batch, sessionId } from "./captures.ts";
import { closeStore, openTestStore, temporaryFolder } from "./help.ts";

const team = "team_1" as TeamId;
const stream = { team, project: "11111111-1111-4111-8111-111111111111" };
const id = "dec_01" as DocId;

/** An edit of a text, as an update, by a document of its own. */
function typed(doc: Y.Doc, text: string): Bytes {
  const before = Y.encodeStateVector(doc);
  doc.getText("t").insert(doc.getText("t").length, text);
  return Y.encodeStateAsUpdate(doc, before) as Bytes;
}

function textOf(state: Uint8Array | null | undefined): string {
  return openDoc(state ?? null)
    .getText("t")
    .toString();
}

describe("a document", () => {
  test("is what was appended, also after a restart", async () => {
    const folder = temporaryFolder();
    const store = await openTestStore(folder);
    const doc = new Y.Doc();
    await store.documents.create({ id, kind: "decision", subject: "dec_01", stream: null });
    expect((await store.documents.load(id))?.state).toBeNull();
    for (const word of ["one ", "two ", "three"])
      await store.documents.append(id, [typed(doc, word)]);
    await closeStore(store);
    const loaded = await (await openTestStore(folder)).documents.load(id);
    expect(textOf(loaded?.state)).toBe("one two three");
    expect(loaded).toMatchObject({ rev: 3, pending: false, stream: null, kind: "decision" });
  });

  test("keeps its content through compaction, and its log short", async () => {
    const store = await openTestStore();
    const doc = new Y.Doc();
    await store.documents.create({ id, kind: "trace", subject: sessionId("one"), stream });
    const updates = Array.from({ length: 500 }, (_, i) => typed(doc, `${i} `));
    for (const update of updates) await store.documents.append(id, [update]);
    const loaded = await store.documents.load(id);
    expect(textOf(loaded?.state)).toBe(doc.getText("t").toString());
    expect(loaded?.rev).toBe(500);
    const big = typed(doc, "x".repeat(300_000));
    await store.documents.append(id, [big]);
    expect(textOf((await store.documents.load(id))?.state)).toBe(doc.getText("t").toString());
  });

  test("that waits is of the account that made or edited it, and waits for no other", async () => {
    const folder = temporaryFolder();
    let store = await openTestStore(folder);
    const signIn = (account: string) => store.settings.set(ACCOUNT_KEY, { id: account });
    const doc = new Y.Doc();
    await signIn("eve");
    await store.documents.create({ id, kind: "decision", subject: id, stream });
    await store.documents.append(id, [typed(doc, "eve's ")]);
    expect(await store.sync.pendingDocuments(team)).toEqual([id]);
    await signIn("kim");
    expect(await store.sync.pendingDocuments(team)).toEqual([]);
    await closeStore(store);
    rmSync(join(folder, "db"), { recursive: true });
    store = await openTestStore(folder);
    expect(await store.documents.info(id)).toMatchObject({ account: "eve", pending: true });
    expect(await store.sync.pendingDocuments(team)).toEqual([]);
    await store.documents.append(id, [typed(doc, "and kim's")]);
    expect(await store.sync.pendingDocuments(team)).toEqual([id]);
    await signIn("eve");
    expect(await store.sync.pendingDocuments(team)).toEqual([]);
  });

  test("of a trace says whom the session is shared with", async () => {
    const store = await openTestStore();
    await store.capture.commit([batch("one")]);
    await store.documents.create({ id, kind: "trace", subject: sessionId("one"), stream });
    expect((await store.views.session(sessionId("one"))).sharedWith).toBe(team);
    await store.documents.retire(id);
    expect((await store.views.session(sessionId("one"))).sharedWith).toBeNull();
  });
});

describe("sync", () => {
  test("the store is what sync asks for", async () => {
    const port: SyncPort = (await openTestStore()).sync;
    expect(await port.cursors(team)).toEqual([]);
  });

  test("pending is raised by edits, and settled only at the state that was sent", async () => {
    const { sync, documents } = await openTestStore();
    const doc = new Y.Doc();
    await documents.create({
      id,
      kind: "decision",
      subject: "dec_01",
      stream,
      state: typed(doc, "a"),
    });
    expect(await sync.pendingDocuments(team)).toEqual([id]);
    const sent = await sync.state(id);
    await documents.append(id, [typed(doc, "b")]);
    await sync.settle(id, sent?.rev as number);
    expect(await sync.pendingDocuments(team)).toEqual([id]);
    await sync.settle(id, (await sync.state(id))?.rev as number);
    expect(await sync.pendingDocuments(team)).toEqual([]);
  });

  test("a pulled batch is one: documents, what is known, chains and cursor", async () => {
    const folder = temporaryFolder();
    const store = await openTestStore(folder);
    const update = typed(new Y.Doc(), "theirs");
    const known = foldKnown(EMPTY_KNOWN, update);
    const cursor = { n: 3, h: new Uint8Array(32).fill(7) as Bytes };
    const chain = {
      replica: "ab",
      doc: "cd",
      seq: 2,
      hash: new Uint8Array([1, 255]) as Bytes,
      parts: [new Uint8Array([0, 92, 34]) as Bytes],
    };
    await store.sync.commit({
      stream,
      places: [cursor],
      documents: [
        { id, kind: "decision", updates: [update], known, owner: "device", retired: false },
      ],
      chains: [chain],
      unapplied: [{ n: 2, row: new Uint8Array([9]) as Bytes }],
    });
    await closeStore(store);
    const { sync, documents } = await openTestStore(folder);
    expect(await sync.cursors(team)).toEqual([{ stream, cursor }]);
    expect(await sync.chain("ab", "cd")).toEqual(chain);
    expect(await sync.chain("ab", "other")).toBeNull();
    expect(await sync.document(id)).toEqual({
      kind: "decision",
      stream,
      known,
      owner: "device",
      retired: false,
    });
    expect(await sync.pendingDocuments(team)).toEqual([]);
    expect(textOf((await documents.load(id))?.state)).toBe("theirs");
    const teamStream = { team, project: null };
    await sync.commit({
      stream: teamStream,
      places: [cursor],
      documents: [],
      chains: [],
      unapplied: [],
    });
    expect(await sync.cursors(team)).toEqual([
      { stream: teamStream, cursor },
      { stream, cursor },
    ]);
  });
});

describe("what cannot be derived again", () => {
  test("comes back into a fresh database, and sessions are asked for", async () => {
    const folder = temporaryFolder();
    const store = await openTestStore(folder);
    const doc = new Y.Doc();
    await store.capture.commit([batch("one")]);
    await store.settings.set("account", { email: "a@b" });
    await store.settings.set("gone", 1);
    await store.settings.delete("gone");
    await store.documents.create({
      id,
      kind: "decision",
      subject: "dec_01",
      stream,
      state: typed(doc, "kept "),
    });
    await store.documents.append(id, [typed(doc, "whole")]);
    await store.documents.create({
      id: "ses_x.1" as DocId,
      kind: "trace",
      subject: "ses_x",
      stream,
      state: typed(new Y.Doc(), "t"),
    });
    await closeStore(store);
    writeFileSync(join(folder, "db", "global", "pg_control"), "nonsense");
    const again = await openTestStore(folder);
    expect(await again.capture.hasFiles()).toBe(false);
    expect(again.notices[0]).toContain("set aside");
    expect(readdirSync(folder).filter((name) => name.startsWith("db.set-aside-"))).toHaveLength(1);
    expect(await again.settings.all()).toEqual(new Map([["account", { email: "a@b" }]]));
    const loaded = await again.documents.load(id);
    expect(textOf(loaded?.state)).toBe("kept whole");
    expect(loaded).toMatchObject({ stream, pending: true });
    expect(await again.documents.load("ses_x.1" as DocId)).toBeNull();
    expect((await again.views.counts()).sessions).toBe(0);
    await closeStore(again);
    const third = await openTestStore(folder);
    expect(third.notices).toEqual(again.notices);
    expect(textOf((await third.documents.load(id))?.state)).toBe("kept whole");
  });

  test("what the journal has and the database has not is taken at the next start", async () => {
    const folder = temporaryFolder();
    const store = await openTestStore(folder);
    await store.settings.set("a", 1);
    await closeStore(store);
    const journal = openJournal(join(folder, "journal"));
    journal.append([{ type: "set", key: "b", value: 2 }]);
    journal.close();
    expect(await (await openTestStore(folder)).settings.all()).toEqual(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
  });

  test("a journal much larger than what it says is rewritten", async () => {
    const folder = temporaryFolder();
    const store = await openTestStore(folder);
    for (let i = 0; i < 8; i++) await store.settings.set("big", `${i}${"x".repeat(200_000)}`);
    await store.documents.create({
      id,
      kind: "notes",
      subject: "ses_1",
      stream: null,
      state: typed(new Y.Doc(), "note"),
    });
    const before = statSync(join(folder, "journal")).size;
    await closeStore(store);
    await closeStore(await openTestStore(folder));
    expect(statSync(join(folder, "journal")).size).toBeLessThan(before / 4);
    rmSync(join(folder, "db"), { recursive: true });
    const again = await openTestStore(folder);
    expect(await again.settings.get("big")).toBe(`7${"x".repeat(200_000)}`);
    expect(textOf((await again.documents.load(id))?.state)).toBe("note");
    await again.settings.set("later", true);
    await closeStore(again);
    expect(await (await openTestStore(folder)).settings.get("later")).toBe(true);
  });
});

describe("the journal", () => {
  test("a torn tail is passed over at every byte, and kept beside", () => {
    const path = join(temporaryFolder(), "journal");
    const first = openJournal(path);
    first.append([{ type: "set", key: "a", value: "é" }]);
    const whole = statSync(path).size;
    first.append([{ type: "set", key: "b", value: 2 }]);
    first.close();
    const bytes = readFileSync(path);
    for (let size = whole; size < bytes.length; size++) {
      writeFileSync(path, bytes.subarray(0, size));
      const journal = openJournal(path);
      expect(journal.records.map(({ entry }) => entry)).toEqual([
        { type: "set", key: "a", value: "é" },
      ]);
      expect(journal.append([{ type: "delete", key: "a" }])).toBe(1);
      journal.close();
      expect(openAndClose(path)).toHaveLength(2);
      const cut = bytes.subarray(whole, size);
      if (size > whole) expect(readFileSync(besideOf(path, "cut", cut))).toEqual(cut);
    }
  });

  test("a flipped bit anywhere costs its own record and no other", () => {
    const path = join(temporaryFolder(), "journal");
    const journal = openJournal(path);
    const sizes = ["a", "b", "c"].map((key) => {
      journal.append([{ type: "set", key, value: 1 }]);
      return statSync(path).size;
    });
    journal.close();
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(path, damaged);
      const opened = openJournal(path);
      opened.close();
      const hit = sizes.findIndex((size) => at < size);
      const keys = ["a", "b", "c"].filter((_, i) => i !== hit);
      expect(opened.records.map(({ entry }) => (entry as { key: string }).key)).toEqual(keys);
      const isLast = hit === sizes.length - 1;
      expect(opened.damagedCopy).toBe(isLast ? null : besideOf(path, "damaged", damaged));
      if (!isLast) expect(readFileSync(besideOf(path, "damaged", damaged))).toEqual(damaged);
    }
  });

  test("one that was lost begins behind what its database has", async () => {
    const folder = temporaryFolder();
    const store = await openTestStore(folder);
    for (const key of ["a", "b", "c"]) await store.settings.set(key, 1);
    await closeStore(store);
    truncateSync(join(folder, "journal"));
    const second = await openTestStore(folder);
    await second.settings.set("d", 1);
    await closeStore(second);
    const [record] = openAndClose(join(folder, "journal")) as { seq: number }[];
    expect(record?.seq).toBe(3);
  });

  test("damaged in the middle, the store says so once and keeps the rest", async () => {
    const folder = temporaryFolder();
    const store = await openTestStore(folder);
    for (const key of ["a", "b", "c"]) await store.settings.set(key, 1);
    await closeStore(store);
    const path = join(folder, "journal");
    const bytes = readFileSync(path);
    bytes[12] = (bytes[12] as number) ^ 1;
    writeFileSync(path, bytes);
    const second = await openTestStore(folder);
    expect(second.notices).toEqual([expect.stringContaining("damaged")]);
    await closeStore(second);
    const third = await openTestStore(folder);
    expect(third.notices).toEqual([]);
    expect(await third.settings.get("a")).toBe(1);
  });

  test("garbage and nothing are an empty journal", () => {
    const path = join(temporaryFolder(), "journal");
    expect(openAndClose(path)).toEqual([]);
    appendFileSync(path, "\xff\xff\xff\xffgarbage");
    expect(openAndClose(path)).toEqual([]);
    expect(existsSync(besideOf(path, "cut", Buffer.from("\xff\xff\xff\xffgarbage")))).toBe(true);
    truncateSync(path);
  });
});

function besideOf(path: string, what: "cut" | "damaged", bytes: Uint8Array): string {
  return `${path}.${what}-${crc32(bytes).toString(16).padStart(8, "0")}`;
}

function openAndClose(path: string): readonly unknown[] {
  const journal = openJournal(path);
  journal.close();
  return journal.records;
}
