import type { JSX } from "solid-js";

/** A word explained where it stands, for who asks. */
export function Explain(props: {
  readonly question: string;
  readonly children: JSX.Element;
}): JSX.Element {
  return (
    <details class="explain">
      <summary>{props.question}</summary>
      <div>{props.children}</div>
    </details>
  );
}
