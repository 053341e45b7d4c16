/**
 * Why an entry or a whole log is not taken.
 *
 * The messages about an entry are clauses ("its … does not fit"): the caller knows which entry it was. Those about a log are
 * sentences.
 */
import type { Fault, Result } from "../../base/result.ts";

/**
 * malformed: no entry has these bytes. unknown: of a newer version. place: another team, number or predecessor. author: nobody
 * of this team, or no longer. signature. rights: its author may not do this. target: what it names is not there, or is
 * already so. device: the device it adds cannot be taken. epoch. owner: nobody would be left to lead the team.
 * time: it was written by a clock too far from the caller's.
 */
type EntryFault = Fault<
  | "log-malformed"
  | "log-unknown"
  | "log-place"
  | "log-author"
  | "log-signature"
  | "log-rights"
  | "log-target"
  | "log-device"
  | "log-epoch"
  | "log-owner"
  | "log-time"
>;

/** Two histories. Hashes are hex, of the entries with the number `n`. */
export interface ForkFault extends Fault<"log-fork"> {
  readonly n: number;
  readonly held: string;
  readonly shown: string;
}

/** The log ends before the pinned entry. `shownEntries`: how many there are. */
interface RollbackFault extends Fault<"log-rollback"> {
  readonly pinned: number;
  readonly shownEntries: number;
}

export type LogFault = EntryFault | ForkFault | RollbackFault;
export type LogResult<T> = Result<T, LogFault>;
