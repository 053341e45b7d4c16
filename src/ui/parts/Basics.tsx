import { For, onCleanup, Show, type JSX } from "solid-js";
import { exactTime, listTime } from "../lib/format.ts";
import { now } from "../lib/now.ts";
import { Icon } from "./Icon.tsx";

export function Time(props: { readonly at: number | null; readonly class?: string }): JSX.Element {
  return (
    <time
      class={props.class}
      title={exactTime(props.at)}
      datetime={props.at === null ? undefined : new Date(props.at).toISOString()}
    >
      {listTime(props.at, now())}
    </time>
  );
}

export function Chip(props: {
  readonly label: string;
  readonly value: string;
  readonly onRemove: () => void;
}): JSX.Element {
  return (
    <span class="chip">
      {props.label} <b>{props.value}</b>
      <button
        type="button"
        aria-label={`Remove filter: ${props.label} ${props.value}`}
        onClick={() => props.onRemove()}
      >
        <Icon name="close" />
      </button>
    </span>
  );
}

/** Grey lines where text will stand; only when it takes long. */
export function Skeleton(props: { readonly rows?: number }): JSX.Element {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      <For each={Array.from({ length: props.rows ?? 8 })}>
        {(_, index) => <i style={{ width: `${38 + ((index() * 23) % 47)}%` }} />}
      </For>
    </div>
  );
}

/** What will be here, and the one thing to do. */
export function Empty(props: {
  readonly title: string;
  readonly children?: JSX.Element;
}): JSX.Element {
  return (
    <div class="empty">
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}

export function Failed(props: {
  readonly words: string;
  readonly onAgain?: (() => void) | undefined;
}): JSX.Element {
  return (
    <div class="failed" role="alert">
      <Icon name="error" />
      <p>{props.words}</p>
      <Show when={props.onAgain}>
        {(again) => (
          <button type="button" class="button" onClick={() => again()()}>
            Try again
          </button>
        )}
      </Show>
    </div>
  );
}

/** A small list of choices under its button. Closes with Escape, a choice, or a click elsewhere. */
export function Menu(props: {
  readonly label: string;
  readonly button: JSX.Element;
  readonly children: JSX.Element;
}): JSX.Element {
  let details!: HTMLDetailsElement;
  const closeOutside = (event: PointerEvent): void => {
    if (!details.contains(event.target as Node)) details.open = false;
  };
  document.addEventListener("pointerdown", closeOutside);
  onCleanup(() => document.removeEventListener("pointerdown", closeOutside));
  return (
    <details
      ref={details}
      class="menu"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !details.open) return;
        event.stopPropagation();
        details.open = false;
        details.querySelector("summary")?.focus();
      }}
    >
      <summary class="icon-button" aria-label={props.label} title={props.label}>
        {props.button}
      </summary>
      <div class="menu-body">{props.children}</div>
    </details>
  );
}
