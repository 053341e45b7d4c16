import { noArguments, UsageError, type Command } from "./command.ts";
import { print, printJson, say } from "./output.ts";
import { when } from "./words.ts";

export const alarms: Command = {
  usage: ["alarms [--seen ID] [--go-on ID] [--json]"],
  about:
    "What a server gave that could not be verified, until you say that you have seen it (--seen). After an alarm that stopped\n" +
    "a stream, --go-on follows the history that the server has now: it is read and verified from its start, and what it lacks\n" +
    "of what is here is sent again. Ask who runs the server first: a restored backup is a reason, an attack is another one.",
  options: { seen: { type: "string" }, "go-on": { type: "string" } },
  async run(context) {
    noArguments(context);
    const seen = context.option("seen");
    const restarted = context.option("go-on");
    if (seen !== null && restarted !== null) throw new UsageError("--seen or --go-on, not both.");
    const open =
      seen !== null
        ? await context.call("acknowledgeAlarm", { id: seen })
        : restarted !== null
          ? await context.call("restartAfterAlarm", { id: restarted })
          : await context.call("alarms", undefined);
    if (context.json) printJson(open);
    else if (open.length === 0) say("No open alarm.");
    else
      for (const { id, at, words, action } of open)
        print(`${id.slice(0, 8)}  ${when(at)}  ${words}${HINT[action ?? "none"]}`);
    return 0;
  },
};

const HINT = {
  acknowledge: "",
  restart:
    " (Nothing more of it is read or sent. If the server was restored from a backup: --go-on with this id.)",
  none: " (It lasts.)",
};
