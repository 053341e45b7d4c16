import {
  createEffect,
  createMemo,
  createSignal,
  For,
  Index,
  on,
  onCleanup,
  onMount,
  Show,
  type Accessor,
  type JSX,
} from "solid-js";
import type { SessionRow, Status } from "../../app/api.ts";
import { agentName, exactCount, plural } from "../lib/format.ts";
import { useKeys } from "../lib/keys.ts";
import { now } from "../lib/now.ts";
import { groupBy, hiddenColumns, setGroupBy, setHiddenColumns } from "../lib/preferences.ts";
import { navigate, query, sessionPath, setQuery } from "../lib/router.ts";
import {
  areFew,
  COLUMNS,
  fittingColumns,
  gridTemplate,
  type Column,
} from "../lib/sessionColumns.ts";
import {
  grouped,
  matchesFilter,
  PERIODS,
  readFilter,
  searchWithin,
  type ListRow,
} from "../lib/sessionFilter.ts";
import { useTitle } from "../lib/title.ts";
import { oneLine } from "../lib/visible.ts";
import { Chip, Empty, Failed, Menu, Skeleton, Time } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { VirtualList, type ListHandle } from "../parts/VirtualList.tsx";
import { useServices } from "../state/engine.ts";
import { isLive, lastActivity } from "../state/sessions.ts";
import { SearchResults } from "./SearchResults.tsx";

const ROW_PX = 36;
const HEADING_PX = 34;

/** Where the list was when it was left. */
let place = 0;

export function SessionList(props: { readonly selected: string | null }): JSX.Element {
  const { sessions, status } = useServices();
  const [width, setWidth] = createSignal(900);
  const [input, setInput] = createSignal<HTMLInputElement>();
  const [intoList, setIntoList] = createSignal<(event: KeyboardEvent) => void>(() => undefined);
  let section!: HTMLElement;

  const words = createMemo(() => query().get("q") ?? "");
  const filter = createMemo(() => readFilter(query()), undefined, {
    equals: (a, b) => JSON.stringify(a) === JSON.stringify(b),
  });
  const matching = createMemo(() =>
    sessions.sorted().filter((row) => matchesFilter(row, filter(), now())),
  );
  const columns = createMemo(() => fittingColumns(width(), hiddenColumns()), undefined, {
    equals: (a, b) => a.map(({ id }) => id).join() === b.map(({ id }) => id).join(),
  });
  const isFiltered = createMemo(() => Object.values(filter()).some((value) => value !== null));
  const within = createMemo(() => (isFiltered() ? searchWithin(filter(), now()) : null), null, {
    equals: (a, b) => JSON.stringify(a) === JSON.stringify(b),
  });
  const unfilter = (): void => setQuery({ agent: null, project: null, days: null });

  onMount(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 900));
    observer.observe(section);
    onCleanup(() => observer.disconnect());
  });
  useTitle(() => "Sessions");
  useKeys({
    "/": () => {
      input()?.focus();
      input()?.select();
    },
  });

  return (
    <section class="list" aria-label="Sessions" ref={section}>
      <div class="list-bar">
        <label class="find">
          <Icon name="search" />
          <input
            ref={setInput}
            type="search"
            placeholder="Search everything"
            aria-label="Search everything in all sessions"
            aria-controls="session-list"
            autocomplete="off"
            spellcheck={false}
            value={words()}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === "Escape") {
                setQuery({ q: null });
                event.currentTarget.blur();
              } else intoList()(event);
            }}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <FilterMenu />
        <ListMenu />
      </div>
      <Show when={isFiltered()}>
        <FilterChips />
      </Show>
      <Show
        when={words().trim() === ""}
        fallback={
          <SearchResults
            words={words().trim()}
            sessions={matching()}
            within={within()}
            onUnfilter={unfilter}
            selected={props.selected}
            takeKeys={(take) => setIntoList(() => take)}
          />
        }
      >
        <Show when={sessions.fault() !== null && sessions.rows().size === 0}>
          <Failed words={sessions.fault() ?? ""} onAgain={sessions.again} />
        </Show>
        <Show when={sessions.total() === null && sessions.fault() === null}>
          <Skeleton rows={12} />
        </Show>
        <Show when={sessions.total() !== null && matching().length === 0}>
          <Show
            when={isFiltered()}
            fallback={
              <Empty
                title={
                  isReading(status()) ? "Reading the sessions on this machine" : "No sessions yet"
                }
              >
                <p>
                  Every session of Claude Code and Codex on this machine will be here, with its
                  tools, tokens and cost. Start an agent in any folder; this list fills by itself.
                </p>
              </Empty>
            }
          >
            <Empty title="No session fits these filters">
              <button type="button" class="button" onClick={unfilter}>
                Remove the filters
              </button>
            </Empty>
          </Show>
        </Show>
        <Show when={matching().length > 0}>
          <Grid
            rows={matching()}
            columns={columns()}
            selected={props.selected}
            takeKeys={(take) => setIntoList(() => take)}
          />
        </Show>
      </Show>
    </section>
  );
}

/** There is more to come from what is on this machine already. */
function isReading(status: Status | null): boolean {
  return status?.capture.state === "importing" || (status?.capture.progress ?? null) !== null;
}

interface GridProps {
  readonly rows: readonly SessionRow[];
  readonly columns: readonly Column[];
  readonly selected: string | null;
  readonly takeKeys: (take: (event: KeyboardEvent) => void) => void;
}

function Grid(props: GridProps): JSX.Element {
  const list = createMemo(() => grouped(props.rows, groupBy(), now()));
  const [active, setActive] = createSignal<string | null>(props.selected);
  const [handle, setHandle] = createSignal<ListHandle>();
  createEffect(
    on(
      () => props.selected,
      (id) => id !== null && setActive(id),
      { defer: true },
    ),
  );

  onCleanup(() => (place = handle()?.scroller.scrollTop ?? 0));

  function move(to: (index: number, last: number) => number): void {
    const rows = list();
    const from = rows.findIndex((row) => row.key === active());
    let index = Math.max(0, Math.min(rows.length - 1, to(from, rows.length - 1)));
    const step = index >= from ? 1 : -1;
    if (rows[index]?.type === "heading") index += index === 0 ? 1 : step;
    const row = rows[index];
    if (row === undefined || row.type === "heading") return;
    setActive(row.key);
    handle()?.show(index === 1 ? 0 : index, "auto");
  }

  function onKey(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor((handle()?.scroller.clientHeight ?? 400) / ROW_PX) - 1);
    const fromInput = event.target instanceof HTMLInputElement;
    if (event.key === "ArrowDown") move((index) => index + 1);
    else if (event.key === "ArrowUp") move((index) => index - 1);
    else if (event.key === "PageDown") move((index) => index + page);
    else if (event.key === "PageUp") move((index) => index - page);
    else if (event.key === "Home" && !fromInput) move(() => 0);
    else if (event.key === "End" && !fromInput) move((_, last) => last);
    else if (event.key === "Enter" && active() !== null) navigate(sessionPath(active()));
    else return;
    event.preventDefault();
  }
  props.takeKeys(onKey);
  useKeys({
    ArrowDown: (event) => (props.selected === null ? onKey(event) : false),
    ArrowUp: (event) => (props.selected === null ? onKey(event) : false),
    j: () => (props.selected === null ? move((index) => index + 1) : false),
    k: () => (props.selected === null ? move((index) => index - 1) : false),
    Enter: (event) =>
      props.selected === null && event.target === document.body ? onKey(event) : false,
  });

  const template = createMemo(() => gridTemplate(props.columns));
  /** Where there is no room for the project's column, and nothing else says the project. */
  const namesProject = createMemo(
    () =>
      groupBy() !== "project" &&
      !hiddenColumns().includes("project") &&
      !props.columns.some(({ id }) => id === "project"),
  );
  return (
    <VirtualList<ListRow>
      rows={list()}
      heightOf={(row) => (row.type === "heading" ? HEADING_PX : ROW_PX)}
      class="sessions"
      handle={(list) => {
        setHandle(list);
        list.scroller.scrollTop = place;
      }}
      root={{
        id: "session-list",
        role: "grid",
        tabindex: 0,
        "aria-label": `${plural(props.rows.length, "session")}`,
        "aria-rowcount": list().length,
        "aria-colcount": props.columns.length + 1,
        "aria-activedescendant": active() === null ? undefined : `row-${active()}`,
        onKeyDown: onKey,
      }}
      header={
        <Show when={!areFew(props.columns)}>
          <div class="sessions-head" role="row" style={{ "grid-template-columns": template() }}>
            <span role="columnheader">Title</span>
            <For each={props.columns}>
              {(column) => (
                <span role="columnheader" classList={{ right: column.right }}>
                  {column.name}
                </span>
              )}
            </For>
          </div>
        </Show>
      }
    >
      {(row, index) => (
        <Show
          when={sessionOf(row())}
          fallback={
            <div class="sessions-group" role="row" aria-rowindex={index() + 1}>
              <span role="gridcell">{headingOf(row())}</span>
            </div>
          }
        >
          {(session) => (
            <SessionLine
              session={session}
              columns={props.columns}
              template={template()}
              namesProject={namesProject()}
              index={index()}
              active={active() === session().id}
              selected={props.selected === session().id}
            />
          )}
        </Show>
      )}
    </VirtualList>
  );
}

function sessionOf(row: ListRow): SessionRow | null {
  return row.type === "session" ? row.session : null;
}

function headingOf(row: ListRow): string {
  return row.type === "heading" ? oneLine(row.label) : "";
}

interface LineProps {
  readonly session: Accessor<SessionRow>;
  readonly columns: readonly Column[];
  readonly template: string;
  readonly namesProject: boolean;
  readonly index: number;
  readonly active: boolean;
  readonly selected: boolean;
}

function SessionLine(props: LineProps): JSX.Element {
  const row = (): SessionRow => props.session();
  return (
    <a
      class="session"
      id={`row-${row().id}`}
      role="row"
      tabindex="-1"
      href={sessionPath(row().id)}
      aria-rowindex={props.index + 1}
      aria-selected={props.selected}
      data-active={props.active}
      data-few={areFew(props.columns)}
      style={{ "grid-template-columns": props.template }}
    >
      <span class="session-title" role="gridcell">
        <Show when={isLive(row(), now())}>
          <i class="live" role="img" aria-label="live" title="An event in the last minute" />
        </Show>
        <span
          class="cut"
          classList={{ untitled: row().title === null }}
          title={oneLine(row().title ?? "")}
        >
          {row().title === null ? "Untitled session" : oneLine(row().title ?? "")}
        </span>
        <Show when={row().parent !== null}>
          <Icon name="fork" label="Forked from another session" />
        </Show>
        <Show when={row().damagedLines > 0}>
          <Icon
            name="error"
            class="warn"
            label={`${plural(row().damagedLines, "damaged line")} in its transcript`}
          />
        </Show>
        <Show when={row().owner}>
          {(owner) => (
            <span class="tag" title={oneLine(owner())}>
              {oneLine(owner())}
            </span>
          )}
        </Show>
        <Show when={row().sharedWith !== null}>
          <Icon name="team" label="Shared with your team" />
        </Show>
        <Show when={props.namesProject && row().owner === null && row().project}>
          {(project) => (
            <span class="session-project cut" title={oneLine(project().path ?? "")}>
              {oneLine(project().name)}
            </span>
          )}
        </Show>
      </span>
      <For each={props.columns}>
        {(column) => (
          <span
            role="gridcell"
            class={column.id === "project" ? "cell" : "cell quiet"}
            classList={{ right: column.right }}
            title={column.title?.(row())}
          >
            <Show when={column.id === "when"} fallback={column.text(row())}>
              <Time at={lastActivity(row())} />
            </Show>
          </span>
        )}
      </For>
    </a>
  );
}

function FilterMenu(): JSX.Element {
  const { sessions } = useServices();
  const agents = createMemo(() =>
    counted(sessions.sorted().map((row) => [row.agent, agentName(row.agent)])),
  );
  const projects = createMemo(() =>
    counted(
      sessions
        .sorted()
        .flatMap((row) => (row.project === null ? [] : [[row.project.id, row.project.name]])),
    ),
  );
  return (
    <Menu label="Filter" button={<Icon name="filter" />}>
      <Choices
        name="Agent"
        of={agents()}
        chosen={query().get("agent")}
        onChoose={(agent) => setQuery({ agent })}
      />
      <Choices
        name="Time"
        of={PERIODS.map(({ days, name }) => [String(days), name, null])}
        chosen={query().get("days")}
        onChoose={(days) => setQuery({ days })}
      />
      <Choices
        name="Project"
        of={projects()}
        chosen={query().get("project")}
        onChoose={(project) => setQuery({ project })}
      />
    </Menu>
  );
}

type Choice = readonly [id: string, name: string, count: number | null];

function Choices(props: {
  readonly name: string;
  readonly of: readonly Choice[];
  readonly chosen: string | null;
  readonly onChoose: (id: string | null) => void;
}): JSX.Element {
  return (
    <Show when={props.of.length > 0}>
      <fieldset class="choices">
        <legend>{props.name}</legend>
        {/* Counted anew with every session that changes: the buttons stay. */}
        <Index each={props.of}>
          {(choice) => (
            <button
              type="button"
              aria-pressed={props.chosen === choice()[0]}
              onClick={() => props.onChoose(props.chosen === choice()[0] ? null : choice()[0])}
            >
              <span class="cut">{oneLine(choice()[1])}</span>
              <Show when={choice()[2] !== null}>
                <small>{exactCount(choice()[2] ?? 0)}</small>
              </Show>
            </button>
          )}
        </Index>
      </fieldset>
    </Show>
  );
}

/** Most frequent first. */
function counted(pairs: readonly (readonly string[])[]): Choice[] {
  const counts = new Map<string, { name: string; count: number }>();
  for (const [id = "", name = ""] of pairs) {
    const entry = counts.get(id) ?? { name, count: 0 };
    entry.count++;
    counts.set(id, entry);
  }
  return [...counts]
    .toSorted((a, b) => b[1].count - a[1].count)
    .map(([id, { name, count }]) => [id, name, count]);
}

function FilterChips(): JSX.Element {
  const { sessions } = useServices();
  const filter = createMemo(() => readFilter(query()));
  const projectName = createMemo(() => {
    const id = filter().project;
    return sessions.sorted().find((row) => row.project?.id === id)?.project?.name ?? "unknown";
  });
  return (
    <div class="chips" role="group" aria-label="Filters">
      <Show when={filter().agent}>
        {(agent) => (
          <Chip
            label="agent"
            value={agentName(agent())}
            onRemove={() => setQuery({ agent: null })}
          />
        )}
      </Show>
      <Show when={filter().project}>
        <Chip
          label="project"
          value={oneLine(projectName())}
          onRemove={() => setQuery({ project: null })}
        />
      </Show>
      <Show when={filter().days}>
        {(days) => (
          <Chip
            label="time"
            value={PERIODS.find((period) => period.days === days())?.name ?? `last ${days()} days`}
            onRemove={() => setQuery({ days: null })}
          />
        )}
      </Show>
    </div>
  );
}

function ListMenu(): JSX.Element {
  const toggle = (id: string): void => {
    const hidden = hiddenColumns();
    setHiddenColumns(
      hidden.includes(id) ? hidden.filter((other) => other !== id) : [...hidden, id],
    );
  };
  return (
    <Menu label="Columns and grouping" button={<Icon name="columns" />}>
      <fieldset class="choices">
        <legend>Group by</legend>
        <button type="button" aria-pressed={groupBy() === "day"} onClick={() => setGroupBy("day")}>
          Day
        </button>
        <button
          type="button"
          aria-pressed={groupBy() === "project"}
          onClick={() => setGroupBy("project")}
        >
          Project
        </button>
      </fieldset>
      <fieldset class="choices">
        <legend>Columns, as far as there is room</legend>
        <For each={COLUMNS}>
          {(column) => (
            <button
              type="button"
              aria-pressed={!hiddenColumns().includes(column.id)}
              onClick={() => toggle(column.id)}
            >
              {column.name}
            </button>
          )}
        </For>
      </fieldset>
    </Menu>
  );
}
