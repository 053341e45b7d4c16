/**
 * One side of a comparison is a program of its own, in a process of its own: what one library compiles, caches or
 * leaves in memory does not help or hurt the next. It reads one JSON value from its arguments and prints one.
 *
 * All sides run as `bin/operon` runs the product: with its room for young objects and a cache of compiled modules. The cache
 * is empty for the first run on a machine only, as it is for the product; the medians are those of the runs after it.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

const CACHE = fileURLToPath(new URL("../node_modules/.cache/operon", import.meta.url));

/** In a side: its input. */
export function input<T>(): T {
  return JSON.parse(process.argv[2] as string) as T;
}

/** In a side: its last words. */
export function answer(value: Json): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Runs `bench/<program>` and answers what it printed last. Throws with its last lines when it fails. */
export async function run<T>(program: string, value: Json): Promise<T> {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const args = [
    "--max-semi-space-size=32",
    "--disable-warning=ExperimentalWarning",
    "--expose-gc",
    file,
    JSON.stringify(value),
  ];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { NODE_COMPILE_CACHE: CACHE, ...process.env },
  });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.on("close", resolve)),
  ]);
  if (code !== 0)
    throw new Error(
      `${program} ended with ${code}:\n${err.trim().split("\n").slice(-12).join("\n")}`,
    );
  return JSON.parse(out.trim().split("\n").at(-1) as string) as T;
}

/** `times` runs, one after another, and of each number the median. */
export async function medians<T extends Readonly<Record<string, number>>>(
  times: number,
  once: () => Promise<T>,
): Promise<T> {
  const runs: T[] = [];
  for (let i = 0; i < times; i++) runs.push(await once());
  const keys = Object.keys(runs[0] as T);
  return Object.fromEntries(
    keys.map((key) => [
      key,
      quantile(
        runs.map((one) => one[key] as number),
        0.5,
      ),
    ]),
  ) as T;
}

/** Nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let whole = "";
  for await (const chunk of stream) whole += String(chunk);
  return whole;
}
