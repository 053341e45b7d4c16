import { For, type JSX } from "solid-js";
import { groupBy, hiddenColumns, setGroupBy, setHiddenColumns } from "../lib/preferences.ts";
import { COLUMNS } from "../lib/sessionColumns.ts";
import { Menu } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";

export function ColumnsMenu(): JSX.Element {
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
