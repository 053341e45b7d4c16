import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { AlarmRow, SyncState } from "../../../app/api.ts";
import { announce } from "../../lib/announce.ts";
import { plural } from "../../lib/format.ts";
import { oneLine } from "../../lib/visible.ts";
import { Time } from "../../parts/Basics.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Explain } from "../../parts/Explain.tsx";
import { Action } from "../../parts/Form.tsx";
import { Icon } from "../../parts/Icon.tsx";
import { useServices } from "../../state/engine.ts";

/** What sync refused, in full, and what to do about it. */
export function SyncAlarm(props: { readonly sync: SyncState }): JSX.Element {
  const alarm = createMemo(() => (props.sync.state === "alarm" ? props.sync : null));
  const byId = createMemo(() => new Map(alarm()?.alarms.map((each) => [each.id, each])));
  return (
    <Show when={alarm()}>
      {(shown) => (
        <section class="sheet-section alarm" aria-label="Alarm">
          <h2>
            <Icon name="error" /> Something the server gave could not be verified
          </h2>
          <ul class="words">
            {/* Ids, so that a status that comes meanwhile changes nothing under a hand. */}
            <For each={shown().alarms.map(({ id }) => id)}>
              {(id) => <Show when={byId().get(id)}>{(each) => <Alarm alarm={each()} />}</Show>}
            </For>
          </ul>
          <p>
            Go on working: what you write is kept on this machine
            {waitingWords(shown().waiting)}. Before you rely on what others shared since, ask them
            whether they see the same, and compare the safety words with them.
          </p>
          <Explain question="What is an alarm?">
            <p>
              Everything the server gives is checked: who signed it, whether it is in its place,
              whether something is missing before it. What does not pass is not taken, and you are
              told. A fault of the server looks the same as an attack, so somebody has to look.
            </p>
          </Explain>
        </section>
      )}
    </Show>
  );
}

function Alarm(props: { readonly alarm: AlarmRow }): JSX.Element {
  const { engine, askStatus } = useServices();
  const [isAsked, setAsked] = createSignal(false);
  const close = (): void => void setAsked(false);
  return (
    <li>
      <span class="alarm-words">{oneLine(props.alarm.words)}</span>
      <span class="quiet">
        <Time at={props.alarm.at} />
        {props.alarm.action === null && ". It lasts: only who runs the server can end it."}
      </span>
      <Show when={props.alarm.action === "acknowledge"}>
        <Action
          name="Put away"
          quiet
          run={async () => {
            await engine.call("acknowledgeAlarm", { id: props.alarm.id });
            announce("Put away. If it happens again, you are told again.");
            askStatus();
          }}
        />
      </Show>
      <Show when={props.alarm.action === "restart"}>
        <button type="button" class="button" onClick={() => setAsked(true)}>
          Go on with the server's history
        </button>
      </Show>
      <Dialog
        open={isAsked()}
        label="Go on with the server's history"
        class="form-dialog"
        onClose={close}
      >
        <div class="form">
          <h2>Go on with the server's history</h2>
          <p>
            Ask who runs the server first. A backup that was put back is a good reason; if nobody
            knows of one, somebody may be showing you another history.
          </p>
          <ul class="words">
            <li>What the server has now is read and verified from its start.</li>
            <li>What it lacks of what is here is sent to it again.</li>
            <li>Nothing on this machine is lost.</li>
          </ul>
          <Action
            name="Go on"
            onCancel={close}
            run={async () => {
              await engine.call("restartAfterAlarm", { id: props.alarm.id });
              announce("Read anew from its start.");
              close();
              askStatus();
            }}
          />
        </div>
      </Dialog>
    </li>
  );
}

function waitingWords(count: number): string {
  if (count === 0) return "";
  return `, and ${plural(count, "edit")} ${count === 1 ? "waits" : "wait"} to be sent`;
}
