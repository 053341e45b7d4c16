import { createMemo, createSignal, For, Match, Show, Switch, type JSX } from "solid-js";
import type { TeamRow } from "../../../app/api.ts";
import { now } from "../../lib/now.ts";
import { navigate, route, teamPath } from "../../lib/router.ts";
import { syncWords } from "../../lib/statusWords.ts";
import { useTitle } from "../../lib/title.ts";
import { oneLine } from "../../lib/visible.ts";
import { Skeleton } from "../../parts/Basics.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { useServices } from "../../state/engine.ts";
import { Account, SignedIn } from "./Account.tsx";
import { CreateTeam, JoinTeam, RestoreTeam } from "./EnterTeam.tsx";
import { SyncAlarm } from "./SyncAlarm.tsx";
import { TeamPage } from "./TeamPage.tsx";
import { TeamProjects } from "./TeamProjects.tsx";

export function TeamView(): JSX.Element {
  useTitle(() => "Team");
  const { status } = useServices();
  return (
    <main class="sheet scroll" aria-label="Team">
      <div class="sheet-body">
        <header class="sheet-head">
          <h1>Team</h1>
        </header>
        <Show when={status()} fallback={<Skeleton rows={4} />}>
          {(known) => (
            <>
              <SyncAlarm sync={known().sync} />
              <Show when={known().account} fallback={<Account />}>
                {(account) => (
                  <>
                    <SignedIn account={account()} sync={syncWords(known().sync, now())} />
                    <Teams teams={known().teams} />
                    <TeamProjects teams={known().teams} />
                  </>
                )}
              </Show>
            </>
          )}
        </Show>
      </div>
    </main>
  );
}

/** The team of the address, the others by name, and the ways into one. */
function Teams(props: { readonly teams: readonly TeamRow[] }): JSX.Element {
  const asked = createMemo(() => {
    const at = route();
    return at.view === "team" ? at.team : null;
  });
  const chosen = createMemo(() =>
    asked() === null ? props.teams[0] : props.teams.find(({ id }) => id === asked()),
  );
  return (
    <>
      <Show when={props.teams.length > 1}>
        <nav class="team-names" aria-label="Teams">
          <For each={props.teams}>
            {(team) => (
              <a
                href={teamPath(team.id)}
                aria-current={team.id === chosen()?.id ? "page" : undefined}
              >
                {oneLine(team.name)}
              </a>
            )}
          </For>
        </nav>
      </Show>
      <Switch>
        <Match when={chosen()?.id} keyed>
          {(id) => <TeamPage id={id} name={chosen()?.name ?? ""} />}
        </Match>
        <Match when={asked() !== null}>
          <section class="sheet-section">
            <p>
              You are in no team of this address on this machine. You may have left it, or the link
              is for another account. <a href={teamPath(null)}>Your teams</a>
            </p>
          </section>
        </Match>
      </Switch>
      <WaysIn isFirst={props.teams.length === 0} />
    </>
  );
}

const WAYS = [
  { form: CreateTeam, name: "Create a team" },
  { form: JoinTeam, name: "Join with an invite" },
  { form: RestoreTeam, name: "Restore with a recovery kit" },
] as const;

function WaysIn(props: { readonly isFirst: boolean }): JSX.Element {
  const [way, setWay] = createSignal<(typeof WAYS)[number] | null>(null);
  const { askStatus } = useServices();
  return (
    <section class="sheet-section" aria-label="Ways into a team">
      <h2>{props.isFirst ? "Teams" : "Another team"}</h2>
      <Show when={props.isFirst}>
        <p class="quiet">
          You are in no team. A team of one is how your own devices find each other.
        </p>
      </Show>
      <div class="form-actions start">
        <For each={WAYS}>
          {(each) => (
            <button type="button" class="button" onClick={() => setWay(each)}>
              {each.name}
            </button>
          )}
        </For>
      </div>
      <Dialog
        open={way() !== null}
        label={way()?.name ?? ""}
        class="form-dialog"
        onClose={() => setWay(null)}
      >
        <Show when={way()} keyed>
          {({ form: Form }) => (
            <Form
              onCancel={() => setWay(null)}
              onEntered={(team) => {
                setWay(null);
                askStatus();
                navigate(teamPath(team));
              }}
            />
          )}
        </Show>
      </Dialog>
    </section>
  );
}
