/** Waiting without a clock: for a condition, or for nothing to happen. */
import { expect } from "vitest";

/** Lets everything run that waits for nothing but other code. */
export async function expectSoon(until: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !until(); i++) await new Promise(setImmediate);
  expect(until()).toBe(true);
}

/** Long enough that what should not happen would have happened. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
}
