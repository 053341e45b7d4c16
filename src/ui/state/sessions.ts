/**
 * Every session of the list, kept here whole: rows are small, and a filter then answers at once.
 * Fetched page by page, newest first; what is pushed replaces single rows, so that nothing else on the page moves.
 */
import { batch, createMemo, createSignal, onCleanup, type Accessor } from "solid-js";
import type { SessionRow } from "../../app/api.ts";
import type { Engine } from "../lib/client.ts";
import { isNotFound, sentence } from "./engine.ts";

export interface SessionsStore {
  /** By id. Row objects change identity only when they change. */
  readonly rows: Accessor<ReadonlyMap<string, SessionRow>>;
  /** Newest activity first. */
  readonly sorted: Accessor<readonly SessionRow[]>;
  /** How many the engine has; null before it answered. */
  readonly total: Accessor<number | null>;
  readonly fault: Accessor<string | null>;
  again(): void;
}

const PAGE = 500;
/** More changed sessions than this at once are read as a list. */
const MAX_SINGLE = 24;
const LIVE_MS = 75_000;

export function createSessions(engine: Engine): SessionsStore {
  const [rows, setRows] = createSignal<ReadonlyMap<string, SessionRow>>(new Map());
  const [total, setTotal] = createSignal<number | null>(null);
  const [fault, setFault] = createSignal<string | null>(null);
  const sorted = createMemo(() => [...rows().values()].toSorted(newestFirst));
  let run = 0;

  async function load(): Promise<void> {
    const mine = ++run;
    const seen = new Set<string>();
    try {
      for (let offset = 0; ; offset += PAGE) {
        const page = await engine.call("sessions", { limit: PAGE, offset });
        if (mine !== run) return;
        for (const row of page.rows) seen.add(row.id);
        batch(() => {
          setRows(merge(rows(), page.rows));
          setTotal(page.total);
          setFault(null);
        });
        if (page.rows.length === 0 || offset + page.rows.length >= page.total) break;
      }
      setRows(keepOnly(rows(), seen));
    } catch (error) {
      if (mine === run) setFault(sentence(error));
    }
  }

  const changed = new Set<string>();
  let reading = false;

  /** One reader at a time: what changes while it reads is read next. */
  async function readChanged(): Promise<void> {
    if (reading) return;
    reading = true;
    try {
      while (changed.size > 0) {
        const ids = [...changed];
        changed.clear();
        if (ids.length > MAX_SINGLE) {
          await load();
          continue;
        }
        const gone = new Set<string>();
        const found = await Promise.all(
          ids.map((id) =>
            engine.call("session", { id }).catch((error: unknown) => {
              if (isNotFound(error)) gone.add(id);
              return null;
            }),
          ),
        );
        const fresh = found.filter((row) => row !== null);
        const before = rows().size;
        batch(() => {
          setRows(without(merge(rows(), fresh), gone));
          setTotal((count) => (count === null ? null : count + rows().size - before));
        });
      }
    } finally {
      reading = false;
    }
  }

  onCleanup(
    engine.subscribe((push) => {
      if (push.topic !== "sessions") return;
      for (const id of push.ids) changed.add(id);
      void readChanged();
    }),
  );
  onCleanup(engine.onReopen(() => void load()));
  void load();

  return { rows, sorted, total, fault, again: () => void load() };
}

export function lastActivity(row: SessionRow): number | null {
  return row.endedAt ?? row.startedAt;
}

/** The engine's word, until it is too old: nothing is pushed when a minute passes in silence. */
export function isLive(row: SessionRow, nowMs: number): boolean {
  return row.live && nowMs - (lastActivity(row) ?? nowMs) < LIVE_MS;
}

function newestFirst(a: SessionRow, b: SessionRow): number {
  return (lastActivity(b) ?? -1) - (lastActivity(a) ?? -1) || (a.id < b.id ? 1 : -1);
}

function merge(
  rows: ReadonlyMap<string, SessionRow>,
  fresh: readonly SessionRow[],
): ReadonlyMap<string, SessionRow> {
  const next = new Map(rows);
  for (const row of fresh) {
    const known = rows.get(row.id);
    if (known === undefined || JSON.stringify(known) !== JSON.stringify(row)) next.set(row.id, row);
  }
  return next;
}

function without(
  rows: ReadonlyMap<string, SessionRow>,
  ids: ReadonlySet<string>,
): ReadonlyMap<string, SessionRow> {
  return ids.size === 0 ? rows : new Map([...rows].filter(([id]) => !ids.has(id)));
}

function keepOnly(
  rows: ReadonlyMap<string, SessionRow>,
  ids: ReadonlySet<string>,
): ReadonlyMap<string, SessionRow> {
  return rows.size === ids.size ? rows : new Map([...rows].filter(([id]) => ids.has(id)));
}
