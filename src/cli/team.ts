import {
  noArguments,
  onlyArgument,
  part,
  UsageError,
  type Command,
  type CommandContext,
} from "./command.ts";
import type { TeamDetail } from "../app/api.ts";
import { print, printJson, say, table } from "./output.ts";
import { readSecret } from "./prompt.ts";
import { counted } from "./words.ts";
import { showRoster } from "./roster.ts";

export const team: Command = {
  usage: [
    "team list [--json]",
    "team create NAME [--passphrase-stdin] [--json]",
    "team invite E-MAIL [--role member|admin] [--team TEAM] [--json]",
    "team join INVITE [--passphrase-stdin] [--json]",
    "team members [--team TEAM] [--json]",
    "team remove MEMBER|DEVICE [--team TEAM] [--json]",
    "team rotate [--new-passphrase | --passphrase-stdin] [--team TEAM] [--json]",
    "team passphrase [--passphrase-stdin] [--team TEAM] [--json]",
    "team role MEMBER owner|admin|member [--team TEAM] [--json]",
    "team rename DEVICE NAME [--team TEAM] [--json]",
    "team revoke INVITE-ID [--team TEAM] [--json]",
    "team kit [--team TEAM] [--json]",
    "team restore [--kit-stdin] [--json]",
    "team vouch [--team TEAM] [--json]",
    "team leave [--team TEAM] [--json]",
    "team forget TEAM [--json]",
  ],
  about:
    "A team's devices read what is shared with it; the server cannot. An invite and the passphrase together let one device\n" +
    "in: nobody can reset them. The invite that create prints is for one further device of your own, for seven days;\n" +
    "inviting your own address makes another one. Who is in the team stands in a log that its members sign: members shows\n" +
    "it, with words to compare with somebody of the team. remove and leave end a member or device, and the others get a\n" +
    "new key; rotate makes a new key without that (with --new-passphrase after a passphrase was seen by others); kit prints\n" +
    "a recovery kit: with it restore brings a lost member back on a new device. vouch is for who leads the team, after an alarm about a\n" +
    "disputed snapshot: you have found out that it is right, and the team may go on with it. forget lets a team go on this device alone, and tells\n" +
    "nobody: for one that you are the only member of, or whose server is not to be believed.",
  options: {
    team: { type: "string" },
    role: { type: "string" },
    "passphrase-stdin": { type: "boolean" },
    "new-passphrase": { type: "boolean" },
    "kit-stdin": { type: "boolean" },
  },
  async run(whole) {
    const [name, context] = part(whole, Object.keys(PARTS));
    return (PARTS[name] as (typeof PARTS)[string])(context);
  },
};

const PARTS: Readonly<Record<string, (context: CommandContext) => Promise<number>>> = {
  list,
  create,
  invite,
  join,
  async members(context) {
    noArguments(context);
    return showRoster(context, await context.call("team", ofTeam(context)));
  },
  async remove(context) {
    const whom = onlyArgument(context, "MEMBER or DEVICE");
    const before = await context.call("team", ofTeam(context));
    const left = await context.call("removeFromTeam", { whom, ...ofTeam(context) });
    const own = ({ members }: TeamDetail) => members.find(({ you }) => you)?.devices.length ?? 0;
    if (!context.json) {
      say(
        `Removed ${whom}. The others have a new key: it opens nothing that is written from now on.`,
      );
      if (own(left) < own(before))
        say(
          "It may still be signed in to your account: if it is not in your hands, run operon password.",
        );
    }
    return showRoster(context, left);
  },
  async rotate(context) {
    noArguments(context);
    const isNew = context.flag("new-passphrase") || context.flag("passphrase-stdin");
    const passphrase = isNew ? (await passphraseOf(context, "New passphrase: ")).reveal() : null;
    const rotated = await context.call("rotateTeam", {
      ...(passphrase !== null && { passphrase }),
      ...ofTeam(context),
    });
    if (!context.json)
      say(`The team has key number ${rotated.epoch}. Open invites are no longer good.`);
    return showRoster(context, rotated);
  },
  async passphrase(context) {
    noArguments(context);
    const passphrase = (await passphraseOf(context, "New passphrase: ")).reveal();
    const changed = await context.call("changePassphrase", { passphrase, ...ofTeam(context) });
    if (!context.json)
      say(
        "The passphrase is another one. If somebody has seen the old one: operon team rotate --new-passphrase.",
      );
    return showRoster(context, changed);
  },
  async role(context) {
    const [whom, role, ...more] = context.args;
    if (whom === undefined || !isRole(role) || more.length > 0)
      throw new UsageError("Say who, and owner, admin or member.");
    return showRoster(context, await context.call("giveRole", { whom, role, ...ofTeam(context) }));
  },
  async rename(context) {
    const [device, name, ...more] = context.args;
    if (device === undefined || name === undefined || more.length > 0)
      throw new UsageError("Say which device, and its new name.");
    const renamed = await context.call("renameDevice", { device, name, ...ofTeam(context) });
    return showRoster(context, renamed);
  },
  async revoke(context) {
    const id = onlyArgument(context, "INVITE-ID");
    const left = await context.call("takeBackInvite", { invite: id, ...ofTeam(context) });
    return showRoster(context, left);
  },
  kit,
  restore,
  async vouch(context) {
    noArguments(context);
    const { vouched } = await context.call("vouch", ofTeam(context));
    if (context.json) printJson({ vouched });
    else
      say(
        vouched === 0 ? "No snapshot is disputed." : `Vouched for ${counted(vouched, "snapshot")}.`,
      );
    return 0;
  },
  async leave(context) {
    noArguments(context);
    const left = await context.call("leaveTeam", ofTeam(context));
    if (context.json) printJson(left);
    else
      say(
        left.told
          ? "You are not in the team any more. What is on this machine stays here; nothing more is sent or fetched."
          : "You were not in the team any more; now it is put away here, too. What is on this machine stays here.",
      );
    return 0;
  },
  async forget(context) {
    const asked = onlyArgument(context, "TEAM");
    await context.call("forgetTeam", { team: asked });
    if (context.json) printJson(null);
    else
      say(
        "This device has forgotten the team, and its keys. Nobody was told: for the others, if there are any, you and this device are in it until somebody removes you. What is on this machine stays here; nothing more is sent or fetched.",
      );
    return 0;
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
      "The invite is for one further device of your own, within seven days: operon team join INVITE there.",
    );
  }
  return 0;
}

async function invite(context: CommandContext): Promise<number> {
  const email = onlyArgument(context, "E-MAIL");
  if (!/^[^\s@]+@[^\s@]+$/.test(email))
    throw new UsageError(`"${email}" is not an e-mail address.`);
  const role = context.option("role");
  if (role !== null && role !== "admin" && role !== "member")
    throw new UsageError("--role is member or admin.");
  const made = await context.call("inviteToTeam", {
    email,
    ...(role !== null && { role }),
    ...ofTeam(context),
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

async function kit(context: CommandContext): Promise<number> {
  noArguments(context);
  const made = await context.call("recoveryKit", ofTeam(context));
  if (context.json) printJson(made);
  else {
    print(made.kit);
    say(
      "Shown only this once: print it and keep it where you keep important papers. Who has it, and can sign in to your account, is you.\nWith it: operon team restore on a new machine. If it is lost: operon team remove its name (operon team members shows it).",
    );
  }
  return 0;
}

async function restore(context: CommandContext): Promise<number> {
  noArguments(context);
  const typed = await readSecret(context.flag("kit-stdin"), "Recovery kit: ", "kit-stdin");
  const restored = await context.call("restoreTeam", { kit: typed.reveal() });
  if (context.json) printJson(restored);
  else {
    print(`This device is in team ${(await teamNames(context))(restored.team)}.`);
    const { words } = await context.call("team", restored);
    say(
      `A kit does not know what happened since it was printed. Compare with somebody of the team before you rely on it that you see the same (operon team members):\n  ${words.join(" ")}`,
    );
    say(
      "If a device was lost or stolen, remove it now: operon team members, operon team remove DEVICE.",
    );
  }
  return 0;
}

/** What people call a team, by its id. */
export async function teamNames(context: CommandContext): Promise<(team: string) => string> {
  const names = new Map(
    (await context.call("teams", undefined)).map(({ id, name }) => [id, name] as const),
  );
  return (team) => names.get(team) ?? team;
}

function passphraseOf(context: CommandContext, question = "Passphrase: ") {
  return readSecret(context.flag("passphrase-stdin"), question, "passphrase-stdin");
}

function ofTeam(context: CommandContext): { readonly team?: string } {
  const chosen = context.option("team");
  return chosen === null ? {} : { team: chosen };
}

function isRole(text: string | undefined): text is TeamDetail["role"] {
  return text === "owner" || text === "admin" || text === "member";
}
