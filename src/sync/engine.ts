/**
 * Sync of one team on one device: by hand (`once`), or live between `start` and `stop`.
 *
 * Exchanges never overlap. Live, an edit leaves as `Pacing` says and others' rows are fetched when the channel says so;
 * nothing polls. A failure is told with `onState` and tried again later, with growing patience.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { DocId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { type Fault, fail, FaultError, never, ok, type Result } from "../base/result.ts";
import type { DeviceIdentity } from "../crypto/device.ts";
import type { KdfLimits } from "../crypto/kdf.ts";
import type { Person } from "../crypto/log/person.ts";
import type { TeamKeys } from "../crypto/team.ts";
import { Exchange, type Wanted } from "./exchange.ts";
import { type Here, Looks } from "./looks.ts";
import { type After, Pacing } from "./pacing.ts";
import type { Raised } from "./alarms.ts";
import type { StreamRef, SyncStore } from "./ports.ts";
import type { Place } from "./presence.ts";
import { streamKey } from "./streams.ts";
import { Tally } from "./tally.ts";
import type { Fences } from "./team/manage.ts";
import { Team } from "./team/team.ts";
import type { Brought, Signal, Transport } from "./transport.ts";

const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 60_000;
/** How often a removal is drawn again because somebody wrote meanwhile. */
const MANAGE_TRIES = 5;
const BROKEN =
  "Something in Operon itself failed while it synced. Nothing is lost: your work is kept here, and sync tries again. If this stays, run operon doctor.";
/** More rows that the channel brought at once are rather pulled. */
const BROUGHT_MAX = 100;

export interface SyncOptions {
  readonly store: SyncStore;
  readonly transport: Transport;
  /** The newest that this device holds. */
  readonly keys: TeamKeys;
  /** Puts newer ones where `keys` came from. */
  readonly keepKeys: (keys: TeamKeys) => Promise<void>;
  readonly device: DeviceIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly after: After;
  /** Others' changes that are authentic and not committed yet: for windows that have the document open. */
  readonly onShown: (doc: DocId, updates: readonly Bytes[]) => void;
  /** Others' changes, committed: for whoever reads the store. */
  readonly onApplied: (doc: DocId, updates: readonly Bytes[]) => void;
  /** Documents that somebody took back, and that are let go here. */
  readonly onRetired: (docs: readonly DocId[]) => void;
  /** Who else looks at a document from now on, and where they are in it: all of them, each time. Nothing of it is kept. */
  readonly onHere: (doc: DocId, here: readonly Here[]) => void;
  readonly onState: (state: SyncState) => void;
  /**
   * What could not be verified, for whoever keeps it, and is told again until it is kept. `whole`: all that an exchange met,
   * nothing most often; before `onState`. Else some of it, before sync goes on behind it.
   */
  readonly onAlarms: (alarms: readonly Raised[], whole: boolean) => Promise<void>;
  /** For tests, which would otherwise spend a second on each passphrase. */
  readonly kdfLimits?: KdfLimits;
  /** For tests: how many bytes of changes are worth a snapshot. */
  readonly gatheredBytes?: number;
}

export type SyncState =
  /** `waiting`: documents with something to send. */
  | {
      readonly state: "syncing";
      readonly waiting: number;
      /** Documents, when there is much to read. */
      readonly progress: { readonly done: number; readonly total: number } | null;
    }
  | {
      readonly state: "verified";
      readonly at: number;
      readonly waiting: number;
      readonly notices: readonly string[];
    }
  | {
      readonly state: "offline";
      readonly since: number;
      readonly waiting: number;
      readonly reason: string;
    }
  | {
      /** Done, and not all of it could be verified. */
      readonly state: "alarm";
      readonly at: number;
      readonly waiting: number;
      readonly alarms: readonly Raised[];
    };

export interface SyncReport {
  /** Rows of this device that the verified history has reached. */
  readonly pushed: number;
  /** Rows of others that were taken. */
  readonly pulled: number;
  /** Newest verified number, by stream: `team` or `team/project`. */
  readonly head: Readonly<Record<string, number>>;
  /** Everything the server has was followed and verified. */
  readonly verified: boolean;
  readonly alarms: readonly Raised[];
  readonly notices: readonly string[];
}

export interface Sync {
  /** Pulls, then pushes all that is pending. A fault is a sentence why not; nothing is lost by it. */
  once(): Promise<Result<SyncReport>>;
  /** After a local append: `sizeBytes` of the update. `recorded`: nobody types in the document. Does nothing unless started. */
  edited(doc: DocId, sizeBytes: number, recorded?: boolean): void;
  /** These documents are looked at from now on, and no others: what is typed in them goes and comes sooner. */
  lookAt(docs: ReadonlySet<DocId>): void;
  /** Where the person here is in a document that is looked at: told to those who look at it too. */
  moveTo(doc: DocId, place: Place): void;
  /**
   * A person has decided to follow the server's history of a stream as it is now: it is read anew from its start, and what it
   * lacks of what is here is sent again.
   */
  restart(stream: StreamRef): Promise<Result<SyncReport>>;
  /** An owner or admin lets the newest disputed snapshot of each stream stand. How many there were. */
  vouch(): Promise<Result<number>>;
  /** Fetch now, for instance after the machine woke up. Does nothing unless started. */
  poke(): void;
  start(): void;
  /** Resolves when the exchange under way has ended. */
  stop(): Promise<void>;
  /** Who sits at a device, as far as the team's log was read; null when it has no such device. */
  personAt(device: string): Promise<Person | null>;
  /**
   * Asks or changes the team, read up to its newest entry. `fences`: the newest verified place of every stream, for a removal;
   * when somebody wrote in between, `work` is done again.
   */
  manage<T>(work: (team: Team, fences: Fences) => Promise<Result<T>>): Promise<Result<T>>;
}

export function createSync(options: SyncOptions): Sync {
  return new Engine(options);
}

class Engine implements Sync {
  readonly #options: SyncOptions;
  readonly #team: Team;
  readonly #exchange: Exchange;
  readonly #pacing: Pacing;
  readonly #looks: Looks;
  #tail: Promise<unknown> = Promise.resolve();
  #unlisten: (() => void) | null = null;
  /** The one whose channel is heard. */
  #epoch = 0;
  #cancelRetry: (() => void) | null = null;
  #retryMs = RETRY_FIRST_MS;
  #offlineSince: number | null = null;
  /** The channel hears everything. */
  #hearing = false;
  /** Something may be there that was not fetched. */
  #stale = true;
  /** The newest numbers that the channel spoke of, by stream. */
  readonly #poked = new Map<string, number>();
  /** Rows that it brought. */
  #brought: Brought[] = [];
  #lastWaiting = 0;
  #running = false;
  #wanted = false;

  constructor(options: SyncOptions) {
    this.#options = options;
    this.#team = new Team({ ...options, server: options.transport });
    this.#exchange = new Exchange({
      ...options,
      team: this.#team,
      onProgress: (progress) =>
        options.onState({ state: "syncing", waiting: this.#lastWaiting, progress }),
      onAlarms: (alarms) => options.onAlarms(alarms, false),
      onSealed: (stream, rows) => this.#looks.sealed(stream, rows),
      onApplied: (doc, updates) => {
        options.onApplied(doc, updates);
        this.#looks.changed(doc);
      },
    });
    this.#looks = new Looks({ ...options, team: this.#team, onApart: (doc) => this.#sendTo(doc) });
    this.#pacing = new Pacing(
      options,
      (doc) => this.#looks.othersAt(doc),
      () => this.#want(),
    );
  }

  once(): Promise<Result<SyncReport>> {
    return this.#exclusive(() =>
      this.#run({ brought: [], pull: () => true, only: null, due: () => true }),
    );
  }

  async restart(stream: StreamRef): Promise<Result<SyncReport>> {
    await this.#exclusive(() => this.#exchange.restart(stream));
    return this.once();
  }

  async vouch(): Promise<Result<number>> {
    const read = await this.once();
    return read.ok ? this.#exclusive(() => attempt(() => this.#exchange.vouch())) : read;
  }

  edited(doc: DocId, sizeBytes: number, recorded = false): void {
    if (this.#unlisten) this.#pacing.edited(doc, sizeBytes, recorded);
    this.#looks.changed(doc);
  }

  moveTo(doc: DocId, place: Place): void {
    this.#looks.moveTo(doc, place);
  }

  lookAt(docs: ReadonlySet<DocId>): void {
    this.#looks.lookAt(docs);
  }

  poke(): void {
    this.#stale = true;
    this.#want();
  }

  start(): void {
    if (this.#unlisten === null) this.#listen();
    this.#looks.start();
    this.poke();
  }

  async stop(): Promise<void> {
    this.#unlisten?.();
    this.#unlisten = null;
    this.#looks.stop();
    this.#hearing = false;
    this.#pacing.stop();
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    await this.#tail;
  }

  async personAt(device: string): Promise<Person | null> {
    // What is kept of the log is read even when the server cannot be reached for keys.
    await this.#exclusive(() => attempt(() => this.#team.open()));
    return this.#team.personAt(device);
  }

  manage<T>(work: (team: Team, fences: Fences) => Promise<Result<T>>): Promise<Result<T>> {
    return this.#exclusive(() =>
      attempt(async () => {
        for (let tries = 1; ; tries++) {
          const tally = new Tally();
          const wanted = { brought: [], pull: () => true, only: [], due: () => false };
          const read = await this.#meet(wanted, tally);
          if (!read.ok) return read;
          const distrusted = tally.alarms.ofLog;
          if (distrusted !== null) return fail("log", distrusted);
          const done = await work(this.#team, () => this.#exchange.fences());
          this.#followEpoch();
          if (done.ok || done.fault.type !== "fence-stale" || tries === MANAGE_TRIES) return done;
        }
      }),
    );
  }

  #listen(): void {
    const { team, epoch } = this.#team.keys.newest;
    this.#hearing = false;
    this.#epoch = epoch;
    this.#unlisten?.();
    this.#unlisten = this.#options.transport.listen(team, epoch, (signal) => this.#hear(signal));
  }

  /** Somebody who looks at the document has another state of it: what each lacks is fetched, and shown meanwhile. */
  #sendTo(doc: DocId): void {
    const flight = this.#exchange.flightOf(doc);
    if (flight) this.#looks.sealed(flight.stream, flight.rows);
    this.poke();
  }

  /** The channels have other names in each epoch. */
  #followEpoch(): void {
    this.#looks.membersChanged();
    if (this.#unlisten === null || this.#team.keys.newest.epoch === this.#epoch) return;
    this.#listen();
    this.#looks.epochChanged();
  }

  #hear(signal: Signal): void {
    switch (signal.is) {
      case "ready":
        this.#hearing = true;
        this.poke();
        return;
      case "poke":
        this.#pokeOf(streamKey(signal.stream), signal.n);
        if (signal.brought && this.#brought.length < BROUGHT_MAX)
          this.#brought.push(signal.brought);
        return this.#want();
      case "log":
        if (signal.listed > this.#team.listed) this.poke();
        return;
      case "down":
        this.#hearing = false;
        this.#stale = true;
        void this.#fail(signal.reason);
        return;
      default:
        never(signal);
    }
  }

  /** Pokes may overtake each other. */
  #pokeOf(stream: string, n: number): void {
    this.#poked.set(stream, Math.max(n, this.#poked.get(stream) ?? 0));
  }

  #want(): void {
    if (!this.#unlisten) return;
    this.#wanted = true;
    if (!this.#running) void this.#live();
  }

  async #live(): Promise<void> {
    this.#running = true;
    try {
      while (this.#wanted && this.#unlisten) {
        this.#wanted = false;
        if (!(await this.#exclusive(() => this.#tryStep()))) this.#retryLater();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Whether it went well. A bug is no reason to end the process: it is logged, told, and tried again like a failure. */
  async #tryStep(): Promise<boolean> {
    try {
      return (await this.#step()).ok;
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log("error", "sync", { reason });
      await this.#fail(BROKEN);
      return false;
    }
  }

  /** What is wanted now; often the exchange before has done it already. */
  async #step(): Promise<Result<unknown>> {
    const all = this.#stale || !this.#hearing;
    const brought = this.#brought;
    this.#brought = [];
    const only = all ? null : this.#pacing.due;
    if (!all && !this.#behind() && only?.length === 0) return ok(undefined);
    this.#stale = false;
    return this.#run({
      brought: all ? [] : brought,
      pull: () => all || this.#behind(),
      only,
      due: (doc) => this.#pacing.takeDue(doc),
    });
  }

  #behind(): boolean {
    const { cursors } = this.#exchange;
    return [...this.#poked].some(([key, n]) => n > (cursors.get(key)?.cursor.n ?? 0));
  }

  #retryLater(): void {
    this.#stale = true;
    if (!this.#unlisten || this.#cancelRetry) return;
    this.#cancelRetry = this.#options.after(this.#retryMs, () => {
      this.#cancelRetry = null;
      this.#want();
    });
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
  }

  async #run(wanted: Wanted): Promise<Result<SyncReport>> {
    const { onState } = this.#options;
    if (wanted.only === null)
      onState({ state: "syncing", waiting: await this.#waiting(), progress: null });
    const tally = new Tally();
    const done = await attempt(() => this.#meet(wanted, tally));
    this.#followEpoch();
    if (!done.ok) {
      await this.#fail(done.fault.message);
      return done;
    }
    this.#offlineSince = null;
    this.#retryMs = RETRY_FIRST_MS;
    const report = this.#report(tally);
    const ended = { at: this.#options.clock.nowMs(), waiting: await this.#waiting() };
    onState(
      report.alarms.length > 0
        ? { state: "alarm", ...ended, alarms: report.alarms }
        : { state: "verified", ...ended, notices: report.notices },
    );
    return ok(report);
  }

  /** An exchange, and its alarms: a server that lies and then fails has lied all the same. */
  async #meet(wanted: Wanted, tally: Tally): Promise<Result<void>> {
    const done = await attempt(() => this.#exchange.run(wanted, tally));
    await this.#options.onAlarms(this.#raised(tally), done.ok);
    return done;
  }

  #raised({ alarms }: Tally): readonly Raised[] {
    return alarms.raised((device) => this.#team.nameOf(device));
  }

  #report(tally: Tally): SyncReport {
    const { cursors } = this.#exchange;
    return {
      pushed: tally.pushed,
      pulled: tally.pulled,
      head: Object.fromEntries([...cursors].map(([key, { cursor }]) => [key, cursor.n])),
      verified: !tally.alarms.any,
      alarms: this.#raised(tally),
      notices: tally.unread === 0 ? [] : [unread(tally.unread)],
    };
  }

  /** Never rejects. */
  async #fail(reason: string): Promise<void> {
    this.#offlineSince ??= this.#options.clock.nowMs();
    const since = this.#offlineSince;
    // The store may be what fails: then the number is the last one that was heard of.
    const waiting = await this.#waiting().catch(() => this.#lastWaiting);
    this.#options.onState({ state: "offline", since, waiting, reason });
  }

  async #waiting(): Promise<number> {
    const { store, keys } = this.#options;
    this.#lastWaiting = (await store.pendingDocuments(keys.team)).length;
    return this.#lastWaiting;
  }

  #exclusive<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(run);
    this.#tail = result.catch(() => {});
    return result;
  }
}

/** A `FaultError` from the store (a full disk) is a fault like the network's; a bug goes on as what it is. */
async function attempt<T>(run: () => Promise<Result<T>>): Promise<Result<T, Fault>> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault };
    throw error;
  }
}

function unread(rows: number): string {
  return `${rows === 1 ? "A row" : `${rows} rows`} of your team ${rows === 1 ? "is" : "are"} of a newer Operon than this one: kept here unread. Update Operon on this device to see what ${rows === 1 ? "it holds" : "they hold"}.`;
}
