import type { Clock } from "../../src/base/clock.ts";
import type { Maker } from "../../src/crdt/lists.ts";

/** Fresh ids that are the same in every run: a clock that ticks when asked, bytes from a counter. */
export function makerFrom(seed: number): Maker {
  let tick = seed * 1_000_000;
  let byte = seed;
  const clock: Clock = { nowMs: () => 1_800_000_000_000 + tick++, monotonicMs: () => tick++ };
  return {
    clock,
    random: (sizeBytes) =>
      Uint8Array.from({ length: sizeBytes }, () => (byte = (byte * 31 + 7) % 251)),
  };
}
