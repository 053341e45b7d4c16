import { createMemo, For, Show, type JSX } from "solid-js";
import type { SyncState } from "../../../app/api.ts";
import { plural } from "../../lib/format.ts";
import { oneLine } from "../../lib/visible.ts";
import { Explain } from "../../parts/Explain.tsx";
import { Icon } from "../../parts/Icon.tsx";

/** What sync refused, in full, and what to do about it. */
export function SyncAlarm(props: { readonly sync: SyncState }): JSX.Element {
  const alarm = createMemo(() => (props.sync.state === "alarm" ? props.sync : null));
  return (
    <Show when={alarm()}>
      {(shown) => (
        <section class="sheet-section alarm" aria-label="Alarm">
          <h2>
            <Icon name="error" /> Something the server gave could not be verified
          </h2>
          <ul class="words">
            <For each={shown().alarms}>{(alarm) => <li>{oneLine(alarm.words)}</li>}</For>
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

function waitingWords(count: number): string {
  if (count === 0) return "";
  return `, and ${plural(count, "edit")} ${count === 1 ? "waits" : "wait"} to be sent`;
}
