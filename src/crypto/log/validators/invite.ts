/** Invites: made, taken back. */
import { never } from "../../../base/result.ts";
import { inviteId } from "../author.ts";
import type { Admits, Role } from "../body.ts";
import { deny, isOverIn, leads, type Validator } from "./case.ts";

/** 30 days: a forgotten invite is a door. */
const INVITE_MAX_MS = 30 * 24 * 60 * 60 * 1000;

/** Whether this role may make, or still stand behind, such an invite. */
export function mayInvite(role: Role, admits: Admits): boolean {
  switch (admits) {
    case "own":
      return true;
    case "member":
      return role !== "member";
    case "admin":
      return role === "owner";
    default:
      return never(admits);
  }
}

export const inviterMayInvite: Validator = ({ author, entry: { body } }) =>
  body.kind !== "invite" || author === null || mayInvite(author.role, body.admits)
    ? null
    : deny("log-rights", "its author may not invite with that role");

export const inviteEnds: Validator = (judged) => {
  const { body } = judged.entry;
  if (body.kind !== "invite") return null;
  return isOverIn(judged, body.expiresMs) || body.expiresMs > judged.timeMs + INVITE_MAX_MS
    ? deny("log-rights", "the invite's end is not within 30 days")
    : null;
};

export const inviteIsNew: Validator = ({ state, entry: { body } }) =>
  body.kind === "invite" && state.invites.has(inviteId(body.signKey))
    ? deny("log-target", "there is an invite with this key")
    : null;

export const revokesOpenInvite: Validator = ({ state, entry: { body } }) =>
  body.kind === "revoke-invite" && !state.invites.has(body.invite)
    ? deny("log-target", "the invite it takes back is not open")
    : null;

export const mayRevoke: Validator = ({ state, author, entry: { body } }) => {
  if (body.kind !== "revoke-invite" || author === null) return null;
  const invite = state.invites.get(body.invite);
  return invite === undefined || invite.member === author.member || leads(author)
    ? null
    : deny("log-rights", "its author may not take back others' invites");
};
