import { createSignal, Show, type JSX } from "solid-js";
import type { TeamRow } from "../../app/api.ts";
import { announce } from "../lib/announce.ts";
import { oneLine } from "../lib/visible.ts";
import { Action, Secret, TextInput } from "../parts/Form.tsx";
import { useServices } from "../state/engine.ts";

const PASSPHRASE_HINT =
  "Only your team's devices can read what is shared. We cannot reset the passphrase.";

export function CreateTeam(props: { readonly onDone: () => void }): JSX.Element {
  const { engine } = useServices();
  const [name, setName] = createSignal("");
  const [passphrase, setPassphrase] = createSignal("");
  const [made, setMade] = createSignal<{
    readonly teamSecret: string;
    readonly invite: string;
  } | null>(null);
  return (
    <div class="form">
      <h2>Create a team</h2>
      <Show
        when={made()}
        fallback={
          <Action
            name="Create"
            onCancel={props.onDone}
            run={async () => {
              setMade(
                await engine.call("createTeam", { name: name().trim(), passphrase: passphrase() }),
              );
              setPassphrase("");
            }}
          >
            <TextInput label="Name" value={name()} onInput={setName} />
            <TextInput
              label="Passphrase"
              hint={PASSPHRASE_HINT}
              type="password"
              autocomplete="new-password"
              value={passphrase()}
              onInput={setPassphrase}
            />
          </Action>
        }
      >
        {(secrets) => (
          <>
            <p>The team is there. These two are shown once.</p>
            <Secret
              label="Team secret: keep this where you keep important papers"
              value={secrets().teamSecret}
            />
            <Secret
              label="Invite for your own further devices, for seven days"
              value={secrets().invite}
            />
            <div class="form-actions">
              <button type="button" class="button primary" onClick={() => props.onDone()}>
                I have kept them
              </button>
            </div>
          </>
        )}
      </Show>
    </div>
  );
}

export function JoinTeam(props: { readonly onDone: () => void }): JSX.Element {
  const { engine } = useServices();
  const [invite, setInvite] = createSignal("");
  const [passphrase, setPassphrase] = createSignal("");
  return (
    <div class="form">
      <h2>Join a team</h2>
      <Action
        name="Join"
        onCancel={props.onDone}
        run={async () => {
          await engine.call("joinTeam", { invite: invite().trim(), passphrase: passphrase() });
          announce("Joined. What the team shares arrives now.");
          props.onDone();
        }}
      >
        <TextInput label="Invite" value={invite()} onInput={setInvite} />
        <TextInput
          label="Passphrase of the team"
          hint="Somebody of the team tells you, not by the way the invite came. A wrong one does not use up the invite."
          type="password"
          value={passphrase()}
          onInput={setPassphrase}
        />
      </Action>
    </div>
  );
}

export function Invite(props: {
  readonly team: TeamRow;
  readonly onDone: () => void;
}): JSX.Element {
  const { engine } = useServices();
  const [email, setEmail] = createSignal("");
  const [invite, setInvite] = createSignal<string | null>(null);
  return (
    <div class="form">
      <h2>Invite to {oneLine(props.team.name)}</h2>
      <Show
        when={invite()}
        fallback={
          <Action
            name="Make an invite"
            onCancel={props.onDone}
            run={async () => {
              setInvite(
                (await engine.call("inviteToTeam", { email: email().trim(), team: props.team.id }))
                  .invite,
              );
            }}
          >
            <TextInput
              label="E-mail of their account"
              hint="Only this account can use the invite, for seven days. To add a further device of your own, enter your own."
              type="email"
              value={email()}
              onInput={setEmail}
            />
          </Action>
        }
      >
        {(text) => (
          <>
            <p>Send them this, and tell them the passphrase by another way.</p>
            <Secret label="Invite" value={text()} />
            <div class="form-actions">
              <button type="button" class="button primary" onClick={() => props.onDone()}>
                Done
              </button>
            </div>
          </>
        )}
      </Show>
    </div>
  );
}
