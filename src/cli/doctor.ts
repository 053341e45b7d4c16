import { noArguments, type Command } from "./command.ts";
import { print, printJson, table } from "./output.ts";

export const doctor: Command = {
  usage: ["doctor [--json]"],
  about:
    "Checks this installation: the program, the data folder, where keys are kept, what is captured, the server.",
  options: {},
  async run(context) {
    noArguments(context);
    const rows = await context.call("doctor", undefined);
    if (context.json) printJson(rows);
    else {
      const lines = table(
        ["", "CHECK", "DETAIL"],
        ["left", "left", "left"],
        rows.map((row) => [row.state, row.check, row.detail]),
      );
      for (const line of lines.slice(1)) print(line);
    }
    return rows.some((row) => row.state === "error") ? 1 : 0;
  },
};
