import { createMemo, For, Show, type JSX } from "solid-js";
import type * as Y from "yjs";
import { addOption, markOption, optionText, type DecisionOption } from "../../crdt/decision.ts";
import { announce } from "../lib/announce.ts";
import { MAKER } from "../lib/maker.ts";
import { TextField } from "../parts/TextField.tsx";

/** The options side by side: each is written in place, chosen, removed, and brought back by undo. */
export function DecisionOptions(props: {
  readonly doc: Y.Doc;
  readonly options: readonly DecisionOption[];
  readonly undo: Y.UndoManager;
  readonly readOnly: boolean;
}): JSX.Element {
  const ids = createMemo(() => props.options.map((option) => option.id), [], {
    equals: (a, b) => a.join() === b.join(),
  });
  const chosen = (id: string): boolean =>
    props.options.find((option) => option.id === id)?.chosen ?? false;

  function add(): void {
    props.undo.stopCapturing();
    addOption(props.doc, {}, MAKER);
  }

  function remove(id: string): void {
    props.undo.stopCapturing();
    markOption(props.doc, id, "removed", true);
    props.undo.stopCapturing();
    announce("Option removed. Undo brings it back.");
  }

  return (
    <section class="page-section">
      <h2>
        Options
        <Show when={!props.readOnly}>
          <button type="button" class="link" onClick={add}>
            Add an option
          </button>
        </Show>
      </h2>
      <Show when={ids().length > 0}>
        <ul class="options">
          <For each={ids()}>
            {(id) => (
              <li classList={{ chosen: chosen(id) }}>
                <OptionField
                  doc={props.doc}
                  id={id}
                  part="title"
                  undo={props.undo}
                  readOnly={props.readOnly}
                  class="option-title"
                  label="Option"
                  placeholder="An option"
                />
                <div class="option-side good">
                  <i role="img" aria-label="For it">
                    +
                  </i>
                  <OptionField
                    doc={props.doc}
                    id={id}
                    part="pros"
                    undo={props.undo}
                    readOnly={props.readOnly}
                    label="For it"
                    placeholder="What speaks for it"
                  />
                </div>
                <div class="option-side bad">
                  <i role="img" aria-label="Against it">
                    −
                  </i>
                  <OptionField
                    doc={props.doc}
                    id={id}
                    part="cons"
                    undo={props.undo}
                    readOnly={props.readOnly}
                    label="Against it"
                    placeholder="What speaks against it"
                  />
                </div>
                <Show
                  when={!props.readOnly}
                  fallback={
                    <Show when={chosen(id)}>
                      <div class="option-actions">Chosen</div>
                    </Show>
                  }
                >
                  <div class="option-actions">
                    <button
                      type="button"
                      class="link"
                      aria-pressed={chosen(id)}
                      onClick={() => markOption(props.doc, id, "chosen", !chosen(id))}
                    >
                      {chosen(id) ? "Chosen" : "Choose"}
                    </button>
                    <button type="button" class="link" onClick={() => remove(id)}>
                      Remove
                    </button>
                  </div>
                </Show>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={ids().length === 0}>
        <p class="quiet">No options written down.</p>
      </Show>
    </section>
  );
}

function OptionField(props: {
  readonly doc: Y.Doc;
  readonly id: string;
  readonly part: "title" | "pros" | "cons";
  readonly undo: Y.UndoManager;
  readonly label: string;
  readonly placeholder: string;
  readonly readOnly: boolean;
  readonly class?: string;
}): JSX.Element {
  return (
    <Show when={optionText(props.doc, props.id, props.part)} keyed>
      {(text) => (
        <TextField
          name={`option/${props.id}/${props.part}`}
          text={text}
          undo={props.undo}
          label={props.label}
          placeholder={props.placeholder}
          oneLine={props.part === "title"}
          readOnly={props.readOnly}
          class={props.class ?? ""}
        />
      )}
    </Show>
  );
}
