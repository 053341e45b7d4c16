/** What changed, told together a moment later: somebody who types changes the same thing many times a second. */

export interface Gather<T> {
  add(one: T): void;
  /** What was gathered is told now. */
  flush(): void;
  /** What was gathered is not told any more. */
  close(): void;
}

/** `tell` is called at most once in `afterMs`, with each value once. Keeps no process alive. */
export function gather<T>(afterMs: number, tell: (all: readonly T[]) => void): Gather<T> {
  const gathered = new Set<T>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const all = [...gathered];
    gathered.clear();
    if (all.length > 0) tell(all);
  }

  return {
    add(one) {
      gathered.add(one);
      timer ??= setTimeout(flush, afterMs).unref();
    },
    flush,
    close() {
      gathered.clear();
      clearTimeout(timer);
    },
  };
}
