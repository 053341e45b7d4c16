/** The built interface in a real browser, on a stand-in engine. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Locator,
  type Page,
} from "playwright-core";
import { build } from "vite";
import { standIn, type StandIn } from "./stand-in.ts";

const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Desk {
  readonly browser: Browser;
  readonly folder: string;
  close(): Promise<void>;
}

/** Builds the interface into a folder of its own and starts a browser. */
export async function openDesk(): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), "operon-ui-"));
  await build({
    configFile: fileURLToPath(new URL("../../vite.config.ts", import.meta.url)),
    logLevel: "error",
    build: { outDir: folder },
  });
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ARGS,
  });
  return {
    browser,
    folder,
    async close() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface Seat {
  readonly engine: StandIn;
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page reported as wrong, refused content among it. */
  readonly problems: string[];
  /** Hosts that were asked for anything. */
  readonly hosts: Set<string>;
  go(path: string): Promise<void>;
  /** Fails when the page reported a problem. */
  close(): Promise<void>;
}

export async function sit(
  desk: Desk,
  options: Parameters<typeof standIn>[1] & { readonly context?: BrowserContextOptions } = {},
): Promise<Seat> {
  const engine = await standIn(desk.folder, options);
  const context = await desk.browser.newContext({
    viewport: { width: 1280, height: 800 },
    ...options.context,
  });
  const page = await context.newPage();
  const problems: string[] = [];
  const hosts = new Set<string>();
  watchPage(page, problems, hosts);
  return {
    engine,
    context,
    page,
    problems,
    hosts,
    go: async (path) => void (await page.goto(engine.url + path)),
    async close() {
      await context.close();
      await engine.stop();
      if (problems.length > 0) throw new Error(`The page reported: ${problems.join(" · ")}`);
    },
  };
}

export function watchPage(page: Page, problems: string[], hosts: Set<string> = new Set()): void {
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/WebSocket|ERR_CONNECTION_REFUSED/.test(message.text()))
      problems.push(message.text());
  });
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
}

/** It comes on the page. */
export async function expectShown(place: Locator): Promise<void> {
  await place.waitFor();
}

/** In the page: things to press or fill that say nothing to somebody who does not see them; ids that stand twice. */
export function nameless(): string[] {
  const found: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>(
    "button, a, input, select, textarea, summary, [role=option], [role=row], [contenteditable=true]",
  )) {
    const labels =
      "labels" in element
        ? [...((element as HTMLInputElement).labels ?? [])]
            .map((label) => label.textContent)
            .join("")
        : "";
    const name =
      element.getAttribute("aria-label") ??
      labels +
        (element.textContent ?? "") +
        [...element.querySelectorAll("[aria-label]")]
          .map((part) => part.getAttribute("aria-label"))
          .join("");
    if (name.trim() === "") found.push(element.outerHTML.slice(0, 120));
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  found.push(...ids.filter((id, index) => ids.indexOf(id) !== index));
  return found;
}
