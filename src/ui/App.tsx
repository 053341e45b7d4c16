import { createSignal, Match, Show, Switch, type JSX } from "solid-js";
import { note } from "./lib/announce.ts";
import type { Engine } from "./lib/client.ts";
import { useKeys } from "./lib/keys.ts";
import { applyTheme } from "./lib/preferences.ts";
import { decisionPath, followLinks, navigate, route, sessionPath } from "./lib/router.ts";
import { applyTitle } from "./lib/title.ts";
import { Empty } from "./parts/Basics.tsx";
import { KeysOverlay } from "./parts/KeysOverlay.tsx";
import { Palette } from "./parts/Palette.tsx";
import { Rail } from "./parts/Rail.tsx";
import { StatusLine } from "./parts/StatusLine.tsx";
import { createDocuments } from "./state/documents.ts";
import { createStatus, ServicesContext } from "./state/engine.ts";
import { createSessions } from "./state/sessions.ts";
import { DecisionsView } from "./views/DecisionsView.tsx";
import { PrivacyView } from "./views/PrivacyView.tsx";
import { SessionsView } from "./views/SessionsView.tsx";
import { SettingsView } from "./views/SettingsView.tsx";
import { TeamView } from "./views/team/TeamView.tsx";
import { UsageView } from "./views/UsageView.tsx";

export function App(props: { readonly engine: Engine }): JSX.Element {
  const { engine } = props;
  const services = {
    engine,
    ...createStatus(engine),
    sessions: createSessions(engine),
    documents: createDocuments(engine),
  };
  const [overlay, setOverlay] = createSignal<"keys" | "palette" | null>(null);
  applyTheme();
  applyTitle();

  useKeys({
    "?": () => void setOverlay("keys"),
    "mod+k": () => void setOverlay(overlay() === "palette" ? null : "palette"),
    "g s": () => navigate(sessionPath(null)),
    "g d": () => navigate(decisionPath(null)),
    "g u": () => navigate("/usage"),
    "g t": () => navigate("/team"),
  });

  return (
    <ServicesContext.Provider value={services}>
      <div class="app" ref={followLinks}>
        <a class="skip" href="#main" target="_self">
          Skip to the content
        </a>
        <Rail />
        <div class="stage" id="main">
          <Switch
            fallback={
              <Empty title="There is nothing at this address">
                <p>
                  The link may be cut. <a href="/sessions">All sessions</a>
                </p>
              </Empty>
            }
          >
            <Match when={route().view === "sessions"}>
              <SessionsView />
            </Match>
            <Match when={route().view === "decisions"}>
              <DecisionsView />
            </Match>
            <Match when={route().view === "usage"}>
              <UsageView />
            </Match>
            <Match when={route().view === "team"}>
              <TeamView />
            </Match>
            <Match when={route().view === "privacy"}>
              <PrivacyView />
            </Match>
            <Match when={route().view === "settings"}>
              <SettingsView />
            </Match>
          </Switch>
        </div>
        <StatusLine onPalette={() => setOverlay("palette")} />
        <KeysOverlay open={overlay() === "keys"} onClose={() => setOverlay(null)} />
        <Palette
          open={overlay() === "palette"}
          onClose={() => setOverlay(null)}
          onKeys={() => setOverlay("keys")}
        />
        <div class="notes" role="status" aria-live="polite">
          <Show when={note()}>
            {(shown) => <p class={`note ${shown().tone}`}>{shown().words}</p>}
          </Show>
        </div>
      </div>
    </ServicesContext.Provider>
  );
}
