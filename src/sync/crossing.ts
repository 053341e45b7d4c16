/**
 * Over rows without bodies to where a snapshot goes on. Who has nothing begins there. Who has something goes by the hashes
 * of all rows between, which must come to the running hash that the snapshot names.
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import { rowHash } from "../crypto/row.ts";
import type { Alarm } from "./alarms.ts";
import type { Cursor, StreamRef } from "./ports.ts";
import type { Appraised, ReadSnapshot, Snapshots } from "./snapshots.ts";
import { advance, streamKey } from "./streams.ts";
import type { DroppedRow, PulledRow, Transport } from "./transport.ts";

export type AnyRow = PulledRow | DroppedRow;

/** `there`: all rows up to the snapshot are verified; `passed`: their hashes (hex). `on`: there are more to come. */
export type Step =
  | { readonly is: "alarm"; readonly alarm: Alarm }
  | { readonly is: "on" }
  | { readonly is: "there"; readonly to: ReadSnapshot; readonly passed: ReadonlySet<string> };

interface Way {
  readonly to: ReadSnapshot;
  readonly at: Cursor;
  readonly passed: Set<string>;
}

export class Crossings {
  readonly #snapshots: Snapshots;
  readonly #transport: Transport;
  readonly #ways = new Map<string, Way>();

  constructor(snapshots: Snapshots, transport: Transport) {
    this.#snapshots = snapshots;
    this.#transport = transport;
  }

  /** How far the way has gone; null: there is none under way. */
  at(stream: StreamRef): Cursor | null {
    return this.#ways.get(streamKey(stream))?.at ?? null;
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
    const way = this.#ways.get(streamKey(stream)) ?? (await this.#begin(stream, from));
    if ("ok" in way) {
      if (!way.ok) return way;
      const first = rows.find((row) => !("row" in row)) as AnyRow;
      const alarm = way.value ?? { is: "deleted", n: first.n };
      return ok({ is: "alarm", alarm });
    }
    const { to, passed } = way;
    let { at } = way;
    if (from.n === 0) return ok({ is: "there", to, passed });
    for (const row of rows) {
      if (at.n === to.head.n) break;
      if (row.n !== at.n + 1) return ok({ is: "alarm", alarm: { is: "hole" } });
      const hash = "row" in row ? rowHash(row.row) : row.hash;
      at = advance(at, hash);
      passed.add(toHex(hash));
    }
    this.#ways.set(streamKey(stream), { to, at, passed });
    if (at.n < to.head.n) return ok(more ? { is: "on" } : { is: "alarm", alarm: { is: "hole" } });
    return equalBytes(at.h, to.head.h)
      ? ok({ is: "there", to, passed })
      : ok({ is: "alarm", alarm: { is: "history", n: from.n } });
  }

  /** The newest snapshot that stands; else one that nobody has spoken of, which the jump will tell; else why there is none. */
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
      for (const appraised of found.filter(({ standing }) => standing === wanted)) {
        const read = await this.#snapshots.read(stream, appraised);
        if (!read.ok) return read;
        if (read.value?.standing === wanted) return { to: read.value, at: from, passed: new Set() };
      }
    const disputed = found.find(({ standing }) => standing === "disputed");
    const dispute = disputed?.words.findLast(({ verdict }) => verdict === "dispute");
    return ok(dispute ? { is: "disputed", device: dispute.device } : null);
  }
}
