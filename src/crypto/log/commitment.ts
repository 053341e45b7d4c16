/** What the log says of keys that it does not tell: enough to know them, and to guess nothing, because they are random. */
import { type Bytes, concatBytes, equalBytes } from "../../base/bytes.ts";
import type { Secret } from "../../base/secret.ts";
import { labelBytes, sha256 } from "../hash.ts";
import { teamTag } from "../header.ts";
import type { TeamKeys } from "../team.ts";
import type { TeamState } from "./state.ts";
import { id, number } from "./wire.ts";

export type EpochKeys = Pick<TeamKeys, "team" | "epoch" | "epochKey">;

/** `SHA-256(label · team 16 · epoch 4 · epoch key 32)`: what an epoch entry says of its key. */
export function commitmentTo({ team, epoch, epochKey }: EpochKeys): Bytes {
  return sha256(
    concatBytes(
      labelBytes("epoch commitment"),
      id(teamTag(team)),
      number(epoch, 4),
      epochKey.reveal(),
    ),
  );
}

/** `SHA-256(label · team id key 32)`: what the create entry says of it. It names no team: the team's id comes of that entry. */
export function idKeyHash(idKey: Secret<Bytes>): Bytes {
  return sha256(concatBytes(labelBytes("team id key"), idKey.reveal()));
}

/** Whether this is the key of the log's epoch of that number. */
export function isKeyOf(state: TeamState, keys: EpochKeys): boolean {
  const epoch = state.epochs[keys.epoch - 1];
  return (
    keys.team === state.team &&
    epoch !== undefined &&
    equalBytes(epoch.commitment, commitmentTo(keys))
  );
}

/** Whether it is the one team id key there is. */
export function isIdKeyOf(state: TeamState, idKey: Secret<Bytes>): boolean {
  return equalBytes(state.idKeyHash, idKeyHash(idKey));
}
