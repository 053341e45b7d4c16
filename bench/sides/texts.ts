/**
 * The text that the store made searchable, for another index: one JSON string a line, one line an event. Then queries of
 * one or two words from it, picked evenly over how common they are, so that both sides are asked the same.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { readBodies } from "../../src/store/search/indexer.ts";
import { answer, input } from "../side.ts";

const QUERIES = 100;

const { folder, to } = input<{ folder: string; to: string }>();
const db = await PGlite.create(join(folder, "db"));
const { rows } = await db.query<{
  tool: string | null;
  summary: string | null;
  bodies: string | null;
}>("select tool, summary, bodies from events");
const bodies = await readBodies(
  db,
  rows.map((row) => row.bodies),
);
await db.close();

const texts = rows
  .map(({ tool, summary }, i) =>
    [tool, summary, ...(bodies[i] ?? [])].filter((text) => text !== null).join(" "),
  )
  .filter((text) => text !== "");
writeFileSync(to, texts.map((text) => `${JSON.stringify(text)}\n`).join(""));
answer({
  texts: texts.length,
  chars: texts.reduce((sum, text) => sum + text.length, 0),
  queries: queriesFrom(texts),
});

/** Half of one word, half of two that stand together. */
function queriesFrom(all: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of all) {
    const words = text.slice(0, 4096).match(/\b[a-z]{3,12}\b/gi) ?? [];
    for (const [i, word] of words.entries()) {
      const query = i % 2 === 0 ? word : `${words[i - 1]} ${word}`;
      counts.set(query.toLowerCase(), (counts.get(query.toLowerCase()) ?? 0) + 1);
    }
  }
  const common = [...counts].filter(([, count]) => count > 1).toSorted((a, b) => b[1] - a[1]);
  const [one, two] = [false, true].map((pair) =>
    common.filter(([query]) => query.includes(" ") === pair),
  );
  return [one, two].flatMap((some) =>
    Array.from(
      { length: QUERIES / 2 },
      (_, i) => some?.[Math.floor((i * some.length) / (QUERIES / 2))]?.[0] ?? "the",
    ),
  );
}
