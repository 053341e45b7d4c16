/**
 * A recovery kit: a device that exists on paper only. It is listed in the log like others and gets the keys of each epoch; it
 * writes no rows, and can do one thing: add its member's next device.
 *
 * On paper: twelve groups of five letters and digits (Crockford base 32), of
 * `version 1 (1) · team (16) · secret (16) · checksum (4)`. Both keys of the device come from the secret.
 */
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { type Fault, fail, ok, type Result } from "../../base/result.ts";
import { Secret } from "../../base/secret.ts";
import { fromBase32, inGroups, toBase32, typedBase32 } from "../base32.ts";
import { type DeviceIdentity, deviceOf } from "../device.ts";
import { derive, ID_BYTES, type Label } from "../hash.ts";
import { teamTag } from "../header.ts";
import { type Newcomer, newcomer } from "./draft.ts";
import { checked, checkedBytes, withChecksum } from "./printed.ts";
import { teamIdBytes, teamIdOf } from "./team-id.ts";
import { fixed, id, number } from "./wire.ts";

const VERSION = 1;
const SECRET_BYTES = 16;
const BODY_BYTES = 1 + ID_BYTES + SECRET_BYTES;

export interface RecoveryKit {
  readonly team: TeamId;
  /** 16 bytes. */
  readonly secret: Secret<Bytes>;
}

export function createKit(team: TeamId, random: Random): RecoveryKit {
  return { team, secret: new Secret(random(SECRET_BYTES)) };
}

/** Opens its key box, and signs the entry of the member's next device. */
export function kitDevice(kit: RecoveryKit): DeviceIdentity {
  return deviceOf(fromSecret(kit, "recovery signer"), fromSecret(kit, "recovery box"));
}

/** For `addDevice`, by a device of the same member. */
export function kitAsNewcomer(kit: RecoveryKit, member: string): Newcomer {
  return newcomer(kitDevice(kit), {
    team: kit.team,
    inviteEntry: null,
    member,
    kind: "recovery",
    expiresMs: null,
  });
}

export function formatKit({ team, secret }: RecoveryKit): Secret<string> {
  const body = concatBytes(
    number(VERSION, 1),
    teamIdBytes(team),
    fixed(secret.reveal(), SECRET_BYTES),
  );
  return new Secret(inGroups(toBase32(withChecksum(body, "recovery kit"))));
}

/** Reads what a person typed: small letters, blanks for dashes, O for 0, I or L for 1. */
export function parseKit(text: string): Result<RecoveryKit, Fault<"recovery-kit">> {
  const bytes = fromBase32(typedBase32(text), checkedBytes(BODY_BYTES));
  const body = bytes && checked(bytes, "recovery kit");
  if (!body)
    return fail(
      "recovery-kit",
      "This is not a whole recovery kit: it has twelve groups of five letters and digits, and they fit together only as printed. Compare it group by group and try again.",
    );
  if (body[0] !== VERSION)
    return fail(
      "recovery-kit",
      "This recovery kit was made by a newer Operon. Update Operon and try again.",
    );
  return ok({
    team: teamIdOf(body.slice(1, 1 + ID_BYTES)),
    secret: new Secret(body.slice(1 + ID_BYTES)),
  });
}

function fromSecret({ team, secret }: RecoveryKit, label: Label): Bytes {
  return derive(secret, label, [id(teamTag(team))]);
}
