import { createEffect, createMemo, createSignal, on, onCleanup, Show, type JSX } from "solid-js";
import type { TeamDetail } from "../../../app/api.ts";
import { FaultError } from "../../../base/result.ts";
import { clockTime, exactTime } from "../../lib/format.ts";
import { oneLine } from "../../lib/visible.ts";
import { Failed, Skeleton } from "../../parts/Basics.tsx";
import { Icon } from "../../parts/Icon.tsx";
import { createAnswer, useServices } from "../../state/engine.ts";
import { Invites } from "./Invites.tsx";
import { KeySection, PassphraseSection } from "./KeySection.tsx";
import { KitAdvice, KitSection } from "./KitSection.tsx";
import { Forgetting, Leaving } from "./Leaving.tsx";
import { Members } from "./Members.tsx";
import { SafetyWords } from "./SafetyWords.tsx";

/** What a part of the page is given: the team as it is, and where to put how it is after a change. */
export interface TeamPartProps {
  readonly team: TeamDetail;
  readonly onChanged: (team: TeamDetail) => void;
}

const ROLES: Record<TeamDetail["role"], string> = {
  owner: "you own it",
  admin: "you are an admin",
  member: "you are a member",
};

export function TeamPage(props: { readonly id: string; readonly name: string }): JSX.Element {
  const { engine } = useServices();
  /** Why the team was not shown the last time. */
  const [faultType, setFaultType] = createSignal<string | null>(null);
  /** This device was removed: what it last saw of the team is no longer its business. */
  const isOut = (): boolean => OUT.has(faultType() ?? "");
  const answer = createAnswer(
    () => props.id,
    async (team) => {
      try {
        const detail = await engine.call("team", { team });
        setFaultType(null);
        return detail;
      } catch (error) {
        setFaultType(error instanceof FaultError ? error.fault.type : null);
        throw error;
      }
    },
    engine,
  );
  const shown = createMemo(() => (isOut() ? null : answer.value()));
  const [heardAt, setHeardAt] = createSignal<number | null>(null);
  createEffect(on(answer.value, (team) => team && setHeardAt(Date.now())));
  // Others change a team too: who comes back to this page sees it as it is now.
  const lookAgain = (): void => void (document.visibilityState === "visible" && answer.again());
  document.addEventListener("visibilitychange", lookAgain);
  onCleanup(() => document.removeEventListener("visibilitychange", lookAgain));

  return (
    <section class="team" aria-labelledby="team-name">
      <header class="team-head">
        <h2 id="team-name">{oneLine(shown()?.name ?? props.name)}</h2>
        <Show when={shown()}>{(team) => <span class="quiet">{ROLES[team().role]}</span>}</Show>
      </header>
      <Show when={answer.slow()}>
        <Skeleton rows={6} />
      </Show>
      <Show when={answer.fault()}>
        {(words) => (
          <Show when={shown()} fallback={<Failed words={words()} onAgain={answer.again} />}>
            <div class="notice" role="status">
              <Icon name="error" />
              <p>
                This is the team as it was at {clockTime(heardAt())}. {words()}{" "}
                <button type="button" class="link" onClick={answer.again}>
                  Try again
                </button>
              </p>
            </div>
          </Show>
        )}
      </Show>
      <Show when={isOut() || DISBELIEVED.has(faultType() ?? "")}>
        <Forgetting id={props.id} name={shown()?.name ?? props.name} />
      </Show>
      <Show when={shown()}>
        {(team) => {
          const part: TeamPartProps = {
            get team() {
              return team();
            },
            onChanged: answer.put,
          };
          return (
            <>
              <Show when={team().keyDue}>
                <p class="notice" role="note">
                  <Icon name="error" />
                  Somebody left; the next device that connects makes a new key.
                </p>
              </Show>
              <Show when={hasOthers(team())}>
                <p class="quiet">{heardWords(team().heardAt)}</p>
              </Show>
              <KitAdvice team={team()} onMade={answer.again} />
              <Members {...part} />
              <Invites {...part} onMade={answer.again} />
              <SafetyWords team={team()} />
              <KeySection {...part} />
              <PassphraseSection {...part} />
              <KitSection team={team()} onMade={answer.again} />
              <Leaving team={team()} />
            </>
          );
        }}
      </Show>
    </section>
  );
}

const OUT: ReadonlySet<string> = new Set(["removed", "not-a-member"]);
/** Its log is another one than this device has believed, or cannot be opened here. */
const DISBELIEVED: ReadonlySet<string> = new Set(["log-fork", "log-rollback", "no-keys"]);

function hasOthers({ members }: TeamDetail): boolean {
  return members.length > 1 || members.some(({ devices }) => devices.length > 1);
}

function heardWords(at: number | null): string {
  return at === null
    ? "Nothing was heard of the others yet."
    : `Nothing was heard of the others since ${exactTime(at)}. A server that held something back would look the same: if they did write since, ask who runs it.`;
}
