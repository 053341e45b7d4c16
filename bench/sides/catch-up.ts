/**
 * Many documents, caught up with by the whole of sync on a device that has nothing: before compaction, by every row; and
 * after it, when one device made a snapshot, another attested it, and bodies went. Network and store are in memory, and the
 * server's own time is not counted. Bytes are those of rows and of the hashes that stand for dropped ones.
 */
import type { Bytes } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { DocId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom as random } from "../../src/base/random.ts";
import { unwrap } from "../../src/base/result.ts";
import { EMPTY_KNOWN, foldKnown, pendingUpdate } from "../../src/crdt/known.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { createSync } from "../../src/sync/engine.ts";
import { sealUpdate, type Tail } from "../../src/sync/seal.ts";
import { advance, START } from "../../src/sync/streams.ts";
import type { Transport } from "../../src/sync/transport.ts";
import { Founding } from "../../tests/sync/memoryLog.ts";
import { MemoryStore } from "../../tests/sync/memoryStore.ts";
import { type Amount, writeDocuments } from "../documents.ts";
import { BenchServer } from "../server.ts";
import { answer, input } from "../side.ts";

/** A hash and its row's number. */
const HASH_BYTES = 40;

const founding = new Founding("bench", systemClock.nowMs());
const { keys, log } = founding;
const stream = { team: keys.team, project: null };
const server = new BenchServer(log);
const author = { keys, device: createDevice(random), replica: "00".repeat(16) };
founding.admit(author.device, "author");

let head = START;
let written = 0;
const known = new Map<number, typeof EMPTY_KNOWN>();
const tails = new Map<number, Tail>();
const docs = writeDocuments(input<Amount>(), (doc, index) => {
  const before = known.get(index) ?? EMPTY_KNOWN;
  const update = pendingUpdate(doc, before) as Bytes;
  const target = { doc: idOf(index), kind: "decision", stream } as const;
  for (const row of sealUpdate(author, target, update, tails.get(index) ?? null, head, random)) {
    server.store(stream, row.row);
    head = advance(head, row.hash);
    tails.set(index, { seq: row.header.seq, hash: row.hash });
    written += row.row.length;
  }
  known.set(index, foldKnown(before, update));
});

const [maker, attester, last] = ["maker", "attester", "last"].map(device) as [
  Device,
  Device,
  Device,
];
const before = await caughtUp(maker);
if (before.bytes !== written) throw new Error(`${before.bytes} bytes came of ${written}`);
maker.store.edit(idOf(0), (doc) => doc.getText("context").insert(0, "x"));
docs[0]?.getText("context").insert(0, "x");
// A new process makes the snapshot; the attester attests it.
for (const { start } of [maker, attester]) unwrap(await start().once());
if (server.stream(stream).dropped.size === 0) throw new Error("no bodies were dropped");
const after = await caughtUp(last);
answer({
  rows: server.stream(stream).rows.length,
  beforeMs: before.ms,
  beforeBytes: before.bytes,
  afterMs: after.ms,
  afterBytes: after.bytes,
  firstMs: after.firstMs,
});

interface Brought {
  bytes: number;
  /** When the first document was there. */
  firstAt: number | null;
}

type Device = ReturnType<typeof device>;

function idOf(index: number): DocId {
  return `dec_01KABCDEFGHJKMNPQRST${String(index).padStart(6, "0")}` as DocId;
}

function device(name: string) {
  const identity = createDevice(random);
  founding.admit(identity, name);
  const brought: Brought = { bytes: 0, firstAt: null };
  const store = new MemoryStore();
  const transport = counted(server.connect(), brought);
  const options = {
    store,
    transport,
    keys,
    keepKeys: async () => undefined,
    device: identity,
    clock: systemClock,
    random,
    log: silentLog,
    after: () => () => undefined,
    onShown: () => undefined,
    // Of the clock that the server's time is taken from, too.
    onApplied: () => void (brought.firstAt ??= performance.now() - server.ms),
    onState: () => undefined,
    onAlarms: async () => undefined,
    onRetired: () => undefined,
    onHere: () => undefined,
  };
  return { store, start: () => createSync(options), brought };
}

function counted(transport: Transport, brought: Brought): Transport {
  const { pull, snapshotRows } = transport;
  return {
    ...transport,
    async pull(...asked) {
      const page = await pull(...asked);
      if (page.ok) {
        for (const { row } of page.value.rows) brought.bytes += row.length;
        brought.bytes += HASH_BYTES * (page.value.dropped?.length ?? 0);
      }
      return page;
    },
    async snapshotRows(...asked) {
      const page = await snapshotRows(...asked);
      if (page.ok) for (const { row } of page.value.rows) brought.bytes += row.length;
      return page;
    },
  };
}

/** Until every document can be read. */
async function caughtUp({ store, start, brought }: Device) {
  const sync = start();
  const servedMs = server.ms;
  const reading = performance.now();
  const report = unwrap(await sync.once());
  const copies = docs.map((_, index) => store.open(idOf(index)));
  const ms = performance.now() - reading - (server.ms - servedMs);
  if (!report.verified) throw new Error(JSON.stringify(report.alarms));
  for (const [i, copy] of copies.entries())
    if (copy.getText("context").toString() !== docs[i]?.getText("context").toString())
      throw new Error("a copy differs");
  const firstMs = (brought.firstAt ?? Number.NaN) - (reading - servedMs);
  return { ms, bytes: brought.bytes, firstMs };
}
