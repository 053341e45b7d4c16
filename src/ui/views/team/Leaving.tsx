import { createSignal, createUniqueId, Show, type JSX } from "solid-js";
import type { TeamDetail } from "../../../app/api.ts";
import { announce } from "../../lib/announce.ts";
import { navigate, teamPath } from "../../lib/router.ts";
import { isOnlyOwner } from "../../lib/team.ts";
import { oneLine } from "../../lib/visible.ts";
import { Dialog } from "../../parts/Dialog.tsx";
import { Action } from "../../parts/Form.tsx";
import { useServices } from "../../state/engine.ts";

export function Leaving(props: { readonly team: TeamDetail }): JSX.Element {
  return (
    <Show
      when={props.team.members.length > 1}
      fallback={<Forgetting id={props.team.id} name={props.team.name} isAlone />}
    >
      <LeavingOthers team={props.team} />
    </Show>
  );
}

/** Of a team that cannot be left: nobody else is in it, this device is out, or its log is not to be believed. */
export function Forgetting(props: {
  readonly id: string;
  readonly name: string;
  readonly isAlone?: boolean;
}): JSX.Element {
  const why = createUniqueId();
  const { engine, askStatus } = useServices();
  const [isAsked, setAsked] = createSignal(false);
  const close = (): void => void setAsked(false);
  return (
    <section class="team-part team-setting">
      <div>
        <h3>Forget</h3>
        <p class="quiet" id={why}>
          {props.isAlone === true
            ? "You are the only member, so there is nobody to leave. This device can forget the team."
            : "This device can forget the team. What is on this machine stays here."}
        </p>
      </div>
      <button type="button" class="button" aria-describedby={why} onClick={() => setAsked(true)}>
        Forget the team
      </button>
      <Dialog open={isAsked()} label="Forget the team" class="form-dialog" onClose={close}>
        <div class="form">
          <h2>Forget {oneLine(props.name)}</h2>
          <ul class="words">
            <li>What is on this machine stays here, what others shared too.</li>
            <li>
              The team's keys go from this device. Nothing more is sent or fetched, and projects
              linked to the team are linked no more.
            </li>
            <Show
              when={props.isAlone === true}
              fallback={
                <li>
                  Nobody is told. If you are still in the team, you stay in it until somebody
                  removes you.
                </li>
              }
            >
              <li>
                Without another device of yours or a recovery kit, nobody can ever read again what
                lies on the server.
              </li>
            </Show>
          </ul>
          <Action
            name="Forget"
            onCancel={close}
            run={async () => {
              await engine.call("forgetTeam", { team: props.id });
              announce("This device has forgotten the team. What is on this machine stays here.");
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

function LeavingOthers(props: { readonly team: TeamDetail }): JSX.Element {
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
