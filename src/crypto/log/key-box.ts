/**
 * The team's keys for one device of the log.
 *
 * `version (1) · epoch (4) · box [ epoch key (32) · team id key (32) · team secret (16) ]`; version, epoch, team and the
 * device's id are authenticated. Both keys are held against what the log says of them, so that they are those that an entitled
 * device made and all others have; of the team secret it shows that whoever sealed it had the epoch key.
 */
import { type Bytes, concatBytes, fromHex } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { type Fault, fail, ok, type Result } from "../../base/result.ts";
import { Secret } from "../../base/secret.ts";
import type { DeviceIdentity } from "../device.ts";
import { KEY_BYTES, labelBytes } from "../hash.ts";
import { teamTag } from "../header.ts";
import { TEAM_SECRET_BYTES } from "../kdf.ts";
import type { TeamKeys } from "../team.ts";
import { isIdKeyOf, isKeyOf } from "./commitment.ts";
import { BOX_EXTRA_BYTES, openBox, sealTo } from "./box.ts";
import { standingDevices, type TeamState } from "./state.ts";
import { id, number } from "./wire.ts";

const VERSION = 1;
const OPEN_BYTES = 1 + 4;
const PLAIN_BYTES = 2 * KEY_BYTES + TEAM_SECRET_BYTES;
export const KEY_BOX_BYTES = OPEN_BYTES + BOX_EXTRA_BYTES + PLAIN_BYTES;

/** Only for devices that stand in the log: "no-device" for any other. */
export function sealKeys(
  state: TeamState,
  keys: TeamKeys,
  device: string,
  nowMs: number,
  random: Random,
): Result<Bytes, Fault<"no-device">> {
  const listed = state.devices.get(device);
  if (listed === undefined || !standingDevices(state, nowMs).includes(device))
    return fail(
      "no-device",
      "This device is not in the team, or no longer, so it was not given the team's keys.",
    );
  const open = openPart(keys.epoch);
  const plain = concatBytes(keys.epochKey.reveal(), keys.idKey.reveal(), keys.teamSecret.reveal());
  const box = sealTo(listed.boxKey, plain, context(state, device, open), random);
  return ok(concatBytes(open, box));
}

/** Whoever made the box: its epoch key is the log's newest, or it is refused. An older one is known to who was removed since. */
export function openKeys(
  state: TeamState,
  sealed: Uint8Array,
  device: DeviceIdentity,
): Result<TeamKeys, Fault<"key-box">> {
  if (sealed.length !== KEY_BOX_BYTES || sealed[0] !== VERSION) return refused();
  const open = sealed.slice(0, OPEN_BYTES);
  const plain = openBox(device, sealed.subarray(OPEN_BYTES), context(state, device.id, open));
  if (plain === null) return refused();
  const at = (from: number, sizeBytes: number) => new Secret(plain.slice(from, from + sizeBytes));
  const keys = {
    team: state.team,
    epoch: new DataView(open.buffer).getUint32(1),
    epochKey: at(0, KEY_BYTES),
    idKey: at(KEY_BYTES, KEY_BYTES),
    teamSecret: at(2 * KEY_BYTES, TEAM_SECRET_BYTES),
  };
  const newest = keys.epoch === state.epochs.length;
  return newest && isKeyOf(state, keys) && isIdKeyOf(state, keys.idKey) ? ok(keys) : refused();
}

function openPart(epoch: number): Bytes {
  return concatBytes(number(VERSION, 1), number(epoch, 4));
}

function context(state: TeamState, device: string, open: Uint8Array): Bytes {
  return concatBytes(labelBytes("key box"), open, id(teamTag(state.team)), fromHex(device));
}

function refused(): Result<never, Fault<"key-box">> {
  return fail(
    "key-box",
    "The keys that the server gave for this device are not the team's; they were not used. Ask somebody of the team to let their Operon connect, which hands the keys over again.",
  );
}
