import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { TeamRow } from "../../app/api.ts";
import { oneLine } from "../lib/visible.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { CreateTeam, Invite, JoinTeam } from "./TeamForms.tsx";

const ROLES: Record<TeamRow["role"], string> = {
  owner: "you own it",
  admin: "you look after it",
  member: "member",
};

export function Teams(props: { readonly teams: readonly TeamRow[] }): JSX.Element {
  const [dialog, setDialog] = createSignal<"create" | "join" | { readonly invite: TeamRow } | null>(
    null,
  );
  const inviteTo = createMemo(() => {
    const shown = dialog();
    return typeof shown === "object" && shown !== null ? shown.invite : null;
  });
  const close = (): void => void setDialog(null);
  return (
    <section class="sheet-section">
      <h2>Teams</h2>
      <Show
        when={props.teams.length > 0}
        fallback={
          <p class="quiet">
            You are in no team. A team of one is how your own devices find each other.
          </p>
        }
      >
        <ul class="lines">
          <For each={props.teams}>
            {(team) => (
              <li>
                <span>
                  <b>{oneLine(team.name)}</b> <span class="quiet">{ROLES[team.role]}</span>
                </span>
                <button type="button" class="button" onClick={() => setDialog({ invite: team })}>
                  Invite
                </button>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <div class="form-actions start">
        <button type="button" class="button" onClick={() => setDialog("create")}>
          Create a team
        </button>
        <button type="button" class="button" onClick={() => setDialog("join")}>
          Join with an invite
        </button>
      </div>
      <Dialog
        open={dialog() === "create"}
        label="Create a team"
        class="form-dialog"
        onClose={close}
      >
        <CreateTeam onDone={close} />
      </Dialog>
      <Dialog open={dialog() === "join"} label="Join a team" class="form-dialog" onClose={close}>
        <JoinTeam onDone={close} />
      </Dialog>
      <Dialog open={inviteTo() !== null} label="Invite" class="form-dialog" onClose={close}>
        <Show when={inviteTo()}>{(team) => <Invite team={team()} onDone={close} />}</Show>
      </Dialog>
    </section>
  );
}
