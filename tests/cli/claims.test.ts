/** What the first sign-in takes along, and what refuses to happen, each with a sentence. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { SyncReport } from "../../src/app/api.ts";
import { createDevice, writeTranscript, type Device, type Started } from "./operon.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const PASSWORD = "correct horse battery";
const PASSPHRASE = "quartz violet ember lantern orbit maple";
const CWD = "/srv/heron/checkout";
const OLD_SESSIONS = 1_000;

interface Listed {
  readonly sourceId: string;
  readonly claimedBy: string | null;
  readonly sharedWith: string | null;
}

let device: Device;
let server: Device;
let relay: Started;
let url: string;
let key: string;

beforeAll(async () => {
  [device, server] = [await createDevice(), await createDevice()];
  relay = server.start(["relay", "--port", "0", "--data", join(server.folder, "relay"), "--json"]);
  ({ url, anonKey: key } = JSON.parse(await relay.firstLine) as { url: string; anonKey: string });
});

afterAll(async () => {
  relay?.kill("SIGTERM");
  await relay?.ended;
  for (const one of [device, server]) await one?.remove();
});

function idOf(number: number): string {
  return `${String(number).padStart(8, "0")}-0000-4000-8000-000000000000`;
}

function account(how: string, email: string, at = url): string[] {
  return [how, "--url", at, "--key", key, "--email", email, "--password-stdin"];
}

test("of many old sessions, one that runs and one from the future, the one that runs is claimed; nothing leaves before its project is linked", async () => {
  const turn = { prompt: "p", response: "r", file: "a.ts" };
  for (let i = 1; i <= OLD_SESSIONS; i++) await writeTranscript(device.home, idOf(i), CWD, [turn]);
  await writeTranscript(device.home, idOf(2_002), CWD, [turn], Date.now() + 3_600_000);
  await device.json(["import"]);
  await writeTranscript(device.home, idOf(2_001), CWD, [turn], Date.now() - 5_000);
  await device.json(["import"]);
  expect(await device.json(account("signup", "eve@example.org"), `${PASSWORD}\n`)).toMatchObject({
    claimed: 1,
  });
  const sessions = await device.json<readonly Listed[]>(["sessions"]);
  expect(
    sessions.filter(({ claimedBy }) => claimedBy !== null).map(({ sourceId }) => sourceId),
  ).toEqual([idOf(2_001)]);
  expect(sessions.filter(({ sharedWith }) => sharedWith !== null)).toEqual([]);

  const { team } = await device.json<{ team: string }>(
    ["team", "create", "Herons", "--passphrase-stdin"],
    `${PASSPHRASE}\n`,
  );
  // The team's name went with its making: a row of the team's stream, and nothing of a project.
  const name = await device.json<SyncReport>(["sync", "--once"]);
  expect(Object.entries(name.head)).toEqual([[team, 1]]);
  expect(await device.json<SyncReport>(["sync", "--once"])).toMatchObject({
    pushed: 0,
    verified: true,
  });
  await device.json(["project", "link", CWD, "--team", team]);
  const linked = await device.json<readonly Listed[]>(["sessions"]);
  expect(
    linked.filter(({ sharedWith }) => sharedWith !== null).map(({ sourceId }) => sourceId),
  ).toEqual([idOf(2_001)]);
  // The project's name went with the link; this is the one trace.
  expect((await device.json<SyncReport>(["sync", "--once"])).pushed).toBe(1);
  expect((await device.json<SyncReport>(["sync", "--once"])).pushed).toBe(0);
});

test("an invite made for another account is refused with the right passphrase, and still works for its own", async () => {
  const { invite } = await device.json<{ invite: string }>(["team", "invite", "kim@example.org"]);
  const [other, kim] = [await createDevice(), await createDevice()];
  await other.json(account("signup", "mallory@example.org"), `${PASSWORD}\n`);
  const refused = await other.run(
    ["team", "join", invite, "--passphrase-stdin"],
    `${PASSPHRASE}\n`,
  );
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toMatch(/[.]\s*$/);
  await kim.json(account("signup", "kim@example.org"), `${PASSWORD}\n`);
  expect(
    await kim.json(["team", "join", invite, "--passphrase-stdin"], `${PASSPHRASE}\n`),
  ).toMatchObject({ team: expect.any(String) as string });
  await other.remove();
  await kim.remove();
});

test("a wrong password, no network, a server that answers nonsense, and http elsewhere: a sentence and exit 1 each", async () => {
  const own = await createDevice();
  const nonsense: Server = createServer((_request, response) =>
    response.end("<html>welcome</html>"),
  );
  await new Promise<void>((resolve) => nonsense.listen(0, "127.0.0.1", resolve));
  const strange = `http://127.0.0.1:${(nonsense.address() as AddressInfo).port}`;
  const cases: readonly (readonly [string[], RegExp])[] = [
    [account("login", "eve@example.org"), /do not belong to an account/],
    [account("login", "eve@example.org", "http://127.0.0.1:1"), /cannot be reached/],
    [account("login", "eve@example.org", strange), /neither Supabase nor/],
    [account("login", "eve@example.org", "http://example.org"), /without encryption/],
  ];
  for (const [args, sentence] of cases) {
    const ran = await own.run(args, "not the password\n");
    expect([args, ran.code, ran.stdout]).toEqual([args, 1, ""]);
    expect(ran.stderr).toMatch(sentence);
  }
  const signedOut = await own.run(["sync", "--once", "--json"]);
  expect([signedOut.code, signedOut.stdout]).toEqual([1, ""]);
  await new Promise((resolve) => nonsense.close(resolve));
  await own.remove();
});

test("signed out, the sessions stay and nothing is sent", async () => {
  const before = await device.json<readonly unknown[]>(["sessions"]);
  await device.json(["logout"]);
  expect(await device.json<readonly unknown[]>(["sessions"])).toHaveLength(before.length);
  expect((await device.run(["sync", "--once"])).code).toBe(1);
});
