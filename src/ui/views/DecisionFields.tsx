import { For, Show, type JSX } from "solid-js";
import { DECISION_STATUSES, type DecisionEdit, type DecisionRecord } from "../../crdt/decision.ts";
import { capital } from "../lib/format.ts";
import { oneLine } from "../lib/visible.ts";
import { Icon } from "../parts/Icon.tsx";

export function StatusChoice(props: {
  readonly record: DecisionRecord;
  readonly readOnly: boolean;
  readonly onEdit: (edit: DecisionEdit) => void;
}): JSX.Element {
  return (
    <label class="pill" data-status={props.record.status}>
      <span class="hidden">Status</span>
      <select
        value={props.record.status}
        disabled={props.readOnly}
        onChange={(event) => props.onEdit({ status: event.currentTarget.value })}
      >
        <For each={DECISION_STATUSES}>
          {(status) => <option value={status}>{capital(status)}</option>}
        </For>
      </select>
    </label>
  );
}

export function DateField(props: {
  readonly label: string;
  readonly value: string | null;
  readonly readOnly: boolean;
  readonly onChange: (value: string) => void;
}): JSX.Element {
  return (
    <input
      class="date"
      classList={{ unset: props.value === null }}
      type="date"
      aria-label={props.label}
      readOnly={props.readOnly}
      data-unset={props.readOnly ? "No date" : "Add a date"}
      value={props.value ?? ""}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  );
}

/** Names or tags: each can be removed, and one more typed. */
export function ListField(props: {
  readonly label: string;
  readonly values: readonly string[];
  readonly placeholder: string;
  readonly readOnly: boolean;
  readonly onChange: (values: readonly string[]) => void;
}): JSX.Element {
  function add(input: HTMLInputElement): void {
    const more = input.value
      .split(",")
      .map((value) => value.trim())
      .filter((value) => value !== "");
    input.value = "";
    if (more.length > 0) props.onChange([...props.values, ...more]);
  }
  return (
    <div class="fact" role="group" aria-label={props.label}>
      <span class="fact-name">{props.label}</span>
      <span class="fact-values">
        <For each={props.values}>
          {(value) => (
            <span class="chip">
              {oneLine(value)}
              <Show when={!props.readOnly}>
                <button
                  type="button"
                  aria-label={`Remove ${oneLine(value)}`}
                  onClick={() => props.onChange(props.values.filter((other) => other !== value))}
                >
                  <Icon name="close" />
                </button>
              </Show>
            </span>
          )}
        </For>
        <Show when={!props.readOnly}>
          <input
            type="text"
            class="fact-input"
            maxlength="300"
            aria-label={props.placeholder}
            placeholder={props.placeholder}
            onKeyDown={(event) => {
              if (event.key !== "Enter" && event.key !== ",") return;
              event.preventDefault();
              add(event.currentTarget);
            }}
            onBlur={(event) => add(event.currentTarget)}
          />
        </Show>
      </span>
    </div>
  );
}
