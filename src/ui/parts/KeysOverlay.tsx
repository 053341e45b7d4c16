import { For, type JSX } from "solid-js";
import { keyLabel } from "../lib/keys.ts";
import { Dialog } from "./Dialog.tsx";

const GROUPS: readonly {
  readonly name: string;
  readonly keys: readonly (readonly [string, string])[];
}[] = [
  {
    name: "Everywhere",
    keys: [
      ["mod+k", "Commands"],
      ["/", "Search"],
      ["g s", "Sessions"],
      ["g d", "Decisions"],
      ["g u", "Usage"],
      ["g t", "Team"],
      ["?", "All keys"],
    ],
  },
  {
    name: "In a list",
    keys: [
      ["↓ ↑", "Next, previous"],
      ["Enter", "Open"],
      ["Home End", "First, last"],
      ["Escape", "Clear the search"],
    ],
  },
  {
    name: "In a trace",
    keys: [
      ["j k", "Next, previous event"],
      ["n p", "Next, previous prompt"],
      ["e", "Next error"],
      ["o", "Open or fold"],
      ["f", "Find here"],
      ["y", "Copy a link to this place"],
      ["Escape", "Back to the list"],
    ],
  },
  {
    name: "In a decision",
    keys: [
      ["c", "New decision (in the list)"],
      ["mod+z", "Undo"],
      ["Escape", "Leave the text"],
    ],
  },
];

export function KeysOverlay(props: {
  readonly open: boolean;
  readonly onClose: () => void;
}): JSX.Element {
  return (
    <Dialog open={props.open} label="All keys" class="keys" onClose={props.onClose}>
      <h2>Keys</h2>
      <div class="keys-groups">
        <For each={GROUPS}>
          {(group) => (
            <section>
              <h3>{group.name}</h3>
              <dl>
                <For each={group.keys}>
                  {([keys, does]) => (
                    <div>
                      <dt>
                        <For each={keys.split(" ")}>{(key) => <kbd>{keyLabel(key)}</kbd>}</For>
                      </dt>
                      <dd>{does}</dd>
                    </div>
                  )}
                </For>
              </dl>
            </section>
          )}
        </For>
      </div>
    </Dialog>
  );
}
