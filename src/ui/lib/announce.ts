/** What just happened, said once: to a screen reader always, to the eye as a short note at the bottom. */
import { createSignal } from "solid-js";

export interface Note {
  readonly words: string;
  readonly tone: "plain" | "error";
}

const SHOWN_MS = 4_000;
const SHOWN_ERROR_MS = 9_000;

const [note, setNote] = createSignal<Note | null>(null, { equals: false });
let timer: ReturnType<typeof setTimeout> | undefined;

export { note };

export function announce(words: string, tone: Note["tone"] = "plain"): void {
  clearTimeout(timer);
  setNote({ words, tone });
  timer = setTimeout(() => setNote(null), tone === "error" ? SHOWN_ERROR_MS : SHOWN_MS);
}
