import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { Credentials, ProjectRow, SyncState, TeamRow } from "../../app/api.ts";
import { announce } from "../lib/announce.ts";
import { plural } from "../lib/format.ts";
import { oneLine } from "../lib/visible.ts";
import { Empty, Failed, Skeleton } from "../parts/Basics.tsx";
import { Dialog } from "../parts/Dialog.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Action, Secret, TextInput } from "../parts/Form.tsx";
import { now } from "../lib/now.ts";
import { syncWords } from "../lib/statusWords.ts";
import { useTitle } from "../lib/title.ts";
import { createAnswer, useServices } from "../state/engine.ts";

export function TeamView(): JSX.Element {
  useTitle(() => "Team");
  const { status } = useServices();
  return (
    <main class="sheet scroll" aria-label="Team">
      <div class="sheet-body">
        <header class="sheet-head">
          <h1>Team</h1>
        </header>
        <Show when={status()} fallback={<Skeleton rows={4} />}>
          {(known) => (
            <>
              <Alarm sync={known().sync} />
              <Show when={known().account} fallback={<Account />}>
                {(account) => (
                  <>
                    <SignedIn account={account()} sync={syncWords(known().sync, now())} />
                    <Teams teams={known().teams} />
                    <Projects teams={known().teams} />
                  </>
                )}
              </Show>
            </>
          )}
        </Show>
      </div>
    </main>
  );
}

/** What sync refused, in full, and what to do about it. */
function Alarm(props: { readonly sync: SyncState }): JSX.Element {
  const alarm = createMemo(() => (props.sync.state === "alarm" ? props.sync : null));
  return (
    <Show when={alarm()}>
      {(shown) => (
        <section class="sheet-section alarm" aria-label="Alarm">
          <h2>
            <Icon name="error" /> Something the server gave could not be verified
          </h2>
          <ul class="words">
            <For each={shown().alarms}>{(words) => <li>{oneLine(words)}</li>}</For>
          </ul>
          <p>
            Go on working: what you write is kept on this machine
            {shown().waiting > 0 ? `, and ${plural(shown().waiting, "edit")} wait to be sent` : ""}.
            Before you rely on what others shared since, ask them whether they see the same.
          </p>
        </section>
      )}
    </Show>
  );
}

/** The account of a server: only needed to reach one's other devices or a team. */
function Account(): JSX.Element {
  const { engine } = useServices();
  const [isNew, setNew] = createSignal(false);
  const [url, setUrl] = createSignal("");
  const [key, setKey] = createSignal("");
  const [email, setEmail] = createSignal("");
  const [password, setPassword] = createSignal("");

  async function enter(): Promise<void> {
    const credentials: Credentials = {
      url: url().trim(),
      key: key().trim(),
      email: email().trim(),
      password: password(),
    };
    const { claimed } = isNew()
      ? await engine.call("signup", credentials)
      : await engine.call("login", credentials);
    setPassword("");
    announce(
      claimed === 0
        ? "Signed in. Nothing was uploaded."
        : `Signed in. ${plural(claimed, "running session")} will follow its project's setting; nothing was uploaded.`,
    );
  }

  return (
    <section class="sheet-section">
      <p>
        Operon works without an account: everything is on this machine. An account on a server
        brings sessions and decisions to your other devices or a team. The server stores only what
        your devices have encrypted; it reads nothing.
      </p>
      <div class="segmented" role="group" aria-label="Account">
        <button type="button" aria-pressed={!isNew()} onClick={() => setNew(false)}>
          Sign in
        </button>
        <button type="button" aria-pressed={isNew()} onClick={() => setNew(true)}>
          New account
        </button>
      </div>
      <Action name={isNew() ? "Create the account" : "Sign in"} run={enter}>
        <TextInput
          label="Server"
          hint="The address operon relay printed, or your Supabase project's"
          type="url"
          value={url()}
          onInput={setUrl}
          placeholder="https://"
        />
        <TextInput
          label="Public key of the server"
          hint="It stands beside the address; it is no secret"
          value={key()}
          onInput={setKey}
        />
        <TextInput
          label="E-mail"
          type="email"
          autocomplete="username"
          value={email()}
          onInput={setEmail}
        />
        <TextInput
          label="Password"
          hint="Of the account. It opens the door of the server, not your data: that is the passphrase of a team."
          type="password"
          autocomplete={isNew() ? "new-password" : "current-password"}
          value={password()}
          onInput={setPassword}
        />
      </Action>
    </section>
  );
}

function SignedIn(props: { readonly account: string; readonly sync: string }): JSX.Element {
  const { engine } = useServices();
  return (
    <section class="sheet-section row-between">
      <p>
        Signed in as <b>{oneLine(props.account)}</b>
        <br />
        <span class="quiet">{props.sync}</span>
      </p>
      <Action
        name="Sign out"
        quiet
        run={async () => {
          await engine.call("logout", undefined);
          announce("Signed out. Everything you have stays on this machine.");
        }}
      />
    </section>
  );
}

const ROLES: Record<TeamRow["role"], string> = {
  owner: "you own it",
  admin: "you look after it",
  member: "member",
};

function Teams(props: { readonly teams: readonly TeamRow[] }): JSX.Element {
  const [dialog, setDialog] = createSignal<"create" | "join" | { readonly invite: TeamRow } | null>(
    null,
  );
  const inviteTo = createMemo(() => {
    const shown = dialog();
    return typeof shown === "object" && shown !== null ? shown.invite : null;
  });
  const close = (): void => void setDialog(null);
  return (
    <section class="sheet-section">
      <h2>Teams</h2>
      <Show
        when={props.teams.length > 0}
        fallback={
          <p class="quiet">
            You are in no team. A team of one is how your own devices find each other.
          </p>
        }
      >
        <ul class="lines">
          <For each={props.teams}>
            {(team) => (
              <li>
                <span>
                  <b>{oneLine(team.name)}</b> <span class="quiet">{ROLES[team.role]}</span>
                </span>
                <button type="button" class="button" onClick={() => setDialog({ invite: team })}>
                  Invite
                </button>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <div class="form-actions start">
        <button type="button" class="button" onClick={() => setDialog("create")}>
          Create a team
        </button>
        <button type="button" class="button" onClick={() => setDialog("join")}>
          Join with an invite
        </button>
      </div>
      <Dialog
        open={dialog() === "create"}
        label="Create a team"
        class="form-dialog"
        onClose={close}
      >
        <CreateTeam onDone={close} />
      </Dialog>
      <Dialog open={dialog() === "join"} label="Join a team" class="form-dialog" onClose={close}>
        <JoinTeam onDone={close} />
      </Dialog>
      <Dialog open={inviteTo() !== null} label="Invite" class="form-dialog" onClose={close}>
        <Show when={inviteTo()}>{(team) => <Invite team={team()} onDone={close} />}</Show>
      </Dialog>
    </section>
  );
}

const PASSPHRASE_HINT =
  "Only your team's devices can read what is shared. We cannot reset the passphrase.";

function CreateTeam(props: { readonly onDone: () => void }): JSX.Element {
  const { engine } = useServices();
  const [name, setName] = createSignal("");
  const [passphrase, setPassphrase] = createSignal("");
  const [made, setMade] = createSignal<{
    readonly teamSecret: string;
    readonly invite: string;
  } | null>(null);
  return (
    <div class="form">
      <h2>Create a team</h2>
      <Show
        when={made()}
        fallback={
          <Action
            name="Create"
            onCancel={props.onDone}
            run={async () => {
              setMade(
                await engine.call("createTeam", { name: name().trim(), passphrase: passphrase() }),
              );
              setPassphrase("");
            }}
          >
            <TextInput label="Name" value={name()} onInput={setName} />
            <TextInput
              label="Passphrase"
              hint={PASSPHRASE_HINT}
              type="password"
              autocomplete="new-password"
              value={passphrase()}
              onInput={setPassphrase}
            />
          </Action>
        }
      >
        {(secrets) => (
          <>
            <p>The team is there. These two are shown once.</p>
            <Secret
              label="Team secret: keep this where you keep important papers"
              value={secrets().teamSecret}
            />
            <Secret
              label="Invite for your own further devices, for seven days"
              value={secrets().invite}
            />
            <div class="form-actions">
              <button type="button" class="button primary" onClick={() => props.onDone()}>
                I have kept them
              </button>
            </div>
          </>
        )}
      </Show>
    </div>
  );
}

function JoinTeam(props: { readonly onDone: () => void }): JSX.Element {
  const { engine } = useServices();
  const [invite, setInvite] = createSignal("");
  const [passphrase, setPassphrase] = createSignal("");
  return (
    <div class="form">
      <h2>Join a team</h2>
      <Action
        name="Join"
        onCancel={props.onDone}
        run={async () => {
          await engine.call("joinTeam", { invite: invite().trim(), passphrase: passphrase() });
          announce("Joined. What the team shares arrives now.");
          props.onDone();
        }}
      >
        <TextInput label="Invite" value={invite()} onInput={setInvite} />
        <TextInput
          label="Passphrase of the team"
          hint="Somebody of the team tells you, not by the way the invite came. A wrong one does not use up the invite."
          type="password"
          value={passphrase()}
          onInput={setPassphrase}
        />
      </Action>
    </div>
  );
}

function Invite(props: { readonly team: TeamRow; readonly onDone: () => void }): JSX.Element {
  const { engine } = useServices();
  const [email, setEmail] = createSignal("");
  const [invite, setInvite] = createSignal<string | null>(null);
  return (
    <div class="form">
      <h2>Invite to {oneLine(props.team.name)}</h2>
      <Show
        when={invite()}
        fallback={
          <Action
            name="Make an invite"
            onCancel={props.onDone}
            run={async () => {
              setInvite(
                (await engine.call("inviteToTeam", { email: email().trim(), team: props.team.id }))
                  .invite,
              );
            }}
          >
            <TextInput
              label="E-mail of their account"
              hint="Only this account can use the invite, for seven days. To add a further device of your own, enter your own."
              type="email"
              value={email()}
              onInput={setEmail}
            />
          </Action>
        }
      >
        {(text) => (
          <>
            <p>Send them this, and tell them the passphrase by another way.</p>
            <Secret label="Invite" value={text()} />
            <div class="form-actions">
              <button type="button" class="button primary" onClick={() => props.onDone()}>
                Done
              </button>
            </div>
          </>
        )}
      </Show>
    </div>
  );
}

function Projects(props: { readonly teams: readonly TeamRow[] }): JSX.Element {
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
