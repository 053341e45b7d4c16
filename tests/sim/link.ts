/** One process's way to the relay: a transport whose messages travel over the network and may be cut off. */
import type { Bytes } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { fail, ok, type Result } from "../../src/base/result.ts";
import type { StreamRef } from "../../src/sync/ports.ts";
import { streamKey } from "../../src/sync/streams.ts";
import type { Appended, KeptEpoch, LogPage, OpenedInvite } from "../../src/sync/team/server.ts";
import type {
  Asked,
  Heard,
  Look,
  Page,
  PushAnswer,
  Said,
  Sealed,
  Signal,
  SnapshotList,
  SnapshotPage,
  StreamCursor,
  Transport,
} from "../../src/sync/transport.ts";
import { type Network, PATIENCE_MS } from "./network.ts";
import type { Relay } from "./relay.ts";
import type { VirtualTime } from "./time.ts";

export interface LinkOptions {
  readonly who: string;
  readonly relay: Relay;
  readonly network: Network;
  readonly time: VirtualTime;
  /** Runs something outside of the process, which may be the last that the process does. */
  readonly outside: <T>(work: () => Promise<T>) => Promise<T>;
}

export class Link implements Transport {
  readonly #options: LinkOptions;
  /** Open connections: how each is cut and made again. */
  readonly #connections = new Set<Switch>();
  #online: boolean;

  constructor(options: LinkOptions, online: boolean) {
    this.#options = options;
    this.#online = online;
  }

  set online(online: boolean) {
    if (this.#online === online) return;
    this.#online = online;
    for (const connection of this.#connections)
      if (online) connection.connect();
      else connection.cut();
  }

  /** The process has ended. */
  end(): void {
    this.#online = false;
    for (const connection of this.#connections) connection.cut();
    this.#connections.clear();
  }

  pull(team: TeamId, cursors: readonly Asked[], limit: number): Promise<Result<Page>> {
    return this.#ask(({ relay, who }) => ok(relay.pull(who, team, cursors, limit)));
  }

  push(stream: StreamRef, rows: readonly Sealed[]): Promise<Result<readonly PushAnswer[]>> {
    return this.#ask(({ relay, who }) => relay.push(who, stream, rows));
  }

  readLog(team: TeamId, after: number): Promise<Result<LogPage>> {
    return this.#ask(({ relay, who }) => relay.readLog(who, team, after));
  }

  appendLog(team: TeamId, listed: number, entries: readonly Appended[]): Promise<Result<void>> {
    return this.#ask(({ relay, who }) => relay.appendLog(who, team, listed, entries));
  }

  epochs(team: TeamId, device: string): Promise<Result<readonly KeptEpoch[]>> {
    return this.#ask(({ relay, who }) => relay.epochs(who, team, device));
  }

  putKeyRecord(team: TeamId, entry: Bytes, keyRecord: Bytes): Promise<Result<void>> {
    return this.#ask(({ relay, who }) => relay.putKeyRecord(who, team, entry, keyRecord));
  }

  openInvite(team: TeamId, proof: Bytes): Promise<Result<OpenedInvite>> {
    return this.#ask(({ relay, who }) => relay.openInvite(who, team, proof));
  }

  heads(): Promise<Result<readonly StreamCursor[]>> {
    return this.#ask(({ relay, who }) => relay.viewOf(who).team.heads());
  }

  snapshots(stream: StreamRef): Promise<Result<SnapshotList>> {
    return this.#ask(({ relay, who }) => ok(relay.snapshots(who, stream)));
  }

  snapshotRows(stream: StreamRef, last: number, after: number): Promise<Result<SnapshotPage>> {
    return this.#ask(({ relay, who }) => ok(relay.snapshotRows(who, stream, last, after)));
  }

  compact(stream: StreamRef, last: number): Promise<Result<void>> {
    return this.#ask(({ relay, who }) =>
      relay.compact(who, stream, last) ? ok(undefined) : fail("refused", "Nobody has attested it."),
    );
  }

  listen(_team: TeamId, epoch: number, onSignal: (signal: Signal) => void): () => void {
    const { who, relay, network } = this.#options;
    return this.#open(
      (hear) => {
        const stop = relay.listen({
          who,
          epoch,
          hear: (signal) => network.carry(() => hear(signal)),
        });
        hear({ is: "ready" });
        return stop;
      },
      onSignal,
      () => onSignal({ is: "down", reason: OFFLINE }),
    );
  }

  /** It never says that it is ready, so nobody says who is there: that is not simulated. */
  look(stream: StreamRef, tag: string, onHeard: (heard: Heard) => void): Look {
    const { relay, network } = this.#options;
    const channel = `${streamKey(stream)} ${tag}`;
    const member = { hear: (bytes: Bytes, is: Said) => network.carry(() => hears({ is, bytes })) };
    let hears: (heard: Heard) => void = () => {};
    const close = this.#open(
      (hear) => {
        hears = hear;
        return relay.join(channel, member);
      },
      onHeard,
      () => {},
    );
    return {
      send: (is, bytes) => {
        if (this.#online) network.carry(() => relay.say(channel, member, bytes, is));
      },
      close,
    };
  }

  #ask<T>(serve: (options: LinkOptions) => Answer<T>): Promise<Result<T>> {
    return this.#options.outside(() => this.#travel(() => serve(this.#options)));
  }

  #travel<T>(serve: () => Answer<T>): Promise<Result<T>> {
    const { network, time } = this.#options;
    return new Promise((resolve) => {
      if (!this.#online) {
        time.after(5, () => resolve(offline()));
        return;
      }
      const giveUp = time.after(PATIENCE_MS, () => resolve(offline()));
      network.carry(() => {
        const answer = serve();
        const back = (result: Result<T>) =>
          network.carry(() => {
            giveUp();
            resolve(this.#online ? result : offline());
          });
        if (answer instanceof Promise) void answer.then(back);
        else back(answer);
      });
    });
  }

  #open<T>(
    connect: (hear: (heard: T) => void) => () => void,
    hear: (heard: T) => void,
    onCut: () => void,
  ): () => void {
    const connection = new Connection(this.#options.time, connect, hear, onCut);
    this.#connections.add(connection);
    if (this.#online) connection.connect();
    return () => {
      connection.close();
      this.#connections.delete(connection);
    };
  }
}

type Answer<T> = Result<T> | Promise<Result<T>>;

interface Switch {
  connect(): void;
  cut(): void;
}

/** Something that hears, while it is connected. */
class Connection<T> implements Switch {
  readonly #time: VirtualTime;
  readonly #connect: (hear: (heard: T) => void) => () => void;
  readonly #hear: (heard: T) => void;
  readonly #onCut: () => void;
  #stop: (() => void) | null = null;

  constructor(
    time: VirtualTime,
    connect: (hear: (heard: T) => void) => () => void,
    hear: (heard: T) => void,
    onCut: () => void,
  ) {
    this.#time = time;
    this.#connect = connect;
    this.#hear = hear;
    this.#onCut = onCut;
  }

  connect(): void {
    let stopped = false;
    let disconnect = () => {};
    const cancel = this.#time.after(20, () => {
      disconnect = this.#connect((heard) => {
        if (!stopped) this.#hear(heard);
      });
    });
    this.#stop = () => {
      stopped = true;
      cancel();
      disconnect();
    };
  }

  cut(): void {
    if (!this.#stop) return;
    this.close();
    this.#onCut();
  }

  close(): void {
    this.#stop?.();
    this.#stop = null;
  }
}

const OFFLINE = "There is no connection. Your work is kept here and will be sent later.";

function offline(): Result<never> {
  return fail("offline", OFFLINE);
}
