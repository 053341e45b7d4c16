/**
 * `npm run bench [-- --home DIR] [--only NAME] [--runs N] [--documents N] [--engines N]`: the product beside the floor or the
 * peer it is compared with.
 *
 * Home is DIR, else `$OPERON_CORPUS/home`, else the project's own fixtures. Every figure is the median of N runs (3), each in a
 * process of its own; a team's day is one run. `--documents`: how many are caught up with (1,000). `--engines`: how many
 * devices do the work of the team (2). Writes `results/<machine>.md`, and the table into the README when everything was run.
 * Nothing here passes or fails: the aims stand beside the figures.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { READERS } from "../src/capture/capture.ts";
import { findAll } from "../src/capture/find.ts";
import { medians, run } from "./side.ts";

interface Row {
  readonly what: string;
  readonly ours: string;
  readonly beside: string;
  /** Ours divided by the other; null where there is no other. */
  readonly ratio: number | null;
  readonly aim: string;
}

interface Context {
  readonly home: string;
  readonly runs: number;
  /** For this run's files. */
  readonly folder: string;
}

const HERE = fileURLToPath(new URL(".", import.meta.url));
const EDITS = 10_000;
const EDITS_EACH = 100;
/** Supabase's, a month (https://supabase.com/docs/guides/platform/manage-your-usage/realtime-messages) and a second (https://supabase.com/docs/guides/realtime/limits). */
const QUOTAS = [
  { plan: "Free", month: 2_000_000, second: 100, connections: 200 },
  { plan: "Pro", month: 5_000_000, second: 500, connections: 500 },
] as const;
const WORKING_DAYS = 22;

const BENCHES: Readonly<Record<string, (context: Context) => Promise<Row[]>>> = {
  import: benchImport,
  edit: benchEdit,
  sealed: benchSealed,
  catchUp: benchCatchUp,
  day: benchDay,
};

const { values } = parseArgs({
  options: {
    home: { type: "string" },
    only: { type: "string" },
    runs: { type: "string", default: "3" },
    documents: { type: "string", default: "1000" },
    engines: { type: "string", default: "2" },
  },
});
if (values.only !== undefined && !Object.hasOwn(BENCHES, values.only)) {
  console.error(`There is no bench "${values.only}": ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(2);
}
const home = homeOf(values.home);
if (values.only === undefined || values.only === "import" || values.only === "day")
  await needTranscripts(home);
installPeers();
const context = {
  home,
  runs: Number(values.runs),
  folder: mkdtempSync(join(tmpdir(), "operon-bench-")),
};
const rows: Row[] = [];
try {
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (values.only !== undefined && name !== values.only) continue;
    console.error(`${name} …`);
    rows.push(...(await bench(context)));
  }
} finally {
  rmSync(context.folder, { recursive: true, force: true });
}
const table = tableOf(rows);
console.log(table);
if (values.only === undefined) keep(table);

/** Until visible, until searchable, again, search, memory. */
async function benchImport({ home, runs, folder }: Context): Promise<Row[]> {
  const floor = await medians(runs, () =>
    run<{ ms: number; bytes: number }>("sides/parse-only.ts", { home }),
  );
  let count = 0;
  const profile = () => join(folder, `profile-${count}`);
  const first = await medians(runs, () => {
    count++;
    return run<Imported>("sides/import.ts", { home, folder: profile(), queries: [] });
  });
  const texts = join(folder, "texts.jsonl");
  const found = await run<{ texts: number; chars: number; queries: string[] }>("sides/texts.ts", {
    folder: profile(),
    to: texts,
  });
  const { queries } = found;
  const again = await medians(runs, () =>
    run<Imported & { p50: number; p95: number }>("sides/import.ts", {
      home,
      folder: profile(),
      queries,
    }),
  );
  const fts5 = await medians(runs, () =>
    run<{ loadMs: number; p50: number; p95: number }>("sides/fts5.ts", { texts, queries }),
  );
  const size = `${(floor.bytes / 1e6).toFixed(1)} MB, ${first.sessions} sessions`;
  return [
    compared(
      `import until visible (${size})`,
      first.visibleMs,
      "read and JSON.parse only",
      floor.ms,
      "≤ 10 ×",
    ),
    compared(
      `import until searchable (${(found.chars / 1e6).toFixed(1)} M characters)`,
      first.searchableMs,
      "SQLite FTS5, the same text",
      fts5.loadMs,
      "≤ 8 ×",
    ),
    compared(
      `import again, nothing changed (${again.bytes} bytes read)`,
      again.searchableMs,
      null,
      null,
      "< 1,000 ms",
    ),
    compared(`search p50 (${queries.length} queries)`, again.p50, "SQLite FTS5", fts5.p50, "–"),
    compared("search p95", again.p95, "SQLite FTS5", fts5.p95, "< 50 ms"),
    compared("engine's start on that profile", again.startMs, null, null, "–"),
    single(
      "memory after the import (highest)",
      `${first.rssMb.toFixed(0)} MB (${first.peakMb.toFixed(0)} MB)`,
    ),
  ];
}

interface Imported extends Record<string, number> {
  readonly startMs: number;
  readonly visibleMs: number;
  readonly searchableMs: number;
  readonly bytes: number;
  readonly sessions: number;
  readonly rssMb: number;
  readonly peakMb: number;
}

/** With pauses longer than the flush window an edit leaves at once; while somebody types it waits for the window. */
async function benchEdit({ runs }: Context): Promise<Row[]> {
  const measure = (program: string, typing: { edits: number; everyMs: number }) =>
    medians(runs, () => run<{ p50: number; p95: number; newest: number }>(program, typing));
  const calm = { edits: 30, everyMs: 700 };
  const fast = { edits: 100, everyMs: 50 };
  const [one, other] = [
    await measure("sides/edit.ts", calm),
    await measure("peers/hocuspocus.ts", calm),
  ];
  const [oneFast, otherFast] = [
    await measure("sides/edit.ts", fast),
    await measure("peers/hocuspocus.ts", fast),
  ];
  const load = { edits: 400, everyMs: 10 };
  const [oneLoad, otherLoad] = [
    await measure("sides/edit.ts", load),
    await measure("peers/hocuspocus.ts", load),
  ];
  return [
    compared(
      "edit → visible on the other device, after quiet, p50",
      one.p50,
      "Hocuspocus",
      other.p50,
      "≤ Hocuspocus + 3 ms",
    ),
    compared("the same, p95", one.p95, "Hocuspocus", other.p95, "–"),
    compared(
      "while typing (20 a second): with the flush window of up to 500 ms, p50",
      oneFast.p50,
      "Hocuspocus",
      otherFast.p50,
      "–",
    ),
    compared("the same, p95", oneFast.p95, "Hocuspocus", otherFast.p95, "≤ 500 ms more"),
    compared("under load (100 a second), p50", oneLoad.p50, "Hocuspocus", otherLoad.p50, "–"),
    compared(
      "the same without the wait for the flush window, p50",
      oneLoad.newest,
      "Hocuspocus",
      otherLoad.newest,
      "≤ Hocuspocus + 3 ms",
    ),
  ];
}

async function benchSealed({ runs }: Context): Promise<Row[]> {
  const found: Row[] = [];
  for (const batch of [200, 10, 1]) {
    const measure = (program: string) =>
      medians(runs, () =>
        run<{ sealMs: number; catchUpMs: number; bytes: number }>(program, { edits: EDITS, batch }),
      );
    const [ours, secsync] = [await measure("sides/sealed.ts"), await measure("peers/secsync.ts")];
    const named = `${EDITS.toLocaleString("en")} edits, ${batch} a batch:`;
    const aims = batch === 200 ? ["≤ 0.33 ×", "≤ 0.2 ×"] : ["–", "–"];
    found.push(
      compared(
        `${named} catch up`,
        ours.catchUpMs,
        "secsync",
        secsync.catchUpMs,
        aims[0] as string,
      ),
      compared(`${named} seal`, ours.sealMs, "secsync", secsync.sealMs, "–"),
      {
        what: `${named} size`,
        ours: kilobytes(ours.bytes),
        beside: `secsync ${kilobytes(secsync.bytes)}`,
        ratio: ours.bytes / secsync.bytes,
        aim: aims[1] as string,
      },
    );
  }
  return found;
}

/** Before compaction, and after. */
async function benchCatchUp({ runs }: Context): Promise<Row[]> {
  const documents = Number(values.documents);
  const amount = { documents, edits: EDITS_EACH * documents, batch: 10 };
  const plain = await medians(runs, () =>
    run<{ ms: number; bytes: number }>("sides/plain.ts", amount),
  );
  const ours = await medians(runs, () =>
    run<{
      beforeMs: number;
      beforeBytes: number;
      afterMs: number;
      afterBytes: number;
      firstMs: number;
    }>("sides/catch-up.ts", amount),
  );
  const named = `${amount.edits.toLocaleString("en")} edits, ${documents.toLocaleString("en")} documents`;
  const floor = "plain Yjs snapshots";
  const size = (what: string, bytes: number, aim: string): Row => ({
    what,
    ours: kilobytes(bytes),
    beside: `${floor} ${kilobytes(plain.bytes)}`,
    ratio: bytes / plain.bytes,
    aim,
  });
  return [
    compared(`${named}: catch up by every row`, ours.beforeMs, floor, plain.ms, "–"),
    size("the same, size", ours.beforeBytes, "–"),
    compared(`${named}: catch up after compaction`, ours.afterMs, floor, plain.ms, "≤ 2 ×"),
    size("the same, size", ours.afterBytes, "≤ 1.3 ×"),
    compared("the same, until the newest documents are there", ours.firstMs, floor, plain.ms, "–"),
  ];
}

interface Day extends Record<string, number> {
  readonly events: number;
  readonly rows: number;
  readonly messages: number;
  readonly peak: number;
  readonly cpuMs: number;
  readonly up: number;
  readonly down: number;
}

/** Beside half of each quota. */
async function benchDay({ home: from }: Context): Promise<Row[]> {
  const found: Row[] = [];
  for (const people of [5, 20]) {
    const engines = Math.min(Number(values.engines), people);
    const day = await run<Day>("sides/day.ts", { home: from, people, engines });
    const named = `a day of ${people} people (${day.events.toLocaleString("en")} events)`;
    found.push(
      single(`${named}: CPU of one device's sync`, milliseconds(day.cpuMs)),
      single("the same, sent and received", `${kilobytes(day.up)}, ${kilobytes(day.down)}`),
    );
    for (const { plan, month, second, connections } of QUOTAS)
      found.push(
        quota(
          `Realtime messages in ${WORKING_DAYS} such days`,
          day.messages * WORKING_DAYS,
          plan,
          month,
        ),
        quota("Realtime messages in the busiest second", day.peak, plan, second),
        quota("Realtime connections", people, plan, connections),
      );
  }
  return found;
}

function quota(what: string, count: number, plan: string, whole: number): Row {
  return {
    what,
    ours: count.toLocaleString("en"),
    beside: `half of ${plan}'s quota ${(whole / 2).toLocaleString("en")}`,
    ratio: count / (whole / 2),
    aim: "≤ 1 ×",
  };
}

/** Milliseconds on both sides. */
function compared(
  what: string,
  ours: number,
  name: string | null,
  other: number | null,
  aim: string,
): Row {
  const beside = name === null || other === null ? "–" : `${name} ${milliseconds(other)}`;
  return {
    what,
    ours: milliseconds(ours),
    beside,
    ratio: other === null ? null : ours / other,
    aim,
  };
}

function single(what: string, ours: string): Row {
  return { what, ours, beside: "–", ratio: null, aim: "–" };
}

function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString("en")} ms`;
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000).toLocaleString("en")} kB`;
}

function tableOf(all: readonly Row[]): string {
  const lines = all.map(
    ({ what, ours, beside, ratio, aim }) =>
      `| ${what} | ${ours} | ${beside} | ${ratio === null ? "–" : `${ratio.toFixed(2)} ×`} | ${aim} |`,
  );
  return ["| | Operon | beside | ratio | aim |", "| --- | --- | --- | --- | --- |", ...lines].join(
    "\n",
  );
}

function keep(found: string): void {
  const machine = `${platform()}-${arch()}-${cpus().length}`;
  const about = `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GB; medians of ${context.runs} runs.`;
  const text = `${about}\n\n${found}\n`;
  mkdirSync(join(HERE, "results"), { recursive: true });
  writeFileSync(join(HERE, "results", `${machine}.md`), `# Bench on ${machine}\n\n${text}`);
  const readme = join(HERE, "..", "README.md");
  const whole = readFileSync(readme, "utf8");
  writeFileSync(
    readme,
    whole.replace(
      /(<!-- bench -->\n)[\s\S]*(<!-- \/bench -->)/,
      (_, head: string, foot: string) => `${head}${text}${foot}`,
    ),
  );
}

function homeOf(chosen: string | undefined): string {
  if (chosen !== undefined) return resolve(chosen);
  const corpus = process.env["OPERON_CORPUS"];
  return corpus === undefined ? resolve(HERE, "../tests/fixtures/home") : resolve(corpus, "home");
}

async function needTranscripts(folder: string): Promise<void> {
  const { files } = await findAll({ home: folder, env: {}, readers: READERS });
  if (files.length > 0) return;
  console.error(
    existsSync(folder)
      ? `There is nothing to import in ${folder}: no agent's transcripts are in it.`
      : `There is no folder ${folder}: give one with agents' transcripts as --home, or its parent as OPERON_CORPUS.`,
  );
  process.exit(2);
}

function installPeers(): void {
  if (existsSync(join(HERE, "node_modules", ".package-lock.json"))) return;
  console.error("The peers are not installed; installing them into bench/ …");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: HERE,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) process.exit(1);
}
