/** The simulator in CI: seeds of its own, those that once failed, and every defence turned off in turn. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { DEFENCES } from "./defences.ts";
import type { Report } from "./report.ts";
import { FAULTS, simulate } from "./simulate.ts";
import { without } from "./weaken.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

/** Found something once: what it was stands in the test named beside it. */
const ONCE_FAILED = [
  // Pokes that overtook each other hid a row: tests/sync/live.test.ts.
  68,
];

async function sim(...args: readonly string[]): Promise<Report> {
  const run = promisify(execFile)(process.execPath, [MAIN, "--json", ...args], {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024,
  });
  // Fails by its exit code when something was missed: the report says what.
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  const lines = stdout.trim().split("\n");
  expect(lines.length).toBe(1);
  return JSON.parse(lines[0] as string) as Report;
}

function missed({ faults }: Report): number {
  return Object.values(faults).reduce((sum, fault) => sum + fault.missed, 0);
}

test("some hundred runs: all converge, no edit is lost, no fault is missed", async () => {
  const report = await sim("--runs", "200", "--seed", "1");
  expect(report).toMatchObject({ runs: 200, converged: 200, lostEdits: 0 });
  expect(missed(report)).toBe(0);
}, 300_000);

test.each(ONCE_FAILED)("seed %i, which failed once, does not", async (seed) => {
  expect((await simulate(`${seed}`, null)).findings).toEqual([]);
});

test("the same seed is the same run, byte by byte; another seed is another one", async () => {
  const only = new Set(["kill", "reorder", "drop", "fork"]);
  const [first, second, other] = [
    await simulate("7", only),
    await simulate("7", only),
    await simulate("8", only),
  ] as const;
  expect(second).toEqual(first);
  expect(other.course).not.toBe(first.course);
});

/** Runs with all defences, by the faults in them: many defences are tried with the same ones. */
const wholes = new Map<string, Promise<Report>>();

function whole(faults: string, ...args: readonly string[]): Promise<Report> {
  const held = wholes.get(faults) ?? sim(...args);
  wholes.set(faults, held);
  return held;
}

describe("a defence that is turned off is missed, and the same runs are clean with it:", () => {
  test.each(DEFENCES)(
    "$name",
    async ({ name, fault }) => {
      const runs = ["--runs", "24", "--fault", fault.join()];
      const weakened = await sim(...runs, "--weaken", name, "--until-missed");
      expect(missed(weakened) + weakened.lostEdits).toBeGreaterThan(0);
      const clean = await whole(fault.join(), ...runs);
      expect(clean).toMatchObject({ converged: 24, lostEdits: 0 });
      expect(missed(clean)).toBe(0);
    },
    120_000,
  );
});

test("a defence whose line has gone from the source ends the run", () => {
  const [defence] = DEFENCES as [(typeof DEFENCES)[number]];
  const source = readFileSync(`${ROOT}/${defence.module}`, "utf8");
  expect(without(defence, source)).not.toBe(source);
  expect(() => without(defence, "another source")).toThrow(defence.name);
  for (const { module, fault } of DEFENCES) {
    expect(existsSync(`${ROOT}/${module}`)).toBe(true);
    expect(fault.filter((one) => !FAULTS.some((known) => known === one))).toEqual([]);
  }
});
