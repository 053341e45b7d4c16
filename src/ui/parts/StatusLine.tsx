import { createMemo, Show, type JSX } from "solid-js";
import type { Status, SyncState } from "../../app/api.ts";
import type { Link } from "../lib/client.ts";
import { agentName, ago, clockTime, exactCount, plural } from "../lib/format.ts";
import { keyLabel } from "../lib/keys.ts";
import { now } from "../lib/now.ts";
import { useServices } from "../state/engine.ts";
import { Icon } from "./Icon.tsx";

/** The truth in words: is the engine there, what does it capture, how far is sync, what should a person know. */
export function StatusLine(props: { readonly onPalette: () => void }): JSX.Element {
  const { engine, status } = useServices();
  const lost = createMemo(() => linkWords(engine.link()));
  return (
    <footer class="status" aria-label="Status">
      <Show
        when={lost() === null}
        fallback={
          <span class="status-bad" role="status">
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
              <span role="status">
                <i class="dot" data-on={known().capture.state !== "idle"} />
                {captureWords(known())}
              </span>
              <span
                role={known().sync.state === "alarm" ? "alert" : "status"}
                classList={{ "status-bad": known().sync.state === "alarm" }}
              >
                {syncWords(known().sync, now())}
              </span>
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

function linkWords(link: Link): string | null {
  switch (link.state) {
    case "lost":
      return `The engine is not running since ${clockTime(link.sinceMs)}; your edits are kept in this page and will be saved when it is back.`;
    case "refused":
      return "This page has no key for the engine. Run operon open and use the address it prints.";
    default:
      return null;
  }
}

/** A look at fewer is over before it is read. */
const LONG = 20;

function captureWords({ capturing, capture }: Status): string {
  const agents = capturing.map(agentName).join(", ");
  const { state, progress } = capture;
  if (progress !== null && (state === "importing" || progress.total >= LONG))
    return `${progress.what} ${exactCount(progress.done)} of ${exactCount(progress.total)}`;
  if (state === "importing") return `Reading ${agents}`;
  if (state === "watching") return agents === "" ? "Watching for sessions" : `Capturing ${agents}`;
  return "Not capturing";
}

export function syncWords(sync: SyncState, nowMs: number): string {
  const waiting =
    "waiting" in sync && sync.waiting > 0 ? `, ${plural(sync.waiting, "edit")} waiting` : "";
  switch (sync.state) {
    case "local":
      return "Everything stays on this machine";
    case "offline":
      return `Offline since ${clockTime(sync.since)}${waiting}`;
    case "syncing":
      return `Syncing${waiting}`;
    case "verified":
      return `Verified ${ago(sync.at, nowMs)}${waiting}`;
    case "alarm":
      return `Alarm: ${sync.alarms.join(" ")}`;
  }
}
