/** One run's world: devices, relay, network and time, and the documents that there are. */
import type { DocId } from "../../src/base/ids.ts";
import type { DocKind } from "../../src/crdt/documents.ts";
import type { SyncReport } from "../../src/sync/engine.ts";
import type { StreamRef } from "../../src/sync/ports.ts";
import { listingOf, NAMES, STREAMS } from "./cast.ts";
import { RESTART_MS, SimDevice } from "./device.ts";
import type { Dice } from "./dice.ts";
import { Network } from "./network.ts";
import { Relay } from "./relay.ts";
import { VirtualTime } from "./time.ts";

/** More happens in no run that comes to rest. */
const MOST_EVENTS = 40_000;

/** Whoever failed has tried again by then. */
const PATIENCE_MAX_MS = 70_000;

export interface SimDocument {
  readonly id: DocId;
  readonly kind: DocKind;
  /** Null: on one machine only. */
  readonly stream: StreamRef | null;
  readonly maker: SimDevice;
}

export class World {
  readonly dice: Dice;
  readonly time = new VirtualTime();
  readonly network: Network;
  readonly relay: Relay;
  readonly devices: readonly SimDevice[];
  readonly documents: SimDocument[] = [];

  constructor(dice: Dice) {
    this.dice = dice;
    this.network = new Network(this.time, dice.fork("network"));
    this.relay = new Relay(dice.pick([4, 20, 500]));
    const names = NAMES.slice(0, dice.pick([2, 2, 3, 3, 4, 5, 6, 8]));
    this.devices = names.map((name) => this.join(name));
    for (const device of this.devices) device.live = dice.chance(0.5);
  }

  /** Of the team's devices, with its card. */
  join(name: string): SimDevice {
    this.relay.cards.push(listingOf(name));
    return new SimDevice(name, this, this.dice.fork(name));
  }

  /** A document in which nothing is yet. */
  create(maker: SimDevice, kind: DocKind, stream: StreamRef | null): SimDocument {
    const id = `${kind}_${this.documents.length}_${maker.name}` as DocId;
    const document: SimDocument = { id, kind, stream, maker };
    this.documents.push(document);
    maker.store.create(id, kind, stream);
    return document;
  }

  anyStream(): StreamRef {
    return this.dice.pick(STREAMS);
  }

  /** Until nothing is left to happen. */
  async settle(until?: Promise<unknown>): Promise<void> {
    await this.time.run(MOST_EVENTS, until);
  }

  /** One exchange by hand. Null: it failed, or the process died in it. */
  async once(device: SimDevice): Promise<SyncReport | null> {
    let report: SyncReport | null = null;
    const done = device
      .start()
      .sync.once()
      .then((result) => {
        if (!result.ok) return;
        report = result.value;
        this.#hear(device, result.value);
      })
      .catch((error: unknown) => device.bugs.push(String(error)));
    await this.settle(done);
    return report;
  }

  /** A new process, as after the machine was started again. */
  async restart(device: SimDevice): Promise<void> {
    device.kill();
    await this.settle(this.time.pass(RESTART_MS));
    device.start();
    await this.settle();
  }

  async edit(device: SimDevice, document: SimDocument, text: string): Promise<void> {
    await this.settle(device.edit(document.id, (doc) => doc.getText("context").insert(0, text)));
  }

  /** Everybody is connected and awake, and messages travel as they should. */
  async heal(): Promise<void> {
    this.network.weather.clear();
    // What is late arrives.
    await this.settle(this.time.pass(PATIENCE_MAX_MS));
    for (const device of this.devices) {
      device.fullDisk = 0;
      device.start().doom(null);
      device.online = true;
      device.reconnectPages();
    }
    // Who failed has tried again.
    await this.settle(this.time.pass(PATIENCE_MAX_MS));
    await this.settle();
  }

  /** The same, and up to date. */
  async calm(): Promise<void> {
    await this.heal();
    for (let round = 0; round < 2; round++)
      for (const device of this.devices) await this.once(device);
    await this.settle();
  }

  #hear(device: SimDevice, { alarms, notices }: SyncReport): void {
    for (const sentence of [...alarms, ...notices])
      if (!device.heard.includes(sentence)) device.heard.push(sentence);
  }
}
