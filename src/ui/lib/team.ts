/**
 * People and devices of a team in words, and what a role allows. The team's log decides that (its rules L6, L8 to L10); the
 * same is kept here so that nothing is offered that would be refused.
 */
import type { TeamDetail, TeamMember } from "../../app/api.ts";
import { oneLine } from "./visible.ts";

export type TeamDevice = TeamMember["devices"][number];
export type TeamInvite = TeamDetail["invites"][number];
export type Role = TeamMember["role"];

export function memberName({ email, id }: TeamMember): string {
  return oneLine(email) || `somebody without a name (${id.slice(0, 8)})`;
}

export function deviceName({ name, id }: TeamDevice): string {
  return oneLine(name) || `a device without a name (${id.slice(0, 8)})`;
}

export function ownMember(team: TeamDetail): TeamMember | undefined {
  return team.members.find(({ you }) => you);
}

export function leads(team: TeamDetail): boolean {
  return team.role !== "member";
}

/** Of others: to remove oneself is to leave. */
export function mayRemoveMember(team: TeamDetail, { role, you }: TeamMember): boolean {
  return !you && (team.role === "owner" || (team.role === "admin" && role === "member"));
}

/** Not the one here: that is to leave, or is done from another one. */
export function mayRemoveDevice(
  team: TeamDetail,
  member: TeamMember,
  device: TeamDevice,
  nowMs: number,
): boolean {
  return !device.here && (member.you || mayRemoveMember(team, member) || isOver(device, nowMs));
}

export function isOver({ expiresAt }: TeamDevice, nowMs: number): boolean {
  return expiresAt !== null && expiresAt <= nowMs;
}

export function mayGiveRole(team: TeamDetail, member: TeamMember): boolean {
  return team.role === "owner" && !(member.you && isOnlyOwner(team));
}

/** For the person here. */
export function isOnlyOwner(team: TeamDetail): boolean {
  return team.role === "owner" && team.members.filter(({ role }) => role === "owner").length === 1;
}

export function mayTakeBack(team: TeamDetail, { by }: TeamInvite): boolean {
  return leads(team) || by === ownMember(team)?.email;
}

const RANKS: Record<Role, number> = { owner: 0, admin: 1, member: 2 };
const KINDS: Record<TeamDevice["kind"], number> = { ordinary: 0, ephemeral: 1, recovery: 2 };

/** Oneself first, then who leads, then by name. */
export function inOrder(members: readonly TeamMember[]): readonly TeamMember[] {
  return members.toSorted(
    (a, b) =>
      Number(b.you) - Number(a.you) ||
      RANKS[a.role] - RANKS[b.role] ||
      memberName(a).localeCompare(memberName(b), "en", { numeric: true }),
  );
}

/** The one here first, paper last. */
export function devicesInOrder({ devices }: TeamMember): readonly TeamDevice[] {
  return devices.toSorted(
    (a, b) =>
      Number(b.here) - Number(a.here) ||
      KINDS[a.kind] - KINDS[b.kind] ||
      deviceName(a).localeCompare(deviceName(b), "en", { numeric: true }),
  );
}
