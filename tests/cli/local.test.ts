/** One person, one machine: what the commands say of a home, whatever home that is. */
import { mkdtemp, readFile, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { ImportReport, SearchHit, UsageRow } from "../../src/app/api.ts";
import { money, readCount } from "../../src/cli/words.ts";
import { createDevice, HOME, until, writeTranscript, type Device, type Ran } from "./operon.ts";

interface Listed {
  readonly id: string;
  readonly agent: string;
  readonly sourceId: string;
  readonly events: number;
}
interface Usage {
  readonly rows: readonly UsageRow[];
  readonly totals: UsageRow;
}

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PLACE = ["--home", HOME];
let device: Device;
let first: ImportReport;

beforeAll(async () => {
  device = await createDevice();
  first = await device.json<ImportReport>(["import", ...PLACE]);
});
afterAll(() => device.remove());

test("an import captures every session, and says how much it read", async () => {
  const sessions = await device.json<readonly Listed[]>(["sessions"]);
  expect(sessions.length).toBeGreaterThan(1);
  expect(first.sessions).toBe(sessions.length);
  expect(first.events).toBe(sessions.reduce((sum, { events }) => sum + events, 0));
  expect(first.bytes).toBeGreaterThan(0);
  expect(new Set(sessions.map(({ agent }) => agent))).toEqual(new Set(["claude-code", "codex"]));
});

test("a second import reads nothing, and is quick", async () => {
  const again = await device.json<ImportReport>(["import", ...PLACE]);
  expect(again).toMatchObject({
    bytes: 0,
    sessions: 0,
    events: 0,
    files: 0,
    unchanged: first.files,
  });
  expect(again.ms).toBeLessThan(1_000);
});

test("usage by session adds up to the totals, and names each session by its agent's own id", async () => {
  const { rows, totals } = await device.json<Usage>(["usage", "--by", "session"]);
  const sessions = await device.json<readonly Listed[]>(["sessions"]);
  const known = new Set(sessions.map(({ agent, sourceId }) => `${agent} ${sourceId}`));
  expect(rows.every(({ agent, sourceId }) => known.has(`${agent} ${sourceId}`))).toBe(true);
  for (const kind of ["input", "output", "cacheRead", "cacheWrite", "reasoning"] as const) {
    expect(rows.reduce((sum, { tokens }) => sum + tokens[kind], 0)).toBe(totals.tokens[kind]);
  }
  expect(totals.calls).toBeGreaterThan(0);
});

test("days of usage are of this machine's time zone, or with --utc of UTC", async () => {
  vi.stubEnv("TZ", "America/New_York");
  const own = await createDevice();
  vi.unstubAllEnvs();
  await writeTranscript(
    own.home,
    "55555555-5555-4555-8555-555555555555",
    "/work/app",
    [{ prompt: "p", response: "r", file: "a.ts" }],
    Date.parse("2026-05-05T01:00:00Z"),
  );
  await own.json(["import"]);
  const days = async (...more: readonly string[]) =>
    (await own.json<Usage>(["usage", "--by", "day", ...more])).rows.map(({ day }) => day);
  expect(await days()).toEqual(["2026-05-04"]);
  expect(await days("--utc")).toEqual(["2026-05-05"]);
  await own.remove();
});

test("a session is shown by a unique beginning of its id; an unknown one is a sentence and exit 1", async () => {
  const [session] = (await device.json<readonly Listed[]>(["sessions", "--limit", "1"])) as [
    Listed,
  ];
  const shown = await device.json<{ session: Listed; events: readonly unknown[] }>([
    "show",
    session.id.slice(0, 14),
  ]);
  expect(shown.session.id).toBe(session.id);
  expect(shown.events).toHaveLength(session.events);
  const missing = await device.run(["show", "ses_0000000000"]);
  expect(missing.code).toBe(1);
  expect(missing.stdout).toBe("");
  expect(missing.stderr).toMatch(/[.]\s*$/);
});

test("an empty list says whether there are none, or none that fits", async () => {
  const { stderr } = await device.run(["sessions", "--since", "2199-01-01"]);
  expect(stderr).toMatch(/^None of the \d+ sessions here fits\.$/m);
  const own = await createDevice();
  expect((await own.run(["sessions"])).stderr).toMatch(/^No sessions here yet\./m);
  await own.remove();
});

test("numbers are as people write them", () => {
  expect([null, 0, 0.0014, 0.005, 12].map(money)).toEqual([
    "unpriced",
    "$0.00",
    "<$0.01",
    "$0.01",
    "$12.00",
  ]);
  expect(readCount("20", "limit")).toBe(20);
  for (const text of ["", " ", "1e3", "-1", "0x10"])
    expect(() => readCount(text, "limit")).toThrow("--limit needs a whole number");
});

test("what was said is found", async () => {
  const own = await createDevice();
  await writeTranscript(own.home, "11111111-1111-4111-8111-111111111111", "/work/app", [
    { prompt: "Please rename the zanzibar helper", response: "Renamed it.", file: "a.ts" },
  ]);
  await own.json(["import"]);
  const hits = await own.json<readonly SearchHit[]>(["search", "zanzibar"]);
  expect(hits).toContainEqual(
    expect.objectContaining({
      kind: "prompt",
      snippet: expect.stringContaining("zanzibar") as string,
    }),
  );
  const search = (...options: readonly string[]) =>
    own.json<readonly SearchHit[]>(["search", "zanzibar", ...options]);
  const inside = ["--agent", "claude-code", "--project", "/work/app", "--since", "2026-05-01"];
  expect(await search("--session", hits[0]?.session ?? "", ...inside)).toEqual(hits);
  expect(await search("--agent", "codex")).toEqual([]);
  const filtered = await own.json(["search", "zanzibar", "agent:claude-code", "kind:prompt"]);
  expect(filtered).toEqual(hits.filter(({ kind, event }) => kind === "prompt" && event !== null));
  const mistyped = await own.run(["search", "zanzibra", "helper"]);
  expect(mistyped.stdout).toContain("zanzibar helper");
  expect(mistyped.stderr).toContain(
    'Nothing here has "zanzibra helper". Showing results for zanzibar helper.',
  );
  const wrong = await own.run(["search", "before:tomorrow"]);
  expect([wrong.code, wrong.stderr]).toEqual([
    1,
    expect.stringContaining('"tomorrow" is no date: write before:2026-03-31'),
  ]);
  const refused = await own.run(["search", "zanzibar", "--session", "ses_none"]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("ses_none")]);
  await own.remove();
});

test("--home looks nowhere else, whatever the environment says", async () => {
  const empty = await mkdtemp(join(tmpdir(), "operon-empty-"));
  const own = await createDevice();
  await writeTranscript(own.home, "22222222-2222-4222-8222-222222222222", "/work/app", [
    { prompt: "p", response: "r", file: "a.ts" },
  ]);
  expect(await own.json<ImportReport>(["import", "--home", empty])).toMatchObject({
    sessions: 0,
    files: 0,
  });
  expect(await own.json<ImportReport>(["import"])).toMatchObject({ sessions: 1, files: 1 });
  await own.remove();
  await rm(empty, { recursive: true });
});

test("an import killed at any point and run again ends in the same state", async () => {
  const killed = await createDevice();
  const started = killed.start(["import", ...PLACE, "--json"]);
  await until(
    async () =>
      ((await stat(join(killed.folder, "default", "archive", "manifest.jsonl")).catch(() => null))
        ?.size ?? 0) > 0,
  );
  started.kill("SIGKILL");
  await started.ended;
  await killed.json(["import", ...PLACE]);
  const usage = ["usage", "--by", "session"];
  expect(await killed.json(usage)).toEqual(await device.json(usage));
  const listed = (rows: readonly Listed[]) => rows.map(({ id, events }) => [id, events]);
  expect(listed(await killed.json(["sessions"]))).toEqual(listed(await device.json(["sessions"])));
  await killed.remove();
});

test("a database that does not open is set aside, and a fresh one is filled again from the archive", async () => {
  const own = await createDevice();
  const gone = await writeTranscript(
    own.home,
    "44444444-4444-4444-8444-444444444444",
    "/work/app",
    [{ prompt: "deleted later", response: "r", file: "a.ts" }],
  );
  await own.json(["import"]);
  const made = await own.json<{ id: string }>(["decision", "new", "--title", "Survives"]);
  const before = await own.json(["sessions"]);
  await rm(gone);
  await truncate(join(own.folder, "default", "db", "global", "pg_control"), 100);
  const after = await own.run(["sessions", "--json"]);
  expect(after.code).toBe(0);
  expect(after.stderr).toMatch(/set aside/);
  expect(after.json()).toEqual(before);
  expect(await own.json(["decision", "show", made.id])).toMatchObject({ title: "Survives" });
  await own.remove();
});

test("two commands at once: one is the engine, the other asks it", async () => {
  const fresh = await createDevice();
  const [a, b] = await Promise.all([1, 2].map(() => fresh.run(["import", ...PLACE, "--json"])));
  expect([a?.code, b?.code]).toEqual([0, 0]);
  const [one, other] = [a, b].map((ran) => (ran as Ran).json<ImportReport>().bytes);
  expect((one ?? 0) + (other ?? 0)).toBe(first.bytes);
  expect(await fresh.json(["usage", "--by", "session"])).toEqual(
    await device.json(["usage", "--by", "session"]),
  );
  await fresh.remove();
});

test("a stopped engine is a sentence that names it, and exit 1", async () => {
  const own = await createDevice();
  const watching = own.start(["watch", "--json"]);
  const socket = join(own.folder, "default", "engine.sock");
  await until(() => stat(socket).catch(() => null));
  await own.json(["sessions"]);
  watching.kill("SIGSTOP");
  try {
    const refused = await own.run(["sessions"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`Process ${watching.child.pid}`);
    expect(refused.stdout).toBe("");
  } finally {
    watching.kill("SIGCONT");
  }
  expect((await own.run(["sessions"])).code).toBe(0);
  watching.kill("SIGINT");
  expect((await watching.ended).code).toBe(0);
  await own.remove();
});

test("watch captures a line soon after it was written", async () => {
  const own = await createDevice();
  const watching = own.start(["watch", "--json"]);
  await until(() => stat(join(own.folder, "default", "engine.sock")).catch(() => null));
  await until(async () => (await own.run(["doctor", "--json"])).stdout.includes("claude"));
  await writeTranscript(own.home, "33333333-3333-4333-8333-333333333333", "/work/app", [
    { prompt: "p", response: "r", file: "a.ts" },
  ]);
  expect(JSON.parse(await watching.firstLine)).toMatchObject({
    session: expect.stringMatching(/^ses_/) as string,
  });
  watching.kill("SIGTERM");
  expect((await watching.ended).code).toBe(0);
  await own.remove();
});

test("wrong usage is exit 2, with what would be right on standard error", async () => {
  for (const args of [
    ["nonsense"],
    ["sessions", "--agent", "nobody"],
    ["usage", "--by", "weather"],
    ["decision"],
    ["decision", "new"],
    ["show"],
    ["share"],
  ]) {
    const ran = await device.run(args);
    expect([args, ran.code, ran.stdout]).toEqual([args, 2, ""]);
    expect(ran.stderr).not.toBe("");
  }
});

test("a decision without a team stays here; a field becomes the text given", async () => {
  const own = await createDevice();
  const made = await own.json<{ id: string; team: string | null }>([
    "decision",
    "new",
    "--title",
    "Use PGlite",
    "--context",
    "- a list",
  ]);
  expect(made.team).toBeNull();
  await own.json([
    "decision",
    "edit",
    made.id,
    "--context",
    "- a longer list",
    "--status",
    "accepted",
  ]);
  expect(await own.json(["decision", "show", made.id.slice(0, 12)])).toMatchObject({
    title: "Use PGlite",
    context: "- a longer list",
    status: "accepted",
  });
  expect(await own.json(["decision", "list"])).toHaveLength(1);
  const refused = await own.run(["decision", "edit", made.id, "--date", "yesterday"]);
  expect(refused.code).toBe(1);
  await own.remove();
});

test("doctor says of each agent where its transcripts lie, and what is held of them", async () => {
  const own = await createDevice();
  await writeTranscript(own.home, "44444444-4444-4444-8444-444444444444", "/work/app", [
    { prompt: "p", response: "r", file: "a.ts" },
  ]);
  await own.run(["import"]);
  const rows = (await own.json(["doctor"])) as { check: string; detail: string }[];
  const detailOf = (check: string) => rows.find((row) => row.check === check)?.detail;
  expect(detailOf("claude-code")).toMatch(/^1 session, the newest of \d{4}-\d\d-\d\d; .*\.claude/);
  expect(detailOf("goose")).toBe("not found here");
  expect(detailOf("aider")).toBe("read when you name a file");
  await own.remove();
});

test("doctor says where keys are kept, and the data folder is its user's alone", async () => {
  const rows = await device.json<readonly { check: string; state: string; detail: string }[]>([
    "doctor",
  ]);
  expect(rows.find(({ check }) => check === "keys and tokens")?.detail).toMatch(
    /secrets\.json|keychain/,
  );
  expect((await stat(join(device.folder, "default"))).mode & 0o777).toBe(0o700);
});

test("a command whose reader has gone ends quietly", async () => {
  const started = device.start(["usage", "--by", "session,model", "--json"]);
  started.child.stdout?.destroy();
  const ran = await started.ended;
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
});

test("the packages' version is what --version prints", async () => {
  const { version } = JSON.parse(
    await readFile(new URL("../../package.json", import.meta.url), "utf8"),
  ) as { version: string };
  expect((await device.run(["--version"])).stdout).toBe(`${version}\n`);
});
