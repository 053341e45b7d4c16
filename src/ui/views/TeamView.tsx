import { Show, type JSX } from "solid-js";
import { now } from "../lib/now.ts";
import { syncWords } from "../lib/statusWords.ts";
import { useTitle } from "../lib/title.ts";
import { Skeleton } from "../parts/Basics.tsx";
import { useServices } from "../state/engine.ts";
import { Account, SignedIn } from "./Account.tsx";
import { SyncAlarm } from "./SyncAlarm.tsx";
import { TeamProjects } from "./TeamProjects.tsx";
import { Teams } from "./Teams.tsx";

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
