import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { EventRow } from "../../app/api.ts";
import { bytes } from "../lib/format.ts";
import { readInput, readPatches, readPictures } from "../lib/toolView.ts";
import { oneLine } from "../lib/visible.ts";
import { Diff } from "../parts/Diff.tsx";
import { Icon } from "../parts/Icon.tsx";
import { PictureView } from "../parts/PictureView.tsx";
import { Code, Plain, Prose, Terminal } from "../parts/Text.tsx";
import type { Bodies } from "../state/trace.ts";

/** What a tool was asked and gave: command and output, diff, images, plan, to-do list, or plain fields. */
export function ToolBody(props: {
  readonly event: EventRow;
  readonly bodies: Bodies | null;
  /** The project's folder. */
  readonly root: string | null;
}): JSX.Element {
  const [wanted, setWanted] = createSignal(false);
  const patches = createMemo(() => readPatches(props.bodies?.patch));
  const pictures = createMemo(() => readPictures(props.bodies?.images));
  const input = createMemo(() => {
    const body = props.bodies?.input;
    return body === undefined ? null : readInput(body, props.event, patches().length > 0);
  });
  /** What an edit that went well printed says no more than its diff. */
  const isFolded = (): boolean =>
    patches().length > 0 && props.event.status !== "error" && !wanted();
  return (
    <div class="tool-body">
      <Show
        when={props.bodies}
        fallback={<p class="quiet">Reading {bytes(props.event.partBytes)}</p>}
      >
        {(bodies) => (
          <>
            <Show when={input()?.command}>
              {(command) => <Code text={command()} label="Command" prompt />}
            </Show>
            <Show when={input()?.asked}>{(asked) => <Prose text={asked()} lines={24} />}</Show>
            <Show when={(input()?.todos.length ?? 0) > 0}>
              <ul class="todos">
                <For each={input()?.todos}>
                  {(item) => (
                    <li data-state={item.state}>
                      <i role="img" aria-label={item.state.replace("_", " ")}>
                        <Show when={item.state === "completed"}>
                          <Icon name="check" />
                        </Show>
                      </i>
                      <span>{oneLine(item.text)}</span>
                    </li>
                  )}
                </For>
              </ul>
            </Show>
            <Show when={bodies().plan}>{(plan) => <Prose text={plan()} />}</Show>
            <For each={patches()}>{(patch) => <Diff patch={patch} root={props.root} />}</For>
            <Fields fields={input()?.fields ?? []} />
            <For each={pictures()}>
              {(picture, index) => <PictureView picture={picture} index={index()} />}
            </For>
            <Show when={bodies().text}>{(text) => <Plain text={text()} />}</Show>
            <Show when={bodies().output}>
              {(output) => (
                <Show
                  when={!isFolded()}
                  fallback={
                    <button type="button" class="link more" onClick={() => setWanted(true)}>
                      Show the output
                    </button>
                  }
                >
                  <div class="tool-output">
                    <Show
                      when={props.event.kind === "subagent"}
                      fallback={<Terminal text={output()} label="Output" lines={40} />}
                    >
                      <Prose text={output()} lines={40} />
                    </Show>
                  </div>
                </Show>
              )}
            </Show>
          </>
        )}
      </Show>
    </div>
  );
}

function Fields(props: {
  readonly fields: readonly { readonly name: string; readonly value: string }[];
}): JSX.Element {
  const short = createMemo(() => props.fields.filter(isShort));
  const long = createMemo(() => props.fields.filter((field) => !isShort(field)));
  return (
    <>
      <Show when={short().length > 0}>
        <dl class="fields">
          <For each={short()}>
            {(field) => (
              <div>
                <dt>{oneLine(field.name)}</dt>
                <dd class="mono">{oneLine(field.value)}</dd>
              </div>
            )}
          </For>
        </dl>
      </Show>
      <For each={long()}>
        {(field) => (
          <>
            <Show when={field.name !== ""}>
              <h4 class="field-name">{oneLine(field.name)}</h4>
            </Show>
            <Code text={field.value} label={oneLine(field.name)} lines={16} />
          </>
        )}
      </For>
    </>
  );
}

function isShort({ name, value }: { readonly name: string; readonly value: string }): boolean {
  return name !== "" && value.length <= 160 && !value.includes("\n");
}
