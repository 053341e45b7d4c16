/**
 * When something of others last came, by team. A server that withholds the newest rows cannot be told from people who are
 * silent; what a person can see is since when.
 */
import type { Clock } from "../base/clock.ts";
import type { TeamId } from "../base/ids.ts";
import type { Settings } from "./membership.ts";

const HEARD = "heard:";
/** How exact it is after a restart. */
const KEPT_EVERY_MS = 60_000;

export interface Heard {
  note(team: TeamId): Promise<void>;
  /** Milliseconds since 1970; null: never. */
  at(team: TeamId): number | null;
}

export async function openHeard(settings: Settings, clock: Clock): Promise<Heard> {
  const held = new Map<string, number>();
  const kept = new Map<string, number>();
  for (const [key, value] of await settings.all(HEARD))
    if (key.startsWith(HEARD)) held.set(key, value as number);
  return {
    async note(team) {
      const now = clock.nowMs();
      const key = HEARD + team;
      held.set(key, now);
      if (now - (kept.get(key) ?? 0) < KEPT_EVERY_MS) return;
      kept.set(key, now);
      await settings.set(key, now);
    },
    at: (team) => held.get(HEARD + team) ?? null,
  };
}
