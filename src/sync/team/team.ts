/**
 * A team as this device believes it: its log, followed from the newest entry that was believed before, and the keys that
 * go with it. Everything that asks who may do what in a team asks here.
 *
 * Faults have a sentence. "log-fork" and "log-rollback": the server shows another history than before, which is an alarm.
 * "removed": this device is no longer in the team. "no-epoch-keys": it is, and was given no keys.
 */
import { type Bytes, equalBytes, toHex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import type { TeamId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { Secret } from "../../base/secret.ts";
import type { DeviceIdentity } from "../../crypto/device.ts";
import { KEY_BYTES, sha256 } from "../../crypto/hash.ts";
import { KDF_LIMITS, type KdfLimits, newKdf, stretch, type Stretched } from "../../crypto/kdf.ts";
import { openStretched, sealKeyRecord } from "../../crypto/key-record.ts";
import { isKeyOf } from "../../crypto/log/commitment.ts";
import { decodeEntry } from "../../crypto/log/entry.ts";
import { openEpochChain, rotate } from "../../crypto/log/epoch.ts";
import { follow, replay } from "../../crypto/log/history.ts";
import { openKeys } from "../../crypto/log/key-box.ts";
import { openPerson, type Person } from "../../crypto/log/person.ts";
import {
  acceptsRow,
  type Epoch,
  fenceAt,
  isTakenBack,
  newestEpoch,
  type Removal,
  roleOf,
  type TeamState,
} from "../../crypto/log/state.ts";
import type { Fence } from "../../crypto/log/body.ts";
import type { TeamKeys } from "../../crypto/team.ts";
import type { Cursor, KeptLog, StreamRef, SyncStore } from "../ports.ts";
import { logStream, streamKey } from "../streams.ts";
import { Keyring } from "./keyring.ts";
import type { Appended, EpochKeep, KeptEpoch, TeamServer } from "./server.ts";
import { spoken } from "./words.ts";

/** A later epoch may bring what this one's keys could not be had of. */
const LACKS_KEYS: ReadonlySet<string> = new Set(["no-epoch-keys", "key-box", "epoch-record"]);

/** How often an entry is drafted again because others were first. */
const MAX_TRIES = 8;

export interface TeamOptions {
  readonly store: Pick<SyncStore, "log" | "keepLog">;
  readonly server: TeamServer;
  readonly device: DeviceIdentity;
  /** The newest that this device holds. */
  readonly keys: TeamKeys;
  /** Puts newer ones where `keys` came from. */
  readonly keepKeys: (keys: TeamKeys) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  /** For tests, which would otherwise spend a second on each passphrase. */
  readonly kdfLimits?: KdfLimits;
}

interface Wrapping {
  readonly stretched: Stretched;
  readonly asOf?: NonNullable<EpochKeep["asOf"]>;
}

export interface DrawnFence {
  readonly removed: Removal;
  readonly at: Fence;
}

export interface Drafted {
  /** None: there is nothing to do any more. */
  readonly entries: readonly Appended[];
  /** Of the epoch that is among them. */
  readonly keys?: TeamKeys;
}

export interface UnfitEpoch {
  readonly number: number;
  /** The device that it names as its author. */
  readonly device: string;
}

/** Makes entries that follow `state`; asked again when others were first. */
export type Draft = (state: TeamState) => Result<Drafted> | Promise<Result<Drafted>>;

/** What a reader of rows asks. */
export type ReadingTeam = Pick<Team, "keys" | "signKeyOf" | "accepts" | "isTakenBack">;

export class Team {
  readonly #options: TeamOptions;
  #log: KeptLog = { listed: 0, entries: [] };
  #state: TeamState | null = null;
  #keys: Keyring;
  /** An entry of the server's list that would begin the next epoch and does not fit; as the list was read whole last. */
  #unfit: UnfitEpoch | null = null;
  /** The epoch whose keys, and all before, are in `#keys`. */
  #complete: Epoch | null = null;
  #fences: { readonly of: TeamState; readonly byStream: ReadonlyMap<string, DrawnFence[]> } | null =
    null;
  /** Of streams, by key. */
  readonly #heads = new Map<string, { readonly n: number; readonly entry: number }>();

  constructor(options: TeamOptions) {
    this.#options = options;
    this.#keys = new Keyring(options.keys, new Map());
  }

  get id(): TeamId {
    return this.#options.keys.team;
  }

  get keys(): Keyring {
    return this.#keys;
  }

  /** After `open`. */
  get state(): TeamState {
    if (this.#state === null) throw new Error("the team is not open");
    return this.#state;
  }

  /** How many entries of the server's list were read. */
  get listed(): number {
    return this.#log.listed;
  }

  /** Whether there is nothing to `refresh`, if the server's list has so many entries. */
  isUpToDate(listed: number): boolean {
    return listed === this.listed && !this.state.rotationDue;
  }

  /** Also a removed device's: what it wrote before counts. Null: the team never had such a device. */
  signKeyOf(device: string): Bytes | null {
    return this.#state?.devices.get(device)?.signKey ?? null;
  }

  /** Whether a row of this device counts at this number of a stream. */
  accepts(device: string, stream: StreamRef, n: number): boolean {
    return (
      acceptsRow(this.state, { device, stream: logStream(stream), n }) &&
      !this.#isAhead(device, stream)
    );
  }

  /** Where the server says that a stream ends. `entry`: the newest of the log when it was asked. */
  noteHead(stream: StreamRef, n: number, entry: number): void {
    this.#heads.set(streamKey(stream), { n, entry });
  }

  /**
   * Whether a fence lies where the stream has not come to yet. Whoever drew it may not read the stream, and was told so by the
   * server: it is to let in what is still to be written.
   */
  #isAhead(device: string, stream: StreamRef): boolean {
    const removed = this.state.devices.get(device)?.removed;
    const head = this.#heads.get(streamKey(stream));
    if (!removed || !head || head.entry < removed.n) return false;
    return head.n < fenceAt(removed.fences, logStream(stream));
  }

  /** The fences in a stream, of removals behind an entry of the log. */
  fencesIn(stream: StreamRef, entry = 0): readonly DrawnFence[] {
    if (this.#fences?.of !== this.state)
      this.#fences = { of: this.state, byStream: drawnIn(this.state) };
    const drawn = this.#fences.byStream.get(logStream(stream)) ?? [];
    return drawn.filter(({ removed }) => removed.n > entry);
  }

  /** Where a removed device's rows end in a stream, as who removed it had verified. Null: it is not removed, or has none there. */
  fenceOf(device: string, stream: StreamRef): Cursor | null {
    const fences = this.state.devices.get(device)?.removed?.fences ?? [];
    return fences.find((fence) => fence.stream === logStream(stream)) ?? null;
  }

  /** Whether it may write now. */
  writes(device: string): boolean {
    const listed = this.#state?.devices.get(device);
    return listed !== undefined && listed.removed === null && listed.kind !== "recovery";
  }

  /** Whether the document was taken back. `document`: its name on the wire; `device`: the one that wrote its first row. */
  isTakenBack(document: string, device: string): boolean {
    return isTakenBack(this.state, document, device);
  }

  /** As it was at an entry of the log, for rows of that time. Null: not read so far. */
  asOf(entry: number): ReadingTeam | null {
    if (entry > this.state.head.n) return null;
    const then = replay(this.id, this.#log.entries.slice(0, entry + 1), null);
    if (!then.ok) return null;
    const { state } = then.value;
    return {
      keys: this.#keys,
      signKeyOf: (device) => this.signKeyOf(device),
      accepts: (device, stream, n) => this.accepts(device, stream, n),
      isTakenBack: (document, device) => isTakenBack(state, document, device),
    };
  }

  /** Ids of all devices that ever may have written rows. */
  get writers(): readonly string[] {
    return [...this.state.devices].filter(([, { kind }]) => kind !== "recovery").map(([id]) => id);
  }

  personAt(device: string): Person | null {
    const listed = this.#state?.devices.get(device);
    return listed === undefined ? null : openPerson(listed.person, device, this.#keys.newest.idKey);
  }

  /** For a sentence. */
  nameOf(device: string): string {
    if (device === this.#options.device.id) return "this device";
    const person = this.personAt(device);
    return person === null ? "an unknown device" : `${person.name} (${person.email})`;
  }

  /** What was believed when this device last ran, and the keys; the server is asked for what is not here. */
  async open(): Promise<Result<void>> {
    if (this.#state === null) {
      const kept = await this.#options.store.log(this.id);
      if (kept === null) return this.refresh();
      const replayed = replay(this.id, kept.entries, null);
      if (!replayed.ok) return replayed;
      this.#state = replayed.value.state;
      this.#log = kept;
    }
    // After a crash while it joined the log that was kept ends before this device.
    if (!this.state.devices.has(this.#options.device.id)) return this.refresh();
    // After a crash or from a backup the keys may be newer than the log that was kept.
    if (this.#keys.newest.epoch > this.state.epochs.length) return this.refresh();
    const taken = await this.#takeKeys();
    return taken.ok || !LACKS_KEYS.has(taken.fault.type) ? taken : this.refresh();
  }

  /**
   * Reads on in the log, takes the keys of a newer epoch, and makes the epoch that a removal left to be made. `missing`: the
   * log lacks what was met elsewhere. What stands now where this device has read may be something else than it was then. When
   * an entry that does not fit stands where the next epoch would, who leads the team makes that epoch: until then a server, or
   * whoever listed the entry, can keep others waiting for it.
   */
  async refresh(missing = false): Promise<Result<void>> {
    const before = this.#state;
    let read = await this.#readOn();
    if (read.ok && missing && this.#state === before) read = await this.#readAgain();
    if (!read.ok) return read;
    const unmet = missing && before?.epochs.length === this.state.epochs.length;
    if (unmet && this.unfitEpoch !== null && this.#leads()) return this.rotate(null);
    return this.state.rotationDue ? this.rotate(null) : ok(undefined);
  }

  get unfitEpoch(): UnfitEpoch | null {
    return this.#unfit?.number === this.state.epochs.length + 1 ? this.#unfit : null;
  }

  /** Appends what `draft` makes of the newest state, however often others are first. */
  async append(draft: Draft): Promise<Result<void>> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const drafted = await draft(this.state);
      if (!drafted.ok) return { ok: false, fault: spoken(drafted.fault) };
      if (drafted.value.entries.length === 0) return ok(undefined);
      // Whoever changes the passphrase again and again stops nobody.
      const isPatient = tries < MAX_TRIES / 2;
      const appended = await this.#append(isPatient ? drafted.value : withoutAsOf(drafted.value));
      if (appended.ok || appended.fault.type !== "log-moved") return appended;
      const read = await this.#readOn();
      if (!read.ok) return read;
    }
    return fail(
      "log-busy",
      "Others keep changing the team at this moment, so this was not done. Nothing was changed: try again.",
    );
  }

  /** A new epoch. `passphrase`: the one from now on; null: the one in use, and nothing is done if others were first. */
  async rotate(passphrase: Secret<string> | null): Promise<Result<void>> {
    const before = this.state.epochs.length;
    const typed = passphrase === null ? ok(null) : this.#stretch(passphrase);
    if (!typed.ok) return typed;
    return this.append((state) =>
      typed.value === null && state.epochs.length > before && !state.rotationDue
        ? ok({ entries: [] })
        : this.draftEpoch(state, typed.value),
    );
  }

  /** The epoch after `state`, with all that stands beside it. `stretched`: null for the passphrase in use. */
  async draftEpoch(state: TeamState, stretched: Stretched | null = null): Promise<Result<Drafted>> {
    const { device, clock, random } = this.#options;
    const wrapping = stretched === null ? await this.#wrappingInUse() : ok<Wrapping>({ stretched });
    if (!wrapping.ok) return wrapping;
    const made = rotate(state, this.#keys.newest, device, clock.nowMs(), random);
    if (!made.ok) return made;
    const { bytes, record, boxes, keys } = made.value;
    const { stretched: of, ...asOf } = wrapping.value;
    const keyRecord = sealKeyRecord(keys, of, random);
    return ok({ entries: [{ entry: bytes, epoch: { record, boxes, keyRecord, ...asOf } }], keys });
  }

  /**
   * Wraps the keys in use in another passphrase: enough for one that nobody else has learned. Takes about a second. Whoever
   * makes a newer epoch meanwhile may have wrapped it in the old one: then that is wrapped, too.
   */
  async changePassphrase(passphrase: Secret<string>): Promise<Result<void>> {
    const { server, random } = this.#options;
    const stretched = this.#stretch(passphrase);
    if (!stretched.ok) return stretched;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { entry } = this.#epoch();
      const record = sealKeyRecord(this.#keys.newest, stretched.value, random);
      const put = await server.putKeyRecord(this.id, entry, record);
      if (!put.ok) return put;
      const read = await this.#readOn();
      if (!read.ok) return read;
      if (equalBytes(this.#epoch().entry, entry)) return ok(undefined);
    }
    return fail(
      "log-busy",
      "Others keep making new keys of the team at this moment, so it may still open with the old passphrase. Nothing is lost: try again.",
    );
  }

  #stretch(passphrase: Secret<string>): Result<Stretched> {
    const { random, kdfLimits = KDF_LIMITS } = this.#options;
    return stretch(passphrase, newKdf(random, kdfLimits), kdfLimits);
  }

  async #wrappingInUse(): Promise<Result<Wrapping>> {
    const kept = await this.#keptEpochs();
    if (!kept.ok) return kept;
    const beside = kept.value.get(toHex(this.#epoch().entry));
    if (beside === undefined) return noKeys();
    const { entry, keyRecord } = beside;
    const opened = openStretched(keyRecord, this.#keys.newest);
    const stretched = opened.ok ? opened.value : this.#nobodys();
    return ok({ stretched, asOf: { entry, keyRecord: sha256(keyRecord) } });
  }

  /**
   * What no passphrase gives. Whoever is to go goes, whatever the server has made of the record: then nobody joins by a
   * passphrase before a member sets one (`changePassphrase`).
   */
  #nobodys(): Stretched {
    const { random, kdfLimits = KDF_LIMITS } = this.#options;
    return { kdf: newKdf(random, kdfLimits), key: new Secret(random(KEY_BYTES)) };
  }

  async #append({ entries, keys }: Drafted): Promise<Result<void>> {
    const { server } = this.#options;
    const appended = await server.appendLog(this.id, this.listed, entries);
    if (!appended.ok) return appended;
    const { device, keepKeys } = this.#options;
    // Their box lies on the server too, so a crash in between costs nothing.
    if (keys !== undefined) await keepKeys(keys);
    if (!(await this.#follow(entries.map(({ entry }) => entry))))
      throw new Error(`the log does not take what ${device.id} made for it`);
    return this.#isIn() ? this.#takeKeys(keys) : ok(undefined);
  }

  async #readOn(): Promise<Result<void>> {
    const { server } = this.#options;
    let until: number | null = null;
    for (;;) {
      const page = await server.readLog(this.id, this.listed);
      if (!page.ok) return page;
      const { entries, listed } = page.value;
      // A list that grows while it is read is read on the next time: else a server could make this endless.
      until ??= listed;
      if (listed < this.listed || this.#state === null || !(await this.#follow(entries)))
        return this.#readAgain();
      if (entries.length === 0 || this.listed >= until) return this.#takeKeys();
    }
  }

  /**
   * Whether all of these fit behind what is believed. What does not may be garbage, which everybody leaves out, or the sign of
   * another history: then nothing is taken.
   */
  async #follow(entries: readonly Bytes[]): Promise<boolean> {
    const { state, leftOut } = follow(this.state, entries);
    if (leftOut.length > 0) return false;
    if (entries.length > 0)
      await this.#believe(state, {
        listed: this.listed + entries.length,
        entries: [...this.#log.entries, ...entries],
      });
    return true;
  }

  async #readAgain(): Promise<Result<void>> {
    const read = await this.#readWhole();
    return read.ok ? this.#takeKeys() : read;
  }

  /** The list from its start, held against the newest entry that was believed. */
  async #readWhole(): Promise<Result<void>> {
    const listed = await readAll(this.#options.server, this.id);
    if (!listed.ok) return listed;
    const replayed = replay(this.id, listed.value, this.#state?.head ?? null);
    if (!replayed.ok) return replayed;
    const { state, taken, leftOut } = replayed.value;
    this.#unfit = unfitEpoch(
      leftOut.map(({ place }) => listed.value[place] as Bytes),
      state.epochs.length + 1,
    );
    await this.#believe(state, {
      listed: listed.value.length,
      entries: taken as readonly Bytes[],
    });
    return ok(undefined);
  }

  async #believe(state: TeamState, log: KeptLog): Promise<void> {
    await this.#options.store.keepLog(this.id, log);
    this.#state = state;
    this.#log = log;
  }

  /** The keys of all epochs of the log; the server is asked for those that are not here. `made`: here, newly. */
  async #takeKeys(made: TeamKeys = this.#keys.newest): Promise<Result<void>> {
    const { state } = this;
    if (!this.#isIn()) return removed();
    const newest = newestEpoch(state);
    if (newest === null) return noKeys();
    if (this.#complete === newest) return ok(undefined);
    if (made.epoch > newest.number) return olderLog();
    const kept = await this.#keptEpochs();
    if (!kept.ok) return kept;
    const held = made.epoch === newest.number && isKeyOf(state, made);
    const keys = held ? ok(made) : await this.#openBox(kept.value, newest);
    if (!keys.ok) return keys;
    const records = new Map<number, Bytes>();
    for (const { number, entry } of state.epochs) {
      const record = kept.value.get(toHex(entry))?.record ?? null;
      if (record !== null) records.set(number, record);
    }
    const chain = openEpochChain(state, keys.value, records);
    if (!chain.ok) return chain;
    this.#keys = new Keyring(keys.value, chain.value);
    this.#complete = newest;
    return ok(undefined);
  }

  #leads(): boolean {
    const listed = this.state.devices.get(this.#options.device.id);
    if (listed?.kind !== "ordinary" || listed.removed !== null) return false;
    const role = roleOf(this.state, listed.member);
    return role === "owner" || role === "admin";
  }

  #isIn(): boolean {
    return this.state.devices.get(this.#options.device.id)?.removed === null;
  }

  async #openBox(
    kept: ReadonlyMap<string, KeptEpoch>,
    { entry }: Epoch,
  ): Promise<Result<TeamKeys>> {
    const { device, keepKeys } = this.#options;
    const box = kept.get(toHex(entry))?.box ?? null;
    if (box === null) return noKeys();
    const opened = openKeys(this.state, box, device);
    if (opened.ok) await keepKeys(opened.value);
    return opened;
  }

  async #keptEpochs(): Promise<Result<ReadonlyMap<string, KeptEpoch>>> {
    const kept = await this.#options.server.epochs(this.id, this.#options.device.id);
    return kept.ok ? ok(new Map(kept.value.map((each) => [toHex(each.entry), each]))) : kept;
  }

  #epoch(): Epoch {
    const newest = newestEpoch(this.state);
    if (newest === null) throw new Error("the team is not open");
    return newest;
  }
}

function withoutAsOf({ entries, ...drafted }: Drafted): Drafted {
  const bare = entries.map(({ epoch, ...each }) => {
    if (!epoch) return each;
    const { asOf: _, ...kept } = epoch;
    return { ...each, epoch: kept };
  });
  return { ...drafted, entries: bare };
}

/** By the stream's name in the log. Devices that went together have one. */
function drawnIn({ devices }: TeamState): ReadonlyMap<string, DrawnFence[]> {
  const removals = new Map([...devices.values()].map(({ removed }) => [removed?.n, removed]));
  const all = [...removals.values()].flatMap(
    (removed) => removed?.fences.map((at) => ({ removed, at })) ?? [],
  );
  return Map.groupBy(all, ({ at }) => at.stream);
}

/** The server's list from its start, as long as it was when it was asked first. */
export async function readAll(server: TeamServer, team: TeamId): Promise<Result<readonly Bytes[]>> {
  const entries: Bytes[] = [];
  let until: number | null = null;
  for (;;) {
    const page = await server.readLog(team, entries.length);
    if (!page.ok) return page;
    until ??= page.value.listed;
    entries.push(...page.value.entries);
    if (page.value.entries.length === 0 || entries.length >= until) return ok(entries);
  }
}

/** The one with this number, of entries that do not fit. */
function unfitEpoch(entries: readonly Bytes[], number: number): UnfitEpoch | null {
  for (const bytes of entries) {
    const entry = decodeEntry(bytes);
    if (entry.ok && entry.value.body.kind === "epoch" && entry.value.body.epoch === number)
      return { number, device: entry.value.author.id };
  }
  return null;
}

function removed(): Result<never> {
  return fail(
    "removed",
    "This device is not in the team, or not any more, so nothing is read from it or sent to it any more. What is here stays here. To come back, ask a member for an invite; to put the team away here, leave it.",
  );
}

function olderLog(): Result<never> {
  return fail(
    "log-rollback",
    "The server shows an older state of this team than this device has seen: it has a newer key than the server knows of. Nothing was changed here. Ask who runs the server.",
  );
}

function noKeys(): Result<never> {
  return fail(
    "no-epoch-keys",
    "The server does not give this device the team's newest keys, so nothing new can be read or sent. Nothing is lost here. Ask who runs the server.",
  );
}
