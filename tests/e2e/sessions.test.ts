/** One device, the real engine, and a page on it. */
import { appendFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Browser } from "playwright-core";
import { HOME, writeTranscript, type Device } from "../cli/operon.ts";
import {
  createDeviceWithHome,
  openBrowser,
  openEngine,
  sitDown,
  stop,
  waitUntilCaptured,
  WAIT_MS,
  type OpenEngine,
  type Seat,
} from "./desk.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const poll = { timeout: WAIT_MS };

interface World extends Seat {
  readonly device: Device;
  readonly engine: OpenEngine;
}

let browser: Browser;
const devices: Device[] = [];
const engines: OpenEngine[] = [];

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  for (const engine of engines.splice(0)) await stop(engine);
  for (const device of devices.splice(0)) await device.remove();
});

/** A device with a copy of this home, its engine, and a page that came in by the printed address. */
async function begin(
  options: { readonly home?: string; prepare?(home: string): Promise<unknown> } = {},
): Promise<World> {
  const device = await createDeviceWithHome(options.home);
  devices.push(device);
  await options.prepare?.(device.home);
  const engine = await openEngine(device);
  engines.push(engine);
  return { ...(await sitDown(browser, engine.address)), device, engine };
}

async function openTrace({ page }: Seat, title: string): Promise<void> {
  await page.getByRole("row", { name: title }).click();
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
}

test("the printed address shows every session of the home, and is good once", async () => {
  const { page, problems, device, engine } = await begin({ home: HOME });
  const known = await waitUntilCaptured(device, page);
  expect(known.length).toBeGreaterThan(1);

  const seen = new Set<string>();
  await page.getByRole("grid").focus();
  await page.keyboard.press("Home");
  await expect
    .poll(async () => {
      for (const id of await page.locator(".session").evaluateAll(ids)) seen.add(id);
      if (seen.size < known.length) await page.keyboard.press("PageDown");
      return seen.size;
    }, poll)
    .toBe(known.length);
  expect(seen).toEqual(new Set(known.map((id) => `row-${id}`)));

  const stranger = await sitDown(browser, engine.address);
  expect(await stranger.page.locator("body").textContent()).toMatch(/used before/);
  expect(await stranger.page.locator(".session").count()).toBe(0);
  expect(problems).toEqual([]);
  await stop(engine);
  expect((await engine.process.ended).stdout.trim()).toBe(engine.address);
});

const GROWING = "dddddddd-4444-4444-8444-444444444444";
const HOSTILE_ID = "eeeeeeee-5555-4555-8555-555555555555";
const HOSTILE = '<img src=x onerror="hacked=1"> & <script>hacked=1</script>';

/** One more line of the growing transcript. */
function said(text: string): string {
  const uuid = (n: number): string => `${GROWING.slice(0, 24)}${String(n).padStart(12, "0")}`;
  return `${JSON.stringify({
    parentUuid: uuid(4),
    isSidechain: false,
    userType: "external",
    cwd: "/home/mira/work/tally",
    sessionId: GROWING,
    version: "2.1.100",
    type: "assistant",
    uuid: uuid(5),
    timestamp: "2026-05-04T10:01:00.000Z",
    requestId: "req_5",
    message: {
      id: "msg_5",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [{ type: "text", text }],
      usage: { input_tokens: 10, output_tokens: 9 },
    },
  })}\n`;
}

interface Marked {
  operonTest?: boolean;
}
interface Node extends Marked {
  closest(selector: string): object | null;
  readonly outerHTML: string;
}

function mark(all: readonly Marked[]): number {
  for (const element of all) element.operonTest = true;
  return all.length;
}

/** How many marked elements are still there, and where those stand that were not. */
function marked(all: readonly Node[]): {
  readonly kept: number;
  readonly added: readonly string[];
} {
  const added = all.filter((element) => element.operonTest !== true);
  return {
    kept: all.length - added.length,
    added: added.map((element) =>
      element.closest(".virtual-row") !== null
        ? "row"
        : element.closest(".bar") !== null
          ? "bar"
          : element.outerHTML,
    ),
  };
}

test("a trace opens with its prompts, tools, diff, sub-agent and error", async () => {
  const seat = await begin();
  const { page } = seat;
  await openTrace(seat, "Tide table in winter time");
  await page
    .getByRole("heading", { name: "The tide table shows summer time in winter. Fix it." })
    .waitFor();
  await page.getByRole("button", { name: /apply_patch src\/tides\/table\.ts.*\+8 −2/ }).click();
  await page.getByText("return addMinutes(highWater, -OFFSET);").waitFor();
  await expect.poll(() => page.locator(".diff-line[data-sign='+']").count(), poll).toBe(8);
  await expect.poll(() => page.locator(".diff-line[data-sign='-']").count(), poll).toBe(2);
  await page.getByRole("button", { name: /npm test -- tides · exit 1/ }).click();
  await page.getByLabel("Output").waitFor();
  await page.getByRole("button", { name: /Sub-agent/ }).click();
  await page.getByRole("button", { name: /date \+%Z/ }).waitFor();
  await page.getByText("Each day now has its own offset.").waitFor();

  await page.goBack();
  await openTrace(seat, "Read Nordbank statements with decimal commas");
  await page.getByRole("heading", { name: "Add an example file to the docs." }).waitFor();
  expect(seat.problems).toEqual([]);
});

test("search finds words inside a trace and opens the place", async () => {
  const seat = await begin();
  await seat.page.locator(".session").first().waitFor();
  await seat.page.keyboard.press("/");
  await seat.page.keyboard.type("surveyor");
  await seat.page
    .locator(".result.hit mark")
    .getByText("surveyor", { exact: true })
    .first()
    .waitFor();
  await seat.page.keyboard.press("Enter");
  await seat.page
    .getByRole("heading", { level: 1, name: "Berth lights and a date that cannot be" })
    .waitFor();
  await seat.page.locator("[data-current=true]").getByText("surveyor").first().waitFor();
  expect(seat.problems).toEqual([]);
});

test("a transcript that grows by a line is in the open trace, and everything else stays the same nodes", async () => {
  let path = "";
  const world = await begin({
    async prepare(home) {
      path = await writeTranscript(home, GROWING, "/home/mira/work/tally", [
        { prompt: "Count the open invoices", response: "Nine are open.", file: "src/invoices.ts" },
      ]);
    },
  });
  const { page } = world;
  await openTrace(world, "Count the open invoices");
  await page.getByText("Nine are open.").waitFor();
  await page.getByRole("button", { name: /Read src\/invoices\.ts/ }).waitFor();
  await waitUntilCaptured(world.device, page);
  const before = await page.locator("body *").evaluateAll(mark);

  await appendFile(path, said("Three of them are overdue."));
  await page.getByText("Three of them are overdue.").waitFor();
  await page.locator(".bar").nth(3).waitFor();
  // The row's first line stands in for its text until that is fetched.
  await page
    .locator("p.quiet", { hasText: "Three of them are overdue." })
    .waitFor({ state: "detached" });
  const after = await page.locator("body *").evaluateAll(marked);
  expect(after.kept).toBe(before);
  expect(new Set(after.added)).toEqual(new Set(["row", "bar"]));
  expect(world.problems).toEqual([]);
});

test("hostile text is only text: in the list, in the trace and in what search finds", async () => {
  const seat = await begin({
    prepare: (home) =>
      writeTranscript(home, HOSTILE_ID, `/srv/${HOSTILE}`, [
        {
          prompt: HOSTILE,
          response: `${HOSTILE}\n\n[good](https://example.org/a) [bad](javascript:hacked=1)`,
          file: HOSTILE,
        },
      ]),
  });
  const { page } = seat;
  await openTrace(seat, HOSTILE);
  await page.getByRole("link", { name: "good" }).waitFor();
  await page.getByRole("button", { name: /^tool Read/ }).click();
  await page.getByLabel("Output").waitFor();
  await page.goBack();
  await page.keyboard.press("/");
  await page.keyboard.type("onerror");
  await page.locator(".result.hit mark").first().waitFor();
  await page.locator(".result.hit").first().click();
  await page.getByRole("heading", { level: 1, name: HOSTILE }).waitFor();
  await page.getByRole("link", { name: "good" }).waitFor();

  const made = "main :is(img, script, iframe), .list :is(img, script, iframe)";
  expect(await page.locator(made).count()).toBe(0);
  expect(await page.locator(".prose a").evaluateAll(targets)).toEqual(["https://example.org/a"]);
  expect(await page.evaluate(() => "hacked" in globalThis)).toBe(false);
  expect([...seat.hosts]).toEqual([new URL(seat.engine.origin).host]);
  expect(seat.problems).toEqual([]);
});

function ids(all: readonly { readonly id: string }[]): readonly string[] {
  return all.map(({ id }) => id);
}

function targets(all: readonly { readonly href: string }[]): readonly string[] {
  return all.map(({ href }) => href);
}
