/**
 * One exchange with the cloud: pull what is there, verify and commit it, then push what is pending.
 *
 * Own rows become "known to be in the cloud" only where they stand: when the verified history reaches them, by the
 * answer to a push or by a later pull. Until then they are *in flight* (`flights.ts`).
 */
import { type Bytes, equalBytes, toHex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { DocId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { fail, never, ok, type Result } from "../base/result.ts";
import type { DeviceIdentity } from "../crypto/device.ts";
import { peekHeader } from "../crypto/header.ts";
import { proveRow } from "../crypto/row.ts";
import { type Fence, MAX_FENCES, MAX_LISTED } from "../crypto/log/body.ts";
import { wireDocumentId } from "../crypto/team.ts";
import type { Alarm, Raised } from "./alarms.ts";
import { Chains } from "./chains.ts";
import { Compaction } from "./compaction.ts";
import { type AnyRow, Crossings } from "./crossing.ts";
import { Flights, type InFlight, MAX_TRIES } from "./flights.ts";
import { Heads } from "./heads.ts";
import { jumpTo } from "./jump.ts";
import type { Cursor, StreamRef, SyncStore } from "./ports.ts";
import { placesOf, readPage } from "./reader.ts";
import type { SealedRow } from "./seal.ts";
import { type ReadSnapshot, Snapshots } from "./snapshots.ts";
import { logStream, START, streamKey } from "./streams.ts";
import type { Tally } from "./tally.ts";
import { takeBackDocuments } from "./team/manage.ts";
import type { Team } from "./team/team.ts";
import type {
  Asked,
  Brought,
  DroppedRow,
  Page,
  PulledRow,
  PushAnswer,
  StreamCursor,
  Transport,
} from "./transport.ts";

const PAGE_ROWS = 500;
/** How much of a page is open at once. Ordinary rows inflate to a few times their size, others to hundreds. */
const STEP_BYTES = 8 * 1024 * 1024;

export interface ExchangeOptions {
  readonly store: SyncStore;
  readonly transport: Transport;
  readonly team: Team;
  readonly device: DeviceIdentity;
  readonly random: Random;
  /** Before a commit: what a window that has the document open may show. */
  readonly onShown: (doc: DocId, updates: readonly Bytes[]) => void;
  /** After it. */
  readonly onApplied: (doc: DocId, updates: readonly Bytes[]) => void;
  /** Of a long read: documents. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  /** Documents that somebody took back, and that are let go here. */
  readonly onRetired: (docs: readonly DocId[]) => void;
  readonly clock: Clock;
  readonly log: Log;
  /** Before what they are about is behind the stream's cursor: it is met once only. */
  readonly onAlarms: (alarms: readonly Raised[]) => Promise<void>;
  /** Rows that are about to be pushed for the first time. */
  readonly onSealed: (stream: StreamRef, rows: readonly SealedRow[]) => void;
  /** For tests: how many bytes of changes are worth a snapshot. */
  readonly gatheredBytes?: number;
}

/** What one exchange is for. */
export interface Wanted {
  /** Rows that the channel brought. */
  readonly brought: readonly Brought[];
  /** Asked when these were taken. False only after an exchange that pulled, and while a listener hears everything. */
  readonly pull: () => boolean;
  /** Documents that may have something to send; null: whatever the store says is pending. */
  readonly only: readonly DocId[] | null;
  /** Which documents may be sent now; asked once for each one that is about to be sealed. */
  readonly due: (doc: DocId) => boolean;
}

/** A snapshot's own rows, fetched before the stream brings them. */
interface Held {
  readonly last: number;
  /** By hash (hex). */
  readonly rows: ReadonlyMap<string, Bytes>;
}

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #heads: Heads;
  readonly #chains = new Chains();
  readonly #flights: Flights;
  /** As the store has them; null until the first pull. */
  #cursors: Map<string, StreamCursor> | null = null;
  /** How many of the log's retirements were carried out here. */
  #retirements = -1;
  /** As the last pull found them. */
  #halted: Tally["halted"] = new Map();
  /** Streams (by key) that the server gives this account to read. */
  readonly #readable = new Set<string>();
  readonly #snapshots: Snapshots;
  readonly #crossings: Crossings;
  readonly #compaction: Compaction;
  readonly #held = new Map<string, Held>();

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#heads = new Heads(options.store);
    this.#snapshots = new Snapshots(options.team, options.transport);
    this.#crossings = new Crossings(this.#snapshots, options.transport);
    this.#compaction = new Compaction({ ...options, snapshots: this.#snapshots });
    this.#flights = new Flights(options, (stream) => this.#cursorOf(stream));
  }

  get cursors(): ReadonlyMap<string, StreamCursor> {
    return this.#cursors ?? new Map();
  }

  /**
   * Where a removal is drawn: the newest verified place of every stream that has rows; of a stream that this account may not
   * read, the place that the server names. Of more streams than an entry holds, those with the most rows: in the others nothing
   * of whoever is removed counts.
   */
  async fences(): Promise<Result<readonly Fence[]>> {
    const { transport, team } = this.#options;
    const heads = await transport.heads(team.id);
    if (!heads.ok) return heads;
    const fences = heads.value
      .map(({ stream, cursor }) => ({
        stream: logStream(stream),
        ...(this.#readable.has(streamKey(stream)) ? this.#cursorOf(stream) : cursor),
      }))
      .filter(({ n }) => n > 0)
      .toSorted((a, b) => b.n - a.n);
    return ok(fences.slice(0, MAX_FENCES));
  }

  /** The stream will be read from its start, and what it lacks sent again. */
  async restart(stream: StreamRef): Promise<void> {
    await this.#options.store.restart(stream);
    this.#cursors = null;
    this.#halted.delete(streamKey(stream));
    this.#heads.forget(stream);
    this.#crossings.end(stream);
    this.#snapshots.forget(stream);
    this.#held.delete(streamKey(stream));
    this.#chains.clear();
    this.#flights.startReplica();
  }

  /**
   * An owner or admin has looked into the disputes: the newest disputed snapshot of each stream stands. How many there were.
   * After a run, so that everything is read.
   */
  async vouch(): Promise<Result<number>> {
    const { team, device, transport } = this.#options;
    if (!this.#snapshots.leads(device.id)) return notLeading();
    const heads = await transport.heads(team.id);
    if (!heads.ok) return heads;
    let vouched = 0;
    for (const { stream } of heads.value) {
      const said = await this.#compaction.vouch({ stream, cursor: this.#cursorOf(stream) });
      if (!said.ok) return said;
      if (said.value) vouched++;
    }
    return ok(vouched);
  }

  /** Something was sent whose place in the history is not verified yet. */
  get inFlight(): boolean {
    return this.#flights.any;
  }

  /** What was sealed of a document and is not met in the verified history yet. */
  flightOf(doc: DocId): { stream: StreamRef; rows: readonly SealedRow[] } | null {
    return this.#flights.of(doc);
  }

  /** What came of it is in `tally`, also after a fault. */
  async run(wanted: Wanted, tally: Tally): Promise<Result<void>> {
    const done = await this.#exchange(wanted, tally);
    if (!done.ok) return done;
    await this.#tend(tally);
    return ok(undefined);
  }

  async #tell({ alarms }: Tally): Promise<void> {
    const news = alarms.news((device) => this.#options.team.nameOf(device));
    if (news.length > 0) await this.#options.onAlarms(news);
  }

  async #exchange({ brought, pull, only, due }: Wanted, tally: Tally): Promise<Result<void>> {
    const opened = await this.#believe(tally, () => this.#options.team.open());
    if (!opened.ok || !opened.value) return opened.ok ? ok(undefined) : opened;
    for (const row of brought) {
      const taken = await this.#takeBrought(row, tally);
      if (!taken.ok) return taken;
      if (tally.distrusted) return ok(undefined);
    }
    if (!pull() && !this.inFlight)
      for (const { stream, alarm, cursor } of this.#halted.values())
        tally.halt(stream, alarm, cursor);
    else {
      const pulled = await this.#pull(tally);
      if (!pulled.ok || !pulled.value) return pulled.ok ? ok(undefined) : pulled;
    }
    const said = await this.#takeBack(only === null, tally);
    if (!said.ok) return said;
    let waiting = only;
    for (let conflicts = 0; ;) {
      const before = tally.pushed;
      const sent = await this.#push(waiting, due, tally);
      if (!sent.ok) return sent;
      if (tally.distrusted) break;
      if (sent.value === "nothing") break;
      if (sent.value === "conflict" || sent.value === "stale") {
        if (++conflicts === MAX_TRIES)
          return sent.value === "stale" ? this.#awaitingKey() : refusing();
        this.#flights.startReplica();
        waiting = null;
        const known = sent.value === "stale" ? await this.#refresh(tally, true) : ok(true);
        if (!known.ok || !known.value) return known.ok ? ok(undefined) : known;
      }
      if (sent.value !== "sent" || this.inFlight) {
        const pulled = await this.#pull(tally);
        if (!pulled.ok || !pulled.value) return pulled.ok ? ok(undefined) : pulled;
        if (this.#flights.dropLost(tally)) break;
      }
      if (sent.value === "sent" && tally.pushed === before) break;
      waiting = waiting?.filter((doc) => !tally.tries.has(doc)) ?? null;
    }
    return ok(undefined);
  }

  #awaitingKey(): Result<never> {
    const { team } = this.#options;
    const unfit = team.unfitEpoch;
    return fail(
      "stale-epoch",
      unfit === null
        ? "The server takes no rows under the team's newest key, as if there were a newer one, and shows none. Nothing is lost here; ask who runs the server."
        : `The server waits for the team's key number ${unfit.number}, which no device can have: it lists an entry for it in the name of ${team.nameOf(unfit.device)} that is not as it has to be. Nothing is lost here. It goes on when an owner or admin syncs, or runs: operon team rotate.`,
    );
  }

  #isTakenBack(doc: DocId, owner: string): boolean {
    const { team } = this.#options;
    return team.isTakenBack(wireDocumentId(team.keys.newest, doc), owner);
  }

  /**
   * What the log says was taken back is let go here; what this member takes back, and the log does not say yet, is said there.
   * `all`: look for the latter.
   */
  async #takeBack(all: boolean, tally: Tally): Promise<Result<void>> {
    const { store, team, device, random, clock, onRetired } = this.#options;
    const { retired } = team.state;
    if (!all && this.#retirements === retired.length) return ok(undefined);
    const documents = await store.documentsOf(team.id);
    const gone = documents.filter(
      ({ id, owner, retired: here }) => !here && owner !== null && this.#isTakenBack(id, owner),
    );
    if (gone.length > 0) {
      await store.retire(
        gone.map(({ id }) => id),
        device.id,
      );
      onRetired(gone.map(({ id }) => id));
    }
    if (this.#retirements !== -1 && this.#retirements !== retired.length)
      for (const [key, { stream }] of this.cursors) {
        // Snapshots may have it in them.
        tally.moved.set(key, stream);
        tally.marked.add(key);
      }
    this.#retirements = retired.length;
    const { devices } = team.state;
    const own = devices.get(device.id)?.member;
    const unsaid = documents.filter(
      ({ id, owner, takenBack }) =>
        takenBack &&
        owner !== null &&
        devices.get(owner)?.member === own &&
        !this.#isTakenBack(id, owner),
    );
    const names = unsaid.map(({ id }) => wireDocumentId(team.keys.newest, id));
    const manager = { device, random, nowMs: () => clock.nowMs() };
    for (let at = 0; at < names.length; at += MAX_LISTED) {
      const said = await takeBackDocuments(team, names.slice(at, at + MAX_LISTED), manager);
      if (!said.ok) return said;
    }
    return names.length === 0 ? ok(undefined) : this.#takeBack(false, tally);
  }

  async #loadCursors(): Promise<Map<string, StreamCursor>> {
    const stored = await this.#options.store.cursors(this.#options.team.id);
    for (const { stream, cursor } of stored) this.#heads.note(stream, cursor);
    return new Map(stored.map((held) => [streamKey(held.stream), held]));
  }

  /** A row from the channel saves the pull when it is the next one. Anything else about it is for a pull to find. */
  async #takeBrought(row: Brought, tally: Tally): Promise<Result<void>> {
    const { stream, h } = row;
    const places = placesOf(this.#cursorOf(stream), [row]);
    return places[0] && equalBytes(places[0].h, h)
      ? this.#read(stream, [row], places, tally)
      : ok(undefined);
  }

  /** False, with an alarm: the team's log is not to be believed, so nothing else is. */
  async #pull(tally: Tally): Promise<Result<boolean>> {
    const { transport, team } = this.#options;
    this.#cursors ??= await this.#loadCursors();
    this.#halted = tally.halted;
    for (let again = 0; ;) {
      const before = team.state.head.n;
      const page = await transport.pull(team.id, this.#asked(tally), PAGE_ROWS);
      if (!page.ok) return page;
      // Who was removed, or came, is known before what they wrote is read; and a new key is there before more is sent.
      const known = team.isUpToDate(page.value.listed)
        ? ok(true)
        : await this.#refresh(tally, false);
      if (!known.ok || !known.value) return known;
      for (const { stream, cursor } of page.value.heads) team.noteHead(stream, cursor.n, before);
      if (team.state.head.n !== before && (await this.#fencesAhead(page.value, before, tally)))
        // The streams may have grown since: what the fences are worth is seen in the heads of after.
        if (++again < MAX_TRIES) continue;
      const read = await this.#readPage(page.value, tally);
      if (!read.ok) return read;
      if (tally.distrusted) return ok(false);
      if (read.value === "jumped") continue;
      if (!page.value.more) return ok(true);
      if (read.value === "stuck") return tally.alarms.any ? ok(true) : nonsense();
    }
  }

  /** Whether new fences lie where streams have not come to. Those where this device has been are held against what it verified. */
  async #fencesAhead(page: Page, entry: number, tally: Tally): Promise<boolean> {
    let ahead = false;
    for (const { stream, cursor } of page.heads)
      for (const { removed, at } of this.#options.team.fencesIn(stream, entry)) {
        ahead ||= at.n > cursor.n;
        if (at.n <= this.#cursorOf(stream).n && !(await this.#heads.agrees(stream, at)))
          tally.alarms.add(stream, { is: "fork", device: removed.by }, { n: at.n });
      }
    return ahead;
  }

  #asked(tally: Tally): readonly Asked[] {
    const asked = [...this.cursors].map(([key, { stream, cursor }]): [string, Asked] => {
      return [key, { stream, cursor, held: this.#held.get(key)?.last ?? 0 }];
    });
    return [...new Map([...asked, ...this.#crossings.asked, ...tally.halted]).values()];
  }

  /** `missing`: the log lacks what was met elsewhere. */
  #refresh(tally: Tally, missing: boolean): Promise<Result<boolean>> {
    return this.#believe(tally, () => this.#options.team.refresh(missing));
  }

  /** False when the log is another one than before, which is an alarm. */
  async #believe(tally: Tally, ask: () => Promise<Result<void>>): Promise<Result<boolean>> {
    const { team } = this.#options;
    const before = team.keys.newest.epoch;
    const asked = await ask();
    // What is in flight under the old key is refused from now on.
    if (team.keys.newest.epoch !== before) this.#flights.startReplica();
    if (asked.ok) return ok(true);
    const { type, message } = asked.fault;
    if (type !== "log-fork" && type !== "log-rollback") return asked;
    tally.alarms.add({ team: team.id, project: null }, { is: "log", why: message });
    return ok(false);
  }

  /** Whether the next page will be another one. `jumped`: by a snapshot, so that there is something to ask for. */
  async #readPage(page: Page, tally: Tally): Promise<Result<"on" | "jumped" | "stuck">> {
    const all = [...page.rows, ...(page.dropped ?? []).map((row) => this.#bodyOf(row))];
    if ([...all, ...page.heads].some(({ stream }) => stream.team !== this.#options.team.id))
      return nonsense();
    for (const { stream } of page.heads) this.#readable.add(streamKey(stream));
    const rows = Map.groupBy(all, ({ stream }) => streamKey(stream));
    const heads = new Map(page.heads.map((head) => [streamKey(head.stream), head]));
    const streams = new Map(
      [...this.cursors.values(), ...page.heads, ...all].map(({ stream }) => [
        streamKey(stream),
        stream,
      ]),
    );
    const haltedBefore = tally.halted.size;
    let progress = false;
    let jumped = false;
    for (const [key, stream] of streams) {
      const found = (rows.get(key) ?? []).toSorted((a, b) => a.n - b.n);
      if (this.#isHeldInVain(key, found)) {
        this.#held.delete(key);
        jumped = true;
        continue;
      }
      const fresh = found.filter((row) => "row" in row);
      if (fresh.length < found.length || this.#crossings.isUnderWay(stream)) {
        const crossed = await this.#cross(stream, found, heads.get(key)?.cursor, page.more, tally);
        if (!crossed.ok) return crossed;
        if (tally.distrusted) break;
        progress ||= crossed.value === "on";
        jumped ||= crossed.value === "jumped";
        continue;
      }
      const places = placesOf(this.#cursorOf(stream), fresh);
      if (!this.#followable(stream, fresh, places, heads.get(key)?.cursor, page.more, tally))
        continue;
      if (fresh.length === 0) continue;
      const read = await this.#read(stream, fresh, places, tally);
      if (!read.ok) return read;
      if (tally.distrusted) break;
      progress = true;
    }
    if (jumped) return ok("jumped");
    return ok(progress || tally.halted.size > haltedBefore ? "on" : "stuck");
  }

  /** Whether the server's history of a stream continues the one verified here; if not, an alarm. */
  #followable(
    stream: StreamRef,
    rows: readonly PulledRow[],
    places: readonly Cursor[],
    head: Cursor | undefined,
    more: boolean,
    tally: Tally,
  ): boolean {
    const held = this.#cursorOf(stream);
    const last = places.at(-1) ?? held;
    const before = tally.halted.get(streamKey(stream));
    const atHead = head && [held, ...places].find(({ n }) => n === head.n);
    let alarm: Alarm;
    if (before) alarm = before.alarm;
    else if (head === undefined) {
      if (held.n === 0 && rows.length === 0) return true;
      alarm = { is: "gone" };
    } else if (head.n < held.n) alarm = { is: "rollback", held: held.n, offered: head.n };
    else if (atHead && !equalBytes(atHead.h, head.h)) alarm = { is: "history", n: held.n };
    else if (places.length < rows.length || (!more && last.n < head.n)) alarm = { is: "hole" };
    else return true;
    tally.halt(stream, alarm, head ?? held);
    return false;
  }

  /** A row that came by its hash, when its bytes are here. */
  #bodyOf(row: DroppedRow): AnyRow {
    const bytes = this.#held.get(streamKey(row.stream))?.rows.get(toHex(row.hash));
    return bytes ? { stream: row.stream, n: row.n, row: bytes } : row;
  }

  /** Another snapshot's rows stand between those that are here, and were not brought either: they are asked for anew. */
  #isHeldInVain(key: string, found: readonly AnyRow[]): boolean {
    const last = this.#held.get(key)?.last ?? 0;
    return found.some((row) => !("row" in row) && row.n <= last);
  }

  /** Over rows without bodies, to a snapshot that covers them. */
  async #cross(
    stream: StreamRef,
    rows: readonly AnyRow[],
    head: Cursor | undefined,
    more: boolean,
    tally: Tally,
  ): Promise<Result<"on" | "jumped" | "stuck">> {
    if (!this.#followable(stream, [], [], head, true, tally)) return ok("stuck");
    const step = await this.#crossings.step(stream, this.#cursorOf(stream), rows, more);
    if (!step.ok) return step;
    if (step.value.is === "on") return ok(rows.length > 0 ? "on" : "stuck");
    if (step.value.is === "again") return ok("jumped");
    this.#crossings.end(stream);
    // The snapshot may be newer than the page that led to it: what it lacks may have been taken back since.
    const { team } = this.#options;
    if (step.value.is === "there" && step.value.to.snapshot.entry > team.state.head.n) {
      const known = await this.#refresh(tally, false);
      if (!known.ok || !known.value) return known.ok ? ok("stuck") : known;
    }
    const alarm =
      step.value.is === "alarm"
        ? step.value.alarm
        : await this.#jump(stream, step.value.to, step.value.passed, tally);
    if (alarm !== null) tally.halt(stream, alarm, head ?? this.#cursorOf(stream));
    if (alarm !== null || step.value.is === "alarm") return ok("stuck");
    const read = await this.#readBehind(stream, step.value.behind, head, tally);
    return read.ok ? ok("jumped") : read;
  }

  /** Rows that came on the way to the snapshot, as far as they are here whole; the others are asked for again. */
  async #readBehind(
    stream: StreamRef,
    behind: readonly AnyRow[],
    head: Cursor | undefined,
    tally: Tally,
  ): Promise<Result<void>> {
    const rows: PulledRow[] = [];
    for (const row of behind) {
      const whole = "row" in row ? row : this.#bodyOf(row);
      if (!("row" in whole)) break;
      rows.push(whole);
    }
    const places = placesOf(this.#cursorOf(stream), rows);
    if (rows.length === 0 || !this.#followable(stream, rows, places, head, true, tally))
      return ok(undefined);
    return this.#read(stream, rows, places, tally);
  }

  /** Commits a snapshot; or the alarm why not. `passed`: hashes of all rows up to it, own ones too. */
  async #jump(
    stream: StreamRef,
    to: ReadSnapshot,
    passed: ReadonlySet<string>,
    tally: Tally,
  ): Promise<Alarm | null> {
    const { store, team, device, onShown, onApplied, onProgress } = this.#options;
    const isTakenBack = (doc: DocId, owner: string) => this.#isTakenBack(doc, owner);
    const hasOthers = (maker: string) =>
      team.writers.some((id) => id !== maker && id !== device.id);
    const jump = await jumpTo({ store, isTakenBack, hasOthers }, stream, to, tally.alarms);
    if (!jump) {
      await this.#compaction.dispute({ stream, cursor: this.#cursorOf(stream) }, to);
      return { is: "disputed", device: device.id };
    }
    const { total } = jump;
    // Of rows that it covers without their hashes nobody can say whether they are this process's.
    if (this.#cursorOf(stream).n === 0) this.#flights.startReplica();
    for await (const { batch, done } of jump.batches) {
      await this.#tell(tally);
      for (const { id, updates } of batch.documents) onShown(id, updates);
      await store.commit(batch);
      for (const { id, updates } of batch.documents) onApplied(id, updates);
      tally.pulled += batch.documents.length;
      onProgress({ done, total });
      for (const chain of batch.chains) this.#chains.note(chain);
    }
    this.#cursors?.set(streamKey(stream), { stream, cursor: to.head });
    this.#heads.note(stream, to.head);
    this.#held.set(streamKey(stream), { last: to.listed.last, rows: to.rows });
    this.#compaction.note(stream, to.listed.last);
    tally.moved.set(streamKey(stream), stream);
    const own = [...this.#flights.rows.keys()].filter((hash) => passed.has(hash));
    await this.#flights.land(new Set(own), tally);
    return null;
  }

  /** Keeps streams small. What fails there is left for the next time. */
  async #tend(tally: Tally): Promise<void> {
    let said = false;
    for (const [key, stream] of tally.moved) {
      const held = { stream, cursor: this.#cursorOf(stream) };
      if (tally.distrusted || tally.alarms.at(stream)) continue;
      if (!this.#compaction.isDue(held, tally.marked.has(key))) continue;
      const others = [...new Map([...this.cursors, ...tally.halted]).values()];
      const met = { pushes: tally.wrote.has(key), marked: tally.marked.has(key) };
      const tended = await this.#compaction
        .tend(held, others, met)
        .catch((error: unknown) => this.#untended(error));
      said ||= tended.ok && tended.value;
    }
    if (said) await this.#pull(tally);
  }

  /** Compaction harms no exchange, whatever a stream holds. */
  #untended(error: unknown): Result<boolean> {
    this.#options.log("error", "compaction", { reason: String(error) });
    return ok(false);
  }

  /** Verifies and commits rows that follow the stream's cursor. */
  async #read(
    stream: StreamRef,
    rows: readonly PulledRow[],
    places: readonly Cursor[],
    tally: Tally,
  ): Promise<Result<void>> {
    const { store, team, onShown, onApplied } = this.#options;
    const own = this.#flights.rows;
    const known = this.#allKnown(rows) ? ok(true) : await this.#refresh(tally, true);
    if (!known.ok || !known.value) return known.ok ? ok(undefined) : known;
    const ahead = rows.findIndex(({ row }) => this.#epochAhead(row) !== null);
    if (ahead !== -1) {
      const epoch = this.#epochAhead((rows[ahead] as PulledRow).row) as number;
      tally.halt(stream, { is: "no-key", epoch }, places.at(-1) as Cursor);
      if (ahead === 0) return ok(undefined);
      return this.#read(stream, rows.slice(0, ahead), places.slice(0, ahead), tally);
    }
    const options = {
      store,
      team,
      heads: this.#heads,
      chains: this.#chains,
      stepBytes: STEP_BYTES,
    };
    let read = await readPage(options, stream, rows, places, own, tally.alarms);
    const reached = read.batch.places;
    for (const { removed, at } of team.fencesIn(stream)) {
      const place = reached.find(({ n }) => n === at.n);
      if (place && !equalBytes(place.h, at.h))
        tally.alarms.add(stream, { is: "fork", device: removed.by }, { n: at.n });
    }
    for (const { doc, updates } of read.applied) onShown(doc, updates);
    await this.#tell(tally);
    for (let tries = 1; !(await store.commit(read.batch)); tries++) {
      read = await read.again(tries < MAX_TRIES);
      await this.#tell(tally);
    }
    this.#cursors?.set(streamKey(stream), { stream, cursor: reached.at(-1) as Cursor });
    for (const chain of read.batch.chains) this.#chains.note(chain);
    this.#note(stream, rows.slice(0, reached.length), read.own.size > 0, tally);
    tally.pulled += read.taken;
    tally.unread += read.batch.unapplied.length;
    for (const { doc, updates } of read.applied) onApplied(doc, updates);
    await this.#flights.land(read.own, tally);
    if (reached.length === rows.length) return ok(undefined);
    return this.#read(stream, rows.slice(reached.length), places.slice(reached.length), tally);
  }

  #note(stream: StreamRef, rows: readonly PulledRow[], own: boolean, tally: Tally): void {
    const key = streamKey(stream);
    tally.moved.set(key, stream);
    if (own) tally.wrote.add(key);
    if (rows.some(({ row }) => isMark(row))) tally.marked.add(key);
    if (this.#cursorOf(stream).n >= (this.#held.get(key)?.last ?? 0)) this.#held.delete(key);
  }

  /** Whether the log, as far as it was read, has their authors and their keys. */
  #allKnown(rows: readonly PulledRow[]): boolean {
    const { team } = this.#options;
    return rows.every(({ row }) => {
      const header = peekHeader(row);
      if (!header.ok) return true;
      const { device, epoch } = header.value;
      return team.signKeyOf(device) !== null && epoch <= team.keys.newest.epoch;
    });
  }

  /** The epoch of a row that a device of the team signed under a key the log does not show. */
  #epochAhead(row: Bytes): number | null {
    const { team } = this.#options;
    const header = peekHeader(row);
    if (!header.ok || header.value.epoch <= team.keys.newest.epoch) return null;
    const signKey = team.signKeyOf(header.value.device);
    return signKey && proveRow(row, header.value, { by: "signature", signKey })
      ? header.value.epoch
      : null;
  }

  async #push(
    only: readonly DocId[] | null,
    due: (doc: DocId) => boolean,
    tally: Tally,
  ): Promise<Result<Sent>> {
    const taken = await this.#flights.take(only, due, tally);
    if (taken.length === 0) return ok("nothing");
    let refused: Result<never> | null = null;
    for (const { stream, pushes } of taken) {
      for (const rows of pushes) {
        const sent = await this.#send(stream, rows, tally);
        if (sent.ok && (sent.value !== "sent" || tally.distrusted)) return sent;
        if (sent.ok) continue;
        // What one stream does not take keeps nothing from the others.
        refused ??= sent;
        break;
      }
    }
    return refused ?? ok("sent");
  }

  async #send(stream: StreamRef, rows: readonly InFlight[], tally: Tally): Promise<Result<Sent>> {
    const answers = await this.#options.transport.push(
      stream,
      rows.map(({ sealed }) => sealed.row),
    );
    if (!answers.ok) return answers.fault.type === "stale-epoch" ? ok("stale") : answers;
    const conflict = answers.value.at(-1)?.is === "conflict";
    if (!conflict && answers.value.length !== rows.length) return nonsense();
    const stored: { n: number; h: Bytes; row: InFlight }[] = [];
    for (const [i, answer] of answers.value.entries()) {
      const row = rows[i];
      if (!row) return nonsense();
      const n = numberOf(answer);
      if (n !== null) row.answered = n;
      if (answer.is === "stored") stored.push({ n: answer.n, h: answer.h, row });
    }
    if (conflict) return ok("conflict");
    const landed = await this.#landStored(stream, stored, tally);
    return landed.ok ? ok("sent") : landed;
  }

  /** The rows whose numbers follow the cursor need not be pulled: their place is verified by the answer. */
  async #landStored(
    stream: StreamRef,
    stored: readonly { readonly n: number; readonly h: Bytes; readonly row: InFlight }[],
    tally: Tally,
  ): Promise<Result<void>> {
    const rows = stored.map(({ n, row }) => ({ stream, n, row: row.sealed.row }));
    const places = placesOf(this.#cursorOf(stream), rows);
    const agreed = places.findIndex(
      (place, i) => !equalBytes(place.h, (stored[i] as { h: Bytes }).h),
    );
    if (agreed !== -1) {
      const { n, h } = stored.at(-1) as { n: number; h: Bytes };
      tally.halt(stream, { is: "history", n: this.#cursorOf(stream).n }, { n, h });
      return ok(undefined);
    }
    if (places.length === 0) return ok(undefined);
    return this.#read(stream, rows.slice(0, places.length), places, tally);
  }

  #cursorOf(stream: StreamRef): Cursor {
    return this.#cursors?.get(streamKey(stream))?.cursor ?? START;
  }
}

/** `stale`: the team has a newer key. */
type Sent = "nothing" | "sent" | "conflict" | "stale";

/** Whether it is about a snapshot. */
function isMark(row: Bytes): boolean {
  const header = peekHeader(row);
  return header.ok && header.value.mark !== undefined;
}

function numberOf(answer: PushAnswer): number | null {
  switch (answer.is) {
    case "stored":
    case "known":
      return answer.n;
    case "conflict":
      return null;
    default:
      return never(answer);
  }
}

function refusing(): Result<never> {
  return fail(
    "conflict",
    "The server keeps refusing this device's rows, as if others had been sent in their place. Nothing is lost here; ask who runs the server.",
  );
}

function notLeading(): Result<never> {
  return fail(
    "rights",
    "Only an owner or admin of the team can let a disputed snapshot stand. Nothing was changed: ask one of them.",
  );
}

function nonsense(): Result<never> {
  return fail(
    "nonsense",
    "The server answered something that makes no sense. Nothing was changed on this device; try again later, or ask who runs the server.",
  );
}
