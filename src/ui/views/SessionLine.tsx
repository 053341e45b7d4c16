import { For, Show, type Accessor, type JSX } from "solid-js";
import type { SessionRow } from "../../app/api.ts";
import { plural, sessionTitle } from "../lib/format.ts";
import { now } from "../lib/now.ts";
import { sessionPath } from "../lib/router.ts";
import { areFew, type Column } from "../lib/sessionColumns.ts";
import { oneLine } from "../lib/visible.ts";
import { Time } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { isLive, lastActivity } from "../state/sessions.ts";

interface LineProps {
  readonly session: Accessor<SessionRow>;
  readonly columns: readonly Column[];
  readonly template: string;
  readonly namesProject: boolean;
  readonly index: number;
  readonly active: boolean;
  readonly selected: boolean;
}

export function SessionLine(props: LineProps): JSX.Element {
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
          {sessionTitle(row())}
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
