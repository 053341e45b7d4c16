import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { parseAnsi } from "../lib/ansi.ts";
import { exactCount, plural } from "../lib/format.ts";
import { renderMarkdown } from "../lib/markdown.ts";
import { visible } from "../lib/visible.ts";

const STEP_LINES = 2_000;

/** The first lines of a long text; the rest in steps, so that a huge output does not stop the page. */
function Clamped(props: {
  readonly text: string;
  readonly lines: number;
  readonly children: (shown: string) => JSX.Element;
}): JSX.Element {
  const [more, setMore] = createSignal(0);
  const all = createMemo(() => props.text.split("\n"));
  const limit = (): number => props.lines + more();
  const isCut = (): boolean => all().length > limit() + 3;
  const shown = createMemo(() => (isCut() ? all().slice(0, limit()).join("\n") : props.text));
  return (
    <>
      {props.children(shown())}
      <Show when={isCut()}>
        <button type="button" class="link more" onClick={() => setMore(more() + STEP_LINES)}>
          {all().length - limit() > STEP_LINES
            ? `Show ${exactCount(STEP_LINES)} more of ${plural(all().length, "line")}`
            : `Show all ${plural(all().length, "line")}`}
        </button>
      </Show>
    </>
  );
}

/** Lines of one very long line are cut too: a browser lays out megabytes of one line slowly. */
const MAX_LINE = 4_000;

function shortLines(text: string): string {
  if (text.length <= MAX_LINE) return text;
  return text
    .split("\n")
    .map((line) =>
      line.length > MAX_LINE
        ? `${line.slice(0, MAX_LINE)} … ${exactCount(line.length - MAX_LINE)} more characters`
        : line,
    )
    .join("\n");
}

/** Terminal output with its colours. */
export function Terminal(props: {
  readonly text: string;
  readonly lines?: number;
  readonly label: string;
}): JSX.Element {
  return (
    <Clamped text={shortLines(props.text.replace(/\n+$/, ""))} lines={props.lines ?? 40}>
      {(shown) => (
        <pre class="code" tabindex="0" aria-label={props.label}>
          <For each={parseAnsi(shown)}>{(run) => <span class={run.style}>{run.text}</span>}</For>
        </pre>
      )}
    </Clamped>
  );
}

/** Code or a value, as it is. */
export function Code(props: {
  readonly text: string;
  readonly lines?: number;
  readonly label: string;
  readonly prompt?: boolean;
}): JSX.Element {
  return (
    <Clamped text={shortLines(visible(props.text))} lines={props.lines ?? 24}>
      {(shown) => (
        <pre
          class="code"
          classList={{ command: props.prompt === true }}
          tabindex="0"
          aria-label={props.label}
        >
          {shown}
        </pre>
      )}
    </Clamped>
  );
}

/** What a person wrote: line breaks are theirs, nothing is interpreted. */
export function Plain(props: { readonly text: string; readonly lines?: number }): JSX.Element {
  return (
    <Clamped text={visible(props.text)} lines={props.lines ?? 24}>
      {(shown) => (
        <div class="plain" dir="auto">
          {shown}
        </div>
      )}
    </Clamped>
  );
}

/** What an agent wrote, as Markdown. The HTML holds only escaped text and links to http and https. */
export function Prose(props: { readonly text: string; readonly lines?: number }): JSX.Element {
  return (
    <Clamped text={props.text} lines={props.lines ?? 400}>
      {(shown) => {
        return <div class="prose" dir="auto" innerHTML={renderMarkdown(shown)} />;
      }}
    </Clamped>
  );
}
