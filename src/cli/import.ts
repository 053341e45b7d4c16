import { resolve } from "node:path";
import type { Command } from "./command.ts";
import { printJson, say, print } from "./output.ts";
import { counted } from "./words.ts";

export const importCommand: Command = {
  usage: ["import [PATH…] [--home DIR] [--json]"],
  about:
    "Captures what is there now: every transcript of the agents it knows, or only the files and folders given. A file that\n" +
    "did not change is not read again.",
  options: {},
  async run(context) {
    const report = await context.call("import", {
      ...(context.args.length > 0 && { paths: context.args.map((path) => resolve(path)) }),
      ...(context.home !== null && { home: context.home }),
    });
    if (context.json) printJson(report);
    else {
      print(
        `${counted(report.sessions, "session")} with ${counted(report.events, "new event")} from ${counted(report.files, "file")}, ` +
          `${report.unchanged.toLocaleString("en-US")} unchanged; ${counted(report.bytes, "byte")} read in ${(report.ms / 1_000).toFixed(1)} s`,
      );
    }
    for (const { file, reason } of report.partial) say(`partial: ${file}: ${reason}`);
    return 0;
  },
};
