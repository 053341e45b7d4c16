/** One decision in two browsers, each on its own device's engine, with a relay between them; and an engine that dies. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Browser, Locator, Page } from "playwright-core";
import type { DecisionRow } from "../../src/app/api.ts";
import { createDevice, until, type Device, type Started } from "../cli/operon.ts";
import {
  openBrowser,
  openEngine,
  openRelay,
  sitDown,
  stop,
  WAIT_MS,
  type OpenEngine,
  type Seat,
} from "./desk.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 240_000 });
const poll = { timeout: WAIT_MS };

const PASSWORD = "correct horse battery\n";
const PASSPHRASE = "quartz violet ember lantern orbit maple\n";

let browser: Browser;
const devices: Device[] = [];
const engines: OpenEngine[] = [];
let relay: Started | null = null;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  for (const engine of engines.splice(0)) await stop(engine);
  relay?.kill("SIGTERM");
  await relay?.ended;
  relay = null;
  for (const device of devices.splice(0)) await device.remove();
});

async function newDevice(): Promise<Device> {
  const device = await createDevice();
  devices.push(device);
  return device;
}

async function open(device: Device): Promise<OpenEngine> {
  const engine = await openEngine(device);
  engines.push(engine);
  return engine;
}

/** Two people's devices in one team, by the commands. */
async function createTeam(): Promise<readonly [Device, Device]> {
  const [ada, ben, server] = [await newDevice(), await newDevice(), await newDevice()];
  const { process, signup } = await openRelay(server);
  relay = process;
  await ada.json(signup("ada@example.org"), PASSWORD);
  await ada.json(["team", "create", "Marmalade", "--passphrase-stdin"], PASSPHRASE);
  const { invite } = await ada.json<{ invite: string }>(["team", "invite", "ben@example.org"]);
  await ben.json(signup("ben@example.org"), PASSWORD);
  await ben.json(["team", "join", invite, "--passphrase-stdin"], PASSPHRASE);
  return [ada, ben];
}

function field({ page }: Seat, name: string): Locator {
  return page.getByRole("textbox", { name, exact: true });
}

async function typeAt(
  page: Page,
  place: Locator,
  key: "Home" | "End",
  text: string,
): Promise<void> {
  await place.click();
  await page.keyboard.press(`Control+${key}`);
  await page.keyboard.type(text);
}

function show(device: Device, id: string): Promise<DecisionRow> {
  return device.json<DecisionRow>(["decision", "show", id]);
}

test("two people type in one field of one decision at once, and each sees the other's text arrive", async () => {
  const [ada, ben] = await createTeam();
  const { id } = await ada.json<DecisionRow>([
    "decision",
    "new",
    "--title",
    "Where to keep it",
    "--context",
    "middle",
    "--team",
    "Marmalade",
  ]);
  const seats: Seat[] = [];
  for (const device of [ada, ben]) {
    const seat = await sitDown(browser, (await open(device)).address);
    await seat.page.getByRole("link", { name: "Decisions" }).click();
    await seat.page.getByRole("option", { name: /Where to keep it/ }).click();
    await expect.poll(() => field(seat, "Context").textContent(), poll).toBe("middle");
    seats.push(seat);
  }
  const [here, there] = seats as [Seat, Seat];

  await typeAt(here.page, field(here, "Context"), "Home", "from Ada, ");
  await expect.poll(() => field(there, "Context").textContent(), poll).toBe("from Ada, middle");
  await typeAt(there.page, field(there, "Context"), "End", ", from Ben");
  await expect
    .poll(() => field(here, "Context").textContent(), poll)
    .toBe("from Ada, middle, from Ben");

  await Promise.all([
    typeAt(here.page, field(here, "Context"), "Home", "At the start: "),
    typeAt(there.page, field(there, "Context"), "End", ". That is the end."),
    ada.json(["decision", "edit", id, "--drivers", "by a command"]),
  ]);
  const whole = "At the start: from Ada, middle, from Ben. That is the end.";
  for (const seat of seats) {
    await expect.poll(() => field(seat, "Context").textContent(), poll).toBe(whole);
    await expect.poll(() => field(seat, "Drivers").textContent(), poll).toBe("by a command");
    await seat.page.getByText("saved on this machine, with the team", { exact: true }).waitFor();
  }
  const [mine, theirs] = await until(async () => {
    const rows = [await show(ada, id), await show(ben, id)] as const;
    return rows.every(({ waiting }) => !waiting) && rows;
  }, WAIT_MS);
  expect(mine).toEqual(theirs);
  expect(mine).toMatchObject({ context: whole, drivers: "by a command" });
  for (const { problems } of seats) expect(problems).toEqual([]);
});

test("who has the decision open is shown to the other, with the field they are in, and is gone when they leave it", async () => {
  const [ada, ben] = await createTeam();
  const { id } = await ada.json<DecisionRow>([
    ...["decision", "new", "--title", "Where to keep it", "--context", "middle"],
    ...["--team", "Marmalade"],
  ]);
  await ben.json(["sync"]);
  const here = await sitDown(browser, (await open(ada)).address);
  const there = await sitDown(browser, (await open(ben)).address);
  const others = here.page.getByRole("list", { name: "Also here" });
  for (const seat of [here, there]) {
    await seat.go(`/decisions/${id}`);
    await expect.poll(() => field(seat, "Context").textContent(), poll).toBe("middle");
  }
  await others.getByText("Ben", { exact: true }).waitFor();
  await there.page.getByText("Ada is here").waitFor({ state: "attached" });

  await typeAt(there.page, field(there, "Context"), "End", ", from Ben");
  await here.page.locator("[data-here=Ben]").waitFor();
  await expect
    .poll(
      () => here.page.locator(".cm-caret").evaluate((caret) => caret.parentElement?.textContent),
      poll,
    )
    .toContain("middle, from Ben");
  await there.page.getByRole("link", { name: "Usage" }).click();
  await others.waitFor({ state: "detached" });
  await here.page.getByText("Ben has left").waitFor({ state: "attached" });
  expect(await here.page.locator("[data-here], .cm-caret").count()).toBe(0);

  await there.go(`/decisions/${id}`);
  await others.getByText("Ben", { exact: true }).waitFor();
  await there.page.close();
  await others.waitFor({ state: "detached" });
  for (const { problems } of [here, there]) expect(problems).toEqual([]);
});

test("an engine killed while its page has edits it never took, and started again on its port: nothing is lost or doubled", async () => {
  const device = await newDevice();
  const { id } = await device.json<DecisionRow>([
    "decision",
    "new",
    "--title",
    "Keep it",
    "--context",
    "Before.",
  ]);
  const engine = await open(device);
  const seat = await sitDown(browser, engine.address);
  const { page } = seat;
  await seat.go(`/decisions/${id}`);
  await page.getByText("saved on this machine", { exact: true }).waitFor();

  // Stopped, it takes nothing more: what is typed now is only in the page.
  engine.process.kill("SIGSTOP");
  await typeAt(page, field(seat, "Context"), "End", " Unsent.");
  await page.getByText("saving", { exact: true }).waitFor();
  engine.process.kill("SIGKILL");
  await engine.process.ended;
  await page.getByText("kept in this page, saved when the engine is back").waitFor();
  await typeAt(page, field(seat, "Context"), "End", " Alone.");

  const again = await open(device);
  expect(again.origin).toBe(engine.origin);
  await page.getByText("saved on this machine", { exact: true }).waitFor();
  const whole = "Before. Unsent. Alone.";
  expect(await field(seat, "Context").textContent()).toBe(whole);
  expect(await show(device, id)).toMatchObject({ title: "Keep it", context: whole });
  await page.reload();
  await expect.poll(() => field(seat, "Context").textContent(), poll).toBe(whole);
  expect(seat.problems).toEqual([]);
});
