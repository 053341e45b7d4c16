import {
  createEffect,
  createMemo,
  createSignal,
  lazy,
  on,
  onCleanup,
  Show,
  Suspense,
  type JSX,
} from "solid-js";
import type { DecisionRow } from "../../app/api.ts";
import { capital, plural } from "../lib/format.ts";
import { useKeys } from "../lib/keys.ts";
import { listWidth } from "../lib/preferences.ts";
import { decisionPath, navigate, query, route, setQuery } from "../lib/router.ts";
import { useTitle } from "../lib/title.ts";
import { oneLine } from "../lib/visible.ts";
import { Empty, Failed, Skeleton } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { VirtualList, type ListHandle } from "../parts/VirtualList.tsx";
import { createAnswer, useServices, type Answer } from "../state/engine.ts";
import { NewDecision } from "./NewDecision.tsx";
import { ListEdge } from "./SessionsView.tsx";

/** The editor comes with the first decision that is opened. */
const DecisionPage = lazy(async () => ({
  default: (await import("./DecisionPage.tsx")).DecisionPage,
}));

const LOOK_AGAIN_MS = 300;
const STATUS_ORDER = ["proposed", "accepted", "rejected", "deprecated", "superseded"] as const;

type ListRow =
  | { readonly key: string; readonly type: "heading"; readonly label: string }
  | { readonly key: string; readonly type: "decision"; readonly decision: DecisionRow };

export function DecisionsView(): JSX.Element {
  const { engine } = useServices();
  const decisions = createAnswer(
    () => "all",
    () => engine.call("decisions", undefined),
    engine,
  );
  // Every keystroke is pushed: the list looks again a few times a second at most.
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));
  onCleanup(
    engine.subscribe((push) => {
      // That the team has got an edit changes no decision, only the state of sync; an answer under way may not know yet.
      const mayHaveArrived =
        push.topic === "status" &&
        (decisions.isUnderway() || (decisions.value() ?? []).some((row) => row.waiting));
      if (push.topic !== "decisions" && !mayHaveArrived) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        decisions.again();
      }, LOOK_AGAIN_MS);
    }),
  );
  const selected = createMemo(() => {
    const shown = route();
    return shown.view === "decisions" ? shown.decision : null;
  });
  useTitle(() => "Decisions");
  const [creating, setCreating] = createSignal(false);
  createEffect(
    on(query, (values) => {
      if (!values.has("new")) return;
      setQuery({ new: null });
      setCreating(true);
    }),
  );
  useKeys({ c: () => void setCreating(true) });

  return (
    <div
      class="split"
      classList={{ "has-detail": selected() !== null }}
      style={{ "--list-width": `${listWidth()}px` }}
    >
      <DecisionList decisions={decisions} selected={selected()} onNew={() => setCreating(true)} />
      <Show when={selected()} keyed>
        {(id) => (
          <>
            <ListEdge />
            <Suspense fallback={<main class="detail" aria-label="Decision" aria-busy="true" />}>
              <DecisionPage id={id} row={decisions.value()?.find((row) => row.id === id) ?? null} />
            </Suspense>
          </>
        )}
      </Show>
      <NewDecision open={creating()} onClose={() => setCreating(false)} onMade={decisions.again} />
    </div>
  );
}

interface ListProps {
  readonly decisions: Answer<readonly DecisionRow[]>;
  readonly selected: string | null;
  readonly onNew: () => void;
}

function DecisionList(props: ListProps): JSX.Element {
  const [active, setActive] = createSignal<string | null>(props.selected);
  const [handle, setHandle] = createSignal<ListHandle>();
  let input!: HTMLInputElement;
  const words = createMemo(() => query().get("q") ?? "");
  const list = createMemo<readonly ListRow[]>(() => {
    const needles = words().toLowerCase().split(/\s+/).filter(Boolean);
    const matching = (props.decisions.value() ?? []).filter((row) => matches(row, needles));
    return STATUS_ORDER.flatMap((status) => {
      const rows = matching.filter((row) => row.status === status).toSorted(newestFirst);
      if (rows.length === 0) return [];
      const heading: ListRow = { key: `h:${status}`, type: "heading", label: capital(status) };
      return [
        heading,
        ...rows.map((decision): ListRow => ({ key: decision.id, type: "decision", decision })),
      ];
    });
  });

  function onKey(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.key === "Enter" && active() !== null) navigate(decisionPath(active()));
    else if (step !== 0) {
      const rows = list();
      let index = rows.findIndex((row) => row.key === active()) + step;
      if (rows[index]?.type === "heading") index += step;
      const row = rows[index];
      if (row === undefined || row.type === "heading") return;
      setActive(row.key);
      handle()?.show(index, "auto");
    } else return;
    event.preventDefault();
  }
  useKeys({
    "/": () => {
      input.focus();
      input.select();
    },
  });

  return (
    <section class="list" aria-label="Decisions">
      <div class="list-bar">
        <label class="find">
          <Icon name="search" />
          <input
            ref={input}
            type="search"
            placeholder="Search decisions"
            aria-label="Search decisions"
            autocomplete="off"
            spellcheck={false}
            value={words()}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === "Escape") setQuery({ q: null });
              else onKey(event);
            }}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <button
          type="button"
          class="icon-button"
          aria-label="New decision"
          title="New decision (c)"
          onClick={() => props.onNew()}
        >
          <Icon name="plus" />
        </button>
      </div>
      <Show when={props.decisions.fault()}>
        {(fault) => <Failed words={fault()} onAgain={props.decisions.again} />}
      </Show>
      <Show when={props.decisions.slow()}>
        <Skeleton rows={8} />
      </Show>
      <Show when={props.decisions.value() !== null && list().length === 0}>
        <Show
          when={words() !== ""}
          fallback={
            <Empty title="No decisions yet">
              <p>
                What was decided, why, and what else was possible: written once, found later, edited
                together.
              </p>
              <button type="button" class="button primary" onClick={() => props.onNew()}>
                Write the first
              </button>
            </Empty>
          }
        >
          <Empty title="No decision has these words" />
        </Show>
      </Show>
      <Show when={list().length > 0}>
        <VirtualList<ListRow>
          rows={list()}
          heightOf={(row) => (row.type === "heading" ? 34 : 52)}
          class="decisions"
          handle={setHandle}
          root={{
            role: "listbox",
            tabindex: 0,
            "aria-label": "Decisions",
            "aria-activedescendant": active() === null ? undefined : `row-${active()}`,
            onKeyDown: onKey,
          }}
        >
          {(row) => (
            <Show
              when={decisionOf(row())}
              fallback={<div class="sessions-group">{headingOf(row())}</div>}
            >
              {(decision) => (
                <Line
                  decision={decision()}
                  active={active() === decision().id}
                  selected={props.selected === decision().id}
                />
              )}
            </Show>
          )}
        </VirtualList>
      </Show>
    </section>
  );
}

function Line(props: {
  readonly decision: DecisionRow;
  readonly active: boolean;
  readonly selected: boolean;
}): JSX.Element {
  return (
    <a
      class="decision-line"
      id={`row-${props.decision.id}`}
      role="option"
      tabindex="-1"
      href={decisionPath(props.decision.id)}
      aria-selected={props.selected}
      data-active={props.active}
    >
      <span class="cut">{oneLine(props.decision.title) || "Untitled"}</span>
      <span class="quiet">{props.decision.date ?? ""}</span>
      <span class="quiet cut decision-facts">{factsOf(props.decision)}</span>
      <Show when={props.decision.waiting}>
        <span class="quiet" title="The team has not got your newest edit yet">
          waiting
        </span>
      </Show>
    </a>
  );
}

function factsOf({ options, deciders, project, team, tags }: DecisionRow): string {
  return [
    deciders.map(oneLine).join(", "),
    options.length > 0 ? plural(options.length, "option") : "",
    project === null ? "" : oneLine(project),
    tags.map(oneLine).join(", "),
    team === null ? "on this machine" : "",
  ]
    .filter((part) => part !== "")
    .join(" · ");
}

function matches(row: DecisionRow, needles: readonly string[]): boolean {
  const text = [
    row.title,
    row.outcome,
    row.context,
    row.status,
    row.project ?? "",
    ...row.tags,
    ...row.deciders,
  ]
    .join(" ")
    .toLowerCase();
  return needles.every((needle) => text.includes(needle));
}

function newestFirst(a: DecisionRow, b: DecisionRow): number {
  return (b.date ?? "").localeCompare(a.date ?? "") || b.id.localeCompare(a.id);
}

function decisionOf(row: ListRow): DecisionRow | null {
  return row.type === "decision" ? row.decision : null;
}

function headingOf(row: ListRow): string {
  return row.type === "heading" ? row.label : "";
}
