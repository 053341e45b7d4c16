import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHtml } from "../../../src/app/export/html.ts";
import { escapeHtml } from "../../../src/app/export/html-text.ts";
import type { ExportedSession } from "../../../src/app/export/session.ts";
import { PART_NAMES } from "../../../src/base/session.ts";
import { event, PNG, SAMPLE, SESSION } from "./sample.ts";

const HOSTILE =
  `</pre></details></style></title><script>window.hit=1</script><img src=x onerror="window.hit=1">` +
  `"'><svg onload=window.hit=1><a href="javascript:window.hit=1">&lt;\u202e\u0000<!--`;

/** The same text wherever a transcript can put one. */
function hostile(text: string): ExportedSession {
  const parts = PART_NAMES.map((name) => ({ name, body: text }));
  const patch = [
    { path: text, change: text, hunks: [{ oldStart: 1, newStart: 1, lines: [text] }] },
  ];
  const images = [
    { mediaType: text, base64: PNG },
    { mediaType: "image/png", base64: text },
    { mediaType: "image/svg+xml", base64: PNG },
  ];
  const rows = (["prompt", "response", "tool", "error", "mode", "permission"] as const).map(
    (kind, i) =>
      event(kind, i, { kind, tool: text, model: text, summary: text, parts: PART_NAMES, at: null }),
  );
  const shaped = event("shaped", 9, { tool: text, parts: ["patch", "images"] });
  return {
    session: {
      ...SESSION,
      title: text,
      gitBranch: text,
      agentVersion: text,
      models: [text],
      project: { id: text, name: text, path: text },
    },
    events: [...rows, shaped],
    bodies: {
      ...Object.fromEntries(rows.map(({ id }) => [id, parts])),
      [shaped.id]: [
        { name: "patch", body: JSON.stringify(patch) },
        { name: "images", body: JSON.stringify(images) },
      ],
    },
  };
}

test("text is never markup", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"'\u0000\u202e]|&(?!(?:amp|lt|gt|quot|#39);)/);
    }),
  );
  expect(escapeHtml("a\r\nb\u202e\ud800")).toBe("a\nb⟨U+202E⟩\ufffd");
});

test("what is not known is not in the page", () => {
  const page = toHtml({
    session: { ...SESSION, startedAt: null, endedAt: null, costUsd: null, gitBranch: null },
    events: [event("a", 0, { kind: "response", at: null })],
    bodies: {},
  });
  expect(page).not.toMatch(/Started|Ended|Branch|\$|1970|null|NaN/);
  expect(page).toContain("Before the first prompt");
});

describe("in a browser", () => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "operon-page-"));
    browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(exported: ExportedSession, colorScheme: "light" | "dark" = "light") {
    const file = join(folder, "page.html");
    await writeFile(file, toHtml(exported));
    const context = await browser.newContext({ offline: true, colorScheme });
    const page = await context.newPage();
    const asked: string[] = [];
    const problems: string[] = [];
    page.on("request", (request) => asked.push(request.url().slice(0, 5)));
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.goto(pathToFileURL(file).href);
    return { page, asked, problems, close: () => context.close() };
  }

  test("the page shows the session, loads nothing else, and follows the reader's colours", async () => {
    const { page, asked, problems, close } = await open(SAMPLE);
    expect(await page.title()).toBe("Fix the sum");
    expect(await page.locator("article.prompt pre").innerText()).toBe("The sum is wrong.");
    expect(await page.getByText("It adds twice.").isVisible()).toBe(false);
    await page.getByText("Thinking").click();
    expect(await page.getByText("It adds twice.").isVisible()).toBe(true);
    expect(await page.locator("details.tool .add").allTextContents()).toEqual(["+c", "+d", "+y"]);
    expect(await page.locator("details.subagent details.tool.failed").count()).toBe(1);
    expect(await page.locator("details.subagent article.response").count()).toBe(1);
    expect(await page.locator("header").innerText()).toContain("1,230 tokens in, 12 out · $0.0123");
    expect(
      await page
        .locator("img")
        .evaluate((image) => (image as { naturalWidth?: number }).naturalWidth),
    ).toBe(1);
    const light = await page.locator("body").evaluate(colour);
    await close();
    const dark = await open(SAMPLE, "dark");
    expect(await dark.page.locator("body").evaluate(colour)).not.toBe(light);
    await dark.close();
    expect(new Set(asked)).toEqual(new Set(["file:"]));
    expect(problems).toEqual([]);
  });

  test("hostile text is shown and does nothing", async () => {
    const { page, asked, problems, close } = await open(hostile(HOSTILE));
    expect(await page.evaluate("window.hit ?? null")).toBeNull();
    expect(await page.locator("script, svg, a, iframe, form, link, base").count()).toBe(0);
    expect(await page.locator("img").count()).toBe(0);
    const handlers = await page.evaluate(
      "[...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => /^on|^style$|^href$/.test(n))",
    );
    expect(handlers).toEqual([]);
    expect(await page.locator("article.prompt > pre").textContent()).toBe(
      HOSTILE.replace("\u202e", "⟨U+202E⟩").replace("\u0000", "⟨U+0000⟩"),
    );
    expect(await page.locator("section").count()).toBe(1);
    await close();
    expect(asked).toEqual(["file:"]);
    expect(problems).toEqual([]);
  });
});

function colour(element: unknown): string {
  return (
    globalThis as unknown as { getComputedStyle(e: unknown): { backgroundColor: string } }
  ).getComputedStyle(element).backgroundColor;
}
