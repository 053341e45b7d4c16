/**
 * The composition root: one engine over one profile.
 *
 * It owns the store for as long as it lives and answers the api; who hosts it (a command, a page's server, a window)
 * is not its business.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { DocId, SessionId, TeamId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { ok, raise, type Result } from "../base/result.ts";
import { openStore, type Store } from "../store/store.ts";
import type { SyncState as TeamSyncState } from "../sync/engine.ts";
import type { ApiClient, Input, Method, Output, Progress, Status } from "./api.ts";
import { createBeginning, type Step } from "./beginning.ts";
import { createBus } from "./bus.ts";
import { createCapturing } from "./capturing.ts";
import { createDecisions } from "./decisions.ts";
import { knownFault } from "./faults.ts";
import { gather } from "./gather.ts";
import { createHandlers } from "./handlers.ts";
import type { Host } from "./host.ts";
import { createLiveDocs } from "./livedocs.ts";
import { type KeptAlarms, openAlarms } from "./alarms.ts";
import { type Heard, openHeard } from "./heard.ts";
import { openMembership, type Membership } from "./membership.ts";
import { dispatch } from "./methods.ts";
import type { Env, Profile } from "./paths.ts";
import { createProjects } from "./projects.ts";
import { openSecrets } from "./secrets.ts";
import { createSeats } from "./seats.ts";
import { createSharing } from "./sharing.ts";
import { syncStateOf } from "./syncstate.ts";
import { createQueue } from "./tasks.ts";
import type { Teamwork } from "./teamwork.ts";
import { createTraces, sessionOfTrace } from "./traces.ts";
import type { Web } from "./web.ts";

export interface EngineOptions {
  readonly profile: Profile;
  /** Where agents' files are looked for; null: the user's own home. Absolute. */
  readonly home: string | null;
  readonly env: Env;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Engine {
  readonly client: ApiClient;
  readonly host: Host;
  /** Resolves when somebody asked it to end. */
  readonly stopped: Promise<void>;
  /** Sentences about the store a person should know. */
  readonly notices: readonly string[];
  /** From `folder`, the built interface. */
  serveWeb(folder: string): Promise<Web>;
  /** From now on it stays: captures as it happens, and syncs. */
  live(): void;
  /** Takes no more calls; resolves when those under way are answered. */
  finishCalls(): Promise<void>;
  close(): Promise<void>;
}

/** Faults are the store's: "locked" when another process owns the profile, "newer-version", "disk-full", … */
export async function openEngine(options: EngineOptions): Promise<Result<Engine>> {
  const { profile, clock, log } = options;
  const opened = await openStore({ folder: profile.folder, clock, log });
  if (!opened.ok) return opened;
  const store = opened.value;
  const refill = await mayLackSessions(profile.folder, store);
  const membership = await openMembership(store.settings);
  const kept = {
    membership,
    alarms: await openAlarms(store.settings, clock, membership),
    heard: await openHeard(store.settings, clock),
  };
  return ok(composeEngine(options, store, kept, refill));
}

/**
 * Whether the archive is to be asked for what this store does not have. Seen from what lies there and not remembered:
 * a process may end at any point between the loss of a database and the last session's return.
 */
async function mayLackSessions(folder: string, store: Store): Promise<boolean> {
  if (store.isSetAside) return true;
  return existsSync(join(folder, "archive")) && !(await store.capture.hasFiles());
}

interface Kept {
  readonly membership: Membership;
  readonly alarms: KeptAlarms;
  readonly heard: Heard;
}

function composeEngine(
  options: EngineOptions,
  store: Store,
  { membership, alarms, heard }: Kept,
  refill: boolean,
): Engine {
  const { profile, clock, random, log } = options;
  const notices = store.isSetAside ? [...store.notices, REFILLED] : store.notices;
  const bus = createBus();
  const secrets = openSecrets(profile.folder);
  const teamStates = new Map<TeamId, TeamSyncState>();
  const following = createQueue();
  const received = new Set<DocId>();
  const changed = gather(CHANGES_GATHER_MS, decisionsChanged);
  let looked: ReadonlySet<DocId> = new Set();
  let teamwork: Promise<Teamwork> | undefined;
  let web: Promise<Web> | undefined;
  /** Begins with the first search or import of this process; from then on each change is indexed as it comes. */
  let decisionsIndexed: Promise<void> | undefined;
  let stays = false;
  let closing = false;
  let statusTimer: NodeJS.Timeout | undefined;

  // ---- What is composed ----------------------------------------------------------------------------------------

  const docs = createLiveDocs({
    load: (id) => store.documents.load(id),
    append: (id, update) => store.documents.append(id, [update]),
    onChange: (id, _kind, update) => documentGrew(id, update.length),
    onLooks(ids) {
      looked = ids;
      teamwork?.then((work) => work.lookAt(ids)).catch(() => undefined);
    },
  });
  const beginning = createBeginning(log, statusChanged);
  const seats = createSeats({
    onPlace: (id, place) => {
      teamwork?.then((work) => work.moveTo(id, place)).catch(() => undefined);
    },
    self: () => membership.account()?.id.replaceAll("-", "") ?? null,
  });
  const traces = createTraces({
    store,
    clock,
    random,
    log,
    onGrown: (id, sizeBytes) => documentGrew(id, sizeBytes, true),
    onSessions: (ids) => inBackground(sessionsChanged(ids)),
    projectAt: (stream) => projects.at(stream),
    // Nobody can be asked before there was something to do online: local work loads none of it, and opens no secret.
    memberAt: async (team, device) => (await teamwork)?.memberAt(team, device) ?? null,
    account: () => membership.account()?.id ?? null,
    isHere: (device) => membership.device() === device,
  });
  const projects = createProjects({ store, membership, clock, random, onGrown: documentGrew });
  const sharing = createSharing(store, membership, traces, clock);
  const decisions = createDecisions({
    store,
    docs,
    clock,
    random,
    log,
    onCreated: (id, state) => documentGrew(id, state.length),
  });
  const capturing = createCapturing({
    folder: profile.folder,
    home: options.home,
    env: options.env,
    clock,
    log,
    fileStates: (agent) => store.capture.fileStates(agent),
    commit: (batches) => store.capture.commit(batches),
    countEvents: async () => (await store.views.counts()).events,
    onSessions: (ids) => inBackground(sessionsChanged(ids)),
    follow,
    onState: statusChanged,
  });

  function online(): Promise<Teamwork> {
    teamwork ??= import("./teamwork.ts").then(({ openTeamwork }) =>
      openTeamwork({
        account: membership.account(),
        teams: async () => membership.teams().map(({ id }) => id),
        store: store.sync,
        secrets,
        clock,
        random,
        log,
        onShown: docs.shown,
        onApplied: documentCame,
        onHeard: (team) => inBackground(heard.note(team)),
        onRetired: (docs) => inBackground(following.run(() => traces.takenBack(docs))),
        onHere: seats.here,
        onState: (team, state) => {
          teamStates.set(team, state);
          statusChanged();
        },
        onAlarms: (team, met, whole) => alarms.met(team, met, whole),
        onDevice: (account, device) => membership.setDevice(account, device),
      }),
    );
    teamwork
      .then((work) => {
        work.lookAt(looked);
        for (const [id, place] of seats.places()) work.moveTo(id, place);
      })
      .catch(() => (teamwork = undefined));
    return teamwork;
  }

  // ---- What follows from what ----------------------------------------------------------------------------------

  /** Something of this document was written here: windows and sync are told. */
  function documentGrew(id: DocId, sizeBytes: number, recorded = false): void {
    if (isDecision(id)) changed.add(id);
    teamwork?.then((work) => work.edited(id, sizeBytes, recorded)).catch(() => undefined);
  }

  /** Others' changes, kept already. */
  function documentCame(id: DocId, updates: readonly Bytes[]): void {
    docs.applied(id, updates);
    if (isDecision(id)) changed.add(id);
    if (received.has(id)) return;
    received.add(id);
    inBackground(
      following.run(async () => {
        received.delete(id);
        if (sessionOfTrace(id) !== null) await traces.received(id);
        else if (!isDecision(id)) await projects.received(id);
        statusChanged();
      }),
    );
  }

  function decisionsChanged(ids: readonly DocId[]): void {
    bus.push({ topic: "decisions", ids });
    if (decisionsIndexed === undefined) return;
    for (const id of ids) inBackground(following.run(() => decisions.index(id)));
  }

  async function sessionsChanged(ids: readonly SessionId[]): Promise<void> {
    if (ids.length === 0) return;
    bus.push({ topic: "sessions", ids });
    const revisions = new Map((await store.views.revisions(ids)).map(({ id, rev }) => [id, rev]));
    // Of one that is gone: none, so that who shows it asks for it.
    for (const id of ids) bus.push({ topic: "session", id, rev: revisions.get(id) ?? 0 });
    const account = membership.account();
    if (stays && account !== null) await following.run(() => sharing.claimRecent(account.id, ids));
    statusChanged();
  }

  /** What sessions lead to: shared traces, then search. */
  async function follow(
    changed: ReadonlySet<SessionId>,
    onProgress: (progress: Progress) => void,
  ): Promise<void> {
    if (changed.size > 0) await following.run(() => traces.catchUp(changed));
    await indexAll(onProgress);
  }

  async function indexAll(onProgress: (progress: Progress) => void): Promise<void> {
    changed.flush();
    decisionsIndexed ??= following.run(() => decisions.indexAll());
    decisionsIndexed.catch(() => (decisionsIndexed = undefined));
    await decisionsIndexed;
    await following.idle();
    for (let step = 1; !closing && (await store.search.catchUp()); step++) {
      onProgress({ done: step, total: 0, what: "Making it searchable, step" });
      await turn();
    }
  }

  function statusChanged(): void {
    if (closing || statusTimer !== undefined) return;
    statusTimer = setTimeout(() => {
      statusTimer = undefined;
      inBackground(status().then((now) => bus.push({ topic: "status", status: now })));
    }, STATUS_GATHER_MS);
    statusTimer.unref();
  }

  async function status(): Promise<Status> {
    return {
      version: options.version,
      profile: profile.name,
      dataFolder: profile.folder,
      account: membership.account()?.email ?? null,
      teams: membership.teams().map(({ id, name, role }) => ({ id, name: name ?? id, role })),
      capturing: capturing.agents(),
      capture: capturing.state(),
      sync: syncStateOf(
        // Of one that was left a last word may come late.
        new Map(
          [...teamStates].filter(([id]) => membership.teams().some((team) => team.id === id)),
        ),
        alarms.shown(),
      ),
      sessions: (await store.views.counts()).sessions,
      stays,
      notices: [...notices, ...beginning.notices(), ...capturing.notices()],
    };
  }

  function inBackground(work: Promise<unknown>): void {
    background.add(work);
    work
      .catch((error: unknown) => {
        if (closing) return;
        // What a person can do something about, the call that waits for it says too.
        const fault = knownFault(error);
        if (fault !== null) return log("warn", "background", { reason: fault.message });
        log("error", "background", {
          reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      })
      .finally(() => background.delete(work));
  }

  // ---- The api -------------------------------------------------------------------------------------------------

  const background = new Set<Promise<unknown>>();
  const calls = new Set<Promise<unknown>>();
  let askToStop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (askToStop = resolve));
  let refilled: Promise<void> | undefined;
  /** A store whose database was lost is whole again before anything is asked of it. */
  function whole(): Promise<void> {
    const filling = (refilled ??= refill ? capturing.refill(() => undefined) : Promise.resolve());
    filling.catch(() => (refilled = undefined));
    return filling;
  }
  void whole().catch(() => undefined);

  const handlers = createHandlers({
    store,
    membership,
    secrets,
    docs,
    decisions,
    projects,
    sharing,
    traces,
    capturing,
    profile,
    clock,
    random,
    version: options.version,
    online,
    status,
    indexAll,
    inOrder: (work) => following.run(work),
    settled: () => following.idle(),
    alarms,
    heard,
    statusChanged,
    accountChanged() {
      teamStates.clear();
      statusChanged();
    },
    teamLeft(team) {
      teamStates.delete(team);
      statusChanged();
    },
    goLive: async () => {
      if (stays) await (await online()).start();
    },
    address: async () => {
      if (!stays)
        raise(
          "not-staying",
          "This engine ends with its command. Run operon open when it has ended.",
        );
      const { builtInterface } = await import("./interface.ts");
      return (await serveWeb((await builtInterface()).folder)).newAddress();
    },
    stop: () => askToStop(),
  });

  async function call(
    method: string,
    input: unknown,
    context: Parameters<Host["call"]>[2],
  ): Promise<unknown> {
    if (closing) raise("engine-stopping", "The engine is ending. Nothing was done; run it again.");
    if (!stays) await whole();
    const answer = dispatch(handlers, method, input, context);
    calls.add(answer);
    try {
      return await answer;
    } finally {
      calls.delete(answer);
    }
  }

  const host: Host = {
    call,
    subscribe: bus.subscribe,
    openDocument: async (id, listener) =>
      seats.sit(id as DocId, await docs.open(id as DocId, listener), listener),
  };

  function serveWeb(folder: string): Promise<Web> {
    web ??= (async () => {
      const [{ serveWeb: serve }, { readWebFiles }] = await Promise.all([
        import("./web.ts"),
        import("./webfiles.ts"),
      ]);
      return serve({ folder: profile.folder, files: await readWebFiles(folder), host, clock, log });
    })();
    web.catch(() => (web = undefined));
    return web;
  }

  const steps: readonly Step[] = [
    {
      without: "Sessions that the database lost are not read again from the archive yet",
      work: whole,
    },
    { without: "What agents do is not captured yet", work: () => capturing.watch() },
    {
      without: "Shared sessions are not brought up to date yet",
      async work() {
        await following.run(() => sharing.reconcile());
        await following.run(() => traces.catchUp());
        await following.run(() => traces.receiveAll());
      },
    },
    { without: "Not everything can be searched yet", work: () => indexAll(() => undefined) },
    {
      without: "Syncing has not begun for every team yet",
      async work() {
        if (membership.account() !== null) await (await online()).start();
      },
    },
  ];

  return {
    host,
    stopped,
    notices,
    client: {
      call: <M extends Method>(
        method: M,
        input: Input<M>,
        onProgress?: (progress: Progress) => void,
      ) =>
        call(method, input, {
          local: true,
          onProgress: onProgress ?? (() => undefined),
        }) as Promise<Output<M>>,
      subscribe: bus.subscribe,
    },
    serveWeb,
    live() {
      stays = true;
      inBackground(beginning.run(steps));
    },
    async finishCalls() {
      closing = true;
      changed.flush();
      clearTimeout(statusTimer);
      await Promise.allSettled(calls);
    },
    async close() {
      closing = true;
      changed.close();
      clearTimeout(statusTimer);
      await closeAll([
        async () => (await web?.catch(() => undefined))?.close(),
        () => capturing.close(),
        async () => (await teamwork?.catch(() => undefined))?.close(),
        () => beginning.close(),
        () => following.idle(),
        () => Promise.allSettled(background),
        () => store.close(),
      ]);
    },
  };
}

/** In this order, each whatever became of those before. Throws what went wrong first. */
async function closeAll(parts: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failed: unknown[] = [];
  for (const close of parts) await close().catch((error: unknown) => failed.push(error));
  if (failed.length > 0) throw failed[0];
}

function isDecision(id: DocId): boolean {
  return id.startsWith("dec_");
}

const STATUS_GATHER_MS = 100;
const CHANGES_GATHER_MS = 200;
const REFILLED =
  "Its sessions were read again from the archive; decisions and settings are as they were.";
