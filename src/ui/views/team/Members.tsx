import {
  createMemo,
  createSignal,
  createUniqueId,
  For,
  Show,
  Switch,
  Match,
  type JSX,
} from "solid-js";
import type { TeamMember } from "../../../app/api.ts";
import { exactCount, plural } from "../../lib/format.ts";
import { now } from "../../lib/now.ts";
import {
  deviceName,
  devicesInOrder,
  inOrder,
  isOver,
  mayGiveRole,
  mayRemoveDevice,
  mayRemoveMember,
  memberName,
  type TeamDevice,
} from "../../lib/team.ts";
import { Time } from "../../parts/Basics.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Icon } from "../../parts/Icon.tsx";
import { GiveRole, Remove, RenameDevice, type Target } from "./MemberForms.tsx";
import type { TeamPartProps } from "./TeamPage.tsx";

/** Up to so many, everybody's devices are shown; of more, one's own. */
const FEW = 6;
/** Of more than so many, the first are shown, and they can be searched. */
const MANY = 15;
const FIRST = 10;

type Asked = { readonly what: "role" | "rename" | "remove" } & Target;

export function Members(props: TeamPartProps): JSX.Element {
  const [find, setFind] = createSignal("");
  const [isWhole, setWhole] = createSignal(false);
  const [asked, setAsked] = createSignal<Asked | null>(null);
  let heading!: HTMLHeadingElement;

  const byId = createMemo(() => new Map(props.team.members.map((member) => [member.id, member])));
  const wanted = createMemo(() => find().trim().toLowerCase());
  const isMany = (): boolean => props.team.members.length > MANY;
  // Ids, so that a member who changed keeps their line, what stands open in it and the focus.
  const shown = createMemo(() => {
    const ids = inOrder(props.team.members)
      .filter((member) => fits(member, wanted()))
      .map(({ id }) => id);
    return isMany() && wanted() === "" && !isWhole() ? ids.slice(0, FIRST) : ids;
  });
  const devices = createMemo(() =>
    props.team.members.reduce((sum, member) => sum + member.devices.length, 0),
  );
  const isFew = (): boolean => props.team.members.length <= FEW;
  const close = (): void => void setAsked(null);
  const done = (team: TeamPartProps["team"]): void => {
    const wasRemoved = asked()?.what === "remove";
    props.onChanged(team);
    close();
    // The button that was pressed is gone with its line.
    if (wasRemoved) heading.focus();
  };

  return (
    <section class="team-part">
      <header class="team-part-head">
        <h3 ref={heading} tabindex="-1">
          Members
        </h3>
        <span class="quiet">
          {plural(props.team.members.length, "person", "people")}, {plural(devices(), "device")}
        </span>
        <Show when={isMany()}>
          <input
            type="search"
            class="team-find"
            aria-label="Find a member or a device"
            placeholder="Find"
            value={find()}
            onInput={(event) => setFind(event.currentTarget.value)}
          />
        </Show>
      </header>
      <ul class="members">
        <For
          each={shown()}
          fallback={<li class="quiet">Nobody and no device here is called that.</li>}
        >
          {(id) => (
            <Show when={byId().get(id)}>
              {(member) => (
                <MemberLine
                  {...props}
                  member={member()}
                  isOpen={isFew() || member().you || wanted() !== ""}
                  onAsk={setAsked}
                />
              )}
            </Show>
          )}
        </For>
      </ul>
      <Show when={isMany() && wanted() === ""}>
        <button
          type="button"
          class="link members-more"
          aria-expanded={isWhole()}
          onClick={() => setWhole(!isWhole())}
        >
          {isWhole()
            ? `Show the first ${FIRST}`
            : `Show all ${exactCount(props.team.members.length)}`}
        </button>
      </Show>
      <Dialog
        open={asked() !== null}
        label={dialogLabel(asked())}
        class="form-dialog"
        onClose={close}
      >
        <Show when={asked()} keyed>
          {(target) => (
            <Switch>
              <Match when={target.what === "role"}>
                <GiveRole team={props.team} {...target} onCancel={close} onDone={done} />
              </Match>
              <Match when={target.what === "rename"}>
                <RenameDevice team={props.team} {...target} onCancel={close} onDone={done} />
              </Match>
              <Match when={target.what === "remove"}>
                <Remove team={props.team} {...target} onCancel={close} onDone={done} />
              </Match>
            </Switch>
          )}
        </Show>
      </Dialog>
    </section>
  );
}

function MemberLine(
  props: TeamPartProps & {
    readonly member: TeamMember;
    /** Until somebody opens or closes it. */
    readonly isOpen: boolean;
    readonly onAsk: (asked: Asked) => void;
  },
): JSX.Element {
  const list = createUniqueId();
  const [chosen, setChosen] = createSignal<boolean | null>(null);
  const isOpen = (): boolean => chosen() ?? props.isOpen;
  const name = (): string => memberName(props.member);
  const byId = createMemo(() => new Map(props.member.devices.map((device) => [device.id, device])));
  return (
    <li class="member">
      <div class="member-line">
        <button
          type="button"
          class="member-fold"
          aria-expanded={isOpen()}
          aria-controls={list}
          onClick={() => setChosen(!isOpen())}
        >
          <Icon name="chevron" />
          <span class="member-name">{name()}</span>
          <Show when={props.member.you}>
            <span class="tag">you</span>
          </Show>
        </button>
        <span class="member-facts">
          <span>{props.member.role}</span>
          <span class="quiet">{plural(props.member.devices.length, "device")}</span>
        </span>
        <span class="line-actions">
          <Show when={mayGiveRole(props.team, props.member)}>
            <button
              type="button"
              class="link"
              aria-label={`Change the role of ${name()}`}
              onClick={() => props.onAsk({ what: "role", member: props.member, device: null })}
            >
              Role
            </button>
          </Show>
          <Show when={mayRemoveMember(props.team, props.member)}>
            <button
              type="button"
              class="link"
              aria-label={`Remove ${name()} from the team`}
              onClick={() => props.onAsk({ what: "remove", member: props.member, device: null })}
            >
              Remove
            </button>
          </Show>
        </span>
      </div>
      <Show when={isOpen()}>
        <ul class="devices" id={list} aria-label={`Devices of ${name()}`}>
          <For each={devicesInOrder(props.member).map(({ id }) => id)}>
            {(id) => (
              <Show when={byId().get(id)}>
                {(device) => <DeviceLine {...props} device={device()} />}
              </Show>
            )}
          </For>
        </ul>
      </Show>
    </li>
  );
}

function DeviceLine(
  props: TeamPartProps & {
    readonly member: TeamMember;
    readonly device: TeamDevice;
    readonly onAsk: (asked: Asked) => void;
  },
): JSX.Element {
  const name = (): string => deviceName(props.device);
  const ask = (what: Asked["what"]): void =>
    props.onAsk({ what, member: props.member, device: props.device });
  return (
    <li>
      <span class="device-name">{name()}</span>
      <Show when={props.device.here}>
        <span class="tag">this device</span>
      </Show>
      <Show when={props.device.kind === "recovery"}>
        <span class="tag" title="A recovery kit: it exists on paper only">
          on paper
        </span>
      </Show>
      <Show when={props.device.kind === "ephemeral" || props.device.expiresAt !== null}>
        <span class="tag" title="Its rights end by themselves">
          <Show when={!isOver(props.device, now())} fallback="ephemeral, over">
            ephemeral, until <Time at={props.device.expiresAt} />
          </Show>
        </span>
      </Show>
      <span class="line-actions">
        <Show when={props.member.you && props.device.kind !== "recovery"}>
          <button
            type="button"
            class="link"
            aria-label={`Rename ${name()}`}
            onClick={() => ask("rename")}
          >
            Rename
          </button>
        </Show>
        <Show when={mayRemoveDevice(props.team, props.member, props.device, now())}>
          <button
            type="button"
            class="link"
            aria-label={`Remove ${name()} of ${memberName(props.member)}`}
            onClick={() => ask("remove")}
          >
            Remove
          </button>
        </Show>
      </span>
    </li>
  );
}

function fits(member: TeamMember, words: string): boolean {
  return (
    words === "" ||
    member.email.toLowerCase().includes(words) ||
    member.devices.some(({ name }) => name.toLowerCase().includes(words))
  );
}

function dialogLabel(asked: Asked | null): string {
  switch (asked?.what) {
    case "role":
      return "Change a role";
    case "rename":
      return "Rename a device";
    case "remove":
      return asked.device === null ? "Remove a member" : "Remove a device";
    case undefined:
      return "";
  }
}
