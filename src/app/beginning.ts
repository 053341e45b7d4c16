/**
 * What an engine that stays does when it begins, step by step. A step that fails (a full disk, a folder that is not there
 * yet) stops no other: it is tried again until it is done, and meanwhile a sentence says so.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../base/log.ts";
import { knownFault } from "./faults.ts";

export interface Step {
  /** What is so while it is not done, to be followed by why. */
  readonly without: string;
  work(): Promise<unknown>;
}

export interface Beginning {
  /** Resolves when each was tried once. */
  run(steps: readonly Step[]): Promise<void>;
  /** A sentence for each that is not done and failed. */
  notices(): readonly string[];
  /** Nothing is tried any more. Resolves when what runs has ended. */
  close(): Promise<void>;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

export function createBeginning(log: Log, onNotices: () => void): Beginning {
  const failing = new Map<Step, string>();
  const ended = new AbortController();
  const retries = new Set<Promise<void>>();

  async function isDone(step: Step): Promise<boolean> {
    const before = failing.get(step);
    try {
      await step.work();
      failing.delete(step);
    } catch (error) {
      if (ended.signal.aborted) return true;
      const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const known = knownFault(error);
      const words = error instanceof Error ? error.message : String(error);
      log(known === null ? "error" : "warn", "begin", { reason: known?.message ?? bug });
      failing.set(step, `${step.without}, and it is tried again: ${known?.message ?? words}`);
    }
    if (failing.get(step) !== before) onNotices();
    return !failing.has(step);
  }

  async function retry(step: Step): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      await pause(waitMs, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
      if (ended.signal.aborted || (await isDone(step))) return;
    }
  }

  return {
    async run(steps) {
      for (const step of steps) {
        if (ended.signal.aborted) return;
        if (!(await isDone(step))) retries.add(retry(step));
      }
    },
    notices: () => [...failing.values()],
    async close() {
      ended.abort();
      await Promise.all(retries);
    },
  };
}
