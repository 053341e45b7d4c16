/**
 * A session's events as what is read from top to bottom: traces (`base/traces.ts`), in each the work between prompt and
 * final response folded into one line, in the work the tools, and in a sub-agent its lane's events.
 *
 * Pure: the same events give the same outline, whatever order they came in. Every row has a key that stays when the
 * session grows.
 */
import type { EventRow } from "../../app/api.ts";
import {
  cutTraces,
  flatten,
  sumOf,
  type Trace,
  type TraceNode,
  type TraceSums,
} from "../../base/traces.ts";

export interface TraceOutline {
  /** The prompt's id, or `start` for what came before the first. */
  readonly id: string;
  readonly prompt: EventRow | null;
  readonly work: readonly Node[];
  readonly answer: readonly EventRow[];
  /** What was rolled back behind the final response. */
  readonly undone: readonly Node[];
  readonly sums: TraceSums;
}

export type Node = TraceNode<EventRow>;

export type Row =
  | {
      readonly key: string;
      readonly type: "prompt";
      readonly trace: TraceOutline;
      readonly event: EventRow;
    }
  | {
      readonly key: string;
      readonly type: "work";
      readonly trace: TraceOutline;
      /** The trace's work, or what was undone of it. */
      readonly of: "work" | "undone";
    }
  | {
      readonly key: string;
      readonly type: "event";
      readonly event: EventRow;
      readonly depth: number;
      readonly inside: number;
    }
  | { readonly key: string; readonly type: "answer"; readonly event: EventRow };

export interface Outline {
  readonly traces: readonly TraceOutline[];
  /** Every event in reading order, folded or not: what the time line shows. */
  readonly reading: readonly {
    readonly event: EventRow;
    readonly depth: number;
    readonly trace: TraceOutline;
  }[];
  /** The fold keys that have to be open for this event to be on the page, outermost first. */
  hiddenBy(event: string): readonly string[];
  traceOf(event: string): TraceOutline | null;
}

export const workKey = (trace: string): string => `w:${trace}`;
const undoneKey = (trace: string): string => `u:${trace}`;
export const laneKey = (event: string): string => `l:${event}`;
export const eventKey = (event: string): string => `e:${event}`;

export function outline(events: readonly EventRow[]): Outline {
  const traces = cutTraces(events).map(finish);

  const reading: { event: EventRow; depth: number; trace: TraceOutline }[] = [];
  const hidden = new Map<string, readonly string[]>();
  const owner = new Map<string, TraceOutline>();
  for (const trace of traces) {
    const put = (event: EventRow, depth: number, folds: readonly string[]): void => {
      reading.push({ event, depth, trace });
      hidden.set(event.id, folds);
      owner.set(event.id, trace);
    };
    const walk = (nodes: readonly Node[], depth: number, folds: readonly string[]): void => {
      for (const { event, children } of nodes) {
        put(event, depth, folds);
        walk(children, depth + 1, [...folds, laneKey(event.id)]);
      }
    };
    if (trace.prompt !== null) put(trace.prompt, 0, []);
    walk(trace.work, 0, [workKey(trace.id)]);
    for (const event of trace.answer) put(event, 0, []);
    walk(trace.undone, 0, [undoneKey(trace.id)]);
  }
  return {
    traces,
    reading,
    hiddenBy: (event) => hidden.get(event) ?? [],
    traceOf: (event) => owner.get(event) ?? null,
  };
}

/** The rows on the page, given what is open. */
export function visibleRows(
  traces: readonly TraceOutline[],
  isOpen: (key: string) => boolean,
): Row[] {
  const rows: Row[] = [];
  const walk = (nodes: readonly Node[], depth: number): void => {
    for (const { event, children } of nodes) {
      rows.push({ key: eventKey(event.id), type: "event", event, depth, inside: children.length });
      if (children.length > 0 && isOpen(laneKey(event.id))) walk(children, depth + 1);
    }
  };
  const fold = (trace: TraceOutline, of: "work" | "undone", key: string): void => {
    if (trace[of].length === 0) return;
    rows.push({ key, type: "work", trace, of });
    if (isOpen(key)) walk(trace[of], 0);
  };
  for (const trace of traces) {
    if (trace.prompt !== null)
      rows.push({ key: eventKey(trace.prompt.id), type: "prompt", trace, event: trace.prompt });
    fold(trace, "work", workKey(trace.id));
    for (const event of trace.answer) rows.push({ key: eventKey(event.id), type: "answer", event });
    fold(trace, "undone", undoneKey(trace.id));
  }
  return rows;
}

/** Work of the last trace is open while its session is live; sub-agents and the bodies of tools start folded. */
export function openByDefault(key: string, { traces }: Outline, live: boolean): boolean {
  const last = traces.at(-1);
  if (last === undefined || key !== workKey(last.id)) return false;
  return live || (traces.length === 1 && last.sums.events <= 60);
}

/**
 * The final response is what was said after the last work of the main conversation that was not rolled back; what was
 * said before belongs to the work.
 */
function finish({ prompt, nodes }: Trace<EventRow>): TraceOutline {
  const main = nodes.filter(({ event }) => event.lane === null && !event.rolledBack);
  const lastWork = main.findLastIndex((node) => !isSaid(node));
  const answer = new Set(main.slice(lastWork + 1));
  const end = nodes.findLastIndex((node) => answer.has(node));
  const isUndone = ({ event }: Node, i: number): boolean =>
    end >= 0 && i > end && event.lane === null && event.rolledBack;
  const all = [...(prompt === null ? [] : [prompt]), ...flatten(nodes)];
  return {
    id: prompt?.id ?? "start",
    prompt,
    work: nodes.filter((node, i) => !answer.has(node) && !isUndone(node, i)),
    undone: nodes.filter(isUndone),
    answer: [...answer].map(({ event }) => event),
    sums: sumOf(all, (event) => event.costUsd),
  };
}

function isSaid({ event: { kind }, children }: Node): boolean {
  return (
    children.length === 0 && (kind === "response" || kind === "compaction" || kind === "error")
  );
}
