import type { Method } from "../app/api.ts";
import { neededOption, noArguments, type Command, type CommandContext } from "./command.ts";
import { print, printJson, say } from "./output.ts";
import { readSecret, readSecrets } from "./prompt.ts";
import { counted } from "./words.ts";

const options = {
  url: { type: "string" },
  key: { type: "string" },
  email: { type: "string" },
  "password-stdin": { type: "boolean" },
} as const;

export const signup: Command = {
  usage: ["signup --url URL --key KEY --email E-MAIL [--password-stdin] [--json]"],
  about:
    "Makes an account on a server and signs in. The password is asked for, or read from standard input.",
  options,
  run: (context) => signIn(context, "signup"),
};

export const login: Command = {
  usage: ["login --url URL --key KEY --email E-MAIL [--password-stdin] [--json]"],
  about: "Signs in. The password is asked for, or read from standard input.",
  options,
  run: (context) => signIn(context, "login"),
};

export const logout: Command = {
  usage: ["logout [--everywhere]"],
  about:
    "Signs out on this device, or on all devices of the account (on the others within an hour at the latest).\n" +
    "What is on a machine stays.",
  options: { everywhere: { type: "boolean" } },
  async run(context) {
    noArguments(context);
    const everywhere = context.flag("everywhere");
    await context.call(everywhere ? "logoutEverywhere" : "logout", undefined);
    if (context.json) printJson(null);
    else
      print(
        everywhere
          ? "Signed out on all devices, on others within an hour at the latest. What is on a machine stays there."
          : "Signed out. What is on this machine stays; nothing is sent or fetched.",
      );
    return 0;
  },
};

export const password: Command = {
  usage: ["password [--password-stdin] [--json]"],
  about:
    "Gives the account another password, and signs its other devices out, within an hour at the latest.\n" +
    "The one so far and the new one are asked for, or read from standard input, a line each.",
  options: { "password-stdin": { type: "boolean" } },
  async run(context) {
    noArguments(context);
    const asked = ["Password so far: ", "New password: "];
    const secrets = await readSecrets(context.flag("password-stdin"), asked, "password-stdin");
    const [current, next] = secrets.map((secret) => secret.reveal()) as [string, string];
    await context.call("setPassword", { current, password: next });
    if (context.json) printJson(null);
    else
      print(
        "The account has the new password. Its other devices are signed out, within an hour at the latest: operon login there.",
      );
    return 0;
  },
};

async function signIn(
  context: CommandContext,
  method: Extract<Method, "signup" | "login">,
): Promise<number> {
  noArguments(context);
  const input = {
    url: neededOption(context, "url"),
    key: neededOption(context, "key"),
    email: neededOption(context, "email"),
  };
  const password = await readSecret(context.flag("password-stdin"), "Password: ", "password-stdin");
  const answer = await context.call(method, { ...input, password: password.reveal() });
  if (context.json) printJson(answer);
  else print(`Signed in as ${answer.account}.`);
  if (answer.claimed > 0)
    say(
      `${counted(answer.claimed, "running session")} will follow the project's setting; older ones stay on this machine.`,
    );
  return 0;
}
