/**
 * Virtual time. What happens stands in one list by its moment; between two moments all code runs that waits for nothing
 * but other code. Nothing sleeps: forty days pass as fast as a millisecond.
 */
const LONG_MS = 3_600_000;

export class VirtualTime {
  nowMs = 0;
  /** Latest first. */
  readonly #events: Event[] = [];
  #awaited = 0;
  happened = 0;

  /** Returns how to cancel. Nobody waits for what is `idle`: it happens if time comes to it. */
  after(delayMs: number, run: () => void, idle = false): () => void {
    const event = { atMs: this.nowMs + delayMs, run, idle };
    this.#events.splice(this.#place(event), 0, event);
    if (!idle) this.#awaited++;
    return () => {
      const at = this.#events.indexOf(event);
      if (at === -1) return;
      this.#events.splice(at, 1);
      if (!idle) this.#awaited--;
    };
  }

  async pass(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.after(ms, resolve);
    await promise;
  }

  /**
   * Lets time pass until nothing is left to happen that is awaited, or until `promise` settles. Throws `RestlessError` after `most` events:
   * something goes round in circles.
   */
  async run(most: number, until?: Promise<unknown>): Promise<void> {
    let over = false;
    const finish = () => void (over = true);
    until?.then(finish, finish);
    await settleCode();
    for (let count = 0; !over; count++) {
      if (this.#awaited === 0) return;
      if (count === most) throw new RestlessError();
      const event = this.#next();
      this.nowMs = event.atMs;
      this.happened++;
      event.run();
      await settleCode();
    }
  }

  /** What is idle is left out while nothing else happens for long: sixty retries an hour, for forty days. */
  #next(): Event {
    const awaited = this.#events.findLast(({ idle }) => !idle) as Event;
    let event = this.#events.pop() as Event;
    while (event.idle && awaited.atMs - event.atMs > LONG_MS) {
      event.atMs = awaited.atMs;
      this.#events.splice(this.#place(event), 0, event);
      event = this.#events.pop() as Event;
    }
    if (!event.idle) this.#awaited--;
    return event;
  }

  #place({ atMs }: Event): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle] as Event).atMs > atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

class RestlessError extends Error {
  constructor() {
    super("the devices do not come to rest");
  }
}

interface Event {
  atMs: number;
  readonly run: () => void;
  readonly idle: boolean;
}

/** All promises that are settled have been heard when this resolves. */
function settleCode(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
