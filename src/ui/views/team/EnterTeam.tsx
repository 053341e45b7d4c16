/** The three ways into a team: found one, come with an invite, come back with a recovery kit. */
import { createSignal, createUniqueId, Show, type JSX } from "solid-js";
import { announce } from "../../lib/announce.ts";
import { Action, Secret, TextInput } from "../../parts/Form.tsx";
import { NewPassphrase } from "../../parts/NewPassphrase.tsx";
import { useServices } from "../../state/engine.ts";

interface Entering {
  readonly onCancel: () => void;
  readonly onEntered: (team: string) => void;
}

export function CreateTeam(props: Entering): JSX.Element {
  const { engine } = useServices();
  const [name, setName] = createSignal("");
  const [passphrase, setPassphrase] = createSignal("");
  const [made, setMade] = createSignal<{
    readonly team: string;
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
            ready={passphrase() !== ""}
            onCancel={props.onCancel}
            run={async () => {
              setMade(
                await engine.call("createTeam", { name: name().trim(), passphrase: passphrase() }),
              );
            }}
          >
            <p>
              Only your team's devices can read what is shared. Not the server, and not we: we
              cannot reset the passphrase.
            </p>
            <TextInput label="Name" value={name()} onInput={setName} />
            <NewPassphrase value={passphrase()} onInput={setPassphrase} />
          </Action>
        }
      >
        {(secrets) => (
          <>
            <p>The team is there. These are shown once.</p>
            <Secret label="Passphrase: for every device that joins" value={passphrase()} />
            <Secret
              label="Team secret: keep this where you keep important papers"
              value={secrets().teamSecret}
            />
            <Secret
              label="Invite for your own further devices, for seven days"
              value={secrets().invite}
            />
            <div class="form-actions">
              <button
                type="button"
                class="button primary"
                onClick={() => props.onEntered(secrets().team)}
              >
                I have kept them
              </button>
            </div>
          </>
        )}
      </Show>
    </div>
  );
}

export function JoinTeam(props: Entering): JSX.Element {
  const { engine } = useServices();
  const [invite, setInvite] = createSignal("");
  const [passphrase, setPassphrase] = createSignal("");
  return (
    <div class="form">
      <h2>Join a team</h2>
      <Action
        name="Join"
        onCancel={props.onCancel}
        run={async () => {
          const { team } = await engine.call("joinTeam", {
            invite: invite().trim(),
            passphrase: passphrase(),
          });
          announce("Joined. What the team shares arrives now.");
          props.onEntered(team);
        }}
      >
        <TextInput
          label="Invite"
          hint="It lets this one device in, once, for the account it was made for."
          value={invite()}
          onInput={setInvite}
        />
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

export function RestoreTeam(props: Entering): JSX.Element {
  const { engine } = useServices();
  const hint = createUniqueId();
  const [kit, setKit] = createSignal("");
  const [team, setTeam] = createSignal<string | null>(null);
  return (
    <div class="form">
      <h2>Restore with a recovery kit</h2>
      <Show
        when={team()}
        fallback={
          <Action
            name="Restore"
            onCancel={props.onCancel}
            run={async () => void setTeam((await engine.call("restoreTeam", { kit: kit() })).team)}
          >
            <p>
              The kit you printed brings this device into the team, without passphrase or invite. It
              is for the account that printed it.
            </p>
            <label>
              Recovery kit
              <textarea
                required
                rows="3"
                class="mono"
                aria-label="Recovery kit"
                autocomplete="off"
                autocapitalize="characters"
                spellcheck={false}
                aria-describedby={hint}
                value={kit()}
                onInput={(event) => setKit(event.currentTarget.value)}
              />
              <small id={hint} class="quiet">
                Twelve groups of five letters and digits. Small letters and blanks are fine.
              </small>
            </label>
          </Action>
        }
      >
        {(entered) => (
          <>
            <p>
              This device is in the team. The kit does not know what happened since it was printed:
              compare the safety words with somebody of the team before you rely on it.
            </p>
            <p>
              If a device was lost or stolen, remove it now: you find it among your devices. The kit
              stays good.
            </p>
            <div class="form-actions">
              <button
                type="button"
                class="button primary"
                onClick={() => props.onEntered(entered())}
              >
                To the team
              </button>
            </div>
          </>
        )}
      </Show>
    </div>
  );
}
