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
    if (context.args.length === 0) throw new UsageError("SESSION is missing.");
    const answer = await context.call("share", { sessions: context.args });
    if (context.json) printJson(answer);
    else if (answer.shared === 0)
      print("Shared already; what is new in it goes with the next sync.");
    else print(`${counted(answer.shared, "session")} shared. The next sync sends what is missing.`);
    return 0;
  },
};
