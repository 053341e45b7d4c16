/**
 * Others' carets and selections in a text field, and telling where one's own is.
 *
 * What others send is resolved with care: it may name what is not here, or be no position at all, and then it is not shown.
 */
import { StateEffect, type Extension, type Range } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  ViewPlugin,
  WidgetType,
  type DecorationSet,
  type ViewUpdate,
} from "@codemirror/view";
import * as Y from "yjs";
import type { PlaceHere } from "../../app/channel.ts";
import { fromBase64, type Bytes } from "../../base/bytes.ts";
import type { Person } from "../lib/people.ts";

/** Who is in the field from now on. */
export const showPeople = StateEffect.define<readonly Person[]>();

export const CARETS_LOOK: Parameters<typeof EditorView.theme>[0] = {
  ".cm-taken": { background: "color-mix(in srgb, var(--who) 22%, transparent)" },
  ".cm-caret": {
    position: "relative",
    margin: "0 -1px",
    borderLeft: "2px solid var(--who)",
  },
  ".cm-caret-name": {
    position: "absolute",
    zIndex: "1",
    bottom: "100%",
    left: "-2px",
    padding: "0 4px",
    borderRadius: "3px 3px 3px 0",
    color: "var(--who-text)",
    background: "var(--who)",
    font: "500 10px/14px var(--ui)",
    letterSpacing: "0",
    whiteSpace: "nowrap",
    pointerEvents: "none",
    animation: "caret-name 2.4s forwards",
  },
  ".cm-caret-name::after": { content: "attr(data-name)" },
  ".cm-caret:hover .cm-caret-name": { animation: "none" },
  // What the editor puts around a caret makes no line higher.
  ".cm-widgetBuffer": { height: "0.5em", verticalAlign: "baseline" },
  "@keyframes caret-name": { "0%, 92%": { opacity: "1" }, "100%": { opacity: "0" } },
  ...Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`.who-${i}`, { "--who": `var(--who-${i})` }]),
  ),
};

export function carets(text: Y.Text): Extension {
  return ViewPlugin.define(() => new Carets(text), { decorations: (all) => all.decorations });
}

/** Calls with the own caret while the field has the focus, and with null when it loses it. */
export function tellCaret(text: Y.Text, tell: (caret: PlaceHere["caret"]) => void): Extension {
  return EditorView.updateListener.of(({ view, focusChanged, selectionSet, docChanged }) => {
    if (!focusChanged && !(view.hasFocus && (selectionSet || docChanged))) return;
    const { anchor, head } = view.state.selection.main;
    const at = (index: number): Bytes =>
      Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(text, index)) as Bytes;
    tell(view.hasFocus ? { anchor: at(anchor), head: at(head) } : null);
  });
}

class Carets {
  readonly #text: Y.Text;
  #people: readonly Person[] = [];
  decorations: DecorationSet = Decoration.none;

  constructor(text: Y.Text) {
    this.#text = text;
  }

  update({ docChanged, transactions, state }: ViewUpdate): void {
    const told = transactions
      .flatMap(({ effects }) => effects)
      .findLast((one) => one.is(showPeople));
    if (told !== undefined) this.#people = told.value as readonly Person[];
    if (docChanged || told !== undefined) this.decorations = this.#draw(state.doc.length);
  }

  #draw(length: number): DecorationSet {
    const ranges = this.#people.flatMap(({ caret, name, colour }): Range<Decoration>[] => {
      const anchor = caret && this.#indexOf(caret.anchor);
      const head = caret && this.#indexOf(caret.head);
      if (anchor === null || head === null || Math.max(anchor, head) > length) return [];
      const widget = Decoration.widget({ widget: new CaretWidget(name, colour), side: 1 });
      const selected = Decoration.mark({ class: `cm-taken ${colour}` });
      const [from, to] = [Math.min(anchor, head), Math.max(anchor, head)];
      return [...(from < to ? [selected.range(from, to)] : []), widget.range(head)];
    });
    return Decoration.set(ranges, true);
  }

  #indexOf(encoded: string): number | null {
    const { doc } = this.#text;
    try {
      const position = Y.decodeRelativePosition(fromBase64(encoded));
      // A top-level text of an unknown name would be made by asking for it.
      const { tname } = position;
      if (doc === null) return null;
      const named: unknown = tname === null ? this.#text : doc.share.get(tname);
      if (named !== this.#text) return null;
      const found = Y.createAbsolutePositionFromRelativePosition(position, doc, false);
      return found?.type === this.#text ? found.index : null;
    } catch {
      return null;
    }
  }
}

class CaretWidget extends WidgetType {
  readonly #name: string;
  readonly #colour: string;

  constructor(name: string, colour: string) {
    super();
    this.#name = name;
    this.#colour = colour;
  }

  override eq(other: CaretWidget): boolean {
    return other.#name === this.#name && other.#colour === this.#colour;
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement("span");
    caret.className = `cm-caret ${this.#colour}`;
    caret.setAttribute("aria-hidden", "true");
    const name = document.createElement("span");
    name.className = "cm-caret-name";
    // Drawn, and no text: what is copied or read from the field is what people wrote.
    name.dataset["name"] = this.#name;
    caret.append(name);
    return caret;
  }
}
