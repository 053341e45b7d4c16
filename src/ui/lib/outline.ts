/**
 * A session's events as what is read from top to bottom: traces (a prompt to its final response), in each the work
 * between them folded into one line, in the work the tools, and in a sub-agent its lane's events.
 *
 * Pure: the same events give the same outline, whatever order they came in. Every row has a key that stays when the
 * session grows.
 */
import type { EventRow } from "../../app/api.ts";

export interface TraceOutline {
  /** The prompt's id, or `start` for what came before the first. */
  readonly id: string;
  readonly prompt: EventRow | null;
  readonly work: readonly Node[];
  readonly answer: readonly EventRow[];
  readonly sums: Sums;
}

/** An event and, if it opened a sub-agent, that one's events. */
export interface Node {
  readonly event: EventRow;
  readonly children: readonly Node[];
}

export interface Sums {
  readonly events: number;
  readonly tools: number;
  readonly files: number;
  readonly errors: number;
  readonly running: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly tokens: number;
  /** Null when some model call had no price. */
  readonly costUsd: number | null;
}

export type Row =
  | {
      readonly key: string;
      readonly type: "prompt";
      readonly trace: TraceOutline;
      readonly event: EventRow;
    }
  | { readonly key: string; readonly type: "work"; readonly trace: TraceOutline }
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
export const laneKey = (event: string): string => `l:${event}`;
export const eventKey = (event: string): string => `e:${event}`;

export function outline(events: readonly EventRow[]): Outline {
  const lanes = Map.groupBy(events, (event) => event.lane);
  for (const lane of lanes.values()) lane.sort(inOrder);
  const opened = new Set(events.map((event) => event.opens).filter((lane) => lane !== null));
  const main = nest(lanes.get(null) ?? [], lanes, new Set());
  const loose = [...lanes.keys()].filter((lane) => lane !== null && !opened.has(lane)) as string[];
  const traces = placeLoose(cut(main), loose, lanes).map(finish);

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
  for (const trace of traces) {
    if (trace.prompt !== null)
      rows.push({ key: eventKey(trace.prompt.id), type: "prompt", trace, event: trace.prompt });
    if (trace.work.length > 0) {
      rows.push({ key: workKey(trace.id), type: "work", trace });
      if (isOpen(workKey(trace.id))) walk(trace.work, 0);
    }
    for (const event of trace.answer) rows.push({ key: eventKey(event.id), type: "answer", event });
  }
  return rows;
}

/** Work of the last trace is open while its session is live; sub-agents and the bodies of tools start folded. */
export function openByDefault(key: string, { traces }: Outline, live: boolean): boolean {
  const last = traces.at(-1);
  if (last === undefined || key !== workKey(last.id)) return false;
  return live || (traces.length === 1 && last.sums.events <= 60);
}

/** `14 tools, 3 files, 2 m 10 s, $0.84` is made of these. */
function sum(events: readonly EventRow[]): Sums {
  const files = new Set<string>();
  let tools = 0;
  let errors = 0;
  let running = 0;
  let tokens = 0;
  let costUsd: number | null = 0;
  let startedAt: number | null = null;
  let endedAt: number | null = null;
  for (const event of events) {
    if (event.kind === "tool" || event.kind === "subagent") tools++;
    if (event.status === "error" || event.kind === "error") errors++;
    if (event.status === "running") running++;
    if (event.parts.includes("patch") || event.linesAdded !== null) {
      // A patch of several files names them all.
      for (const file of (event.summary ?? event.id).split(", ")) files.add(file);
    }
    if (event.tokens !== null) {
      tokens +=
        event.tokens.input + event.tokens.output + event.tokens.cacheRead + event.tokens.cacheWrite;
      costUsd = costUsd === null || event.costUsd === null ? null : costUsd + event.costUsd;
    }
    if (event.at === null) continue;
    startedAt = Math.min(startedAt ?? event.at, event.at);
    endedAt = Math.max(endedAt ?? event.at, event.at + (event.durationMs ?? 0));
  }
  return {
    events: events.length,
    tools,
    files: files.size,
    errors,
    running,
    startedAt,
    endedAt,
    tokens,
    costUsd,
  };
}

function nest(
  events: readonly EventRow[],
  lanes: ReadonlyMap<string | null, readonly EventRow[]>,
  above: ReadonlySet<string>,
): Node[] {
  return events.map((event) => {
    const lane = event.opens;
    // A lane that opens itself, through whatever others, is not followed again.
    if (lane === null || above.has(lane)) return { event, children: [] };
    return { event, children: nest(lanes.get(lane) ?? [], lanes, new Set([...above, lane])) };
  });
}

interface Draft {
  readonly prompt: EventRow | null;
  readonly nodes: Node[];
}

function cut(nodes: readonly Node[]): Draft[] {
  const drafts: Draft[] = [];
  for (const node of nodes) {
    if (node.event.kind === "prompt") drafts.push({ prompt: node.event, nodes: [] });
    else {
      if (drafts.length === 0) drafts.push({ prompt: null, nodes: [] });
      drafts.at(-1)?.nodes.push(node);
    }
  }
  return drafts;
}

/** A sub-agent that nothing is known to have opened stands in the trace that was running when it began. */
function placeLoose(
  drafts: Draft[],
  loose: readonly string[],
  lanes: ReadonlyMap<string | null, readonly EventRow[]>,
): Draft[] {
  for (const lane of loose) {
    const nodes = nest(lanes.get(lane) ?? [], lanes, new Set([lane]));
    const startedAt = nodes[0]?.event.at ?? null;
    if (drafts.length === 0) drafts.push({ prompt: null, nodes: [] });
    const home =
      drafts.findLast(
        ({ prompt }) => startedAt === null || prompt === null || (prompt.at ?? 0) <= startedAt,
      ) ?? drafts[0];
    home?.nodes.push(...nodes);
  }
  return drafts;
}

/** The final response is what was said after the last work; what was said before belongs to the work. */
function finish({ prompt, nodes }: Draft): TraceOutline {
  let end = nodes.length;
  while (end > 0 && isSaid((nodes[end - 1] as Node).event)) end--;
  const work = nodes.slice(0, end);
  const answer = nodes.slice(end).map((node) => node.event);
  const all = [...(prompt === null ? [] : [prompt]), ...flat(work), ...answer];
  return { id: prompt?.id ?? "start", prompt, work, answer, sums: sum(all) };
}

function isSaid(event: EventRow): boolean {
  return (
    event.lane === null &&
    (event.kind === "response" || event.kind === "compaction" || event.kind === "error")
  );
}

function flat(nodes: readonly Node[]): EventRow[] {
  return nodes.flatMap(({ event, children }) => [event, ...flat(children)]);
}

function inOrder(a: EventRow, b: EventRow): number {
  return a.order - b.order || (a.id < b.id ? -1 : 1);
}
