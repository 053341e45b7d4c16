/** What one exchange comes to, while it goes on. */
import type { DocId } from "../base/ids.ts";
import { type Alarm, Alarms } from "./alarms.ts";
import type { Cursor, StreamRef } from "./ports.ts";
import { streamKey } from "./streams.ts";
import type { StreamCursor } from "./transport.ts";

/** Gathered over one exchange. */
export class Tally {
  pushed = 0;
  pulled = 0;
  /** Rows that this version or this device's keys cannot read. */
  unread = 0;
  /** How often each document was sealed. */
  readonly tries = new Map<DocId, number>();
  readonly alarms = new Alarms();
  /** Streams (by key) that went on, that brought rows about snapshots, and where rows of this process landed. */
  readonly moved = new Map<string, StreamRef>();
  readonly marked = new Set<string>();
  readonly wrote = new Set<string>();
  /** Streams (by key) whose history cannot be followed: nothing is read from or sent to them. */
  readonly halted = new Map<string, Halted>();

  /** `head`: the server's own, to ask for nothing before it: else its rows would take the others' place in each page. */
  halt(stream: StreamRef, alarm: Alarm, head: Cursor): void {
    const key = streamKey(stream);
    if (!this.halted.has(key)) this.alarms.add(stream, alarm, { halts: true });
    this.halted.set(key, { stream, alarm, cursor: head });
  }

  /** The team's log is another one than before: nothing more is read or sent. */
  get distrusted(): boolean {
    return this.alarms.ofLog !== null;
  }
}

export interface Halted extends StreamCursor {
  readonly alarm: Alarm;
}
