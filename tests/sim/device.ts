/** A device: a disk, a person at it, and one process at a time. */
import type * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { raise } from "../../src/base/result.ts";
import type { DeviceIdentity } from "../../src/crypto/device.ts";
import type { SyncState } from "../../src/sync/engine.ts";
import type { Manager } from "../../src/sync/team/manage.ts";
import type { KeptLog } from "../../src/sync/ports.ts";
import { MemoryStore } from "../sync/memoryStore.ts";
import { isAboutTeam } from "./alarms.ts";
import { identityOf, KEYS, TEAM } from "./cast.ts";
import type { Dice } from "./dice.ts";
import type { Network } from "./network.ts";
import { Page } from "./page.ts";
import { type Fate, type Keychain, Process } from "./process.ts";
import type { Relay } from "./relay.ts";
import type { VirtualTime } from "./time.ts";

/** Timers of this length are those of sync's patience. */
const RETRY_MS = 1_000;

/** What a process sent last has arrived, in fair weather, before the next one begins. */
export const RESTART_MS = 100;

export interface Around {
  readonly time: VirtualTime;
  readonly relay: Relay;
  readonly network: Network;
  /** How many bytes of changes are worth a snapshot. */
  readonly gatheredBytes: number;
}

/** An edit that a person was told is kept. */
export interface KeptEdit {
  readonly doc: DocId;
  readonly update: Bytes;
}

export class SimDevice {
  readonly name: string;
  readonly identity: DeviceIdentity;
  store = new MemoryStore();
  readonly keychain: Keychain = { keys: KEYS };
  /** Sync runs by itself. */
  live = false;
  clockOffMs = 0;
  /** The next commits fail: the disk has no room. */
  fullDisk = 0;
  kept: KeptEdit[] = [];
  /** Sentences that its person was shown, in order. */
  readonly heard: string[] = [];
  readonly bugs: string[] = [];
  readonly pages = new Map<DocId, Page>();
  process: Process | null = null;
  readonly #around: Around;
  readonly #dice: Dice;
  #online = true;
  #wakesAtMs = 0;
  #processes = 0;
  #pages = 0;

  /** `log`: of the team, when this device came. */
  constructor(name: string, around: Around, dice: Dice, log: KeptLog) {
    this.name = name;
    this.identity = identityOf(name);
    void this.store.keepLog(TEAM, log);
    this.#around = around;
    this.#dice = dice;
  }

  get online(): boolean {
    return this.#online;
  }

  set online(online: boolean) {
    this.#online = online;
    if (this.process) this.process.link.online = online;
  }

  get awake(): boolean {
    return this.#around.time.nowMs >= this.#wakesAtMs;
  }

  /** The process that runs, else a new one. */
  start(): Process {
    if (this.process) return this.process;
    const { time, relay, network, gatheredBytes } = this.#around;
    const process = new Process({
      name: this.name,
      keychain: this.keychain,
      identity: this.identity,
      store: this.store,
      relay,
      network,
      time,
      dice: this.#dice.fork(`process ${this.#processes++}`),
      online: this.#online,
      clockOffMs: this.clockOffMs,
      gatheredBytes,
      after: (delayMs, run) => this.#after(delayMs, run),
      beforeCommit: () => this.#beforeCommit(),
      onState: (state) => this.#hearState(state),
      onBug: (reason) => this.bugs.push(reason),
      onEnd: () => this.#ended(),
    });
    this.process = process;
    if (this.live) process.sync.start();
    for (const page of this.pages.values()) this.#connect(page, process);
    return process;
  }

  kill(): void {
    this.process?.kill();
  }

  /** As who changes the team, by the clock that is on this machine. */
  get manager(): Manager {
    const process = this.start();
    return { device: this.identity, random: this.#dice.bytes, nowMs: () => process.nowMs() };
  }

  doom(fate: Fate): void {
    this.start().doom(fate);
  }

  goLive(live: boolean): void {
    this.live = live;
    if (live) this.start().sync.start();
    else void this.process?.sync.stop();
  }

  sleep(ms: number): void {
    this.#wakesAtMs = this.#around.time.nowMs + ms;
    this.online = false;
    this.#around.time.after(ms, () => {
      this.online = true;
      this.process?.sync.poke();
    });
  }

  page(id: DocId): Page {
    const held = this.pages.get(id);
    if (held) return held;
    const page = new Page(id, this.#dice.fork(`page ${this.#pages++}`), (update) =>
      this.kept.push({ doc: id, update }),
    );
    this.pages.set(id, page);
    this.#connect(page, this.start());
    return page;
  }

  /** Those whose document could not be kept. */
  reconnectPages(): void {
    const process = this.start();
    for (const page of this.pages.values()) if (!page.connected) this.#connect(page, process);
  }

  closePage(id: DocId): void {
    const page = this.pages.get(id);
    if (!page || page.unkept) return;
    page.close();
    this.pages.delete(id);
  }

  /** A change by a command, in the process's own document. */
  async edit(id: DocId, change: (doc: Y.Doc) => void): Promise<void> {
    const updates: Bytes[] = [];
    const { docs } = this.start();
    const gather = (update: Uint8Array) => updates.push(update as Bytes);
    await docs.edit(id, (doc) => {
      // One clientID is never used by two processes.
      doc.clientID = this.#dice.clientId();
      doc.on("update", gather);
      change(doc);
      doc.off("update", gather);
    });
    for (const update of updates) this.kept.push({ doc: id, update });
  }

  #connect(page: Page, process: Process): void {
    page.connect(process.docs).catch((error: unknown) => this.bugs.push(String(error)));
  }

  #after(delayMs: number, run: () => void): () => void {
    const { time } = this.#around;
    // Trying again after a failure goes on as long as the failure does.
    const idle = delayMs >= RETRY_MS;
    const late = () => {
      if (this.awake) run();
      else cancel = time.after(this.#wakesAtMs - time.nowMs, run, idle);
    };
    let cancel = time.after(delayMs, late, idle);
    return () => cancel();
  }

  #beforeCommit(): void {
    if (this.fullDisk === 0) return;
    this.fullDisk--;
    raise("disk", "The disk is full. Make room and try again; nothing is lost.");
  }

  #hearState(state: SyncState): void {
    if (state.state === "alarm") this.hear(state.alarms.map(({ words }) => words));
    else if (state.state === "verified") this.hear(state.notices);
    else if (state.state === "offline") this.hearFault(state.reason);
  }

  hear(sentences: readonly string[]): void {
    for (const sentence of sentences) if (!this.heard.includes(sentence)) this.heard.push(sentence);
  }

  hearFault(reason: string): void {
    if (isAboutTeam(reason)) this.hear([reason]);
  }

  #ended(): void {
    this.process = null;
    this.#wakesAtMs = Math.max(this.#wakesAtMs, this.#around.time.nowMs + RESTART_MS);
    for (const page of this.pages.values()) page.disconnect();
  }
}
