import { createVirtualizer } from "@tanstack/solid-virtual";
import {
  createEffect,
  createMemo,
  createRenderEffect,
  createSignal,
  For,
  on,
  onCleanup,
  onMount,
  type Accessor,
  type JSX,
} from "solid-js";

export interface ListHandle {
  readonly scroller: HTMLElement;
  show(index: number, align: "start" | "center" | "auto"): void;
  toEnd(): void;
  /** Index of the row at the top edge. */
  readonly first: Accessor<number>;
  /** Whether the last row's end is on screen. */
  readonly atEnd: Accessor<boolean>;
}

interface Props<T extends { readonly key: string }> {
  readonly rows: readonly T[];
  readonly heightOf: (row: T) => number;
  /** Rows are as high as their content: measured when they are on screen. */
  readonly measured?: boolean;
  /** Stay at the end when rows are added there, if the end is on screen. */
  readonly follow?: boolean;
  readonly class?: string;
  readonly header?: JSX.Element;
  readonly root: JSX.HTMLAttributes<HTMLDivElement>;
  readonly handle?: (handle: ListHandle) => void;
  readonly children: (row: Accessor<T>, index: Accessor<number>) => JSX.Element;
}

const END_PX = 32;

/**
 * Only the rows on screen are in the page. A row is known by its key: when others are added or removed before or after
 * it, its element stays.
 */
export function VirtualList<T extends { readonly key: string }>(props: Props<T>): JSX.Element {
  let scroller!: HTMLDivElement;
  const [top, setTop] = createSignal(0);
  const [atEnd, setAtEnd] = createSignal(false);
  /** Set by a person who scrolled there, or by rows that were added to a page with room. */
  let sticks = false;

  const virtualizer = createVirtualizer<HTMLDivElement, HTMLElement>({
    get count() {
      return props.rows.length;
    },
    getScrollElement: () => scroller,
    get estimateSize() {
      const { rows, heightOf } = props;
      return (index: number) => heightOf(rows[index] as T);
    },
    get getItemKey() {
      const { rows } = props;
      return (index: number) => rows[index]?.key ?? index;
    },
    overscan: 8,
  });

  const indexes = createMemo(() => new Map(props.rows.map((row, index) => [row.key, index])));
  const keys = createMemo(() => virtualizer.getVirtualItems().map((item) => String(item.key)), [], {
    equals: sameKeys,
  });
  const start = createMemo(() => virtualizer.getVirtualItems()[0]?.start ?? 0);

  function look(): void {
    setTop(scroller.scrollTop);
    setAtEnd(scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_PX);
  }

  onMount(() => {
    look();
    props.handle?.({
      scroller,
      show: (index, align) => virtualizer.scrollToIndex(index, { align }),
      toEnd() {
        sticks = true;
        scroller.scrollTop = scroller.scrollHeight;
      },
      first: createMemo(() => {
        const y = top();
        const items = virtualizer.getVirtualItems();
        return (items.find((item) => item.end > y + 1) ?? items[0])?.index ?? 0;
      }),
      atEnd,
    });
  });

  createRenderEffect(
    on(
      () => props.rows.length,
      (count, before) => {
        if (scroller === undefined || before === undefined || before === 0 || count <= before)
          return;
        if (scroller.scrollHeight <= scroller.clientHeight) sticks = true;
      },
    ),
  );
  createEffect(
    on([() => virtualizer.getTotalSize(), () => props.rows.length], () => {
      if (props.follow === true && sticks) scroller.scrollTop = scroller.scrollHeight;
      look();
    }),
  );

  return (
    <div
      {...props.root}
      ref={scroller}
      class={`scroll ${props.class ?? ""}`}
      onScroll={() => {
        look();
        sticks = atEnd() && scroller.scrollHeight > scroller.clientHeight;
      }}
    >
      {props.header}
      <div
        class="virtual"
        role="presentation"
        style={{ height: `${virtualizer.getTotalSize()}px` }}
      >
        <div
          class="virtual-rows"
          role="presentation"
          style={{ transform: `translateY(${start()}px)` }}
        >
          <For each={keys()}>
            {(key) => {
              const index = createMemo<number>((before) => indexes().get(key) ?? before ?? 0);
              const row = createMemo<T>((before) => {
                const at = indexes().get(key);
                return (at === undefined ? before : props.rows[at]) as T;
              });
              onCleanup(() => queueMicrotask(() => virtualizer.measureElement(null)));
              return (
                <div
                  class="virtual-row"
                  role="presentation"
                  data-index={index()}
                  style={
                    props.measured === true ? undefined : { height: `${props.heightOf(row())}px` }
                  }
                  ref={(element) => {
                    if (props.measured === true)
                      queueMicrotask(() => virtualizer.measureElement(element));
                  }}
                >
                  {props.children(row, index)}
                </div>
              );
            }}
          </For>
        </div>
      </div>
    </div>
  );
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}
