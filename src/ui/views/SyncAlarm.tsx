import { createMemo, For, Show, type JSX } from "solid-js";
import type { SyncState } from "../../app/api.ts";
import { plural } from "../lib/format.ts";
import { oneLine } from "../lib/visible.ts";
import { Icon } from "../parts/Icon.tsx";

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
            whether they see the same.
          </p>
        </section>
      )}
    </Show>
  );
}

function waitingWords(count: number): string {
  if (count === 0) return "";
  return `, and ${plural(count, "edit")} ${count === 1 ? "waits" : "wait"} to be sent`;
}
