/**
 * The team log's one judge: a state and the bytes of the next entry give the next state, or the reason why not. Pure; it
 * reads no clock and never throws, whatever the bytes are.
 */
import type { TeamId } from "../../base/ids.ts";
import { ok } from "../../base/result.ts";
import { deviceId, SIGNATURE_BYTES, verify } from "../device.ts";
import { applyBody } from "./apply.ts";
import { decodeEntry, type Entry, entryHash, signedBytes, teamOf } from "./entry.ts";
import type { LogFault, LogResult } from "./fault.ts";
import { isUsableBoxKey } from "./box.ts";
import type { TeamState } from "./state.ts";
import { VALIDATORS } from "./validators/all.ts";
import { caseOf, deny } from "./validators/case.ts";

/** A clock further off than this is wrong: 24 hours. */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/** The team that a create entry founds. `team`: what it must be called. */
export function found(team: TeamId, bytes: Uint8Array): LogResult<TeamState> {
  const decoded = decodeEntry(bytes);
  if (!decoded.ok) return decoded;
  const fault = foundingFault(team, decoded.value, bytes);
  return fault === null ? ok(founded(team, decoded.value, bytes)) : { ok: false, fault };
}

/** The state after the next entry. `state` is not changed. */
export function reduce(state: TeamState, bytes: Uint8Array): LogResult<TeamState> {
  const decoded = decodeEntry(bytes);
  if (!decoded.ok) return decoded;
  const entry = decoded.value;
  const judged = caseOf(state, entry, bytes);
  for (const validator of Object.values(VALIDATORS)) {
    const fault = validator(judged);
    if (fault !== null) return { ok: false, fault };
  }
  const { head, timeMs } = judged;
  return ok({ ...applyBody(state, entry, head), head, timeMs });
}

/**
 * Whether an entry may be sent, or is believed when it comes as news: it fits (`reduce`), and the clock that wrote it is not
 * more than a day from `nowMs`. Never asked of entries that others have taken already: clocks differ, the log must not.
 */
export function appendable(
  state: TeamState,
  bytes: Uint8Array,
  nowMs: number,
): LogResult<TeamState> {
  const next = reduce(state, bytes);
  if (!next.ok) return next;
  const decoded = decodeEntry(bytes);
  return decoded.ok && Math.abs(decoded.value.atMs - nowMs) <= CLOCK_TOLERANCE_MS
    ? next
    : { ok: false, fault: deny("log-time", "its author's clock is more than a day off") };
}

function foundingFault(team: TeamId, entry: Entry, bytes: Uint8Array): LogFault | null {
  const { author, body, signature } = entry;
  if (body.kind !== "create" || teamOf(bytes) !== team)
    return deny("log-place", "it does not found this team");
  if (author.id !== deviceId(body)) return deny("log-author", "its author is not the founder");
  if (!verify(body.signKey, signedBytes(bytes.subarray(0, -SIGNATURE_BYTES)), signature))
    return deny("log-signature", "its signature is not the founder's");
  return isUsableBoxKey(body.boxKey)
    ? null
    : deny("log-device", "nothing can be sealed to the founder's key");
}

function founded(team: TeamId, { atMs, author, body }: Entry, bytes: Uint8Array): TeamState {
  if (body.kind !== "create") throw new Error("checked before");
  const { member, signKey, boxKey, person } = body;
  const device = {
    ...{ member, signKey, boxKey, kind: "ordinary" as const, expiresMs: null, person },
    ...{ since: 0, removed: null },
  };
  return {
    team,
    idKeyHash: body.idKeyHash,
    head: { n: 0, hash: entryHash(bytes) },
    timeMs: atMs,
    members: new Map([[member, { role: "owner", since: 0, removed: null }]]),
    devices: new Map([[author.id, device]]),
    invites: new Map(),
    epochs: [],
    rotationDue: false,
    access: new Map(),
    retired: [],
  };
}
