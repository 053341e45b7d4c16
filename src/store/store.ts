/**
 * The store: everything of one profile that is kept, in one embedded PostgreSQL and one journal.
 *
 * In `folder`: `db/` and what `src/pg` puts beside it, and `journal`. A database that did not open is replaced by a
 * fresh one: settings and what people wrote come back from the journal here; sessions are to be read again from
 * the archive by the caller, who sees by `capture.hasFiles` and `notices` that there may be some to read.
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { FaultError, type Result, ok } from "../base/result.ts";
import { shortage } from "../pg/faults.ts";
import { readMigrations } from "../pg/migrations.ts";
import { openPg } from "../pg/open.ts";
import { type CaptureStore, createCapture } from "./capture.ts";
import { type Documents, createDocuments } from "./documents.ts";
import { createDurable, type Durable, replayJournal } from "./durable.ts";
import { type Journal, openJournal } from "./journal.ts";
import { createProjectFinder } from "./projects.ts";
import { snapshotEntries } from "./replay.ts";
import { createFreshWords } from "./search/fresh.ts";
import { type SearchStore, createSearch } from "./search/search.ts";
import { type Sessions, createSessions } from "./sessions.ts";
import { type Settings, createSettings } from "./settings.ts";
import { type SyncStore, createSync } from "./sync.ts";
import { type EventViews, createEventViews } from "./views/events.ts";
import { type Resolver, createResolver } from "./views/resolve.ts";
import { type SessionViews, createSessionViews } from "./views/sessions.ts";
import { type TraceViews, createTraceViews } from "./views/traces.ts";
import { type UsageViews, createUsageViews } from "./views/usage.ts";
import type { Searcher } from "./search/searcher.ts";

export interface StoreOptions {
  /** The profile's; made if missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where prepared databases are kept; the installation's cache if left out. */
  readonly prepared?: string;
}

export type Views = SessionViews & EventViews & TraceViews & UsageViews & Resolver & Searcher;

export interface Store {
  readonly settings: Settings;
  readonly capture: CaptureStore;
  readonly sessions: Sessions;
  readonly documents: Documents;
  readonly sync: SyncStore;
  readonly search: SearchStore;
  readonly views: Views;
  /** A sentence of each database that was set aside, for as long as it lies there. */
  readonly notices: readonly string[];
  /** A database that did not open lies aside: sessions may be missing here that the archive holds. */
  readonly isSetAside: boolean;
  close(): Promise<void>;
}

const MIGRATIONS = fileURLToPath(new URL("./migrations", import.meta.url));
const JOURNAL_WORTH_REWRITING_BYTES = 1024 * 1024;
const JOURNAL_WASTE = 4;

/** Faults: those of `openPg`. */
export async function openStore(options: StoreOptions): Promise<Result<Store>> {
  const { folder, clock, log } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const opened = await openPg({ ...options, migrations: await readMigrations(MIGRATIONS) });
  if (!opened.ok) return opened;
  const { db, notices } = opened.value;
  try {
    const journal = openJournal(join(folder, "journal"));
    const replayed = await replayJournal(db, journal);
    if (replayed > 0) log("info", "store.replayed", { records: replayed });
    await rewriteIfWasteful(db, journal);
    const durable = createDurable(db, journal);
    const close = async (): Promise<void> => {
      // What fails here is taken from the journal at the next start.
      await durable
        .finish()
        .catch((error: unknown) => log("warn", "store.unfinished", { reason: String(error) }));
      await opened.value.close();
      journal.close();
    };
    return ok({
      ...compose(durable, clock, log),
      notices: [...notices, ...damage(journal)],
      isSetAside: notices.length > 0,
      close,
    });
  } catch (error) {
    await opened.value.close();
    if (error instanceof FaultError) return { ok: false, fault: error.fault };
    const short = shortage(error, folder);
    if (short !== null) return { ok: false, fault: short };
    throw error;
  }
}

type Parts = Omit<Store, "notices" | "isSetAside" | "close">;

function compose(durable: Durable, clock: Clock, log: Log): Parts {
  const { db } = durable;
  const settings = createSettings(durable);
  const documents = createDocuments(durable, settings, log);
  const resolver = createResolver(db);
  const fresh = createFreshWords();
  const search = createSearch(db, fresh, clock);
  return {
    settings,
    capture: createCapture(db, createProjectFinder(), fresh),
    sessions: createSessions(db, settings),
    documents,
    sync: createSync(durable),
    search,
    views: {
      ...resolver,
      ...createSessionViews(db, clock, resolver),
      ...createEventViews(db),
      ...createTraceViews(db),
      ...createUsageViews(db),
      search: search.search,
    },
  };
}

function damage({ path, damagedCopy }: Journal): readonly string[] {
  if (damagedCopy === null) return [];
  return [
    `${path} was damaged in places. What stood there may be missing if the database had not taken it yet; all before and after it is here. The damaged file is kept as ${damagedCopy}. Check the disk.`,
  ];
}

async function rewriteIfWasteful(db: PGlite, journal: Journal): Promise<void> {
  if (journal.damagedCopy !== null) return journal.rewrite(await snapshotEntries(db));
  if (journal.sizeBytes < JOURNAL_WORTH_REWRITING_BYTES) return;
  const live = await db.query<{ bytes: number }>(
    `select (coalesce((select sum(octet_length(key) + octet_length(value)) from settings), 0)
       + coalesce((select sum(octet_length(data)) from document_updates u join documents d on d.id = u.document_id
                   where d.kind <> 'trace'), 0))::bigint as bytes`,
  );
  if (journal.sizeBytes < JOURNAL_WASTE * (live.rows[0]?.bytes ?? 0)) return;
  journal.rewrite(await snapshotEntries(db));
}
