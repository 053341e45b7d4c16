import { createSignal, type JSX } from "solid-js";
import type { Credentials } from "../../../app/api.ts";
import { announce } from "../../lib/announce.ts";
import { plural } from "../../lib/format.ts";
import { oneLine } from "../../lib/visible.ts";
import { Action, TextInput } from "../../parts/Form.tsx";
import { useServices } from "../../state/engine.ts";

/** The account of a server: only needed to reach one's other devices or a team. */
export function Account(): JSX.Element {
  const { engine, askStatus } = useServices();
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
    askStatus();
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

export function SignedIn(props: { readonly account: string; readonly sync: string }): JSX.Element {
  const { engine, askStatus } = useServices();
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
          askStatus();
          announce("Signed out. Everything you have stays on this machine.");
        }}
      />
    </section>
  );
}
