/** What a server holds: a numbered list of rows for each stream, and all of them with the team's log, of which it may show several. */
import { type Bytes, equalBytes } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { peekHeader } from "../../src/crypto/header.ts";
import { rowHash } from "../../src/crypto/row.ts";
import type { Cursor, StreamRef } from "../../src/sync/ports.ts";
import { advance, START, streamKey } from "../../src/sync/streams.ts";
import type { PushAnswer } from "../../src/sync/transport.ts";
import { isClosed } from "../sync/compacted.ts";
import type { TeamLog } from "./teamLog.ts";

export class StreamLog {
  readonly stream: StreamRef;
  readonly rows: Bytes[] = [];
  readonly dropped = new Set<number>();
  readonly compacted: number[] = [];
  /** Some rows are about snapshots. */
  #hasMarks = false;
  /** The place after each row. */
  readonly #places: Cursor[] = [];
  /** Numbers of rows, by their place in a chain. */
  readonly #numbers = new Map<string, number>();

  constructor(stream: StreamRef, rows: readonly Bytes[] = []) {
    this.stream = stream;
    for (const row of rows) this.append(row);
  }

  get head(): Cursor {
    return this.#places.at(-1) ?? START;
  }

  /** The place after row `n`. */
  placeAt(n: number): Cursor {
    return this.#places[n - 1] ?? START;
  }

  /** Whatever it is. */
  append(row: Bytes): Cursor {
    const head = advance(this.head, rowHash(row));
    this.rows.push(row);
    this.#places.push(head);
    this.#hasMarks ||= isMark(row);
    const place = placeOf(row);
    if (!this.#numbers.has(place)) this.#numbers.set(place, head.n);
    return head;
  }

  /** As an honest server takes a pushed row. */
  store(row: Bytes): PushAnswer {
    const n = this.#numbers.get(placeOf(row));
    if (n === undefined && this.#hasMarks && isClosed(this, row)) return { is: "conflict" };
    if (n === undefined) return { is: "stored", ...this.append(row) };
    return equalBytes(this.rows[n - 1] as Bytes, row) ? { is: "known", n } : { is: "conflict" };
  }
}

/** All that a server shows to somebody. */
export class View {
  readonly team: TeamLog;
  readonly #logs = new Map<string, StreamLog>();

  constructor(team: TeamLog) {
    this.team = team;
    team.headsNow ??= () =>
      [...this.#logs.values()]
        .filter(({ rows }) => rows.length > 0)
        .map(({ stream, head }) => ({ stream, cursor: head }));
  }

  log(stream: StreamRef): StreamLog {
    const key = streamKey(stream);
    const held = this.#logs.get(key) ?? new StreamLog(stream);
    this.#logs.set(key, held);
    return held;
  }

  /** In the order in which the streams began. Those without a row are not there. */
  logsOf(team: TeamId): readonly StreamLog[] {
    return [...this.#logs.values()].filter(
      ({ stream, rows }) => stream.team === team && rows.length > 0,
    );
  }

  /** Another history in the place of a stream's. Of rows that were in it, bodies that are gone stay so. */
  replace(stream: StreamRef, rows: readonly Bytes[]): void {
    this.#put(new StreamLog(stream, rows), this.log(stream));
  }

  /** `team`: the log that goes with it. */
  copy(team: TeamLog): View {
    const copy = new View(team);
    for (const log of this.#logs.values()) copy.#put(new StreamLog(log.stream, log.rows), log);
    return copy;
  }

  #put(log: StreamLog, before: StreamLog): void {
    const gone = new Set([...before.dropped].map((n) => before.rows[n - 1]));
    const lasts = before.compacted.map((n) => before.rows[n - 1]);
    for (const [i, row] of log.rows.entries()) {
      if (gone.has(row)) log.dropped.add(i + 1);
      if (lasts.includes(row)) log.compacted.push(i + 1);
    }
    this.#logs.set(streamKey(log.stream), log);
  }
}

function placeOf(row: Bytes): string {
  const header = peekHeader(row);
  if (!header.ok) return `unreadable ${rowHash(row).join()}`;
  const { document, device, replica, seq } = header.value;
  return [document, device, replica, seq].join("/");
}

function isMark(row: Bytes): boolean {
  const header = peekHeader(row);
  return header.ok && header.value.mark !== undefined;
}
