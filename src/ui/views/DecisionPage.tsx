import { createMemo, createSignal, For, onCleanup, Show, type Accessor, type JSX } from "solid-js";
import * as Y from "yjs";
import type { DecisionRow } from "../../app/api.ts";
import {
  DECISION_LISTS,
  DECISION_TEXTS,
  decisionText,
  editDecision,
  readDecision,
  type DecisionEdit,
  type DecisionRecord,
} from "../../crdt/decision.ts";
import { announce } from "../lib/announce.ts";
import { innermost, keyLabel, useKeys } from "../lib/keys.ts";
import { MAKER } from "../lib/maker.ts";
import { peopleOf, type Person } from "../lib/people.ts";
import { decisionPath, navigate, sessionPath } from "../lib/router.ts";
import { useTitle } from "../lib/title.ts";
import { oneLine } from "../lib/visible.ts";
import { Empty, Failed, Skeleton } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { TextField } from "../parts/TextField.tsx";
import type { OpenDocument } from "../state/documents.ts";
import { useServices } from "../state/engine.ts";
import { PeopleContext } from "../state/people.ts";
import { DateField, ListField, StatusChoice } from "./DecisionFields.tsx";
import { keptWords, Refusal } from "./DecisionKept.tsx";
import { DecisionOptions } from "./DecisionOptions.tsx";
import { DecisionPeople } from "./DecisionPeople.tsx";

/** A decision as a page: everything is edited where it stands and kept as it is typed. */
export function DecisionPage(props: {
  readonly id: string;
  readonly row: DecisionRow | null;
}): JSX.Element {
  const { documents } = useServices();
  const document = documents.open(props.id);
  onCleanup(() => documents.close(props.id));
  const [slow, setSlow] = createSignal(false);
  const timer = setTimeout(() => setSlow(true), 200);
  onCleanup(() => clearTimeout(timer));
  useKeys({ Escape: () => navigate(decisionPath(null)) });
  const people = createMemo(() => peopleOf(document.here()));
  const at = (field: string): readonly Person[] =>
    people().filter((person) => person.field === field);

  return (
    <main class="detail page-scroll scroll" aria-label="Decision">
      <Show when={!document.ready() && document.fault()}>
        {(words) => <Failed words={words()} onAgain={document.retry} />}
      </Show>
      <Show
        when={document.ready()}
        fallback={
          <Show when={document.fault() === null && slow()}>
            <Show when={document.kept() === "page"} fallback={<Skeleton rows={9} />}>
              <Empty title="This decision cannot be shown now">
                <p>
                  It is not kept in this browser, and the engine is not running. It will open when
                  the engine is back.
                </p>
              </Empty>
            </Show>
          </Show>
        }
      >
        <PeopleContext.Provider value={{ at, moveTo: document.moveTo }}>
          <Page document={document} row={props.row} people={people()} />
        </PeopleContext.Provider>
      </Show>
    </main>
  );
}

function Page(props: {
  readonly document: OpenDocument;
  readonly row: DecisionRow | null;
  readonly people: readonly Person[];
}): JSX.Element {
  const { document } = props;
  const { doc } = document;
  const record = watch(doc);
  const readOnly = (): boolean => document.readOnly() !== null;
  useTitle(() => oneLine(record().title) || "Decision");
  const undo = new Y.UndoManager(
    [
      ...DECISION_TEXTS.map((field) => decisionText(doc, field)),
      ...[...DECISION_LISTS, "fields", "options"].map((name) => doc.getMap(name)),
    ],
    { captureTimeout: 600 },
  );
  onCleanup(() => undo.destroy());
  const [canUndo, setCanUndo] = createSignal(false);
  const look = (): void => void setCanUndo(undo.undoStack.length > 0);
  undo.on("stack-item-added", look);
  undo.on("stack-item-popped", look);
  useKeys({
    "mod+z": (event) => {
      if (readOnly() || isEditable(innermost(event))) return false;
      undo.undo();
      return undefined;
    },
  });

  function edit(change: DecisionEdit): void {
    const outcome = editDecision(doc, change, MAKER);
    if (!outcome.ok) announce(outcome.fault.message, "error");
  }

  return (
    <article class="page">
      <DecisionPeople people={props.people} />
      <div class="page-top">
        <a
          class="icon-button back"
          href={decisionPath(null)}
          aria-label="Back to the list"
          title="Back to the list (Esc)"
        >
          <Icon name="back" />
        </a>
        <StatusChoice record={record()} readOnly={readOnly()} onEdit={edit} />
        <DateField
          label="Date"
          value={record().date}
          readOnly={readOnly()}
          onChange={(date) => edit({ date })}
        />
        <span class="quiet kept" role="status">
          {keptWords(document, props.row)}
        </span>
        <Show when={!readOnly()}>
          <button
            type="button"
            class="link"
            disabled={!canUndo()}
            title={`Undo (${keyLabel("mod+z")})`}
            onClick={() => undo.undo()}
          >
            Undo
          </button>
        </Show>
      </div>
      <Refusal document={document} />
      <h1 class="page-title">
        <TextField
          name="title"
          text={decisionText(doc, "title")}
          undo={undo}
          readOnly={readOnly()}
          label="Title"
          placeholder="What is decided"
          oneLine
        />
      </h1>
      <TextField
        class="page-outcome"
        name="outcome"
        text={decisionText(doc, "outcome")}
        undo={undo}
        readOnly={readOnly()}
        label="Outcome"
        placeholder="The outcome in a sentence"
      />
      <div class="page-facts">
        <ListField
          label="Deciders"
          values={record().deciders}
          placeholder="Add a name"
          readOnly={readOnly()}
          onChange={(deciders) => edit({ deciders })}
        />
        <ListField
          label="Tags"
          values={record().tags}
          placeholder="Add a tag"
          readOnly={readOnly()}
          onChange={(tags) => edit({ tags })}
        />
        <Show when={record().project}>
          {(project) => (
            <div class="fact">
              <span class="fact-name">Project</span>
              <span>{oneLine(project())}</span>
            </div>
          )}
        </Show>
        <div class="fact">
          <span class="fact-name">Review by</span>
          <DateField
            label="Review by"
            value={record().reviewBy}
            readOnly={readOnly()}
            onChange={(reviewBy) => edit({ reviewBy })}
          />
        </div>
      </div>
      <Section title="Context">
        <TextField
          name="context"
          text={decisionText(doc, "context")}
          undo={undo}
          readOnly={readOnly()}
          label="Context"
          placeholder="What is the case, and what makes it a question?"
        />
      </Section>
      <Section title="Drivers">
        <TextField
          name="drivers"
          text={decisionText(doc, "drivers")}
          undo={undo}
          readOnly={readOnly()}
          label="Drivers"
          placeholder="What matters for the choice?"
        />
      </Section>
      <DecisionOptions doc={doc} options={record().options} undo={undo} readOnly={readOnly()} />
      <Section title="Consequences">
        <TextField
          name="consequences"
          text={decisionText(doc, "consequences")}
          undo={undo}
          readOnly={readOnly()}
          label="Consequences"
          placeholder="What follows from it, wanted or not?"
        />
      </Section>
      <Evidence record={record()} />
    </article>
  );
}

function Section(props: { readonly title: string; readonly children: JSX.Element }): JSX.Element {
  return (
    <section class="page-section">
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}

function Evidence(props: { readonly record: DecisionRecord }): JSX.Element {
  const { sessions } = useServices();
  return (
    <Show when={props.record.evidence.length > 0}>
      <Section title="Evidence">
        <For each={props.record.evidence}>
          {(item) => (
            <p class="quote">
              <a href={sessionPath(item.session, item.event)}>
                {oneLine(sessions.rows().get(item.session)?.title ?? "A place in a session")}
              </a>
              <small class="quiet">opens the trace there</small>
            </p>
          )}
        </For>
      </Section>
    </Show>
  );
}

/** The record, read again at most once a frame while it changes. */
function watch(doc: Y.Doc): Accessor<DecisionRecord> {
  const [record, setRecord] = createSignal(readDecision(doc));
  let frame = 0;
  const read = (): void => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => setRecord(readDecision(doc)));
  };
  doc.on("update", read);
  onCleanup(() => {
    doc.off("update", read);
    cancelAnimationFrame(frame);
  });
  return record;
}

function isEditable(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement ||
    (target instanceof HTMLElement && target.isContentEditable)
  );
}
