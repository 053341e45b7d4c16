import type { CommandContext } from "./command.ts";
import { UsageError, type Command } from "./command.ts";
import { print, printJson } from "./output.ts";
import { counted } from "./words.ts";

export const share: Command = {
  usage: ["share SESSION… [--json]"],
  about:
    "Shares sessions with the team their project is linked to: what was done and what it cost, without prompts, responses,\n" +
    "outputs or file contents.",
  options: {},
  async run(context) {
    const answer = await context.call("share", { sessions: sessionsOf(context) });
    if (context.json) printJson(answer);
    else if (answer.shared === 0)
      print("Shared already; what is new in it goes with the next sync.");
    else print(`${counted(answer.shared, "session")} shared. The next sync sends what is missing.`);
    return 0;
  },
};

export const unshare: Command = {
  usage: ["unshare SESSION… [--json]"],
  about:
    "Takes sessions back: with the next sync the team is told, signed by you, and its devices let them go when they sync.\n" +
    "What somebody has read they have read. Share again and it is a new copy.",
  options: {},
  async run(context) {
    const answer = await context.call("unshare", { sessions: sessionsOf(context) });
    if (context.json) printJson(answer);
    else if (answer.withdrawn === 0) print("It was not shared; it stays on this machine.");
    else print(`${counted(answer.withdrawn, "session")} taken back. The next sync tells the team.`);
    return 0;
  },
};

function sessionsOf({ args }: CommandContext): readonly string[] {
  if (args.length === 0) throw new UsageError("SESSION is missing.");
  return args;
}
