import {
  noArguments,
  onlyArgument,
  part,
  UsageError,
  type Command,
  type CommandContext,
} from "./command.ts";
import { print, printJson, say, table } from "./output.ts";
import { readSecret } from "./prompt.ts";

export const team: Command = {
  usage: [
    "team list [--json]",
    "team create NAME [--passphrase-stdin] [--json]",
    "team invite E-MAIL [--team TEAM] [--json]",
    "team join INVITE [--passphrase-stdin] [--json]",
  ],
  about:
    "A team's devices read what is shared with it; the server cannot. The passphrase and the team secret (which stands in\n" +
    "every invite) open it together: nobody can reset them. The invite that create prints is for your own further devices,\n" +
    "for seven days; inviting your own address makes another one.",
  options: { team: { type: "string" }, "passphrase-stdin": { type: "boolean" } },
  async run(whole) {
    const [name, context] = part(whole, ["list", "create", "invite", "join"]);
    if (name === "list") return list(context);
    if (name === "create") return create(context);
    if (name === "invite") return invite(context);
    return join(context);
  },
};

async function list(context: CommandContext): Promise<number> {
  noArguments(context);
  const rows = await context.call("teams", undefined);
  if (context.json) printJson(rows);
  else if (rows.length === 0) say("No team here yet. operon team create NAME begins one.");
  else
    for (const line of table(
      ["ID", "ROLE", "NAME"],
      ["left", "left", "left"],
      rows.map((row) => [row.id, row.role, row.name]),
    ))
      print(line);
  return 0;
}

async function create(context: CommandContext): Promise<number> {
  const name = onlyArgument(context, "NAME");
  const passphrase = await passphraseOf(context);
  const made = await context.call("createTeam", { name, passphrase: passphrase.reveal() });
  say(
    `The team secret, shown only this once (keep this, with the passphrase; nobody can restore it):\n  ${made.teamSecret}`,
  );
  if (context.json) printJson({ team: made.team, invite: made.invite });
  else {
    print(`team    ${made.team}`);
    print(`invite  ${made.invite}`);
    say(
      "The invite is for your own further devices, for seven days: operon team join INVITE there.",
    );
  }
  return 0;
}

async function invite(context: CommandContext): Promise<number> {
  const email = onlyArgument(context, "E-MAIL");
  if (!/^[^\s@]+@[^\s@]+$/.test(email))
    throw new UsageError(`"${email}" is not an e-mail address.`);
  const chosen = context.option("team");
  const made = await context.call("inviteToTeam", {
    email,
    ...(chosen !== null && { team: chosen }),
  });
  if (context.json) printJson(made);
  else {
    print(made.invite);
    say(`Only the account ${email} can use it, for seven days. Tell the passphrase another way.`);
  }
  return 0;
}

async function join(context: CommandContext): Promise<number> {
  const text = onlyArgument(context, "INVITE");
  const passphrase = await passphraseOf(context);
  const joined = await context.call("joinTeam", { invite: text, passphrase: passphrase.reveal() });
  if (context.json) printJson(joined);
  else print(`This device is in team ${(await teamNames(context))(joined.team)}.`);
  return 0;
}

/** What people call a team, by its id. */
export async function teamNames(context: CommandContext): Promise<(team: string) => string> {
  const names = new Map(
    (await context.call("teams", undefined)).map(({ id, name }) => [id, name] as const),
  );
  return (team) => names.get(team) ?? team;
}

function passphraseOf(context: CommandContext) {
  return readSecret(context.flag("passphrase-stdin"), "Passphrase: ", "passphrase-stdin");
}
