/** The team's key, and the passphrase that a device joins with. */
import { createSignal, Show, type JSX } from "solid-js";
import { announce } from "../../lib/announce.ts";
import { exactCount } from "../../lib/format.ts";
import { leads } from "../../lib/team.ts";
import { Choice } from "../../parts/Choice.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Action } from "../../parts/Form.tsx";
import { NewPassphrase } from "../../parts/NewPassphrase.tsx";
import { useServices } from "../../state/engine.ts";
import type { TeamPartProps } from "./TeamPage.tsx";

export function KeySection(props: TeamPartProps): JSX.Element {
  const [isAsked, setAsked] = createSignal(false);
  const close = (): void => void setAsked(false);
  return (
    <section class="team-part team-setting">
      <div>
        <h3>Key {exactCount(props.team.epoch)}</h3>
        <p class="quiet">
          What the team shares is encrypted with this key. The devices above have it, the server
          does not. A new one is made whenever somebody or a device goes: whoever is gone reads
          nothing new. What was written before stays readable here.
        </p>
      </div>
      <Show when={leads(props.team)}>
        <button type="button" class="button" onClick={() => setAsked(true)}>
          Make a new key
        </button>
      </Show>
      <Dialog open={isAsked()} label="Make a new key" class="form-dialog" onClose={close}>
        <NewKey {...props} onClose={close} />
      </Dialog>
    </section>
  );
}

export function PassphraseSection(props: TeamPartProps): JSX.Element {
  const [isAsked, setAsked] = createSignal(false);
  const close = (): void => void setAsked(false);
  return (
    <section class="team-part team-setting">
      <div>
        <h3>Passphrase</h3>
        <p class="quiet">
          A device joins with an invite and the passphrase; devices that are in need it no more. We
          cannot reset it.{" "}
          {leads(props.team)
            ? "If it is forgotten, choose another one here."
            : "If it is forgotten, an owner or an admin chooses another one."}
        </p>
      </div>
      <Show when={leads(props.team)}>
        <button type="button" class="button" onClick={() => setAsked(true)}>
          Change the passphrase
        </button>
      </Show>
      <Dialog open={isAsked()} label="Change the passphrase" class="form-dialog" onClose={close}>
        <ChangePassphrase {...props} onClose={close} />
      </Dialog>
    </section>
  );
}

type FormProps = TeamPartProps & { readonly onClose: () => void };

function NewKey(props: FormProps): JSX.Element {
  const { engine } = useServices();
  const [how, setHow] = createSignal<"keep" | "change">("keep");
  const [passphrase, setPassphrase] = createSignal("");
  return (
    <div class="form">
      <h2>Make a new key</h2>
      <Action
        name="Make a new key"
        ready={how() === "keep" || passphrase() !== ""}
        onCancel={props.onClose}
        run={async () => {
          const team = await engine.call("rotateTeam", {
            ...(how() === "change" && { passphrase: passphrase() }),
            team: props.team.id,
          });
          announce(`The team has key ${exactCount(team.epoch)}. Open invites are no longer good.`);
          props.onChanged(team);
          props.onClose();
        }}
      >
        <ul class="words">
          <li>What is written from now on needs the new key.</li>
          <li>Every device of the team gets it by itself, when it next connects.</li>
          <li>Open invites end.</li>
        </ul>
        <Choice
          label="The passphrase"
          value={how()}
          choices={[
            {
              value: "keep",
              name: "Stays as it is",
              words: "Right when nobody outside the team has seen it.",
            },
            {
              value: "change",
              name: "Becomes another one",
              words: "Right when somebody outside the team has seen it, or may have.",
            },
          ]}
          onChoose={setHow}
        />
        <Show when={how() === "change"}>
          <NewPassphrase value={passphrase()} onInput={setPassphrase} />
        </Show>
      </Action>
    </div>
  );
}

function ChangePassphrase(props: FormProps): JSX.Element {
  const { engine } = useServices();
  const [passphrase, setPassphrase] = createSignal("");
  return (
    <div class="form">
      <h2>Change the passphrase</h2>
      <Action
        name="Change it"
        ready={passphrase() !== ""}
        onCancel={props.onClose}
        run={async () => {
          const team = await engine.call("changePassphrase", {
            passphrase: passphrase(),
            team: props.team.id,
          });
          announce("The passphrase is another one.");
          props.onChanged(team);
          props.onClose();
        }}
      >
        <p>
          The key stays the same. Whoever joins from now on needs the new passphrase, also with an
          invite that is open already.
        </p>
        <p>If somebody outside the team has seen the old one, make a new key instead.</p>
        <NewPassphrase value={passphrase()} onInput={setPassphrase} />
      </Action>
    </div>
  );
}
