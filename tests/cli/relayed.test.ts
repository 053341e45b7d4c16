/** Between devices and relay stands a proxy: what is lost on the way, what is sent at all, and a relay that is none. */
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DecisionRow, SyncReport } from "../../src/app/api.ts";
import { createDevice, until, writeTranscript, type Device, type Started } from "./operon.ts";
import { startProxy, type Proxy } from "./proxy.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const PASSWORD = "vellum harbour 58 kites";
const PASSPHRASE = "quartz violet ember lantern orbit maple";
const SESSION_BOTH = "dddddddd-4444-4444-8444-444444444444";
const SESSION_BOTH_OTHER = "eeeeeeee-5555-4555-8555-555555555555";
const CWD = "/srv/flamingo/cobblestone";

let proxy: Proxy;
let a: Device;
let b: Device;
let server: Device;
let relay: Started;
let key: string;
let team: string;
let relayLog = "";

interface Listed {
  readonly id: string;
  readonly sourceId: string;
  readonly events: number;
  readonly owner: string | null;
}

async function startRelay(): Promise<void> {
  relay = server.start(["relay", "--port", "0", "--data", join(server.folder, "relay"), "--json"]);
  relay.child.stderr?.on("data", (chunk: Buffer) => (relayLog += chunk.toString()));
  const ready = JSON.parse(await relay.firstLine) as { url: string; anonKey: string };
  proxy.target(ready.url);
  key = ready.anonKey;
}

async function killRelay(): Promise<void> {
  relay.kill("SIGKILL");
  await relay.ended;
  proxy.hangUp();
}

async function enter(how: "signup" | "login", device: Device, email: string): Promise<void> {
  const args = ["--url", proxy.url, "--key", key, "--email", email, "--password-stdin"];
  await device.json([how, ...args], `${PASSWORD}\n`);
}

function signup(device: Device, email: string): Promise<void> {
  return enter("signup", device, email);
}

function sync(device: Device): Promise<SyncReport> {
  return device.json<SyncReport>(["sync", "--once"]);
}

async function newDecision(device: Device, title: string, ...more: string[]): Promise<string> {
  const args = ["decision", "new", "--title", title, ...more];
  return (await device.json<DecisionRow>(args)).id;
}

async function sessionsOf(device: Device, sourceId: string): Promise<readonly Listed[]> {
  const rows = await device.json<readonly Listed[]>(["sessions"]);
  return rows.filter((row) => row.sourceId === sourceId);
}

/** After one sync each, nobody has anything to send any more, and both have verified the same. */
async function quiet(): Promise<void> {
  for (const device of [a, b]) await sync(device);
  await sync(a);
  const reports = [await sync(b), await sync(a)];
  for (const report of reports)
    expect(report).toMatchObject({ pushed: 0, pulled: 0, verified: true, alarms: [] });
  expect(reports[0]?.head).toEqual(reports[1]?.head);
}

beforeAll(async () => {
  proxy = await startProxy();
  [a, b, server] = [await createDevice(), await createDevice(), await createDevice()];
  await startRelay();
  await signup(a, "ada@example.org");
  const args = ["team", "create", "Marmalade", "--passphrase-stdin"];
  ({ team } = await a.json<{ team: string }>(args, `${PASSPHRASE}\n`));
  const { invite } = await a.json<{ invite: string }>(["team", "invite", "ben@example.org"]);
  await signup(b, "ben@example.org");
  await b.json(["team", "join", invite, "--passphrase-stdin"], `${PASSPHRASE}\n`);
  const turns = [1, 2].map((n) => ({
    prompt: `canaryprompt ${n}`,
    response: "canaryresponse",
    file: "src/canaryfile.ts",
  }));
  for (const [device, said] of [
    [a, turns],
    [b, turns.slice(0, 1)],
  ] as const) {
    for (const id of [SESSION_BOTH, SESSION_BOTH_OTHER])
      await writeTranscript(device.home, id, CWD, said);
    await device.json(["import"]);
    await device.json(["project", "link", CWD, "--team", "Marmalade"]);
  }
});

afterAll(async () => {
  relay?.kill("SIGTERM");
  await relay?.ended;
  await proxy?.close();
  for (const device of [a, b, server]) await device?.remove();
});

test("who joins finds the team's name, and who links the same project finds it: there is one stream of it", async () => {
  expect(await b.json(["team", "list"])).toMatchObject([{ id: team, name: "Marmalade" }]);
  await quiet();
  expect(Object.keys((await sync(a)).head)).toHaveLength(2);
});

test.each([
  ["before the server has it", "loseCall"],
  ["before it hears that the server has it", "loseAnswer"],
] as const)("a device killed %s loses and doubles nothing", async (_when, lose) => {
  const id = await newDecision(a, lose, "--team", team);
  await a.json(["decision", "edit", id, "--context", "one two"]);
  const lost = proxy[lose]("cloud_push");
  const pushing = a.start(["sync", "--once", "--json"]);
  await lost;
  pushing.kill("SIGKILL");
  await pushing.ended;
  await a.json(["decision", "edit", id, "--context", "one two three"]);
  await quiet();
  expect(await b.json(["decision", "show", id])).toMatchObject({
    title: lose,
    context: "one two three",
  });
});

test("a relay killed while it takes a push has it or has it not, and the next sync ends the same", async () => {
  const id = await newDecision(a, "Torn", "--project", CWD);
  const lost = proxy.loseAnswer("cloud_push");
  const pushing = a.start(["sync", "--once", "--json"]);
  await lost;
  await killRelay();
  expect(await pushing.ended).toMatchObject({ code: 1, stdout: "" });
  await startRelay();
  await quiet();
  expect(await b.json(["decision", "show", id])).toMatchObject({ title: "Torn", team });
});

test("what both have captured each shares as its own, however far it came there: no alarm, nothing twice", async () => {
  const [both] = await sessionsOf(a, SESSION_BOTH);
  const [other] = await sessionsOf(a, SESSION_BOTH_OTHER);
  await a.json(["share", both?.id ?? ""]);
  await b.json(["share", other?.id ?? ""]);
  await quiet();
  await b.json(["share", both?.id ?? ""]);
  await quiet();
  for (const [device, events] of [
    [a, both?.events],
    [b, (both?.events ?? 0) / 2],
  ] as const) {
    for (const source of [SESSION_BOTH, SESSION_BOTH_OTHER])
      expect(await sessionsOf(device, source)).toMatchObject([{ owner: null, events }]);
  }
});

test("a decision edited here and there at once while an engine stays: the same field and others", async () => {
  const id = await newDecision(a, "At once", "--context", "base", "--team", "Marmalade");
  await quiet();
  const engines = [a, b].map((device) => device.start(["watch", "--json"]));
  for (const device of [a, b])
    await until(() => stat(join(device.folder, "default", "engine.sock")).catch(() => null));
  await Promise.all([
    a.json(["decision", "edit", id, "--context", "base A", "--outcome", "here"]),
    b.json(["decision", "edit", id, "--context", "B base", "--drivers", "there"]),
  ]);
  for (const device of [a, b]) {
    const row = await until(async () => {
      const shown = await device.json<DecisionRow>(["decision", "show", id]);
      return shown.outcome !== "" && shown.drivers !== "" ? shown : null;
    });
    expect(row).toMatchObject({ context: "B base A", outcome: "here", drivers: "there" });
  }
  for (const engine of engines) {
    engine.kill("SIGINT");
    expect((await engine.ended).code).toBe(0);
  }
  await quiet();
});

test("a keychain that is away stops no local work, and what was imported meanwhile is sent when it is back", async () => {
  const profile = join(a.folder, "default");
  const [secrets, away] = [join(profile, "secrets.json"), join(profile, "keychain-away.json")];
  const [session] = await sessionsOf(a, SESSION_BOTH);
  const turns = Array.from({ length: 3 }, (_, n) => ({
    prompt: `canaryprompt ${n}`,
    response: "canaryresponse",
    file: "src/canaryfile.ts",
  }));
  await rename(secrets, away);
  await writeFile(join(profile, "keychain-used"), "");
  expect((await a.run(["sync", "--once"])).stderr).toMatch(/keychain, which cannot be reached/);
  await writeTranscript(a.home, SESSION_BOTH, CWD, turns);
  await a.json(["import"]);
  expect((await sessionsOf(a, SESSION_BOTH))[0]?.events).toBeGreaterThan(session?.events ?? 0);
  await rm(join(profile, "keychain-used"));
  await rename(away, secrets);
  expect(await sync(a)).toMatchObject({ pushed: 1, verified: true, alarms: [] });
  await quiet();
});

test("a second account on the same device joins the same team and sends as itself", async () => {
  const c = await createDevice();
  for (const email of ["cleo@example.org", "cleo@example.com"]) {
    const { invite } = await a.json<{ invite: string }>(["team", "invite", email]);
    await signup(c, email);
    await c.json(["team", "join", invite, "--passphrase-stdin"], `${PASSPHRASE}\n`);
    const id = await newDecision(c, email, "--team", team);
    expect(await sync(c)).toMatchObject({ pushed: 1, verified: true, alarms: [] });
    await quiet();
    expect(await b.json(["decision", "show", id])).toMatchObject({ title: email });
  }
  await enter("login", c, "cleo@example.org");
  expect(await c.json(["team", "list"])).toMatchObject([{ id: team }]);
  expect(await sync(c)).toMatchObject({ pushed: 0, verified: true, alarms: [] });
  await c.remove();
});

test("what one account left unsent waits for it, and goes out in no other's name", async () => {
  const c = await createDevice();
  const enterTeam = async (email: string) => {
    const { invite } = await a.json<{ invite: string }>(["team", "invite", email]);
    await c.json(["team", "join", invite, "--passphrase-stdin"], `${PASSPHRASE}\n`);
  };
  const id = "77777777-7777-4777-8777-777777777777";
  await writeTranscript(c.home, id, CWD, [
    { prompt: "canaryprompt", response: "canaryresponse", file: "src/canaryfile.ts" },
  ]);
  await c.json(["import"]);
  await signup(c, "eve@example.org");
  await enterTeam("eve@example.org");
  await c.json(["project", "link", CWD, "--team", team]);
  const [{ id: session } = { id: "" }] = await sessionsOf(c, id);
  await c.json(["share", session]);
  const decision = await newDecision(c, "canarydecision of eve", "--team", team);
  await c.json(["logout"]);

  await signup(c, "kim@example.org");
  await enterTeam("kim@example.org");
  expect(await sync(c)).toMatchObject({ pushed: 0, verified: true });
  await quiet();
  expect(await sessionsOf(b, id)).toEqual([]);
  expect(await b.run(["decision", "show", decision])).toMatchObject({ code: 1 });

  await enter("login", c, "eve@example.org");
  expect(await sync(c)).toMatchObject({ verified: true, alarms: [] });
  await quiet();
  expect(await sessionsOf(b, id)).toMatchObject([{ owner: "eve@example.org" }]);
  expect(await b.json(["decision", "show", decision])).toMatchObject({ waiting: false });
  await c.remove();
});

test("a member who invites nobody else invites a further device of its own", async () => {
  const c = await createDevice();
  const refused = await b.run(["team", "invite", "friend@example.org"]);
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  const { invite } = await b.json<{ invite: string }>(["team", "invite", "Ben@example.org"]);
  await enter("login", c, "ben@example.org");
  await c.json(["team", "join", invite, "--passphrase-stdin"], `${PASSPHRASE}\n`);
  expect(await sync(c)).toMatchObject({ verified: true, alarms: [] });
  await c.remove();
});

test("a server that answers nonsense changes nothing: a sentence and exit 1", async () => {
  const nonsense = createServer((_request, response) => response.end("[7]"));
  await new Promise<void>((resolve) => nonsense.listen(0, "127.0.0.1", resolve));
  const id = await newDecision(a, "Kept", "--team", team);
  proxy.target(`http://127.0.0.1:${(nonsense.address() as AddressInfo).port}`);
  const ran = await a.run(["sync", "--once", "--json"]);
  expect([ran.code, ran.stdout]).toEqual([1, ""]);
  expect(ran.stderr).toMatch(/neither Supabase nor an Operon relay/);
  nonsense.closeAllConnections();
  await new Promise((resolve) => nonsense.close(resolve));
  await killRelay();
  await startRelay();
  await quiet();
  expect(await b.json(["decision", "show", id.slice(0, -1)])).toMatchObject({ title: "Kept" });
});

test("an invite that is none, a wrong passphrase on a device that is in already: a sentence, and all stays", async () => {
  const { invite } = await a.json<{ invite: string }>(["team", "invite", "ben@example.org"]);
  for (const [text, passphrase, sentence] of [
    ["hello", PASSPHRASE, /begins with "operon2_"/],
    [invite.slice(0, -3), PASSPHRASE, /damaged or not complete/],
    [invite, "another passphrase than that one", /passphrase/],
  ] as const) {
    const ran = await b.run(["team", "join", text, "--passphrase-stdin"], `${passphrase}\n`);
    expect([text, ran.code, ran.stdout]).toEqual([text, 1, ""]);
    expect(ran.stderr).toMatch(sentence);
  }
  await quiet();
});

test("nothing that the relay stores, logs or is sent names anything", async () => {
  await newDecision(a, "Only mine and nobody else's");
  await quiet();
  const projects = await a.json<readonly { id: string }[]>(["project", "list"]);
  const sessions = await a.json<readonly { id: string }[]>(["sessions"]);
  const decisions = await a.json<readonly { id: string }[]>(["decision", "list"]);
  const words = [
    "Marmalade",
    "At once",
    "base A",
    "one two",
    "Only mine",
    "canaryprompt",
    "canaryresponse",
    "canaryfile",
    "flamingo",
    "cobblestone",
    "proj_",
    a.home,
    // A host's name may be two letters long: as it stands in a card.
    `${userInfo().username} on ${hostname()}`,
    PASSWORD,
    PASSPHRASE,
    "lantern orbit",
    ...[...projects, ...sessions, ...decisions].map(({ id }) => id.slice(id.indexOf("_") + 1)),
    ...(await keysOf(a)),
    ...(await keysOf(b)),
  ];
  const held: Buffer[] = [Buffer.from(relayLog), proxy.received()];
  const folder = join(server.folder, "relay");
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) held.push(await readFile(join(entry.parentPath, entry.name)));
  const all = Buffer.concat(held);
  // What the server may know is found in it, so that what is not found is not there.
  for (const word of [team, "cloud_push"]) expect([word, all.includes(word)]).toEqual([word, true]);
  expect(words.filter((word) => formsOf(word).some((form) => all.includes(form)))).toEqual([]);
});

/** What must never leave a device, as it lies there. */
async function keysOf(device: Device): Promise<readonly string[]> {
  const file = await readFile(join(device.folder, "default", "secrets.json"), "utf8");
  const secrets = Object.entries(JSON.parse(file) as Readonly<Record<string, string>>);
  const keys = secrets.flatMap(([name, value]) =>
    name.startsWith("session ") ? [] : [value.slice(10, 40), value.slice(-30)],
  );
  expect(keys.length).toBeGreaterThanOrEqual(4);
  return keys;
}

function formsOf(word: string): readonly Buffer[] {
  const bytes = Buffer.from(word);
  const hex = bytes.toString("hex");
  const base64 = [0, 1, 2].flatMap((shift) => {
    const digits = base64Core(bytes, shift);
    return [digits, digits.replaceAll("+", "-").replaceAll("/", "_")];
  });
  return [word, encodeURIComponent(word), hex, hex.toUpperCase(), ...base64].map((form) =>
    Buffer.from(form),
  );
}

/** The digits that are the same whatever stands around, at each of three alignments. */
function base64Core(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString("base64")
    .replaceAll("=", "");
  return text.slice(shift === 0 ? 0 : shift + 1, -2);
}

test("a session that is taken back goes from the team's devices, stays here, and is a new copy when shared again", async () => {
  const id = "99999999-9999-4999-8999-999999999999";
  await writeTranscript(a.home, id, CWD, [
    { prompt: "canaryprompt back", response: "canaryresponse", file: "src/canaryfile.ts" },
  ]);
  await a.json(["import"]);
  const [{ id: session } = { id: "" }] = await sessionsOf(a, id);
  await a.json(["share", session]);
  await quiet();
  expect(await sessionsOf(b, id)).toHaveLength(1);
  expect(await b.run(["unshare", session])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("only they can take it back"),
  });
  expect(await a.json(["unshare", session])).toEqual({ withdrawn: 1 });
  expect(await a.json(["unshare", session])).toEqual({ withdrawn: 0 });
  await quiet();
  expect(await sessionsOf(b, id)).toEqual([]);
  expect(await sessionsOf(a, id)).toHaveLength(1);
  await a.json(["share", session]);
  await quiet();
  expect(await sessionsOf(b, id)).toHaveLength(1);
  // Both before the other one syncs.
  for (const command of ["unshare", "share"]) {
    await a.json([command, session]);
    await sync(a);
  }
  await quiet();
  expect(await sessionsOf(b, id)).toMatchObject([{ owner: "ada@example.org" }]);
});
