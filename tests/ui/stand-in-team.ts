/** Teams for the stand-in engine: what the real one would answer, without a log behind it. */
import type { Api, TeamDetail, TeamMember, TeamRow } from "../../src/app/api.ts";

const DAY_MS = 86_400_000;
const WORDS =
  "amber canyon fable harbor indigo jasmine kettle lantern marble nectar orbit pepper quartz river saddle timber".split(
    " ",
  );
export const KIT = "04CSK-7NQ2W-8HZ0B-R3YVD-K51TM-XG6PA-92FJE-4SWQC-B8N0H-Z7RKD-31VYT-M5GXP";

type TeamMethod =
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
  | "vouch";

/** `teams`: by id; the handlers change them. */
export function teamHandlers(
  teams: Map<string, TeamDetail>,
  onRows: (rows: readonly TeamRow[]) => void,
): Pick<Api, TeamMethod> {
  let suggested = 0;
  const found = (id: string | undefined): TeamDetail => {
    const team = id === undefined ? [...teams.values()][0] : teams.get(id);
    if (team === undefined) throw new Error("There is no such team here.");
    return team;
  };
  const tell = (): void =>
    onRows([...teams.values()].map(({ id, name, role }) => ({ id, name, role })));
  const change = (id: string | undefined, work: (team: TeamDetail) => TeamDetail): TeamDetail => {
    const team = work(found(id));
    const entry = team.entry + 1;
    const changed = { ...team, entry, words: wordsOf(entry) };
    teams.set(changed.id, changed);
    return changed;
  };
  const enter = (team: TeamDetail): { readonly team: string } => {
    teams.set(team.id, team);
    tell();
    return { team: team.id };
  };
  const invited = (team: TeamDetail, admits: "own" | "admin" | "member"): TeamDetail => ({
    ...team,
    invites: [
      ...team.invites,
      {
        id: `inv_${team.invites.length + 1}`,
        admits,
        by: own(team).email,
        expiresAt: Date.now() + 7 * DAY_MS,
      },
    ],
  });

  return {
    suggestPassphrase() {
      const from = suggested++ * 5;
      return {
        passphrase: Array.from({ length: 6 }, (_, i) => WORDS[(from + i) % 16]).join(" "),
      };
    },
    createTeam: ({ name }) => ({
      ...enter({ ...smallTeam(), id: "team_2", name }),
      invite: "operon2_abcdefgh",
      teamSecret: "amber canyon fable harbor indigo jasmine kettle lantern",
    }),
    joinTeam: () => enter({ ...smallTeam(), id: "team_3", name: "Lighthouse" }),
    restoreTeam: () => enter({ ...smallTeam(), id: "team_4", name: "Lighthouse" }),
    leaveTeam: ({ team }) => {
      teams.delete(found(team).id);
      tell();
      return { told: true };
    },
    forgetTeam: ({ team }) => {
      teams.delete(found(team).id);
      tell();
      return null;
    },
    teams: () => [...teams.values()],
    team: ({ team }) => found(team),
    inviteToTeam: ({ email, role = "member", team }) => {
      change(team, (of) => invited(of, email === own(of).email ? "own" : role));
      return { invite: "operon2_1nv1te" };
    },
    takeBackInvite: ({ invite, team }) =>
      change(team, (of) => ({ ...of, invites: of.invites.filter(({ id }) => id !== invite) })),
    removeFromTeam: ({ whom, team }) =>
      change(team, (of) => ({
        ...of,
        epoch: of.epoch + 1,
        invites: [],
        members: of.members
          .filter(({ id }) => id !== whom)
          .map((member) => ({
            ...member,
            devices: member.devices.filter(({ id }) => id !== whom),
          })),
      })),
    giveRole: ({ whom, role, team }) =>
      change(team, (of) => ({
        ...of,
        members: of.members.map((member) => (member.id === whom ? { ...member, role } : member)),
      })),
    renameDevice: ({ device, name, team }) =>
      change(team, (of) => ({
        ...of,
        members: of.members.map((member) => ({
          ...member,
          devices: member.devices.map((each) => (each.id === device ? { ...each, name } : each)),
        })),
      })),
    rotateTeam: ({ team }) =>
      change(team, (of) => ({ ...of, epoch: of.epoch + 1, invites: [], keyDue: false })),
    changePassphrase: ({ team }) => found(team),
    vouch: () => ({ vouched: 0 }),
    recoveryKit: ({ team }) => {
      change(team, (of) => ({
        ...of,
        members: of.members.map((member) =>
          member.you
            ? {
                ...member,
                devices: [
                  ...member.devices,
                  device("kit_1", "recovery kit, 2026-11-25", { kind: "recovery" }),
                ],
              }
            : member,
        ),
      }));
      return { kit: KIT };
    },
  };
}

/** Ada owns it; Ben is an admin, Cleo a member. */
export function smallTeam(nowMs = Date.now()): TeamDetail {
  return {
    id: "team_1",
    name: "Marmalade",
    role: "owner",
    words: wordsOf(14),
    entry: 14,
    heardAt: Date.UTC(2026, 10, 24, 9, 30),
    epoch: 3,
    keyDue: false,
    members: [
      member("ada", "owner", [
        device("ada_laptop", "ada on harbour", { here: true }),
        device("ada_desk", "ada on workshop"),
      ]),
      member("ben", "admin", [device("ben_1", "ben on tower")]),
      member("cleo", "member", [
        device("cleo_1", "cleo on lake"),
        device("cleo_ci", "builder 7", {
          kind: "ephemeral",
          expiresAt: nowMs + 5 * 3_600_000,
        }),
        device("cleo_kit", "recovery kit, 2026-10-02", { kind: "recovery" }),
      ]),
    ],
    invites: [
      {
        id: "inv_ben",
        admits: "member",
        by: "ben@example.org",
        expiresAt: nowMs + 3 * DAY_MS,
      },
      { id: "inv_own", admits: "own", by: "ada@example.org", expiresAt: nowMs + 6 * DAY_MS },
    ],
  };
}

/** The same as somebody else sees it. */
export function seenBy(team: TeamDetail, id: string): TeamDetail {
  const members = team.members.map((member) => ({
    ...member,
    you: member.id === id,
    devices: member.devices.map((each, index) => ({
      ...each,
      here: member.id === id && index === 0,
    })),
  }));
  return { ...team, role: members.find(({ you }) => you)?.role ?? "member", members };
}

/** Sixty people with three devices each, some with names that are too long. */
export function largeTeam(): TeamDetail {
  const long = "hyperconscientious.correspondent.of.the.northern.harbour";
  return {
    ...smallTeam(),
    name: "The harbour office and all of its neighbours on both shores of the northern inlet",
    members: Array.from({ length: 60 }, (_, n) => ({
      ...member(n === 0 ? "ada" : `person${n}`, n < 2 ? "owner" : n < 6 ? "admin" : "member", [
        device(`d${n}_1`, n === 0 ? `ada on ${long}`.replaceAll(".", "-") : `laptop ${n}`, {
          here: n === 0,
        }),
        device(`d${n}_2`, `tower ${n}`),
        device(`d${n}_3`, "recovery kit, 2026-10-02", { kind: "recovery" }),
      ]),
      ...(n === 3 && { email: `${long}.${n}@post.department-of-tides.example.org` }),
    })),
  };
}

function own(team: TeamDetail): TeamMember {
  return team.members.find(({ you }) => you) as TeamMember;
}

function member(id: string, role: TeamMember["role"], devices: TeamMember["devices"]): TeamMember {
  return { id, role, you: id === "ada", email: `${id}@example.org`, devices };
}

type Device = TeamMember["devices"][number];

function device(id: string, name: string, more: Partial<Device> = {}): Device {
  return { id, name, kind: "ordinary", here: false, expiresAt: null, ...more };
}

/** Others with every entry. */
function wordsOf(entry: number): readonly string[] {
  return Array.from({ length: 8 }, (_, i) => WORDS[(entry * 3 + i) % 16] as string);
}
