/**
 * `npm run sim -- [--runs N] [--seed S] [--json] [--weaken DEFENCE] [--fault NAME,…] [--workers N] [--until-missed]`
 *
 * Run i of N has the seed S + i, so `--runs 1 --seed X` repeats any of them. Findings and progress go to standard error, the
 * report to standard output: one line of JSON, or a table. Fails when something was missed, lost, or did not converge.
 */
import { Console } from "node:console";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { addReport, addRun, emptyReport, isClean, type Report } from "./report.ts";
import { weaken } from "./weaken.ts";

// Yjs has something to say when a clientID is forged. Standard output is for the report.
globalThis.console = new Console(process.stderr);

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
    weaken: { type: "string" },
    fault: { type: "string" },
    "until-missed": { type: "boolean", default: false },
  },
});
const runs = whole(values.runs, "runs");
const seed = whole(values.seed, "seed");
const workers = Math.min(whole(values.workers, "workers"), Math.ceil(runs / 10));

const report = workers > 1 ? await shareOut() : await runHere();
process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : table(report));
process.exitCode = isClean(report) ? 0 : 1;

async function runHere(): Promise<Report> {
  const check = values.weaken === undefined ? () => {} : weaken(values.weaken);
  // Loaded only now, so that what is weakened is weakened everywhere.
  const { FAULTS, simulate } = await import("./simulate.ts");
  check();
  const only = values.fault === undefined ? null : new Set(values.fault.split(","));
  const unknown = [...(only ?? [])].filter((name) => !FAULTS.some((fault) => fault === name));
  if (unknown.length > 0) throw new Error(`no fault ${unknown.join()}: ${FAULTS.join(", ")}`);
  const sum = emptyReport();
  for (let i = 0; i < runs; i++) {
    const run = await simulate(String(seed + i), only);
    addRun(sum, run);
    for (const finding of run.findings) process.stderr.write(`seed ${seed + i}: ${finding}\n`);
    if (values["until-missed"] && !isClean(sum)) break;
    if (sum.runs % 100 === 0) process.stderr.write(`${sum.runs} of ${runs} runs\n`);
  }
  return sum;
}

/** Other processes run a part each: a run is one thread's work. */
async function shareOut(): Promise<Report> {
  const sum = emptyReport();
  const share = Math.ceil(runs / workers);
  const starts = Array.from({ length: workers }, (_, i) => i * share).filter((at) => at < runs);
  const parts = await Promise.all(
    starts.map((at) => runElsewhere(seed + at, Math.min(share, runs - at))),
  );
  for (const part of parts) addReport(sum, part);
  return sum;
}

async function runElsewhere(from: number, count: number): Promise<Report> {
  const passed = (["weaken", "fault"] as const).flatMap((name) =>
    values[name] === undefined ? [] : [`--${name}`, values[name]],
  );
  const args = ["--seed", `${from}`, "--runs", `${count}`, "--workers", "1", "--json", ...passed];
  if (values["until-missed"]) args.push("--until-missed");
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) last = line;
  if (last === "") throw new Error("a part of the runs ended without a report");
  return JSON.parse(last) as Report;
}

function table({ runs: all, converged, faults, lostEdits }: Report): string {
  const lines = Object.entries(faults)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, { injected, harmless, alarmed, missed }]) =>
        `| ${[name, injected, harmless, alarmed, missed].join(" | ")} |`,
    );
  const head = [
    "| fault | runs | harmless | alarmed | missed |",
    "| --- | --- | --- | --- | --- |",
  ];
  return `${[...head, ...lines].join("\n")}\n\n${converged} of ${all} runs converged, ${lostEdits} edits lost\n`;
}

function whole(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${option} is a whole number`);
  return value;
}
