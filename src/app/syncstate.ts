/** One true word about sync, over all teams. */
import type { TeamId } from "../base/ids.ts";
import type { SyncState as TeamSyncState } from "../sync/engine.ts";
import type { SyncState } from "./api.ts";

/** The worst of them: an alarm, then no network, then work under way, then "verified" by the one heard of longest ago. */
export function syncStateOf(teams: ReadonlyMap<TeamId, TeamSyncState>): SyncState {
  const states = [...teams.values()];
  const waiting = states.reduce((sum, state) => sum + ("waiting" in state ? state.waiting : 0), 0);
  const alarms = states.flatMap((state) => (state.state === "alarm" ? state.alarms : []));
  if (alarms.length > 0) return { state: "alarm", alarms };
  const offline = states.find((state) => state.state === "offline");
  if (offline !== undefined)
    return { state: "offline", since: offline.since, waiting, reason: offline.reason };
  if (states.some((state) => state.state === "syncing")) return { state: "syncing", waiting };
  const times = states.flatMap((state) => (state.state === "verified" ? [state.at] : []));
  return times.length === 0
    ? { state: "local" }
    : { state: "verified", at: Math.min(...times), waiting };
}
