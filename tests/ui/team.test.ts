import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { AlarmRow, TeamDetail } from "../../src/app/api.ts";
import { expectShown, nameless, openDesk, sit, type Desk, type Seat } from "./browser.ts";
import { KIT, largeTeam, seenBy, smallTeam } from "./stand-in-team.ts";

let desk: Desk;
let seat: Seat;

beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());
afterEach(() => seat.close());

const OFFLINE = "The server cannot be reached. Nothing was changed: try again later.";

async function sitWith(
  teams: readonly TeamDetail[],
  options: Parameters<typeof sit>[1] = {},
): Promise<void> {
  seat = await sit(desk, { sessions: 3, teams, ...options });
  await seat.go("/team");
  if (teams.length > 0) await expectShown(heading(teams[0]?.name ?? ""));
}

const heading = (name: string): Locator => seat.page.getByRole("heading", { name, exact: true });
const button = (name: string | RegExp): Locator =>
  seat.page.getByRole("button", { name, exact: true });
const dialog = (name: string): Locator => seat.page.getByRole("dialog", { name });
const inDialog = (name: string): Locator =>
  seat.page.locator("dialog[open]").getByRole("button", { name, exact: true });
const alarmWords = (words: string): Locator =>
  seat.page.locator(".alarm-words", { hasText: words });
const focused = (): Promise<string> =>
  seat.page.evaluate(() => document.activeElement?.textContent ?? "");

describe("a team", () => {
  test("shows who is in it, with which devices, and what can be compared", async () => {
    await sitWith([{ ...smallTeam(), keyDue: true }]);
    await expectShown(seat.page.getByText("3 people, 6 devices"));
    const own = seat.page.getByRole("list", { name: "Devices of ada@example.org" });
    expect(await own.getByRole("listitem").first().textContent()).toMatch(
      /^ada on harbourthis dev/,
    );
    const cleo = seat.page.getByRole("list", { name: "Devices of cleo@example.org" });
    await expectShown(cleo.getByText(/^ephemeral, until/));
    await expectShown(cleo.getByText("on paper"));
    await expectShown(seat.page.getByText(/^For a member, by ben@example\.org, until/));
    await expectShown(seat.page.getByText(/^For a further device of yours, by you, until/));
    const words = seat.page.getByRole("list", { name: "Safety words" });
    expect((await words.getByRole("listitem").allTextContents()).join(" ")).toBe(
      smallTeam().words.join(" "),
    );
    await expectShown(seat.page.getByText(/^Nothing was heard of the others since .*24/));
    await expectShown(heading("Key 3"));
    await expectShown(
      seat.page.getByText("Somebody left; the next device that connects makes a new key."),
    );
    await seat.page.getByText("When do they change, and what if they differ?").click();
    await expectShown(seat.page.getByText(/These are of entry 14\./));
  });

  test("offers a member no more than a member may do", async () => {
    await sitWith([seenBy(smallTeam(), "cleo")]);
    for (const name of ["Invite somebody", "Make a new key", "Change the passphrase"])
      expect(await button(name).count(), name).toBe(0);
    expect(await button(/^Take back/).count()).toBe(0);
    const named = await seat.page
      .locator(".members .line-actions button")
      .evaluateAll((all) => all.map((each) => each.getAttribute("aria-label")));
    expect(named).toEqual([
      "Rename cleo on lake",
      "Rename builder 7",
      "Remove builder 7 of cleo@example.org",
      "Remove recovery kit, 2026-10-02 of cleo@example.org",
    ]);
    expect(await button("Leave the team").isEnabled()).toBe(true);
  });

  test("offers an admin what concerns members, and the only owner no way out, with the reason", async () => {
    await sitWith([seenBy(smallTeam(), "ben")]);
    expect(await button(/^Remove cleo@example\.org/).count()).toBe(1);
    expect(await button(/^Remove ada@example\.org/).count()).toBe(0);
    expect(await button(/^Change the role/).count()).toBe(0);
    await button("Invite somebody").click();
    await expectShown(seat.page.getByText("They join as a member: only owners invite admins."));
    await seat.close();

    await sitWith([smallTeam()]);
    expect(await button("Change the role of ada@example.org").count()).toBe(0);
    expect(await button("Leave the team").isEnabled()).toBe(false);
    await expectShown(seat.page.getByText(/^You are the only owner,/));
  });

  test("is loading, failed, and old, in words", async () => {
    seat = await sit(desk, { sessions: 3, teams: [smallTeam()] });
    let go = (): void => undefined;
    seat.engine.waiting.set("team", new Promise((resolve) => (go = resolve)));
    seat.engine.failing.set("team", OFFLINE);
    await seat.go("/team");
    await expectShown(seat.page.getByRole("status", { name: "Loading" }));
    go();
    await expectShown(seat.page.getByRole("alert").getByText(OFFLINE));
    seat.engine.failing.clear();
    await button("Try again").click();
    await expectShown(heading("Marmalade"));
    seat.engine.failing.set("team", OFFLINE);
    await seat.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await expectShown(seat.page.getByText(/^This is the team as it was at \d\d:\d\d\. The server/));
    await expectShown(heading("Marmalade"));
  });

  test("is not shown any more on a device that was removed", async () => {
    await sitWith([smallTeam()]);
    const message = "This device is not in the team any more. What is here stays here.";
    seat.engine.failing.set("team", { type: "removed", message });
    await seat.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await expectShown(seat.page.getByRole("alert").getByText(message));
    expect(await seat.page.locator(".member").count()).toBe(0);
    await expectShown(heading("Marmalade"));
    await button("Forget the team").click();
    await inDialog("Forget").click();
    await expectShown(seat.page.getByText(/^You are in no team\. A team of one/));
  });

  test("of sixty people stays readable, in a narrow window too, beside another team", async () => {
    await sitWith([largeTeam(), { ...smallTeam(), id: "team_9", name: "Lighthouse" }]);
    await expect.poll(() => seat.page.locator(".member").count()).toBe(10);
    await seat.page.getByLabel("Find a member or a device").fill("tower 42");
    await expectShown(seat.page.getByText("person42@example.org"));
    expect(await seat.page.locator(".member").count()).toBe(1);
    await seat.page.getByLabel("Find a member or a device").fill("");
    await button("Show all 60").click();
    await expect.poll(() => seat.page.locator(".member").count()).toBe(60);
    await seat.page.setViewportSize({ width: 400, height: 700 });
    expect(await seat.page.evaluate(tooWide)).toEqual([]);
    await seat.page.getByRole("link", { name: "Lighthouse" }).click();
    await seat.page.waitForURL("**/team/team_9");
    await expectShown(heading("Lighthouse"));
    await seat.go("/team/team_none");
    await expectShown(seat.page.getByText(/^You are in no team of this address/));
  });

  test("an alarm can be put away when it is over, and a stream be read anew", async () => {
    seat = await sit(desk, { sessions: 3, teams: [smallTeam()] });
    const alarm = (id: string, action: AlarmRow["action"]): AlarmRow => ({
      id,
      words: `What happened is ${id}.`,
      at: Date.now(),
      action,
    });
    seat.engine.status = {
      ...seat.engine.status,
      sync: {
        state: "alarm",
        alarms: [alarm("over", "acknowledge"), alarm("halted", "restart"), alarm("lasting", null)],
        waiting: 0,
      },
    };
    await seat.go("/team");
    await expectShown(seat.page.getByText(/\. It lasts: only who runs the server can end it\./));
    seat.engine.failing.set("acknowledgeAlarm", OFFLINE);
    await button("Put away").click();
    await expectShown(seat.page.getByRole("alert").getByText(OFFLINE));
    seat.engine.failing.clear();
    await button("Put away").click();
    await alarmWords("What happened is over.").waitFor({ state: "detached" });
    expect(seat.engine.asked.get("acknowledgeAlarm")).toEqual({ id: "over" });

    await button("Go on with the server's history").click();
    await expectShown(seat.page.getByText(/^Ask who runs the server first\./));
    await inDialog("Go on").click();
    await alarmWords("What happened is halted.").waitFor({ state: "detached" });
    expect(seat.engine.asked.get("restartAfterAlarm")).toEqual({ id: "halted" });
    await expectShown(alarmWords("What happened is lasting."));
  });

  test("shows names of others as what they are", async () => {
    const team = smallTeam();
    const [ada, ben] = team.members;
    if (ada === undefined || ben === undefined) throw new Error("nobody");
    const [tower] = ben.devices;
    if (tower === undefined) throw new Error("no device");
    const hostile = { ...tower, name: "<img src=x> \u202egpj" };
    await sitWith([{ ...team, members: [ada, { ...ben, email: "", devices: [hostile] }] }]);
    await expectShown(seat.page.getByText("<img src=x> ⟨RLO⟩gpj"));
    await expectShown(seat.page.getByText("somebody without a name (ben)"));
  });

  test("names everything, also in its dialogs", async () => {
    await sitWith([smallTeam()]);
    expect(await seat.page.evaluate(nameless)).toEqual([]);
    for (const name of [
      "Change the role of ben@example.org",
      "Rename ada on workshop",
      "Remove ben@example.org from the team",
      "Invite somebody",
      "Make a new key",
      "Change the passphrase",
      "Create a team",
      "Join with an invite",
      "Restore with a recovery kit",
    ]) {
      await button(name).first().click();
      await expectShown(seat.page.locator("dialog[open]"));
      expect(await seat.page.evaluate(nameless), name).toEqual([]);
      expect(await seat.page.locator("dialog[open]").getAttribute("aria-label"), name).not.toBe("");
      await seat.page.keyboard.press("Escape");
      await seat.page.locator("dialog[open]").waitFor({ state: "hidden" });
    }
  });
});

describe("what is done to a member or device", () => {
  test("a removal says what happens, can be left with Escape, and gives everybody a new key", async () => {
    await sitWith([smallTeam()]);
    const remove = button("Remove cleo@example.org from the team");
    await remove.focus();
    await seat.page.keyboard.press("Enter");
    await expectShown(dialog("Remove a member").getByText(/^They keep what is on their devices/));
    await expectShown(dialog("Remove a member").getByText(/^Open invites end/));
    expect(await focused()).toBe("Cancel");
    await seat.page.keyboard.press("Escape");
    await dialog("Remove a member").waitFor({ state: "hidden" });
    expect(await remove.evaluate((element) => element === document.activeElement)).toBe(true);

    await seat.page.keyboard.press("Enter");
    await seat.page.keyboard.press("Tab");
    await seat.page.keyboard.press("Enter");
    await expectShown(heading("Key 4"));
    expect(seat.engine.asked.get("removeFromTeam")).toEqual({ whom: "cleo", team: "team_1" });
    expect(await seat.page.getByText("cleo@example.org", { exact: true }).count()).toBe(0);
    await expectShown(seat.page.getByText("No invite is open."));
    expect(await focused()).toBe("Members");
  });

  test("a failure is a sentence in the dialog, which stays while it works", async () => {
    await sitWith([smallTeam()]);
    let go = (): void => undefined;
    seat.engine.waiting.set("removeFromTeam", new Promise((resolve) => (go = resolve)));
    seat.engine.failing.set("removeFromTeam", OFFLINE);
    await button("Remove ben on tower of ben@example.org").click();
    await inDialog("Remove").click();
    expect(await inDialog("Working").isEnabled()).toBe(false);
    await seat.page.keyboard.press("Escape");
    expect(await dialog("Remove a device").isVisible()).toBe(true);
    go();
    await expectShown(dialog("Remove a device").getByRole("alert").getByText(OFFLINE));
    await inDialog("Cancel").click();
    await dialog("Remove a device").waitFor({ state: "hidden" });
    await expectShown(seat.page.getByText("ben on tower"));
  });

  test("a role is given, a device renamed, an invite taken back", async () => {
    await sitWith([smallTeam()]);
    await button("Change the role of cleo@example.org").click();
    expect(await inDialog("Give this role").isEnabled()).toBe(false);
    await seat.page.getByRole("radio", { name: /^Owner/ }).check();
    await inDialog("Give this role").click();
    await dialog("Change a role").waitFor({ state: "hidden" });
    expect(seat.engine.asked.get("giveRole")).toEqual({
      whom: "cleo",
      role: "owner",
      team: "team_1",
    });
    // Now there is another owner.
    await expect.poll(() => button("Leave the team").isEnabled()).toBe(true);

    await button("Rename ada on workshop").click();
    await dialog("Rename a device").getByLabel("Name").fill("ada on bench");
    await seat.page.keyboard.press("Enter");
    await expectShown(seat.page.getByText("ada on bench"));

    await button("Take back the invite for a member").click();
    await seat.page.getByText(/^For a member, by/).waitFor({ state: "detached" });
    expect(await focused()).toBe("Invites");
    expect(seat.engine.asked.get("takeBackInvite")).toEqual({ invite: "inv_ben", team: "team_1" });
  });
});

describe("keys, passphrases and invites", () => {
  test("an invite is for an account and a role, or for a device of one's own", async () => {
    await sitWith([smallTeam()]);
    await button("Invite somebody").click();
    await dialog("Invite somebody").getByLabel("E-mail of their account").fill("dan@example.org");
    await seat.page.getByRole("radio", { name: /^Admin/ }).check();
    await inDialog("Make an invite").click();
    await expectShown(dialog("Invite somebody").getByText("operon2_1nv1te"));
    await seat.page.keyboard.press("Escape");
    expect(seat.engine.asked.get("inviteToTeam")).toEqual({
      email: "dan@example.org",
      role: "admin",
      team: "team_1",
    });
    await inDialog("Done").click();
    await expectShown(seat.page.getByText(/^For an admin, by you/));

    await button("Add a device of mine").click();
    await inDialog("Make an invite").click();
    await expectShown(dialog("Add a device of mine").getByText("operon2_1nv1te"));
    expect(seat.engine.asked.get("inviteToTeam")).toEqual({
      email: "ada@example.org",
      team: "team_1",
    });
    await inDialog("Done").click();
  });

  test("a new key keeps the passphrase, or takes a generated or an own one", async () => {
    await sitWith([smallTeam()]);
    await button("Make a new key").click();
    await inDialog("Make a new key").click();
    await expectShown(heading("Key 4"));
    expect(seat.engine.asked.get("rotateTeam")).toEqual({ team: "team_1" });
    expect(seat.engine.calls.get("suggestPassphrase")).toBeUndefined();

    await button("Make a new key").click();
    await seat.page.getByRole("radio", { name: /^Becomes another one/ }).check();
    const offered = dialog("Make a new key").getByRole("textbox", { name: "Passphrase" });
    await expectShown(offered.getByText(/^[a-z]+( [a-z]+){5}$/));
    const first = await offered.textContent();
    await inDialog("Another one").click();
    await expect.poll(() => offered.textContent()).not.toBe(first);
    const second = await offered.textContent();
    await inDialog("Make a new key").click();
    await expectShown(heading("Key 5"));
    expect(seat.engine.asked.get("rotateTeam")).toEqual({ passphrase: second, team: "team_1" });

    await button("Change the passphrase").click();
    await inDialog("Choose my own").click();
    expect(await inDialog("Change it").isEnabled()).toBe(false);
    await seat.page.keyboard.type("quartz violet ember");
    await seat.page.keyboard.press("Enter");
    await dialog("Change the passphrase").waitFor({ state: "hidden" });
    expect(seat.engine.asked.get("changePassphrase")).toEqual({
      passphrase: "quartz violet ember",
      team: "team_1",
    });
  });

  test("a passphrase that cannot be suggested can be asked for again, or be one's own", async () => {
    await sitWith([]);
    seat.engine.failing.set("suggestPassphrase", OFFLINE);
    await button("Create a team").click();
    await expectShown(dialog("Create a team").getByRole("alert").getByText(OFFLINE));
    expect(await inDialog("Create").isEnabled()).toBe(false);
    seat.engine.failing.clear();
    await inDialog("Another one").click();
    await expect.poll(() => inDialog("Create").isEnabled()).toBe(true);
  });
});

describe("ways in and out", () => {
  test("who signs in or out is shown so at once", async () => {
    seat = await sit(desk, { empty: true });
    await seat.go("/team");
    await seat.page.getByLabel("Server", { exact: true }).fill("https://example.org");
    await seat.page.getByLabel("Public key of the server").fill("key");
    await seat.page.getByLabel("E-mail").fill("ada@example.org");
    await seat.page.getByLabel("Password").fill("quartz violet");
    await seat.page.keyboard.press("Enter");
    await expectShown(seat.page.getByText(/^Signed in as ada@example\.org/));
    await button("Sign out").click();
    await expectShown(seat.page.getByLabel("Password"));
  });

  test("who is in a team newly is advised once to print a recovery kit", async () => {
    await sitWith([]);
    await button("Join with an invite").click();
    await dialog("Join with an invite").getByLabel("Invite", { exact: true }).fill("operon2_abc");
    await dialog("Join with an invite").getByLabel("Passphrase of the team").fill("six words");
    await seat.page.keyboard.press("Enter");
    await seat.page.waitForURL("**/team/team_3");
    await expectShown(heading("Lighthouse"));
    const advice = seat.page.getByText(/^Print one recovery kit for yourself/);
    await expectShown(advice);
    await button("Do not say this again").click();
    await advice.waitFor({ state: "detached" });
    await seat.page.reload();
    await expectShown(heading("Lighthouse"));
    expect(await advice.count()).toBe(0);
  });

  test("a recovery kit is shown once, and printed without the rest", async () => {
    seat = await sit(desk, { sessions: 3, teams: [smallTeam()], context: { colorScheme: "dark" } });
    await seat.page.addInitScript(() => {
      window.print = () => document.body.setAttribute("data-printed", "");
    });
    await seat.go("/team");
    await button("Print a recovery kit").first().click();
    await inDialog("Show the kit").click();
    const groups = dialog("Recovery kit").getByRole("list", { name: "Recovery kit" });
    await expectShown(groups);
    expect((await groups.getByRole("listitem").allTextContents()).join("-")).toBe(KIT);
    await seat.page.keyboard.press("Escape");
    expect(await groups.isVisible()).toBe(true);
    await inDialog("Print").click();
    expect(await seat.page.locator("body[data-printed]").count()).toBe(1);

    await seat.page.emulateMedia({ media: "print" });
    const printed = await seat.page.locator("body").innerText();
    for (const words of ["04CSK", "ada@example.org", "Marmalade", "To come back into the team"])
      expect(printed).toContain(words);
    for (const words of ["Members", "Safety words", "I have kept it", "Settings"])
      expect(printed).not.toContain(words);
    expect(pagesOf(await seat.page.pdf({ format: "A4" }))).toBe(1);
    expect(await groups.evaluate((list) => getComputedStyle(list).color)).toBe("rgb(29, 29, 27)");
    await seat.page.emulateMedia({ media: "screen" });

    await inDialog("I have kept it").click();
    await expectShown(seat.page.getByText("recovery kit, 2026-11-25"));
    await expectShown(seat.page.getByText(/You have one: among your devices/));
    expect(await seat.page.getByText(/^Print one recovery kit/).count()).toBe(0);
  });

  test("a recovery kit brings back, and says what to do if a device was stolen", async () => {
    await sitWith([]);
    await button("Restore with a recovery kit").click();
    const restore = dialog("Restore with a recovery kit");
    await restore.getByLabel("Recovery kit").fill(KIT.toLowerCase().replaceAll("-", " "));
    seat.engine.failing.set("restoreTeam", "This is not a whole recovery kit.");
    await inDialog("Restore").click();
    await expectShown(restore.getByRole("alert").getByText("This is not a whole recovery kit."));
    seat.engine.failing.clear();
    await inDialog("Restore").click();
    await expectShown(restore.getByText(/^If a device was lost or stolen, remove it now/));
    await inDialog("To the team").click();
    await seat.page.waitForURL("**/team/team_4");
  });

  test("a team of one is forgotten, by who was told that nobody can read it then", async () => {
    const team = smallTeam();
    await sitWith([{ ...team, members: team.members.filter(({ you }) => you) }]);
    await button("Forget the team").click();
    await expectShown(dialog("Forget the team").getByText(/nobody can ever read again/));
    await inDialog("Forget").click();
    await expectShown(seat.page.getByText(/^You are in no team\. A team of one/));
    expect(seat.engine.asked.get("forgetTeam")).toEqual({ team: "team_1" });
  });

  test("who leaves is told what stays here, and is out", async () => {
    await sitWith([seenBy(smallTeam(), "cleo")]);
    await button("Leave the team").click();
    await expectShown(dialog("Leave the team").getByText(/^What is on this machine stays here/));
    await inDialog("Leave").click();
    await expectShown(seat.page.getByText(/^You are in no team\. A team of one/));
    expect(seat.engine.asked.get("leaveTeam")).toEqual({ team: "team_1" });
  });
});

function pagesOf(pdf: Buffer): number {
  return pdf.toString("latin1").match(/\/Type \/Page\b/g)?.length ?? 0;
}

/** What stands out of the page to the right. */
function tooWide(): string[] {
  return [...document.querySelectorAll<HTMLElement>("main :not(.cut *)")]
    .filter((element) => element.getBoundingClientRect().right > window.innerWidth)
    .map((element) => element.outerHTML.slice(0, 120));
}
