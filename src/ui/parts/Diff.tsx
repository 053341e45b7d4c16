import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { FilePatch } from "../../base/session.ts";
import { exactCount, plural } from "../lib/format.ts";
import { oneLine, visible } from "../lib/visible.ts";

interface Line {
  readonly sign: " " | "+" | "-" | "@";
  readonly number: number | null;
  readonly text: string;
}

const FIRST_LINES = 60;

/** One file's change, with the numbers of the lines: the old one's where a line went, else the new one's. */
export function Diff(props: {
  readonly patch: FilePatch;
  /** The project's folder: paths in it are shown from there. */
  readonly root: string | null;
}): JSX.Element {
  const path = createMemo(() => oneLine(within(props.patch.path, props.root)));
  const [whole, setWhole] = createSignal(false);
  const lines = createMemo(() => numbered(props.patch));
  const shown = createMemo(() =>
    whole() || lines().length <= FIRST_LINES + 10 ? lines() : lines().slice(0, FIRST_LINES),
  );
  const count = (sign: string): number => lines().filter((line) => line.sign === sign).length;
  return (
    <figure class="diff">
      <figcaption>
        <span class="mono cut" title={oneLine(props.patch.path)}>
          {path()}
        </span>
        <Show when={props.patch.change !== "update"}>
          <span class="tag">{props.patch.change === "add" ? "new file" : "deleted"}</span>
        </Show>
        <LineCount added={count("+")} removed={count("-")} />
      </figcaption>
      <div class="diff-lines" role="group" tabindex="0" aria-label={`Changes of ${path()}`}>
        <For each={shown()}>
          {(line) => (
            <div class="diff-line" data-sign={line.sign}>
              <i aria-hidden="true">{line.number ?? ""}</i>
              <span>
                <Show when={line.sign !== "@"} fallback={line.text}>
                  <b>{line.sign === "-" ? "−" : line.sign}</b>
                  {visible(line.text)}
                </Show>
              </span>
            </div>
          )}
        </For>
      </div>
      <Show when={shown().length < lines().length}>
        <button type="button" class="link more" onClick={() => setWhole(true)}>
          Show all {plural(lines().length, "line")}
        </button>
      </Show>
    </figure>
  );
}

export function LineCount(props: {
  readonly added: number | null;
  readonly removed: number | null;
}): JSX.Element {
  return (
    <Show when={(props.added ?? 0) + (props.removed ?? 0) > 0}>
      <span class="line-count">
        <Show when={(props.added ?? 0) > 0}>
          <span class="added">+{exactCount(props.added ?? 0)}</span>
        </Show>
        <Show when={(props.removed ?? 0) > 0}>
          <span class="removed">−{exactCount(props.removed ?? 0)}</span>
        </Show>
      </span>
    </Show>
  );
}

function within(path: string, root: string | null): string {
  return root !== null && path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}

function numbered({ hunks }: FilePatch): Line[] {
  const lines: Line[] = [];
  for (const [index, hunk] of hunks.entries()) {
    let oldLine = hunk.oldStart;
    let newLine = hunk.newStart;
    if (index > 0) lines.push({ sign: "@", number: null, text: "⋯" });
    for (const line of hunk.lines) {
      const text = line.slice(1);
      if (line.startsWith("+")) lines.push({ sign: "+", number: newLine++, text });
      else if (line.startsWith("-")) lines.push({ sign: "-", number: oldLine++, text });
      else {
        lines.push({ sign: " ", number: newLine++, text });
        oldLine++;
      }
    }
  }
  return lines;
}
