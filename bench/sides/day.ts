/**
 * A working day of a team, by real transcripts' event times: each person lives through one day of them, and each event goes
 * into its session's shared trace when it happened, and again when it ended. Sync, server and store are real or the tests' own;
 * time is moved by hand. `engines` devices do the work of all people: the first one is one person's, the others share the
 * rest (as many as people: a device each).
 *
 * CPU is that of the first device's sync and of nothing else. Bytes are those of rows, as base64. A Realtime message is counted
 * as Supabase bills it: a broadcast is one sent and one for each client that hears it
 * (https://supabase.com/docs/guides/platform/manage-your-usage/realtime-messages).
 */
import type { DocId, SessionId } from "../../src/base/ids.ts";
import { ulid } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom as random } from "../../src/base/random.ts";
import type { CapturedEvent, ModelCall, SessionRef } from "../../src/base/session.ts";
import { createCapture } from "../../src/capture/capture.ts";
import { openDoc } from "../../src/crdt/documents.ts";
import { writeTrace } from "../../src/crdt/trace.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { shareEvent, shareMeta } from "../../src/privacy/gate.ts";
import { sha256 } from "../../src/store/projects.ts";
import { createSync } from "../../src/sync/engine.ts";
import type { Transport } from "../../src/sync/transport.ts";
import { Founding } from "../../tests/sync/memoryLog.ts";
import { MemoryStore } from "../../tests/sync/memoryStore.ts";
import { ManualTime } from "../manual.ts";
import { BenchServer } from "../server.ts";
import { answer, input } from "../side.ts";

interface Asked {
  readonly home: string;
  readonly people: number;
  readonly engines: number;
}

interface Moment {
  /** Of the day. */
  readonly ms: number;
  readonly event: CapturedEvent;
  readonly ref: SessionRef;
}

const DAY_MS = 24 * 3600 * 1000;
/** As long as the watch of transcripts gathers. */
const GATHER_MS = 50;
/** Between people who live through the same day. */
const APART_MS = 7 * 60_000;
const START_MS = Date.UTC(2026, 0, 5);

const { home, people, engines } = input<Asked>();
const { days, calls } = await daysOf(home);
const time = new ManualTime(START_MS);
const founding = new Founding("bench", START_MS);
const server = new BenchServer(founding.log);
const stream = { team: founding.keys.team, project: null };
const perSecond = new Map<number, number>();
let pokes = 0;
server.onPoke = () => {
  pokes++;
  const second = Math.floor(time.ms / 1000);
  perSecond.set(second, (perSecond.get(second) ?? 0) + people + 1);
};

const devices = Array.from({ length: engines }, (_, i) => device(`device ${i}`));
const first = devices[0] as Device;
/** Whose edit or timer it is. */
let acting = first;
for (const { sync } of devices) sync.start();
await settled();

const steps = Array.from({ length: people }, (_, person) => stepsOf(person))
  .flat()
  .toSorted((a, b) => a.ms - b.ms);
let events = 0;
for (const step of steps) {
  await time.to(START_MS + step.ms, settled);
  write(step);
  await settled();
}
await time.to(START_MS + 2 * DAY_MS, settled);
for (const { sync } of devices) await sync.stop();
for (const { store, alarms } of devices) {
  if (alarms.length > 0) throw new Error(JSON.stringify(alarms));
  if ((await store.pendingDocuments(stream.team)).length > 0) throw new Error("not all was sent");
  if (store.ids.length !== first.store.ids.length) throw new Error("the devices differ");
}
answer({
  events,
  documents: first.store.ids.length,
  rows: server.stream(stream).rows.length,
  pokes,
  messages: pokes * (people + 1),
  peak: Math.max(...perSecond.values()),
  cpuMs: first.spent.cpuMs,
  up: first.spent.up,
  down: first.spent.down,
});

type Device = ReturnType<typeof device>;
type Step = ReturnType<typeof stepsOf>[number];

/** The busiest first. */
async function daysOf(from: string) {
  const capture = createCapture({ home: from, env: {}, log: silentLog, archive: null });
  const found = new Map<number, Moment[]>();
  const all = new Map<string, ModelCall>();
  for await (const step of capture.scan(new Map())) {
    if (step.type !== "batch") continue;
    for (const call of step.batch.calls) all.set(call.key, call);
    for (const event of step.batch.events) {
      if (event.at === null) continue;
      const day = Math.floor(event.at / DAY_MS);
      const moments = found.get(day) ?? [];
      found.set(day, moments);
      moments.push({ ms: event.at % DAY_MS, event, ref: step.batch.ref });
    }
  }
  const busiest = [...found.values()].toSorted((a, b) => b.length - a.length);
  return { days: busiest, calls: all };
}

function stepsOf(person: number) {
  const moments = days[person % days.length] as readonly Moment[];
  const shiftMs = APART_MS * Math.floor(person / days.length);
  const happened = moments.flatMap(({ ms, event, ref }) => {
    const lasted = event.durationMs ?? 0;
    const begun = { ms: ms + shiftMs, event, ref };
    if (event.kind !== "tool" || lasted === 0) return [begun];
    const running = { ...event, status: "running" as const, durationMs: null, exitCode: null };
    return [
      { ...begun, event: running },
      { ...begun, ms: begun.ms + lasted },
    ];
  });
  const gathered = Map.groupBy(
    happened,
    ({ ms, ref }) => `${ref.id} ${Math.floor(ms / GATHER_MS)}`,
  );
  const traces = new Map<SessionId, ReturnType<typeof traceOf>>();
  return [...gathered.values()].map((together) => {
    const { ref } = together[0] as Moment;
    const trace = traces.get(ref.id) ?? traceOf(ref);
    traces.set(ref.id, trace);
    const ms = Math.min(...together.map((one) => one.ms));
    const written = together.map(({ event }) => event);
    return { ms, written, trace, device: devices[Math.min(person, engines - 1)] as Device };
  });
}

function traceOf(ref: SessionRef) {
  const id = `${ref.id}.${ulid(time.clock, random)}` as DocId;
  return { id, ref, doc: openDoc(null), held: new Map<string, CapturedEvent>() };
}

function write({ written, trace, device: writer }: Step): void {
  const { store, sync } = writer;
  acting = writer;
  const { id, ref, doc, held } = trace;
  const updates: Uint8Array<ArrayBuffer>[] = [];
  const hear = (update: Uint8Array) => updates.push(update as Uint8Array<ArrayBuffer>);
  doc.on("update", hear);
  for (const event of written) held.set(event.id, event);
  const all = [...held.values()];
  const countOf = (kind: CapturedEvent["kind"]) => all.filter((one) => one.kind === kind).length;
  const meta = shareMeta({
    ...{ agent: ref.agent, agentVersion: null, sourceId: ref.sourceId, usage: [] },
    startedAt: all[0]?.at ?? null,
    endedAt: written.at(-1)?.at ?? null,
    ...{ events: all.length, prompts: countOf("prompt"), tools: countOf("tool"), filesChanged: 0 },
  });
  const gate = { session: ref.id, projectPath: null, cwd: null, names: [], sha256 };
  const shared = written.map((event) => {
    const call = event.callKey === null ? undefined : calls.get(event.callKey);
    const spent = { tokens: call?.tokens ?? null, costNanoUsd: call?.costNanoUsd ?? null };
    return [event.id, shareEvent({ ...event, ...spent }, gate)] as const;
  });
  if (!store.has(id)) store.create(id, "trace", stream);
  writeTrace(doc, meta, new Map(shared));
  doc.off("update", hear);
  for (const update of updates) store.append(id, update);
  events += written.length;
  sync.edited(
    id,
    updates.reduce((sum, update) => sum + update.length, 0),
    true,
  );
}

/** One device works at a time, so that its CPU can be told: others hear of it when it has ended. */
async function settled(): Promise<void> {
  for (let working: Device | undefined = acting; working;) {
    const [usedMs, servedMs] = [cpuMs(), server.ms];
    // All but the timers is done by promises alone.
    await new Promise((resolve) => setImmediate(resolve));
    working.spent.cpuMs += cpuMs() - usedMs - (server.ms - servedMs);
    working = devices.find(({ unheard }) => unheard.length > 0);
    for (const hear of working?.unheard.splice(0) ?? []) hear();
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function device(name: string) {
  const identity = createDevice(random);
  founding.admit(identity, name);
  const store = new MemoryStore();
  const spent = { cpuMs: 0, up: 0, down: 0 };
  const alarms: unknown[] = [];
  const unheard: (() => void)[] = [];
  const sync = createSync({
    store,
    transport: counted(server.connect(), spent, unheard),
    keys: founding.keys,
    keepKeys: async () => undefined,
    device: identity,
    clock: time.clock,
    random,
    log: silentLog,
    after: (delayMs, run) =>
      time.after(delayMs, () => {
        acting = made;
        run();
      }),
    onShown: () => undefined,
    onApplied: () => undefined,
    onState: () => undefined,
    onAlarms: async (found) => void alarms.push(...found),
    onRetired: () => undefined,
    onHere: () => undefined,
  });
  const made = { store, sync, spent, alarms, unheard };
  return made;
}

function counted(
  transport: Transport,
  spent: { up: number; down: number },
  unheard: (() => void)[],
): Transport {
  const onWire = (rows: Iterable<{ readonly row: Uint8Array }>) => {
    let bytes = 0;
    for (const { row } of rows) bytes += base64(row.length);
    return bytes;
  };
  return {
    ...transport,
    async push(to, rows) {
      for (const row of rows) spent.up += base64(row.length);
      return transport.push(to, rows);
    },
    async pull(...asked) {
      const page = await transport.pull(...asked);
      if (page.ok) {
        spent.down += onWire(page.value.rows);
        spent.down += (page.value.dropped?.length ?? 0) * base64(32);
      }
      return page;
    },
    async snapshotRows(...asked) {
      const page = await transport.snapshotRows(...asked);
      if (page.ok) spent.down += onWire(page.value.rows);
      return page;
    },
    listen: (team, epoch, onSignal) =>
      transport.listen(team, epoch, (signal) => {
        if (signal.is === "poke" && signal.brought) spent.down += onWire([signal.brought]);
        unheard.push(() => onSignal(signal));
      }),
  };
}

function base64(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}
