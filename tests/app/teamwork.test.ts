import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTeamwork, type Teamwork, type TeamworkOptions } from "../../src/app/teamwork.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { sessionName } from "../../src/cloud/connection.ts";
import type { SyncStore } from "../../src/sync/ports.ts";
import { memorySecrets, PASSWORD, startServer, type TestServer } from "../cloud/server.ts";

const credentials = { email: "ann@example.org", password: PASSWORD.reveal() };
let server: TestServer;
let other: Server;
let otherUrl: string;
let heard = "";
/** What the other server answers. */
let reply = { status: 400, body: "{}" };

beforeAll(async () => {
  server = await startServer();
  other = createServer((request, response) => {
    heard += `${request.url} ${JSON.stringify(request.headers)}`;
    request.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    request.on("end", () => response.writeHead(reply.status).end(reply.body));
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  otherUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
});
afterAll(async () => {
  other.closeAllConnections();
  other.close();
  await server.close();
});

function open(
  secrets: ReturnType<typeof memorySecrets>,
  teams: readonly string[] = [],
  onState: TeamworkOptions["onState"] = () => undefined,
): Promise<Teamwork> {
  return openTeamwork({
    account: null,
    teams: async () => teams as readonly TeamId[],
    store: {} as SyncStore,
    secrets: {
      ...secrets,
      where: async () => ({ keychain: false, detail: "memory" }),
    },
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    onShown: () => undefined,
    onApplied: () => undefined,
    onHere: () => undefined,
    onState,
    onAlarms: async () => undefined,
    onHeard: () => undefined,
    onRetired: () => undefined,
    onDevice: async () => undefined,
  });
}

test("an attempt at another server learns nothing of the session here and leaves it, whatever is answered", async () => {
  const secrets = memorySecrets();
  const work = await open(secrets);
  await work.signUp({ ...credentials, url: server.url, key: server.anonKey });
  const name = sessionName(server.url);
  // Expired, so that supabase-js would post the refresh token wherever it is pointed at.
  const session = JSON.parse(secrets.held.get(name) as string) as { refresh_token: string };
  const text = JSON.stringify({ ...session, expires_at: 1 });
  secrets.held.set(name, text);
  const user = { id: "0c5a1b0e-6f3c-4f67-9d1c-0d6c5a9b7e11", email: credentials.email };
  for (const [type, status, body] of [
    ["nonsense", 200, "{}"],
    ["email_not_confirmed", 200, JSON.stringify(user)],
    ["server-failed", 500, ""],
  ] as const) {
    reply = { status, body };
    await expect(work.signUp({ ...credentials, url: otherUrl, key: "key" })).rejects.toMatchObject({
      fault: { type },
    });
  }
  expect(heard).toContain("/auth/v1/signup");
  expect(heard).not.toContain(session.refresh_token);
  expect(secrets.held.get(name)).toBe(text);
  await work.close();
});

test("a wrong password at the same server leaves who is signed in; the right one at another takes its place", async () => {
  const secrets = memorySecrets();
  const work = await open(secrets);
  const at = { ...credentials, email: "bob@example.org", url: server.url, key: server.anonKey };
  await work.signUp(at);
  const before = secrets.held.get(sessionName(server.url));
  await expect(work.signIn({ ...at, password: "something else" })).rejects.toMatchObject({
    fault: { type: "wrong-password" },
  });
  expect(secrets.held.get(sessionName(server.url))).toBe(before);
  expect(await work.syncOnce()).toEqual([]);

  const second = await startServer();
  await work.signUp({ ...at, url: second.url, key: second.anonKey });
  expect(secrets.held.has(sessionName(server.url))).toBe(false);
  expect(secrets.held.has(sessionName(second.url))).toBe(true);
  expect(await work.syncOnce()).toEqual([]);
  await work.close();
  await second.close();
});

test("a team without keys is one team's trouble, each time", async () => {
  const states: unknown[] = [];
  const lost = ["team_ONE", "team_TWO"];
  const work = await open(memorySecrets(), lost, (team, state) => states.push([team, state]));
  const at = { ...credentials, email: "cyd@example.org", url: server.url, key: server.anonKey };
  await work.signUp(at);
  const fault = { type: "no-keys", message: expect.stringContaining("no key of the team") };
  expect(await work.syncOnce()).toEqual(
    lost.map((team) => ({ team, result: { ok: false, fault } })),
  );
  await work.start();
  expect(states).toMatchObject(
    lost.map((team) => [team, { state: "offline", reason: fault.message }]),
  );
  await work.close();
});
