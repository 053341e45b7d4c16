/** Two devices, one relay, one team: what arrives, what never does, and what the relay holds of it. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DecisionRow, SyncReport } from "../../src/app/api.ts";
import { createDevice, until, writeTranscript, type Device, type Started } from "./operon.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const PASSWORD = "correct horse battery";
const PASSPHRASE = "quartz violet ember lantern orbit maple";
const SESSION_A = "aaaaaaaa-1111-4111-8111-111111111111";
const SESSION_B = "bbbbbbbb-2222-4222-8222-222222222222";
const SESSION_UNLINKED = "dddddddd-4444-4444-8444-444444444444";
const SESSION_LIVE = "cccccccc-3333-4333-8333-333333333333";
const CWD = "/srv/flamingo/checkout";

let a: Device;
let b: Device;
let server: Device;
let relay: Started;
let url: string;
let key: string;
let team: string;
let relayLog = "";

async function startRelay(port: number): Promise<void> {
  relay = server.start([
    "relay",
    "--port",
    String(port),
    "--data",
    join(server.folder, "relay"),
    "--json",
  ]);
  relay.child.stderr?.on("data", (chunk: Buffer) => (relayLog += chunk.toString()));
  ({ url, anonKey: key } = JSON.parse(await relay.firstLine) as { url: string; anonKey: string });
}

async function killRelay(): Promise<number> {
  relay.kill("SIGKILL");
  await relay.ended;
  return Number(new URL(url).port);
}

function enter(how: "signup" | "login", email: string): string[] {
  return [how, "--url", url, "--key", key, "--email", email, "--password-stdin"];
}

function sync(device: Device): Promise<SyncReport> {
  return device.json<SyncReport>(["sync", "--once"]);
}

async function sessionOf(device: Device, sourceId: string) {
  const rows = await device.json<
    readonly {
      id: string;
      sourceId: string;
      events: number;
      tokens: object;
      title: string | null;
      owner: string | null;
    }[]
  >(["sessions"]);
  return rows.find((row) => row.sourceId === sourceId);
}

beforeAll(async () => {
  [a, b, server] = [await createDevice(), await createDevice(), await createDevice()];
  await startRelay(0);
  await a.json(enter("signup", "ada@example.org"), `${PASSWORD}\n`);
  const made = await a.json<{ team: string; invite: string }>(
    ["team", "create", "Marmalade", "--passphrase-stdin"],
    `${PASSPHRASE}\n`,
  );
  team = made.team;
  const { invite } = await a.json<{ invite: string }>(["team", "invite", "ben@example.org"]);
  await b.json(enter("signup", "ben@example.org"), `${PASSWORD}\n`);
  const wrong = await b.run(
    ["team", "join", invite, "--passphrase-stdin"],
    "not the passphrase at all\n",
  );
  expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
  await b.json(["team", "join", invite, "--passphrase-stdin"], `${PASSPHRASE}\n`);
  await writeTranscript(a.home, SESSION_A, CWD, [
    { prompt: "canaryprompt please", response: "canaryresponse done", file: "src/canaryfile.ts" },
    { prompt: "again", response: "ok", file: "src/other.ts" },
  ]);
  await writeTranscript(b.home, SESSION_B, CWD, [
    { prompt: "canaryother", response: "fine", file: "README.md" },
  ]);
  for (const device of [a, b]) {
    await device.json(["import"]);
  }
});

afterAll(async () => {
  relay?.kill("SIGTERM");
  await relay?.ended;
  for (const device of [a, b, server]) await device?.remove();
});

test("a session whose project is not linked is not shared, and the sentence says what to do", async () => {
  const session = await sessionOf(a, SESSION_A);
  const refused = await a.run(["share", session?.id ?? ""]);
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toMatch(/not linked/);
  expect((await sync(a)).pushed).toBeLessThanOrEqual(1);
});

test("one field edited on both devices offline, traces both ways, a relay killed in between: all arrive, once", async () => {
  const { id } = await a.json<DecisionRow>([
    "decision",
    "new",
    "--title",
    "Where to keep it",
    "--context",
    "base",
    "--team",
    "Marmalade",
  ]);
  const local = await a.json<DecisionRow>(["decision", "new", "--title", "Only mine"]);
  for (const device of [a, b]) await device.json(["project", "link", CWD, "--team", team]);
  await sync(a);
  await sync(b);
  expect(await b.json(["decision", "show", id])).toMatchObject({ context: "base" });

  const port = await killRelay();
  await a.json(["decision", "edit", id, "--context", "base A", "--outcome", "here"]);
  await b.json(["decision", "edit", id, "--context", "B base", "--drivers", "there"]);
  await a.json(["share", (await sessionOf(a, SESSION_A))?.id ?? ""]);
  await b.json(["share", (await sessionOf(b, SESSION_B))?.id ?? ""]);
  const offline = await a.run(["sync", "--once", "--json"]);
  expect([offline.code, offline.stdout]).toEqual([1, ""]);
  expect(offline.stderr).toMatch(/cannot be reached/);
  await startRelay(port);

  await sync(a);
  await sync(b);
  await sync(a);
  for (const device of [a, b]) {
    expect(await device.json(["decision", "show", id])).toMatchObject({
      title: "Where to keep it",
      context: "B base A",
      outcome: "here",
      drivers: "there",
    });
    expect(await sync(device)).toMatchObject({ pushed: 0, pulled: 0, verified: true, alarms: [] });
  }
  const mine = await b.json<readonly DecisionRow[]>(["decision", "list"]);
  expect(mine.map((row) => row.id)).toEqual([id]);
  expect(mine.map((row) => row.id)).not.toContain(local.id);

  for (const [owner, reader, source] of [
    [a, b, SESSION_A],
    [b, a, SESSION_B],
  ] as const) {
    const original = await sessionOf(owner, source);
    const shared = await sessionOf(reader, source);
    expect(shared).toMatchObject({
      id: original?.id,
      events: original?.events,
      tokens: original?.tokens,
      title: null,
    });
    expect(shared?.owner).toMatch(/@example\.org$/);
    const shown = await reader.run(["show", original?.id ?? "", "--json"]);
    expect(shown.stdout).not.toMatch(/canaryprompt|canaryresponse|canaryother/);
    const count = (json: string) => (JSON.parse(json) as { events: unknown[] }).events.length;
    expect(count(shown.stdout)).toBe(
      count((await owner.run(["show", original?.id ?? "", "--json"])).stdout),
    );
  }
});

test("a session that grows after it was shared follows by itself", async () => {
  await writeTranscript(a.home, SESSION_A, CWD, [
    { prompt: "canaryprompt please", response: "canaryresponse done", file: "src/canaryfile.ts" },
    { prompt: "again", response: "ok", file: "src/other.ts" },
    { prompt: "third", response: "yes", file: "src/third.ts" },
  ]);
  await a.json(["import"]);
  await sync(a);
  await sync(b);
  const original = await sessionOf(a, SESSION_A);
  expect(await sessionOf(b, SESSION_A)).toMatchObject({
    events: original?.events,
    tokens: original?.tokens,
  });
});

test("a device killed between its edit and its push sends it later", async () => {
  const { id } = await a.json<DecisionRow>([
    "decision",
    "new",
    "--title",
    "Killed",
    "--team",
    team,
  ]);
  const pushing = a.start(["sync", "--once", "--json"]);
  pushing.kill("SIGKILL");
  await pushing.ended;
  await sync(a);
  await sync(b);
  expect(await b.json(["decision", "show", id])).toMatchObject({ title: "Killed" });
  expect(await sync(b)).toMatchObject({ pushed: 0 });
});

test("between engines that stay an edit arrives by itself, and so does a session that runs", async () => {
  const engines = [a, b].map((device) => device.start(["watch", "--json"]));
  for (const device of [a, b])
    await until(() => stat(join(device.folder, "default", "engine.sock")).catch(() => null));
  const { id } = await a.json<DecisionRow>(["decision", "new", "--title", "Live", "--team", team]);
  await until(async () => (await b.run(["decision", "show", id, "--json"])).code === 0);
  await b.json(["decision", "edit", id, "--outcome", "seen"]);
  await until(async () => (await a.json<DecisionRow>(["decision", "show", id])).outcome === "seen");
  await writeTranscript(
    a.home,
    SESSION_LIVE,
    CWD,
    [{ prompt: "now", response: "yes", file: "a.ts" }],
    Date.now() - 5_000,
  );
  const arrived = await until(async () => (await sessionOf(b, SESSION_LIVE)) ?? null);
  expect(arrived).toMatchObject({ owner: "ada@example.org", title: null });
  for (const engine of engines) {
    engine.kill("SIGINT");
    expect((await engine.ended).code).toBe(0);
  }
});

test("of an unlinked project nothing more leaves, not even what waited; linked again, it goes on", async () => {
  const grow = async (prompts: readonly string[]): Promise<void> => {
    const said = prompts.map((prompt) => ({ prompt, response: "ok", file: "src/other.ts" }));
    await writeTranscript(a.home, SESSION_UNLINKED, CWD, said);
    await a.json(["import"]);
  };
  const eventsAt = async (device: Device) => (await sessionOf(device, SESSION_UNLINKED))?.events;
  const share = async (): Promise<unknown> =>
    a.json(["share", (await sessionOf(a, SESSION_UNLINKED))?.id ?? ""]);
  await grow(["one"]);
  await share();
  await sync(a);
  await sync(b);
  const before = await eventsAt(b);
  expect(before).toBe(await eventsAt(a));
  await grow(["one", "two"]);
  await a.json(["project", "unlink", CWD]);
  await grow(["one", "two", "three"]);
  expect(await sync(a)).toMatchObject({ pushed: 0 });
  await sync(b);
  expect(await eventsAt(b)).toBe(before);
  await a.json(["project", "link", CWD, "--team", team]);
  await share();
  await sync(a);
  await sync(b);
  expect(await eventsAt(b)).toBe(await eventsAt(a));
});

test("nothing that the relay stores or logs names anything", async () => {
  const words = [
    "Marmalade",
    "Where to keep it",
    "base A",
    "canaryprompt",
    "canaryresponse",
    "canaryfile",
    "flamingo",
    "proj_",
    "ses_",
    PASSWORD,
    PASSPHRASE,
  ];
  const held: Buffer[] = [Buffer.from(relayLog)];
  const folder = join(server.folder, "relay");
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) held.push(await readFile(join(entry.parentPath, entry.name)));
  }
  const all = Buffer.concat(held);
  for (const word of words) {
    const bytes = Buffer.from(word);
    const forms = [
      bytes,
      Buffer.from(bytes.toString("hex")),
      ...[0, 1, 2].map((shift) => base64Core(bytes, shift)),
    ];
    for (const form of forms) expect([word, all.includes(form)]).toEqual([word, false]);
  }
});

/** The base64 digits that are the same whatever stands around, at each of three alignments. */
function base64Core(bytes: Buffer, shift: number): Buffer {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString("base64")
    .replaceAll("=", "");
  return Buffer.from(text.slice(shift === 0 ? 0 : shift + 1, -2));
}
