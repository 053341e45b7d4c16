/**
 * What was believed of the teams' logs, as settings: they outlive a database that is filled again, and what was believed of
 * a team is never believed anew. An entry each, so that the journal grows by what is new. A log that is not the one before
 * with more behind it is written beside that one: whichever its head names is whole, wherever a write ended.
 */
import { type Bytes, equalBytes, fromBase64, toBase64 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import type { Durable } from "./durable.ts";
import type { JournalEntry } from "./journal.ts";
import { applyEntry } from "./replay.ts";

export interface KeptLog {
  readonly listed: number;
  readonly entries: readonly Bytes[];
}

export interface TeamLogs {
  log(team: TeamId): Promise<KeptLog | null>;
  keepLog(team: TeamId, log: KeptLog): Promise<void>;
}

interface Head {
  readonly listed: number;
  readonly count: number;
  /** Which of those that were written. */
  readonly run: number;
}

interface Stored extends KeptLog {
  readonly run: number;
  readonly isWhole: boolean;
}

export function createTeamLogs({ db, write }: Durable): TeamLogs {
  const stored = new Map<TeamId, Stored>();

  async function read(team: TeamId): Promise<Stored | null> {
    const held = stored.get(team) ?? (await readStored(team));
    if (held !== null) stored.set(team, held);
    return held;
  }

  async function readStored(team: TeamId): Promise<Stored | null> {
    const [head] = await valuesOf(headKey(team));
    if (head === undefined) return null;
    const { listed, count, run } = JSON.parse(head.value) as Head;
    const found = await valuesOf(entryKey(team, run, null));
    const entries: Bytes[] = [];
    for (const { key, value } of found) {
      if (entries.length === count || key !== entryKey(team, run, entries.length)) break;
      entries.push(fromBase64(JSON.parse(value) as string));
    }
    // Damage took some: they are read again, and held against those before.
    const isWhole = entries.length === count;
    if (entries.length === 0 && !isWhole) return null;
    return { listed: isWhole ? listed : 0, entries, run, isWhole };
  }

  async function valuesOf(prefix: string): Promise<readonly { key: string; value: string }[]> {
    const found = await db.query<{ key: string; value: string }>(
      'select key, value from settings where starts_with(key, $1) order by key collate "C"',
      [prefix],
    );
    return found.rows;
  }

  return {
    async log(team) {
      const held = await read(team);
      return held === null ? null : { listed: held.listed, entries: held.entries };
    },

    async keepLog(team, { listed, entries }) {
      const before = await read(team);
      const grows = before !== null && before.isWhole && beginsWith(entries, before.entries);
      const run = before === null ? 0 : grows ? before.run : before.run + 1;
      const old = before === null || grows ? [] : await valuesOf(entryKey(team, before.run, null));
      const from = grows ? before.entries.length : 0;
      const head: Head = { listed, count: entries.length, run };
      const journaled: readonly JournalEntry[] = [
        ...entries.slice(from).map((entry, i): JournalEntry => ({
          type: "set",
          key: entryKey(team, run, from + i),
          value: toBase64(entry),
        })),
        { type: "set", key: headKey(team), value: head },
        ...old.map(({ key }): JournalEntry => ({ type: "delete", key })),
      ];
      await write(async (tx) => {
        for (const entry of journaled) await applyEntry(tx, entry);
        return { entries: journaled, value: undefined };
      });
      stored.set(team, { listed, entries, run, isWhole: true });
    },
  };
}

function beginsWith(entries: readonly Bytes[], beginning: readonly Bytes[]): boolean {
  return beginning.every((entry, i) => {
    const other = entries[i];
    return other !== undefined && (other === entry || equalBytes(other, entry));
  });
}

function headKey(team: TeamId): string {
  return `log-head:${team};`;
}

/** `n` null: what all of a run begin with. In their order. */
function entryKey(team: TeamId, run: number, n: number | null): string {
  return `log:${team};${run};${n === null ? "" : String(n).padStart(8, "0")}`;
}
