/** Roles, access to projects, names of devices, and removal. */
import { applyBody } from "../apply.ts";
import { roleOf, stands, type TeamState } from "../state.ts";
import { type Case, deny, isOverIn, leads, type Validator } from "./case.ts";

export const ownerGivesRoles: Validator = ({ author, entry: { body } }) =>
  body.kind === "role" && author !== null && author.role !== "owner"
    ? deny("log-rights", "only an owner gives roles")
    : null;

export const roleIsNew: Validator = ({ state, entry: { body } }) => {
  if (body.kind !== "role") return null;
  const role = roleOf(state, body.member);
  return role !== null && role !== body.role
    ? null
    : deny("log-target", "whom it names is no member, or has that role");
};

export const leadGivesAccess: Validator = ({ author, entry: { body } }) =>
  body.kind === "project-access" && author !== null && !leads(author)
    ? deny("log-rights", "only owners and admins decide who sees a project")
    : null;

export const accessIsForMembers: Validator = ({ state, entry: { body } }) =>
  body.kind === "project-access" &&
  body.members?.some((member) => roleOf(state, member) === null) === true
    ? deny("log-target", "it gives access to somebody who is no member")
    : null;

export const renamesOwnDevice: Validator = ({ state, author, entry: { body } }) => {
  if (body.kind !== "rename-device" || author === null) return null;
  const device = state.devices.get(body.device);
  return device !== undefined && device.removed === null && device.member === author.member
    ? null
    : deny("log-target", "the device it names is not one of its author's");
};

export const removesWhoIsThere: Validator = ({ state, entry: { body } }) => {
  const there =
    body.kind === "remove-member"
      ? roleOf(state, body.member) !== null
      : body.kind !== "remove-device" || state.devices.get(body.device)?.removed === null;
  return there ? null : deny("log-target", "whom it removes is not in the team");
};

export const mayRemove: Validator = (judged) => {
  const { author } = judged;
  const member = memberRemovedFrom(judged);
  if (member === null || author === null) return null;
  const entitled =
    author.role === "owner" ||
    author.member === member ||
    (author.role === "admin" && judged.state.members.get(member)?.role === "member");
  return entitled || removesWhatIsOver(judged)
    ? null
    : deny("log-rights", "its author may not remove that member or device");
};

/** An owner with a device that stays, or nobody could ever lead the team again. */
export const ownerRemains: Validator = ({ state, entry, head, timeMs }) => {
  const { kind } = entry.body;
  if (kind !== "role" && kind !== "remove-member" && kind !== "remove-device") return null;
  return hasOwner(applyBody(state, entry, head), timeMs)
    ? null
    : deny("log-owner", "the team would be left without an owner who has a device");
};

function memberRemovedFrom({ state, entry: { body } }: Case): string | null {
  if (body.kind === "remove-member") return body.member;
  return body.kind === "remove-device" ? (state.devices.get(body.device)?.member ?? null) : null;
}

/** Only the entry draws the line behind which a device's rows do not count, so anybody may write it in time. */
function removesWhatIsOver(judged: Case): boolean {
  const { body } = judged.entry;
  const device = body.kind === "remove-device" ? judged.state.devices.get(body.device) : undefined;
  return device !== undefined && isOverIn(judged, device.expiresMs);
}

function hasOwner(state: TeamState, timeMs: number): boolean {
  return [...state.devices.values()].some(
    (device) =>
      device.kind !== "ephemeral" &&
      stands(device, timeMs) &&
      roleOf(state, device.member) === "owner",
  );
}
