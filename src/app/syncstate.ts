/** One true word about sync, over all teams. */
import type { TeamId } from "../base/ids.ts";
import type { SyncState as TeamSyncState } from "../sync/engine.ts";
import type { AlarmRow, SyncState } from "./api.ts";

type States = ReadonlyMap<TeamId, TeamSyncState>;

/**
 * The worst of them: an alarm, then no network, then work under way, then "verified" by the one heard of longest ago.
 * `alarms`: those to be shown. They hide nothing of what waits.
 */
export function syncStateOf(teams: States, alarms: readonly AlarmRow[]): SyncState {
  const states = [...teams.values()];
  const waiting = states.reduce((sum, state) => sum + state.waiting, 0);
  if (alarms.length > 0) return { state: "alarm", alarms, waiting };
  const offline = states.find((state) => state.state === "offline");
  if (offline !== undefined)
    return { state: "offline", since: offline.since, waiting, reason: offline.reason };
  const syncing = states.filter((state) => state.state === "syncing");
  if (syncing.length > 0)
    return {
      state: "syncing",
      waiting,
      progress: syncing.find(({ progress }) => progress !== null)?.progress ?? null,
    };
  const times = states.flatMap((state) => ("at" in state ? [state.at] : []));
  return times.length === 0
    ? { state: "local" }
    : { state: "verified", at: Math.min(...times), waiting };
}
