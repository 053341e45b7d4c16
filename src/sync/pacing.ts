/**
 * When a document's edits leave: at once after quiet, then together: what is typed within a window goes in one row when
 * the window ends, or as soon as there is enough of it. The window is short while there are few edits (somebody types),
 * and long when there are many or many look at the document. Every document has a window of its own. Nobody types in a trace and
 * each of its events would be a message to everybody: its windows are longer.
 */
import type { Clock } from "../base/clock.ts";
import type { DocId } from "../base/ids.ts";

const WINDOW_MS = 500;
/** For each other who looks at the document. */
const SHORT_WINDOW_MS = 50;
const WINDOW_MAX_MS = 1000;
const RECORDED_WINDOW_MS = 5000;
/** More edits than this since the last flush are many. */
const FEW = 4;
const FULL_BYTES = 32 * 1024;

/** Timers, passed in. Returns how to cancel. */
export type After = (delayMs: number, run: () => void) => () => void;

interface Pace {
  /** Nobody types in it. */
  readonly recorded: boolean;
  lastMs: number;
  /** Gathered since. */
  edits: number;
  bytes: number;
  /** Of the window's timer. */
  cancel: (() => void) | null;
  due: boolean;
}

export class Pacing {
  readonly #clock: Clock;
  readonly #after: After;
  readonly #othersAt: (doc: DocId) => number;
  readonly #onDue: () => void;
  readonly #paces = new Map<DocId, Pace>();

  constructor(
    { clock, after }: { readonly clock: Clock; readonly after: After },
    othersAt: (doc: DocId) => number,
    onDue: () => void,
  ) {
    this.#clock = clock;
    this.#after = after;
    this.#othersAt = othersAt;
    this.#onDue = onDue;
  }

  /** `sizeBytes`: of the edit. `recorded`: of a document in which nobody types. */
  edited(doc: DocId, sizeBytes: number, recorded = false): void {
    const pace = this.#paces.get(doc) ?? {
      recorded,
      lastMs: Number.NEGATIVE_INFINITY,
      edits: 0,
      bytes: 0,
      cancel: null,
      due: false,
    };
    this.#paces.set(doc, pace);
    pace.edits++;
    pace.bytes += sizeBytes;
    if (pace.bytes >= FULL_BYTES) this.#due(pace);
    else if (pace.cancel === null) this.#wait(doc, pace);
  }

  /** Documents whose turn it is. */
  get due(): readonly DocId[] {
    return [...this.#paces].filter(([, { due }]) => due).map(([doc]) => doc);
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

  #wait(doc: DocId, pace: Pace): void {
    pace.cancel = null;
    const shortMs = Math.min(SHORT_WINDOW_MS * Math.max(1, this.#othersAt(doc)), WINDOW_MAX_MS);
    const typedMs = pace.edits > FEW ? Math.max(WINDOW_MS, shortMs) : shortMs;
    const windowMs = pace.recorded ? RECORDED_WINDOW_MS : typedMs;
    const waitMs = pace.lastMs + windowMs - this.#clock.monotonicMs();
    if (waitMs <= 0) this.#due(pace);
    else pace.cancel = this.#after(waitMs, () => this.#wait(doc, pace));
  }

  #due(pace: Pace): void {
    pace.cancel?.();
    pace.cancel = null;
    pace.lastMs = this.#clock.monotonicMs();
    pace.edits = 0;
    pace.bytes = 0;
    pace.due = true;
    this.#onDue();
  }
}
