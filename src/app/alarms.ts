/**
 * The alarms that a person has to have seen. Sync tells them when it meets them; here they stay, over restarts, one for one
 * event, until somebody says that they know. What lasts cannot be put away before it is over.
 */
import type { Clock } from "../base/clock.ts";
import type { TeamId } from "../base/ids.ts";
import { raise } from "../base/result.ts";
import type { Json } from "../store/settings.ts";
import type { Raised } from "../sync/alarms.ts";
import type { StreamRef } from "../sync/ports.ts";
import type { AlarmRow } from "./api.ts";
import type { Membership, Settings } from "./membership.ts";

const ALARM = "alarm:";
/** Of one team, unseen: a server can make no end of events, and they all say the same of it. */
const MOST_EVENTS = 200;

interface AlarmRecord extends Raised {
  readonly team: TeamId;
  readonly at: number;
  /** What it is about is so at this moment. */
  readonly now: boolean;
  readonly seen: boolean;
}

export interface KeptAlarms {
  /** What was met with this team. `whole`: all that an exchange met; what lasted before and is not among it is over. */
  met(team: TeamId, raised: readonly Raised[], whole: boolean): Promise<void>;
  /** Those to be shown, of the signed-in account's teams, the oldest first. */
  shown(): readonly AlarmRow[];
  /** Raises "no-such", "alarm-lasts". */
  acknowledge(id: string): Promise<void>;
  /** The stream that has to be read anew. Raises "no-such". */
  haltedBy(id: string): StreamRef;
  /** All of this team, what lasts too: nobody here is in it any more. */
  forget(team: TeamId): Promise<void>;
}

export async function openAlarms(
  settings: Settings,
  clock: Clock,
  membership: Pick<Membership, "teams">,
): Promise<KeptAlarms> {
  const held = new Map<string, AlarmRecord>();
  for (const [key, value] of await settings.all(ALARM))
    if (key.startsWith(ALARM)) held.set(key, value as unknown as AlarmRecord);

  async function put(key: string, record: AlarmRecord): Promise<void> {
    held.set(key, record);
    await settings.set(key, record as unknown as Json);
  }

  function unseen(team: TeamId): number {
    return [...held.values()].filter((one) => one.team === team && !one.seen).length;
  }

  /** Another account's are kept for it, and nobody else's business. */
  function own(): readonly (readonly [string, AlarmRecord])[] {
    const teams = new Set(membership.teams().map(({ id }) => id));
    return [...held].filter(([, { team }]) => teams.has(team));
  }

  function found(id: string): readonly [string, AlarmRecord] {
    const all = own().filter(([, record]) => !record.seen && record.id.startsWith(id));
    const [only] = all;
    if (only !== undefined && all.length === 1) return only;
    raise("no-such", `There is no open alarm "${id}". operon alarms shows them.`);
  }

  return {
    async met(team, raised, whole) {
      const met = new Map(raised.map((alarm) => [`${ALARM}${team}:${alarm.id}`, alarm]));
      for (const [key, record] of held)
        if (whole && record.team === team && record.now && !met.has(key))
          await put(key, { ...record, now: false });
      for (const [key, alarm] of met) {
        const before = held.get(key);
        // The same event again is no news; what had ended and is there again is.
        if (before !== undefined && (before.now || !alarm.lasting)) continue;
        if (!alarm.lasting && unseen(team) >= MOST_EVENTS) continue;
        await put(key, { ...alarm, team, at: clock.nowMs(), now: alarm.lasting, seen: false });
      }
    },
    shown: () =>
      own()
        .map(([, record]) => record)
        .filter(({ seen, now }) => !seen || now)
        .toSorted((a, b) => a.at - b.at)
        .map(({ id, words, at, now, halted }) => ({
          id,
          words,
          at,
          action: !now ? "acknowledge" : halted === null ? null : "restart",
        })),
    async acknowledge(id) {
      const [key, record] = found(id);
      if (record.now)
        raise(
          "alarm-lasts",
          "This is so at this very moment, so it cannot be put away. It says what to do.",
        );
      await put(key, { ...record, seen: true });
    },
    haltedBy(id) {
      const [, { halted, now }] = found(id);
      if (halted !== null && now) return halted;
      raise("no-such", "This alarm has stopped nothing, so there is nothing to be read anew.");
    },
    async forget(team) {
      for (const [key, record] of held) {
        if (record.team !== team) continue;
        held.delete(key);
        await settings.delete(key);
      }
    },
  };
}
