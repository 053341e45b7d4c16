/**
 * What this machine remembers of account, teams and linked projects. Settings of the store: they are its person's own
 * consent, and never taken from a document.
 */
import type { ProjectId, TeamId } from "../base/ids.ts";
import { raise } from "../base/result.ts";
import { ACCOUNT_KEY, type Json } from "../store/settings.ts";
import type { TeamRow } from "./api.ts";

export interface AccountRecord {
  readonly url: string;
  /** The server's public key. */
  readonly key: string;
  readonly email: string;
  /** UUID. */
  readonly id: string;
}

export interface TeamRecord {
  readonly id: TeamId;
  readonly role: TeamRow["role"];
  /** The account it belongs to: `AccountRecord.id`. */
  readonly account: string;
  /** As its documents say, once they were read. */
  readonly name: string | null;
}

export interface LinkRecord {
  readonly team: TeamId;
  /** The cloud's name of the project: a UUID. */
  readonly cloudProject: string;
}

/** The store's settings, as far as they are needed here. Only this process writes them. */
export interface Settings {
  set(key: string, value: Json): Promise<void>;
  delete(key: string): Promise<void>;
  all(prefix: string): Promise<ReadonlyMap<string, Json>>;
}

export interface Membership {
  account(): AccountRecord | null;
  setAccount(account: AccountRecord | null): Promise<void>;
  /** Raises "signed-out". */
  requireAccount(): AccountRecord;
  /** The public id of the signed-in account's device here: no secret needs to be opened for it. Null: none yet, or nobody. */
  device(): string | null;
  setDevice(account: string, device: string): Promise<void>;
  /** Of the signed-in account. */
  teams(): readonly TeamRecord[];
  setTeam(team: TeamRecord): Promise<void>;
  /** Whether another account of this machine is in it, too. */
  othersIn(id: TeamId): boolean;
  /** Its projects are linked no more. What is here of it stays. */
  dropTeam(id: TeamId): Promise<void>;
  /** By id, a unique beginning of one, or name. Raises "no-team". */
  team(text: string): TeamRecord;
  /** The only one there is, when none is named. Raises "no-team". */
  onlyTeam(): TeamRecord;
  /** Of the signed-in account, too: another one's link is not its consent. */
  link(project: ProjectId): LinkRecord | null;
  /** All of them. */
  links(): readonly LinkRecord[];
  /** Raises "signed-out". */
  setLink(project: ProjectId, link: LinkRecord | null): Promise<void>;
}

const DEVICE = "device:";
const TEAM = "team:";
const LINK = "link:";

export async function openMembership(settings: Settings): Promise<Membership> {
  const held = new Map<string, unknown>();
  for (const prefix of [ACCOUNT_KEY, DEVICE, TEAM, LINK])
    for (const [key, value] of await settings.all(prefix)) held.set(key, value);
  const account = (): AccountRecord | null =>
    (held.get(ACCOUNT_KEY) as AccountRecord | undefined) ?? null;
  const under = <T>(prefix: string): readonly T[] =>
    [...held].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value as T);
  /** Null takes it away. */
  async function put(key: string, value: object | string | null): Promise<void> {
    if (value === null) await settings.delete(key);
    else await settings.set(key, value as Json);
    if (value === null) held.delete(key);
    else held.set(key, value);
  }
  // Two accounts may be in one team and link one project, each for itself: the account stands in both keys.
  const teams = (): readonly TeamRecord[] => under<TeamRecord>(`${TEAM}${account()?.id}:`);
  const linkKey = (of: string | undefined, project: ProjectId) => `${LINK}${of}:${project}`;

  function requireAccount(): AccountRecord {
    const known = account();
    if (known !== null) return known;
    raise(
      "signed-out",
      'Nobody is signed in on this machine, and it is an account that shares with a team. Nothing was changed: run "operon login" first.',
    );
  }

  return {
    account,
    setAccount: (next) => put(ACCOUNT_KEY, next),
    requireAccount,
    device: () => (held.get(DEVICE + account()?.id) as string | undefined) ?? null,
    async setDevice(of, device) {
      if (held.get(DEVICE + of) !== device) await put(DEVICE + of, device);
    },
    teams,
    setTeam: (team) => put(`${TEAM}${team.account}:${team.id}`, team),
    othersIn: (id) =>
      under<TeamRecord>(TEAM).some((team) => team.id === id && team.account !== account()?.id),
    async dropTeam(id) {
      const of = requireAccount().id;
      for (const [key, value] of held)
        if (key.startsWith(`${LINK}${of}:`) && (value as LinkRecord).team === id)
          await put(key, null);
      await put(`${TEAM}${of}:${id}`, null);
    },
    team(text) {
      const exact = teams().filter(({ id, name }) => id === text || name === text);
      const found = exact.length > 0 ? exact : teams().filter(({ id }) => id.startsWith(text));
      const [only] = found;
      if (only !== undefined && found.length === 1) return only;
      if (only !== undefined)
        raise(
          "ambiguous",
          `"${text}" fits ${found.length} teams. Give more of the id; operon team list shows them.`,
        );
      raise(
        "no-team",
        `This device is in no team "${text}". Nothing was done. operon team list shows its teams.`,
      );
    },
    onlyTeam() {
      const [only, ...more] = teams();
      if (only === undefined)
        raise(
          "no-team",
          "This device is in no team yet. operon team create NAME begins one, operon team join INVITE joins one.",
        );
      if (more.length > 0)
        raise(
          "ambiguous",
          "This device is in more than one team: say which with --team. operon team list shows them.",
        );
      return only;
    },
    link: (project) =>
      (held.get(linkKey(account()?.id, project)) as LinkRecord | undefined) ?? null,
    links: () => under<LinkRecord>(`${LINK}${account()?.id}:`),
    setLink: async (project, link) => put(linkKey(requireAccount().id, project), link),
  };
}
