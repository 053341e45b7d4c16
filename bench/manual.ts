/** Time that is moved by hand: timers run in their order, each at its own moment. */
export class ManualTime {
  ms: number;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  readonly clock = { nowMs: () => this.ms, monotonicMs: () => this.ms };

  readonly after = (delayMs: number, run: () => void) => {
    const timer = { atMs: this.ms + delayMs, run };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((one) => one !== timer));
  };

  constructor(ms: number) {
    this.ms = ms;
  }

  /** `settled` resolves when what a timer began is done. */
  async to(ms: number, settled: () => Promise<void>): Promise<void> {
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.atMs - b.atMs);
      if (!next || next.atMs > ms) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.ms = Math.max(this.ms, next.atMs);
      next.run();
      await settled();
    }
    this.ms = Math.max(this.ms, ms);
  }
}
