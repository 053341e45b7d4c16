/** The api's methods about teams. */
import type { TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { generatePassphrase } from "../crypto/passphrase.ts";
import { FaultError, raise } from "../base/result.ts";
import type { KeptAlarms } from "./alarms.ts";
import type { TeamDetail } from "./api.ts";
import type { Heard } from "./heard.ts";
import type { Membership } from "./membership.ts";
import type { Handlers } from "./methods.ts";
import type { Projects } from "./projects.ts";
import type { Teams } from "./teams.ts";
import type { Teamwork } from "./teamwork.ts";

export interface TeamHandlerParts {
  readonly membership: Membership;
  readonly projects: Projects;
  readonly heard: Heard;
  readonly alarms: Pick<KeptAlarms, "forget">;
  readonly random: Random;
  online(): Promise<Teamwork>;
  /** Syncs live, if this engine stays. */
  goLive(): Promise<void>;
  /** Once; what fails is tried again later. */
  syncQuietly(): Promise<void>;
  teamLeft(team: TeamId): void;
}

/** This device or its account is not in it any more, whoever ended that: there is nothing to be left. */
const OUT: ReadonlySet<string> = new Set(["removed", "not-a-member"]);

type TeamHandlers = Pick<
  Handlers,
  | "suggestPassphrase"
  | "createTeam"
  | "joinTeam"
  | "restoreTeam"
  | "leaveTeam"
  | "forgetTeam"
  | "teams"
  | "team"
  | "inviteToTeam"
  | "takeBackInvite"
  | "removeFromTeam"
  | "giveRole"
  | "renameDevice"
  | "rotateTeam"
  | "changePassphrase"
  | "recoveryKit"
  | "vouch"
>;

export function createTeamHandlers(parts: TeamHandlerParts): TeamHandlers {
  const { membership, projects, heard, online, goLive, syncQuietly } = parts;

  const chosen = (text: string | undefined): TeamId =>
    (text === undefined ? membership.onlyTeam() : membership.team(text)).id;

  /** The role is kept, for what is shown without asking. */
  async function detail(id: TeamId): Promise<TeamDetail> {
    const roster = await (await online()).teams.roster(id);
    const record = membership.team(id);
    if (record.role !== roster.role) await membership.setTeam({ ...record, role: roster.role });
    return { ...roster, id, name: record.name ?? id, heardAt: heard.at(id) };
  }

  async function change(
    text: string | undefined,
    work: (teams: Teams, id: TeamId) => Promise<void>,
  ): Promise<TeamDetail> {
    const id = chosen(text);
    await work((await online()).teams, id);
    return detail(id);
  }

  /** Whether the team was told: who is out already has nothing to tell. */
  async function leave(id: TeamId): Promise<boolean> {
    try {
      await (await online()).teams.leave(id);
      return true;
    } catch (error) {
      const type = error instanceof FaultError ? error.fault.type : null;
      if (type !== null && OUT.has(type)) return false;
      if (type === "log-owner" && (await detail(id)).members.length === 1)
        raise(
          "last-member",
          `You are the only member of this team, so there is nobody to be told that you leave. Nothing was changed. This device can forget the team instead: operon team forget ${id}. Its keys are gone from here then, and without another device of yours or a recovery kit nobody can ever read what lies on the server. What is on this machine stays here.`,
        );
      throw error;
    }
  }

  async function forget(id: TeamId): Promise<void> {
    const others = membership.othersIn(id);
    await (await online()).forget(id, others);
    await membership.dropTeam(id);
    if (!others) await parts.alarms.forget(id);
    parts.teamLeft(id);
  }

  async function entered(id: TeamId): Promise<{ readonly team: string }> {
    const name = membership.teams().find((team) => team.id === id)?.name ?? null;
    // Known before anything of it is read: what a team is called stands in a document of its own.
    const account = membership.requireAccount().id;
    await membership.setTeam({ id, role: "member", account, name });
    await detail(id);
    await syncQuietly();
    await goLive();
    return { team: id };
  }

  return {
    suggestPassphrase: () => ({
      passphrase: generatePassphrase(parts.random).passphrase.reveal(),
    }),
    async createTeam({ name, passphrase }) {
      const made = await (await online()).teams.create(passphrase);
      const account = membership.requireAccount().id;
      await membership.setTeam({ id: made.team, role: "owner", account, name });
      await projects.publishName({ team: made.team, project: null }, name);
      // So that who joins next sees the name.
      await syncQuietly();
      await goLive();
      return made;
    },
    joinTeam: async ({ invite, passphrase }) =>
      entered(await (await online()).teams.join(invite, passphrase)),
    restoreTeam: async ({ kit }) => entered(await (await online()).teams.restore(kit)),
    async leaveTeam({ team }) {
      const id = chosen(team);
      const told = await leave(id);
      await forget(id);
      return { told };
    },
    async forgetTeam({ team }) {
      await forget(membership.team(team).id);
      return null;
    },
    teams: () => membership.teams().map(({ id, name, role }) => ({ id, name: name ?? id, role })),
    team: ({ team }) => detail(chosen(team)),
    inviteToTeam: async ({ email, team, role = "member" }) => ({
      invite: await (await online()).teams.invite(chosen(team), email, role),
    }),
    takeBackInvite: ({ invite, team }) => change(team, (teams, id) => teams.takeBack(id, invite)),
    removeFromTeam: ({ whom, team }) => change(team, (teams, id) => teams.remove(id, whom)),
    giveRole: ({ whom, role, team }) => change(team, (teams, id) => teams.giveRole(id, whom, role)),
    renameDevice: ({ device, name, team }) =>
      change(team, (teams, id) => teams.renameDevice(id, device, name)),
    rotateTeam: ({ passphrase = null, team }) =>
      change(team, (teams, id) => teams.rotate(id, passphrase)),
    changePassphrase: ({ passphrase, team }) =>
      change(team, (teams, id) => teams.changePassphrase(id, passphrase)),
    vouch: async ({ team }) => ({ vouched: await (await online()).teams.vouch(chosen(team)) }),
    recoveryKit: async ({ team }) => ({
      kit: await (await online()).teams.printKit(chosen(team)),
    }),
  };
}
