/** Was it written by somebody who is of the team now, with a device that may write such entries? */
import { never } from "../../../base/result.ts";
import { SIGNATURE_BYTES, verify } from "../../device.ts";
import { type Entry, signedBytes } from "../entry.ts";
import type { ListedDevice } from "../state.ts";
import { deny, isOverIn, type Validator } from "./case.ts";
import { mayInvite } from "./invite.ts";

export const authorIsKnown: Validator = ({ author }) =>
  author !== null
    ? null
    : deny("log-author", "its author is no device of the team and holds no open invite");

export const authorIsNotRemoved: Validator = ({ author }) =>
  author?.by.is === "device" && author.by.device.removed !== null
    ? deny("log-author", "its author was removed from the team")
    : null;

export const authorIsNotOver: Validator = (judged) => {
  const by = judged.author?.by;
  if (by === undefined) return null;
  const { expiresMs } = by.is === "device" ? by.device : by.invite;
  return isOverIn(judged, expiresMs)
    ? deny("log-author", "the time of the device or invite that wrote it is over")
    : null;
};

/** Who may no longer invite cannot have done so for later. */
export const inviterMayStillInvite: Validator = ({ author }) =>
  author?.by.is === "invite" && !mayInvite(author.role, author.by.invite.admits)
    ? deny("log-author", "whoever made the invite may no longer invite")
    : null;

export const authorSigned: Validator = ({ author, bytes, entry }) =>
  author === null ||
  verify(author.signKey, signedBytes(bytes.subarray(0, -SIGNATURE_BYTES)), entry.signature)
    ? null
    : deny("log-signature", "its signature is not its author's");

export const deviceMayWriteThis: Validator = ({ author, entry }) =>
  author?.by.is !== "device" || deviceMay(author.by.device, entry)
    ? null
    : deny("log-rights", "a device of that kind may not do this");

/**
 * A device that has an end gives nobody rights, and takes them only from itself, so that its end is one. What lies on paper
 * does the one thing it is for.
 */
function deviceMay({ kind }: ListedDevice, { author, body }: Entry): boolean {
  switch (kind) {
    case "ordinary":
      return true;
    case "ephemeral":
      return (
        body.kind === "epoch" ||
        ((body.kind === "remove-device" || body.kind === "rename-device") &&
          body.device === author.id)
      );
    case "recovery":
      return body.kind === "add-device" && body.deviceKind === "ordinary";
    default:
      return never(kind);
  }
}
