/** A team from its founding to a removal, by two people in their browsers, with a relay between them. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Browser, Page } from "playwright-core";
import { createDevice, type Device } from "../cli/operon.ts";
import {
  openBrowser,
  openEngine,
  openRelay,
  sitDown,
  stop,
  type OpenEngine,
  type OpenRelay,
  type Seat,
} from "./desk.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 240_000 });

const PASSWORD = "correct horse battery";

let browser: Browser;
let relay: OpenRelay;
const devices: Device[] = [];
const engines: OpenEngine[] = [];
const seats: Seat[] = [];

beforeAll(async () => {
  browser = await openBrowser();
  relay = await openRelay(await newDevice());
});
afterAll(async () => {
  await browser?.close();
  for (const engine of engines) await stop(engine);
  relay?.process.kill("SIGTERM");
  await relay?.process.ended;
  for (const device of devices) await device.remove();
});

async function newDevice(): Promise<Device> {
  const device = await createDevice();
  devices.push(device);
  return device;
}

/** A new device of this person, signed in, at the team's page. */
async function enter(email: string, account: "new" | "known"): Promise<Page> {
  const engine = await openEngine(await newDevice());
  engines.push(engine);
  const seat = await sitDown(browser, engine.address);
  seats.push(seat);
  const { page } = seat;
  await page.getByRole("link", { name: "Team" }).click();
  if (account === "new") await page.getByRole("button", { name: "New account" }).click();
  await page.getByLabel("Server", { exact: true }).fill(relay.url);
  await page.getByLabel("Public key of the server").fill(relay.anonKey);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText(`Signed in as ${email}`).waitFor();
  return page;
}

/** As who comes back to the page. */
async function lookAgain(page: Page): Promise<void> {
  await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))');
}

async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).first().click();
}

function words(page: Page): Promise<string[]> {
  return page.getByRole("list", { name: "Safety words" }).getByRole("listitem").allTextContents();
}

test("a team is founded, joined, compared, restored with a kit, and rid of a device", async () => {
  const ada = await enter("ada@example.org", "new");
  await press(ada, "Create a team");
  await ada.getByLabel("Name", { exact: true }).fill("Marmalade");
  const offered = ada.getByRole("textbox", { name: "Passphrase" }).getByText(/( [a-z]+){5}$/);
  const passphrase = (await offered.textContent()) ?? "";
  await press(ada, "Create");
  await press(ada, "I have kept them");
  await ada.getByText("1 person, 1 device").waitFor();
  await press(ada, "Invite somebody");
  await ada.getByLabel("E-mail of their account").fill("ben@example.org");
  await press(ada, "Make an invite");
  const invite = (await ada.locator("dialog[open] .secret code").textContent()) ?? "";
  await press(ada, "Done");
  await ada.getByText(/^For a member, by you/).waitFor();

  const ben = await enter("ben@example.org", "new");
  await press(ben, "Join with an invite");
  await ben.getByLabel("Invite", { exact: true }).fill(invite);
  await ben.getByLabel("Passphrase of the team").fill("not this one");
  await press(ben, "Join");
  await ben.getByText(/^The passphrase does not open this team/).waitFor();
  await ben.getByLabel("Passphrase of the team").fill(passphrase);
  await press(ben, "Join");
  await ben.getByText("2 people, 2 devices").waitFor();

  await press(ben, "Print a recovery kit");
  await press(ben, "Show the kit");
  const groups = ben.locator(".kit-groups li");
  await groups.first().waitFor();
  const kit = await groups.allTextContents();
  expect(kit).toHaveLength(12);
  await press(ben, "I have kept it");
  await ben.getByText("on paper", { exact: true }).waitFor();
  await lookAgain(ada);
  await ada.getByText("2 people, 3 devices").waitFor();
  expect(await words(ada)).toEqual(await words(ben));

  const again = await enter("ben@example.org", "known");
  await press(again, "Restore with a recovery kit");
  await again.getByLabel("Recovery kit", { exact: true }).fill(kit.join(" ").toLowerCase());
  await press(again, "Restore");
  await press(again, "To the team");
  await again.getByText("2 people, 4 devices").waitFor();
  const lost = again.locator(".devices li", { hasNotText: /this device|on paper/ });
  await lost.getByRole("button", { name: /^Remove .* of ben@example\.org$/ }).click();
  await again.locator("dialog[open]").getByRole("button", { name: "Remove" }).click();
  await again.getByRole("heading", { name: "Key 2" }).waitFor();

  await lookAgain(ben);
  await ben.getByText(/This device is not in the team, or not any more/).waitFor();
  await lookAgain(ada);
  await ada.getByRole("heading", { name: "Key 2" }).waitFor();
  expect(await words(ada)).toEqual(await words(again));
  for (const { problems } of seats) expect(problems).toEqual([]);
});
