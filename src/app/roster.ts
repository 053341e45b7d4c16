/** Who is in a team, in words for people, and whom a person means by a word. */
import { raise } from "../base/result.ts";
import { safetyWords } from "../crypto/log/safety-words.ts";
import { roleOf } from "../crypto/log/state.ts";
import type { Team } from "../sync/team/team.ts";
import type { TeamDetail } from "./api.ts";

export type Roster = Omit<TeamDetail, "id" | "name" | "heardAt">;

/** `self`: the member and device here. */
export function rosterOf(
  team: Team,
  self: { readonly member: string; readonly device: string },
  nowMs: number,
): Roster {
  const { state } = team;
  const members = membersOf(team, self);
  return {
    role: roleOf(state, self.member) ?? "member",
    words: safetyWords(state.team, state.head),
    entry: state.head.n,
    epoch: state.epochs.length,
    keyDue: state.rotationDue,
    members,
    invites: [...state.invites]
      .filter(([, { expiresMs }]) => expiresMs > nowMs)
      .map(([id, { member, admits, expiresMs }]) => ({
        id,
        admits,
        by: members.find((each) => each.id === member)?.email ?? "",
        expiresAt: expiresMs,
      })),
  };
}

function membersOf(
  team: Team,
  self: { readonly member: string; readonly device: string },
): TeamDetail["members"] {
  const { state } = team;
  const devices = [...state.devices].filter(([, { removed }]) => removed === null);
  return [...state.members]
    .filter(([, { removed }]) => removed === null)
    .map(([id, { role }]) => {
      const own = devices
        .filter(([, { member }]) => member === id)
        .map(([device, { kind, expiresMs }]) => ({
          id: device,
          name: team.personAt(device)?.name ?? "",
          kind,
          here: device === self.device,
          expiresAt: expiresMs,
        }));
      const email = own.map((device) => team.personAt(device.id)?.email ?? "").find(Boolean) ?? "";
      return { id, role, email, you: id === self.member, devices: own };
    });
}

/** `text`: an id or its unique beginning, a member's e-mail address, a device's name. Raises "no-such", "ambiguous". */
export function whomOf(
  team: Team,
  text: string,
): { readonly is: "member" | "device"; readonly id: string } {
  const members = membersOf(team, { member: "", device: "" });
  const people = members.map(({ id, email }) => ({ is: "member" as const, id, name: email }));
  const devices = members.flatMap((member) =>
    member.devices.map(({ id, name }) => ({ is: "device" as const, id, name })),
  );
  const wanted = text.trim().toLowerCase();
  const all = [...people, ...devices];
  const named = all.filter(({ id, name }) => id === wanted || name.toLowerCase() === wanted);
  return only(named.length > 0 ? named : all.filter(({ id }) => id.startsWith(wanted)), text);
}

export function memberOf(team: Team, text: string): string {
  const { is, id } = whomOf(team, text);
  return is === "member" ? id : (team.state.devices.get(id)?.member ?? "");
}

export function inviteOf(team: Team, text: string): string {
  const ids = [...team.state.invites.keys()].filter((id) => id.startsWith(text));
  return only(
    ids.map((id) => ({ id })),
    text,
  ).id;
}

function only<T>(found: readonly T[], text: string): T {
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  if (first === undefined)
    raise(
      "no-such",
      `The team has nobody and nothing called "${text}". Nothing was changed: operon team members shows who is in it.`,
    );
  raise(
    "ambiguous",
    `"${text}" fits ${found.length} of the team. Nothing was changed: give more of the id; operon team members shows them.`,
  );
}
