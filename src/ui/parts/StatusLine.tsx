import { createMemo, Show, type JSX } from "solid-js";
import type { Status } from "../../app/api.ts";
import { plural } from "../lib/format.ts";
import { keyLabel } from "../lib/keys.ts";
import { now } from "../lib/now.ts";
import { captureWords, linkWords, spokenWords, syncWords } from "../lib/statusWords.ts";
import { useServices } from "../state/engine.ts";
import { Icon } from "./Icon.tsx";

/** The truth in words: is the engine there, what does it capture, how far is sync, what should a person know. */
export function StatusLine(props: { readonly onPalette: () => void }): JSX.Element {
  const { engine, status } = useServices();
  const lost = createMemo(() => linkWords(engine.link()));
  return (
    <footer class="status" aria-label="Status">
      <Spoken lost={lost()} status={status()} />
      <Show
        when={lost() === null}
        fallback={
          <span class="status-bad">
            <Icon name="error" />
            <span>{lost()}</span>
            <button type="button" class="link" onClick={() => engine.retryNow()}>
              Try now
            </button>
          </span>
        }
      >
        <Show when={status()} fallback={<span>Starting</span>}>
          {(known) => (
            <>
              <span>
                <i class="dot" data-on={known().capture.state !== "idle"} />
                {captureWords(known())}
              </span>
              <SyncState status={known()} />
              <Show when={known().notices.length > 0}>
                <a class="status-notice" href="/settings" title={known().notices.join("\n")}>
                  {plural(known().notices.length, "notice")}
                </a>
              </Show>
            </>
          )}
        </Show>
      </Show>
      <button type="button" class="status-keys" onClick={() => props.onPalette()}>
        <kbd>{keyLabel("mod+k")}</kbd> commands
      </button>
    </footer>
  );
}

/** An alarm's sentences are too long for a line: they stand in full where the line leads. */
function SyncState(props: { readonly status: Status }): JSX.Element {
  const words = createMemo(() => syncWords(props.status.sync, now()));
  return (
    <Show when={props.status.sync.state === "alarm"} fallback={<span>{words()}</span>}>
      <a class="status-bad status-alarm" href="/team">
        <Icon name="error" />
        <span>{words()}</span>
        <span class="status-more">What happened</span>
      </a>
    </Show>
  );
}

/** Speaks when a state becomes another. What is seen changes with every second and every file, and is not read out. */
function Spoken(props: {
  readonly lost: string | null;
  readonly status: Status | null;
}): JSX.Element {
  const words = createMemo<string>((before) => {
    if (props.lost !== null) return props.lost;
    return (props.status === null ? null : spokenWords(props.status)) ?? before;
  }, "");
  const isBad = (): boolean => props.lost === null && props.status?.sync.state === "alarm";
  return (
    <>
      <span class="hidden" role="status">
        {isBad() ? "" : words()}
      </span>
      <span class="hidden" role="alert">
        {isBad() ? words() : ""}
      </span>
    </>
  );
}
