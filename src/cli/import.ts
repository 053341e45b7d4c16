import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { FaultError } from "../base/result.ts";
import type { ImportReport } from "../app/api.ts";
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
    const paths = context.args.map((path) => resolve(path));
    const missing = paths.find((path) => !existsSync(path));
    if (missing !== undefined) {
      throw new FaultError({
        type: "no-file",
        message: `There is no file or folder ${missing}. Nothing was captured.`,
      });
    }
    const report = await context.call("import", {
      ...(paths.length > 0 && { paths }),
      ...(context.home !== null && { home: context.home }),
    });
    if (context.json) printJson(report);
    else print(wordsOf(report));
    for (const { file, reason } of report.partial) say(`partial: ${file}: ${reason}`);
    return 0;
  },
};

function wordsOf({ sessions, events, files, unchanged, bytes, ms }: ImportReport): string {
  const took = `${counted(bytes, "byte")} read in ${(ms / 1_000).toFixed(1)} s`;
  if (files + unchanged === 0) return "No transcripts there.";
  if (files === 0) return `Nothing new in ${counted(unchanged, "file")}; ${took}.`;
  const rest = unchanged === 0 ? "" : `, ${unchanged.toLocaleString("en-US")} unchanged`;
  return `${counted(sessions, "session")} with ${counted(events, "new event")} from ${counted(files, "file")}${rest}; ${took}.`;
}
