/**
 * The product's engine over one home, in this process: an import into an empty profile, or the same again over one
 * that has everything, and then searches. Times are the engine's own; `startMs` is what opening it took.
 */
import { connectOrRun } from "../../src/app/client.ts";
import { makeProfile } from "../../src/app/paths.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { answer, input, quantile } from "../side.ts";

interface Asked {
  readonly home: string;
  /** The profile's folder. */
  readonly folder: string;
  readonly queries: readonly string[];
}

const { home, folder, queries } = input<Asked>();
const profile = { name: "bench", root: folder, folder };
const { DBUS_SESSION_BUS_ADDRESS: _keychain, ...env } = process.env;
makeProfile(profile);

const opening = performance.now();
const reached = await connectOrRun({
  profile,
  home,
  env,
  version: "bench",
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
});
const startMs = performance.now() - opening;
const { client } = reached;

const report = await client.call("import", {});
const { total } = await client.call("sessions", { limit: 1 });

const took: number[] = [];
let hits = 0;
for (const query of queries) {
  const asked = performance.now();
  hits += (await client.call("search", { query, limit: 50 })).hits.length;
  took.push(performance.now() - asked);
}
const { rss } = process.memoryUsage();
await reached.close();
answer({
  startMs,
  visibleMs: report.visibleMs ?? Number.NaN,
  searchableMs: report.ms,
  bytes: report.bytes,
  sessions: total,
  events: report.events,
  rssMb: rss / 1024 / 1024,
  peakMb: process.resourceUsage().maxRSS / 1024,
  ...(took.length > 0 && {
    p50: quantile(took, 0.5),
    p95: quantile(took, 0.95),
    hits: hits / took.length,
  }),
});
