import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { localDay } from "../../base/days.ts";
import { decisionPath, navigate } from "../lib/router.ts";
import { oneLine } from "../lib/visible.ts";
import { Dialog } from "../parts/Dialog.tsx";
import { createAnswer, sentence, useServices } from "../state/engine.ts";

export function NewDecision(props: {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onMade: () => void;
}): JSX.Element {
  return (
    <Dialog open={props.open} label="New decision" class="form-dialog" onClose={props.onClose}>
      <Form onClose={props.onClose} onMade={props.onMade} />
    </Dialog>
  );
}

function Form(props: { readonly onClose: () => void; readonly onMade: () => void }): JSX.Element {
  const { engine, status } = useServices();
  const [title, setTitle] = createSignal("");
  const [place, setPlace] = createSignal("");
  const [fault, setFault] = createSignal<string | null>(null);
  const projects = createAnswer(
    () => "all",
    () => engine.call("projects", undefined),
    engine,
  );
  const linked = createMemo(() =>
    (projects.value() ?? []).filter((project) => project.team !== null),
  );
  const teams = createMemo(() => status()?.teams ?? []);

  async function make(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const [kind, id = ""] = place().split(":");
    try {
      const made = await engine.call("newDecision", {
        title: title().trim(),
        date: localDay(Date.now()),
        ...(kind === "team" ? { team: id } : {}),
        ...(kind === "project" ? { project: id } : {}),
      });
      props.onClose();
      props.onMade();
      navigate(decisionPath(made.id));
    } catch (error) {
      setFault(sentence(error));
    }
  }

  return (
    <form class="form" onSubmit={(event) => void make(event)}>
      <h2>New decision</h2>
      <label>
        What is decided
        <input
          type="text"
          required
          autofocus
          maxlength="300"
          autocomplete="off"
          value={title()}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
      </label>
      <Show when={teams().length > 0}>
        <label>
          Who reads it
          <select value={place()} onChange={(event) => setPlace(event.currentTarget.value)}>
            <option value="">Only this machine</option>
            <For each={teams()}>
              {(team) => (
                <option value={`team:${team.id}`}>Everyone in {oneLine(team.name)}</option>
              )}
            </For>
            <For each={linked()}>
              {(project) => (
                <option value={`project:${project.id}`}>
                  Everyone in the project {oneLine(project.name)}
                </option>
              )}
            </For>
          </select>
        </label>
      </Show>
      <p class="quiet">
        {place() === ""
          ? "It stays on this machine. A decision for a team is chosen here and cannot be taken back later."
          : "Only your team's devices can read it. Everyone in the team can edit it."}
      </p>
      <Show when={fault()}>
        {(words) => (
          <p class="form-fault" role="alert">
            {words()}
          </p>
        )}
      </Show>
      <div class="form-actions">
        <button type="button" class="button" onClick={() => props.onClose()}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={title().trim() === ""}>
          Create
        </button>
      </div>
    </form>
  );
}
