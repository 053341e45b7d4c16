/**
 * What a device does so that a stream stays small: makes a snapshot when enough has gathered, checks those of others by
 * rebuilding them, and asks that bodies go which one that stands covers.
 *
 * All of it can fail and be left for the next time: nothing that people wrote depends on it.
 */
import { type Bytes, equalBytes, toHex } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { ok, type Result } from "../base/result.ts";
import type { DeviceIdentity } from "../crypto/device.ts";
import { ID_BYTES } from "../crypto/hash.ts";
import { KIND_SNAPSHOT } from "../crypto/header.ts";
import { MAX_PARTS, PART_BYTES } from "../crypto/row.ts";
import { holdsAll } from "./jump.ts";
import { encodeSaid, mayDrop, VERDICT_KINDS, type Verdict } from "./marks.ts";
import type { Cursor, StreamRef, SyncStore } from "./ports.ts";
import { placesOf } from "./reader.ts";
import { type Base, buildSnapshot, NOTHING } from "./rebuild.ts";
import { sealMark } from "./seal.ts";
import { contentHash, encodeSnapshot, type Parent, type Snapshot } from "./snapshot.ts";
import type { Appraised, ReadSnapshot, Snapshots } from "./snapshots.ts";
import { advance, sameStream, START, streamKey } from "./streams.ts";
import type { Team } from "./team/team.ts";
import type { PulledRow, StreamCursor, Transport } from "./transport.ts";

const PAGE_ROWS = 2000;
/** Fewer bytes of changes are not worth a snapshot. */
const GATHERED_BYTES = 1024 * 1024;
/** A stream is looked at again when it has grown by so many rows. */
const GROWN_ROWS = 100;

export interface CompactionOptions {
  readonly store: Pick<SyncStore, "knownDocuments" | "placeAt">;
  readonly team: Team;
  readonly transport: Transport;
  readonly device: DeviceIdentity;
  readonly random: Random;
  readonly snapshots: Snapshots;
  readonly gatheredBytes?: number;
}

/** A stream at the newest place that this device verified. */
export interface Verified {
  readonly stream: StreamRef;
  readonly cursor: Cursor;
}

export class Compaction {
  readonly #options: CompactionOptions;
  /** Where each stream was when it was looked at. */
  readonly #looked = new Map<string, number>();
  /** The newest snapshot of each stream that holds all that this device knows, by its last row. */
  readonly #held = new Map<string, number>();

  constructor(options: CompactionOptions) {
    this.#options = options;
  }

  /** Whether to `tend` a stream now. `marked`: rows about snapshots came. */
  isDue({ stream, cursor }: Verified, marked: boolean): boolean {
    const looked = this.#looked.get(streamKey(stream));
    return marked || looked === undefined || cursor.n >= looked + GROWN_ROWS;
  }

  /** This device has begun with that snapshot, or gone over to it. */
  note(stream: StreamRef, last: number): void {
    this.#held.set(streamKey(stream), last);
  }

  /**
   * Whether something was pushed. `pushes`: this device has just written there, so that it may make a snapshot. `marked`: rows
   * about snapshots came.
   */
  async tend(
    held: Verified,
    others: readonly StreamCursor[],
    { pushes, marked }: { readonly pushes: boolean; readonly marked: boolean },
  ): Promise<Result<boolean>> {
    const { stream, cursor } = held;
    const { transport, gatheredBytes = GATHERED_BYTES } = this.#options;
    this.#looked.set(streamKey(stream), cursor.n);
    const list = await transport.snapshots(stream);
    if (!list.ok) return list;
    const found = await this.#appraise(stream, list.value.snapshots);
    if (!found.ok) return found;
    const { base, waiting } = found.value;
    if (base && marked) {
      const lacks = await this.#lacks(held, others, base);
      if (!lacks.ok) return lacks;
      if (lacks.value) return this.#say(held, "dispute", base, null);
    }
    if (base && !base.listed.dropped) await this.#compact(stream, base);
    for (const one of waiting) {
      const judged = await this.#judge(held, others, base, one);
      if (!judged.ok) return judged;
      if (judged.value !== "ignored") return ok(judged.value === "said");
    }
    const behindBytes = base ? base.listed.behindBytes : list.value.changesBytes;
    const enough = behindBytes >= Math.max(gatheredBytes, base?.listed.bytes ?? 0);
    const due = (pushes && enough) || (await this.#holdsTakenBack(stream, base));
    return due ? this.#make(held, others, base) : ok(false);
  }

  /** Whether the snapshot that stands has something in it that was taken back since: it goes with the next one. */
  async #holdsTakenBack(stream: StreamRef, base: Appraised | null): Promise<boolean> {
    const { team, snapshots } = this.#options;
    if (!base || team.state.retired.length === 0) return false;
    const read = await snapshots.read(stream, base);
    return (
      read.ok &&
      read.value !== null &&
      read.value.snapshot.documents.some(
        ({ id, owner, state }) =>
          !equalBytes(state, NOTHING) && team.isTakenBack(snapshots.wireId(id), owner),
      )
    );
  }

  /**
   * Whether a snapshot that others attested lacks what this device knows, which is ahead of it: with the rows behind it, it has
   * to come to all of that.
   */
  async #lacks(
    held: Verified,
    others: readonly StreamCursor[],
    base: Appraised,
  ): Promise<Result<boolean>> {
    const { device, store, team, snapshots } = this.#options;
    const { stream, cursor } = held;
    const { last } = base.listed;
    const own = base.maker === device.id || base.words.some((word) => word.device === device.id);
    // Who leads the team has looked into it.
    const vouched = base.words.some(({ verdict }) => verdict === "vouch");
    if (own || vouched || base.head.n > cursor.n || this.#held.get(streamKey(stream)) === last)
      return ok(false);
    const from = await this.#read(stream, base);
    if (!from.ok || from.value === "unread") return from.ok ? ok(false) : from;
    const built = await this.#build(held, others, from.value, cursor, team.state.head.n);
    if (!built.ok || built.value === null) return built.ok ? ok(false) : built;
    const isTakenBack = (doc: DocId, owner: string) =>
      team.isTakenBack(snapshots.wireId(doc), owner);
    const known = await store.knownDocuments(stream);
    if (!holdsAll({ isTakenBack }, known, built.value.documents)) return ok(true);
    this.note(stream, last);
    return ok(false);
  }

  /**
   * Who leads the team lets the newest disputed snapshot stand. False: there is none. Whoever vouches may be the one who cannot
   * get past it: the word counts with those in whose history snapshot and word stand.
   */
  async vouch(held: Verified): Promise<Result<boolean>> {
    const { snapshots, transport } = this.#options;
    const list = await transport.snapshots(held.stream);
    if (!list.ok) return list;
    for (const listed of list.value.snapshots) {
      const appraised = await snapshots.appraise(held.stream, listed);
      if (!appraised.ok) return appraised;
      if (appraised.value?.standing === "disputed")
        return this.#say(held, "vouch", appraised.value, null);
    }
    return ok(false);
  }

  /** Said once: that a snapshot lacks what this device knows. */
  async dispute(held: Verified, of: Appraised): Promise<void> {
    const own = this.#options.device.id;
    const said = of.words.some(({ verdict, device }) => verdict === "dispute" && device === own);
    if (!said) await this.#say(held, "dispute", of, null);
  }

  /** A word on a snapshot, at the end of its stream. */
  async #say(
    { stream, cursor }: Verified,
    verdict: Verdict,
    { listed, hash }: Pick<Appraised, "listed" | "hash">,
    content: Bytes | null,
  ): Promise<Result<boolean>> {
    const body = encodeSaid({ snapshot: hash, content });
    return this.#push(stream, VERDICT_KINDS[verdict], listed.last, body, cursor);
  }

  /** The newest one to go on from, and those behind it that nobody has attested or disputed, the newest first. */
  async #appraise(
    stream: StreamRef,
    listed: readonly Appraised["listed"][],
  ): Promise<Result<{ readonly base: Appraised | null; readonly waiting: readonly Appraised[] }>> {
    const waiting: Appraised[] = [];
    for (const one of listed) {
      const appraised = await this.#met(stream, one);
      if (!appraised.ok) return appraised;
      if (!appraised.value) continue;
      const { standing } = appraised.value;
      if (standing === "attested" || (standing === "waiting" && one.dropped))
        return ok({ base: appraised.value, waiting });
      if (standing === "waiting") waiting.push(appraised.value);
    }
    return ok({ base: null, waiting });
  }

  /** A snapshot, and what was said of it, as they stand in the history that this device verified. Null: it is not there. */
  async #met(stream: StreamRef, listed: Appraised["listed"]): Promise<Result<Appraised | null>> {
    const { snapshots } = this.#options;
    const appraised = await snapshots.appraise(stream, listed);
    if (!appraised.ok || !appraised.value) return appraised;
    const { hash, words } = appraised.value;
    if (!(await this.#stands(stream, listed.last, hash))) return ok(null);
    const met: Appraised["words"][number][] = [];
    for (const word of words) if (await this.#stands(stream, word.n, word.hash)) met.push(word);
    return ok(snapshots.heard(appraised.value, met));
  }

  /** Whether the verified history has a row of this hash there. */
  async #stands(stream: StreamRef, n: number, hash: Bytes): Promise<boolean> {
    const { store } = this.#options;
    const before = n === 1 ? START.h : await store.placeAt(stream, n - 1);
    const after = await store.placeAt(stream, n);
    return (
      before !== null &&
      after !== null &&
      equalBytes(advance({ n: n - 1, h: before }, hash).h, after)
    );
  }

  async #compact(stream: StreamRef, { listed, standing }: Appraised): Promise<void> {
    if (mayDrop(standing, listed)) await this.#options.transport.compact(stream, listed.last);
  }

  /** Attests another's snapshot, or disputes it. Ignored: one that nobody can go on from holds up no other. */
  async #judge(
    held: Verified,
    others: readonly StreamCursor[],
    base: Appraised | null,
    waiting: Appraised,
  ): Promise<Result<"said" | "waits" | "ignored">> {
    const { snapshots, device, team } = this.#options;
    const { stream } = held;
    const place = await this.#options.store.placeAt(stream, waiting.head.n);
    const covers =
      waiting.head.n > (base?.head.n ?? 0) && place && equalBytes(place, waiting.head.h);
    if (!covers || waiting.words.some((word) => word.device === device.id)) return ok("ignored");
    const read = await snapshots.readAny(stream, waiting);
    if (!read.ok) return read;
    if (read.value === null) return ok("ignored");
    const found = read.value === "none" ? null : read.value;
    if (found && !sameParent(found.snapshot.parent, base)) return ok("ignored");
    const from = await this.#read(stream, base);
    if (!from.ok || from.value === "unread") return from.ok ? ok("waits") : from;
    if (found && !(await this.#isOfItsTime(found, from.value))) return ok("ignored");
    if (waiting.maker === device.id) {
      await this.#compact(stream, waiting);
      return ok(found ? "waits" : "ignored");
    }
    const entry = found?.snapshot.entry ?? team.state.head.n;
    const built = await this.#build(held, others, from.value, waiting.head, entry);
    if (!built.ok) return built;
    if (built.value === null) return ok("waits");
    const content = contentHash(encodeSnapshot(built.value, snapshots.wireId));
    const same = found !== null && equalBytes(found.content, content);
    const said = await this.#say(held, same ? "attest" : "dispute", waiting, content);
    if (!said.ok) return said;
    if (said.value && same) await this.#options.transport.compact(stream, waiting.listed.last);
    return ok(said.value ? "said" : "waits");
  }

  /** The one to go on from, if there is one. */
  async #read(
    stream: StreamRef,
    base: Appraised | null,
  ): Promise<Result<ReadSnapshot | null | "unread">> {
    if (!base) return ok(null);
    const read = await this.#options.snapshots.read(stream, base);
    return read.ok ? ok(read.value ?? "unread") : read;
  }

  /** Whether its maker had read of the team's log no less than who made the one before, and no more than there is. */
  async #isOfItsTime({ snapshot }: ReadSnapshot, from: ReadSnapshot | null): Promise<boolean> {
    const { team } = this.#options;
    if (snapshot.entry > team.state.head.n) await team.refresh();
    return snapshot.entry >= (from?.snapshot.entry ?? 0) && snapshot.entry <= team.state.head.n;
  }

  async #make(
    held: Verified,
    others: readonly StreamCursor[],
    base: Appraised | null,
  ): Promise<Result<boolean>> {
    const { stream, cursor } = held;
    const from = await this.#read(stream, base);
    if (!from.ok || from.value === "unread") return from.ok ? ok(false) : from;
    const entry = this.#options.team.state.head.n;
    const built = await this.#build(held, others, from.value, cursor, entry);
    if (!built.ok || built.value === null) return built.ok ? ok(false) : built;
    const body = encodeSnapshot(built.value, this.#options.snapshots.wireId);
    if (body.length > MAX_PARTS * PART_BYTES) return ok(false);
    return this.#push(stream, KIND_SNAPSHOT, cursor.n, body, cursor);
  }

  /** What the rows up to `to` make of `from`. Null: they cannot be read, or are not those that this device verified. */
  async #build(
    held: Verified,
    others: readonly StreamCursor[],
    from: ReadSnapshot | null,
    to: Cursor,
    entry: number,
  ): Promise<Result<Snapshot | null>> {
    const team = this.#options.team.asOf(entry);
    if (!team || (from && from.snapshot.entry > entry)) return ok(null);
    const rows = await this.#rowsFrom(held, others, from?.head ?? START, to);
    if (!rows.ok || rows.value === null) return rows.ok ? ok(null) : rows;
    const options = { team, wireId: this.#options.snapshots.wireId, entry };
    return ok(await buildSnapshot(options, held.stream, from && baseOf(from), rows.value));
  }

  /** The rows between two places, when those and all up to the cursor are the verified history. */
  async #rowsFrom(
    { stream, cursor }: Verified,
    others: readonly StreamCursor[],
    from: Cursor,
    to: Cursor,
  ): Promise<Result<readonly PulledRow[] | null>> {
    const { transport, team } = this.#options;
    const rows: PulledRow[] = [];
    let at = from;
    let agreed = false;
    const meets = (place: Cursor) => place.n === to.n && equalBytes(place.h, to.h);
    while (at.n < cursor.n) {
      const asked = [
        ...others.filter((other) => !sameStream(other.stream, stream)),
        { stream, cursor: at },
      ];
      const page = await transport.pull(team.id, asked, PAGE_ROWS);
      if (!page.ok) return page;
      const fresh = page.value.rows.filter((row) => sameStream(row.stream, stream));
      const places = placesOf(at, fresh);
      if (places.length === 0) return ok(null);
      agreed ||= places.some(meets);
      rows.push(...fresh.slice(0, places.length).filter(({ n }) => n <= to.n));
      at = places.find(({ n }) => n === cursor.n) ?? (places.at(-1) as Cursor);
    }
    return ok(agreed && equalBytes(at.h, cursor.h) ? rows : null);
  }

  async #push(
    stream: StreamRef,
    kind: number,
    n: number,
    body: Bytes,
    head: Cursor,
  ): Promise<Result<boolean>> {
    const { team, transport, device, random } = this.#options;
    const author = { keys: team.keys.newest, device, replica: toHex(random(ID_BYTES)) };
    const rows = sealMark(author, stream, { kind, n }, body, head, random);
    const answers = await transport.push(stream, rows);
    return answers.ok ? ok(answers.value.every(({ is }) => is !== "conflict")) : answers;
  }
}

function baseOf({ listed, hash, head, snapshot }: ReadSnapshot): Base {
  return { n: head.n, parent: { last: listed.last, hash }, snapshot };
}

function sameParent(parent: Parent | null, base: Appraised | null): boolean {
  if (!parent || !base) return parent === null && base === null;
  return parent.last === base.listed.last && equalBytes(parent.hash, base.hash);
}
