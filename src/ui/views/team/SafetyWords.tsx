import { For, type JSX } from "solid-js";
import type { TeamDetail } from "../../../app/api.ts";
import { exactCount } from "../../lib/format.ts";
import { Explain } from "../../parts/Explain.tsx";

export function SafetyWords(props: { readonly team: TeamDetail }): JSX.Element {
  return (
    <section class="team-part">
      <h3>Safety words</h3>
      <ol class="safety-words" aria-label="Safety words">
        <For each={props.team.words}>{(word) => <li>{word}</li>}</For>
      </ol>
      <p>
        Read them to somebody of the team, by telephone or face to face. If they see the same, you
        both see the same people in it, and no server stands between you.
      </p>
      <Explain question="When do they change, and what if they differ?">
        <p>
          They change with every entry of the team's log: when somebody or a device comes or goes,
          with a role, an invite, a new key. These are of entry {exactCount(props.team.entry)}.
          Compare that number first: who has a smaller one has not heard the newest yet.
        </p>
        <p>
          If the number is the same and the words are not, the server shows you two different teams.
          Share nothing more until you know why, and ask who runs the server.
        </p>
      </Explain>
    </section>
  );
}
