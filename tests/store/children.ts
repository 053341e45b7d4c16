/** Processes of their own, for what a process's end does. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export type Child = ChildProcessByStdio<null, Readable, Readable>;

export function script(name: string): string {
  return fileURLToPath(new URL(`./scripts/${name}`, import.meta.url));
}

export function runScript(name: string, ...args: readonly string[]): Child {
  return spawn(process.execPath, [script(name), ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

/** Lines of its output until it ends; `onLine` may end it. Rejects when it ended by itself with an error. */
export async function linesOf(
  child: Child,
  onLine: (line: string, count: number) => void = () => undefined,
): Promise<readonly string[]> {
  const lines: string[] = [];
  let errors = "";
  child.stderr.on("data", (data: Buffer) => (errors += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  for await (const line of createInterface({ input: child.stdout })) onLine(line, lines.push(line));
  const code = await ended;
  if (code !== null && code !== 0) throw new Error(`ended with ${code}: ${errors.slice(0, 2_000)}`);
  return lines;
}
