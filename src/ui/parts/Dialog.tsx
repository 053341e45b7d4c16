import { createContext, createEffect, onCleanup, Show, useContext, type JSX } from "solid-js";

interface DialogProps {
  readonly open: boolean;
  readonly label: string;
  readonly class?: string;
  readonly onClose: () => void;
  readonly children: JSX.Element;
}

const HoldContext = createContext<(by: 1 | -1) => void>();

/** While the caller stands in a dialog, that closes by its own buttons only: what it shows is not shown again. */
export function holdDialog(): void {
  const hold = useContext(HoldContext);
  hold?.(1);
  onCleanup(() => hold?.(-1));
}

/** The browser's own modal: it keeps the focus inside, closes with Escape, and makes what lies under it inert. */
export function Dialog(props: DialogProps): JSX.Element {
  let element!: HTMLDialogElement;
  let holds = 0;
  let pressedOutside = false;
  createEffect(() => {
    if (props.open && !element.open) element.showModal();
    if (!props.open && element.open) element.close();
  });
  return (
    <dialog
      ref={element}
      class={props.class}
      aria-label={props.label}
      onCancel={(event) => {
        if (holds > 0) event.preventDefault();
      }}
      onClose={() => props.onClose()}
      onPointerDown={(event) => (pressedOutside = event.target === element)}
      onClick={(event) => {
        // Text marked inside and let go outside is a click on what holds both, the dialog.
        if (event.target === element && pressedOutside && holds === 0) props.onClose();
      }}
    >
      <HoldContext.Provider value={(by) => (holds += by)}>
        <Show when={props.open}>{props.children}</Show>
      </HoldContext.Provider>
    </dialog>
  );
}
