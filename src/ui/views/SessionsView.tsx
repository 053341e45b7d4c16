import { createMemo, Show, type JSX } from "solid-js";
import { listWidth, setListWidth } from "../lib/preferences.ts";
import { route } from "../lib/router.ts";
import { SessionList } from "./SessionList.tsx";
import { TraceView } from "./TraceView.tsx";

/** The list, whole or, beside an open session, narrow. Under 900 px they are two pages. */
export function SessionsView(): JSX.Element {
  const session = createMemo(() => {
    const shown = route();
    return shown.view === "sessions" ? shown.session : null;
  });
  return (
    <div
      class="split"
      classList={{ "has-detail": session() !== null }}
      style={{ "--list-width": `${listWidth()}px` }}
    >
      <SessionList selected={session()} />
      <Show when={session()} keyed>
        {(id) => (
          <>
            <ListEdge />
            <TraceView id={id} />
          </>
        )}
      </Show>
    </div>
  );
}

const NARROWEST = 260;
const WIDEST = 720;

/** The edge between list and detail: dragged, or moved with the arrow keys. */
export function ListEdge(): JSX.Element {
  const set = (width: number): void =>
    setListWidth(Math.max(NARROWEST, Math.min(WIDEST, Math.round(width))));
  return (
    <div
      class="split-edge"
      role="separator"
      tabindex="0"
      aria-orientation="vertical"
      aria-label="Width of the list"
      aria-valuenow={listWidth()}
      aria-valuemin={NARROWEST}
      aria-valuemax={WIDEST}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") set(listWidth() - 16);
        if (event.key === "ArrowRight") set(listWidth() + 16);
      }}
      onPointerDown={(event) => {
        const element = event.currentTarget;
        const offset = event.clientX - listWidth();
        element.setPointerCapture(event.pointerId);
        element.onpointermove = (move) => set(move.clientX - offset);
        element.onpointerup = () => (element.onpointermove = null);
      }}
    />
  );
}
