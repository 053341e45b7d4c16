/**
 * A server in memory, honest unless a test bends it: tests reach into `streams` to forge, move and forget rows, and set
 * `failNext` to lose questions or answers.
 */
import { type Bytes, equalBytes } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { fail, ok, type Result, unwrap } from "../../src/base/result.ts";
import { peekHeader, type RowHeader } from "../../src/crypto/header.ts";
import { replay } from "../../src/crypto/log/history.ts";
import { roleOf } from "../../src/crypto/log/state.ts";
import { rowHash } from "../../src/crypto/row.ts";
import type { Cursor, StreamRef } from "../../src/sync/ports.ts";
import { advance, START, streamKey } from "../../src/sync/streams.ts";
import type {
  Asked,
  DroppedRow,
  Heard,
  Look,
  Page,
  PulledRow,
  PushAnswer,
  Sealed,
  Signal,
  Transport,
} from "../../src/sync/transport.ts";
import {
  compact,
  type Compacted,
  hasBody,
  isClosed,
  listSnapshots,
  placeOf,
  snapshotPage,
} from "./compacted.ts";
import type { MemoryLog } from "./memoryLog.ts";

export interface ServerStream extends Compacted {
  readonly stream: StreamRef;
  readonly rows: Bytes[];
}

export type Failure = "lose question" | "lose answer";

export class MemoryServer {
  readonly streams = new Map<string, ServerStream>();
  readonly log: MemoryLog;
  readonly #listeners = new Map<(signal: Signal) => void, number>();
  /** Who looks at a stream, by its key and the channel's tag. */
  readonly channels = new Map<string, Set<(heard: Heard) => void>>();
  /** Of the next push. */
  failNext: Failure | null = null;
  /** All rows ever offered by a push, stored or not. */
  readonly offered: Bytes[] = [];
  pulls = 0;
  /** A lie: it takes rows under old keys. */
  admitsAnyEpoch = false;
  /** How old it says that snapshots are. */
  days = 0;
  /** A lie: which words about snapshots it does not list. */
  hides: (header: RowHeader) => boolean = () => false;
  /** Whether pokes bring the row. */
  brings = true;

  constructor(log: MemoryLog) {
    this.log = log;
    log.headsNow = () =>
      [...this.streams.values()].map((held) => ({
        stream: held.stream,
        cursor: this.headOf(held),
      }));
    log.onAppended = (before) => {
      const signal: Signal = { is: "log", listed: log.entries.length };
      for (const epoch of new Set([before, log.beside.length])) this.#tell(epoch, signal);
    };
  }

  #tell(epoch: number, signal: Signal): void {
    for (const [hear, heard] of this.#listeners) if (heard === epoch) hear(signal);
  }

  stream(stream: StreamRef): ServerStream {
    const key = streamKey(stream);
    const held = this.streams.get(key) ?? { stream, rows: [], dropped: new Set(), compacted: [] };
    this.streams.set(key, held);
    return held;
  }

  headOf({ rows }: Pick<ServerStream, "rows">): Cursor {
    return rows.reduce((cursor, row) => advance(cursor, rowHash(row)), START);
  }

  /** A connection of one device. */
  connect(): Transport {
    const { log } = this;
    return {
      readLog: (team, after) => log.readLog(team, after),
      appendLog: (team, listed, entries) => log.appendLog(team, listed, entries),
      heads: () => log.heads(),
      epochs: (team, device) => log.epochs(team, device),
      putKeyRecord: (team, entry, record) => log.putKeyRecord(team, entry, record),
      openInvite: (team, proof) => log.openInvite(team, proof),
      pull: async (team, cursors, limit) => this.#pull(team, cursors, limit),
      push: async (stream, rows) => this.#push(stream, rows),
      snapshots: async (stream) => {
        const { days, hides } = this;
        const leads = (device: string) => this.#leads(stream, device);
        return ok(listSnapshots(this.stream(stream), { days, hides, leads }));
      },
      snapshotRows: async (stream, last, after) =>
        ok(snapshotPage(this.stream(stream), last, after)),
      compact: async (stream, last) => this.#compact(this.stream(stream), last),
      listen: (_team, epoch, onSignal) => {
        this.#listeners.set(onSignal, epoch);
        queueMicrotask(() => onSignal({ is: "ready" }));
        return () => void this.#listeners.delete(onSignal);
      },
      look: (stream, tag, onHeard) => this.#look(`${streamKey(stream)} ${tag}`, onHeard),
    };
  }

  #look(channel: string, onHeard: (heard: Heard) => void): Look {
    const present = this.channels.get(channel) ?? new Set();
    this.channels.set(channel, present.add(onHeard));
    queueMicrotask(() => onHeard({ is: "ready" }));
    return {
      send: (is, bytes) => {
        for (const hear of present) if (hear !== onHeard) hear({ is, bytes });
      },
      close: () => void present.delete(onHeard),
    };
  }

  #compact(held: ServerStream, last: number): Result<void> {
    const leads = (device: string) => this.#leads(held.stream, device);
    const done = compact(held, last, leads, this.days);
    return done ? ok(undefined) : fail("refused", "Nobody has attested it.");
  }

  #leads({ team }: StreamRef, device: string): boolean {
    const { state } = unwrap(replay(team, this.log.entries, null));
    const role = roleOf(state, state.devices.get(device)?.member ?? "");
    return role === "owner" || role === "admin";
  }

  #pull(team: TeamId, cursors: readonly Asked[], limit: number): Result<Page> {
    this.pulls++;
    const streams = [...this.streams.values()].filter(({ stream }) => stream.team === team);
    const rows: PulledRow[] = [];
    const dropped: DroppedRow[] = [];
    let more = false;
    for (const held of streams) {
      const asked = cursors.find(({ stream }) => streamKey(stream) === streamKey(held.stream));
      const from = asked?.cursor.n ?? 0;
      const fresh = held.rows
        .slice(from)
        .map((row, i) => ({ stream: held.stream, n: from + i + 1, row }));
      const room = limit - rows.length - dropped.length;
      more ||= fresh.length > room;
      for (const one of fresh.slice(0, room)) {
        if (hasBody(held, one, asked?.held ?? 0)) rows.push(one);
        else dropped.push({ stream: one.stream, n: one.n, hash: rowHash(one.row) });
      }
    }
    return ok({
      rows,
      dropped,
      more,
      listed: this.log.entries.length,
      heads: streams.map((held) => ({ stream: held.stream, cursor: this.headOf(held) })),
    });
  }

  #push(stream: StreamRef, rows: readonly Sealed[]): Result<readonly PushAnswer[]> {
    const failure = this.failNext;
    this.failNext = null;
    if (failure === "lose question") return offline();
    if (!this.admitsAnyEpoch && rows.some((row) => epochOf(row) !== this.log.beside.length))
      return fail("stale-epoch", "The team has a newer key.");
    const answers = this.#store(this.stream(stream), rows);
    this.offered.push(...rows);
    return failure === "lose answer" ? offline() : ok(answers);
  }

  #poke(stream: StreamRef, { n, h }: Cursor, row: Bytes): Signal {
    return { is: "poke", stream, n, brought: this.brings ? { stream, n, h, row } : null };
  }

  #store(held: ServerStream, rows: readonly Sealed[]): readonly PushAnswer[] {
    const answers: PushAnswer[] = [];
    for (const row of rows) {
      const same = held.rows.findIndex((stored) => placeOf(stored) === placeOf(row));
      const taken = same !== -1 && !equalBytes(held.rows[same] as Bytes, row);
      if (taken || (same === -1 && isClosed(held, row))) return [...answers, { is: "conflict" }];
      if (same === -1) held.rows.push(row);
      const head = this.headOf(held);
      answers.push(same === -1 ? { is: "stored", ...head } : { is: "known", n: same + 1 });
      if (same === -1) this.#tell(this.log.beside.length, this.#poke(held.stream, head, row));
    }
    return answers;
  }
}

function epochOf(row: Bytes): number {
  const header = peekHeader(row);
  return header.ok ? header.value.epoch : 0;
}

function offline(): Result<never> {
  return fail("offline", "There is no connection. Your work is kept here and will be sent later.");
}
