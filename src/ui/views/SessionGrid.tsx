import {
  createEffect,
  createMemo,
  createSignal,
  For,
  on,
  onCleanup,
  Show,
  type JSX,
} from "solid-js";
import type { SessionRow } from "../../app/api.ts";
import { plural } from "../lib/format.ts";
import { useKeys } from "../lib/keys.ts";
import { now } from "../lib/now.ts";
import { groupBy, hiddenColumns } from "../lib/preferences.ts";
import { navigate, sessionPath } from "../lib/router.ts";
import { areFew, gridTemplate, type Column } from "../lib/sessionColumns.ts";
import { grouped, type ListRow } from "../lib/sessionFilter.ts";
import { oneLine } from "../lib/visible.ts";
import { VirtualList, type ListHandle } from "../parts/VirtualList.tsx";
import { SessionLine } from "./SessionLine.tsx";

const ROW_PX = 36;
const HEADING_PX = 34;

/** Where the list was when it was left. */
let place = 0;

interface GridProps {
  readonly rows: readonly SessionRow[];
  readonly columns: readonly Column[];
  readonly selected: string | null;
  readonly takeKeys: (take: (event: KeyboardEvent) => void) => void;
}

/** The sessions as lines under their headings, read with the keyboard. */
export function SessionGrid(props: GridProps): JSX.Element {
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
