/** A team's id as bytes: `team_` and the 26 digits of 128 bits of its first entry's hash. */
import type { Bytes } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import { fromBase32, toBase32 } from "../base32.ts";
import { ID_BYTES } from "../hash.ts";

const PREFIX = "team_";

/** `hash`: its first 16 bytes count. */
export function teamIdOf(hash: Bytes): TeamId {
  return `${PREFIX}${toBase32(hash.subarray(0, ID_BYTES))}` as TeamId;
}

/** Throws `RangeError` on an id that is no hash: teams made before there was a log have such. */
export function teamIdBytes(team: TeamId): Bytes {
  const bytes = team.startsWith(PREFIX) ? fromBase32(team.slice(PREFIX.length), ID_BYTES) : null;
  if (bytes === null) throw new RangeError("not the id of a team with a log");
  return bytes;
}
