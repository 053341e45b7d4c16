import { createEffect, createMemo, createSignal, on, Show, type JSX } from "solid-js";
import type { SessionRow } from "../../app/api.ts";
import { announce } from "../lib/announce.ts";
import {
  agentName,
  allTokens,
  clockTime,
  compactCount,
  dayLabel,
  duration,
  exactTime,
  money,
  plural,
  sessionTitle,
} from "../lib/format.ts";
import { useKeys } from "../lib/keys.ts";
import { now } from "../lib/now.ts";
import { eventKey, visibleRows, type Row } from "../lib/outline.ts";
import { navigate, route, sessionPath } from "../lib/router.ts";
import { useTitle } from "../lib/title.ts";
import { oneLine } from "../lib/visible.ts";
import { Empty, Failed, Skeleton } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { VirtualList, type ListHandle } from "../parts/VirtualList.tsx";
import { createAnswer, sentence, useServices } from "../state/engine.ts";
import { isLive } from "../state/sessions.ts";
import { createTrace } from "../state/trace.ts";
import { FindHere } from "./FindHere.tsx";
import { TimeLine } from "./TimeLine.tsx";
import { TraceRow } from "./TraceRow.tsx";

/** Heights before they are measured; near the truth, so that the scroll bar is. */
const HEIGHTS: Record<Row["type"], number> = { prompt: 92, work: 34, event: 27, answer: 120 };

/** One session: the conversation, and beside it the time line. */
export function TraceView(props: { readonly id: string }): JSX.Element {
  const { engine, sessions } = useServices();
  const [finding, setFinding] = createSignal(false);
  const [handle, setHandle] = createSignal<ListHandle>();
  const [current, setCurrent] = createSignal<string | null>(null);

  const listed = createMemo(() => sessions.rows().get(props.id) ?? null);
  const asked = createAnswer(
    () => (listed() === null ? props.id : null),
    (id) => engine.call("session", { id }),
    engine,
  );
  const session = createMemo<SessionRow | null>(() => listed() ?? asked.value());
  const live = createMemo(() => {
    const row = session();
    return row !== null && isLive(row, now());
  });
  useTitle(() => oneLine(session()?.title ?? "Session"));
  const trace = createTrace(engine, props.id, live);
  const rows = createMemo(() => visibleRows(trace.outline().traces, trace.isOpen));
  const indexOf = (key: string | null): number => rows().findIndex((row) => row.key === key);

  function show(key: string | null, align: "start" | "center" | "auto", focus = true): void {
    const index = indexOf(key);
    if (key === null || index < 0) return;
    setCurrent(key);
    handle()?.show(index, align);
    if (focus)
      requestAnimationFrame(() =>
        document.getElementById(`at-${key}`)?.focus({ preventScroll: true }),
      );
  }

  function showEvent(event: string, focus = true): void {
    trace.reveal(event);
    queueMicrotask(() => show(eventKey(event), "center", focus));
  }

  const named = createMemo(() => {
    const shown = route();
    return shown.view === "sessions" && shown.session === props.id ? shown.event : null;
  });
  createEffect(
    on([named, trace.loaded], ([event, loaded]) => {
      if (event === null || !loaded) return;
      if (trace.events().has(event)) showEvent(event, false);
      else announce("The place in this link is not in this session.", "error");
    }),
  );

  function move(step: 1 | -1, wanted: (row: Row) => boolean): void {
    const list = rows();
    let index = current() === null ? (step === 1 ? -1 : list.length) : indexOf(current());
    if (current() === null) index = (handle()?.first() ?? 0) - (step === 1 ? 1 : 0);
    for (index += step; index >= 0 && index < list.length; index += step) {
      const row = list[index] as Row;
      if (wanted(row)) return show(row.key, row.type === "prompt" ? "start" : "auto");
    }
  }

  /** The next error, folded or not. */
  function nextError(): void {
    const { reading } = trace.outline();
    const key = current();
    const row = rows()[indexOf(key)];
    const from =
      row === undefined ? -1 : reading.findIndex(({ event }) => event.id === anchorOf(row));
    const found =
      reading.find(({ event }, index) => index > from && isError(event)) ??
      reading.find(({ event }) => isError(event));
    if (found === undefined) announce("No error in this session.");
    else showEvent(found.event.id);
  }

  function toggle(key: string): void {
    trace.setOpen(key, !trace.isOpen(key));
  }

  function toggleCurrent(): void {
    const row = rows()[indexOf(current())];
    if (row === undefined) return;
    if (row.type === "work") toggle(row.key);
    else
      document
        .getElementById(`at-${row.key}`)
        ?.querySelector<HTMLElement>("button[aria-expanded]")
        ?.click();
  }

  function copyLink(): void {
    const row = rows()[indexOf(current())];
    const path = sessionPath(props.id, row === undefined ? null : anchorOf(row)).replace(
      /\?[^#]*/,
      "",
    );
    navigator.clipboard.writeText(new URL(path, location.href).href).then(
      () =>
        announce(row === undefined ? "Link to this session copied." : "Link to this place copied."),
      () => announce("This browser did not allow copying. The address bar has the link.", "error"),
    );
  }

  useKeys({
    j: () => move(1, () => true),
    k: () => move(-1, () => true),
    n: () => move(1, (row) => row.type === "prompt"),
    p: () => move(-1, (row) => row.type === "prompt"),
    e: nextError,
    o: toggleCurrent,
    f: () => void setFinding(true),
    y: copyLink,
    Escape: () => (finding() ? void setFinding(false) : navigate(sessionPath(null))),
  });

  const anchor = createMemo(() => {
    const row = rows()[handle()?.first() ?? 0];
    return row === undefined ? null : anchorOf(row);
  });

  return (
    <main class="detail trace" aria-label="Session">
      <Show
        when={session()}
        fallback={
          <Show
            when={asked.fault()}
            fallback={<Show when={asked.slow()}>{<Skeleton rows={3} />}</Show>}
          >
            {(words) => <Failed words={words()} onAgain={asked.again} />}
          </Show>
        }
      >
        {(shown) => <Head session={shown()} onCopy={copyLink} onFind={() => setFinding(true)} />}
      </Show>
      <Show when={finding()}>
        <FindHere
          trace={trace}
          onShow={(event) => showEvent(event, false)}
          onClose={() => setFinding(false)}
        />
      </Show>
      <div class="trace-body">
        <div class="trace-talk">
          <Show when={trace.fault()}>
            {(words) => <Failed words={words()} onAgain={trace.again} />}
          </Show>
          <Show when={trace.loaded() || trace.fault() !== null} fallback={<SlowSkeleton />}>
            <Show when={rows().length === 0 && trace.fault() === null}>
              <Empty title="Nothing was said in this session yet" />
            </Show>
          </Show>
          <VirtualList<Row>
            rows={rows()}
            heightOf={(row) => HEIGHTS[row.type]}
            measured
            follow={live()}
            class="talk"
            handle={setHandle}
            root={{
              role: "feed",
              tabindex: 0,
              "aria-label": "Conversation",
              "aria-busy": !trace.loaded(),
            }}
          >
            {(row, index) => (
              <TraceRow
                row={row}
                trace={trace}
                agent={session()?.agent ?? ""}
                root={session()?.project?.path ?? null}
                sharedWith={session()?.sharedWith ?? null}
                live={live()}
                current={current() === row().key}
                index={index()}
                count={rows().length}
                onToggle={toggle}
                onCurrent={setCurrent}
              />
            )}
          </VirtualList>
          <Show when={live() && handle()?.atEnd() === false}>
            <button type="button" class="to-end" onClick={() => handle()?.toEnd()}>
              <Icon name="down" /> To the newest
            </button>
          </Show>
        </div>
        <TimeLine
          trace={trace}
          session={session()}
          anchor={anchor()}
          onPick={(event) => showEvent(event, false)}
        />
      </div>
    </main>
  );
}

/** The event a row stands for: of folded work, its first. */
function anchorOf(row: Row): string | null {
  return row.type === "work" ? (row.trace[row.of][0]?.event.id ?? null) : row.event.id;
}

function isError(event: { readonly status: string | null; readonly kind: string }): boolean {
  return event.status === "error" || event.kind === "error";
}

function SlowSkeleton(): JSX.Element {
  const [slow, setSlow] = createSignal(false);
  setTimeout(() => setSlow(true), 200);
  return (
    <Show when={slow()}>
      <Skeleton rows={10} />
    </Show>
  );
}

function Head(props: {
  readonly session: SessionRow;
  readonly onCopy: () => void;
  readonly onFind: () => void;
}): JSX.Element {
  const title = createMemo(() => sessionTitle(props.session));
  return (
    <header class="head">
      <a
        class="icon-button back"
        href={sessionPath(null)}
        aria-label="Back to the list"
        title="Back to the list (Esc)"
      >
        <Icon name="back" />
      </a>
      <div class="head-main">
        <h1 title={title()} dir="auto">
          {title()}
        </h1>
        <Facts session={props.session} />
      </div>
      <div class="head-actions">
        <button
          type="button"
          class="icon-button"
          aria-label="Find here"
          title="Find here (f)"
          onClick={() => props.onFind()}
        >
          <Icon name="search" />
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label="Copy link"
          title="Copy link (y)"
          onClick={() => props.onCopy()}
        >
          <Icon name="link" />
        </button>
        <Share session={props.session} />
      </div>
    </header>
  );
}

function Facts(props: { readonly session: SessionRow }): JSX.Element {
  const { sessions } = useServices();
  const row = (): SessionRow => props.session;
  const parent = createMemo(() => {
    const id = row().parent;
    return id === null
      ? null
      : { id, title: oneLine(sessions.rows().get(id)?.title ?? "another session") };
  });
  return (
    <ul class="facts">
      <Show when={isLive(row(), now())}>
        <li class="fact-live">
          <i class="live" aria-hidden="true" />
          live
        </li>
      </Show>
      <li>
        {agentName(row().agent)} {oneLine(row().agentVersion ?? "")}
      </li>
      <Show when={row().models.length > 0}>
        <li class="cut" title={row().models.join(", ")}>
          {row().models.map(oneLine).slice(0, 2).join(", ")}
          {row().models.length > 2 ? ` and ${row().models.length - 2} more` : ""}
        </li>
      </Show>
      <Show when={row().project}>
        {(project) => (
          <li
            class="cut fact-place"
            title={oneLine([project().path, row().gitBranch].filter(Boolean).join(", "))}
          >
            {oneLine(project().name)}
            <Show when={row().gitBranch}>
              {(branch) => <span class="mono"> {oneLine(branch())}</span>}
            </Show>
          </li>
        )}
      </Show>
      <li title={exactTime(row().startedAt)}>{whenWords(row(), now())}</li>
      <li>{plural(row().events, "event")}</li>
      <Show when={allTokens(row().tokens) > 0} fallback={<li>no tokens recorded</li>}>
        <li>{compactCount(allTokens(row().tokens))} tokens</li>
        <li>{money(row().costUsd)}</li>
      </Show>
      <Show when={parent()}>
        {(known) => (
          <li>
            forked from <a href={sessionPath(known().id)}>{known().title}</a>
          </li>
        )}
      </Show>
      <Show when={row().damagedLines > 0}>
        <li class="warn" role="note" title="They are kept in the archive as they were found.">
          <Icon name="error" /> {plural(row().damagedLines, "damaged line")} in this transcript; the
          rest is here
        </li>
      </Show>
      <li>
        <Icon name={row().sharedWith === null ? "lock" : "team"} />
        {sharingWords(row())}
      </li>
    </ul>
  );
}

function whenWords({ startedAt, endedAt }: SessionRow, nowMs: number): string {
  if (startedAt === null) return "time not recorded";
  const began = `${dayLabel(startedAt, nowMs)} ${clockTime(startedAt)}`;
  return endedAt === null || endedAt <= startedAt
    ? began
    : `${began}, took ${duration(endedAt - startedAt)}`;
}

function sharingWords({ owner, sharedWith }: SessionRow): string {
  if (owner !== null) return `shared by ${oneLine(owner)}; its words stay on their machine`;
  return sharedWith === null
    ? "on this machine only"
    : "shared with your team; the words stay here";
}

function Share(props: { readonly session: SessionRow }): JSX.Element {
  const { engine, sessions, status } = useServices();
  const canShare = createMemo(
    () =>
      props.session.owner === null &&
      props.session.sharedWith === null &&
      (status()?.teams.length ?? 0) > 0,
  );
  const [busy, setBusy] = createSignal(false);

  async function share(): Promise<void> {
    setBusy(true);
    try {
      await engine.call("share", { sessions: [props.session.id] });
      announce("Shared. Your team sees what happened, when and what it cost; the words stay here.");
      sessions.again();
    } catch (error) {
      announce(sentence(error), "error");
    } finally {
      setBusy(false);
    }
  }

  return (
    <Show when={canShare()}>
      <button
        type="button"
        class="button"
        disabled={busy()}
        title="Your team will see events, tools, times, tokens and cost of this session. Prompts, responses, code and outputs stay on this machine."
        onClick={() => void share()}
      >
        Share
      </button>
    </Show>
  );
}
