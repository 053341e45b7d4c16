import type { SyncReport } from "../app/api.ts";
import { noArguments, type Command } from "./command.ts";
import { print, printJson, say } from "./output.ts";
import { counted } from "./words.ts";

export const sync: Command = {
  usage: ["sync [--once] [--json]"],
  about:
    "Fetches what others shared, checks it, and sends what is waiting. Ends when both is done (an engine that stays, as\n" +
    "operon open or operon watch, goes on by itself). Exits with 1 on an alarm, or when a team could not be synced.",
  options: { once: { type: "boolean" } },
  async run(context) {
    noArguments(context);
    const report = await context.call("sync", undefined);
    if (context.json) printJson(report);
    else print(wordsOf(report));
    for (const alarm of report.alarms) say(`alarm: ${alarm}`);
    for (const sentence of report.failed) say(sentence);
    return report.alarms.length + report.failed.length > 0 ? 1 : 0;
  },
};

function wordsOf({ pushed, pulled, verified, head }: SyncReport): string {
  if (verified && Object.keys(head).length === 0)
    return "Nothing is shared with this device yet, and nothing waits to be sent.";
  return `${counted(pulled, "row")} fetched, ${counted(pushed, "row")} sent; ${verified ? "all verified" : "not verified"}.`;
}
