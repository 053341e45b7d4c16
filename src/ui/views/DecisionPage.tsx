import { createMemo, createSignal, For, onCleanup, Show, type Accessor, type JSX } from "solid-js";
import * as Y from "yjs";
import type { DecisionRow } from "../../app/api.ts";
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";
import {
  addOption,
  DECISION_LISTS,
  DECISION_STATUSES,
  DECISION_TEXTS,
  decisionText,
  editDecision,
  markOption,
  optionText,
  readDecision,
  type DecisionEdit,
  type DecisionOption,
  type DecisionRecord,
} from "../../crdt/decision.ts";
import { announce } from "../lib/announce.ts";
import { capital } from "../lib/format.ts";
import { innermost, keyLabel, useKeys } from "../lib/keys.ts";
import { decisionPath, navigate, sessionPath } from "../lib/router.ts";
import { useTitle } from "../lib/title.ts";
import { oneLine } from "../lib/visible.ts";
import { Empty, Failed, Skeleton } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { TextField } from "../parts/TextField.tsx";
import type { OpenDocument } from "../state/documents.ts";
import { useServices } from "../state/engine.ts";

const MAKE = { clock: systemClock, random: systemRandom };

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
        <Page document={document} row={props.row} />
      </Show>
    </main>
  );
}

function Page(props: {
  readonly document: OpenDocument;
  readonly row: DecisionRow | null;
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
    const outcome = editDecision(doc, change, MAKE);
    if (!outcome.ok) announce(outcome.fault.message, "error");
  }

  return (
    <article class="page">
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
          text={decisionText(doc, "context")}
          undo={undo}
          readOnly={readOnly()}
          label="Context"
          placeholder="What is the case, and what makes it a question?"
        />
      </Section>
      <Section title="Drivers">
        <TextField
          text={decisionText(doc, "drivers")}
          undo={undo}
          readOnly={readOnly()}
          label="Drivers"
          placeholder="What matters for the choice?"
        />
      </Section>
      <Options doc={doc} options={record().options} undo={undo} readOnly={readOnly()} />
      <Section title="Consequences">
        <TextField
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

/** Why what is typed here is not saved, or cannot be. */
function Refusal(props: { readonly document: OpenDocument }): JSX.Element {
  const { document } = props;
  return (
    <>
      <Show when={document.readOnly()}>
        {(words) => (
          <div class="page-note" role="status">
            <Icon name="lock" />
            <p>
              {words()}
              <Show when={document.kept() === "page"}>
                {" "}
                What you changed here before is kept in this browser, and saved once Operon is
                updated.
              </Show>
            </p>
          </div>
        )}
      </Show>
      <Show when={document.fault()}>
        {(words) => (
          <div class="page-note bad" role="alert">
            <Icon name="error" />
            <p>
              {words()} What you type here is kept in this page; it is not saved on this machine
              before the engine takes it.
            </p>
            <button type="button" class="button" onClick={() => document.retry()}>
              Try again
            </button>
          </div>
        )}
      </Show>
    </>
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

function StatusChoice(props: {
  readonly record: DecisionRecord;
  readonly readOnly: boolean;
  readonly onEdit: (edit: DecisionEdit) => void;
}): JSX.Element {
  return (
    <label class="pill" data-status={props.record.status}>
      <span class="hidden">Status</span>
      <select
        value={props.record.status}
        disabled={props.readOnly}
        onChange={(event) => props.onEdit({ status: event.currentTarget.value })}
      >
        <For each={DECISION_STATUSES}>
          {(status) => <option value={status}>{capital(status)}</option>}
        </For>
      </select>
    </label>
  );
}

function DateField(props: {
  readonly label: string;
  readonly value: string | null;
  readonly readOnly: boolean;
  readonly onChange: (value: string) => void;
}): JSX.Element {
  return (
    <input
      class="date"
      classList={{ unset: props.value === null }}
      type="date"
      aria-label={props.label}
      readOnly={props.readOnly}
      data-unset={props.readOnly ? "No date" : "Add a date"}
      value={props.value ?? ""}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  );
}

/** Names or tags: each can be removed, and one more typed. */
function ListField(props: {
  readonly label: string;
  readonly values: readonly string[];
  readonly placeholder: string;
  readonly readOnly: boolean;
  readonly onChange: (values: readonly string[]) => void;
}): JSX.Element {
  function add(input: HTMLInputElement): void {
    const more = input.value
      .split(",")
      .map((value) => value.trim())
      .filter((value) => value !== "");
    input.value = "";
    if (more.length > 0) props.onChange([...props.values, ...more]);
  }
  return (
    <div class="fact" role="group" aria-label={props.label}>
      <span class="fact-name">{props.label}</span>
      <span class="fact-values">
        <For each={props.values}>
          {(value) => (
            <span class="chip">
              {oneLine(value)}
              <Show when={!props.readOnly}>
                <button
                  type="button"
                  aria-label={`Remove ${oneLine(value)}`}
                  onClick={() => props.onChange(props.values.filter((other) => other !== value))}
                >
                  <Icon name="close" />
                </button>
              </Show>
            </span>
          )}
        </For>
        <Show when={!props.readOnly}>
          <input
            type="text"
            class="fact-input"
            maxlength="300"
            aria-label={props.placeholder}
            placeholder={props.placeholder}
            onKeyDown={(event) => {
              if (event.key !== "Enter" && event.key !== ",") return;
              event.preventDefault();
              add(event.currentTarget);
            }}
            onBlur={(event) => add(event.currentTarget)}
          />
        </Show>
      </span>
    </div>
  );
}

function Options(props: {
  readonly doc: Y.Doc;
  readonly options: readonly DecisionOption[];
  readonly undo: Y.UndoManager;
  readonly readOnly: boolean;
}): JSX.Element {
  const ids = createMemo(() => props.options.map((option) => option.id), [], {
    equals: (a, b) => a.join() === b.join(),
  });
  const chosen = (id: string): boolean =>
    props.options.find((option) => option.id === id)?.chosen ?? false;

  function add(): void {
    props.undo.stopCapturing();
    addOption(props.doc, {}, MAKE);
  }

  function remove(id: string): void {
    props.undo.stopCapturing();
    markOption(props.doc, id, "removed", true);
    props.undo.stopCapturing();
    announce("Option removed. Undo brings it back.");
  }

  return (
    <section class="page-section">
      <h2>
        Options
        <Show when={!props.readOnly}>
          <button type="button" class="link" onClick={add}>
            Add an option
          </button>
        </Show>
      </h2>
      <Show when={ids().length > 0}>
        <ul class="options">
          <For each={ids()}>
            {(id) => (
              <li classList={{ chosen: chosen(id) }}>
                <OptionField
                  doc={props.doc}
                  id={id}
                  part="title"
                  undo={props.undo}
                  readOnly={props.readOnly}
                  class="option-title"
                  label="Option"
                  placeholder="An option"
                />
                <div class="option-side good">
                  <i role="img" aria-label="For it">
                    +
                  </i>
                  <OptionField
                    doc={props.doc}
                    id={id}
                    part="pros"
                    undo={props.undo}
                    readOnly={props.readOnly}
                    label="For it"
                    placeholder="What speaks for it"
                  />
                </div>
                <div class="option-side bad">
                  <i role="img" aria-label="Against it">
                    −
                  </i>
                  <OptionField
                    doc={props.doc}
                    id={id}
                    part="cons"
                    undo={props.undo}
                    readOnly={props.readOnly}
                    label="Against it"
                    placeholder="What speaks against it"
                  />
                </div>
                <Show
                  when={!props.readOnly}
                  fallback={
                    <Show when={chosen(id)}>
                      <div class="option-actions">Chosen</div>
                    </Show>
                  }
                >
                  <div class="option-actions">
                    <button
                      type="button"
                      class="link"
                      aria-pressed={chosen(id)}
                      onClick={() => markOption(props.doc, id, "chosen", !chosen(id))}
                    >
                      {chosen(id) ? "Chosen" : "Choose"}
                    </button>
                    <button type="button" class="link" onClick={() => remove(id)}>
                      Remove
                    </button>
                  </div>
                </Show>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={ids().length === 0}>
        <p class="quiet">No options written down.</p>
      </Show>
    </section>
  );
}

function OptionField(props: {
  readonly doc: Y.Doc;
  readonly id: string;
  readonly part: "title" | "pros" | "cons";
  readonly undo: Y.UndoManager;
  readonly label: string;
  readonly placeholder: string;
  readonly readOnly: boolean;
  readonly class?: string;
}): JSX.Element {
  return (
    <Show when={optionText(props.doc, props.id, props.part)} keyed>
      {(text) => (
        <TextField
          text={text}
          undo={props.undo}
          label={props.label}
          placeholder={props.placeholder}
          oneLine={props.part === "title"}
          readOnly={props.readOnly}
          class={props.class ?? ""}
        />
      )}
    </Show>
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

/** How far the newest edit has come, in true words. */
function keptWords({ kept, fault, readOnly }: OpenDocument, row: DecisionRow | null): string {
  switch (kept()) {
    case "page":
      if (fault() !== null) return "kept in this page only";
      if (readOnly() !== null) return "only read here";
      return "kept in this page, saved when the engine is back";
    case "saving":
      return "saving";
    case "machine":
      if (row === null || row.team === null) return "saved on this machine";
      return row.waiting
        ? "saved on this machine, waiting for the team"
        : "saved on this machine, with the team";
  }
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
