/**
 * The tests' server in memory, for many rows: it knows heads and places without going through all rows, and pokes once a push,
 * as the cloud does. Nobody reaches into it, so that what it remembers stays true.
 */
import { type Bytes, equalBytes } from "../src/base/bytes.ts";
import { ok } from "../src/base/result.ts";
import { KIND_SNAPSHOT, peekHeader } from "../src/crypto/header.ts";
import { rowHash } from "../src/crypto/row.ts";
import type { Cursor, StreamRef } from "../src/sync/ports.ts";
import { advance, START } from "../src/sync/streams.ts";
import type { PushAnswer, Signal, Transport } from "../src/sync/transport.ts";
import { placeOf } from "../tests/sync/compacted.ts";
import type { MemoryLog } from "../tests/sync/memoryLog.ts";
import { MemoryServer, type ServerStream } from "../tests/sync/memoryServer.ts";

/** A poke brings a row of up to so many bytes. */
const BROUGHT_BYTES = 4096;

export class BenchServer {
  readonly #server: MemoryServer;
  readonly #heads = new WeakMap<readonly Bytes[], Cursor>();
  /** Row numbers. */
  readonly #places = new Map<string, number>();
  readonly #listeners = new Set<(signal: Signal) => void>();
  #coveredTo = 0;
  /** Milliseconds spent in it. */
  ms = 0;
  /** Called after each poke. */
  onPoke: () => void = () => undefined;

  constructor(log: MemoryLog) {
    this.#server = new MemoryServer(log);
    this.#server.headOf = ({ rows }) => {
      let head = this.#heads.get(rows) ?? START;
      while (head.n < rows.length) head = advance(head, rowHash(rows[head.n] as Bytes));
      this.#heads.set(rows, head);
      return head;
    };
  }

  /** As if a device had pushed it. All rows are of one stream. */
  store(stream: StreamRef, row: Bytes): PushAnswer {
    const held = this.#server.stream(stream);
    const place = placeOf(row);
    const there = this.#places.get(place);
    if (there !== undefined)
      return equalBytes(held.rows[there - 1] as Bytes, row)
        ? { is: "known", n: there }
        : { is: "conflict" };
    const header = peekHeader(row);
    if (!header.ok) throw new Error("an unreadable row");
    const { seq, kind, mark } = header.value;
    const before = seq > 1 ? (this.#places.get(placeOf(row, seq - 1)) ?? Infinity) : Infinity;
    if (before <= this.#coveredTo) return { is: "conflict" };
    held.rows.push(row);
    this.#places.set(place, held.rows.length);
    if (kind === KIND_SNAPSHOT && mark?.left === 0)
      this.#coveredTo = Math.max(this.#coveredTo, mark.n);
    return { is: "stored", ...this.#server.headOf(held) };
  }

  stream(stream: StreamRef): ServerStream {
    return this.#server.stream(stream);
  }

  connect(): Transport {
    const transport: Transport = {
      ...this.#server.connect(),
      push: async (stream, rows) => {
        const answers: PushAnswer[] = [];
        for (const row of rows) {
          answers.push(this.store(stream, row));
          if (answers.at(-1)?.is === "conflict") break;
        }
        if (answers.some(({ is }) => is === "stored")) this.#poke(stream);
        return ok(answers);
      },
      listen: (_team, _epoch, onSignal) => {
        this.#listeners.add(onSignal);
        queueMicrotask(() => onSignal({ is: "ready" }));
        return () => void this.#listeners.delete(onSignal);
      },
    };
    return { ...transport, ...this.#timed(transport) };
  }

  #timed({ pull, push, snapshots, snapshotRows, compact }: Transport): Partial<Transport> {
    const timed =
      <A extends unknown[], R>(work: (...asked: A) => Promise<R>) =>
      async (...asked: A): Promise<R> => {
        const started = performance.now();
        const answer = work(...asked);
        this.ms += performance.now() - started;
        return answer;
      };
    return {
      pull: timed(pull),
      push: timed(push),
      snapshots: timed(snapshots),
      snapshotRows: timed(snapshotRows),
      compact: timed(compact),
    };
  }

  #poke(stream: StreamRef): void {
    const { rows } = this.#server.stream(stream);
    const { n, h } = this.#server.headOf({ rows });
    const row = rows[n - 1] as Bytes;
    const brought = row.length <= BROUGHT_BYTES ? { stream, n, h, row } : null;
    for (const hear of this.#listeners) hear({ is: "poke", stream, n, brought });
    this.onPoke();
  }
}
