/**
 * Over rows without bodies to where a snapshot goes on. Who has nothing begins there. Who has something goes by the hashes
 * of all rows between, which must come to the running hash that the snapshot names.
 *
 * Then on by the hashes behind it, before anything of it is taken: until the snapshot's last row and all words about it stand where the
 * server says that they do, and the history is that of who removed one of those that speak (`marks.ts`).
 */
import { type Bytes, equalBytes, toHex } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import { rowHash } from "../crypto/row.ts";
import type { Alarm } from "./alarms.ts";
import type { Cursor, StreamRef } from "./ports.ts";
import type { Appraised, Pin, ReadSnapshot, Snapshots } from "./snapshots.ts";
import { advance, streamKey } from "./streams.ts";
import type { Asked, DroppedRow, PulledRow, Transport } from "./transport.ts";

export type AnyRow = PulledRow | DroppedRow;

/** What is kept of the rows behind the snapshot, so that they are not asked for again. */
const BEHIND_BYTES = 16 * 1024 * 1024;

/**
 * `there`: all rows up to the snapshot are verified; `passed`: their hashes (hex); `behind`: rows that follow, as they came. `on`: there
 * are more to come. `again`: ask from `at`, whatever the page says.
 */
export type Step =
  | { readonly is: "alarm"; readonly alarm: Alarm }
  | { readonly is: "on" }
  | { readonly is: "again" }
  | {
      readonly is: "there";
      readonly to: ReadSnapshot;
      readonly passed: ReadonlySet<string>;
      readonly behind: readonly AnyRow[];
    };

interface Way {
  readonly stream: StreamRef;
  readonly from: Cursor;
  readonly to: ReadSnapshot;
  /** What the history still has to say, and the last number of that. */
  readonly pins: readonly Pin[];
  readonly end: number;
  at: Cursor;
  readonly passed: Set<string>;
  readonly behind: AnyRow[];
  roomBytes: number;
}

export class Crossings {
  readonly #snapshots: Snapshots;
  readonly #transport: Transport;
  readonly #ways = new Map<string, Way>();

  constructor(snapshots: Snapshots, transport: Transport) {
    this.#snapshots = snapshots;
    this.#transport = transport;
  }

  isUnderWay(stream: StreamRef): boolean {
    return this.#ways.has(streamKey(stream));
  }

  /** What to ask for of the streams that are under way, by their keys. */
  get asked(): readonly (readonly [string, Asked])[] {
    return [...this.#ways].map(([key, { stream, at, to }]) => [
      key,
      { stream, cursor: at, held: to.listed.last },
    ]);
  }

  end(stream: StreamRef): void {
    this.#ways.delete(streamKey(stream));
  }

  /** `rows`: what follows `at`, or the cursor `from`, in order. `more`: the stream has rows behind them. */
  async step(
    stream: StreamRef,
    from: Cursor,
    rows: readonly AnyRow[],
    more: boolean,
  ): Promise<Result<Step>> {
    const begun = this.#ways.get(streamKey(stream));
    const way = begun ?? (await this.#begin(stream, from));
    if ("ok" in way) {
      if (!way.ok) return way;
      const first = rows.find((row) => !("row" in row)) as AnyRow;
      const alarm = way.value ?? { is: "deleted", n: first.n };
      return ok({ is: "alarm", alarm });
    }
    this.#ways.set(streamKey(stream), way);
    const { to, passed, behind } = way;
    // Who has nothing has asked from the start.
    const asked = begun ? rows : rows.filter(({ n }) => n > way.at.n);
    for (const row of asked) {
      const alarm = pass(way, row);
      if (alarm) return ok({ is: "alarm", alarm });
    }
    if (way.at.n >= way.end) return ok({ is: "there", to, passed, behind });
    // What is said of the snapshot may be newer than this page.
    if (!begun) return ok({ is: "again" });
    if (more) return ok({ is: "on" });
    return ok({ is: "alarm", alarm: way.at.n < to.head.n ? { is: "hole" } : lie(way) });
  }

  /**
   * The newest snapshot that stands; else one that nobody has spoken of and for which bodies went, which the jump will tell; else
   * why there is none.
   */
  async #begin(stream: StreamRef, from: Cursor): Promise<Way | Result<Alarm | null>> {
    const list = await this.#transport.snapshots(stream);
    if (!list.ok) return list;
    const found: Appraised[] = [];
    for (const listed of list.value.snapshots) {
      const appraised = await this.#snapshots.appraise(stream, listed);
      if (!appraised.ok) return appraised;
      if (appraised.value && appraised.value.head.n > from.n) found.push(appraised.value);
    }
    for (const wanted of ["attested", "waiting"] as const)
      for (const appraised of found.filter((one) => one.standing === wanted)) {
        if (wanted === "waiting" && !appraised.listed.dropped) continue;
        const read = await this.#snapshots.read(stream, appraised);
        if (!read.ok) return read;
        if (read.value?.standing === wanted) return wayTo(stream, read.value, from);
      }
    const disputed = found.find(({ standing }) => standing === "disputed");
    const dispute = disputed?.words.findLast(({ verdict }) => verdict === "dispute");
    return ok(dispute ? { is: "disputed", device: dispute.device } : null);
  }
}

/** Who has nothing begins where the snapshot ends. */
function wayTo(stream: StreamRef, to: ReadSnapshot, from: Cursor): Way {
  const pins: readonly Pin[] = [...to.pins, { ...to.head, is: "place", hash: to.head.h }];
  return {
    stream,
    from,
    to,
    pins,
    end: Math.max(...pins.map(({ n }) => n)),
    at: from.n === 0 ? to.head : from,
    passed: new Set(),
    behind: [],
    roomBytes: BEHIND_BYTES,
  };
}

/** One row on. */
function pass(way: Way, row: AnyRow): Alarm | null {
  const bytes = "row" in row ? row.row.length : row.hash.length;
  if (row.n > way.to.head.n) {
    way.roomBytes -= bytes;
    if (way.roomBytes >= 0) way.behind.push(row);
  }
  if (way.at.n >= way.end) return null;
  if (row.n !== way.at.n + 1) return { is: "hole" };
  const hash = "row" in row ? rowHash(row.row) : row.hash;
  way.at = advance(way.at, hash);
  if (row.n <= way.to.head.n) way.passed.add(toHex(hash));
  const wrong = way.pins.find((pin) => pin.n === row.n && !fits(pin, way.at, hash));
  if (!wrong) return null;
  return row.n === way.to.head.n ? { is: "history", n: way.from.n } : lie(way);
}

function fits(pin: Pin, { h }: Cursor, rowHash: Bytes): boolean {
  return equalBytes(pin.hash, pin.is === "row" ? rowHash : h);
}

/** The server has said of the snapshot what the history does not say: none stands. */
function lie({ from }: Way): Alarm {
  return { is: "deleted", n: from.n + 1 };
}
