/** How long one character takes from a document to its copy somewhere else. */
import { quantile } from "./side.ts";

/** A shared text, in whatever library's document. */
interface Text {
  insert(at: number, text: string): void;
  readonly length: number;
}

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  /** Of the newest character of each change alone: what it takes without the wait for others. */
  readonly newest: number;
}

/** On both sides before what is counted. */
export const WARM_UP = { edits: 40, everyMs: 100 };

/**
 * Types `edits` characters, one every `everyMs`, and notes when each is in the copy. `onChange` calls back after each
 * change of the copy. Slow arrivals do not slow the typing.
 */
export async function typeAndWatch(
  { edits, everyMs }: { readonly edits: number; readonly everyMs: number },
  from: Text,
  to: Text,
  onChange: (changed: () => void) => void,
): Promise<Latency> {
  const typed: number[] = [];
  const took: number[] = [];
  const newest: number[] = [];
  const all = Promise.withResolvers<void>();
  const before = to.length;
  onChange(() => {
    const now = performance.now();
    const had = took.length;
    while (took.length < Math.min(to.length - before, edits))
      took.push(now - (typed[took.length] as number));
    if (took.length > had) newest.push(took.at(-1) as number);
    if (took.length === edits) all.resolve();
  });
  for (let i = 0; i < edits; i++) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    typed.push(performance.now());
    from.insert(from.length, "x");
  }
  await all.promise;
  return { p50: quantile(took, 0.5), p95: quantile(took, 0.95), newest: quantile(newest, 0.5) };
}
