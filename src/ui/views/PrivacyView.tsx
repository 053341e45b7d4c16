import { createMemo, For, Show, type JSX } from "solid-js";
import { plural } from "../lib/format.ts";
import { oneLine } from "../lib/visible.ts";
import { useTitle } from "../lib/title.ts";
import { Failed } from "../parts/Basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { createAnswer, useServices } from "../state/engine.ts";

/** What leaves this machine, in words, and what has. */
export function PrivacyView(): JSX.Element {
  useTitle(() => "Privacy");
  const { engine, sessions, status } = useServices();
  const projects = createAnswer(
    () => "all",
    () => engine.call("projects", undefined),
    engine,
  );
  const linked = createMemo(() =>
    (projects.value() ?? []).filter((project) => project.team !== null),
  );
  const shared = createMemo(
    () => sessions.sorted().filter((row) => row.owner === null && row.sharedWith !== null).length,
  );
  /** Before the engine has said all of it, nothing is claimed. */
  const isKnown = (): boolean =>
    projects.value() !== null &&
    status() !== null &&
    sessions.rows().size >= (sessions.total() ?? Infinity);
  const teamName = (id: string | null): string =>
    oneLine(status()?.teams.find((team) => team.id === id)?.name ?? "a team");

  return (
    <main class="sheet scroll" aria-label="Privacy">
      <div class="sheet-body">
        <header class="sheet-head">
          <h1>Privacy</h1>
        </header>
        <section class="sheet-section">
          <Show when={isKnown()}>
            <p class="lead">{whatLeaves(linked().length, shared(), status()?.teams.length ?? 0)}</p>
          </Show>
          <Show when={projects.fault()}>
            {(words) => <Failed words={words()} onAgain={projects.again} />}
          </Show>
          <ul class="lines">
            <For each={linked()}>
              {(project) => (
                <li>
                  <b>{oneLine(project.name)}</b>
                  <span class="quiet">linked to {teamName(project.team)}</span>
                </li>
              )}
            </For>
          </ul>
        </section>
        <div class="two">
          <section class="sheet-section">
            <h2>
              <Icon name="lock" /> Always stays here
            </h2>
            <ul class="words">
              <li>prompts, responses and thinking</li>
              <li>source code: files, diffs, patches, scripts</li>
              <li>what commands print</li>
              <li>titles of sessions, folders</li>
              <li>the agents' own transcripts, kept in the archive</li>
              <li>passphrases and keys</li>
            </ul>
          </section>
          <section class="sheet-section">
            <h2>
              <Icon name="team" /> Goes to your team, once you link a project and share
            </h2>
            <ul class="words">
              <li>that something was asked, answered, run or failed; when and how long</li>
              <li>models, tokens and cost</li>
              <li>
                of a tool: paths inside the project, search patterns, the first word of a command
              </li>
              <li>decisions that were written for the team, with all their text</li>
              <li>
                the names of team and project; of this device, once it is in the team: your user
                name, the machine's name and your e-mail address
              </li>
            </ul>
          </section>
        </div>
        <section class="sheet-section">
          <h2>How it travels</h2>
          <p>
            It is encrypted on this machine with a key that only your team's devices hold, and
            signed by this device. The server stores it and cannot read it: no title, no name, no
            path, no text. It does see which account sends, when, how much, and to which team. We
            cannot reset a passphrase.
          </p>
          <p class="quiet">
            Unlinking a project stops what would leave later. What the team has already received, it
            keeps.
          </p>
        </section>
      </div>
    </main>
  );
}

function whatLeaves(linked: number, shared: number, teams: number): string {
  if (teams === 0 && linked === 0 && shared === 0) return "Nothing leaves this machine.";
  const projects =
    linked === 0 ? "No project is" : `${plural(linked, "project")} ${linked === 1 ? "is" : "are"}`;
  const sessions =
    shared === 0 ? "no session is" : `${plural(shared, "session")} ${shared === 1 ? "is" : "are"}`;
  return `${projects} linked to a team; ${sessions} shared. Besides, your team gets the decisions written for it, and the names of team and project. Nothing else leaves this machine.`;
}
