/** A team of devices for tests: a log, a memory server, and per device a store and an engine that can crash. */
import type * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { FaultError, unwrap } from "../../src/base/result.ts";
import type { DocKind } from "../../src/crdt/documents.ts";
import { createDevice, type DeviceIdentity } from "../../src/crypto/device.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import type { Raised } from "../../src/sync/alarms.ts";
import { createSync, type Sync, type SyncReport, type SyncState } from "../../src/sync/engine.ts";
import type { Here } from "../../src/sync/looks.ts";
import type { StreamRef, SyncStore } from "../../src/sync/ports.ts";
import type { Transport } from "../../src/sync/transport.ts";
import { QUICK, seededRandom } from "../crypto/samples.ts";
import { Founding } from "./memoryLog.ts";
import { MemoryServer } from "./memoryServer.ts";
import { MemoryStore } from "./memoryStore.ts";

const START_MS = 1_000_000;
/** Of every test: a team is named by its first entry, and that is always the same. */
export const TEAM = new Founding("test", START_MS).keys.team;
export const TEAM_STREAM: StreamRef = { team: TEAM, project: null };
export const PROJECT_STREAM: StreamRef = {
  team: TEAM,
  project: "0191d3a0-7c1e-7b2a-9c3d-111111111111",
};

/** Timers that run when the test says so. */
export class ManualTime {
  ms = START_MS;
  readonly #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  readonly clock = { nowMs: () => this.ms, monotonicMs: () => this.ms };

  readonly after = (delayMs: number, run: () => void) => {
    const timer = { atMs: this.ms + delayMs, run };
    this.#timers.push(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at !== -1) this.#timers.splice(at, 1);
    };
  };

  get waiting(): number {
    return this.#timers.length;
  }

  advance(byMs: number): void {
    this.ms += byMs;
    for (const timer of this.#timers.filter(({ atMs }) => atMs <= this.ms)) {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      timer.run();
    }
  }
}

export class TestDevice {
  readonly store = new MemoryStore();
  readonly identity: DeviceIdentity;
  readonly states: SyncState[] = [];
  readonly shown: { readonly doc: DocId; readonly updates: readonly Bytes[] }[] = [];
  readonly applied: { readonly doc: DocId; readonly updates: readonly Bytes[] }[] = [];
  /** Alarms that were told while an exchange went on, or when it ended. */
  readonly told: Raised[] = [];
  /** They cannot be kept. */
  failAlarms = false;
  /** Documents that others took back. */
  readonly retired: DocId[] = [];
  /** Who else was shown to look at a document, each time that it changed. */
  readonly here: { readonly doc: DocId; readonly here: readonly Here[] }[] = [];
  readonly transport: Transport;
  /** In the keychain. */
  keys: TeamKeys;
  sync: Sync;
  readonly #team: TestTeam;
  readonly #name: string;
  #processes = 0;

  constructor(team: TestTeam, name: string) {
    this.#team = team;
    this.#name = name;
    this.identity = createDevice(seededRandom(`device ${name}`));
    this.transport = team.server.connect();
    this.keys = team.keys;
    this.sync = this.start();
  }

  /** A new process over the same store: what was only in memory is gone. */
  crash(): void {
    this.sync = this.start();
  }

  start(store: SyncStore = this.store, transport: Transport = this.transport): Sync {
    return createSync({
      store,
      transport,
      keys: this.keys,
      keepKeys: async (keys) => void (this.keys = keys),
      kdfLimits: QUICK,
      gatheredBytes: this.#team.gatheredBytes,
      device: this.identity,
      clock: this.#team.time.clock,
      random: seededRandom(`${this.#name} ${this.#processes++}`),
      log: silentLog,
      after: this.#team.time.after,
      onShown: (doc, updates) => this.shown.push({ doc, updates }),
      onApplied: (doc, updates) => this.applied.push({ doc, updates }),
      onHere: (doc, here) => this.here.push({ doc, here }),
      onState: (state) => this.states.push(state),
      onAlarms: async (alarms) => {
        if (this.failAlarms) throw new FaultError({ type: "disk-full", message: "Full." });
        for (const alarm of alarms)
          if (!this.told.some(({ id }) => id === alarm.id)) this.told.push(alarm);
      },
      onRetired: (docs) => this.retired.push(...docs),
    });
  }

  /** With the words of its alarms. */
  async once(): Promise<Omit<SyncReport, "alarms"> & { readonly alarms: readonly string[] }> {
    const report = unwrap(await this.sync.once());
    return { ...report, alarms: report.alarms.map(({ words }) => words) };
  }

  create(id: string, kind: DocKind = "decision", stream: StreamRef | null = TEAM_STREAM): DocId {
    this.store.create(id as DocId, kind, stream);
    return id as DocId;
  }

  type(id: DocId, change: (text: Y.Text) => void, field = "context"): Bytes {
    return this.store.edit(id, (doc) => change(doc.getText(field)));
  }

  text(id: DocId, field = "context"): string {
    return this.store.open(id).getText(field).toString();
  }
}

export class TestTeam {
  readonly time = new ManualTime();
  readonly founding: Founding;
  readonly server: MemoryServer;
  /** Of the first epoch. */
  readonly keys: TeamKeys;
  /** What is worth a snapshot: nothing, unless a test says so. */
  gatheredBytes = Infinity;

  constructor(seed = "test") {
    this.founding = new Founding(seed, START_MS);
    this.server = new MemoryServer(this.founding.log);
    this.keys = this.founding.keys;
  }

  device(name: string, role: "admin" | "member" = "member"): TestDevice {
    const device = new TestDevice(this, name);
    this.founding.admit(device.identity, name, role);
    return device;
  }
}
