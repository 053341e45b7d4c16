/**
 * Own rows on their way: sealed, perhaps sent, and not met in the verified history yet. Every retry sends the same bytes.
 *
 * A matter of memory: after a crash the next process has another replica, and meets these rows like those of any other device.
 */
import { type Bytes, toHex } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { pendingUpdate } from "../crdt/known.ts";
import type { DeviceIdentity } from "../crypto/device.ts";
import { ID_BYTES } from "../crypto/hash.ts";
import { MAX_PARTS, PART_BYTES } from "../crypto/row.ts";
import type { Cursor, StreamRef, SyncStore } from "./ports.ts";
import { type Author, type SealedRow, sealUpdate, type Tail } from "./seal.ts";
import { streamKey } from "./streams.ts";
import type { Tally } from "./tally.ts";
import type { Team } from "./team/team.ts";

/** What one push carries at most; a single row may be larger. */
const PUSH_BYTES = 1024 * 1024;
/** What is sealed and in flight at once; the rest follows when it has landed. */
const FLIGHT_BYTES = 4 * 1024 * 1024;
/** How often one exchange sends the same document, and how many conflicts it bears. */
export const MAX_TRIES = 4;

export interface FlightsOptions {
  readonly store: Pick<SyncStore, "document" | "state" | "settle" | "pendingDocuments">;
  readonly team: Team;
  readonly device: DeviceIdentity;
  readonly random: Random;
  /** Rows that are about to be pushed for the first time. */
  readonly onSealed: (stream: StreamRef, rows: readonly SealedRow[]) => void;
}

interface Flight {
  readonly stream: StreamRef;
  readonly rev: number;
  /** Not yet met in the verified history, in order. */
  rows: readonly InFlight[];
}

export interface InFlight {
  readonly sealed: SealedRow;
  readonly hash: string;
  /** Where the server says it stands. */
  answered: number | null;
}

/** The newest verified place of a stream. */
type CursorOf = (stream: StreamRef) => Cursor;

export class Flights {
  readonly #options: FlightsOptions;
  readonly #cursorOf: CursorOf;
  readonly #flights = new Map<DocId, Flight>();
  readonly #tails = new Map<DocId, Tail>();
  #replica: string;

  constructor(options: FlightsOptions, cursorOf: CursorOf) {
    this.#options = options;
    this.#cursorOf = cursorOf;
    this.#replica = toHex(options.random(ID_BYTES));
  }

  get any(): boolean {
    return this.#flights.size > 0;
  }

  of(doc: DocId): { stream: StreamRef; rows: readonly SealedRow[] } | null {
    const flight = this.#flights.get(doc);
    return flight ? { ...flight, rows: flight.rows.map(({ sealed }) => sealed) } : null;
  }

  /** All of them, by hash (hex). */
  get rows(): ReadonlyMap<string, SealedRow> {
    return new Map(
      [...this.#flights.values()].flatMap(({ rows }) =>
        rows.map(({ hash, sealed }) => [hash, sealed] as const),
      ),
    );
  }

  /** What was in flight is forgotten: if it arrived, the next pull brings it as another replica's. */
  startReplica(): void {
    this.#replica = toHex(this.#options.random(ID_BYTES));
    this.#flights.clear();
    this.#tails.clear();
  }

  /**
   * Seals what is pending, of these documents or of all that the store names, until enough is in flight; and gives what is to be
   * sent, by stream, in pushes. To a stream that is halted nothing flies.
   */
  async take(
    only: readonly DocId[] | null,
    due: (doc: DocId) => boolean,
    tally: Tally,
  ): Promise<readonly { stream: StreamRef; pushes: Iterable<readonly InFlight[]> }[]> {
    const { store, team } = this.#options;
    await this.#recall();
    for (const doc of only ?? (await store.pendingDocuments(team.id))) {
      if (this.#bytes(tally) >= FLIGHT_BYTES) break;
      if (!this.#flights.has(doc) && due(doc)) await this.#seal(doc, tally);
    }
    const byStream = Map.groupBy(this.#bound(tally), ({ stream }) => streamKey(stream));
    return [...byStream.values()].map((flown) => ({
      stream: (flown[0] as Flight).stream,
      pushes: chunks(flown.flatMap(({ rows }) => rows)),
    }));
  }

  /** Own rows that the verified history has reached. */
  async land(hashes: ReadonlySet<string>, tally: Tally): Promise<void> {
    tally.pushed += hashes.size;
    for (const [doc, flight] of this.#flights) {
      flight.rows = flight.rows.filter(({ hash }) => !hashes.has(hash));
      if (flight.rows.length > 0) continue;
      this.#flights.delete(doc);
      if (!(await this.#options.store.settle(doc, flight.rev))) await this.#settleGrown(doc);
    }
  }

  /** After a pull: rows that the server said it had, at a place where the verified history has another. */
  dropLost(tally: Tally): boolean {
    let lost = false;
    for (const { stream, rows } of this.#flights.values()) {
      for (const { answered } of rows) {
        if (answered === null || answered > this.#cursorOf(stream).n) continue;
        tally.alarms.add(stream, { is: "own-row-lost" });
        lost = true;
      }
    }
    if (lost) this.startReplica();
    return lost;
  }

  /** What was sealed of a document and did not leave, or may not have: it stays, if the document is not shared any more. */
  async #recall(): Promise<void> {
    for (const doc of this.#flights.keys())
      if ((await this.#options.store.document(doc))?.retired) this.#flights.delete(doc);
  }

  async #seal(doc: DocId, tally: Tally): Promise<void> {
    const { store, team, device, random } = this.#options;
    const keys = team.keys.newest;
    const held = await store.state(doc);
    if (held?.stream?.team !== team.id || tally.halted.has(streamKey(held.stream))) return;
    if (held.retired) return;
    const foreign = held.kind === "trace" && held.owner !== null && held.owner !== device.id;
    const update: Bytes | null = foreign ? null : pendingUpdate(held.state, held.known);
    if (!update) return void (await store.settle(doc, held.rev));
    if (update.length > MAX_PARTS * PART_BYTES)
      return tally.alarms.add(held.stream, { is: "too-large", document: doc });
    const tries = tally.tries.get(doc) ?? 0;
    if (tries === MAX_TRIES) return;
    tally.tries.set(doc, tries + 1);
    const author: Author = { keys, device, replica: this.#replica };
    const { stream, kind } = held;
    const head = this.#cursorOf(stream);
    const target = { doc, kind, stream };
    const rows = sealUpdate(author, target, update, this.#tails.get(doc) ?? null, head, random);
    const { header, hash } = rows.at(-1) as SealedRow;
    this.#tails.set(doc, { seq: header.seq, hash });
    this.#flights.set(doc, {
      stream,
      rev: held.rev,
      rows: rows.map((sealed) => ({ sealed, hash: toHex(sealed.hash), answered: null })),
    });
    this.#options.onSealed(stream, rows);
  }

  /** The document has grown since it was sealed: by others' rows it is settled all the same, by an edit it is not. */
  async #settleGrown(doc: DocId): Promise<void> {
    const { store } = this.#options;
    const held = await store.state(doc);
    if (held && !pendingUpdate(held.state, held.known)) await store.settle(doc, held.rev);
  }

  #bound({ halted }: Tally): readonly Flight[] {
    return [...this.#flights.values()].filter(({ stream }) => !halted.has(streamKey(stream)));
  }

  #bytes(tally: Tally): number {
    const rows = this.#bound(tally).flatMap((flight) => flight.rows);
    return rows.reduce((sum, { sealed }) => sum + sealed.row.length, 0);
  }
}

function* chunks(rows: readonly InFlight[]): Generator<readonly InFlight[]> {
  let chunk: InFlight[] = [];
  let sizeBytes = 0;
  for (const row of rows) {
    if (chunk.length > 0 && sizeBytes + row.sealed.row.length > PUSH_BYTES) {
      yield chunk;
      chunk = [];
      sizeBytes = 0;
    }
    chunk.push(row);
    sizeBytes += row.sealed.row.length;
  }
  if (chunk.length > 0) yield chunk;
}
