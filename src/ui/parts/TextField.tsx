import { defaultKeymap } from "@codemirror/commands";
import {
  Compartment,
  EditorState,
  type Extension,
  type Transaction,
  type TransactionSpec,
} from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { createEffect, createMemo, on, onCleanup, onMount, type JSX } from "solid-js";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import type * as Y from "yjs";
import { usePeople } from "../state/people.ts";
import { carets, CARETS_LOOK, showPeople, tellCaret } from "./carets.ts";

interface Props {
  /** What others know the field by. */
  readonly name: string;
  readonly text: Y.Text;
  readonly undo: Y.UndoManager;
  readonly label: string;
  readonly placeholder: string;
  readonly class?: string;
  /** Enter leaves the field: it holds one line. */
  readonly oneLine?: boolean;
  readonly readOnly?: boolean;
}

/** Colours and type come from the page: custom properties and inherited fonts reach into a shadow tree. */
const LOOK = EditorView.theme({
  "&": { borderRadius: "var(--radius)", color: "inherit" },
  "&:hover": { background: "color-mix(in srgb, var(--hover) 60%, transparent)" },
  "&.cm-focused": {
    outline: "none",
    background: "var(--panel)",
    boxShadow: "0 0 0 1.5px color-mix(in srgb, var(--accent) 60%, transparent)",
  },
  // Lines are wrapped, and a name may stand over the first one.
  ".cm-scroller": { fontFamily: "inherit", lineHeight: "inherit", overflow: "visible" },
  ".cm-content": { padding: "3px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 8px" },
  ".cm-placeholder": { color: "var(--faint)" },
  ...CARETS_LOOK,
});

/**
 * A shared text, edited where it stands. What others type appears in it as it arrives, and where they are in it; undo takes
 * back only one's own.
 *
 * It lives in a shadow tree, because there the editor's style sheets are constructed ones, which a content security
 * policy without inline styles lets through.
 */
export function TextField(props: Props): JSX.Element {
  let host!: HTMLDivElement;
  const people = usePeople();
  const here = createMemo(() => people.at(props.name));
  onMount(() => {
    const leave = (view: EditorView): boolean => {
      view.contentDOM.blur();
      return true;
    };
    const access = new Compartment();
    const root = host.attachShadow({ mode: "open" });
    const view = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: props.text.toString(),
        extensions: [
          yCollab(props.text, null, { undoManager: props.undo }),
          keymap.of([
            { key: "Escape", run: leave },
            ...(props.oneLine === true ? [{ key: "Enter", run: leave }] : []),
            ...defaultKeymap,
          ]),
          access.of(accessOf(props)),
          carets(props.text),
          tellCaret(props.text, (caret) =>
            people.moveTo({ field: caret === null ? null : props.name, caret }),
          ),
          LOOK,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            "aria-label": props.label,
            "aria-multiline": props.oneLine === true ? "false" : "true",
            spellcheck: "true",
            autocapitalize: "sentences",
            dir: "auto",
          }),
          ...(props.oneLine === true ? [EditorState.transactionFilter.of(withoutNewLines)] : []),
        ],
      }),
    });
    createEffect(
      on(
        () => props.readOnly,
        () => view.dispatch({ effects: access.reconfigure(accessOf(props)) }),
        { defer: true },
      ),
    );
    createEffect(() => view.dispatch({ effects: showPeople.of(here()) }));
    onCleanup(() => view.destroy());
  });
  return (
    <div
      class={`field ${props.class ?? ""} ${here()[0]?.colour ?? ""}`}
      data-here={
        here().length > 0
          ? here()
              .map(({ name }) => name)
              .join(", ")
          : undefined
      }
      ref={host}
    />
  );
}

/** Undo writes into the text past the editor: where it is only read, its keys are gone too. */
function accessOf({ readOnly, placeholder: words }: Props): Extension {
  if (readOnly !== true) return [keymap.of(yUndoManagerKeymap), placeholder(words)];
  return [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ "aria-readonly": "true", tabindex: "0" }),
    placeholder("Nothing written"),
  ];
}

/** What is typed or pasted into a field of one line is one line. What arrives from others is theirs. */
function withoutNewLines(transaction: Transaction): TransactionSpec | readonly TransactionSpec[] {
  if (!transaction.isUserEvent("input") || transaction.newDoc.lines === 1) return transaction;
  const changes: { from: number; to: number; insert: string }[] = [];
  transaction.changes.iterChanges((from, to, _fromB, _toB, inserted) => {
    changes.push({ from, to, insert: inserted.toString().replaceAll("\n", " ") });
  });
  const last = changes.at(-1);
  return [
    {
      changes,
      ...(last === undefined ? {} : { selection: { anchor: last.from + last.insert.length } }),
      userEvent: "input.paste",
    },
  ];
}
