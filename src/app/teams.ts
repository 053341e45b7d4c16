/** Teams as a person founds, enters and manages them: what `sync/team` does, with accounts, keychain and words. */
import type { Clock } from "../base/clock.ts";
import { localDay } from "../base/days.ts";
import type { TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { ok, type Result, unwrap } from "../base/result.ts";
import { Secret } from "../base/secret.ts";
import { normalEmail } from "../cloud/account.ts";
import type { Role } from "../crypto/log/body.ts";
import { parseTeamInvite } from "../crypto/log/invite.ts";
import { formatTeamSecret, type TeamKeys } from "../crypto/team.ts";
import type { Sync } from "../sync/engine.ts";
import type { SyncStore } from "../sync/ports.ts";
import { createTeam, type Entered, joinTeam, restoreTeam, type Seat } from "../sync/team/enter.ts";
import {
  type Fences,
  giveRole,
  invite,
  type Manager,
  printKit,
  remove,
  rename,
  takeBack,
} from "../sync/team/manage.ts";
import type { TeamServer } from "../sync/team/server.ts";
import type { Team } from "../sync/team/team.ts";
import { inviteOf, memberOf, type Roster, rosterOf, whomOf } from "./roster.ts";

export interface TeamsOptions {
  readonly store: Pick<SyncStore, "keepLog">;
  readonly clock: Clock;
  readonly random: Random;
  server(): TeamServer;
  /** This device and its account. */
  seat(): Promise<Seat>;
  syncOf(team: TeamId): Promise<Sync>;
  hold(keys: TeamKeys): Promise<void>;
  /** Whether keys of it are here. */
  holds(team: TeamId): Promise<boolean>;
}

export interface Teams {
  /** Takes about a second, as all that takes a passphrase: a key is made from it. */
  create(
    passphrase: string,
  ): Promise<{ readonly team: TeamId; readonly invite: string; readonly teamSecret: string }>;
  join(invite: string, passphrase: string): Promise<TeamId>;
  /** With a recovery kit, and no passphrase. */
  restore(kit: string): Promise<TeamId>;
  /** For another account, or, under the own address, for one further device of the account. */
  invite(team: TeamId, email: string, role: "admin" | "member"): Promise<string>;
  /** Up to the newest entry of the team's log. */
  roster(team: TeamId): Promise<Roster>;
  /** `whom`: as `whomOf`. */
  remove(team: TeamId, whom: string): Promise<void>;
  leave(team: TeamId): Promise<void>;
  /** A new key. `passphrase` null: the one in use stays. */
  rotate(team: TeamId, passphrase: string | null): Promise<void>;
  changePassphrase(team: TeamId, passphrase: string): Promise<void>;
  giveRole(team: TeamId, whom: string, role: Role): Promise<void>;
  renameDevice(team: TeamId, device: string, name: string): Promise<void>;
  takeBack(team: TeamId, invite: string): Promise<void>;
  printKit(team: TeamId): Promise<string>;
  /** Overrules disputes of snapshots. Answers of how many. */
  vouch(team: TeamId): Promise<number>;
}

export function createTeams(options: TeamsOptions): Teams {
  const { clock, random, hold } = options;
  const means = () => ({ server: options.server(), clock, random });

  async function keep({ keys, log }: Entered): Promise<void> {
    await options.store.keepLog(keys.team, log);
    await hold(keys);
  }

  async function enter(entered: Entered): Promise<TeamId> {
    await keep(entered);
    return entered.keys.team;
  }

  async function manage<T>(
    team: TeamId,
    work: (of: Team, manager: Manager, fences: Fences) => Promise<Result<T>>,
  ): Promise<T> {
    const sync = await options.syncOf(team);
    const { device } = await options.seat();
    const manager = { device, random, nowMs: () => clock.nowMs() };
    return unwrap(await sync.manage((of, fences) => work(of, manager, fences)));
  }

  /** After a crash between being listed and being told so, the invite is used up and the keys are here. */
  async function isIn(team: TeamId): Promise<boolean> {
    if (!(await options.holds(team))) return false;
    return (await (await options.syncOf(team)).manage(async () => ok(undefined))).ok;
  }

  return {
    async create(passphrase) {
      const made = unwrap(await createTeam(await options.seat(), new Secret(passphrase), means()));
      return {
        team: await enter(made),
        invite: made.invite.reveal(),
        teamSecret: formatTeamSecret(made.keys.teamSecret),
      };
    },
    async join(text, passphrase) {
      const seat = await options.seat();
      const joined = await joinTeam(text, new Secret(passphrase), seat, keep, means());
      if (joined.ok) return enter(joined.value);
      const parsed = parseTeamInvite(text);
      if (parsed.ok && joined.fault.type === "invite" && (await isIn(parsed.value.team)))
        return parsed.value.team;
      return unwrap(joined);
    },
    async restore(kit) {
      return enter(unwrap(await restoreTeam(kit, await options.seat(), keep, means())));
    },
    async invite(team, email, role) {
      const own = normalEmail((await options.seat()).person.email) === normalEmail(email);
      const text = await manage(team, (of, manager) =>
        own ? invite(of, "own", null, manager) : invite(of, role, normalEmail(email), manager),
      );
      return text.reveal();
    },
    async roster(team) {
      const { member, device } = await options.seat();
      const self = { member, device: device.id };
      return manage(team, async (of) => ok(rosterOf(of, self, clock.nowMs())));
    },
    remove: (team, whom) =>
      manage(team, (of, manager, fences) => {
        const { is, id } = whomOf(of, whom);
        return remove(
          of,
          is === "member"
            ? { kind: "remove-member", member: id }
            : { kind: "remove-device", device: id },
          fences,
          manager,
        );
      }),
    async leave(team) {
      const { member } = await options.seat();
      await manage(team, (of, manager, fences) =>
        remove(of, { kind: "remove-member", member }, fences, manager),
      );
    },
    rotate: (team, passphrase) =>
      manage(team, (of) => of.rotate(passphrase === null ? null : new Secret(passphrase))),
    changePassphrase: (team, passphrase) =>
      manage(team, (of) => of.changePassphrase(new Secret(passphrase))),
    giveRole: (team, whom, role) =>
      manage(team, (of, manager) => giveRole(of, memberOf(of, whom), role, manager)),
    async renameDevice(team, text, name) {
      const { person } = await options.seat();
      await manage(team, (of, manager) => {
        const { id } = whomOf(of, text);
        return rename(of, id, { name, email: person.email }, manager);
      });
    },
    takeBack: (team, text) =>
      manage(team, (of, manager) => takeBack(of, inviteOf(of, text), manager)),
    vouch: async (team) => unwrap(await (await options.syncOf(team)).vouch()),
    async printKit(team) {
      const { person } = await options.seat();
      const paper = { name: `recovery kit, ${localDay(clock.nowMs())}`, email: person.email };
      return (await manage(team, (of, manager) => printKit(of, paper, manager))).reveal();
    },
  };
}
