/** What is done to a member or a device: each says first what will happen. */
import { createSignal, Show, type JSX } from "solid-js";
import type { TeamDetail, TeamMember } from "../../../app/api.ts";
import { announce } from "../../lib/announce.ts";
import { deviceName, memberName, type Role, type TeamDevice } from "../../lib/team.ts";
import { Choice } from "../../parts/Choice.tsx";
import { Action, TextInput } from "../../parts/Form.tsx";
import { useServices } from "../../state/engine.ts";

export interface Target {
  readonly member: TeamMember;
  /** Null: the member, with all devices. */
  readonly device: TeamDevice | null;
}

interface TargetProps extends Target {
  readonly team: TeamDetail;
  readonly onCancel: () => void;
  readonly onDone: (team: TeamDetail) => void;
}

export const ROLE_CHOICES: readonly {
  readonly value: Role;
  readonly name: string;
  readonly words: string;
}[] = [
  {
    value: "member",
    name: "Member",
    words: "Reads and writes what the team shares, and adds own devices.",
  },
  {
    value: "admin",
    name: "Admin",
    words: "Also invites and removes members, makes new keys and changes the passphrase.",
  },
  {
    value: "owner",
    name: "Owner",
    words: "Also invites admins, gives roles, and removes anybody. A team always has one.",
  },
];

export function GiveRole(props: TargetProps): JSX.Element {
  const { engine } = useServices();
  const [role, setRole] = createSignal<Role>(props.member.role);
  const name = (): string => memberName(props.member);
  return (
    <div class="form">
      <h2>Role of {name()}</h2>
      <Action
        name="Give this role"
        ready={role() !== props.member.role}
        onCancel={props.onCancel}
        run={async () => {
          const team = await engine.call("giveRole", {
            whom: props.member.id,
            role: role(),
            team: props.team.id,
          });
          announce(`${name()} is ${role()} now.`);
          props.onDone(team);
        }}
      >
        <Choice label="What they may do" value={role()} choices={ROLE_CHOICES} onChoose={setRole} />
        <Show when={props.member.you}>
          <p>This is your own role: to get it back, another owner has to give it to you.</p>
        </Show>
      </Action>
    </div>
  );
}

export function RenameDevice(props: TargetProps): JSX.Element {
  const { engine } = useServices();
  const [name, setName] = createSignal(props.device?.name ?? "");
  return (
    <div class="form">
      <h2>Rename a device</h2>
      <Action
        name="Rename"
        onCancel={props.onCancel}
        run={async () => {
          const team = await engine.call("renameDevice", {
            device: props.device?.id ?? "",
            name: name().trim(),
            team: props.team.id,
          });
          announce("Renamed.");
          props.onDone(team);
        }}
      >
        <TextInput
          label="Name"
          hint="Your team sees it. The server does not."
          value={name()}
          onInput={setName}
        />
      </Action>
    </div>
  );
}

export function Remove(props: TargetProps): JSX.Element {
  const { engine } = useServices();
  const name = (): string =>
    props.device === null ? memberName(props.member) : deviceName(props.device);
  return (
    <div class="form">
      <h2>Remove {name()}</h2>
      <Show when={props.device !== null && !props.member.you}>
        <p>It is a device of {memberName(props.member)}, who stays in the team.</p>
      </Show>
      <ul class="words">
        <li>{keeps(props.device)}</li>
        <Show when={props.device?.kind !== "recovery"}>
          <li>Nothing that is written from now on can be read there.</li>
        </Show>
        <li>Everybody who stays gets a new key, by itself.</li>
        <li>Open invites end. Make new ones for those who still need one.</li>
      </ul>
      <Action
        name="Remove"
        onCancel={props.onCancel}
        run={async () => {
          const team = await engine.call("removeFromTeam", {
            whom: props.device?.id ?? props.member.id,
            team: props.team.id,
          });
          announce(`Removed ${name()}. The others have a new key.`);
          props.onDone(team);
        }}
      />
    </div>
  );
}

function keeps(device: TeamDevice | null): string {
  if (device === null) return "They keep what is on their devices today: nobody can take it back.";
  return device.kind === "recovery"
    ? "The paper brings nobody back any more. Print another one if you want one."
    : "It keeps what is on it today: nobody can take it back.";
}
