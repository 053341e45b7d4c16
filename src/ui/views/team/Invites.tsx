import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { TeamDetail } from "../../../app/api.ts";
import { announce } from "../../lib/announce.ts";
import { leads, mayTakeBack, ownMember, type TeamInvite } from "../../lib/team.ts";
import { oneLine } from "../../lib/visible.ts";
import { Time } from "../../parts/Basics.tsx";
import { Choice } from "../../parts/Choice.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Explain } from "../../parts/Explain.tsx";
import { Action, Secret, TextInput } from "../../parts/Form.tsx";
import { useServices } from "../../state/engine.ts";
import { ROLE_CHOICES } from "./MemberForms.tsx";
import type { TeamPartProps } from "./TeamPage.tsx";

const ADMITS: Record<TeamInvite["admits"], string> = {
  own: "For a further device of their own",
  admin: "For an admin",
  member: "For a member",
};

export function Invites(props: TeamPartProps & { readonly onMade: () => void }): JSX.Element {
  const [asked, setAsked] = createSignal<"person" | "own" | null>(null);
  const byId = createMemo(() => new Map(props.team.invites.map((invite) => [invite.id, invite])));
  let heading!: HTMLHeadingElement;
  const close = (): void => void setAsked(null);
  const done = (): void => {
    close();
    props.onMade();
  };
  return (
    <section class="team-part">
      <header class="team-part-head">
        <h3 ref={heading} tabindex="-1">
          Invites
        </h3>
        <span class="line-actions">
          <Show when={leads(props.team)}>
            <button type="button" class="button" onClick={() => setAsked("person")}>
              Invite somebody
            </button>
          </Show>
          <button type="button" class="button" onClick={() => setAsked("own")}>
            Add a device of mine
          </button>
        </span>
      </header>
      <Show when={props.team.invites.length > 0} fallback={<p class="quiet">No invite is open.</p>}>
        <ul class="lines">
          <For each={props.team.invites.map(({ id }) => id)}>
            {(id) => (
              <Show when={byId().get(id)}>
                {(invite) => (
                  <OpenInvite
                    team={props.team}
                    invite={invite()}
                    onTakenBack={(team) => {
                      props.onChanged(team);
                      // The button that was pressed is gone with its line.
                      heading.focus();
                    }}
                  />
                )}
              </Show>
            )}
          </For>
        </ul>
      </Show>
      <Explain question="What is an invite?">
        <p>
          A text that lets one device into the team, once, for one account. It needs the passphrase
          too, so send the two by different ways. It ends after seven days, when you take it back,
          and whenever somebody is removed or a new key is made.
        </p>
        <Show when={!leads(props.team)}>
          <p>Owners and admins invite people. You can add devices of your own.</p>
        </Show>
      </Explain>
      <Dialog
        open={asked() === "person"}
        label="Invite somebody"
        class="form-dialog"
        onClose={close}
      >
        <InvitePerson team={props.team} onCancel={close} onDone={done} />
      </Dialog>
      <Dialog
        open={asked() === "own"}
        label="Add a device of mine"
        class="form-dialog"
        onClose={close}
      >
        <AddDevice team={props.team} onCancel={close} onDone={done} />
      </Dialog>
    </section>
  );
}

function OpenInvite(props: {
  readonly team: TeamDetail;
  readonly invite: TeamInvite;
  readonly onTakenBack: (team: TeamDetail) => void;
}): JSX.Element {
  const { engine } = useServices();
  const isOwn = (): boolean => props.invite.by === ownMember(props.team)?.email;
  const forWhom = (): string =>
    isOwn() && props.invite.admits === "own"
      ? "For a further device of yours"
      : ADMITS[props.invite.admits];
  return (
    <li>
      <span class="invite">
        {forWhom()}
        <span class="quiet">
          , by {isOwn() ? "you" : oneLine(props.invite.by) || "somebody"}, until{" "}
          <Time at={props.invite.expiresAt} />
        </span>
      </span>
      <Show when={mayTakeBack(props.team, props.invite)}>
        <Action
          name="Take back"
          label={`Take back the invite ${forWhom().toLowerCase()}`}
          quiet
          run={async () => {
            const team = await engine.call("takeBackInvite", {
              invite: props.invite.id,
              team: props.team.id,
            });
            announce("Taken back. Nobody can join with it.");
            props.onTakenBack(team);
          }}
        />
      </Show>
    </li>
  );
}

interface InviteFormProps {
  readonly team: TeamDetail;
  readonly onCancel: () => void;
  readonly onDone: () => void;
}

function InvitePerson(props: InviteFormProps): JSX.Element {
  const { engine } = useServices();
  const [email, setEmail] = createSignal("");
  const [role, setRole] = createSignal<"admin" | "member">("member");
  const [invite, setInvite] = createSignal<string | null>(null);
  return (
    <div class="form">
      <h2>Invite to {oneLine(props.team.name)}</h2>
      <Show
        when={invite()}
        fallback={
          <Action
            name="Make an invite"
            onCancel={props.onCancel}
            run={async () => {
              const made = await engine.call("inviteToTeam", {
                email: email().trim(),
                role: role(),
                team: props.team.id,
              });
              setInvite(made.invite);
            }}
          >
            <TextInput
              label="E-mail of their account"
              hint="Only this account can use the invite, for seven days."
              type="email"
              value={email()}
              onInput={setEmail}
            />
            <Show
              when={props.team.role === "owner"}
              fallback={<p class="quiet">They join as a member: only owners invite admins.</p>}
            >
              <Choice
                label="They join as"
                value={role()}
                choices={ROLE_CHOICES.filter(({ value }) => value !== "owner")}
                onChoose={(value) => setRole(value === "admin" ? "admin" : "member")}
              />
            </Show>
          </Action>
        }
      >
        {(text) => (
          <Invited
            text={text()}
            words="Send them this, and tell them the passphrase by another way."
            onDone={props.onDone}
          />
        )}
      </Show>
    </div>
  );
}

function AddDevice(props: InviteFormProps): JSX.Element {
  const { engine } = useServices();
  const [invite, setInvite] = createSignal<string | null>(null);
  return (
    <div class="form">
      <h2>Add a device of yours</h2>
      <Show
        when={invite()}
        fallback={
          <Action
            name="Make an invite"
            onCancel={props.onCancel}
            run={async () => {
              const made = await engine.call("inviteToTeam", {
                email: ownMember(props.team)?.email ?? "",
                team: props.team.id,
              });
              setInvite(made.invite);
            }}
          >
            <p>
              The new device joins with an invite for your own account and the team's passphrase.
              Have the passphrase at hand.
            </p>
          </Action>
        }
      >
        {(text) => (
          <Invited
            text={text()}
            words="On the new device: sign in to your account, then Team, Join with an invite."
            onDone={props.onDone}
          />
        )}
      </Show>
    </div>
  );
}

function Invited(props: {
  readonly text: string;
  readonly words: string;
  readonly onDone: () => void;
}): JSX.Element {
  return (
    <>
      <p>{props.words}</p>
      <Secret label="Invite, shown once" value={props.text} />
      <div class="form-actions">
        <button type="button" class="button primary" onClick={() => props.onDone()}>
          Done
        </button>
      </div>
    </>
  );
}
