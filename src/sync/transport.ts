/**
 * What sync needs of a network. It carries sealed rows and opaque names, and believes nothing it is told:
 * an implementation only has to be polite, never honest.
 *
 * Faults have a sentence for a person. `type` "stale-epoch" on a push says that the team has a newer key; every other
 * type is treated as "try again later".
 */
import type { Bytes } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import type { Result } from "../base/result.ts";
import type { Cursor, StreamRef } from "./ports.ts";
import type { TeamServer } from "./team/server.ts";

declare const sealed: unique symbol;

/** A row or a presence message that was encrypted and signed on this device. `seal.ts` is the only place that makes one. */
export type Sealed = Bytes & { readonly [sealed]: true };

export interface StreamCursor {
  readonly stream: StreamRef;
  readonly cursor: Cursor;
}

export interface PulledRow {
  readonly stream: StreamRef;
  readonly n: number;
  readonly row: Bytes;
}

/** A row whose body a snapshot covers, or that was said to be held: its hash is what is left. */
export interface DroppedRow {
  readonly stream: StreamRef;
  readonly n: number;
  readonly hash: Bytes;
}

/** Where a stream is read from. */
export interface Asked extends StreamCursor {
  /** The rows of snapshots up to this number are here already and need not be brought. */
  readonly held?: number;
}

export interface Page {
  /** Per stream in the order of `n`, with those that were dropped without holes. */
  readonly rows: readonly PulledRow[];
  readonly dropped?: readonly DroppedRow[];
  /** There are rows beyond this page. */
  readonly more: boolean;
  /** The newest number and running hash of every stream of the team this account can read, not later than `rows`. */
  readonly heads: readonly StreamCursor[];
  /** How many entries the team's log lists, not earlier than `rows`. */
  readonly listed: number;
}

/**
 * `stored`: now in the stream at `n`, `h` the running hash after it. `known`: the same bytes were there already, at `n`.
 * `conflict`: another row has this document, replica and sequence.
 */
export type PushAnswer =
  | { readonly is: "stored"; readonly n: number; readonly h: Bytes }
  | { readonly is: "known"; readonly n: number }
  | { readonly is: "conflict" };

/** What the server says of a snapshot. Hints, but for the words: those are signed. */
export interface ListedSnapshot {
  /** The number of its last row. */
  readonly last: number;
  /** Of its rows. */
  readonly bytes: number;
  /** Of the changes it does not cover. */
  readonly behindBytes: number;
  /** Days since it came. */
  readonly days: number;
  /** Another device than its maker's has a row behind those it covers. */
  readonly othersActive: boolean;
  /** Bodies went for it. */
  readonly dropped: boolean;
  /** Rows that attest or dispute it, or vouch for it. */
  readonly words: readonly { readonly n: number; readonly row: Bytes }[];
}

export interface SnapshotList {
  /** Of all changes that the stream has. */
  readonly changesBytes: number;
  /** The newest first: those for which bodies went, the newest of those for which they may go, and the newest of each device. */
  readonly snapshots: readonly ListedSnapshot[];
}

export interface SnapshotPage {
  readonly rows: readonly { readonly n: number; readonly row: Bytes }[];
  readonly more: boolean;
}

/** The newest row of a stream, and the server's running hash after it. */
export interface Brought extends PulledRow {
  readonly h: Bytes;
}

/**
 * `ready`: the channel hears everything from now on, so fetch once. `poke`: the stream has a row `n`, `brought` if it is a
 * small one. `log`: the team's log lists so many entries. `down`: it hears nothing.
 */
export type Signal =
  | { readonly is: "ready" }
  | {
      readonly is: "poke";
      readonly stream: StreamRef;
      readonly n: number;
      readonly brought: Brought | null;
    }
  | { readonly is: "log"; readonly listed: number }
  | { readonly is: "down"; readonly reason: string };

/** What goes over the channel of a stream: rows of up to `LIVE_MAX_BYTES`, and who is there (`PRESENCE_BYTES`). */
export type Said = "row" | "presence";

/** `ready`: the channel hears everything from now on; again after each time that it was down. */
export type Heard = { readonly is: "ready" } | { readonly is: Said; readonly bytes: Bytes };

/** A place on the channel of a stream, until it is closed. */
export interface Look {
  /** To whoever else looks at the stream now. May be lost, and says nothing of it. */
  send(is: Said, bytes: Sealed): void;
  close(): void;
}

export interface Transport extends TeamServer {
  /** Rows after each cursor, at most `limit` in all. A stream that is not named is read from its start. */
  pull(team: TeamId, cursors: readonly Asked[], limit: number): Promise<Result<Page>>;

  snapshots(stream: StreamRef): Promise<Result<SnapshotList>>;

  /** Rows of one snapshot behind row `after`, in their order. */
  snapshotRows(stream: StreamRef, last: number, after: number): Promise<Result<SnapshotPage>>;

  /** Asks that the bodies go which a snapshot covers. */
  compact(stream: StreamRef, last: number): Promise<Result<void>>;

  /**
   * All or nothing up to the first conflict: answers stand in the order of `rows`, and end with the conflict if there is one
   * (rows behind it are not stored).
   */
  push(stream: StreamRef, rows: readonly Sealed[]): Promise<Result<readonly PushAnswer[]>>;

  /** The team's channel of this epoch: who was removed hears no later one. Connects again by itself. Returns how to stop. */
  listen(team: TeamId, epoch: number, onSignal: (signal: Signal) => void): () => void;

  /**
   * Joins the channel of a stream that somebody looks at, where rows go from device to device before they have a place in
   * the stream. `tag` names the channel, anew in each epoch. Connects again by itself.
   */
  look(stream: StreamRef, tag: string, onHeard: (heard: Heard) => void): Look;
}

/** The largest row that goes over the channel of a stream. */
export const LIVE_MAX_BYTES = 64 * 1024;
