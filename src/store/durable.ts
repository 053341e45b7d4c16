/**
 * Writes that must survive a power loss: in the journal before they are acknowledged, and in the database with how far the
 * journal is applied. When the journal cannot be written nothing is; what the database lacks it takes from the journal,
 * at the next start or, after a write that failed here, before the next one.
 *
 * *Applied* is the number before the first record whose commit is not certain, never simply the newest one: records may
 * be committed in another order than they were journaled, and taking one twice changes nothing.
 */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import { FaultError } from "../base/result.ts";
import { diskFull, isDiskFull } from "../pg/faults.ts";
import { Held } from "./document-log.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { applyEntry } from "./replay.ts";

export interface Durable {
  readonly db: PGlite;
  readonly held: Held;
  /** In one transaction. `work` gives what to journal besides its own result; nothing: an ordinary transaction. */
  write<T>(
    work: (tx: Transaction) => Promise<{ entries: readonly JournalEntry[]; value: T }>,
  ): Promise<T>;
  /**
   * A write that is one statement and cannot be refused: the journal has it when this returns, a power loss keeps it once
   * `kept` resolves, and the statement's answer follows. Throws when the journal cannot be written.
   */
  writeOne<T>(
    entries: readonly JournalEntry[],
    statement: (applied: number | null) => Promise<T>,
  ): { readonly kept: Promise<void>; readonly done: Promise<T> };
  /** When the last write was asked for: the next start has nothing to take from the journal. */
  finish(): Promise<void>;
}

interface Entry {
  readonly entry: JournalEntry;
  failed: boolean;
}

export function createDurable(db: PGlite, journal: Journal): Durable {
  /** Journaled, and not known to be committed, by number. */
  const open = new Map<number, Entry>();

  function append(entries: readonly JournalEntry[]): readonly number[] {
    const first = appendTo(journal, entries) - entries.length + 1;
    for (const [i, entry] of entries.entries()) open.set(first + i, { entry, failed: false });
    return entries.map((_, i) => first + i);
  }

  function appliedWith(numbers: readonly number[]): number {
    const others = [...open.keys()].filter((number) => !numbers.includes(number));
    return Math.min(numbers.at(-1) as number, ...others.map((number) => number - 1));
  }

  function failed(): readonly number[] {
    return [...open].flatMap(([number, one]) => (one.failed ? [number] : []));
  }

  /** Notes what became of a commit with these numbers. */
  async function settle<T>(numbers: () => readonly number[], commit: () => Promise<T>): Promise<T> {
    try {
      const value = await commit();
      for (const number of numbers()) open.delete(number);
      return value;
    } catch (error) {
      for (const number of numbers()) (open.get(number) as Entry).failed = true;
      throw error;
    }
  }

  async function write<T>(
    work: (tx: Transaction) => Promise<{ entries: readonly JournalEntry[]; value: T }>,
  ): Promise<T> {
    const numbers: number[] = [];
    return settle(
      () => numbers,
      () =>
        db.transaction(async (tx) => {
          numbers.push(...failed());
          for (const number of numbers) await applyEntry(tx, (open.get(number) as Entry).entry);
          const { entries, value } = await work(tx);
          if (entries.length === 0) return value;
          numbers.push(...append(entries));
          await journal.synced();
          await setApplied(tx, appliedWith(numbers));
          return value;
        }),
    );
  }

  async function commitOne<T>(
    numbers: readonly number[],
    statement: (applied: number) => Promise<T>,
  ): Promise<T> {
    const behind = failed().length > 0;
    if (behind) await write(async () => ({ entries: [], value: undefined }));
    return statement(appliedWith(numbers));
  }

  return {
    db,
    held: new Held(db),
    write,
    writeOne(entries, statement) {
      if (entries.length === 0) {
        const done = statement(null);
        return { kept: done.then(() => undefined), done };
      }
      const numbers = append(entries);
      const done = settle(
        () => numbers,
        () => commitOne(numbers, statement),
      );
      return { kept: journal.synced(), done };
    },
    async finish() {
      await journal.synced();
      await write(async (tx) => {
        await setApplied(tx, journal.last);
        return { entries: [], value: undefined };
      });
    },
  };
}

function appendTo(journal: Journal, entries: readonly JournalEntry[]): number {
  try {
    return journal.append(entries);
  } catch (error) {
    throw isDiskFull(error) ? new FaultError(diskFull(journal.path)) : error;
  }
}

/** Brings what the database lacks from the journal. Gives how many records that were. */
export async function replayJournal(db: PGlite, journal: Journal): Promise<number> {
  return db.transaction(async (tx) => {
    const state = await tx.query<{ applied: number }>("select applied from journal_state");
    const applied = state.rows[0]?.applied ?? -1;
    journal.continueAfter(applied);
    const missing = journal.records.filter((record) => record.seq > applied);
    for (const { entry } of missing) await applyEntry(tx, entry);
    const last = missing.at(-1);
    if (last !== undefined) await setApplied(tx, last.seq);
    return missing.length;
  });
}

/** Never backwards. */
async function setApplied(tx: Transaction, seq: number): Promise<void> {
  await tx.query("update journal_state set applied = greatest(applied, $1::bigint)", [seq]);
}
