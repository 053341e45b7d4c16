/** Recovery kits: what one is, the advice to print one, and the paper itself. */
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { TeamDetail } from "../../../app/api.ts";
import { exactCount } from "../../lib/format.ts";
import { kitAdviceRead, setKitAdviceRead } from "../../lib/preferences.ts";
import { memberName, ownMember } from "../../lib/team.ts";
import { oneLine } from "../../lib/visible.ts";
import { Dialog, holdDialog } from "../../parts/Dialog.tsx";
import { Action } from "../../parts/Form.tsx";
import { Icon } from "../../parts/Icon.tsx";
import { useServices } from "../../state/engine.ts";

interface KitProps {
  readonly team: TeamDetail;
  readonly onMade: () => void;
}

/** Said until it is read, or followed. */
export function KitAdvice(props: KitProps): JSX.Element {
  const isDue = createMemo(
    () => ownKits(props.team) === 0 && !kitAdviceRead().includes(props.team.id),
  );
  return (
    <Show when={isDue()}>
      <div class="advice" role="note">
        <p>
          Print one recovery kit for yourself. If all your devices are lost, it is the only way back
          into this team without somebody inviting you again.
        </p>
        <span class="line-actions">
          <KitButton {...props} />
          <button
            type="button"
            class="icon-button"
            aria-label="Do not say this again"
            title="Do not say this again"
            onClick={() => setKitAdviceRead([...kitAdviceRead(), props.team.id])}
          >
            <Icon name="close" />
          </button>
        </span>
      </div>
    </Show>
  );
}

export function KitSection(props: KitProps): JSX.Element {
  const kits = createMemo(() => ownKits(props.team));
  return (
    <section class="team-part team-setting">
      <div>
        <h3>Recovery kit</h3>
        <p class="quiet">
          A paper that brings you back into the team when all your devices are lost. Whoever has it,
          and can sign in to your account, is you.{" "}
          {kits() === 0
            ? "You have none."
            : `You have ${kits() === 1 ? "one" : exactCount(kits())}: among your devices it says "on paper". If it is lost, remove it there.`}
        </p>
      </div>
      <KitButton {...props} />
    </section>
  );
}

function KitButton(props: KitProps): JSX.Element {
  const [isAsked, setAsked] = createSignal(false);
  return (
    <>
      <button type="button" class="button" onClick={() => setAsked(true)}>
        Print a recovery kit
      </button>
      <Dialog
        open={isAsked()}
        label="Recovery kit"
        class="form-dialog kit-dialog"
        onClose={() => setAsked(false)}
      >
        <MakeKit
          team={props.team}
          onCancel={() => setAsked(false)}
          onKept={() => {
            setAsked(false);
            props.onMade();
          }}
        />
      </Dialog>
    </>
  );
}

function MakeKit(props: {
  readonly team: TeamDetail;
  readonly onCancel: () => void;
  readonly onKept: () => void;
}): JSX.Element {
  const { engine } = useServices();
  const [kit, setKit] = createSignal<string | null>(null);
  return (
    <Show
      when={kit()}
      fallback={
        <div class="form">
          <h2>Recovery kit</h2>
          <p>
            It is shown once, to be printed or written down. It stands among your devices from then
            on, and needs no passphrase: keep the paper where you keep important papers.
          </p>
          <Action
            name="Show the kit"
            onCancel={props.onCancel}
            run={async () =>
              void setKit((await engine.call("recoveryKit", { team: props.team.id })).kit)
            }
          />
        </div>
      }
    >
      {(text) => <Kit kit={text()} team={props.team} onKept={props.onKept} />}
    </Show>
  );
}

/** In print, it is all that is printed. */
function Kit(props: {
  readonly kit: string;
  readonly team: TeamDetail;
  readonly onKept: () => void;
}): JSX.Element {
  holdDialog();
  const member = createMemo(() => ownMember(props.team));
  return (
    <div class="form kit">
      <h2>Operon recovery kit</h2>
      <dl class="facts-list">
        <div>
          <dt>Team</dt>
          <dd>{oneLine(props.team.name)}</dd>
        </div>
        <div>
          <dt>Account</dt>
          <dd>
            <Show when={member()}>{(own) => memberName(own())}</Show>
          </dd>
        </div>
        <div>
          <dt>Printed</dt>
          <dd>{new Date().toLocaleDateString("en-GB", { dateStyle: "long" })}</dd>
        </div>
      </dl>
      <ol class="kit-groups" aria-label="Recovery kit" tabindex="0">
        <For each={props.kit.split(/[\s-]+/)}>{(group) => <li>{group}</li>}</For>
      </ol>
      <div class="kit-paper">
        <h3>To come back into the team</h3>
        <ol>
          <li>Install Operon on a new machine and start it.</li>
          <li>Under Team, sign in to the account above.</li>
          <li>Choose Restore with a recovery kit, and type the twelve groups.</li>
          <li>If a device was lost or stolen, remove it there.</li>
        </ol>
        <p>
          Keep this where you keep important papers. Whoever has it, and can sign in to your
          account, is you. If it is lost, remove it under Team, among your devices.
        </p>
      </div>
      <p class="kit-screen">
        This is shown only now. The print has the steps to come back with it, too.
      </p>
      <div class="form-actions">
        <button type="button" class="button" onClick={() => window.print()}>
          Print
        </button>
        <button type="button" class="button primary" onClick={() => props.onKept()}>
          I have kept it
        </button>
      </div>
    </div>
  );
}

function ownKits(team: TeamDetail): number {
  return ownMember(team)?.devices.filter(({ kind }) => kind === "recovery").length ?? 0;
}
