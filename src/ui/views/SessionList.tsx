import { createMemo, createSignal, onCleanup, onMount, Show, type JSX } from "solid-js";
import type { Status } from "../../app/api.ts";
import { useKeys } from "../lib/keys.ts";
import { now } from "../lib/now.ts";
import { hiddenColumns } from "../lib/preferences.ts";
import { query, setQuery } from "../lib/router.ts";
import { fittingColumns } from "../lib/sessionColumns.ts";
import { matchesFilter, readFilter, searchWithin } from "../lib/sessionFilter.ts";
import { useTitle } from "../lib/title.ts";
import { Empty, Failed, Skeleton } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { useServices } from "../state/engine.ts";
import { SearchResults } from "./SearchResults.tsx";
import { ColumnsMenu } from "./SessionColumnsMenu.tsx";
import { FilterChips, FilterMenu } from "./SessionFilters.tsx";
import { SessionGrid } from "./SessionGrid.tsx";

/** The list with its search, filters and columns: sessions, or where the searched words are. */
export function SessionList(props: { readonly selected: string | null }): JSX.Element {
  const { sessions, status } = useServices();
  const [width, setWidth] = createSignal(900);
  const [input, setInput] = createSignal<HTMLInputElement>();
  const [intoList, setIntoList] = createSignal<(event: KeyboardEvent) => void>(() => undefined);
  let section!: HTMLElement;

  const words = createMemo(() => query().get("q") ?? "");
  const filter = createMemo(() => readFilter(query()), undefined, {
    equals: (a, b) => JSON.stringify(a) === JSON.stringify(b),
  });
  const matching = createMemo(() =>
    sessions.sorted().filter((row) => matchesFilter(row, filter(), now())),
  );
  const columns = createMemo(() => fittingColumns(width(), hiddenColumns()), undefined, {
    equals: (a, b) => a.map(({ id }) => id).join() === b.map(({ id }) => id).join(),
  });
  const isFiltered = createMemo(() => Object.values(filter()).some((value) => value !== null));
  const within = createMemo(() => (isFiltered() ? searchWithin(filter(), now()) : null), null, {
    equals: (a, b) => JSON.stringify(a) === JSON.stringify(b),
  });
  const unfilter = (): void => setQuery({ agent: null, project: null, days: null });

  onMount(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 900));
    observer.observe(section);
    onCleanup(() => observer.disconnect());
  });
  useTitle(() => "Sessions");
  useKeys({
    "/": () => {
      input()?.focus();
      input()?.select();
    },
  });

  return (
    <section class="list" aria-label="Sessions" ref={section}>
      <div class="list-bar">
        <label class="find">
          <Icon name="search" />
          <input
            ref={setInput}
            type="search"
            placeholder="Search everything"
            aria-label="Search everything in all sessions"
            aria-controls="session-list"
            autocomplete="off"
            spellcheck={false}
            value={words()}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === "Escape") {
                setQuery({ q: null });
                event.currentTarget.blur();
              } else intoList()(event);
            }}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <FilterMenu />
        <ColumnsMenu />
      </div>
      <Show when={isFiltered()}>
        <FilterChips />
      </Show>
      <Show
        when={words().trim() === ""}
        fallback={
          <SearchResults
            words={words().trim()}
            sessions={matching()}
            within={within()}
            onUnfilter={unfilter}
            selected={props.selected}
            takeKeys={(take) => setIntoList(() => take)}
          />
        }
      >
        <Show when={sessions.fault() !== null && sessions.rows().size === 0}>
          <Failed words={sessions.fault() ?? ""} onAgain={sessions.again} />
        </Show>
        <Show when={sessions.total() === null && sessions.fault() === null}>
          <Skeleton rows={12} />
        </Show>
        <Show when={sessions.total() !== null && matching().length === 0}>
          <Show
            when={isFiltered()}
            fallback={
              <Empty
                title={
                  isReading(status()) ? "Reading the sessions on this machine" : "No sessions yet"
                }
              >
                <p>
                  Every session of a coding agent on this machine will be here, with its tools,
                  tokens and cost. Start an agent in any folder; this list fills by itself.
                </p>
              </Empty>
            }
          >
            <Empty title="No session fits these filters">
              <button type="button" class="button" onClick={unfilter}>
                Remove the filters
              </button>
            </Empty>
          </Show>
        </Show>
        <Show when={matching().length > 0}>
          <SessionGrid
            rows={matching()}
            columns={columns()}
            selected={props.selected}
            takeKeys={(take) => setIntoList(() => take)}
          />
        </Show>
      </Show>
    </section>
  );
}

/** There is more to come from what is on this machine already. */
function isReading(status: Status | null): boolean {
  return status?.capture.state === "importing" || (status?.capture.progress ?? null) !== null;
}
