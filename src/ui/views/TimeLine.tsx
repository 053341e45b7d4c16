import {
  createEffect,
  createMemo,
  createSignal,
  Index,
  on,
  onCleanup,
  onMount,
  Show,
  type JSX,
} from "solid-js";
import type { EventRow, SessionRow } from "../../app/api.ts";
import {
  agentName,
  allTokens,
  clockTime,
  compactCount,
  duration,
  exactCount,
  money,
} from "../lib/format.ts";
import type { Outline } from "../lib/outline.ts";
import { timeLineBy, setTimeLineBy } from "../lib/preferences.ts";
import { oneLine } from "../lib/visible.ts";
import { LineCount } from "../parts/Diff.tsx";
import type { TraceStore } from "../state/trace.ts";

interface Bar {
  readonly event: EventRow;
  readonly lane: number;
  readonly leftPercent: number;
  readonly widthPercent: number;
  /** Shown where the minute changes. */
  readonly label: string;
  readonly startsTrace: boolean;
}

const ROW_PX = 12;
const OVERSCAN = 12;

interface Props {
  readonly trace: TraceStore;
  readonly session: SessionRow | null;
  /** The event at the top of the conversation. */
  readonly anchor: string | null;
  readonly onPick: (event: string) => void;
}

/** Every event as a bar in its trace's time, sub-agents in their own lane. It follows the conversation; a click leads there. */
export function TimeLine(props: Props): JSX.Element {
  let scroller!: HTMLDivElement;
  const [top, setTop] = createSignal(0);
  const [height, setHeight] = createSignal(400);
  let isPointed = false;

  const bars = createMemo(() => layOut(props.trace.outline(), timeLineBy()));
  const places = createMemo(() => new Map(bars().map((bar, index) => [bar.event.id, index])));
  const from = (): number => Math.max(0, Math.floor(top() / ROW_PX) - OVERSCAN);
  const shown = createMemo(() =>
    bars().slice(from(), Math.ceil((top() + height()) / ROW_PX) + OVERSCAN),
  );
  const current = createMemo(() => {
    const trace = props.anchor === null ? null : props.trace.outline().traceOf(props.anchor);
    return trace ?? props.trace.outline().traces[0] ?? null;
  });

  const length = (): string =>
    lengthOf(current()?.sums.startedAt ?? null, current()?.sums.endedAt ?? null);
  const tokens = (): string => {
    const trace = current();
    return `${compactCount(trace === null ? 0 : allTokens(trace.sums.tokens))} tokens`;
  };

  onMount(() => {
    const observer = new ResizeObserver(() => setHeight(scroller.clientHeight));
    observer.observe(scroller);
    onCleanup(() => observer.disconnect());
  });
  createEffect(
    on([() => props.anchor, places], ([anchor]) => {
      const index = anchor === null ? undefined : places().get(anchor);
      if (index !== undefined && !isPointed) scroller.scrollTop = index * ROW_PX - 24;
    }),
  );

  return (
    <aside class="timeline" aria-label="Time line">
      <header>
        <div class="segmented" role="group" aria-label="Width of the bars">
          <button
            type="button"
            aria-pressed={timeLineBy() === "time"}
            onClick={() => setTimeLineBy("time")}
          >
            Time
          </button>
          <button
            type="button"
            aria-pressed={timeLineBy() === "tokens"}
            onClick={() => setTimeLineBy("tokens")}
          >
            Tokens
          </button>
        </div>
        <span class="quiet">{timeLineBy() === "tokens" ? tokens() : length()}</span>
      </header>
      <div
        class="scroll bars"
        ref={scroller}
        onScroll={() => setTop(scroller.scrollTop)}
        onPointerEnter={() => (isPointed = true)}
        onPointerLeave={() => (isPointed = false)}
        onClick={(event) => {
          const row = (event.target as Element).closest<HTMLElement>("[data-bar]");
          if (row !== null) props.onPick(row.dataset["bar"] ?? "");
        }}
      >
        <div class="bars-all" style={{ height: `${bars().length * ROW_PX + 24}px` }}>
          <div style={{ transform: `translateY(${from() * ROW_PX}px)` }}>
            {/* A place keeps its element: what grows at the end draws nothing else again. */}
            <Index each={shown()}>
              {(bar) => (
                <div
                  class="bar"
                  data-bar={bar().event.id}
                  data-starts={bar().startsTrace}
                  data-here={bar().event.id === props.anchor}
                  title={barTitle(bar().event)}
                >
                  <span class="bar-time">{bar().label}</span>
                  <span class="bar-track" data-lane={bar().lane > 0}>
                    <i
                      class={`bar-fill kind-${bar().event.kind}`}
                      data-status={bar().event.status}
                      style={{ left: `${bar().leftPercent}%`, width: `${bar().widthPercent}%` }}
                    />
                  </span>
                </div>
              )}
            </Index>
          </div>
        </div>
      </div>
      <Show when={props.session}>
        {(session) => <Totals session={session()} trace={props.trace} />}
      </Show>
    </aside>
  );
}

function Totals(props: { readonly session: SessionRow; readonly trace: TraceStore }): JSX.Element {
  const lines = createMemo(() => {
    let added = 0;
    let removed = 0;
    for (const event of props.trace.events().values()) {
      added += event.linesAdded ?? 0;
      removed += event.linesRemoved ?? 0;
    }
    return { added, removed };
  });
  const tokens = (): SessionRow["tokens"] => props.session.tokens;
  return (
    <dl class="totals" aria-label={`Totals, ${agentName(props.session.agent)}`}>
      <Total name="Input" value={exactCount(tokens().input)} />
      <Total name="From the cache" value={exactCount(tokens().cacheRead)} />
      <Total name="Into the cache" value={exactCount(tokens().cacheWrite)} />
      <Total name="Output" value={exactCount(tokens().output)} />
      <Show when={tokens().reasoning > 0}>
        <Total name="of it reasoning" value={exactCount(tokens().reasoning)} />
      </Show>
      <Total name="Cost" value={money(props.session.costUsd)} />
      <Total name="Tools" value={exactCount(props.session.tools)} />
      <Total name="Files" value={exactCount(props.session.filesChanged)} />
      <Show when={lines().added + lines().removed > 0}>
        <div>
          <dt>Lines</dt>
          <dd>
            <LineCount added={lines().added} removed={lines().removed} />
          </dd>
        </div>
      </Show>
    </dl>
  );
}

function Total(props: { readonly name: string; readonly value: string }): JSX.Element {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}

/** Time: a bar lies in its trace's time. Tokens: a bar's length is its share of the largest call. */
function layOut({ reading }: Outline, by: "time" | "tokens"): Bar[] {
  const most = Math.max(
    1,
    ...reading
      .map(({ event }) => spent(event))
      .filter((count) => count > 0)
      .slice(0, 10_000),
  );
  let minute = "";
  return reading.map(({ event, depth, trace }) => {
    const time = clockTime(event.at);
    const label = time === minute ? "" : time;
    if (time !== "") minute = time;
    const { startedAt, endedAt } = trace.sums;
    const whole = Math.max(1, (endedAt ?? 0) - (startedAt ?? 0));
    const left =
      by === "tokens" || event.at === null
        ? 0
        : ((event.at - (startedAt ?? event.at)) / whole) * 100;
    const width = by === "tokens" ? (spent(event) / most) * 100 : (lasted(event) / whole) * 100;
    const leftPercent = Math.max(0, Math.min(97, left));
    return {
      event,
      lane: depth,
      label,
      leftPercent,
      widthPercent:
        by === "tokens" && spent(event) === 0 ? 0 : Math.max(3, Math.min(100 - leftPercent, width)),
      startsTrace: event === trace.prompt,
    };
  });
}

/** A prompt's duration is that of all that came of it; the prompt itself is a moment. */
function lasted(event: EventRow): number {
  return event.kind === "prompt" ? 0 : (event.durationMs ?? 0);
}

function spent({ tokens }: EventRow): number {
  return tokens === null ? 0 : tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
}

function barTitle(event: EventRow): string {
  const name = event.tool ?? event.kind;
  const time = [
    clockTime(event.at, true),
    event.durationMs === null ? "" : duration(event.durationMs),
  ].filter(Boolean);
  return `${oneLine(`${name} ${event.summary ?? ""}`).slice(0, 120)}\n${time.join(", ")}`;
}

function lengthOf(from: number | null, to: number | null): string {
  return from === null || to === null ? "" : duration(to - from);
}
