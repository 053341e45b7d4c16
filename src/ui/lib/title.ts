/** The page's title in the browser's tabs and history: of the innermost view on the page. */
import { createEffect, createSignal, onCleanup, type Accessor } from "solid-js";

const [titles, setTitles] = createSignal<readonly Accessor<string>[]>([]);

export function useTitle(title: Accessor<string>): void {
  setTitles((all) => [...all, title]);
  onCleanup(() => setTitles((all) => all.filter((other) => other !== title)));
}

/** Call once, in a root. */
export function applyTitle(): void {
  createEffect(() => {
    const innermost = titles().at(-1)?.();
    document.title = innermost === undefined ? "Operon" : `${innermost} – Operon`;
  });
}
