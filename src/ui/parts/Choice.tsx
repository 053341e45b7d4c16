import { createUniqueId, For, type JSX } from "solid-js";

/** One of a few, each with a sentence of what it means. */
export function Choice<T extends string>(props: {
  readonly label: string;
  readonly value: T;
  readonly choices: readonly {
    readonly value: T;
    readonly name: string;
    readonly words: string;
  }[];
  readonly onChoose: (value: T) => void;
}): JSX.Element {
  const group = createUniqueId();
  return (
    <fieldset class="choice">
      <legend>{props.label}</legend>
      <For each={props.choices}>
        {({ value, name, words }) => (
          <label>
            <input
              type="radio"
              name={group}
              value={value}
              checked={props.value === value}
              onChange={() => props.onChoose(value)}
            />
            <b>{name}</b>
            <span>{words}</span>
          </label>
        )}
      </For>
    </fieldset>
  );
}
