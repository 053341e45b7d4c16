import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { ProjectRow, TeamRow } from "../../../app/api.ts";
import { announce } from "../../lib/announce.ts";
import { plural } from "../../lib/format.ts";
import { oneLine } from "../../lib/visible.ts";
import { Empty, Failed } from "../../parts/Basics.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Action } from "../../parts/Form.tsx";
import { createAnswer, useServices } from "../../state/engine.ts";

/** Which project goes to which team: what of it leaves this machine is said before it does. */
export function TeamProjects(props: { readonly teams: readonly TeamRow[] }): JSX.Element {
  const { engine } = useServices();
  const projects = createAnswer(
    () => props.teams.map((team) => team.id).join() || "none",
    () => engine.call("projects", undefined),
    engine,
  );
  const [linking, setLinking] = createSignal<ProjectRow | null>(null);
  const teamName = (id: string | null): string =>
    oneLine(props.teams.find((team) => team.id === id)?.name ?? "a team");
  const sorted = createMemo(() =>
    (projects.value() ?? []).toSorted(
      (a, b) => Number(b.team !== null) - Number(a.team !== null) || b.sessions - a.sessions,
    ),
  );
  return (
    <section class="sheet-section">
      <h2>Projects</h2>
      <p class="quiet">Nothing of a project leaves this machine before you link it to a team.</p>
      <Show when={projects.fault()}>
        {(words) => <Failed words={words()} onAgain={projects.again} />}
      </Show>
      <Show when={projects.value()?.length === 0}>
        <Empty title="No projects yet" />
      </Show>
      <ul class="lines">
        <For each={sorted()}>
          {(project) => (
            <li>
              <span class="cut" title={oneLine(project.path)}>
                <b>{oneLine(project.name)}</b>{" "}
                <span class="quiet">
                  {plural(project.sessions, "session")}
                  {project.team === null ? "" : `, linked to ${teamName(project.team)}`}
                </span>
              </span>
              <Show
                when={project.team === null}
                fallback={
                  <Action
                    name="Unlink"
                    quiet
                    run={async () => {
                      await engine.call("unlinkProject", { project: project.id });
                      announce(
                        "Unlinked. No more of its sessions leaves; what the team has, it keeps.",
                      );
                      projects.again();
                    }}
                  />
                }
              >
                <Show when={props.teams.length > 0}>
                  <button type="button" class="button" onClick={() => setLinking(project)}>
                    Link
                  </button>
                </Show>
              </Show>
            </li>
          )}
        </For>
      </ul>
      <Dialog
        open={linking() !== null}
        label="Link a project"
        class="form-dialog"
        onClose={() => setLinking(null)}
      >
        <Show when={linking()}>
          {(project) => (
            <LinkProject
              project={project()}
              teams={props.teams}
              onDone={() => {
                setLinking(null);
                projects.again();
              }}
            />
          )}
        </Show>
      </Dialog>
    </section>
  );
}

function LinkProject(props: {
  readonly project: ProjectRow;
  readonly teams: readonly TeamRow[];
  readonly onDone: () => void;
}): JSX.Element {
  const { engine } = useServices();
  const [team, setTeam] = createSignal(props.teams[0]?.id ?? "");
  return (
    <div class="form">
      <h2>Link {oneLine(props.project.name)}</h2>
      <p>
        From now on these leave this machine, encrypted so that only your team's devices can read
        them:
      </p>
      <ul class="words">
        <li>
          of sessions you share: which agent, when, how long, which tools in which order, models,
          tokens and cost
        </li>
        <li>
          of tools: paths inside the project, search patterns, a command's first word, and whether
          it failed
        </li>
        <li>decisions written for this project</li>
      </ul>
      <p>
        These stay here: prompts, responses, thinking, source code, diffs, outputs of commands, and
        the project's folder.
      </p>
      <p class="quiet">
        Old sessions stay local until you share them one by one. Unlinking stops it; what the team
        has, it keeps.
      </p>
      <Action
        name="Link"
        onCancel={props.onDone}
        run={async () => {
          await engine.call("linkProject", { project: props.project.id, team: team() });
          announce("Linked.");
          props.onDone();
        }}
      >
        <label>
          Team
          <select value={team()} onChange={(event) => setTeam(event.currentTarget.value)}>
            <For each={props.teams}>
              {(row) => <option value={row.id}>{oneLine(row.name)}</option>}
            </For>
          </select>
        </label>
      </Action>
    </div>
  );
}
