/** What a journal entry does to the database, and the entries that say all that is journaled. */
import type { PGlite, Transaction } from "@electric-sql/pglite";
import { never } from "../base/result.ts";
import { fromBase64, toBase64 } from "../base/bytes.ts";
import { EMPTY_KNOWN } from "../crdt/known.ts";
import {
  appendUpdates,
  dropContent,
  readState,
  toJournal,
  type DocumentColumns,
} from "./document-log.ts";
import type { JournalEntry, JournaledDocument } from "./journal.ts";
import type { Db } from "./rows.ts";

/** Written twice, an entry leaves the same state as written once. */
export async function applyEntry(tx: Transaction, entry: JournalEntry): Promise<void> {
  switch (entry.type) {
    case "set":
      return putSetting(tx, entry.key, entry.value);
    case "delete":
      return dropSetting(tx, entry.key);
    case "document":
      return putDocument(tx, entry.document);
    case "update":
      // Not known to be in the cloud until sync says so: sent once too often rather than never.
      await appendUpdates(tx, entry.id, [fromBase64(entry.update)], {
        pending: true,
        replayed: true,
      });
      return;
    case "drop":
      return dropContent(tx, entry.id);
    default:
      never(entry);
  }
}

/** Everything journaled, in the fewest entries. */
export async function snapshotEntries(db: PGlite): Promise<readonly JournalEntry[]> {
  const settings = await db.query<{ key: string; value: string }>(
    "select key, value from settings order by key",
  );
  const entries: JournalEntry[] = settings.rows.map(({ key, value }) => ({
    type: "set",
    key,
    value: JSON.parse(value),
  }));
  const documents = await db.query<DocumentColumns>(
    "select * from documents where kind <> 'trace' order by id",
  );
  for (const row of documents.rows) {
    entries.push({ type: "document", document: toJournal(row) });
    const state = await readState(db, row.id);
    if (state !== null) entries.push({ type: "update", id: row.id, update: toBase64(state) });
  }
  return entries;
}

export async function putSetting(db: Db, key: string, value: unknown): Promise<void> {
  await db.query(
    "insert into settings (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value",
    [key, JSON.stringify(value)],
  );
}

export async function dropSetting(db: Db, key: string): Promise<void> {
  await db.query("delete from settings where key = $1", [key]);
}

/** Makes the document, or gives it this stream, generation and state. */
export async function putDocument(db: Db, document: JournaledDocument): Promise<void> {
  await db.query(
    `insert into documents (id, kind, subject, team, cloud_project, generation, retired, state_vector, delete_set, account)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (id) do update set subject = excluded.subject, team = excluded.team,
       cloud_project = excluded.cloud_project, generation = excluded.generation, retired = excluded.retired,
       account = excluded.account`,
    [
      document.id,
      document.kind,
      document.subject,
      document.team,
      document.cloudProject,
      document.generation,
      document.retired,
      EMPTY_KNOWN.stateVector,
      EMPTY_KNOWN.deleteSet,
      document.account,
    ],
  );
}
