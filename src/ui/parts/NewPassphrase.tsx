import { createSignal, createUniqueId, Show, type JSX } from "solid-js";
import { sentence, useServices } from "../state/engine.ts";
import { CopyButton, TextInput } from "./Form.tsx";

const HINT =
  "A device joins with an invite and this. Keep it in a password manager: nobody can reset it or tell it to you again.";

/** A passphrase to be: six words by chance, or an own one. */
export function NewPassphrase(props: {
  readonly value: string;
  readonly onInput: (value: string) => void;
}): JSX.Element {
  const { engine } = useServices();
  const label = createUniqueId();
  let place!: HTMLDivElement;
  const [isOwn, setOwn] = createSignal(false);
  const [fault, setFault] = createSignal<string | null>(null);

  /** Never by itself a second time: somebody may have written down what stands here. */
  async function suggest(): Promise<void> {
    setFault(null);
    try {
      const { passphrase } = await engine.call("suggestPassphrase", undefined);
      if (!isOwn()) props.onInput(passphrase);
    } catch (error) {
      setFault(sentence(error));
    }
  }
  function change(own: boolean): void {
    setOwn(own);
    props.onInput("");
    if (!own) void suggest();
    // The button that was pressed is gone.
    place.querySelector<HTMLElement>(own ? "input" : "button")?.focus();
  }
  void suggest();

  return (
    <div class="passphrase" ref={place}>
      <Show
        when={isOwn()}
        fallback={
          <>
            <span id={label}>Passphrase</span>
            <Show when={fault() === null} fallback={<p role="alert">{fault()}</p>}>
              <code tabindex="0" role="textbox" aria-readonly="true" aria-labelledby={label}>
                {props.value || "…"}
              </code>
            </Show>
            <div class="passphrase-actions">
              <button type="button" class="link" onClick={() => void suggest()}>
                Another one
              </button>
              <CopyButton text={props.value} label="Copy the passphrase" />
              <button type="button" class="link" onClick={() => change(true)}>
                Choose my own
              </button>
            </div>
            <small>{HINT}</small>
          </>
        }
      >
        <TextInput
          label="Passphrase"
          hint={`${HINT} What a person thinks of, a program guesses: six words or more that belong to no sentence are good.`}
          type="password"
          autocomplete="new-password"
          value={props.value}
          onInput={props.onInput}
        />
        <div class="passphrase-actions">
          <button type="button" class="link" onClick={() => change(false)}>
            Use a generated one
          </button>
        </div>
      </Show>
    </div>
  );
}
