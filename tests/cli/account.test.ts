/** An account's password, and its sessions on other devices, by commands over a real relay. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createDevice, type Device, type Started } from "./operon.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PASSWORD = "vellum harbour 58 kites";
const NEXT = "sextant gallery 31 plums";

let devices: readonly [server: Device, here: Device, elsewhere: Device];
let relay: Started;
let address: readonly string[];

const enter = (device: Device, how: "signup" | "login", password: string) =>
  device.run(
    [how, ...address, "--email", "ada@example.org", "--password-stdin", "--json"],
    `${password}\n`,
  );
const setPassword = (device: Device, current: string, next: string) =>
  device.run(["password", "--password-stdin"], `${current}\n${next}\n`);

beforeAll(async () => {
  devices = [await createDevice(), await createDevice(), await createDevice()];
  const [server] = devices;
  relay = server.start(["relay", "--port", "0", "--data", join(server.folder, "relay"), "--json"]);
  const { url, anonKey } = JSON.parse(await relay.firstLine) as { url: string; anonKey: string };
  address = ["--url", url, "--key", anonKey];
});

afterAll(async () => {
  relay?.kill("SIGTERM");
  await relay?.ended;
  for (const device of devices) await device.remove();
});

test("another password signs the account's other devices out, and needs the one so far", async () => {
  const [, here, elsewhere] = devices;
  expect((await setPassword(here, PASSWORD, NEXT)).stderr).toContain("operon login");
  expect((await enter(here, "signup", PASSWORD)).code).toBe(0);
  expect((await enter(elsewhere, "login", PASSWORD)).code).toBe(0);
  for (const [current, next, sentence] of [
    ["a guess at it", NEXT, "is not the account's password"],
    [PASSWORD, "seven77", "too weak"],
    [PASSWORD, PASSWORD, "take another one"],
  ] as const)
    expect(await setPassword(here, current, next)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(sentence),
    });
  const half = await here.run(["password", "--password-stdin"], `${PASSWORD}\n`);
  expect(half).toMatchObject({ code: 2, stderr: expect.stringContaining("2 lines") });
  expect((await setPassword(here, PASSWORD, NEXT)).code).toBe(0);
  expect((await here.run(["sync", "--once"])).code).toBe(0);
  expect((await setPassword(elsewhere, NEXT, PASSWORD)).stderr).toContain("not signed in");
  expect((await enter(elsewhere, "login", PASSWORD)).code).toBe(1);
  expect((await enter(elsewhere, "login", NEXT)).code).toBe(0);
});

test("signed out everywhere is signed out on the other devices too; without the server nobody is", async () => {
  const [, here, elsewhere] = devices;
  expect((await here.run(["logout", "--everywhere"])).code).toBe(0);
  expect((await setPassword(elsewhere, NEXT, PASSWORD)).stderr).toContain("not signed in");
  expect((await enter(here, "login", NEXT)).code).toBe(0);
  relay.kill("SIGTERM");
  await relay.ended;
  const offline = await here.run(["logout", "--everywhere"]);
  expect(offline).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot be reached") });
});
