/** Time is passed in, so that a test decides what happens and when. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch, UTC. */
  nowMs(): number;
  /** Never goes back; only differences mean something. Milliseconds. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
