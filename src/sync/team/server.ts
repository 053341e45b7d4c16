/**
 * What a team needs of a network besides rows: its log, the keys that stand beside it, and invites. As with `Transport`,
 * an implementation has to be polite and never honest: whoever asks judges the answers.
 *
 * Faults have a sentence for a person. By their type: "log-moved": others appended first, so read and draft again.
 * "fence-stale": who is removed wrote since the fences were taken. After both, who is removed writes nothing for a minute, so
 * that the next try comes through. "invite": there is none with this proof, or it is over.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import type { Result } from "../../base/result.ts";
import type { StreamCursor } from "../transport.ts";

export interface LogPage {
  /** In the order of the list, from the place that was asked for; maybe not all there are. */
  readonly entries: readonly Bytes[];
  /** How many the list has. */
  readonly listed: number;
}

/** An entry, with what the server keeps beside it from the same moment. */
export interface Appended {
  readonly entry: Bytes;
  /** With an `epoch` entry. */
  readonly epoch?: EpochKeep;
  /** With an `invite` entry. */
  readonly invite?: InviteKeep;
  /** With an `add-device` entry of an invite: 32 bytes. */
  readonly proof?: Bytes;
  /** With an `add-device` entry of a device: the newest epoch's keys for the new one. */
  readonly box?: Bytes;
}

export interface EpochKeep {
  /** The former epoch's key; null with the first epoch. */
  readonly record: Bytes | null;
  /** What the passphrase opens. */
  readonly keyRecord: Bytes;
  /**
   * Whose wrapping `keyRecord` has: an epoch's entry and the record beside it, by their SHA-256. If that is another by now,
   * the append is "log-moved". None: a passphrase was typed.
   */
  readonly asOf?: { readonly entry: Bytes; readonly keyRecord: Bytes };
  /** By device: exactly those that the entry names. */
  readonly boxes: ReadonlyMap<string, Bytes>;
}

export interface InviteKeep {
  /** SHA-256 of the proof. */
  readonly proofHash: Bytes;
  /** SHA-256 of proof and e-mail address; null for an own further device. */
  readonly emailHash: Bytes | null;
  readonly bundle: Bytes;
}

/** What stands beside one epoch entry of the list. */
export interface KeptEpoch {
  /** SHA-256 of the entry. */
  readonly entry: Bytes;
  readonly record: Bytes | null;
  readonly keyRecord: Bytes;
  /** The asking device's; null when there is none. */
  readonly box: Bytes | null;
}

export interface OpenedInvite {
  readonly bundle: Bytes;
  /** From the start, whole. */
  readonly log: readonly Bytes[];
  readonly epochs: readonly KeptEpoch[];
}

export interface TeamServer {
  /** Entries behind the first `after` of the list. */
  readLog(team: TeamId, after: number): Promise<Result<LogPage>>;

  /** All of them or none, if the list has `listed` entries. The first of a new team makes the team. */
  appendLog(team: TeamId, listed: number, entries: readonly Appended[]): Promise<Result<void>>;

  /** The newest place of every stream of the team, what this account cannot read too: fences are made of them. */
  heads(team: TeamId): Promise<Result<readonly StreamCursor[]>>;

  /** In the order of the list. `device`: whose boxes are asked for. */
  epochs(team: TeamId, device: string): Promise<Result<readonly KeptEpoch[]>>;

  /** Replaces what the passphrase opens, beside an epoch's entry (its SHA-256). */
  putKeyRecord(team: TeamId, entry: Bytes, keyRecord: Bytes): Promise<Result<void>>;

  /** Nothing is used up. */
  openInvite(team: TeamId, proof: Bytes): Promise<Result<OpenedInvite>>;
}
