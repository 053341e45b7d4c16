/** Work that follows one after another. */

export interface Queue {
  /** Runs when what was asked for before has ended, however it ended. */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Resolves when nothing is left. */
  idle(): Promise<void>;
}

export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const next = last.then(task);
      last = next.catch(() => undefined);
      return next;
    },
    async idle() {
      let seen: Promise<unknown>;
      do {
        seen = last;
        await seen;
      } while (seen !== last);
    },
  };
}
