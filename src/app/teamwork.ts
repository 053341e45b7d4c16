/**
 * All that needs a server: the account, the teams' keys, and sync. Loaded when it is first needed, because most commands
 * never do, and its libraries take longer to load than those commands run.
 */
import { hostname, userInfo } from "node:os";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { DocId, TeamId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { ok, raise, unwrap, type Result } from "../base/result.ts";
import { Secret } from "../base/secret.ts";
import {
  changePassword,
  currentAccount,
  signIn,
  signOut,
  signOutEverywhere,
  signUp,
} from "../cloud/account.ts";
import { connect, type Connection, sessionName } from "../cloud/connection.ts";
import { createProject } from "../cloud/projects.ts";
import type { SecretStore } from "../cloud/secret-store.ts";
import { createTransport } from "../cloud/transport.ts";
import { createDevice, packDevice, unpackDevice, type DeviceIdentity } from "../crypto/device.ts";
import { packTeamKeys, unpackTeamKeys, type TeamKeys } from "../crypto/team.ts";
import { createSync, type Sync, type SyncReport, type SyncState } from "../sync/engine.ts";
import type { Raised } from "../sync/alarms.ts";
import type { Here } from "../sync/looks.ts";
import type { StreamRef, SyncStore } from "../sync/ports.ts";
import type { Place } from "../sync/presence.ts";
import type { Seat } from "../sync/team/enter.ts";
import type { Credentials } from "./api.ts";
import { knownFault } from "./faults.ts";
import type { AccountRecord } from "./membership.ts";
import type { Secrets } from "./secrets.ts";
import { createTeams, type Teams } from "./teams.ts";

export interface TeamworkOptions {
  readonly account: AccountRecord | null;
  /** Teams this device holds keys of, as far as they belong to the account. */
  teams(): Promise<readonly TeamId[]>;
  readonly store: SyncStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Others' changes, authentic and not kept yet. */
  readonly onShown: (doc: DocId, updates: readonly Bytes[]) => void;
  /** The same, kept. */
  readonly onApplied: (doc: DocId, updates: readonly Bytes[]) => void;
  /** Something of others came. */
  readonly onHeard: (team: TeamId) => void;
  /** Documents that somebody took back. */
  readonly onRetired: (docs: readonly DocId[]) => void;
  /** Who else looks at a document from now on, and where they are in it: all of them, each time. */
  readonly onHere: (doc: DocId, here: readonly Here[]) => void;
  readonly onState: (team: TeamId, state: SyncState) => void;
  /** What an exchange met, nothing most often; before `onState`. */
  readonly onAlarms: (team: TeamId, alarms: readonly Raised[], whole: boolean) => Promise<void>;
  /** The account's device here, each time its keys were opened; before anything is written in its name. */
  readonly onDevice: (account: string, device: string) => Promise<void>;
}

export interface Teamwork {
  signUp(credentials: Credentials): Promise<AccountRecord>;
  signIn(credentials: Credentials): Promise<AccountRecord>;
  signOut(): Promise<void>;
  /** Throws, and changes nothing, when the server cannot be told. */
  signOutEverywhere(): Promise<void>;
  setPassword(current: string, next: string): Promise<void>;
  readonly teams: Teams;
  /** The cloud's name of a new project. */
  createProject(team: TeamId): Promise<string>;
  /** Every team once, one after another. */
  syncOnce(): Promise<readonly { readonly team: TeamId; readonly result: Result<SyncReport> }[]>;
  /** From now on, as things change. Teams that come later too. Rejects when it is to be tried again for some of them. */
  start(): Promise<void>;
  /** `recorded`: of a document in which nobody types. */
  edited(doc: DocId, sizeBytes: number, recorded?: boolean): void;
  /** These documents are looked at from now on, and no others. */
  lookAt(docs: ReadonlySet<DocId>): void;
  /** Where the person here is in one of them. */
  moveTo(doc: DocId, place: Place): void;
  /** Reads a stream anew, because a person decided so. */
  restart(stream: StreamRef): Promise<void>;
  /** Nothing of it is synced any more, and its keys are gone from here, unless they are still somebody's. */
  forget(team: TeamId, keepKeys: boolean): Promise<void>;
  /** The member at a device, in words; null when the team does not know it. */
  memberAt(team: TeamId, device: string): Promise<string | null>;
  close(): Promise<void>;
}

export async function openTeamwork(options: TeamworkOptions): Promise<Teamwork> {
  const { secrets, clock, random } = options;
  let account = options.account;
  let connection: Connection | null = null;
  let live = false;
  let looked: ReadonlySet<DocId> = new Set();
  const places = new Map<DocId, Place>();
  const syncs = new Map<TeamId, Sync>();
  /** By account. */
  const devices = new Map<string, Promise<DeviceIdentity>>();

  /** Raises "signed-out" when there is none. */
  function signedIn(): AccountRecord {
    if (account !== null) return account;
    raise(
      "signed-out",
      'Nobody is signed in on this machine. Run "operon signup" or "operon login" first; nothing was sent.',
    );
  }

  /** To the account's server. */
  function online(): Connection {
    const { url, key } = signedIn();
    connection ??= unwrap(connect({ url, key, secrets, clock }));
    return connection;
  }

  /** Each account has its own: a team lists a device for one account, and takes its rows from no other. */
  function deviceHere(): Promise<DeviceIdentity> {
    const { id } = signedIn();
    const device = devices.get(id) ?? openDevice(id);
    devices.set(id, device);
    device.catch(() => devices.delete(id));
    return device;
  }

  async function openDevice(of: string): Promise<DeviceIdentity> {
    const device = await loadDevice(of, secrets, random);
    await options.onDevice(of, device.id);
    return device;
  }

  async function enter(
    how: typeof signUp,
    { url, key, email, password }: Credentials,
  ): Promise<AccountRecord> {
    // On nothing stored, so that an attempt that fails changes nothing of who is signed in.
    const tried = new Map<string, string>();
    const trial = unwrap(connect({ url, key, secrets: inMemory(tried), clock }));
    const entered = await how(trial, email, new Secret(password));
    await trial.close();
    const { id, email: known } = unwrap(entered);
    await leave();
    for (const [name, value] of tried) await secrets.set(name, value);
    const left = account === null ? null : sessionName(account.url);
    if (left !== null && !tried.has(left)) await secrets.delete(left);
    account = { url, key, email: known, id };
    return account;
  }

  async function leave(): Promise<void> {
    for (const sync of syncs.values()) await sync.stop();
    syncs.clear();
    await connection?.close();
    connection = null;
  }

  async function keysOf(team: TeamId): Promise<TeamKeys> {
    const packed = await secrets.get(keyName(team));
    if (packed !== null) return unpackTeamKeys(new Secret(packed));
    raise(
      "no-keys",
      `This device has no key of the team ${team}, so nothing of it can be read or sent. Your own data is not touched. Join again with an invite: operon team join INVITE.`,
    );
  }

  async function syncOf(team: TeamId): Promise<Sync> {
    const running = syncs.get(team);
    if (running !== undefined) return running;
    const sync = createSync({
      store: options.store,
      transport: createTransport(online()),
      keys: await keysOf(team),
      keepKeys: hold,
      device: await deviceHere(),
      clock,
      random,
      log: options.log,
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
      onShown: options.onShown,
      onApplied: (doc, updates) => {
        options.onHeard(team);
        options.onApplied(doc, updates);
      },
      onRetired: options.onRetired,
      onHere: options.onHere,
      onAlarms: (alarms, whole) => options.onAlarms(team, alarms, whole),
      onState: (state) => options.onState(team, state),
    });
    const earlier = syncs.get(team);
    if (earlier !== undefined) return earlier;
    syncs.set(team, sync);
    sync.lookAt(looked);
    for (const [doc, place] of places) sync.moveTo(doc, place);
    if (live) sync.start();
    return sync;
  }

  /** What keeps one team from being synced keeps no other. */
  async function opened(team: TeamId): Promise<Result<Sync>> {
    try {
      return ok(await syncOf(team));
    } catch (error) {
      const fault = knownFault(error);
      if (fault !== null) return { ok: false, fault };
      throw error;
    }
  }

  async function seat(): Promise<Seat> {
    const { id, email } = signedIn();
    return {
      device: await deviceHere(),
      member: id.replaceAll("-", ""),
      person: { name: `${userName()} on ${hostname()}`, email },
    };
  }

  async function hold(keys: TeamKeys): Promise<void> {
    await secrets.set(keyName(keys.team), packTeamKeys(keys).reveal());
  }

  const teams = createTeams({
    ...{ store: options.store, clock, random, seat, syncOf, hold },
    server: () => createTransport(online()),
    holds: async (team) => (await secrets.get(keyName(team))) !== null,
  });

  return {
    signUp: (credentials) => enter(signUp, credentials),
    signIn: (credentials) => enter(signIn, credentials),
    async signOut() {
      if (account === null) return;
      await signOut(online());
      await leave();
      account = null;
    },
    async signOutEverywhere() {
      signedIn();
      unwrap(await signOutEverywhere(online()));
      await leave();
      account = null;
    },
    async setPassword(current, next) {
      signedIn();
      unwrap(await changePassword(online(), new Secret(current), new Secret(next)));
    },
    teams,
    createProject: async (team) => unwrap(await createProject(online(), team)),
    async syncOnce() {
      await requireSession(online());
      const results: { team: TeamId; result: Result<SyncReport> }[] = [];
      for (const team of await options.teams()) {
        const sync = await opened(team);
        results.push({ team, result: sync.ok ? await sync.value.once() : sync });
      }
      return results;
    },
    async start() {
      live = true;
      if (account === null) return;
      let failed: Result<never> | null = null;
      for (const team of await options.teams()) {
        const sync = await opened(team);
        if (sync.ok) {
          sync.value.start();
          continue;
        }
        const reason = sync.fault.message;
        options.onState(team, { state: "offline", since: clock.nowMs(), waiting: 0, reason });
        // Keys come with an invite, and then it is started anew; whatever else it is may pass.
        if (sync.fault.type !== "no-keys") failed ??= sync;
      }
      if (failed !== null) unwrap(failed);
    },
    edited(doc, sizeBytes, recorded) {
      for (const sync of syncs.values()) sync.edited(doc, sizeBytes, recorded);
    },
    lookAt(docs) {
      looked = docs;
      for (const doc of places.keys()) if (!docs.has(doc)) places.delete(doc);
      for (const sync of syncs.values()) sync.lookAt(docs);
    },
    moveTo(doc, place) {
      places.set(doc, place);
      for (const sync of syncs.values()) sync.moveTo(doc, place);
    },
    async restart(stream) {
      unwrap(await (await syncOf(stream.team)).restart(stream));
    },
    async forget(team, keepKeys) {
      await syncs.get(team)?.stop();
      syncs.delete(team);
      if (!keepKeys) await secrets.delete(keyName(team));
    },
    async memberAt(team, id) {
      return (await syncs.get(team)?.personAt(id))?.email ?? null;
    },
    async close() {
      live = false;
      await leave();
    },
  };
}

async function requireSession(connection: Connection): Promise<void> {
  if ((await currentAccount(connection)) !== null) return;
  raise(
    "signed-out",
    `This machine is not signed in to ${connection.host} any more. Everything local stays as it is: run "operon login", and syncing goes on.`,
  );
}

async function loadDevice(
  account: string,
  secrets: Secrets,
  random: Random,
): Promise<DeviceIdentity> {
  const name = `device ${account}`;
  const packed = await secrets.get(name);
  if (packed !== null) return unpackDevice(new Secret(packed));
  const device = createDevice(random);
  await secrets.set(name, packDevice(device).reveal());
  return device;
}

function inMemory(held: Map<string, string>): SecretStore {
  return {
    get: async (name) => held.get(name) ?? null,
    set: async (name, value) => void held.set(name, value),
    delete: async (name) => void held.delete(name),
  };
}

function keyName(team: TeamId): string {
  return `team ${team}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the system's list.
    return "somebody";
  }
}
