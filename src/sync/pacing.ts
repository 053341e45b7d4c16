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
  /** Gathered since. */
  bytes: number;
  /** Of the window's timer. */
  cancel: (() => void) | null;
  due: boolean;
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
    const pace = this.#paces.get(doc) ?? {
      lastMs: Number.NEGATIVE_INFINITY,
      bytes: 0,
      cancel: null,
      due: false,
    };
    this.#paces.set(doc, pace);
    pace.bytes += sizeBytes;
    const waitMs = pace.lastMs + this.#windowMs - this.#clock.monotonicMs();
    if (waitMs <= 0 || pace.bytes >= FULL_BYTES) this.#due(pace);
    else pace.cancel ??= this.#after(waitMs, () => this.#due(pace));
  }

  get anyDue(): boolean {
    return [...this.#paces.values()].some(({ due }) => due);
  }

  /** Whether the document may be sent now; false while edits are still being gathered. What follows waits for its own turn. */
  takeDue(doc: DocId): boolean {
    const pace = this.#paces.get(doc);
    if (!pace) return true;
    const due = pace.due || pace.cancel === null;
    pace.due = false;
    return due;
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
    pace.due = true;
    this.#onDue();
  }
}
