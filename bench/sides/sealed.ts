/**
 * 10,000 one-character edits as this project's rows: sealed by one device as sync seals what is pending, then caught up
 * by the whole of sync (pull, stream hash, chains, signatures, decryption, commit) on a device that has nothing. The
 * network and the store are in memory, so that what is measured is sealing and opening.
 */
import type { Bytes } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { DocId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom as random } from "../../src/base/random.ts";
import { ok, unwrap } from "../../src/base/result.ts";
import { openDoc } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, foldKnown, pendingUpdate } from "../../src/crdt/known.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { createSync } from "../../src/sync/engine.ts";
import { sealUpdate, type SealedRow } from "../../src/sync/seal.ts";
import { advance, START } from "../../src/sync/streams.ts";
import type { Transport } from "../../src/sync/transport.ts";
import { Founding } from "../../tests/sync/memoryLog.ts";
import { MemoryStore } from "../../tests/sync/memoryStore.ts";
import { answer, input } from "../side.ts";
import { typedText } from "../typing.ts";

const { edits, batch } = input<{ edits: number; batch: number }>();
const founding = new Founding("bench", systemClock.nowMs());
const { keys, log } = founding;
const stream = { team: keys.team, project: null };
const author = { keys, device: createDevice(random), replica: "00".repeat(16) };
const readerDevice = createDevice(random);
founding.admit(author.device, "author");
founding.admit(readerDevice, "reader");
const target = {
  doc: "dec_01KABCDEFGHJKMNPQRSTVWXYZ0" as DocId,
  kind: "decision",
  stream,
} as const;

const text = typedText(edits);
const doc = openDoc(null);
const rows: SealedRow[] = [];
let known = EMPTY_KNOWN;
let head = START;
let sealMs = 0;
for (let i = 0; i < edits; i += batch) {
  for (let j = i; j < Math.min(i + batch, edits); j++) {
    doc.getText("context").insert(j, text[j] as string);
  }
  const started = performance.now();
  const update = pendingUpdate(doc, known) as Bytes;
  const last = rows.at(-1);
  const sealed = sealUpdate(
    author,
    target,
    update,
    last ? { seq: last.header.seq, hash: last.hash } : null,
    head,
    random,
  );
  known = foldKnown(known, update);
  sealMs += performance.now() - started;
  for (const row of sealed) head = advance(head, row.hash);
  rows.push(...sealed);
}

const transport: Transport = {
  async pull(_team, cursors, limit) {
    const from = cursors[0]?.cursor.n ?? 0;
    const page = rows
      .slice(from, from + limit)
      .map(({ row }, i) => ({ stream, n: from + i + 1, row }));
    return ok({
      rows: page,
      more: from + page.length < rows.length,
      heads: [{ stream, cursor: head }],
      listed: log.entries.length,
    });
  },
  push: () => Promise.reject(new Error("a reader pushes nothing")),
  snapshots: async () => ok({ changesBytes: 0, snapshots: [] }),
  snapshotRows: async () => ok({ rows: [], more: false }),
  compact: async () => ok(undefined),
  readLog: (team, after) => log.readLog(team, after),
  appendLog: (team, listed, entries) => log.appendLog(team, listed, entries),
  heads: () => log.heads(),
  epochs: (team, device) => log.epochs(team, device),
  putKeyRecord: (team, entry, record) => log.putKeyRecord(team, entry, record),
  openInvite: (team, proof) => log.openInvite(team, proof),
  listen: () => () => undefined,
  look: () => ({ send: () => undefined, close: () => undefined }),
};
const store = new MemoryStore();
const reader = createSync({
  store,
  transport,
  keys,
  keepKeys: async () => undefined,
  device: readerDevice,
  clock: systemClock,
  random,
  log: silentLog,
  after: () => () => undefined,
  onShown: () => undefined,
  onApplied: () => undefined,
  onHere: () => undefined,
  onState: () => undefined,
  onAlarms: async () => undefined,
  onRetired: () => undefined,
});

const reading = performance.now();
const report = unwrap(await reader.once());
const copy = store.open(target.doc);
const catchUpMs = performance.now() - reading;

if (report.pulled !== rows.length || !report.verified)
  throw new Error(`caught up ${JSON.stringify(report)}`);
if (copy.getText("context").toString() !== doc.getText("context").toString())
  throw new Error("the copy differs");
answer({
  sealMs,
  catchUpMs,
  bytes: rows.reduce((sum, { row }) => sum + row.length, 0),
  rows: rows.length,
});
