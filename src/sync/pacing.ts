/**
 * When a document's edits leave: at once after quiet, then together: what is typed within a window goes in one row when
 * the window ends, or as soon as there is enough of it. Every document has a window of its own.
 */
import type { Clock } from "../base/clock.ts";
import type { DocId } from "../base/ids.ts";

export const WINDOW_MS = 500;
const FULL_BYTES = 32 * 1024;

/** Timers, passed in. Returns how to cancel. */
export type After = (delayMs: number, run: () => void) => () => void;

interface Pace {
  lastMs: number;
  bytes: number;
  cancel: (() => void) | null;
}

export class Pacing {
  readonly #clock: Clock;
  readonly #after: After;
  readonly #windowMs: number;
  readonly #onDue: () => void;
  readonly #paces = new Map<DocId, Pace>();

  constructor(clock: Clock, after: After, windowMs: number, onDue: () => void) {
    this.#clock = clock;
    this.#after = after;
    this.#windowMs = windowMs;
    this.#onDue = onDue;
  }

  /** `sizeBytes`: of the edit. */
  edited(doc: DocId, sizeBytes: number): void {
    const pace = this.#paces.get(doc) ?? { lastMs: Number.NEGATIVE_INFINITY, bytes: 0, cancel: null };
    this.#paces.set(doc, pace);
    pace.bytes += sizeBytes;
    const waitMs = pace.lastMs + this.#windowMs - this.#clock.monotonicMs();
    if (waitMs <= 0 || pace.bytes >= FULL_BYTES) this.#due(pace);
    else pace.cancel ??= this.#after(waitMs, () => this.#due(pace));
  }

  /** False while the document's window is open: its edits are still being gathered. */
  isDue(doc: DocId): boolean {
    return this.#paces.get(doc)?.cancel == null;
  }

  /** Forgets what was waiting. */
  stop(): void {
    for (const { cancel } of this.#paces.values()) cancel?.();
    this.#paces.clear();
  }

  #due(pace: Pace): void {
    pace.cancel?.();
    pace.cancel = null;
    pace.lastMs = this.#clock.monotonicMs();
    pace.bytes = 0;
    this.#onDue();
  }
}
