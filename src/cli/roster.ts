/** Who is in a team, on a terminal. */
import type { TeamDetail } from "../app/api.ts";
import type { CommandContext } from "./command.ts";
import { when } from "./words.ts";
import { oneLine, print, printJson, say, table } from "./output.ts";

export function showRoster(context: CommandContext, team: TeamDetail): number {
  if (context.json) {
    printJson(team);
    return 0;
  }
  const people = team.members.flatMap((member) => [
    [member.email + (member.you ? " (you)" : ""), member.role, short(member.id)],
    ...member.devices.map((device) => [
      `  ${oneLine(device.name)}${device.here ? " (this device)" : ""}`,
      device.kind === "ordinary" ? "device" : device.kind,
      short(device.id),
    ]),
  ]);
  for (const line of table(["WHO", "WHAT", "ID"], ["left", "left", "left"], people)) print(line);
  for (const { id, admits, by, expiresAt } of team.invites)
    print(
      `open invite ${short(id)}  ${ADMITS[admits]}, by ${by}, until ${new Date(expiresAt).toISOString().slice(0, 16)}Z`,
    );
  const others = team.members.some(({ you }) => !you) || (team.members[0]?.devices.length ?? 0) > 1;
  if (others)
    say(
      team.heardAt === null
        ? "Nothing was heard of the others yet."
        : `Nothing was heard of the others since ${when(team.heardAt)}.`,
    );
  if (team.keyDue) say("Somebody left: the next device that connects makes a new key.");
  say(`Safety words: ${team.words.join(" ")}`);
  say(
    "Read them to somebody of the team, by telephone say: if they see the same (operon team members), you see the same team, and no server stands between. They change when somebody comes or goes.",
  );
  return 0;
}

const ADMITS = { own: "for an own further device", admin: "for an admin", member: "for a member" };

function short(id: string): string {
  return id.slice(0, 8);
}
