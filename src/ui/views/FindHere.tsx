import { createEffect, createMemo, createSignal, on, onCleanup, onMount, type JSX } from "solid-js";
import { exactCount } from "../lib/format.ts";
import { createAnswer, useServices } from "../state/engine.ts";
import type { TraceStore } from "../state/trace.ts";
import { Icon } from "../parts/Icon.tsx";

/** Of one session; where there are more, the count says so. */
const LIMIT = 2_000;
const PAUSE_MS = 120;

/** Finds words in this session: in the lines on the page, and in every text the engine knows of it. */
export function FindHere(props: {
  readonly trace: TraceStore;
  readonly onShow: (event: string) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const { engine } = useServices();
  const [words, setWords] = createSignal("");
  const [asked, setAsked] = createSignal<string | null>(null);
  const [place, setPlace] = createSignal<string | null>(null);
  let input!: HTMLInputElement;
  onMount(() => input.focus());

  createEffect(() => {
    const text = words().trim();
    const timer = setTimeout(() => setAsked(text === "" ? null : text), PAUSE_MS);
    onCleanup(() => clearTimeout(timer));
  });
  const hits = createAnswer(
    asked,
    (query) => engine.call("search", { query, session: props.trace.session, limit: LIMIT }),
    engine,
  );

  const found = createMemo<readonly string[]>(() => {
    const needle = (asked() ?? "").toLowerCase();
    if (needle === "") return [];
    const answer = hits.value();
    // Words that were not typed are not found in a page.
    const inText = new Set(
      answer?.instead === null ? answer.hits.map((hit) => hit.event) : undefined,
    );
    return props.trace
      .outline()
      .reading.map(({ event }) => event)
      .filter(
        (event) =>
          inText.has(event.id) ||
          `${event.tool ?? ""} ${event.summary ?? ""}`.toLowerCase().includes(needle),
      )
      .map((event) => event.id);
  });
  const at = (): number => Math.max(0, found().indexOf(place() ?? ""));
  // What the engine finds comes after what stands on the page: the place that was gone to stays.
  createEffect(on(asked, () => setPlace(null)));
  createEffect(
    on(found, (events) => {
      if (events.includes(place() ?? "")) return;
      const first = events[0] ?? null;
      setPlace(first);
      if (first !== null) props.onShow(first);
    }),
  );

  /** Nothing is said of what was not looked at yet. */
  const said = (): string => {
    if (asked() === null) return "";
    if (found().length === 0) {
      if (hits.fault() !== null) return "could not be searched";
      return hits.value() === null ? "" : "not found";
    }
    const more = hits.value()?.hits.length === LIMIT ? "+" : "";
    return `${exactCount(at() + 1)} of ${exactCount(found().length)}${more}`;
  };

  function step(by: 1 | -1): void {
    const count = found().length;
    if (count === 0) return;
    const next = found()[(at() + by + count) % count] as string;
    setPlace(next);
    props.onShow(next);
  }

  return (
    <search class="find-here">
      <label class="find">
        <Icon name="search" />
        <input
          ref={input}
          type="text"
          placeholder="Find in this session"
          aria-label="Find in this session"
          autocomplete="off"
          spellcheck={false}
          value={words()}
          onInput={(event) => setWords(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") props.onClose();
            else if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
      </label>
      <span class="quiet" role="status">
        {said()}
      </span>
      <button type="button" class="icon-button" aria-label="Close" onClick={() => props.onClose()}>
        <Icon name="close" />
      </button>
    </search>
  );
}
