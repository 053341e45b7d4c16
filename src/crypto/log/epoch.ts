/**
 * Epochs: a new key for who remains, and the way back to the keys before.
 *
 * Epoch record: `version (1) · epoch (4) · nonce (24) · sealed former epoch key (32) · tag (16)`, sealed with
 * `derive(epoch key, "epoch record key", team 16, epoch 4)`; version, epoch and team are authenticated. So who has the newest
 * key has all of them, and who has an older one gets none that is newer.
 */
import { type Bytes, concatBytes, equalBytes } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { type Fault, fail, ok, type Result } from "../../base/result.ts";
import { Secret } from "../../base/secret.ts";
import { NONCE_BYTES, seal, TAG_BYTES, unseal } from "../aead.ts";
import type { DeviceIdentity } from "../device.ts";
import { deriveKey, KEY_BYTES, labelBytes } from "../hash.ts";
import { teamTag } from "../header.ts";
import { TEAM_SECRET_BYTES } from "../kdf.ts";
import type { TeamKeys } from "../team.ts";
import { deviceAuthor } from "./author.ts";
import { commitmentTo, type EpochKeys, isKeyOf } from "./commitment.ts";
import { type NextEntry, nextEntry } from "./draft.ts";
import type { LogResult } from "./fault.ts";
import { sealKeys } from "./key-box.ts";
import { standingDevices, type TeamState } from "./state.ts";
import { id, number } from "./wire.ts";

const VERSION = 1;
const OPEN_BYTES = 1 + 4;
const EPOCH_RECORD_BYTES = OPEN_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

export interface Rotation extends NextEntry {
  readonly keys: TeamKeys;
  /** Opens the key of the epoch before. */
  readonly record: Bytes;
  /** The new keys for each device of the team, this one and recovery kits too. */
  readonly boxes: ReadonlyMap<string, Bytes>;
}

/**
 * A new epoch key and a new team secret, for exactly the devices that are in the team. All of it counts only once the entry
 * is in the log. `keys`: of the newest epoch; who leads the team may go on from an older one, if nobody was given the newest
 * key. "log-epoch": they are not the log's.
 */
export function rotate(
  state: TeamState,
  keys: TeamKeys,
  device: DeviceIdentity,
  nowMs: number,
  random: Random,
): LogResult<Rotation> {
  if (!isKeyOf(state, keys))
    return fail("log-epoch", "the keys at hand are not those of an epoch of the log");
  const next = {
    ...keys,
    epoch: state.epochs.length + 1,
    epochKey: new Secret(random(KEY_BYTES)),
    teamSecret: new Secret(random(TEAM_SECRET_BYTES)),
  };
  const entry = epochEntry(state, next, keys.epoch, device, nowMs);
  if (!entry.ok) return entry;
  const record = sealRecord(next, keys.epochKey, random);
  const boxes = boxesFor(entry.value.state, next, nowMs, random);
  return ok({ ...entry.value, keys: next, record, boxes });
}

/** The entry that begins the epoch of `keys`, for every device that is in the team. `former`: 0 before the first. */
export function epochEntry(
  state: TeamState,
  keys: EpochKeys,
  former: number,
  device: DeviceIdentity,
  nowMs: number,
): LogResult<NextEntry> {
  return nextEntry(
    state,
    deviceAuthor(device),
    {
      kind: "epoch",
      epoch: keys.epoch,
      former,
      commitment: commitmentTo(keys),
      recipients: standingDevices(state, nowMs),
    },
    nowMs,
  );
}

/**
 * The keys of all epochs up to that of `newest`, by number, but for those that were left behind. `records`: by the number of the epoch that they belong to. Each
 * key is held against its commitment. "epoch-record": one is missing or not the team's.
 */
export function openEpochChain(
  state: TeamState,
  newest: EpochKeys,
  records: ReadonlyMap<number, Uint8Array>,
): Result<ReadonlyMap<number, Secret<Bytes>>, Fault<"epoch-record">> {
  const chain = new Map<number, Secret<Bytes>>();
  let keys: EpochKeys | null = isKeyOf(state, newest) ? newest : null;
  while (keys !== null) {
    chain.set(keys.epoch, keys.epochKey);
    const before = state.epochs[keys.epoch - 1]?.former;
    if (before === 0) return ok(chain);
    keys = openRecord(state, keys, before, records.get(keys.epoch));
  }
  return fail(
    "epoch-record",
    "The server does not give the team's older keys as they were made, so what was written before the last change of keys cannot be read yet. Nothing was changed. Ask who runs the server.",
  );
}

function openRecord(
  state: TeamState,
  keys: EpochKeys,
  before: number | undefined,
  record: Uint8Array | undefined,
): EpochKeys | null {
  if (before === undefined || record?.length !== EPOCH_RECORD_BYTES) return null;
  const open = openPart(keys.epoch);
  if (!equalBytes(record.subarray(0, OPEN_BYTES), open)) return null;
  const plain = unseal(record.subarray(OPEN_BYTES), context(keys, open), recordKey(keys));
  const former = plain && { team: keys.team, epoch: before, epochKey: new Secret(plain) };
  return former && isKeyOf(state, former) ? former : null;
}

function sealRecord(keys: EpochKeys, formerKey: Secret<Bytes>, random: Random): Bytes {
  const open = openPart(keys.epoch);
  return concatBytes(open, seal(formerKey.reveal(), context(keys, open), recordKey(keys), random));
}

function boxesFor(state: TeamState, keys: TeamKeys, nowMs: number, random: Random) {
  const boxes = new Map<string, Bytes>();
  for (const device of standingDevices(state, nowMs)) {
    const box = sealKeys(state, keys, device, nowMs, random);
    if (box.ok) boxes.set(device, box.value);
  }
  return boxes;
}

function recordKey({ team, epoch, epochKey }: EpochKeys): Secret<Bytes> {
  return deriveKey(epochKey, "epoch record key", id(teamTag(team)), number(epoch, 4));
}

function context({ team }: EpochKeys, open: Uint8Array): Bytes {
  return concatBytes(labelBytes("epoch record"), open, id(teamTag(team)));
}

function openPart(epoch: number): Bytes {
  return concatBytes(number(VERSION, 1), number(epoch, 4));
}
