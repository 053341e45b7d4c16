/**
 * A server in memory, honest unless a test bends it: tests reach into `streams` to forge, move and forget rows, and set
 * `failNext` to lose questions or answers.
 */
import { type Bytes, equalBytes } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { fail, ok, type Result } from "../../src/base/result.ts";
import { peekHeader } from "../../src/crypto/header.ts";
import { rowHash } from "../../src/crypto/row.ts";
import type { Cursor, StreamRef } from "../../src/sync/ports.ts";
import { advance, START, streamKey } from "../../src/sync/streams.ts";
import type {
  Look,
  Page,
  PulledRow,
  PushAnswer,
  Sealed,
  Signal,
  StreamCursor,
  Transport,
} from "../../src/sync/transport.ts";
import type { MemoryLog } from "./memoryLog.ts";

export interface ServerStream {
  readonly stream: StreamRef;
  readonly rows: Bytes[];
}

export type Failure = "lose question" | "lose answer";

export class MemoryServer {
  readonly streams = new Map<string, ServerStream>();
  readonly log: MemoryLog;
  readonly #listeners = new Map<(signal: Signal) => void, number>();
  /** Who looks at a stream, by its key and the channel's tag. */
  readonly channels = new Map<string, Set<(row: Bytes) => void>>();
  /** Of the next push. */
  failNext: Failure | null = null;
  /** All rows ever offered by a push, stored or not. */
  readonly offered: Bytes[] = [];
  pulls = 0;
  /** A lie: it takes rows under old keys. */
  admitsAnyEpoch = false;
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
    const held = this.streams.get(key) ?? { stream, rows: [] };
    this.streams.set(key, held);
    return held;
  }

  headOf({ rows }: ServerStream): Cursor {
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
      listen: (_team, epoch, onSignal) => {
        this.#listeners.set(onSignal, epoch);
        queueMicrotask(() => onSignal({ is: "ready" }));
        return () => void this.#listeners.delete(onSignal);
      },
      look: (stream, tag, onRow) => this.#look(`${streamKey(stream)} ${tag}`, onRow),
    };
  }

  #look(channel: string, onRow: (row: Bytes) => void): Look {
    const present = this.channels.get(channel) ?? new Set();
    this.channels.set(channel, present.add(onRow));
    return {
      send: (row) => {
        for (const hear of present) if (hear !== onRow) hear(row);
      },
      close: () => void present.delete(onRow),
    };
  }

  #pull(team: TeamId, cursors: readonly StreamCursor[], limit: number): Result<Page> {
    this.pulls++;
    const streams = [...this.streams.values()].filter(({ stream }) => stream.team === team);
    const rows: PulledRow[] = [];
    let more = false;
    for (const held of streams) {
      const from =
        cursors.find(({ stream }) => streamKey(stream) === streamKey(held.stream))?.cursor.n ?? 0;
      const fresh = held.rows
        .slice(from)
        .map((row, i) => ({ stream: held.stream, n: from + i + 1, row }));
      more ||= rows.length + fresh.length > limit;
      rows.push(...fresh.slice(0, limit - rows.length));
    }
    return ok({
      rows,
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
      if (same !== -1 && !equalBytes(held.rows[same] as Bytes, row))
        return [...answers, { is: "conflict" }];
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

function placeOf(row: Bytes): string {
  const header = peekHeader(row);
  if (!header.ok) return "unreadable";
  const { document, device, replica, seq } = header.value;
  return [document, device, replica, seq].join("/");
}

function offline(): Result<never> {
  return fail("offline", "There is no connection. Your work is kept here and will be sent later.");
}
