import { createEffect, createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { agentName, listTime, sessionTitle } from "../lib/format.ts";
import { now } from "../lib/now.ts";
import { setTheme } from "../lib/preferences.ts";
import { decisionPath, navigate, sessionPath, teamPath } from "../lib/router.ts";
import { oneLine } from "../lib/visible.ts";
import { createAnswer, useServices } from "../state/engine.ts";
import { lastActivity } from "../state/sessions.ts";
import { Dialog } from "./Dialog.tsx";
import { Icon, type IconName } from "./Icon.tsx";

interface Command {
  readonly icon: IconName;
  readonly name: string;
  readonly aside: string;
  readonly run: () => void;
}

const MAX_SHOWN = 40;

/** Goes anywhere and does anything by typing a part of its name. */
export function Palette(props: {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onKeys: () => void;
}): JSX.Element {
  return (
    <Dialog open={props.open} label="Commands" class="palette" onClose={props.onClose}>
      <Body onClose={props.onClose} onKeys={props.onKeys} />
    </Dialog>
  );
}

function Body(props: { readonly onClose: () => void; readonly onKeys: () => void }): JSX.Element {
  const { engine, sessions } = useServices();
  const [words, setWords] = createSignal("");
  const [at, setAt] = createSignal(0);
  const decisions = createAnswer(
    () => "all",
    () => engine.call("decisions", undefined),
    engine,
  );

  const go = (icon: IconName, name: string, path: () => string, aside = "View"): Command => ({
    icon,
    name,
    aside,
    run: () => navigate(path()),
  });
  const fixed: readonly Command[] = [
    go("sessions", "Sessions", () => sessionPath(null)),
    go("decisions", "Decisions", () => decisionPath(null)),
    go("usage", "Usage", () => "/usage"),
    go("team", "Team", () => teamPath(null)),
    go("privacy", "Privacy", () => "/privacy"),
    go("settings", "Settings", () => "/settings"),
    go("plus", "New decision", () => "/decisions?new", "Action"),
    { icon: "help", name: "All keys", aside: "Action", run: () => props.onKeys() },
    { icon: "settings", name: "Light colours", aside: "Action", run: () => setTheme("light") },
    { icon: "settings", name: "Dark colours", aside: "Action", run: () => setTheme("dark") },
    {
      icon: "settings",
      name: "Colours of the system",
      aside: "Action",
      run: () => setTheme("system"),
    },
  ];

  const found = createMemo<readonly Command[]>(() => {
    const needles = words().toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (text: string): boolean =>
      needles.every((needle) => text.toLowerCase().includes(needle));
    const list = fixed.filter((command) => matches(command.name));
    for (const row of decisions.value() ?? []) {
      if (matches(row.title))
        list.push(go("decisions", oneLine(row.title), () => decisionPath(row.id), "Decision"));
    }
    for (const row of sessions.sorted()) {
      if (list.length >= MAX_SHOWN) break;
      const title = sessionTitle(row);
      if (!matches(`${title} ${row.project?.name ?? ""} ${agentName(row.agent)}`)) continue;
      list.push(go("prompt", title, () => sessionPath(row.id), listTime(lastActivity(row), now())));
    }
    return list.slice(0, MAX_SHOWN);
  });
  createEffect(() => {
    found();
    setAt(0);
  });

  function run(command: Command | undefined): void {
    if (command === undefined) return;
    props.onClose();
    command.run();
  }

  return (
    <>
      <input
        class="palette-input"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${at()}`}
        aria-label="Go to or do"
        placeholder="Go to or do"
        spellcheck={false}
        autofocus
        value={words()}
        onInput={(event) => setWords(event.currentTarget.value)}
        onKeyDown={(event) => {
          const last = found().length - 1;
          if (event.key === "ArrowDown") setAt((index) => Math.min(last, index + 1));
          else if (event.key === "ArrowUp") setAt((index) => Math.max(0, index - 1));
          else if (event.key === "Enter") run(found()[at()]);
          else return;
          event.preventDefault();
        }}
      />
      <ul class="palette-list" id="palette-list" role="listbox" aria-label="Commands">
        <For each={found()}>
          {(command, index) => (
            <li
              id={`palette-${index()}`}
              role="option"
              aria-selected={index() === at()}
              ref={(element) =>
                createEffect(() => {
                  if (index() === at()) element.scrollIntoView({ block: "nearest" });
                })
              }
              onPointerMove={() => setAt(index())}
              onClick={() => run(command)}
            >
              <Icon name={command.icon} />
              <span class="cut">{command.name}</span>
              <small>{command.aside}</small>
            </li>
          )}
        </For>
      </ul>
      <Show when={found().length === 0}>
        <p class="palette-none">Nothing has this name.</p>
      </Show>
    </>
  );
}
