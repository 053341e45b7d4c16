import { For, type JSX } from "solid-js";
import { decisionPath, route, sessionPath, teamPath, type ViewName } from "../lib/router.ts";
import { Icon } from "./Icon.tsx";

interface Entry {
  readonly view: ViewName;
  readonly name: string;
  readonly path: () => string;
}

const READING: readonly Entry[] = [
  { view: "sessions", name: "Sessions", path: () => sessionPath(null) },
  { view: "decisions", name: "Decisions", path: () => decisionPath(null) },
];
const KNOWING: readonly Entry[] = [
  { view: "usage", name: "Usage", path: () => "/usage" },
  { view: "team", name: "Team", path: () => teamPath(null) },
  { view: "privacy", name: "Privacy", path: () => "/privacy" },
];
const SETTINGS: readonly Entry[] = [
  { view: "settings", name: "Settings", path: () => "/settings" },
];

export function Rail(): JSX.Element {
  return (
    <nav class="rail" aria-label="Views">
      <div class="rail-name" aria-hidden="true">
        <i />
        Operon
      </div>
      <Group entries={READING} />
      <Group entries={KNOWING} />
      <span class="rail-space" />
      <Group entries={SETTINGS} />
    </nav>
  );
}

function Group(props: { readonly entries: readonly Entry[] }): JSX.Element {
  return (
    <div class="rail-group">
      <For each={props.entries}>
        {(entry) => (
          <a
            href={entry.path()}
            title={entry.name}
            aria-current={route().view === entry.view ? "page" : undefined}
          >
            <Icon name={entry.view} />
            <span>{entry.name}</span>
          </a>
        )}
      </For>
    </div>
  );
}
