import {
  createEffect,
  createMemo,
  createSignal,
  For,
  on,
  onCleanup,
  Show,
  type JSX,
} from "solid-js";
import type { SearchAnswer, SearchHit, SearchInput, SessionRow } from "../../app/api.ts";
import { withoutAnsi } from "../lib/ansi.ts";
import { agentName, plural, sessionTitle } from "../lib/format.ts";
import { decisionPath, navigate, sessionPath } from "../lib/router.ts";
import { matchesWords } from "../lib/sessionFilter.ts";
import { oneLine } from "../lib/visible.ts";
import { Empty, Failed, Skeleton, Time } from "../parts/Basics.tsx";
import { Icon, type IconName } from "../parts/Icon.tsx";
import { VirtualList, type ListHandle } from "../parts/VirtualList.tsx";
import { createAnswer, useServices } from "../state/engine.ts";
import { lastActivity } from "../state/sessions.ts";

interface Props {
  readonly words: string;
  /** Of the sessions that pass the filters, their titles are looked through here. */
  readonly sessions: readonly SessionRow[];
  /** The same filters, for the engine. Null: everything is searched. */
  readonly within: Omit<SearchInput, "query"> | null;
  readonly onUnfilter: () => void;
  readonly selected: string | null;
  readonly takeKeys: (take: (event: KeyboardEvent) => void) => void;
}

type ResultRow =
  | { readonly key: string; readonly type: "heading"; readonly label: string }
  | { readonly key: string; readonly type: "title"; readonly session: SessionRow }
  | { readonly key: string; readonly type: "hit"; readonly hit: SearchHit };

const LIMIT = 200;
const MAX_TITLES = 12;
const PAUSE_MS = 90;
const LOOK_AGAIN_MS = 700;

/** Sessions by title at once, then every place in their text as the engine finds them. */
export function SearchResults(props: Props): JSX.Element {
  const { engine, sessions } = useServices();
  const [asked, setAsked] = createSignal<SearchInput | null>(null);
  const [active, setActive] = createSignal<string | null>(null);
  const [handle, setHandle] = createSignal<ListHandle>();

  createEffect(() => {
    const question = { ...props.within, query: props.words, limit: LIMIT };
    const timer = setTimeout(() => setAsked(question), PAUSE_MS);
    onCleanup(() => clearTimeout(timer));
  });
  const hits = createAnswer(asked, (question) => engine.call("search", question), engine);

  // While a longer word is looked for, what the shorter one found stays: a quick Enter finds something to open.
  const shown = createMemo<SearchAnswer | null>((before) => hits.value() ?? before, null);
  const inText = (): readonly SearchHit[] => shown()?.hits ?? [];

  // What is captured meanwhile is found as well.
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));
  onCleanup(
    engine.subscribe(({ topic }) => {
      if (topic !== "sessions" && topic !== "status") return;
      timer ??= setTimeout(() => {
        timer = undefined;
        hits.again();
      }, LOOK_AGAIN_MS);
    }),
  );

  const list = createMemo<readonly ResultRow[]>(() => {
    const needles = props.words.toLowerCase().split(/\s+/).filter(Boolean);
    const titles = props.sessions.filter((row) => matchesWords(row, needles)).slice(0, MAX_TITLES);
    const titled = new Set(titles.map((row) => row.id));
    // A hit without an event or a decision is a session's title, which stands above already.
    const places = inText().filter(
      (hit) => hit.decision !== null || hit.event !== null || !titled.has(hit.session),
    );
    return [
      ...headed(
        "Titles",
        titles.map((session) => ({ key: session.id, type: "title" as const, session })),
      ),
      ...headed(
        inText().length === LIMIT ? `In the text: the best ${LIMIT}` : "In the text",
        places.map((hit, index) => ({
          key: `${hit.event ?? hit.decision ?? hit.session}:${index}`,
          type: "hit" as const,
          hit,
        })),
      ),
    ];
  });
  createEffect(
    on(list, (rows) => {
      if (!rows.some((row) => row.key === active()))
        setActive(rows.find((row) => row.type !== "heading")?.key ?? null);
    }),
  );

  function onKey(event: KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      const rows = list();
      let index = rows.findIndex((row) => row.key === active()) + step;
      if (rows[index]?.type === "heading") index += step;
      const row = rows[index];
      if (row !== undefined && row.type !== "heading") {
        setActive(row.key);
        handle()?.show(index, "auto");
      }
    } else if (event.key === "Enter") {
      const row = list().find(({ key }) => key === active());
      if (row !== undefined && row.type !== "heading") navigate(pathOf(row));
    } else return;
    event.preventDefault();
  }
  props.takeKeys(onKey);

  const titleOf = (hit: SearchHit): string =>
    hit.sessionTitle === null
      ? sessionTitle(sessions.rows().get(hit.session))
      : oneLine(hit.sessionTitle);
  return (
    <>
      <Understood of={shown()} />
      <Show when={hits.fault()}>{(words) => <Failed words={words()} onAgain={hits.again} />}</Show>
      <Show when={hits.slow()}>
        <Skeleton rows={6} />
      </Show>
      <Show when={list().length === 0 && hits.value() !== null && asked()?.query === props.words}>
        <Nothing isFiltered={props.within !== null} onUnfilter={props.onUnfilter} />
      </Show>
      <VirtualList<ResultRow>
        rows={list()}
        heightOf={(row) => (row.type === "hit" ? 58 : row.type === "title" ? 36 : 34)}
        class="results"
        handle={setHandle}
        root={{
          id: "session-list",
          role: "listbox",
          tabindex: 0,
          "aria-label": `Results: ${plural(list().filter((row) => row.type !== "heading").length, "place")}`,
          "aria-activedescendant": active() === null ? undefined : `hit-${active()}`,
          onKeyDown: onKey,
        }}
      >
        {(row) => (
          <Show when={row()} keyed>
            {(shown) => <Result row={shown} active={active()} titleOf={titleOf} />}
          </Show>
        )}
      </VirtualList>
    </>
  );
}

/** What of the words was taken for filters, and what was looked for in place of words that are nowhere. */
function Understood(props: { readonly of: SearchAnswer | null }): JSX.Element {
  return (
    <>
      <Show when={props.of?.filters.length}>
        <div class="chips" role="group" aria-label="Filters in the query">
          <For each={props.of?.filters}>
            {({ name, value }) => (
              <span class="chip">
                {name} <b>{oneLine(value)}</b>
              </span>
            )}
          </For>
        </div>
      </Show>
      <Show when={props.of?.instead}>
        {(instead) => (
          <div class="sessions-group cut" role="status">
            Nothing here has these words. Showing results for <b>{oneLine(instead())}</b>
          </div>
        )}
      </Show>
    </>
  );
}

function Nothing(props: {
  readonly isFiltered: boolean;
  readonly onUnfilter: () => void;
}): JSX.Element {
  return (
    <Show
      when={props.isFiltered}
      fallback={
        <Empty title="Nothing found">
          <p>
            Nothing on this machine holds these words. Every word counts; fewer words find more.
          </p>
        </Empty>
      }
    >
      <Empty title="Nothing found with these filters">
        <p>No session that fits the filters holds these words.</p>
        <button type="button" class="button" onClick={() => props.onUnfilter()}>
          Search everything
        </button>
      </Empty>
    </Show>
  );
}

function Result(props: {
  readonly row: ResultRow;
  readonly active: string | null;
  readonly titleOf: (hit: SearchHit) => string;
}): JSX.Element {
  const { row: shown, titleOf } = props;
  if (shown.type === "heading") {
    return (
      <div class="sessions-group" role="presentation">
        {shown.label}
      </div>
    );
  }
  return (
    <a
      class={`result ${shown.type}`}
      id={`hit-${shown.key}`}
      role="option"
      tabindex="-1"
      href={pathOf(shown)}
      aria-selected={props.active === shown.key}
      data-active={props.active === shown.key}
    >
      {shown.type === "title" ? (
        <>
          <span class="cut">
            <Marked text={sessionTitle(shown.session)} />
          </span>
          <span class="quiet">{agentName(shown.session.agent)}</span>
          <Time class="quiet" at={lastActivity(shown.session)} />
        </>
      ) : (
        <>
          <span class={`kind kind-${shown.hit.kind}`}>
            <Icon name={kindIcon(shown.hit.kind)} label={shown.hit.kind} />
          </span>
          <span class="snippet">
            <Marked text={shown.hit.snippet} />
          </span>
          <span class="cut quiet">{titleOf(shown.hit)}</span>
          <Time class="quiet" at={shown.hit.at} />
        </>
      )}
    </a>
  );
}

/** Matches stand between U+0002 and U+0003; everything else is only text. */
function Marked(props: { readonly text: string }): JSX.Element {
  const parts = createMemo(() =>
    withoutAnsi(props.text)
      .split("\u0002")
      .flatMap((piece, index) => {
        if (index === 0) return [{ text: oneSpace(piece), marked: false }];
        const [inside = "", ...rest] = piece.split("\u0003");
        return [
          { text: oneSpace(inside), marked: true },
          { text: oneSpace(rest.join("")), marked: false },
        ];
      }),
  );
  return (
    <For each={parts()}>
      {(part) => (
        <Show when={part.marked} fallback={part.text}>
          {<mark>{part.text}</mark>}
        </Show>
      )}
    </For>
  );
}

/** Cleaned like one line, but spaces beside a mark stay. */
function oneSpace(text: string): string {
  const clean = oneLine(text);
  return `${/^\s/.test(text) ? " " : ""}${clean}${clean !== "" && /\s$/.test(text) ? " " : ""}`;
}

function headed(label: string, rows: readonly ResultRow[]): readonly ResultRow[] {
  return rows.length === 0 ? [] : [{ key: `h:${label}`, type: "heading", label }, ...rows];
}

function pathOf(row: Exclude<ResultRow, { type: "heading" }>): string {
  if (row.type === "title") return sessionPath(row.session.id);
  return row.hit.decision === null
    ? sessionPath(row.hit.session, row.hit.event)
    : decisionPath(row.hit.decision);
}

function kindIcon(kind: SearchHit["kind"]): IconName {
  return kind === "decision" ? "decisions" : kind;
}
