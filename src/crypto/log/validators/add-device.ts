/** A new device: itself, with its own key, of the right member, and able to get the team's keys. */
import { deviceId, verify } from "../../device.ts";
import { consentStatement } from "../author.ts";
import { MAX_LISTED } from "../body.ts";
import { isUsableBoxKey } from "../box.ts";
import { roleOf } from "../state.ts";
import { type Case, deny, isOverIn, standing, type Validator } from "./case.ts";

/** So that nobody fills the list of an epoch's recipients alone. */
const MEMBER_MAX_DEVICES = 64;

export const deviceIsNew: Validator = ({ state, entry: { body } }) =>
  body.kind === "add-device" && state.devices.has(deviceId(body))
    ? deny("log-device", "the device is or was in the team already")
    : null;

/** One device with a key that nothing can be sealed to would stop every later epoch. */
export const deviceCanReceive: Validator = ({ entry: { body } }) =>
  body.kind === "add-device" && !isUsableBoxKey(body.boxKey)
    ? deny("log-device", "nothing can be sealed to the device's key")
    : null;

export const deviceConsents: Validator = ({ state, author, entry: { body } }) => {
  if (body.kind !== "add-device" || author === null) return null;
  const said = consentStatement({
    team: state.team,
    inviteEntry: author.by.is === "invite" ? author.by.invite.entry.hash : null,
    member: body.member,
    kind: body.deviceKind,
    expiresMs: body.expiresMs,
    signKey: body.signKey,
    boxKey: body.boxKey,
  });
  return verify(body.signKey, said, body.consent)
    ? null
    : deny("log-device", "the device has not agreed to be added this way");
};

export const deviceIsOfRightMember: Validator = (judged) => {
  const { author, entry, state } = judged;
  if (entry.body.kind !== "add-device" || author === null) return null;
  const { member } = entry.body;
  const right = admitsOthers(judged) ? roleOf(state, member) === null : member === author.member;
  return right ? null : deny("log-rights", "its author may not add a device for that member");
};

/** A recovery kit is made at a device that is there; a member begins with a device that stays. */
export const deviceIsOfRightKind: Validator = (judged) => {
  const { author, entry } = judged;
  if (entry.body.kind !== "add-device" || author?.by.is !== "invite") return null;
  const { deviceKind } = entry.body;
  const right = admitsOthers(judged) ? deviceKind === "ordinary" : deviceKind !== "recovery";
  return right ? null : deny("log-rights", "an invite does not admit a device of that kind");
};

export const deviceEndsLater: Validator = (judged) =>
  judged.entry.body.kind === "add-device" && isOverIn(judged, judged.entry.body.expiresMs)
    ? deny("log-device", "the device's time is over already")
    : null;

export const thereIsRoom: Validator = (judged) => {
  const { body } = judged.entry;
  if (body.kind !== "add-device") return null;
  const all = standing(judged);
  const own = all.filter(([, { member }]) => member === body.member);
  return all.length < MAX_LISTED && own.length < MEMBER_MAX_DEVICES
    ? null
    : deny("log-device", "the member or the team has as many devices as there can be");
};

function admitsOthers({ author }: Case): boolean {
  return author?.by.is === "invite" && author.by.invite.admits !== "own";
}
