import { createMemo, For, Index, Show, type Accessor, type JSX } from "solid-js";
import type { EventRow } from "../../app/api.ts";
import {
  agentName,
  allTokens,
  clockTime,
  compactCount,
  duration,
  exactCount,
  exactTime,
  money,
  plural,
} from "../lib/format.ts";
import { eventKey, laneKey, type Row } from "../lib/outline.ts";
import { readPictures, toolIcon, toolLine } from "../lib/toolView.ts";
import { oneLine } from "../lib/visible.ts";
import { LineCount } from "../parts/Diff.tsx";
import { Icon } from "../parts/Icon.tsx";
import { PictureView } from "../parts/PictureView.tsx";
import { Plain, Prose, Terminal } from "../parts/Text.tsx";
import type { TraceStore } from "../state/trace.ts";
import { ToolBody } from "./ToolBody.tsx";

interface Props {
  readonly row: Accessor<Row>;
  readonly trace: TraceStore;
  readonly agent: string;
  /** The project's folder. */
  readonly root: string | null;
  /** Null: nothing of this session is shared. */
  readonly sharedWith: string | null;
  readonly live: boolean;
  readonly current: boolean;
  readonly index: number;
  readonly count: number;
  readonly onToggle: (key: string) => void;
  readonly onCurrent: (key: string) => void;
}

/** One row of a trace. Its element stays while the session grows: only what changed in it is drawn again. */
export function TraceRow(props: Props): JSX.Element {
  const kind = createMemo(() => props.row().type);
  const event = createMemo(() => {
    const row = props.row();
    return row.type === "work" ? null : (props.trace.events().get(row.event.id) ?? row.event);
  });
  return (
    <article
      class={`row row-${kind()}`}
      id={`at-${props.row().key}`}
      tabindex="-1"
      data-current={props.current}
      data-event={event()?.id}
      classList={{ "rolled-back": event()?.rolledBack ?? false }}
      aria-posinset={props.index + 1}
      aria-setsize={props.count}
      onPointerDown={() => props.onCurrent(props.row().key)}
    >
      <Show when={kind() === "work"}>
        <Work {...props} />
      </Show>
      <Show when={kind() === "prompt" && event()}>
        {(shown) => <Prompt {...props} event={shown()} />}
      </Show>
      <Show when={kind() === "answer" && event()}>
        {(shown) => <Answer {...props} event={shown()} />}
      </Show>
      <Show when={kind() === "event" && event()}>
        {(shown) => <Step {...props} event={shown()} />}
      </Show>
    </article>
  );
}

function Prompt(props: Props & { readonly event: EventRow }): JSX.Element {
  const text = createMemo(() => props.trace.bodies(props.event)?.text ?? null);
  const pictures = createMemo(() => readPictures(props.trace.bodies(props.event)?.images));
  return (
    <header class="prompt">
      <h2>
        <Plain
          text={text() ?? props.event.summary ?? "A prompt, its words are not here"}
          lines={14}
        />
      </h2>
      <For each={pictures()}>
        {(picture, index) => <PictureView picture={picture} index={index()} />}
      </For>
      <Meta
        {...props}
        who={props.sharedWith !== null && props.event.parts.length === 0 ? "teammate" : "you"}
      />
    </header>
  );
}

function Answer(props: Props & { readonly event: EventRow }): JSX.Element {
  const bodies = createMemo(() => props.trace.bodies(props.event));
  const label = createMemo(() => oneLine(props.event.summary ?? ""));
  return (
    <Show when={props.event.kind === "response"} fallback={<Boundary {...props} />}>
      <div class="answer">
        <Thinking {...props} />
        <Show
          when={bodies()?.text}
          fallback={
            <Show when={!isOnlyThought(props.event)}>
              <p class="quiet">{label() || "A response, its words are not here"}</p>
            </Show>
          }
        >
          {(text) => <Prose text={text()} />}
        </Show>
        <Meta {...props} who={props.event.model ?? agentName(props.agent)} />
      </div>
    </Show>
  );
}

/** What stands between traces: a compaction, an error that ended one. */
function Boundary(props: Props & { readonly event: EventRow }): JSX.Element {
  const open = (): boolean => props.trace.isOpen(eventKey(props.event.id));
  return (
    <Show
      when={props.event.kind === "compaction"}
      fallback={
        <div class="failure" role="note">
          <Icon name="error" />
          <ErrorText {...props} />
        </div>
      }
    >
      <div class="boundary">
        <button
          type="button"
          aria-expanded={open()}
          onClick={() => props.onToggle(eventKey(props.event.id))}
        >
          <Icon name="compaction" />
          The conversation was compacted here
          <span class="quiet">{clockTime(props.event.at)}</span>
        </button>
        <Show when={open()}>
          <Show
            when={props.trace.bodies(props.event)?.text}
            fallback={<p class="quiet">No summary was recorded.</p>}
          >
            {(text) => <Prose text={text()} lines={60} />}
          </Show>
        </Show>
      </div>
    </Show>
  );
}

function ErrorText(props: Props & { readonly event: EventRow }): JSX.Element {
  return (
    <Terminal
      text={
        props.trace.bodies(props.event)?.text ?? props.event.summary ?? "An error without words"
      }
      label="Error"
      lines={12}
    />
  );
}

type WorkRow = Extract<Row, { type: "work" }>;

/** The work between prompt and response, or what was undone behind it, in one line. */
function Work(props: Props): JSX.Element {
  const shown = createMemo<WorkRow | null>((before) => {
    const row = props.row();
    return row.type === "work" ? row : before;
  }, null);
  const key = (): string => shown()?.key ?? "";
  const sums = createMemo(() => (shown()?.of === "work" ? (shown()?.trace.sums ?? null) : null));
  const parts = createMemo(() => workParts(shown()));
  const isRunning = createMemo(() => props.live && (sums()?.running ?? 0) > 0);
  return (
    <button
      type="button"
      class="work"
      aria-expanded={props.trace.isOpen(key())}
      onClick={() => props.onToggle(key())}
    >
      <Icon name="chevron" class="fold" />
      <Show when={isRunning()}>
        <i class="live" aria-hidden="true" />
      </Show>
      <span>
        {isRunning() ? "running, " : ""}
        <Index each={parts()}>
          {(part, index) => (
            <>
              {index === 0 ? "" : ", "}
              <span class="work-part">{part()}</span>
            </>
          )}
        </Index>
      </span>
      <Show when={(sums()?.errors ?? 0) > 0}>
        <span class="errors">{plural(sums()?.errors ?? 0, "error")}</span>
      </Show>
    </button>
  );
}

/** `14 tools, 3 files, 2 m 10 s, $0.84`, of which none is broken at the end of a line. */
function workParts(row: WorkRow | null): readonly string[] {
  if (row === null) return [];
  const { trace, of } = row;
  if (of === "undone") return [`${plural(trace.undone.length, "event")} rolled back`];
  const { tools, subagents, files, rolledBack, startedAt, endedAt, cost, tokens } = trace.sums;
  return [
    tools > 0 ? plural(tools, "tool") : subagents > 0 ? "" : plural(trace.work.length, "step"),
    subagents > 0 ? plural(subagents, "sub-agent") : "",
    files > 0 ? plural(files, "file") : "",
    rolledBack > trace.undone.length ? `${exactCount(rolledBack)} rolled back` : "",
    startedAt === null || endedAt === null || endedAt <= startedAt
      ? ""
      : duration(endedAt - startedAt),
    allTokens(tokens) > 0 ? money(cost) : "",
  ].filter((part) => part !== "");
}

/** One event inside the work: a tool, a sub-agent, something said on the way. */
function Step(props: Props & { readonly event: EventRow }): JSX.Element {
  const key = createMemo(() => {
    const row = props.row();
    return row.type === "event" && row.inside > 0
      ? laneKey(row.event.id)
      : eventKey(props.event.id);
  });
  const depth = createMemo(() => {
    const row = props.row();
    return row.type === "event" ? row.depth : 0;
  });
  const inside = createMemo(() => {
    const row = props.row();
    return row.type === "event" ? row.inside : 0;
  });
  const isBodyOpen = (): boolean => props.trace.isOpen(eventKey(props.event.id));
  const canOpen = (): boolean => inside() > 0 || props.event.parts.length > 0;
  const isText = (): boolean => ["response", "prompt", "compaction"].includes(props.event.kind);
  return (
    <div
      class={`step kind-${props.event.kind}`}
      style={{ "--depth": depth() }}
      data-depth={depth()}
      data-status={props.event.status}
    >
      <div class="step-line">
        <button
          type="button"
          class="step-main"
          disabled={!canOpen()}
          aria-expanded={canOpen() ? props.trace.isOpen(key()) : undefined}
          onClick={() => props.onToggle(key())}
        >
          <span class="kind">
            <Icon name={toolIcon(props.event)} label={props.event.kind} />
          </span>
          <StepWords event={props.event} inside={inside()} open={isBodyOpen()} />
          <StepState event={props.event} live={props.live} />
        </button>
        <Show when={inside() > 0 && props.event.parts.length > 0}>
          <button
            type="button"
            class="link step-asked"
            aria-expanded={isBodyOpen()}
            onClick={() => props.onToggle(eventKey(props.event.id))}
          >
            asked, answered
          </button>
        </Show>
        <span class="step-time" title={exactTime(props.event.at)}>
          {(props.event.durationMs ?? 0) < 1 ? "" : duration(props.event.durationMs)}
        </span>
      </div>
      <Show when={isBodyOpen()}>
        <Show
          when={isText() || props.event.kind === "error"}
          fallback={
            <ToolBody
              event={props.event}
              bodies={props.trace.bodies(props.event)}
              root={props.root}
            />
          }
        >
          <div class="tool-body">
            <Show when={isOnlyThought(props.event)} fallback={<Thinking {...props} />}>
              <Thought {...props} />
            </Show>
            <Show when={props.event.kind !== "error"} fallback={<ErrorText {...props} />}>
              <Show when={props.trace.bodies(props.event)?.text}>
                {(text) => <Prose text={text()} lines={80} />}
              </Show>
            </Show>
            <Meta {...props} who={props.event.model ?? ""} />
          </div>
        </Show>
      </Show>
    </div>
  );
}

function isOnlyThought({ parts }: EventRow): boolean {
  return parts.length > 0 && parts.every((part) => part === "thinking");
}

function StepWords(props: {
  readonly event: EventRow;
  readonly inside: number;
  readonly open: boolean;
}): JSX.Element {
  const summary = createMemo(() => oneLine(props.event.summary ?? ""));
  const said = (): string => {
    if (isOnlyThought(props.event)) return "Thought about it";
    return props.open ? "Said" : summary() || "Said something";
  };
  switch (props.event.kind) {
    case "tool":
      return (
        <>
          <b>{oneLine(props.event.tool ?? "Tool")}</b>
          <span class="mono cut summary">{toolLine(props.event)}</span>
        </>
      );
    case "subagent":
      return (
        <>
          <b>Sub-agent</b>
          <span class="cut summary">{summary()}</span>
          <Show when={props.inside > 0}>
            <span class="quiet count">{plural(props.inside, "event")}</span>
          </Show>
        </>
      );
    case "response":
      return <span class="cut said">{said()}</span>;
    case "prompt":
      return (
        <>
          <b>Asked</b>
          <span class="cut said">{summary()}</span>
        </>
      );
    case "compaction":
      return <span class="said">The conversation was compacted here</span>;
    case "mode":
      return <span class="cut said">Mode: {summary() || "changed"}</span>;
    case "permission":
      return (
        <>
          <b>Permission</b>
          <span class="cut said">{summary()}</span>
        </>
      );
    case "error":
      return <span class="cut said">{summary() || "Error"}</span>;
  }
}

function StepState(props: { readonly event: EventRow; readonly live: boolean }): JSX.Element {
  const words = createMemo(() => stateWords(props.event, props.live));
  return (
    <>
      <LineCount added={props.event.linesAdded} removed={props.event.linesRemoved} />
      <Show when={words() !== ""}>
        <span class="state">{words()}</span>
      </Show>
      <Show when={props.event.rolledBack}>
        <span
          class="tag"
          title="No longer part of the conversation; its tokens were spent all the same"
        >
          rolled back
        </span>
      </Show>
    </>
  );
}

function stateWords({ status, exitCode, kind }: EventRow, live: boolean): string {
  if (exitCode !== null && exitCode !== 0) return `exit ${exitCode}`;
  switch (status) {
    case "error":
      return kind === "error" ? "" : "failed";
    case "rejected":
      return "you said no";
    case "interrupted":
      return "interrupted";
    case "running":
      return live ? "running" : "no result";
    default:
      return "";
  }
}

function Thinking(props: Props & { readonly event: EventRow }): JSX.Element {
  const key = (): string => `t:${props.event.id}`;
  return (
    <Show when={props.event.parts.includes("thinking")}>
      <button
        type="button"
        class="thinking"
        aria-expanded={props.trace.isOpen(key())}
        onClick={() => props.onToggle(key())}
      >
        <Icon name="chevron" class="fold" />
        Thinking
      </button>
      <Show when={props.trace.isOpen(key())}>
        <Thought {...props} />
      </Show>
    </Show>
  );
}

function Thought(props: Props & { readonly event: EventRow }): JSX.Element {
  return (
    <div class="thought">
      <Plain text={props.trace.bodies(props.event)?.thinking ?? ""} lines={60} />
    </div>
  );
}

const LOCAL_ONLY = "These words stay on this machine.";
const LOCAL_SHARED =
  "These words stay on this machine: your team sees that they were said, when, and what they cost, not what they say.";

function Meta(props: Props & { readonly event: EventRow; readonly who: string }): JSX.Element {
  return (
    <div class="meta">
      <time title={exactTime(props.event.at)}>{clockTime(props.event.at, true)}</time>
      <Show when={props.who !== ""}>
        <span>{oneLine(props.who)}</span>
      </Show>
      <Show when={props.event.tokens}>
        {(tokens) => (
          <span
            title={`${tokens().input} in, ${tokens().cacheRead} from the cache, ${tokens().cacheWrite} into it, ${tokens().output} out`}
          >
            {compactCount(tokens().output)} out
          </span>
        )}
      </Show>
      <Show when={props.event.tokens !== null}>
        <span>{money(props.event.costUsd)}</span>
      </Show>
      <Show when={props.event.parts.length > 0}>
        <span class="local" title={props.sharedWith === null ? LOCAL_ONLY : LOCAL_SHARED}>
          <Icon name="lock" label={props.sharedWith === null ? LOCAL_ONLY : LOCAL_SHARED} />
        </span>
      </Show>
      <Show when={props.event.rolledBack}>
        <span class="tag">rolled back</span>
      </Show>
    </div>
  );
}
