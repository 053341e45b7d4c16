/** What many runs came to. */
import type { FaultName, Outcome, RunResult } from "./simulate.ts";

export type Tally = { injected: number } & Record<Outcome, number>;

export interface Report {
  runs: number;
  converged: number;
  faults: Partial<Record<FaultName, Tally>>;
  lostEdits: number;
}

export function emptyReport(): Report {
  return { runs: 0, converged: 0, faults: {}, lostEdits: 0 };
}

export function addRun(report: Report, run: RunResult): void {
  report.runs++;
  report.converged += run.converged ? 1 : 0;
  report.lostEdits += run.lostEdits;
  for (const [name, outcome] of Object.entries(run.faults)) {
    const tally = tallyOf(report, name as FaultName);
    tally.injected++;
    tally[outcome]++;
  }
}

export function addReport(report: Report, more: Report): void {
  report.runs += more.runs;
  report.converged += more.converged;
  report.lostEdits += more.lostEdits;
  for (const [name, part] of Object.entries(more.faults)) {
    const tally = tallyOf(report, name as FaultName);
    for (const key of ["injected", "harmless", "alarmed", "missed"] as const)
      tally[key] += part[key];
  }
}

/** Nothing was missed, lost, or left apart. */
export function isClean({ runs, converged, faults, lostEdits }: Report): boolean {
  return (
    converged === runs &&
    lostEdits === 0 &&
    Object.values(faults).every(({ missed }) => missed === 0)
  );
}

function tallyOf(report: Report, name: FaultName): Tally {
  return (report.faults[name] ??= { injected: 0, harmless: 0, alarmed: 0, missed: 0 });
}
