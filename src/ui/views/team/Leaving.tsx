import { createSignal, type JSX } from "solid-js";
import type { TeamDetail } from "../../../app/api.ts";
import { announce } from "../../lib/announce.ts";
import { navigate, teamPath } from "../../lib/router.ts";
import { isOnlyOwner } from "../../lib/team.ts";
import { oneLine } from "../../lib/visible.ts";
import { Dialog } from "../../parts/Dialog.tsx";
import { Action } from "../../parts/Form.tsx";
import { useServices } from "../../state/engine.ts";

export function Leaving(props: { readonly team: TeamDetail }): JSX.Element {
  const { engine, askStatus } = useServices();
  const [isAsked, setAsked] = createSignal(false);
  const close = (): void => void setAsked(false);
  return (
    <section class="team-part team-setting">
      <div>
        <h3>Leave</h3>
        <p class="quiet" id="leave-why">
          {isOnlyOwner(props.team)
            ? "You are the only owner, and nobody else could lead the team. Make somebody else an owner before you leave."
            : "All your devices leave with you. What is on this machine stays here."}
        </p>
      </div>
      <button
        type="button"
        class="button"
        disabled={isOnlyOwner(props.team)}
        aria-describedby="leave-why"
        onClick={() => setAsked(true)}
      >
        Leave the team
      </button>
      <Dialog open={isAsked()} label="Leave the team" class="form-dialog" onClose={close}>
        <div class="form">
          <h2>Leave {oneLine(props.team.name)}</h2>
          <ul class="words">
            <li>What is on this machine stays here, what others shared too.</li>
            <li>
              Nothing more is sent or fetched. Projects linked to the team are linked no more.
            </li>
            <li>All your devices and recovery kits leave with you.</li>
            <li>Those who stay get a new key. Open invites end.</li>
            <li>To come back, you need an invite.</li>
          </ul>
          <Action
            name="Leave"
            onCancel={close}
            run={async () => {
              await engine.call("leaveTeam", { team: props.team.id });
              announce("You are not in the team any more. What is on this machine stays here.");
              close();
              navigate(teamPath(null));
              askStatus();
            }}
          />
        </div>
      </Dialog>
    </section>
  );
}
