import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Status } from "../../src/app/api.ts";
import { expectShown, nameless, openDesk, sit, type Desk, type Seat } from "./browser.ts";

let desk: Desk;
let seat: Seat;

beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());
afterEach(() => seat.close());

const row = (id: string): string => `#row-${id}`;
/** Not to be seen on the page, only found by the engine; five thousand other events hold the word too. */
const HIDDEN = [{ name: "output", body: "a hidden text" }] as const;
const at = (event: string): string => `[data-event="${event}"]`;

describe("the session list", () => {
  test("holds ten thousand sessions with only those on screen in the page", async () => {
    seat = await sit(desk, { sessions: 10_000 });
    await seat.go("/");
    await seat.page.waitForFunction(
      () => Number(document.querySelector("[role=grid]")?.getAttribute("aria-rowcount")) > 10_000,
    );
    const inPage = await seat.page.locator(".session").count();
    expect(inPage).toBeGreaterThan(15);
    expect(inPage).toBeLessThan(80);

    await seat.page.locator(".sessions").focus();
    await seat.page.keyboard.press("End");
    await expectShown(seat.page.locator(row("ses_09999")));
    expect(await seat.page.locator(".session").count()).toBeLessThan(80);
  });

  test("is read with the keyboard: down, Enter opens, Escape returns to the same place", async () => {
    seat = await sit(desk, { sessions: 300 });
    await seat.go("/sessions");
    await expectShown(seat.page.locator(row("ses_00000")));
    await seat.page.locator(".sessions").focus();
    for (let step = 0; step < 40; step++) await seat.page.keyboard.press("ArrowDown");
    const active = await seat.page.locator(".session[data-active=true]").getAttribute("id");
    const top = await seat.page.locator(".sessions").evaluate((list) => list.scrollTop);
    expect(top).toBeGreaterThan(200);
    await seat.page.keyboard.press("Enter");
    await seat.page.waitForURL(`**/sessions/${active?.slice(4)}`);
    await seat.page.keyboard.press("Escape");
    await seat.page.waitForURL("**/sessions");
    expect(await seat.page.locator(".sessions").evaluate((list) => list.scrollTop)).toBe(top);
  });

  test("keeps place and filters while another view is open, and in its address", async () => {
    seat = await sit(desk, { sessions: 400 });
    await seat.go("/sessions");
    await seat.page.getByLabel("Filter", { exact: true }).click();
    await seat.page.getByRole("button", { name: /^ledger/ }).click();
    await seat.page.locator("body").click({ position: { x: 700, y: 790 } });
    await expectShown(seat.page.getByText("project ledger"));
    await seat.page.locator(".sessions").evaluate((list) => (list.scrollTop = 700));
    await seat.page.getByRole("link", { name: "Usage" }).click();
    await expectShown(seat.page.getByRole("heading", { name: "Usage" }));
    await seat.page.goBack();
    await expectShown(seat.page.getByText("project ledger"));
    await seat.page.waitForFunction(() => document.querySelector(".sessions")?.scrollTop === 700);
    await seat.page.getByRole("button", { name: "Remove filter: project ledger" }).click();
    expect(new URL(seat.page.url()).search).toBe("");
  });

  test("finds words in the text of all sessions and opens the place", async () => {
    seat = await sit(desk);
    await seat.go("/sessions");
    await expectShown(seat.page.locator(".session").first());
    await seat.page.keyboard.press("/");
    await seat.page.keyboard.type("saveCursor");
    await seat.page
      .locator(".result.hit mark")
      .getByText("saveCursor", { exact: true })
      .first()
      .waitFor();
    await seat.page.keyboard.press("Enter");
    await seat.page.waitForURL("**/sessions/ses_rich?q=saveCursor#evt_rich_10");
    await expectShown(seat.page.locator(`${at("evt_rich_10")}[data-current=true]`));
  });

  test("with a filter finds what fits it, however many better places lie elsewhere, and says when nothing does", async () => {
    seat = await sit(desk);
    seat.engine.grow("ses_00003", { kind: "tool", tool: "Bash", bodies: HIDDEN });
    await seat.go("/sessions?project=proj_signal-box&q=text");
    await expectShown(seat.page.locator(".result.hit").getByText("a hidden"));
    expect(await seat.page.locator(".result.hit").count()).toBe(1);
    await seat.page.getByLabel("Search everything in all sessions").fill("saveCursor");
    await expectShown(seat.page.getByRole("heading", { name: "Nothing found with these filters" }));
    await seat.page.getByRole("button", { name: "Search everything" }).click();
    await expectShown(seat.page.locator(".result.hit").first());
  });

  test("says what of the words was taken for a filter, and what was looked for instead", async () => {
    seat = await sit(desk);
    await seat.go("/sessions?q=agent:claude-code+saveCurosr");
    await expectShown(seat.page.locator(".result.hit mark").getByText("saveCursor").first());
    const understood = seat.page.getByRole("group", { name: "Filters in the query" });
    expect(await understood.textContent()).toBe("agent claude-code");
    await expectShown(seat.page.getByText("Showing results for saveCursor"));
    await seat.page.getByLabel("Search everything in all sessions").fill("saveCursor");
    await expect.poll(() => understood.count()).toBe(0);
    expect(await seat.page.getByText("Showing results for").count()).toBe(0);
  });

  test("a title that was found is named once", async () => {
    seat = await sit(desk);
    await seat.go("/sessions?q=tides+curve");
    await expectShown(seat.page.getByText("In the text"));
    await expect.poll(() => seat.page.locator(".result.title").count()).toBe(1);
    const places = seat.page.locator(".result.hit .snippet");
    expect(await places.allTextContents()).toEqual([expect.stringMatching(/tides of a day/)]);
  });

  test("a session that changed is drawn again, and no other row is", async () => {
    seat = await sit(desk);
    await seat.go("/sessions");
    await expectShown(seat.page.locator(row("ses_live")));
    await mark(seat, ".session");
    const live = seat.engine.sessions.get("ses_live");
    if (live === undefined) throw new Error("no live session");
    live.row = { ...live.row, tools: 77 };
    seat.engine.push({ topic: "sessions", ids: ["ses_live"] });
    await expectShown(seat.page.locator(row("ses_live")).getByText("77"));
    expect(await unmarked(seat, ".session")).toBe(0);
  });

  test("a session that a teammate took back leaves the list, and what was read of it", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_live");
    await expectShown(seat.page.locator(at("evt_live_1")));
    await expectShown(seat.page.locator(row("ses_live")));
    seat.engine.sessions.delete("ses_live");
    seat.engine.push({ topic: "sessions", ids: ["ses_live"] });
    seat.engine.push({ topic: "session", id: "ses_live", rev: 0 });
    await seat.page.locator(row("ses_live")).waitFor({ state: "detached" });
    await seat.page.locator(at("evt_live_1")).waitFor({ state: "detached" });
  });
});

describe("a trace", () => {
  test("prompts are headings, the work is folded in one line, and opens", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_rich");
    await expectShown(seat.page.getByRole("heading", { name: /The importer starts from zero/ }));
    const work = seat.page.getByRole("button", {
      name: /9 tools, 1 sub-agent, 1 file, .*\$0\.86.*1 error/,
    });
    await work.click();
    await seat.page.getByRole("button", { name: /Edit src\/import\/run\.ts \+4 −1/ }).click();
    await expect.poll(() => seat.page.locator(".diff-line[data-sign='+']").count()).toBe(4);
    await seat.page.getByRole("button", { name: /Bash npm test -- import · exit 1/ }).click();
    expect(await seat.page.locator(".ansi-red").textContent()).toBe("✗ resumes");
    await seat.page.getByRole("button", { name: /TodoWrite/ }).click();
    await expect.poll(() => seat.page.locator(".todos li").count()).toBe(3);
    await seat.page.getByRole("button", { name: /Screenshot/ }).click();
    await expectShown(seat.page.locator(".picture canvas:not([hidden])"));
    await seat.page.getByRole("button", { name: /Sub-agent Explore/ }).click();
    await expectShown(seat.page.getByRole("button", { name: /Read src\/source\/csv\.ts/ }));
    await expectShown(seat.page.getByText("2 damaged lines in this transcript"));
    await expectShown(seat.page.getByText("The conversation was compacted here"));
  });

  test("keys go from prompt to prompt, to the error, and fold", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_rich");
    await expectShown(seat.page.locator(at("evt_rich_0")));
    const current = (): Promise<string | null> =>
      seat.page.locator("[data-current=true]").getAttribute("data-event");
    await seat.page.keyboard.press("n");
    expect(await current()).toBe("evt_rich_0");
    await seat.page.keyboard.press("n");
    expect(await current()).toBe("evt_rich_18");
    await seat.page.keyboard.press("p");
    expect(await current()).toBe("evt_rich_0");
    await seat.page.keyboard.press("e");
    await expectShown(seat.page.locator(`${at("evt_rich_11")}[data-current=true]`));
    await seat.page.keyboard.press("o");
    await expectShown(seat.page.getByLabel("Output"));
    await seat.page.keyboard.press("o");
    await seat.page.getByLabel("Output").waitFor({ state: "detached" });
  });

  test("a link to an event opens what hides it", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_rich#evt_rich_7");
    await expectShown(seat.page.locator(`${at("evt_rich_7")}[data-current=true]`));
  });

  test("grows while it is read: what is there stays as it is, and the page does not jump", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_live");
    await expectShown(seat.page.locator(at("evt_live_1")));
    await mark(seat, ".row, .session, .head, .rail a");
    const before = await seat.page.locator(".talk").evaluate((talk) => talk.scrollTop);
    seat.engine.grow("ses_live", {
      kind: "tool",
      tool: "Bash",
      summary: "npm run draw",
      status: "running",
    });
    await expectShown(seat.page.getByText("npm run draw"));
    expect(await unmarked(seat, ".session, .head, .rail a")).toBe(0);
    expect(await unmarked(seat, ".row")).toBe(1);
    expect(await seat.page.locator(".talk").evaluate((talk) => talk.scrollTop)).toBe(before);
  });

  test("what stands open stays open when the next prompt comes, and when the session comes to rest", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_live");
    await expectShown(seat.page.locator(at("evt_live_1")));
    await mark(seat, ".row");
    const next = seat.engine.grow("ses_live", { kind: "prompt", summary: "And the moon" });
    await expectShown(seat.page.locator(at(next)));
    const live = seat.engine.sessions.get("ses_live");
    if (live === undefined) throw new Error("no live session");
    live.row = { ...live.row, live: false };
    seat.engine.push({ topic: "sessions", ids: ["ses_live"] });
    await seat.page.locator(".fact-live").waitFor({ state: "detached" });
    await expectShown(seat.page.locator(at("evt_live_1")));
    expect(await unmarked(seat, ".row")).toBe(1);
  });

  test("what a replaced transcript took back leaves the page", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_live");
    const id = seat.engine.grow("ses_live", { kind: "prompt", summary: "never mind this" });
    await expectShown(seat.page.locator(at(id)));
    seat.engine.takeBack("ses_live", id);
    await seat.page.locator(at(id)).waitFor({ state: "detached" });
  });

  test("follows the end when the end is on screen, and only then", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_live");
    await expectShown(seat.page.locator(at("evt_live_1")));
    const talk = seat.page.locator(".talk");
    const isAtEnd = (): boolean => {
      const list = document.querySelector(".talk");
      return (
        list !== null &&
        list.scrollHeight > list.clientHeight &&
        list.scrollHeight - list.scrollTop - list.clientHeight < 40
      );
    };
    for (let index = 0; index < 40; index++) {
      seat.engine.grow("ses_live", {
        kind: "tool",
        tool: "Read",
        summary: `file-${index}.ts`,
        status: "ok",
      });
    }
    await expectShown(seat.page.getByText("file-39.ts"));
    await seat.page.waitForFunction(isAtEnd);

    await talk.hover();
    await seat.page.mouse.wheel(0, -400);
    await expectShown(seat.page.getByRole("button", { name: "To the newest" }));
    const top = await talk.evaluate((list) => list.scrollTop);
    seat.engine.grow("ses_live", {
      kind: "tool",
      tool: "Read",
      summary: "file-40.ts",
      status: "ok",
    });
    await seat.page.waitForFunction(
      () => document.querySelector(".row")?.getAttribute("aria-setsize") === "44",
    );
    expect(await talk.evaluate((list) => list.scrollTop)).toBe(top);

    await seat.page.getByRole("button", { name: "To the newest" }).click();
    await expectShown(seat.page.getByText("file-40.ts"));
    await seat.page.waitForFunction(isAtEnd);
  });

  test("of five thousand events holds those on screen, and fetches only their bodies", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_huge");
    await expectShown(seat.page.locator(at("evt_huge_0")));
    await seat.page.keyboard.press("n");
    await seat.page.keyboard.press("j");
    await seat.page.keyboard.press("o");
    await expectShown(seat.page.getByText("src/part-0/file-0.ts"));
    expect(await seat.page.locator(".row").count()).toBeLessThan(70);
    expect(await seat.page.locator(".bar").count()).toBeLessThan(120);
    expect(seat.engine.calls.get("bodies") ?? 0).toBeLessThan(8);
    await seat.go("/sessions/ses_huge#evt_huge_4700");
    await expectShown(seat.page.locator(`${at("evt_huge_4700")}[data-current=true]`));
  });

  test("a click in the time line finds the place", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_rich");
    await seat.page.locator('[data-bar="evt_rich_11"]').click();
    await expectShown(seat.page.locator(`${at("evt_rich_11")}[data-current=true]`));
  });

  test("the time line measures the trace in what its bars measure", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_rich");
    const line = seat.page.getByRole("complementary", { name: "Time line" });
    const measure = line.locator("header .quiet");
    await expect.poll(() => measure.textContent()).toMatch(/ [smh]$/);
    await line.getByRole("button", { name: "Tokens" }).click();
    expect(await measure.textContent()).toMatch(/^[\d.,]+(?: [kM])? tokens$/);
  });

  test("find here shows how many places there are, and goes from one to the next", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_rich");
    await expectShown(seat.page.locator(at("evt_rich_0")));
    await seat.page.keyboard.press("f");
    await seat.page.keyboard.type("npm test");
    await expectShown(seat.page.getByText("1 of 2"));
    await seat.page.keyboard.press("Enter");
    await expectShown(seat.page.getByText("2 of 2"));
    await expectShown(seat.page.locator(`${at("evt_rich_12")}[data-current=true]`));
  });

  test("find here looks in this session, however many places there are in others", async () => {
    seat = await sit(desk);
    seat.engine.grow("ses_00003", { kind: "prompt", bodies: [] });
    seat.engine.grow("ses_00003", { kind: "tool", tool: "Bash", bodies: HIDDEN });
    await seat.go("/sessions/ses_00003");
    await expectShown(seat.page.locator(at("evt_00003_0")));
    await seat.page.keyboard.press("f");
    await seat.page.keyboard.type("text");
    await expectShown(seat.page.getByText("1 of 1"));
  });
});

describe("hostile text", () => {
  test("is only text", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_hostile");
    await expectShown(seat.page.locator(at("evt_hostile_2")));
    await seat.page.locator(`${at("evt_hostile_1")} .step-main`).click();
    await expectShown(seat.page.getByLabel("Output"));
    await expectShown(seat.page.getByRole("link", { name: "good" }));

    expect(await seat.page.evaluate(() => "hacked" in window)).toBe(false);
    expect(
      await seat.page
        .locator("main img, main script, main iframe, .list img, .list script")
        .count(),
    ).toBe(0);
    const links = await seat.page
      .locator(".prose a")
      .evaluateAll((all) =>
        all.map((link) => [
          link.getAttribute("href"),
          link.getAttribute("rel"),
          link.getAttribute("target"),
        ]),
      );
    expect(links).toEqual([["https://example.com/a", "noopener noreferrer", "_blank"]]);
    expect([...seat.hosts]).toEqual([new URL(seat.engine.url).host]);
  });

  test("marks that turn or hide text are shown as what they are", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_hostile");
    await expectShown(seat.page.getByRole("heading", { level: 1, name: "invoice⟨RLO⟩gpj.exe" }));
    await seat.page.locator(`${at("evt_hostile_1")} .step-main`).click();
    await expectShown(seat.page.getByLabel("Command").getByText("echo safe ⟨RLO⟩; rm -rf ~"));
    expect(await seat.page.locator("body").innerText()).not.toMatch(
      /[\u202a-\u202e\u2066-\u2069\u0007\u001b]/,
    );
  });
});

describe("the frame", () => {
  test("says the truth when the engine is gone, and goes on when it is back", async () => {
    seat = await sit(desk);
    await seat.go("/sessions");
    await expectShown(seat.page.getByText("Capturing Claude Code, Codex", { exact: true }));
    await seat.engine.stop();
    await seat.page
      .locator("footer .status-bad")
      .getByText(/The engine is not running since .* your edits are kept in this page/)
      .waitFor();
    await seat.page.locator(row("ses_rich")).click();
    await expectShown(seat.page.getByText("The engine is not running, so this could not be done."));
    await seat.engine.start();
    await expectShown(seat.page.getByRole("heading", { name: /The importer starts from zero/ }));
    await expectShown(seat.page.getByText("Capturing Claude Code, Codex", { exact: true }));
  });

  test("tells a screen reader of another state, not of every second and file", async () => {
    seat = await sit(desk);
    const tell = (change: Partial<Status>): void => {
      seat.engine.status = { ...seat.engine.status, ...change };
      seat.engine.push({ topic: "status", status: seat.engine.status });
    };
    const reading = (done: number): Status["capture"] => ({
      state: "importing",
      progress: { what: "Reading", done, total: 900 },
    });
    const spoken = async (): Promise<string> =>
      (
        await seat.page
          .locator("footer :is([role=status], [role=alert], [aria-live])")
          .allTextContents()
      ).join("|");
    await seat.go("/sessions");
    await expectShown(seat.page.getByText("Everything stays on this machine", { exact: true }));
    tell({ capture: reading(1), sync: { state: "verified", at: Date.now() - 7.23e6, waiting: 0 } });
    await expectShown(seat.page.getByText("Reading 1 of 900"));
    await expectShown(seat.page.getByText("Verified 2 h ago"));
    const before = await spoken();
    expect(before).toContain("Verified");
    tell({ capture: reading(2), sync: { state: "verified", at: Date.now() - 3.63e6, waiting: 3 } });
    await expectShown(seat.page.getByText("Reading 2 of 900"));
    await expectShown(seat.page.getByText("Verified 1 h ago, 3 edits waiting"));
    expect(await spoken()).toBe(before);
    tell({ sync: { state: "offline", since: Date.now(), waiting: 3, reason: "no network" } });
    await expectShown(seat.page.getByText(/^Offline since .*, 3 edits waiting/));
    expect(await spoken()).toContain("Offline");
  });

  test("an alarm is read in full, says what waits and what to do", async () => {
    seat = await sit(desk, { context: { viewport: { width: 420, height: 700 } } });
    const sentence =
      "A row in the team's stream, in the name of Mara's laptop, was refused: its signature is wrong. Nothing of it was taken into your documents. Ask who runs the server.";
    seat.engine.status = {
      ...seat.engine.status,
      account: "ada@example.org",
      sync: {
        state: "alarm",
        alarms: [{ id: "alarm_1", words: sentence, at: Date.now(), action: null }],
        waiting: 4,
      },
    };
    await seat.go("/sessions");
    const line = seat.page.getByRole("link", { name: "Alarm, 4 edits waiting What happened" });
    await expectShown(line);
    const box = await line.boundingBox();
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(420);
    await line.click();
    const full = seat.page.getByRole("main").getByText(sentence);
    await expectShown(full);
    expect(await full.evaluate((item) => item.scrollWidth <= item.clientWidth)).toBe(true);
    await expectShown(seat.page.getByText(/Go on working:.*4 edits wait to be sent/));
  });

  test("usage by day is of the reader's days, and says whose they are", async () => {
    seat = await sit(desk, { context: { timezoneId: "Pacific/Kiritimati" } });
    const old = seat.engine.sessions.get("ses_00000");
    if (old === undefined) throw new Error("no session");
    old.row = { ...old.row, startedAt: Date.UTC(2020, 0, 1, 12) };
    await seat.go("/usage");
    await expectShown(seat.page.getByRole("rowheader", { name: "2020-01-02" }));
    await expectShown(seat.page.getByText("Days are in the time zone Pacific/Kiritimati."));
  });

  test("first start says what will be here", async () => {
    seat = await sit(desk, { empty: true });
    await seat.go("/");
    await expectShown(seat.page.getByRole("heading", { name: "No sessions yet" }));
    await seat.go("/decisions");
    await expectShown(seat.page.getByRole("button", { name: "Write the first" }));
    await seat.go("/usage");
    await expectShown(seat.page.getByRole("heading", { name: "Nothing was used yet" }));
  });

  test("claims nothing of what leaves before the engine has said it", async () => {
    seat = await sit(desk, { sessions: 5 });
    await seat.go("/privacy");
    await expectShown(seat.page.locator(".lead"));
    await seat.go("/settings");
    await seat.engine.stop();
    await seat.page.locator('a[href="/privacy"]').first().click();
    await expectShown(seat.page.getByRole("heading", { name: "Always stays here" }));
    expect(await seat.page.locator(".lead").count()).toBe(0);
    await seat.engine.start();
    await expectShown(seat.page.locator(".lead"));
  });

  test("says whose names the team reads, and claims of none of them that it stays here", async () => {
    seat = await sit(desk);
    await seat.go("/privacy");
    const stays = seat.page.locator("section", { hasText: "Always stays here" }).last();
    const goes = seat.page.locator("section", { hasText: "Goes to your team" }).last();
    await expectShown(goes.getByText("the machine's name"));
    expect(await stays.textContent()).not.toMatch(/machine/);
  });

  test("an address of nothing says so", async () => {
    seat = await sit(desk);
    await seat.go("/sessions/ses_none");
    await expectShown(seat.page.getByText("There is no such session on this machine.").first());
    await seat.go("/elsewhere");
    await expectShown(seat.page.getByRole("heading", { name: "There is nothing at this address" }));
  });

  test("is two pages under 900 px, and its rail a bar under 480 px", async () => {
    seat = await sit(desk, { context: { viewport: { width: 860, height: 700 } } });
    await seat.go("/sessions/ses_rich");
    await expectShown(seat.page.locator(at("evt_rich_0")));
    expect(await seat.page.locator(".list").isVisible()).toBe(false);
    await seat.page.getByRole("link", { name: "Back to the list" }).click();
    expect(await seat.page.locator(".list").isVisible()).toBe(true);

    await seat.page.setViewportSize({ width: 400, height: 700 });
    const rail = await seat.page.getByRole("navigation", { name: "Views" }).boundingBox();
    expect(rail?.width).toBe(400);
    expect(rail?.y).toBeGreaterThan(600);
    for (const path of [
      "/sessions",
      "/sessions/ses_rich",
      "/decisions",
      "/usage",
      "/team",
      "/privacy",
      "/settings",
    ]) {
      await seat.go(path);
      await expectShown(seat.page.locator("main:visible, .list:visible").first());
      expect(
        await seat.page.evaluate(() => document.documentElement.scrollWidth),
        path,
      ).toBeLessThanOrEqual(400);
    }
  });

  test("follows the system's colours, and can be set", async () => {
    seat = await sit(desk, {
      context: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
    });
    await seat.go("/settings");
    const theme = (): Promise<string | undefined> =>
      seat.page.evaluate(() => document.documentElement.dataset["theme"]);
    expect(await theme()).toBe("dark");
    await seat.page.getByRole("button", { name: "Light", exact: true }).click();
    expect(await theme()).toBe("light");
    await seat.page.reload();
    await expectShown(seat.page.getByRole("heading", { name: "Settings" }));
    expect(await theme()).toBe("light");
  });

  test("a dialog closes by a press beside it, and not while it shows what is shown once", async () => {
    seat = await sit(desk);
    seat.engine.status = { ...seat.engine.status, account: "ada@example.org" };
    await seat.go("/team");
    const dialog = seat.page.getByRole("dialog", { name: "Create a team" });
    const drag = async (from: Locator): Promise<void> => {
      const box = await from.boundingBox();
      await seat.page.mouse.move((box?.x ?? 0) + 5, (box?.y ?? 0) + 5);
      await seat.page.mouse.down();
      await seat.page.mouse.move(30, 30, { steps: 4 });
      await seat.page.mouse.up();
    };
    const create = seat.page.getByRole("button", { name: "Create a team" });
    await create.click();
    await drag(dialog.getByRole("heading"));
    expect(await dialog.isVisible()).toBe(true);
    await seat.page.mouse.click(30, 30);
    await dialog.waitFor({ state: "hidden" });

    await create.click();
    await dialog.getByLabel("Name").fill("Marmalade");
    await dialog.getByRole("button", { name: "Create" }).click();
    const secret = dialog.getByText(/^amber canyon .* lantern$/);
    await drag(secret);
    await seat.page.mouse.click(30, 30);
    await seat.page.keyboard.press("Escape");
    expect(await secret.isVisible()).toBe(true);
    await dialog.getByRole("button", { name: "I have kept them" }).click();
    await dialog.waitFor({ state: "hidden" });
  });

  test("commands go anywhere by a part of the name", async () => {
    seat = await sit(desk);
    await seat.go("/sessions");
    await expectShown(seat.page.locator(row("ses_rich")));
    await seat.page.keyboard.press("Control+k");
    await seat.page.keyboard.type("resumable");
    await seat.page.keyboard.press("Enter");
    await seat.page.waitForURL("**/sessions/ses_rich");
    await seat.page.keyboard.press("g");
    await seat.page.keyboard.press("d");
    await seat.page.waitForURL("**/decisions");
    await seat.page.keyboard.press("?");
    await expectShown(seat.page.getByRole("dialog", { name: "All keys" }));
  });

  test("names everything that can be used, once, and has one level-one heading or none", async () => {
    seat = await sit(desk);
    for (const path of [
      "/sessions",
      "/sessions/ses_rich",
      "/decisions",
      "/decisions/dec_01J00000000000000000000001",
      "/usage",
      "/team",
      "/privacy",
      "/settings",
    ]) {
      await seat.go(path);
      await expectShown(seat.page.locator("main, .session, .decision-line").first());
      expect(await seat.page.evaluate(nameless), path).toEqual([]);
      expect(await seat.page.locator("h1").count(), path).toBeLessThanOrEqual(1);
    }
  });
});

async function mark(from: Seat, selector: string): Promise<void> {
  await from.page.locator(selector).evaluateAll((all) => {
    for (const element of all) Object.assign(element, { marked: true });
  });
}

/** How many elements were not there when they were marked. */
function unmarked(from: Seat, selector: string): Promise<number> {
  return from.page
    .locator(selector)
    .evaluateAll((all) => all.filter((element) => !("marked" in element)).length);
}
