import { createEffect, createSignal, Index, on, Show, type Accessor, type JSX } from "solid-js";
import { initialsOf, type Person } from "../lib/people.ts";

/** More stand in a number. */
const MOST_CHIPS = 4;

/** Who else has the decision open: nothing when nobody has. It stands over the page, so nothing moves when somebody comes. */
export function DecisionPeople(props: { readonly people: readonly Person[] }): JSX.Element {
  const news = newsOf(() => props.people);
  return (
    <>
      <Show when={props.people.length > 0}>
        <ul class="people" aria-label="Also here">
          <Index each={props.people.slice(0, MOST_CHIPS)}>
            {(person) => (
              <li class={`person ${person().colour}`} title={wordsOf(person())}>
                <i aria-hidden="true">{initialsOf(person())}</i>
                <span>{person().name}</span>
              </li>
            )}
          </Index>
          <Show when={props.people.length > MOST_CHIPS}>
            <li class="person">and {props.people.length - MOST_CHIPS} more</li>
          </Show>
        </ul>
      </Show>
      <span class="hidden" role="status">
        {news()}
      </span>
    </>
  );
}

/** Said when somebody comes or goes, and not while they move. */
function newsOf(people: Accessor<readonly Person[]>): Accessor<string> {
  const [news, setNews] = createSignal("");
  createEffect(
    on(people, (now, before = []) => {
      const words = [
        ...now.filter((person) => !isIn(before, person)).map(saysHere),
        ...before.filter((person) => !isIn(now, person)).map(saysLeft),
      ];
      if (words.length > 0) setNews(words.join(". "));
    }),
  );
  return news;
}

function isIn(all: readonly Person[], { member }: Person): boolean {
  return all.some((other) => other.member === member);
}

function saysHere({ you, name }: Person): string {
  return you ? "You are here on another device" : `${name} is here`;
}

function saysLeft({ you, name }: Person): string {
  return you ? "You have left on the other device" : `${name} has left`;
}

function wordsOf({ email, you, devices }: Person): string {
  if (you) return devices > 1 ? `You, on ${devices} other devices` : "You, on another device";
  return devices > 1 ? `${email}, on ${devices} devices` : email;
}
