/**
 * One process of a device: the real engine of sync and the real live documents over the device's store. It can be killed
 * at everything it waits for; what was only in its memory is gone, what it asked for outside may still happen.
 */
import type { DocId } from "../../src/base/ids.ts";
import { createLiveDocs, type LiveDocs } from "../../src/app/livedocs.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import type { DeviceIdentity } from "../../src/crypto/device.ts";
import { createSync, type Sync, type SyncState } from "../../src/sync/engine.ts";
import type { After } from "../../src/sync/pacing.ts";
import type { SyncStore } from "../../src/sync/ports.ts";
import type { MemoryStore } from "../sync/memoryStore.ts";
import { DAWN_MS, LIMITS } from "./cast.ts";
import type { Dice } from "./dice.ts";
import { Link } from "./link.ts";
import type { Network } from "./network.ts";
import type { Relay } from "./relay.ts";
import type { VirtualTime } from "./time.ts";

export interface ProcessOptions {
  readonly name: string;
  /** Outlives the process. */
  readonly keychain: Keychain;
  readonly identity: DeviceIdentity;
  readonly store: MemoryStore;
  readonly relay: Relay;
  readonly network: Network;
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly online: boolean;
  /** How wrong the device's wall clock is. */
  readonly clockOffMs: number;
  /** How many bytes of changes are worth a snapshot. */
  readonly gatheredBytes: number;
  /** Timers of the device: they run late when it sleeps. */
  readonly after: After;
  /** Asked at each commit: the disk has no room. Throws then. */
  readonly beforeCommit: () => void;
  readonly onState: (state: SyncState) => void;
  /** What the engine logged as a bug of its own. */
  readonly onBug: (reason: string) => void;
  readonly onEnd: () => void;
}

export interface Keychain {
  keys: TeamKeys;
}

/** At which call to the outside the process dies, counted from now, and whether the call is still made. */
export interface Fate {
  readonly call: number;
  readonly made: boolean;
}

export class Process {
  readonly sync: Sync;
  readonly docs: LiveDocs;
  readonly link: Link;
  alive = true;
  readonly #options: ProcessOptions;
  #fate: Fate | null = null;
  #calls = 0;

  constructor(options: ProcessOptions) {
    this.#options = options;
    const outside = <T>(work: () => Promise<T>) => this.outside(work);
    this.link = new Link({ ...options, who: options.name, outside }, options.online);
    this.docs = this.#createDocs();
    this.sync = this.#createSync();
  }

  /** Null: it lives on. */
  doom(fate: Fate | null): void {
    this.#fate = fate && { ...fate, call: this.#calls + fate.call };
  }

  /** By the device's wall clock. */
  nowMs(): number {
    const { time, clockOffMs } = this.#options;
    return DAWN_MS + time.nowMs + clockOffMs;
  }

  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    this.link.end();
    this.#options.onEnd();
  }

  /** Whatever reaches beyond the process's memory. Never resolves in a process that is dead. */
  async outside<T>(work: () => Promise<T>): Promise<T> {
    const dies = ++this.#calls === this.#fate?.call;
    if (dies && !this.#fate?.made) this.kill();
    if (!this.alive) return forever();
    const done = work();
    if (dies) this.kill();
    const value = await done;
    return this.alive ? value : forever();
  }

  #createSync(): Sync {
    const { keychain, identity, time, after, dice, onState, onBug, gatheredBytes } = this.#options;
    return createSync({
      gatheredBytes,
      keys: keychain.keys,
      keepKeys: (keys) => this.#stored(async () => void (keychain.keys = keys)),
      kdfLimits: LIMITS,
      store: this.#syncStore(),
      transport: this.link,
      device: identity,
      clock: { nowMs: () => this.nowMs(), monotonicMs: () => time.nowMs },
      random: dice.bytes,
      log: (level, _event, fields) => {
        if (level === "error") onBug(String(fields?.["reason"]));
      },
      after: (delayMs, run) => after(delayMs, () => this.alive && run()),
      onShown: (doc, updates) => this.docs.shown(doc, updates),
      onApplied: (doc, updates) => this.docs.applied(doc, updates),
      onRetired: () => undefined,
      onHere: () => undefined,
      onAlarms: async () => undefined,
      onState: (state) => this.alive && onState(state),
    });
  }

  #createDocs(): LiveDocs {
    const { store } = this.#options;
    return createLiveDocs({
      load: (id) => this.#stored(() => store.state(id)),
      append: async (id, update) => {
        await this.#stored(async () => store.append(id, update));
        return { kept: this.#stored(async () => undefined) };
      },
      onChange: (id, _kind, update) => this.sync.edited(id, update.length),
      onLooks: (docs: ReadonlySet<DocId>) => this.sync.lookAt(docs),
    });
  }

  #syncStore(): SyncStore {
    const { store, beforeCommit } = this.#options;
    return {
      log: (team) => this.#stored(() => store.log(team)),
      keepLog: (team, log) =>
        this.#stored(async () => {
          beforeCommit();
          return store.keepLog(team, log);
        }),
      placeAt: (stream, n) => this.#stored(() => store.placeAt(stream, n)),
      restart: (stream) => this.#stored(() => store.restart(stream)),
      documentsOf: (team) => this.#stored(() => store.documentsOf(team)),
      retire: (ids, device) => this.#stored(() => store.retire(ids, device)),
      knownDocuments: (stream) => this.#stored(() => store.knownDocuments(stream)),
      cursors: (team) => this.#stored(() => store.cursors(team)),
      pendingDocuments: (team) => this.#stored(() => store.pendingDocuments(team)),
      document: (id) => this.#stored(() => store.document(id)),
      state: (id) => this.#stored(() => store.state(id)),
      settle: (id, rev) => this.#stored(() => store.settle(id, rev)),
      chain: (replica, doc) => this.#stored(() => store.chain(replica, doc)),
      commit: (batch) =>
        this.#stored(async () => {
          beforeCommit();
          return store.commit(batch);
        }),
    };
  }

  /** A store answers from its cache, or after a moment in which other things happen. */
  #stored<T>(work: () => Promise<T>): Promise<T> {
    const { time, dice } = this.#options;
    return this.outside(async () => {
      const value = await work();
      if (dice.chance(0.3)) await time.pass(dice.between(1, 5));
      return value;
    });
  }
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
