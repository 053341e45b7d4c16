/**
 * A log as a server lists it, held against what was pinned.
 *
 * The server cannot judge entries, so its list may hold some that do not fit: garbage, or one that lost the race for its
 * place. They are left out, by every device alike. That gives nobody a power: an entry that fits names the one before it, so
 * who leaves out (or hides, or puts elsewhere) a good one only makes everything after it not fit.
 */
import { equalBytes, toHex } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import { ok } from "../../base/result.ts";
import { entryHash, type Head } from "./entry.ts";
import type { ForkFault, LogFault, LogResult } from "./fault.ts";
import { found, reduce } from "./reducer.ts";
import type { TeamState } from "./state.ts";

export interface Followed {
  readonly state: TeamState;
  /** The entries that fit, by their numbers in the log: what a device keeps. */
  readonly taken: readonly Uint8Array[];
  /** The places in the list of those that do not, and why. */
  readonly leftOut: readonly { readonly place: number; readonly fault: LogFault }[];
}

/**
 * The state after all that fits, from the create entry (the first of the list) on. `pinned`: the newest place that this
 * device has believed, or the one in an invite; null only where there was never one. "log-rollback": the log ends before it.
 * "log-fork": it is a valid history, and another one than the pinned. Any other fault: the list does not found this team.
 */
export function replay(
  team: TeamId,
  listed: readonly Uint8Array[],
  pinned: Head | null,
): LogResult<Followed> {
  const [first, ...rest] = listed;
  if (first === undefined) return { ok: false, fault: rollback(pinned?.n ?? 0, 0) };
  const begun = found(team, first);
  if (!begun.ok) return begun;
  const { state, taken, leftOut } = follow(begun.value, rest);
  const all = [first, ...taken];
  const fault = pinned && pinFault(all, pinned);
  if (fault) return { ok: false, fault };
  return ok({
    state,
    taken: all,
    leftOut: leftOut.map(({ place, fault: why }) => ({ place: place + 1, fault: why })),
  });
}

/** The state after what fits of the entries listed behind those of `state`. */
export function follow(state: TeamState, listed: readonly Uint8Array[]): Followed {
  const taken: Uint8Array[] = [];
  const leftOut: { place: number; fault: LogFault }[] = [];
  let newest = state;
  for (const [place, bytes] of listed.entries()) {
    const next = reduce(newest, bytes);
    if (next.ok) {
      newest = next.value;
      taken.push(bytes);
    } else leftOut.push({ place, fault: next.fault });
  }
  return { state: newest, taken, leftOut };
}

function pinFault(taken: readonly Uint8Array[], pinned: Head): LogFault | null {
  const shown = taken[pinned.n];
  if (shown === undefined) return rollback(pinned.n, taken.length);
  const hash = entryHash(shown);
  return equalBytes(hash, pinned.hash) ? null : fork(pinned.n, pinned.hash, hash);
}

function fork(n: number, held: Uint8Array, shown: Uint8Array): ForkFault {
  return {
    type: "log-fork",
    message: `The server shows two histories of this team that differ at entry ${n}, so its members may not see the same people in it. Nothing was changed here. Compare the safety words with the others.`,
    n,
    held: toHex(held),
    shown: toHex(shown),
  };
}

function rollback(pinned: number, shownEntries: number): LogFault {
  return {
    type: "log-rollback",
    message: `The server shows an older state of this team than this device has seen: ${shownEntries} entries, where there were at least ${pinned + 1}. Nothing was changed here. Ask who runs the server.`,
    pinned,
    shownEntries,
  };
}
