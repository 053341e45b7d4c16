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
  DeviceListing,
  Look,
  Page,
  PulledRow,
  PushAnswer,
  Sealed,
  Signal,
  StreamCursor,
  Transport,
} from "../../src/sync/transport.ts";

export interface ServerStream {
  readonly stream: StreamRef;
  readonly rows: Bytes[];
}

export type Failure = "lose question" | "lose answer";

export class MemoryServer {
  readonly streams = new Map<string, ServerStream>();
  readonly devices: DeviceListing[] = [];
  readonly #listeners = new Set<(signal: Signal) => void>();
  /** Who looks at a stream, by its key and the channel's tag. */
  readonly channels = new Map<string, Set<(row: Bytes) => void>>();
  /** Of the next push. */
  failNext: Failure | null = null;
  /** All rows ever offered by a push, stored or not. */
  readonly offered: Bytes[] = [];
  pulls = 0;
  /** Whether pokes bring the row. */
  brings = true;

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
    return {
      pull: async (team, cursors, limit) => this.#pull(team, cursors, limit),
      push: async (stream, rows) => this.#push(stream, rows),
      devices: async () => ok(this.devices),
      listen: (_team, onSignal) => {
        this.#listeners.add(onSignal);
        queueMicrotask(() => onSignal({ is: "ready" }));
        return () => this.#listeners.delete(onSignal);
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
      heads: streams.map((held) => ({ stream: held.stream, cursor: this.headOf(held) })),
    });
  }

  #push(stream: StreamRef, rows: readonly Sealed[]): Result<readonly PushAnswer[]> {
    const failure = this.failNext;
    this.failNext = null;
    if (failure === "lose question") return offline();
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
      if (same === -1) for (const tell of this.#listeners) tell(this.#poke(held.stream, head, row));
    }
    return answers;
  }
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
