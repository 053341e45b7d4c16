/** The running hashes this process verified lately, to compare with what other authors say they verified. */
import { equalBytes } from "../base/bytes.ts";
import type { Cursor, StreamRef } from "./ports.ts";
import { START, streamKey } from "./streams.ts";

const KEPT = 4096;

export class Heads {
  readonly #streams = new Map<string, Map<number, Cursor>>();

  note(stream: StreamRef, cursor: Cursor): void {
    const key = streamKey(stream);
    const held = this.#streams.get(key) ?? new Map<number, Cursor>();
    this.#streams.set(key, held);
    held.set(cursor.n, cursor);
    for (const oldest of held.keys()) {
      if (held.size <= KEPT) break;
      held.delete(oldest);
    }
  }

  /** False only when this process knows better: at that number it verified another hash. */
  agrees(stream: StreamRef, claimed: Cursor): boolean {
    const held = claimed.n === 0 ? START : this.#streams.get(streamKey(stream))?.get(claimed.n);
    return held === undefined || equalBytes(held.h, claimed.h);
  }
}
