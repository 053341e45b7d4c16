import { createMemo, Index, Show, type JSX } from "solid-js";
import { agentName, exactCount } from "../lib/format.ts";
import { query, setQuery } from "../lib/router.ts";
import { PERIODS, readFilter } from "../lib/sessionFilter.ts";
import { oneLine } from "../lib/visible.ts";
import { Chip, Menu } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { useServices } from "../state/engine.ts";

export function FilterMenu(): JSX.Element {
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

export function FilterChips(): JSX.Element {
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
