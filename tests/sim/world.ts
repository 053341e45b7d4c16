/** One run's world: devices, relay, network and time, and the documents that there are. */
import type { DocId } from "../../src/base/ids.ts";
import type { DocKind } from "../../src/crdt/documents.ts";
import type { SyncReport } from "../../src/sync/engine.ts";
import type { Result } from "../../src/base/result.ts";
import type { Fences } from "../../src/sync/team/manage.ts";
import type { StreamRef } from "../../src/sync/ports.ts";
import type { Manager } from "../../src/sync/team/manage.ts";
import type { Team } from "../../src/sync/team/team.ts";
import { DAWN_MS, keptLogOf, logOf, NAMES, STREAMS } from "./cast.ts";
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

/** Something that a person does with the team. */
export type Change = (team: Team, fences: Fences, manager: Manager) => Promise<Result<void>>;

export class World {
  readonly dice: Dice;
  readonly time = new VirtualTime();
  readonly network: Network;
  readonly relay: Relay;
  readonly devices: readonly SimDevice[];
  readonly documents: SimDocument[] = [];
  /** New processes make a snapshot when a stream has gathered as much; a row has at least 256. */
  gatheredBytes: number;

  readonly #size: number;

  constructor(dice: Dice) {
    this.dice = dice;
    this.network = new Network(this.time, dice.fork("network"));
    this.gatheredBytes = dice.fork("snapshots").pick([1500, 4000, 12_000, Infinity]);
    const pageRows = dice.pick([4, 20, 500]);
    this.#size = dice.pick([2, 2, 3, 3, 4, 5, 6, 8]);
    const team = logOf(this.#size);
    team.nowMs = () => DAWN_MS + this.time.nowMs;
    this.relay = new Relay(pageRows, team);
    this.devices = NAMES.slice(0, this.#size).map((name) => this.join(name));
    for (const device of this.devices) device.live = dice.chance(0.5);
  }

  /** A device of the team, which has read nothing but its log as it was in the beginning. */
  join(name: string): SimDevice {
    return new SimDevice(name, this, this.dice.fork(name), keptLogOf(this.#size));
  }

  /** Who was not removed from the team, as the relay's log says. */
  get remaining(): readonly SimDevice[] {
    const { devices } = this.relay.view.team.state;
    return this.devices.filter(({ identity }) => !devices.get(identity.id)?.removed);
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
        if (!result.ok) return device.hearFault(result.fault.message);
        report = result.value;
        const { alarms, notices } = result.value;
        device.hear([...alarms.map(({ words }) => words), ...notices]);
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

  /** Changes the team at a device. Null: the process died in it. */
  async manage(device: SimDevice, change: Change): Promise<Result<void> | null> {
    let result: Result<void> | null = null;
    const done = device
      .start()
      .sync.manage((team, fences) => change(team, fences, device.manager))
      .then((answer) => void (result = answer))
      .catch((error: unknown) => device.bugs.push(String(error)));
    await this.settle(done);
    return result;
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
}
