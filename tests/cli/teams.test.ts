/** A team as its people manage it, by commands, over a real relay: members, devices, keys, kit, leaving. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DecisionRow, SyncReport, TeamDetail } from "../../src/app/api.ts";
import { connectToEngine } from "../../src/app/remote.ts";
import { createDevice, type Device, type Started, until } from "./operon.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const PASSWORD = "vellum harbour 58 kites";
const PASSPHRASE = "quartz violet ember lantern orbit maple";
const NEXT = "saffron kettle dawn pebble ivory comet";

let server: Device;
let ada: Device;
let ben: Device;
let cyd: Device;
let relay: Started;
let address: readonly string[];
let decision: string;

async function enter(how: "signup" | "login", device: Device, email: string): Promise<void> {
  await device.json([how, ...address, "--email", email, "--password-stdin"], `${PASSWORD}\n`);
}

const members = (device: Device) => device.json<TeamDetail>(["team", "members"]);
const sync = (device: Device) => device.json<SyncReport>(["sync", "--once"]);
const context = async (device: Device) =>
  (await device.json<DecisionRow>(["decision", "show", decision])).context;
const append = async (device: Device, word: string) =>
  device.json(["decision", "edit", decision, "--context", `${await context(device)}${word} `]);
const joinTeam = (device: Device, invite: string, passphrase = PASSPHRASE) =>
  device.run(["team", "join", invite, "--passphrase-stdin", "--json"], `${passphrase}\n`);
const invited = async (by: Device, email: string, ...more: readonly string[]) =>
  (await by.json<{ invite: string }>(["team", "invite", email, ...more])).invite;

beforeAll(async () => {
  [server, ada, ben, cyd] = [
    await createDevice(),
    await createDevice(),
    await createDevice(),
    await createDevice(),
  ];
  relay = server.start(["relay", "--port", "0", "--data", join(server.folder, "relay"), "--json"]);
  const { url, anonKey } = JSON.parse(await relay.firstLine) as { url: string; anonKey: string };
  address = ["--url", url, "--key", anonKey];
  for (const [device, who] of [
    [ada, "ada"],
    [ben, "ben"],
    [cyd, "cyd"],
  ] as const)
    await enter("signup", device, `${who}@example.org`);
  await ada.json(["team", "create", "Marmalade", "--passphrase-stdin"], `${PASSPHRASE}\n`);
  for (const [device, who] of [
    [ben, "ben"],
    [cyd, "cyd"],
  ] as const)
    expect((await joinTeam(device, await invited(ada, `${who}@example.org`))).code).toBe(0);
  const { team } = (await ada.json<readonly { id: string }[]>(["team", "list"])).map(({ id }) => ({
    team: id,
  }))[0] as { team: string };
  const made = ["decision", "new", "--title", "Jam", "--context", "base ", "--team", team];
  decision = (await ada.json<DecisionRow>(made)).id;
  for (const device of [ada, ben, cyd]) await sync(device);
});

afterAll(async () => {
  relay?.kill("SIGTERM");
  await relay?.ended;
  for (const device of [server, ada, ben, cyd]) await device?.remove();
});

test("everybody sees the same members, devices and words", async () => {
  const seen = await members(ada);
  expect(seen).toMatchObject({ name: "Marmalade", role: "owner", epoch: 1, keyDue: false });
  expect(seen.members.map(({ email, role, you }) => [email, role, you])).toEqual([
    ["ada@example.org", "owner", true],
    ["ben@example.org", "member", false],
    ["cyd@example.org", "member", false],
  ]);
  expect(seen.members.flatMap(({ devices }) => devices.map(({ here }) => here))).toEqual([
    true,
    false,
    false,
  ]);
  expect(seen.words).toHaveLength(8);
  expect((await members(ben)).words).toEqual(seen.words);
  const shown = await ada.run(["team", "members"]);
  expect(shown.stdout).toContain("cyd@example.org");
  expect(shown.stderr).toContain(seen.words.join(" "));
});

test("a member's role does not allow what an owner's does, and the sentence says so", async () => {
  for (const args of [
    ["remove", "cyd@example.org"],
    ["rotate"],
    ["role", "ben@example.org", "owner"],
    ["invite", "dan@example.org"],
  ]) {
    const refused = await ben.run(["team", ...args]);
    expect(refused.code, args.join(" ")).toBe(1);
    expect(refused.stderr).toContain("Your role in this team does not allow that");
  }
  const nobody = await ada.run(["team", "remove", "zoe@example.org"]);
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining("nobody and nothing") });
});

test("a role is given, and means what it says", async () => {
  await ada.json(["team", "role", "ben@example.org", "admin"]);
  const invite = await invited(ben, "dan@example.org");
  const [adas, bens] = (await members(ada)).invites;
  expect(adas).toMatchObject({ admits: "own", by: "ada@example.org" });
  expect(bens).toMatchObject({ admits: "member", by: "ben@example.org" });
  await ada.json(["team", "revoke", bens?.id.slice(0, 8) as string]);
  const dan = await createDevice();
  await enter("signup", dan, "dan@example.org");
  expect(await joinTeam(dan, invite)).toMatchObject({ code: 1 });
  await dan.remove();
  const [own] = (await members(ben)).members.filter(({ you }) => you);
  await ben.json(["team", "rename", own?.devices[0]?.id as string, "the tin laptop"]);
  expect(JSON.stringify(await members(ada))).toContain("the tin laptop");
});

test("what is written when the key changes arrives, and a new passphrase lets in who comes next", async () => {
  await append(ben, "offline");
  expect(await ada.json(["team", "rotate"])).toMatchObject({ epoch: 2 });
  await sync(ben);
  await sync(ada);
  expect(await context(ada)).toBe("base offline ");
  const changed = ["team", "rotate", "--new-passphrase", "--passphrase-stdin"];
  expect(await ada.json(changed, `${NEXT}\n`)).toMatchObject({ epoch: 3 });
  const dora = await createDevice();
  await enter("signup", dora, "dora@example.org");
  const invite = await invited(ada, "dora@example.org");
  expect(await joinTeam(dora, invite)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("does not open this team"),
  });
  expect(await joinTeam(dora, invite, NEXT)).toMatchObject({ code: 0 });
  expect(await context(dora)).toBe("base offline ");
  await dora.json(["team", "leave"]);
  expect(await dora.json(["team", "list"])).toEqual([]);
  await dora.remove();
  // Whoever comes next makes the key that is due.
  await sync(ben);
  expect(await members(ada)).toMatchObject({ epoch: 4, keyDue: false });
});

test("who is removed keeps what they have, reads and sends nothing more, and is told so", async () => {
  await append(cyd, "unsent");
  const left = await ada.json<TeamDetail>(["team", "remove", "cyd@example.org"]);
  expect(left.members.map(({ email }) => email)).toEqual(["ada@example.org", "ben@example.org"]);
  expect(left.epoch).toBe(5);
  await append(ada, "secret");
  await sync(ada);
  const refused = await cyd.run(["sync", "--once", "--json"]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("not a member") });
  expect(await context(cyd)).toBe("base unsent ");
  await sync(ben);
  expect(await context(ben)).toBe("base offline secret ");
  // Nothing holds them there, and there is nobody to be told.
  expect(await cyd.json(["team", "leave"])).toEqual({ told: false });
  expect(await cyd.json(["team", "list"])).toEqual([]);
  expect(await context(cyd)).toBe("base unsent ");
});

test("a team of one is forgotten and not left, and then says nothing in the status of the engine that stays", async () => {
  const alone = await createDevice();
  await enter("signup", alone, "eve@example.org");
  const watching = alone.start(["watch"]);
  const profile = join(alone.folder, "default");
  await until(() => stat(join(profile, "engine.sock")).catch(() => null));
  const args = ["team", "create", "Solo", "--passphrase-stdin"];
  const { team } = await alone.json<{ team: string }>(args, `${PASSPHRASE}\n`);
  const client = await connectToEngine(profile, 5_000);
  if (typeof client === "string") throw new Error("no engine");
  const state = async () => (await client.call("status", undefined)).sync.state;
  await until(async () => (await state()) === "verified");
  expect(await alone.run(["team", "leave"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/only member.*operon team forget/),
  });
  expect(await alone.json(["team", "list"])).toMatchObject([{ id: team }]);
  expect(await alone.json(["team", "forget", team])).toBeNull();
  expect(await alone.json(["team", "list"])).toEqual([]);
  expect(await state()).toBe("local");
  client.close();
  watching.kill("SIGTERM");
  await watching.ended;
  await alone.remove();
});

test("with a recovery kit a member is back on a new machine without the passphrase", async () => {
  const { kit } = await ben.json<{ kit: string }>(["team", "kit"]);
  expect(kit).toMatch(/^([0-9A-Z]{5}-){11}[0-9A-Z]{5}$/);
  const fresh = await createDevice();
  await enter("login", fresh, "ben@example.org");
  const torn = await fresh.run(["team", "restore", "--kit-stdin"], `${kit.slice(0, -2)}\n`);
  expect(torn).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("not a whole recovery kit"),
  });
  await fresh.json(["team", "restore", "--kit-stdin"], `${kit.toLowerCase()}\n`);
  expect(await context(fresh)).toBe("base offline secret ");
  const seen = await members(fresh);
  const [own] = seen.members.filter(({ you }) => you);
  expect(own?.devices.map(({ kind }) => kind).toSorted()).toEqual([
    "ordinary",
    "ordinary",
    "recovery",
  ]);
  const removed = await fresh.run(["team", "remove", "the tin laptop"]);
  expect(removed).toMatchObject({ code: 0, stderr: expect.stringContaining("operon password") });
  expect(await ben.run(["sync", "--once"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("not in the team"),
  });
  await append(fresh, "back");
  await sync(fresh);
  await sync(ada);
  expect(await context(ada)).toBe("base offline secret back ");
  await fresh.remove();
});
