/**
 * Writes that must survive a power loss: in one transaction, and in the journal just before it commits. When the
 * journal cannot be written nothing is; when only the commit is lost, the next start takes it from the journal.
 */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import { FaultError } from "../base/result.ts";
import { diskFull, isDiskFull } from "../pg/faults.ts";
import { Held } from "./document-log.ts";
import type { Journal, JournalEntry, JournalRecord } from "./journal.ts";
import { applyEntry } from "./replay.ts";

export interface Durable {
  readonly db: PGlite;
  readonly held: Held;
  /** `work` gives what to journal besides its own result; nothing: an ordinary transaction. */
  write<T>(
    work: (tx: Transaction) => Promise<{ entries: readonly JournalEntry[]; value: T }>,
  ): Promise<T>;
  /**
   * The same for a write that is one statement and cannot be refused: in the journal first, then in the database together
   * with its number. Saves the way there and back of a transaction's other questions.
   */
  writeOne<T>(
    entries: readonly JournalEntry[],
    statement: (applied: number | null) => Promise<T>,
  ): Promise<T>;
}

export function createDurable(db: PGlite, journal: Journal): Durable {
  return {
    db,
    held: new Held(db),
    writeOne: (entries, statement) =>
      statement(entries.length === 0 ? null : append(journal, entries)),
    write: (work) =>
      db.transaction(async (tx) => {
        const { entries, value } = await work(tx);
        if (entries.length > 0) await setApplied(tx, append(journal, entries));
        return value;
      }),
  };
}

function append(journal: Journal, entries: readonly JournalEntry[]): number {
  try {
    return journal.append(entries);
  } catch (error) {
    throw isDiskFull(error) ? new FaultError(diskFull(journal.path)) : error;
  }
}

/** Brings what the database lacks from the journal. Gives how many records that were. */
export async function replayJournal(
  db: PGlite,
  records: readonly JournalRecord[],
): Promise<number> {
  return db.transaction(async (tx) => {
    const state = await tx.query<{ applied: number }>("select applied from journal_state");
    const applied = state.rows[0]?.applied ?? -1;
    const missing = records.filter((record) => record.seq > applied);
    for (const { entry } of missing) await applyEntry(tx, entry);
    const last = missing.at(-1);
    if (last !== undefined) await setApplied(tx, last.seq);
    return missing.length;
  });
}

async function setApplied(tx: Transaction, seq: number): Promise<void> {
  await tx.query("update journal_state set applied = $1", [seq]);
}
