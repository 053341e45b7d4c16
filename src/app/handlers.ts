/** The api, method by method, over what the engine is composed of. */
import type { Clock } from "../base/clock.ts";
import type { ProjectId, TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { FaultError, raise } from "../base/result.ts";
import type { Store } from "../store/store.ts";
import type { SyncReport as TeamReport } from "../sync/engine.ts";
import type { KeptAlarms } from "./alarms.ts";
import type { Credentials, Progress, ProjectRow, SessionRow, Status, SyncReport } from "./api.ts";
import type { Capturing } from "./capturing.ts";
import type { Decisions } from "./decisions.ts";
import { examine } from "./doctor.ts";
import { readMadr } from "./export/madr-read.ts";
import type { LiveDocs } from "./livedocs.ts";
import type { Heard } from "./heard.ts";
import type { AccountRecord, Membership } from "./membership.ts";
import type { Handlers } from "./methods.ts";
import type { Profile } from "./paths.ts";
import type { Projects } from "./projects.ts";
import type { Secrets } from "./secrets.ts";
import type { Sharing } from "./sharing.ts";
import type { Teamwork } from "./teamwork.ts";
import { createTeamHandlers } from "./team-handlers.ts";
import type { Traces } from "./traces.ts";

export interface Parts {
  readonly store: Store;
  readonly membership: Membership;
  readonly secrets: Secrets;
  readonly docs: LiveDocs;
  readonly decisions: Decisions;
  readonly projects: Projects;
  readonly sharing: Sharing;
  readonly traces: Traces;
  readonly capturing: Capturing;
  readonly profile: Profile;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  online(): Promise<Teamwork>;
  status(): Promise<Status>;
  indexAll(onProgress: (progress: Progress) => void): Promise<void>;
  /** Work on traces, one after another. */
  inOrder<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when what came from others is where it is read. */
  settled(): Promise<void>;
  readonly alarms: KeptAlarms;
  readonly heard: Heard;
  statusChanged(): void;
  accountChanged(): void;
  teamLeft(team: TeamId): void;
  /** Syncs live, if this engine stays. */
  goLive(): Promise<void>;
  address(): Promise<string>;
  stop(): void;
}

export function createHandlers(parts: Parts): Handlers {
  const { store, membership, decisions, projects, sharing, traces, capturing, online } = parts;
  const { views } = store;

  async function session(text: string): Promise<SessionRow> {
    return views.session(await views.sessionId(text));
  }

  async function enter(how: "signUp" | "signIn", credentials: Credentials) {
    const account: AccountRecord = await (await online())[how](credentials);
    await membership.setAccount(account);
    parts.accountChanged();
    // What its sessions gained while somebody else was signed in, or nobody.
    await parts.inOrder(() => traces.catchUp());
    const claimed = await parts.inOrder(() => sharing.claimRecent(account.id, null));
    await parts.goLive();
    return { account: account.email, claimed };
  }

  async function leave(how: "signOut" | "signOutEverywhere"): Promise<null> {
    await (await online())[how]();
    await membership.setAccount(null);
    parts.accountChanged();
    return null;
  }

  /** As far as it goes: without a network it is for a later one. */
  async function syncQuietly(): Promise<void> {
    await sync().catch((error: unknown) => {
      if (!(error instanceof FaultError)) throw error;
    });
  }

  async function sync(): Promise<SyncReport> {
    const work = await online();
    await parts.inOrder(() => sharing.reconcile());
    await parts.inOrder(() => traces.catchUp());
    const results = await work.syncOnce();
    await parts.inOrder(() => traces.receiveAll());
    await parts.settled();
    const reports = results.flatMap(({ result }) => (result.ok ? [result.value] : []));
    const faults = results.flatMap(({ team, result }) =>
      result.ok ? [] : [{ team, fault: result.fault }],
    );
    const [first] = faults;
    if (first !== undefined && reports.length === 0) {
      const sentences = new Set(faults.map(({ fault }) => fault.message));
      throw new FaultError({ type: first.fault.type, message: [...sentences].join("\n") });
    }
    const names = new Map(membership.teams().map(({ id, name }) => [id, name]));
    const failed = faults.map(
      ({ team, fault }) => `The team "${names.get(team) ?? team}" was not synced. ${fault.message}`,
    );
    return joinReports(reports, failed);
  }

  async function link(projectText: string, teamText: string): Promise<ProjectRow> {
    const project = await projects.find(projectText);
    const team = membership.team(teamText);
    const id = project.id as ProjectId;
    if (membership.link(id)?.team === team.id) await agree(id, project.name);
    else {
      await syncQuietly();
      const known = await projects.cloudProjectNamed(team.id, project.name);
      const cloudProject = known ?? (await (await online()).createProject(team.id));
      await parts.inOrder(() => sharing.relink(id, { team: team.id, cloudProject }));
      if (known === null) {
        await projects.publishName({ team: team.id, project: cloudProject }, project.name);
        // So that who links it next on another device finds it; who did so at the same time takes the same one.
        await syncQuietly();
        await agree(id, project.name);
      }
    }
    await parts.inOrder(() => sharing.shareClaimed(id));
    return projects.find(project.id);
  }

  /** Two devices that link it at once make it twice: it is the first of all that the team has of this name. */
  async function agree(id: ProjectId, name: string): Promise<void> {
    const linked = membership.link(id);
    if (linked === null) return;
    const first = await projects.cloudProjectNamed(linked.team, name);
    if (first !== null && first !== linked.cloudProject)
      await parts.inOrder(() => sharing.move(id, { ...linked, cloudProject: first }));
  }

  async function streamFor(team: string | undefined, project: string | undefined) {
    if (team !== undefined)
      return { stream: { team: membership.team(team).id, project: null }, name: undefined };
    if (project === undefined) return { stream: null, name: undefined };
    const found = await projects.find(project);
    membership.requireAccount();
    const linked = membership.link(found.id as ProjectId);
    if (linked === null) {
      raise(
        "not-linked",
        `The project "${found.name}" is not linked to a team, so the decision has no team to go to. Nothing was saved. Link it first (operon project link ${found.id} --team TEAM), or leave --project out to keep it on this machine.`,
      );
    }
    return { stream: { team: linked.team, project: linked.cloudProject }, name: found.name };
  }

  return {
    status: () => parts.status(),
    import: ({ paths, home }, { onProgress }) => capturing.import(paths, home, onProgress),
    sessions: (filter) => views.sessions(filter),
    session: ({ id }) => session(id),
    events: async ({ session: text, since }) =>
      views.events(await views.sessionId(text), since ?? 0),
    traces: async ({ session: text }) => views.traces(await views.sessionId(text)),
    bodies: async ({ session: text, events }) => views.bodies(await views.sessionId(text), events),
    async search({ query, limit, session: sessionText, project, ...rest }, { onProgress }) {
      const within = {
        ...rest,
        ...(sessionText !== undefined && { session: await views.sessionId(sessionText) }),
        ...(project !== undefined && { project: await views.projectId(project) }),
      };
      await parts.indexAll(onProgress);
      return views.search(query, limit ?? 50, within);
    },
    usage: async ({ by, session: text, zone }) =>
      views.usage(by, text === undefined ? null : await views.sessionId(text), zone),
    projects: () => projects.list(),
    linkProject: ({ project, team }) => link(project, team),
    async unlinkProject({ project }) {
      const found = await projects.find(project);
      await parts.inOrder(() => sharing.relink(found.id as ProjectId, null));
      return projects.find(found.id);
    },
    decisions: () => decisions.list(),
    decision: ({ id }) => decisions.get(id),
    async newDecision({ team, project, ...fields }) {
      const { stream, name } = await streamFor(team, project);
      return decisions.create({ ...fields, ...(name !== undefined && { project: name }) }, stream);
    },
    async importDecision({ text, team, project }) {
      const read = readMadr(text);
      if (read === null)
        raise(
          "no-title",
          "This file has no title, a line that begins with one #, so it is no decision record. Nothing was saved.",
        );
      const { stream, name } = await streamFor(team, project);
      return { decision: await decisions.take(read.decision, name, stream), notes: read.notes };
    },
    editDecision: ({ id, ...fields }) => decisions.edit(id, fields),
    signup: (credentials) => enter("signUp", credentials),
    login: (credentials) => enter("signIn", credentials),
    logout: () => leave("signOut"),
    logoutEverywhere: () => leave("signOutEverywhere"),
    async setPassword({ current, password }) {
      await (await online()).setPassword(current, password);
      return null;
    },
    ...createTeamHandlers({ ...parts, syncQuietly }),
    async share({ sessions }) {
      const rows: SessionRow[] = [];
      for (const text of sessions) rows.push(await session(text));
      return { shared: await parts.inOrder(() => sharing.share(rows)) };
    },
    async unshare({ sessions }) {
      const rows: SessionRow[] = [];
      for (const text of sessions) rows.push(await session(text));
      return { withdrawn: await parts.inOrder(() => sharing.unshare(rows)) };
    },
    sync,
    alarms: () => parts.alarms.shown(),
    async acknowledgeAlarm({ id }) {
      await parts.alarms.acknowledge(id);
      parts.statusChanged();
      return parts.alarms.shown();
    },
    async restartAfterAlarm({ id }) {
      await (await online()).restart(parts.alarms.haltedBy(id));
      await parts.settled();
      return parts.alarms.shown();
    },
    doctor: () => examine(parts),
    address: async () => ({ url: await parts.address() }),
    stop() {
      parts.stop();
      return null;
    },
  };
}

function joinReports(reports: readonly TeamReport[], failed: readonly string[]): SyncReport {
  return {
    pushed: reports.reduce((sum, { pushed }) => sum + pushed, 0),
    pulled: reports.reduce((sum, { pulled }) => sum + pulled, 0),
    head: Object.assign({}, ...reports.map(({ head }) => head)) as SyncReport["head"],
    verified: failed.length === 0 && reports.every(({ verified }) => verified),
    alarms: reports.flatMap(({ alarms }) => alarms.map(({ words }) => words)),
    failed,
  };
}
