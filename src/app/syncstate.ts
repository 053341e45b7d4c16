/** One true word about sync, over all teams. */
import type { TeamId } from "../base/ids.ts";
import type { SyncState as TeamSyncState } from "../sync/engine.ts";
import type { SyncState } from "./api.ts";

type States = ReadonlyMap<TeamId, TeamSyncState>;

/**
 * The worst of them: an alarm, then no network, then work under way, then "verified" by the one heard of longest ago.
 * `pending` tells what a team has to send: an alarm does not say it, and hides none of it.
 */
export async function syncStateOf(
  teams: States,
  pending: (team: TeamId) => Promise<readonly unknown[]>,
): Promise<SyncState> {
  const states = [...teams.values()];
  const waiting = await waitingIn(teams, pending);
  const alarms = states.flatMap((state) => (state.state === "alarm" ? state.alarms : []));
  if (alarms.length > 0) return { state: "alarm", alarms, waiting };
  const offline = states.find((state) => state.state === "offline");
  if (offline !== undefined)
    return { state: "offline", since: offline.since, waiting, reason: offline.reason };
  if (states.some((state) => state.state === "syncing")) return { state: "syncing", waiting };
  const times = states.flatMap((state) => (state.state === "verified" ? [state.at] : []));
  return times.length === 0
    ? { state: "local" }
    : { state: "verified", at: Math.min(...times), waiting };
}

async function waitingIn(
  teams: States,
  pending: (team: TeamId) => Promise<readonly unknown[]>,
): Promise<number> {
  let waiting = 0;
  for (const [team, state] of teams)
    waiting += "waiting" in state ? state.waiting : (await pending(team)).length;
  return waiting;
}
