/** The running hashes this device verified, to compare with what other authors say they verified. */
import { equalBytes } from "../base/bytes.ts";
import type { Cursor, StreamRef, SyncStore } from "./ports.ts";
import { START, streamKey } from "./streams.ts";

/** Newest ones that the store is not asked for. */
const KEPT = 4096;

export class Heads {
  readonly #store: Pick<SyncStore, "placeAt">;
  readonly #streams = new Map<string, Map<number, Cursor>>();

  constructor(store: Pick<SyncStore, "placeAt">) {
    this.#store = store;
  }

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

  forget(stream: StreamRef): void {
    this.#streams.delete(streamKey(stream));
  }

  /** False only when this device knows better: at that number it verified another hash. */
  async agrees(stream: StreamRef, claimed: Cursor): Promise<boolean> {
    const recent = claimed.n === 0 ? START : this.#streams.get(streamKey(stream))?.get(claimed.n);
    const held = recent?.h ?? (await this.#store.placeAt(stream, claimed.n));
    return held === null || equalBytes(held, claimed.h);
  }
}
