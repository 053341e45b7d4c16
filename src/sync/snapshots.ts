/** Snapshots as the server gives them, held against who signed what. */
import { type Bytes, concatBytes, equalBytes, toHex } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import { KIND_SNAPSHOT, peekHeader, type RowHeader } from "../crypto/header.ts";
import { MAX_PARTS, rowHash } from "../crypto/row.ts";
import { wireDocumentId } from "../crypto/team.ts";
import { roleOf } from "../crypto/log/state.ts";
import {
  decodeSaid,
  type Standing,
  standingOf,
  VERDICT_KINDS,
  type Verdict,
  type Word,
} from "./marks.ts";
import type { Cursor, StreamRef } from "./ports.ts";
import { type MarkRow, unsealMark } from "./seal.ts";
import { contentHash, decodeSnapshot, type Snapshot } from "./snapshot.ts";
import { streamKey } from "./streams.ts";
import type { Team } from "./team/team.ts";
import type { ListedSnapshot, Transport } from "./transport.ts";

/** A snapshot by its last row, which its maker signed. */
interface Proven {
  readonly maker: string;
  /** What it covers. */
  readonly head: Cursor;
  /** Of its last row. */
  readonly hash: Bytes;
}

/** A word, and its row's hash. */
export interface HeardWord extends Word {
  readonly hash: Bytes;
}

/** What stands at a number of the stream: a row by its hash, or the running hash. */
export type Pin =
  | { readonly n: number; readonly is: "row"; readonly hash: Bytes }
  | { readonly n: number; readonly is: "place"; readonly hash: Bytes };

/** And what others said of it. All of it at numbers that the server names: `pins` are what the history has to say to that. */
export interface Appraised extends Proven {
  readonly listed: ListedSnapshot;
  readonly words: readonly HeardWord[];
  readonly standing: Standing;
  readonly pins: readonly Pin[];
}

export interface ReadSnapshot extends Appraised {
  readonly snapshot: Snapshot;
  readonly content: Bytes;
  /** Its rows by hash (hex). */
  readonly rows: ReadonlyMap<string, Bytes>;
}

export class Snapshots {
  readonly #team: Team;
  readonly #transport: Transport;
  /** By stream and number of its last row. */
  readonly #proven = new Map<string, Proven>();

  constructor(team: Team, transport: Transport) {
    this.#team = team;
    this.#transport = transport;
  }

  readonly wireId = (doc: DocId): string => wireDocumentId(this.#team.keys.newest, doc);

  /** The stream will be read from its start, where others may stand. */
  forget(stream: StreamRef): void {
    for (const key of this.#proven.keys())
      if (key.startsWith(placeKey(stream, ""))) this.#proven.delete(key);
  }

  /** Null: what the server calls a snapshot is none, or not of a device of the team. */
  async appraise(stream: StreamRef, listed: ListedSnapshot): Promise<Result<Appraised | null>> {
    const { last } = listed;
    const key = placeKey(stream, last);
    const found = this.#proven.get(key) ?? (await this.#prove(stream, last));
    if (found && "ok" in found) return found;
    if (!found || !this.#team.accepts(found.maker, stream, last)) return ok(null);
    this.#proven.set(key, found);
    const { maker, hash } = found;
    const words = listed.words.flatMap((word) => this.#wordOf(stream, last, hash, word) ?? []);
    const pins = this.#pinsOf(stream, found, last, words);
    return ok({ ...found, listed, words, pins, standing: this.#judge(maker, words) });
  }

  /** The same, if only these words were said. */
  heard(appraised: Appraised, words: readonly HeardWord[]): Appraised {
    return { ...appraised, words, standing: this.#judge(appraised.maker, words) };
  }

  /** Of who was removed since, the log says where the stream was then. */
  #pinsOf(
    stream: StreamRef,
    { maker, hash }: Proven,
    last: number,
    words: readonly HeardWord[],
  ): readonly Pin[] {
    const devices = new Set([maker, ...words.map(({ device }) => device)]);
    const fences = [...devices].flatMap((device) => this.#team.fenceOf(device, stream) ?? []);
    return [
      { n: last, is: "row", hash },
      ...words.map((word): Pin => ({ n: word.n, is: "row", hash: word.hash })),
      ...fences.map(({ n, h }): Pin => ({ n, is: "place", hash: h })),
    ];
  }

  async #prove(stream: StreamRef, last: number): Promise<Proven | null | Result<never>> {
    const page = await this.#transport.snapshotRows(stream, last, last - 1);
    if (!page.ok) return page;
    const row = page.value.rows.find(({ n }) => n === last)?.row;
    const mark = row && this.#open(stream, row, last, null);
    if (!row || !mark || mark.header.kind !== KIND_SNAPSHOT || mark.header.mark.left !== 0)
      return null;
    // It stands behind what it covers.
    if (mark.head.n >= last) return null;
    return { maker: mark.header.device, head: mark.head, hash: rowHash(row) };
  }

  /** All of it. Null: it cannot be read, or is not one. */
  async read(stream: StreamRef, appraised: Appraised): Promise<Result<ReadSnapshot | null>> {
    const read = await this.readAny(stream, appraised);
    return read.ok ? ok(read.value === "none" ? null : read.value) : read;
  }

  /** Null: the server does not give it. "none": its maker signed something else. */
  async readAny(
    stream: StreamRef,
    appraised: Appraised,
  ): Promise<Result<ReadSnapshot | "none" | null>> {
    const rows: Bytes[] = [];
    const { last } = appraised.listed;
    for (let after = 0; ;) {
      const page = await this.#transport.snapshotRows(stream, last, after);
      if (!page.ok) return page;
      for (const { n, row } of page.value.rows) {
        if (n <= after || n > last || rows.length === MAX_PARTS) return ok(null);
        rows.push(row);
        after = n;
      }
      if (!page.value.more) break;
      if (page.value.rows.length === 0) return ok(null);
    }
    const newest = rows.at(-1);
    if (!newest || !equalBytes(rowHash(newest), appraised.hash)) {
      // A server that was set back may have another one there by now.
      this.#proven.delete(placeKey(stream, last));
      return ok(null);
    }
    const body = this.#join(stream, rows, last);
    const snapshot = body && decodeSnapshot(body, this.wireId);
    if (!body || !snapshot) return ok(body ? "none" : null);
    const content = contentHash(body);
    // Who came to something else has not attested this.
    const words = appraised.words.filter(
      (word) => word.verdict !== "attest" || (word.content && equalBytes(word.content, content)),
    );
    const byHash = new Map(rows.map((row) => [toHex(rowHash(row)), row]));
    return ok({ ...this.heard(appraised, words), snapshot, content, rows: byHash });
  }

  /** The body, when the rows are one snapshot from its first to its last. */
  #join(stream: StreamRef, rows: readonly Bytes[], last: number): Bytes | null {
    const bodies: Bytes[] = [];
    let next: RowHeader | null = null;
    let end: MarkRow | null = null;
    for (const [i, row] of rows.toReversed().entries()) {
      const mark = this.#open(stream, row, last, next);
      if (!mark || mark.header.kind !== KIND_SNAPSHOT) return null;
      end ??= mark;
      const { header, head, parts } = mark;
      const same = header.mark.n === end.header.mark.n && equalBytes(head.h, end.head.h);
      if (!same || head.n !== header.mark.n || parts !== rows.length || header.mark.left !== i)
        return null;
      bodies.unshift(mark.body);
      next = header;
    }
    return concatBytes(...bodies);
  }

  /** `next`: the row behind it, which is proven. `n`: where it stands, or at most. */
  #open(stream: StreamRef, row: Bytes, n: number, next: RowHeader | null): MarkRow | null {
    const header = peekHeader(row);
    if (!header.ok || !this.#team.accepts(header.value.device, stream, n)) return null;
    const { device, epoch } = header.value;
    const signKey = this.#team.signKeyOf(device);
    const keys = this.#team.keys.of(epoch);
    if (!signKey || !keys) return null;
    const proof = next
      ? ({ by: "successor", header: next } as const)
      : ({ by: "signature", signKey } as const);
    return unsealMark(row, stream, proof, keys);
  }

  #wordOf(
    stream: StreamRef,
    last: number,
    hash: Bytes,
    { n, row }: { readonly n: number; readonly row: Bytes },
  ): HeardWord | null {
    // It stands behind what it speaks of.
    const mark = n > last ? this.#open(stream, row, n, null) : null;
    const said = mark && decodeSaid(mark.body);
    if (!mark || !said || mark.header.mark.n !== last || !equalBytes(said.snapshot, hash))
      return null;
    const verdict = (Object.keys(VERDICT_KINDS) as Verdict[]).find(
      (each) => VERDICT_KINDS[each] === mark.header.kind,
    );
    if (!verdict) return null;
    const { device } = mark.header;
    return { verdict, device, n, content: said.content, hash: rowHash(row) };
  }

  #judge(maker: string, words: readonly Word[]): Standing {
    return standingOf(maker, words, (device) => this.leads(device));
  }

  /** Whether a device is an owner's or admin's. */
  leads(device: string): boolean {
    const { state } = this.#team;
    const role = roleOf(state, state.devices.get(device)?.member ?? "");
    return role === "owner" || role === "admin";
  }
}

function placeKey(stream: StreamRef, n: number | ""): string {
  return `${streamKey(stream)} ${n}`;
}
