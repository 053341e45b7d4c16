import { createSignal, createUniqueId, Show, type JSX } from "solid-js";
import { announce } from "../lib/announce.ts";
import { holdDialog } from "./Dialog.tsx";
import { sentence } from "../state/engine.ts";

/**
 * Fields and their button. While it works the button waits and a dialog around it stays; when it fails the sentence stands
 * above the button.
 */
export function Action(props: {
  readonly name: string;
  /** For who does not see what stands beside it. */
  readonly label?: string;
  readonly run: () => Promise<void>;
  readonly quiet?: boolean;
  /** False: something is missing that the fields themselves do not ask for. */
  readonly ready?: boolean;
  readonly onCancel?: () => void;
  readonly children?: JSX.Element;
}): JSX.Element {
  const [busy, setBusy] = createSignal(false);
  const [fault, setFault] = createSignal<string | null>(null);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (busy()) return;
    setBusy(true);
    setFault(null);
    try {
      await props.run();
    } catch (error) {
      setFault(sentence(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      {props.children}
      <Show when={fault()}>
        {(words) => (
          <p class="form-fault" role="alert">
            {words()}
          </p>
        )}
      </Show>
      <div class="form-actions" classList={{ start: props.onCancel === undefined }}>
        <Show when={props.onCancel}>
          {(cancel) => (
            <button type="button" class="button" disabled={busy()} onClick={() => cancel()()}>
              Cancel
            </button>
          )}
        </Show>
        <button
          type="submit"
          class="button"
          aria-label={busy() ? undefined : props.label}
          classList={{ primary: props.quiet !== true }}
          disabled={busy() || props.ready === false}
        >
          {busy() ? "Working" : props.name}
        </button>
      </div>
      <Show when={busy()}>
        <Underway />
      </Show>
    </form>
  );
}

function Underway(): JSX.Element {
  holdDialog();
  return (
    <span class="hidden" role="status">
      Working
    </span>
  );
}

export function TextInput(props: {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: "text" | "url" | "email" | "password";
  readonly hint?: string;
  readonly placeholder?: string;
  readonly autocomplete?: "username" | "new-password" | "current-password";
}): JSX.Element {
  const hintId = createUniqueId();
  return (
    <label>
      {props.label}
      <input
        required
        aria-label={props.label}
        type={props.type ?? "text"}
        autocomplete={props.autocomplete ?? "off"}
        spellcheck={false}
        placeholder={props.placeholder}
        aria-describedby={props.hint === undefined ? undefined : hintId}
        value={props.value}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <Show when={props.hint}>
        <small id={hintId} class="quiet">
          {props.hint}
        </small>
      </Show>
    </label>
  );
}

/** Shown once, copied with a button. A dialog that shows it stays until its button says that it was kept. */
export function Secret(props: { readonly label: string; readonly value: string }): JSX.Element {
  holdDialog();
  return (
    <div class="secret">
      <span>{props.label}</span>
      <code tabindex="0">{props.value}</code>
      <CopyButton text={props.value} label={`Copy: ${props.label}`} />
    </div>
  );
}

export function CopyButton(props: { readonly text: string; readonly label?: string }): JSX.Element {
  const copy = (): void =>
    void navigator.clipboard.writeText(props.text).then(
      () => announce("Copied."),
      () => announce("This browser did not allow copying. Mark the text and copy it.", "error"),
    );
  return (
    <button type="button" class="link" aria-label={props.label} onClick={copy}>
      Copy
    </button>
  );
}
