/** The real interface: `bin/operon open` on a home of its own, and Chromium on the address it prints. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { createDevice, type Device, type Started } from "../cli/operon.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/home", import.meta.url));

/** Everything a page waits for; generous, because engines and browsers share two cores. */
export const WAIT_MS = 60_000;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A device with a copy of a home: transcripts may be written there. */
export async function createDeviceWithHome(source = FIXTURES): Promise<Device> {
  const device = await createDevice();
  await cp(source, device.home, { recursive: true });
  return device;
}

export interface OpenEngine {
  readonly process: Started;
  /** Good for one use. */
  readonly address: string;
  readonly origin: string;
}

/** Answers when it has printed its address. */
export async function openEngine(device: Device): Promise<OpenEngine> {
  const process = device.start(["open", "--home", device.home]);
  const address = await process.firstLine;
  return { process, address, origin: new URL(address).origin };
}

export interface OpenRelay {
  readonly process: Started;
  /** The command that makes an account there; the password comes on stdin. */
  signup(email: string): string[];
  readonly url: string;
  readonly anonKey: string;
}

/** A server, with its data beside that device's. */
export async function openRelay(device: Device): Promise<OpenRelay> {
  const data = join(device.folder, "relay");
  const process = device.start(["relay", "--port", "0", "--data", data, "--json"]);
  const { url, anonKey } = JSON.parse(await process.firstLine) as { url: string; anonKey: string };
  return {
    process,
    url,
    anonKey,
    signup: (email) => [
      "signup",
      ...["--url", url],
      ...["--key", anonKey],
      ...["--email", email],
      "--password-stdin",
    ],
  };
}

/** As a person ends it; at last the hard way, so that no test leaves one behind. */
export async function stop(engine: OpenEngine | null): Promise<void> {
  if (engine === null) return;
  const hard = setTimeout(() => engine.process.kill("SIGKILL"), 30_000);
  engine.process.kill("SIGTERM");
  await engine.process.ended;
  clearTimeout(hard);
}

/** One more address of an engine that runs. */
export async function newAddress(device: Device): Promise<string> {
  const ran = await device.run(["open"]);
  if (ran.code !== 0) throw new Error(`operon open ended with ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trim();
}

export interface Seat {
  readonly page: Page;
  /** What the page reported as wrong, refused content among it. */
  readonly problems: readonly string[];
  /** Hosts that were asked for anything. */
  readonly hosts: ReadonlySet<string>;
  /** To a path of the same engine. */
  go(path: string): Promise<void>;
}

/** A browser of its own (cookies, storage), come in by the printed address. */
export async function sitDown(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Seat> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const problems: string[] = [];
  const hosts = new Set<string>();
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/WebSocket|ERR_CONNECTION_REFUSED/.test(message.text()))
      problems.push(message.text());
  });
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  await page.goto(address);
  return {
    page,
    problems,
    hosts,
    go: async (path) => void (await page.goto(new URL(path, address).href)),
  };
}

/** The list holds so many. */
export async function waitForSessions(page: Page, count: number): Promise<void> {
  await page.getByRole("grid", { name: `${count.toLocaleString("en")} sessions` }).waitFor();
}

/** Everything in the home is captured, and in the page's list. Answers the sessions' ids. */
export async function waitUntilCaptured(device: Device, page: Page): Promise<readonly string[]> {
  await device.json(["import", "--home", device.home]);
  const sessions = await device.json<readonly { readonly id: string }[]>(["sessions"]);
  await waitForSessions(page, sessions.length);
  return sessions.map(({ id }) => id);
}
