/**
 * What a trace is, for whoever shows one: a prompt of the main conversation and all that came before the next, with the
 * sub-agents that ran meanwhile.
 *
 * 1. What came before the first prompt is a trace without a prompt.
 * 2. A prompt that was rolled back begins none: it and what it led to are part of the trace before.
 * 3. A sub-agent's lane stands once, inside the event that opened it first.
 * 4. A lane that nothing is known to have opened stands in the trace that was running when it began; one of an unknown
 *    time, or from before every prompt, in the first.
 * 5. Its time goes from its first event to its last, sub-agents included. What an agent says that a prompt took is not
 *    in it: that is another clock.
 * 6. Tools are counted wherever they ran, sub-agents apart from them. What was rolled back was used all the same.
 */
import { NO_TOKENS, type EventKind, type EventStatus, type Tokens } from "./session.ts";

/** What of an event decides where it stands. */
export interface Placed {
  readonly id: string;
  readonly lane: string | null;
  readonly kind: EventKind;
  readonly order: number;
  readonly at: number | null;
  readonly opens: string | null;
  readonly rolledBack: boolean;
}

/** An event and, if it opened a sub-agent, that one's events. */
export interface TraceNode<E> {
  readonly event: E;
  readonly children: readonly TraceNode<E>[];
}

export interface Trace<E> {
  readonly prompt: E | null;
  /** All but the prompt, in reading order. */
  readonly nodes: readonly TraceNode<E>[];
}

type Lanes<E> = ReadonlyMap<string | null, readonly E[]>;
type Draft<E> = { readonly prompt: E | null; readonly nodes: TraceNode<E>[] };

/** The same traces whatever order the events come in. */
export function cutTraces<E extends Placed>(events: readonly E[]): readonly Trace<E>[] {
  const lanes = Map.groupBy(events, (event) => event.lane);
  for (const lane of lanes.values()) lane.sort(inOrder);
  const shown = new Set<string>();
  const drafts: Draft<E>[] = [];
  for (const event of lanes.get(null) ?? []) {
    const node = nodeOf(event, lanes, shown);
    const begins = event.kind === "prompt" && !event.rolledBack;
    if (begins) drafts.push({ prompt: event, nodes: [...node.children] });
    else lastOf(drafts).nodes.push(node);
  }
  for (const lane of looseFirst(lanes)) {
    if (shown.has(lane)) continue;
    shown.add(lane);
    const members = lanes.get(lane) ?? [];
    const home = homeOf(drafts, members[0]?.at ?? null);
    for (const event of members) home.nodes.push(nodeOf(event, lanes, shown));
  }
  return drafts;
}

/** The nodes' events, each before those of the lane it opened. */
export function flatten<E>(nodes: readonly TraceNode<E>[]): readonly E[] {
  return nodes.flatMap(({ event, children }) => [event, ...flatten(children)]);
}

/** What of an event is added up. */
export interface Summed {
  readonly kind: EventKind;
  readonly status: EventStatus | null;
  readonly at: number | null;
  /** Paths its patch changed. */
  readonly changed: readonly string[];
  readonly rolledBack: boolean;
  /** Null: shows no call. */
  readonly tokens: Tokens | null;
}

export interface TraceSums {
  readonly events: number;
  readonly tools: number;
  readonly subagents: number;
  readonly files: number;
  readonly errors: number;
  readonly running: number;
  /** Of the events. */
  readonly rolledBack: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly tokens: Tokens;
  /** In the unit of `costOf`; null when some call has no price. */
  readonly cost: number | null;
}

export function sumOf<E extends Summed>(
  events: readonly E[],
  costOf: (event: E) => number | null,
): TraceSums {
  const count = (matches: (event: E) => boolean): number => events.filter(matches).length;
  const times = events.flatMap((event) => event.at ?? []);
  const calls = events.filter((event) => event.tokens !== null);
  return {
    events: events.length,
    tools: count((event) => event.kind === "tool"),
    subagents: count((event) => event.kind === "subagent"),
    files: new Set(events.flatMap((event) => event.changed)).size,
    errors: count((event) => event.status === "error" || event.kind === "error"),
    running: count((event) => event.status === "running"),
    rolledBack: count((event) => event.rolledBack),
    startedAt: times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b)),
    endedAt: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)),
    tokens: calls.reduce((sum, { tokens }) => addTokens(sum, tokens ?? NO_TOKENS), NO_TOKENS),
    cost: calls
      .map(costOf)
      .reduce((sum, cost) => (sum === null || cost === null ? null : sum + cost), 0),
  };
}

function nodeOf<E extends Placed>(event: E, lanes: Lanes<E>, shown: Set<string>): TraceNode<E> {
  const lane = event.opens;
  if (lane === null || shown.has(lane)) return { event, children: [] };
  shown.add(lane);
  return { event, children: (lanes.get(lane) ?? []).map((inner) => nodeOf(inner, lanes, shown)) };
}

/** Lanes that nothing opened, as they began; behind them the others, of which some only open each other. */
function looseFirst<E extends Placed>(lanes: Lanes<E>): readonly string[] {
  const opened = new Set([...lanes.values()].flat().map((event) => event.opens));
  const startOf = (lane: string): number => lanes.get(lane)?.[0]?.at ?? 0;
  return [...lanes.keys()]
    .filter((lane) => lane !== null)
    .sort(
      (a, b) =>
        Number(opened.has(a)) - Number(opened.has(b)) ||
        startOf(a) - startOf(b) ||
        (a < b ? -1 : 1),
    );
}

function homeOf<E extends Placed>(drafts: Draft<E>[], startedAt: number | null): Draft<E> {
  const running = drafts.findLast(
    ({ prompt }) => startedAt !== null && (prompt?.at ?? 0) <= startedAt,
  );
  return running ?? drafts[0] ?? lastOf(drafts);
}

/** Begun without a prompt if there is none. */
function lastOf<E>(drafts: Draft<E>[]): Draft<E> {
  if (drafts.length === 0) drafts.push({ prompt: null, nodes: [] });
  return drafts.at(-1) as Draft<E>;
}

function inOrder(a: Placed, b: Placed): number {
  return a.order - b.order || (a.id < b.id ? -1 : 1);
}

function addTokens(a: Tokens, b: Tokens): Tokens {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    reasoning: a.reasoning + b.reasoning,
  };
}
