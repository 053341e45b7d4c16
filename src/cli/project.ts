import { resolve } from "node:path";
import type { ProjectRow } from "../app/api.ts";
import { neededOption, noArguments, onlyArgument, part, type Command } from "./command.ts";
import { print, printJson, say, table } from "./output.ts";
import { teamNames } from "./team.ts";

export const project: Command = {
  usage: [
    "project list [--json]",
    "project link PROJECT --team TEAM [--json]",
    "project unlink PROJECT [--json]",
  ],
  about:
    "Projects are the working trees that agents ran in. Linking one to a team lets its sessions be shared with that team;\n" +
    "nothing leaves this machine before. PROJECT is an id (proj_…), the beginning of one, or a path.",
  options: { team: { type: "string" } },
  async run(whole) {
    const [name, context] = part(whole, ["list", "link", "unlink"]);
    if (name === "list") {
      noArguments(context);
      const rows = await context.call("projects", undefined);
      if (context.json) printJson(rows);
      else printProjects(rows, await teamNames(context));
      return 0;
    }
    const chosen = projectArgument(onlyArgument(context, "PROJECT"));
    const row =
      name === "link"
        ? await context.call("linkProject", {
            project: chosen,
            team: neededOption(context, "team"),
          })
        : await context.call("unlinkProject", { project: chosen });
    if (context.json) printJson(row);
    else if (name === "link")
      print(
        `${row.name} is linked to team ${(await teamNames(context))(row.team ?? "")}. Its new sessions are shared; older ones with operon share.`,
      );
    else
      print(
        `${row.name} is not linked any more. What was shared stays with the team; nothing new is sent.`,
      );
    return 0;
  },
};

/** A path is meant from where the command runs, which is not where the engine runs. */
export function projectArgument(text: string): string {
  return /^\.{1,2}(?:[/\\]|$)/.test(text) || (text.includes("/") && !text.startsWith("/"))
    ? resolve(text)
    : text;
}

function printProjects(rows: readonly ProjectRow[], nameOf: (team: string) => string): void {
  if (rows.length === 0)
    return say("No projects here yet. operon import finds them with their sessions.");
  const lines = table(
    ["ID", "SESSIONS", "TEAM", "NAME", "PATH"],
    ["left", "right", "left", "left", "left"],
    rows.map((row) => [
      row.id,
      String(row.sessions),
      row.team === null ? "–" : nameOf(row.team),
      row.name,
      row.path,
    ]),
  );
  for (const line of lines) print(line);
}
