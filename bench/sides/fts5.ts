/** The floor of a searchable store: SQLite's FTS5, in a file, loading the same text in one transaction. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { answer, input, quantile } from "../side.ts";

const { texts, queries } = input<{ texts: string; queries: readonly string[] }>();
/** One JSON text a line. */
const rows = readFileSync(texts, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as string);

const folder = mkdtempSync(join(tmpdir(), "operon-bench-fts5-"));
const database = new DatabaseSync(join(folder, "text.db"));
const started = performance.now();
database.exec("CREATE VIRTUAL TABLE text USING fts5(body)");
database.exec("BEGIN");
const insert = database.prepare("INSERT INTO text (body) VALUES (?)");
for (const row of rows) insert.run(row);
database.exec("COMMIT");
const loadMs = performance.now() - started;

const find = database.prepare(
  "SELECT rowid, snippet(text, 0, '', '', '…', 16) FROM text WHERE text MATCH ? ORDER BY rank LIMIT 50",
);
const searchMs = queries.map((query) => {
  const asked = performance.now();
  find.all(
    query
      .split(" ")
      .map((word) => `"${word}"`)
      .join(" "),
  );
  return performance.now() - asked;
});
database.close();
rmSync(folder, { recursive: true });
answer({ loadMs, p50: quantile(searchMs, 0.5), p95: quantile(searchMs, 0.95) });
