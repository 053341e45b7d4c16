/**
 * The composition root: one engine over one profile.
 *
 * It owns the store for as long as it lives and answers the api; who hosts it (a command, a page's server, a window)
 * is not its business.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { DocId, ProjectId, SessionId, TeamId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { ok, raise, type Result } from "../base/result.ts";
import { AGENT_IDS } from "../base/session.ts";
import type { DocKind } from "../crdt/documents.ts";
import { openStore, type Store } from "../store/store.ts";
import type { SyncState as TeamSyncState } from "../sync/engine.ts";
import type { ApiClient, Progress, Status, SyncReport } from "./api.ts";
import { createBus } from "./bus.ts";
import { createCapturing } from "./capturing.ts";
import { createDecisions } from "./decisions.ts";
import { doctor } from "./doctor.ts";
import type { Host } from "./host.ts";
import { createLiveDocs } from "./livedocs.ts";
import { createMembership } from "./membership.ts";
import { dispatch, type Handlers } from "./methods.ts";
import type { Env, Profile } from "./paths.ts";
import { openSecrets } from "./secrets.ts";
import { createSharing } from "./sharing.ts";
import { syncStateOf } from "./syncstate.ts";
import type { Teamwork } from "./teamwork.ts";
import { createTraces } from "./traces.ts";
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
  const { profile, clock, random, log } = options;
  const opened = await openStore({ folder: profile.folder, clock, random, log });
  if (!opened.ok) return opened;
  return ok(composeEngine(options, opened.value));
}

function composeEngine(options: EngineOptions, store: Store): Engine {
  const { profile, clock, random, log } = options;
  const bus = createBus();
  const secrets = openSecrets(profile.folder);
  const membership = createMembership(store.settings);
  const teamStates = new Map<TeamId, TeamSyncState>();
  const follower = createQueue();
  let teamwork: Promise<Teamwork> | undefined;
  let web: Promise<Web> | undefined;
  let stays = false;

  const docs = createLiveDocs({
    load: (id) => store.documents.load(id),
    append: (id, update) => store.documents.append(id, update),
    onChange: (id, kind, update) => documentGrew(id, kind, update.length),
  });
  const traces = createTraces({
    store,
    clock,
    random,
    onGrown: (id, sizeBytes) => documentGrew(id, "trace", sizeBytes),
    onSessions: (ids) => void sessionsChanged(ids),
    memberAt: async (team, device) => (await online()).memberAt(team, device),
  });
  const sharing = createSharing(store, membership, traces, clock);
  const decisions = createDecisions({
    store,
    docs,
    clock,
    random,
    onCreated: (id, state) => documentGrew(id, "decision", state.length),
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
    onSessions: (ids) => void sessionsChanged(ids),
    follow,
    onState: statusChanged,
  });
}
