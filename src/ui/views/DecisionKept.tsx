import { Show, type JSX } from "solid-js";
import type { DecisionRow } from "../../app/api.ts";
import { Icon } from "../parts/Icon.tsx";
import type { OpenDocument } from "../state/documents.ts";

/** Why what is typed here is not saved, or cannot be. */
export function Refusal(props: { readonly document: OpenDocument }): JSX.Element {
  const { document } = props;
  return (
    <>
      <Show when={document.readOnly()}>
        {(words) => (
          <div class="page-note" role="status">
            <Icon name="lock" />
            <p>
              {words()}
              <Show when={document.kept() === "page"}>
                {" "}
                What you changed here before is kept in this browser, and saved once Operon is
                updated.
              </Show>
            </p>
          </div>
        )}
      </Show>
      <Show when={document.fault()}>
        {(words) => (
          <div class="page-note bad" role="alert">
            <Icon name="error" />
            <p>
              {words()} What you type here is kept in this page; it is not saved on this machine
              before the engine takes it.
            </p>
            <button type="button" class="button" onClick={() => document.retry()}>
              Try again
            </button>
          </div>
        )}
      </Show>
    </>
  );
}

/** How far the newest edit has come, in true words. */
export function keptWords(
  { kept, fault, readOnly }: OpenDocument,
  row: DecisionRow | null,
): string {
  switch (kept()) {
    case "page":
      if (fault() !== null) return "kept in this page only";
      if (readOnly() !== null) return "only read here";
      return "kept in this page, saved when the engine is back";
    case "saving":
      return "saving";
    case "machine":
      if (row === null || row.team === null) return "saved on this machine";
      return row.waiting
        ? "saved on this machine, waiting for the team"
        : "saved on this machine, with the team";
  }
}
