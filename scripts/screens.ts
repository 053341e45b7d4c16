/**
 * `node scripts/screens.ts [FOLDER]` takes the pictures of docs/screens, of the tests' own home and nothing else: the real
 * interface on the real engine. Only the page's clock and zone are set, so that times read the same whenever it runs. The
 * safety words in the picture of the team are another team's each time.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import type { DecisionRow, TeamDetail } from "../src/app/api.ts";
import { createDevice, type Device } from "../tests/cli/operon.ts";
import {
  createDeviceWithHome,
  newAddress,
  openBrowser,
  openEngine,
  openRelay,
  sitDown,
  waitForSessions,
} from "../tests/e2e/desk.ts";

const FOLDER = process.argv[2] ?? fileURLToPath(new URL("../docs/screens", import.meta.url));
const NOW = new Date("2026-11-02T16:40:00+01:00");
const WIDE = { width: 1280, height: 800 };
/** From the prompt to its response. */
const HIGH = { width: 1280, height: 920 };
/** A team from its name to its key. */
const LONG = { width: 1280, height: 1040 };
const NARROW = { width: 440, height: 860 };

const TRACE = "Tide table in winter time";
const DECISION = {
  title: "Convert with the booking day's rate, everywhere",
  status: "accepted",
  date: "2026-10-20",
  deciders: "Mira, Jonas",
  tags: "currencies, reports",
  outcome: "Reports and the balance both use the rate of the day a payment was booked.",
  context:
    "Reports convert with the rate of the booking day, the balance with today's. The same payment has two values, and " +
    "people write to us about the difference.",
  drivers: "One number for one payment. A report that was printed must not change.",
  consequences:
    "The balance no longer shows what an account would bring today; a line below it can. Rates are kept for ten years.",
};
const OPTIONS = [
  {
    title: "Booking day",
    pros: "Reports stay as printed\nRates are kept already",
    cons: "Not what the money is worth now",
    chosen: true,
  },
  {
    title: "Today",
    pros: "What the money is worth now",
    cons: "Every report changes overnight",
    chosen: false,
  },
  {
    title: "Both, side by side",
    pros: "Nothing is hidden",
    cons: "Two numbers, and the question which is right",
    chosen: false,
  },
];
const OTHERS = [
  ["proposed", "2026-10-30", "Show the zone beside every time", "harbor, tides"],
  ["accepted", "2026-10-13", "A split payment rounds on its last part", "ledger"],
  ["accepted", "2026-10-05", "The decimal sign is found, not asked", "importer"],
  ["superseded", "2026-09-28", "The decimal sign is an argument", "importer"],
] as const;

const PASSWORD = "correct horse battery\n";
const PASSPHRASE = "quartz violet ember lantern orbit maple\n";

type Look = "light" | "dark";

async function main(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const device = await createDeviceWithHome();
  const browser = await openBrowser();
  try {
    const { sessions } = await device.json<{ readonly sessions: number }>(["import"]);
    const engine = await openEngine(device);
    try {
      const decision = await writeDecisions(device, browser);
      for (const look of ["light", "dark"] as const) {
        await picture(device, browser, sessions, look, "trace", openTrace, HIGH);
        await picture(device, browser, sessions, look, "decision", (page) =>
          openDecision(page, decision),
        );
      }
      await picture(device, browser, sessions, "light", "sessions", () => Promise.resolve());
      await picture(device, browser, sessions, "light", "narrow", openTrace, NARROW);
      // Last: in the other pictures nobody is signed in.
      await withTeam(device, () =>
        picture(device, browser, sessions, "light", "team", openTeam, LONG),
      );
    } finally {
      engine.process.kill("SIGTERM");
      await engine.process.ended;
    }
  } finally {
    await browser.close();
    await device.remove();
  }
}

async function picture(
  device: Device,
  browser: Browser,
  sessions: number,
  look: Look,
  name: string,
  steps: (page: Page) => Promise<void>,
  viewport = WIDE,
): Promise<void> {
  const { page, problems } = await sitDown(browser, await newAddress(device), {
    viewport,
    colorScheme: look,
    locale: "en-GB",
    timezoneId: "Europe/Zurich",
    reducedMotion: "reduce",
  });
  await page.clock.setFixedTime(NOW);
  await page.reload();
  await waitForSessions(page, sessions);
  await steps(page);
  await page.mouse.move(0, 0);
  await page.evaluate("document.fonts.ready.then(() => true)");
  await page.screenshot({ path: join(FOLDER, `${name}-${look}.png`), caret: "hide" });
  await page.context().close();
  if (problems.length > 0) throw new Error(`The page reported: ${problems.join(" · ")}`);
}

async function openTrace(page: Page): Promise<void> {
  await page.getByRole("row", { name: TRACE }).click();
  await page.getByRole("heading", { level: 1, name: TRACE }).waitFor();
  await page.getByRole("button", { name: /^Tool apply_patch/i }).click();
  await page.locator(".diff-line").first().waitFor();
  await page.getByRole("button", { name: /Sub-agent/ }).click();
  await page.getByRole("button", { name: /date \+%Z/ }).waitFor();
}

async function openDecision(page: Page, id: string): Promise<void> {
  await page.getByRole("link", { name: "Decisions" }).click();
  await page.locator(`#row-${id}`).click();
  await page.getByText("saved on this machine", { exact: true }).waitFor();
  await page.getByRole("textbox", { name: "For it" }).last().waitFor();
}

async function openTeam(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Team" }).click();
  await page.getByRole("button", { name: "Do not say this again" }).click();
  await page.getByText("2 people, 3 devices").waitFor();
}

/** Mira has two devices, Jonas one. */
async function withTeam(mira: Device, work: () => Promise<void>): Promise<void> {
  const others = [await createDevice(), await createDevice(), await createDevice()] as const;
  const [server, second, jonas] = others;
  const relay = await openRelay(server);
  const enter = (device: Device, email: string): Promise<unknown> =>
    device.json(relay.signup(email), PASSWORD);
  const join = (device: Device, invite: string): Promise<unknown> =>
    device.json(["team", "join", invite, "--passphrase-stdin"], PASSPHRASE);
  try {
    await enter(mira, "mira@example.org");
    const create = ["team", "create", "Tidewater", "--passphrase-stdin"];
    const own = await mira.json<{ readonly invite: string }>(create, PASSPHRASE);
    await second.json(["login", ...relay.signup("mira@example.org").slice(1)], PASSWORD);
    await join(second, own.invite);
    const invite = ["team", "invite", "jonas@example.org", "--role", "admin"];
    const made = await mira.json<{ readonly invite: string }>(invite);
    await enter(jonas, "jonas@example.org");
    await join(jonas, made.invite);
    await nameDevice(mira, "Laptop");
    await nameDevice(second, "Workshop");
    await nameDevice(jonas, "Harbour office");
    await work();
  } finally {
    relay.process.kill("SIGTERM");
    await relay.process.ended;
    for (const device of others) await device.remove();
  }
}

async function nameDevice(device: Device, name: string): Promise<void> {
  const { members } = await device.json<TeamDetail>(["team", "members"]);
  const here = members.flatMap(({ devices }) => devices).find((each) => each.here);
  await device.json(["team", "rename", here?.id ?? "", name]);
}

async function writeDecisions(device: Device, browser: Browser): Promise<string> {
  for (const [status, date, title, tags] of OTHERS) {
    await newDecision(device, { title, status, date, tags, deciders: "Mira" });
  }
  const { id } = await newDecision(device, DECISION);
  const { page, go } = await sitDown(browser, await newAddress(device));
  await go(`/decisions/${id}`);
  for (const [index, option] of OPTIONS.entries()) {
    await page.getByRole("button", { name: "Add an option" }).click();
    for (const [label, text] of [
      ["Option", option.title],
      ["For it", option.pros],
      ["Against it", option.cons],
    ] as const) {
      await page.getByRole("textbox", { name: label, exact: true }).nth(index).click();
      await page.keyboard.type(text);
    }
    if (option.chosen) await page.getByRole("button", { name: "Choose", exact: true }).click();
  }
  await page.getByText("saved on this machine", { exact: true }).waitFor();
  await page.context().close();
  return id;
}

function newDecision(
  device: Device,
  fields: Readonly<Record<string, string>>,
): Promise<DecisionRow> {
  const options = Object.entries(fields).flatMap(([name, text]) => [`--${name}`, text]);
  return device.json<DecisionRow>(["decision", "new", ...options]);
}

await main();
