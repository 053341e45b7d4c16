import { For, Show, type JSX } from "solid-js";
import { agentName, exactCount } from "../lib/format.ts";
import { setTheme, theme, type Theme } from "../lib/preferences.ts";
import { useTitle } from "../lib/title.ts";
import { Failed, Skeleton } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { createAnswer, useServices } from "../state/engine.ts";

const THEMES: readonly { readonly id: Theme; readonly name: string }[] = [
  { id: "system", name: "As the system" },
  { id: "light", name: "Light" },
  { id: "dark", name: "Dark" },
];

export function SettingsView(): JSX.Element {
  useTitle(() => "Settings");
  const { engine, status } = useServices();
  const doctor = createAnswer(
    () => "all",
    () => engine.call("doctor", undefined),
    engine,
  );
  return (
    <main class="sheet scroll" aria-label="Settings">
      <div class="sheet-body">
        <header class="sheet-head">
          <h1>Settings</h1>
        </header>
        <section class="sheet-section">
          <h2>Colours</h2>
          <div class="segmented" role="group" aria-label="Colours">
            <For each={THEMES}>
              {(choice) => (
                <button
                  type="button"
                  aria-pressed={theme() === choice.id}
                  onClick={() => setTheme(choice.id)}
                >
                  {choice.name}
                </button>
              )}
            </For>
          </div>
        </section>
        <Show when={status()} fallback={<Skeleton rows={5} />}>
          {(known) => (
            <section class="sheet-section">
              <h2>This machine</h2>
              <For each={known().notices}>
                {(notice) => (
                  <p class="notice" role="note">
                    <Icon name="error" /> {notice}
                  </p>
                )}
              </For>
              <dl class="facts-list">
                <div>
                  <dt>Version</dt>
                  <dd>{known().version}</dd>
                </div>
                <div>
                  <dt>Profile</dt>
                  <dd>{known().profile}</dd>
                </div>
                <div>
                  <dt>Data folder</dt>
                  <dd class="mono">{known().dataFolder}</dd>
                </div>
                <div>
                  <dt>Sessions</dt>
                  <dd>{exactCount(known().sessions)}</dd>
                </div>
                <div>
                  <dt>Captures</dt>
                  <dd>{known().capturing.map(agentName).join(", ") || "nothing"}</dd>
                </div>
              </dl>
            </section>
          )}
        </Show>
        <section class="sheet-section">
          <h2>Checks</h2>
          <Show when={doctor.fault()}>
            {(words) => <Failed words={words()} onAgain={doctor.again} />}
          </Show>
          <Show when={doctor.slow()}>
            <Skeleton rows={4} />
          </Show>
          <ul class="checks">
            <For each={doctor.value()}>
              {(row) => (
                <li data-state={row.state}>
                  <Icon name={row.state === "ok" ? "check" : "error"} label={row.state} />
                  <b>{row.check}</b>
                  <span class="quiet">{row.detail}</span>
                </li>
              )}
            </For>
          </ul>
        </section>
      </div>
    </main>
  );
}
