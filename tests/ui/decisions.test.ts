import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import * as Y from "yjs";
import type { HereRow } from "../../src/app/api.ts";
import { toBase64 } from "../../src/base/bytes.ts";
import { decisionText, readDecision } from "../../src/crdt/decision.ts";
import { expectShown, openDesk, sit, watchPage, type Desk, type Seat } from "./browser.ts";

const ID = "dec_01J00000000000000000000001";
const PATH = `/decisions/${ID}`;

let desk: Desk;
let seat: Seat;

beforeAll(async () => {
  desk = await openDesk();
});
afterAll(() => desk.close());
afterEach(() => seat.close());

const record = (): ReturnType<typeof readDecision> => {
  const doc = seat.engine.documents.get(ID);
  if (doc === undefined) throw new Error("no document");
  return readDecision(doc);
};

async function open(): Promise<void> {
  seat = await sit(desk);
  await seat.go(PATH);
  await expectShown(seat.page.getByText("saved on this machine", { exact: true }));
}

/** The marks of tabs that have something the engine has not. */
const unsent = (page: Seat["page"]): Promise<readonly string[]> =>
  page.evaluate(() =>
    Object.keys(localStorage)
      .filter((key) => key.startsWith("operon.unsent"))
      .sort(),
  );

test("what is typed is in the engine, and said to be", async () => {
  await open();
  await seat.page.getByRole("textbox", { name: "Context" }).click();
  await seat.page.keyboard.press("End");
  await seat.page.keyboard.type(" Always.");
  await expect
    .poll(() => record().context)
    .toBe("An import that is killed starts again from zero and writes rows twice. Always.");
  await expectShown(seat.page.getByText("saved on this machine", { exact: true }));
});

test("two pages type in one text at once, and both see both", async () => {
  await open();
  const other = await seat.context.newPage();
  watchPage(other, seat.problems);
  await other.goto(seat.engine.url + PATH);
  const here = seat.page.getByRole("textbox", { name: "Drivers" });
  const there = other.getByRole("textbox", { name: "Drivers" });
  await here.click();
  await seat.page.keyboard.press("Control+Home");
  await there.click();
  await other.keyboard.press("Control+End");
  for (const letter of "first ") {
    await seat.page.keyboard.type(letter);
    await other.keyboard.type("!");
  }
  const whole = "first No row twice, none missing.!!!!!!";
  await expect.poll(() => here.textContent()).toBe(whole);
  await expect.poll(() => there.textContent()).toBe(whole);
  expect(record().drivers).toBe(whole);
});

test("an edit survives the engine's death and a reload of the page, and is sent when the engine is back", async () => {
  await open();
  await seat.engine.stop();
  await expectShown(seat.page.getByText("kept in this page, saved when the engine is back"));
  await seat.page.getByRole("textbox", { name: "Consequences" }).click();
  await seat.page.keyboard.press("Control+End");
  await seat.page.keyboard.type(" Kept.");
  await expect.poll(() => unsent(seat.page)).toHaveLength(1);
  await stored(seat);
  expect(record().consequences).not.toContain("Kept.");

  await seat.engine.start();
  await seat.go("/usage");
  await expect.poll(() => record().consequences).toMatch(/ Kept\.$/);
  await expect.poll(() => unsent(seat.page)).toEqual([]);
});

test("what is typed while somebody writes under the same names is kept under others", async () => {
  await open();
  const context = seat.page.getByRole("textbox", { name: "Context" });
  await context.click();
  await seat.page.keyboard.press("Control+End");
  await seat.page.keyboard.type(" One.");
  await expect.poll(() => record().context).toMatch(/ One\.$/);
  await expectShown(seat.page.getByText("saved on this machine", { exact: true }));
  const doc = seat.engine.documents.get(ID) as Y.Doc;
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  const writing = [...doc.store.clients].find(([, structs]) =>
    structs.some((item) => item instanceof Y.Item && item.content.getContent().includes(".")),
  );
  other.clientID = writing?.[0] as number;
  const taken = other.getText("context");
  taken.insert(0, "Evil, and longer than what is typed then. ");
  // The page does not hear of it before it is typed in.
  await seat.engine.stop();
  await seat.page.keyboard.type(" Two.");
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));
  await stored(seat);
  await seat.engine.start();
  await expectShown(seat.page.getByText("saved on this machine", { exact: true }));
  await expect.poll(() => record().context).toMatch(/ One\. Two\.$/);
  await expect.poll(() => context.textContent()).toMatch(/ One\. Two\.$/);
});

test("what one tab has sent says nothing of what another one has not", async () => {
  await open();
  await seat.page.evaluate((id) => {
    // Of a tab that was closed before it could send, and of one that goes on: what it noted since is its own to send.
    localStorage.setItem(`operon.unsent:closed:${id}`, "3");
    localStorage.setItem(`operon.unsent:open:${id}`, "1");
  }, ID);
  const context = seat.page.getByRole("textbox", { name: "Context" });
  await context.click();
  await seat.page.keyboard.type("Mine. ");
  await expect.poll(() => record().context).toContain("Mine. ");
  await expectShown(seat.page.getByText("saved on this machine", { exact: true }));
  expect(await unsent(seat.page)).toEqual([
    `operon.unsent:closed:${ID}`,
    `operon.unsent:open:${ID}`,
  ]);
  seat.engine.refusing = { type: "disk-full", message: "The disk is full. Free some space." };
  await seat.page.reload();
  await expectShown(seat.page.getByRole("alert").getByText(/The disk is full/));
  await seat.page.evaluate((id) => localStorage.setItem(`operon.unsent:open:${id}`, "2"), ID);
  seat.engine.refusing = null;
  await seat.page.getByRole("button", { name: "Try again" }).click();
  await expect.poll(() => unsent(seat.page)).toEqual([`operon.unsent:open:${ID}`]);
});

test("of a newer Operon it is read, followed and not changed, and says so", async () => {
  await open();
  const doc = seat.engine.documents.get(ID);
  doc?.getMap("meta").set("schema", 2);
  await expectShown(seat.page.getByText(/written by a newer Operon.*can be read here/));
  await expectShown(seat.page.getByText("saved on this machine", { exact: true }));
  const context = seat.page.getByRole("textbox", { name: "Context" });
  await context.click();
  await seat.page.keyboard.press("Control+End");
  await seat.page.keyboard.type(" Never.");
  expect(await seat.page.getByRole("combobox", { name: "Status" }).isDisabled()).toBe(true);
  expect(await seat.page.getByRole("button", { name: /Undo|Remove|Choose|Add/ }).count()).toBe(0);
  doc?.getText("context").insert(0, "Theirs. ");
  await expect.poll(() => context.textContent()).toMatch(/^Theirs\. .* twice\.$/);
  await seat.page.reload();
  await expectShown(seat.page.getByText(/written by a newer Operon/));
  await expect.poll(() => context.textContent()).toMatch(/^Theirs\. .* twice\.$/);
  expect(record().context).not.toContain("Never");
});

test("what the engine could not write is said to be only in this page, and is written when asked again", async () => {
  await open();
  seat.engine.refusing = { type: "disk-full", message: "The disk is full. Free some space." };
  await seat.page.getByRole("textbox", { name: "Context" }).click();
  await seat.page.keyboard.press("Control+End");
  await seat.page.keyboard.type(" More.");
  await expectShown(seat.page.getByRole("alert").getByText(/The disk is full\..*not saved/));
  await expectShown(seat.page.getByText("kept in this page only"));
  await seat.page.getByRole("button", { name: "Try again" }).click();
  await expectShown(seat.page.getByRole("alert").getByText(/The disk is full/));
  expect(record().context).not.toContain("More");
  seat.engine.refusing = null;
  await seat.page.getByRole("button", { name: "Try again" }).click();
  await expectShown(seat.page.getByText("saved on this machine", { exact: true }));
  expect(record().context).toMatch(/ More\.$/);
  expect(await seat.page.getByRole("main").getByRole("alert").count()).toBe(0);
});

test("status, date, deciders and tags are changed in place", async () => {
  await open();
  await seat.page.getByRole("combobox", { name: "Status" }).selectOption("superseded");
  await seat.page.getByLabel("Date", { exact: true }).fill("2026-01-02");
  await seat.page.getByLabel("Add a name").fill("Jon");
  await seat.page.keyboard.press("Enter");
  await seat.page.getByRole("button", { name: "Remove import" }).click();
  await expect
    .poll(() => record())
    .toMatchObject({
      status: "superseded",
      date: "2026-01-02",
      deciders: ["Ada", "Mara", "Jon"],
      tags: [],
    });
});

test("an option is added, chosen, removed, and brought back", async () => {
  await open();
  await seat.page.getByRole("button", { name: "Add an option" }).click();
  await expect.poll(() => record().options.length).toBe(3);
  await seat.page.getByRole("button", { name: "Remove", exact: true }).first().click();
  await expect.poll(() => record().options.length).toBe(2);
  await seat.page.getByRole("button", { name: "Undo" }).click();
  await expect.poll(() => record().options.length).toBe(3);
  await seat.page.getByRole("button", { name: "Choose", exact: true }).first().click();
  await expect.poll(() => record().options.filter((option) => option.chosen).length).toBe(2);
});

test("undo takes back one's own typing, not another's", async () => {
  await open();
  const outcome = seat.page.getByRole("textbox", { name: "Outcome" });
  await outcome.click();
  await seat.page.keyboard.press("Control+End");
  await seat.page.keyboard.type(" Mine.");
  await expect.poll(() => record().outcome).toMatch(/ Mine\.$/);
  seat.engine.documents.get(ID)?.getText("outcome").insert(0, "Theirs. ");
  await expect.poll(() => outcome.textContent()).toMatch(/^Theirs\. /);
  await seat.page.keyboard.press("Control+z");
  await expect
    .poll(() => record().outcome)
    .toBe("Theirs. The cursor lives in the store beside the rows; one commit moves both.");
});

test("a new decision opens for writing", async () => {
  seat = await sit(desk, { empty: true });
  await seat.go("/decisions");
  await seat.page.getByRole("button", { name: "Write the first" }).click();
  await seat.page.getByLabel("What is decided").fill("Tabs");
  await seat.page.keyboard.press("Enter");
  await expectShown(seat.page.getByRole("textbox", { name: "Title" }).getByText("Tabs"));
});

test("a new decision is dated as the calendar of who writes it", async () => {
  seat = await sit(desk, { context: { timezoneId: "America/New_York" } });
  await seat.page.clock.setFixedTime(Date.UTC(2026, 6, 2, 0, 30));
  await seat.go("/decisions?new");
  await seat.page.getByLabel("What is decided").fill("At half past eight");
  await seat.page.keyboard.press("Enter");
  await expect
    .poll(() => [...seat.engine.documents.values()].map((doc) => readDecision(doc).date))
    .toContain("2026-07-01");
});

test("the page keeps its place while it is typed in", async () => {
  seat = await sit(desk, { empty: true });
  await seat.go("/decisions");
  await seat.page.getByRole("button", { name: "Write the first" }).click();
  await seat.page.getByLabel("What is decided").fill("Tabs");
  await seat.page.keyboard.press("Enter");
  const context = seat.page.getByRole("textbox", { name: "Context" });
  await context.click();
  await seat.page.keyboard.type("Short.");
  const before = await context.boundingBox();
  await seat.page.keyboard.type(" And a line longer than all others of this decision.".repeat(2));
  const after = await context.boundingBox();
  expect([after?.x, after?.width]).toEqual([before?.x, before?.width]);
});

test("a decision that is not there says so", async () => {
  seat = await sit(desk);
  await seat.go("/decisions/dec_none");
  await expectShown(seat.page.getByText("There is no decision at this address."));
});

/** Until the browser's own storage has heard of the edit, what a crash of the page would keep is not the edit. */
async function stored(from: Seat): Promise<void> {
  await from.page.waitForFunction(
    (name) =>
      new Promise((resolve) => {
        const asked = indexedDB.open(name);
        asked.onsuccess = () => {
          const count = asked.result.transaction("updates").objectStore("updates").count();
          count.onsuccess = () => {
            asked.result.close();
            resolve(count.result > 1);
          };
        };
      }),
    `operon:${ID}`,
  );
}

const BEN: HereRow = {
  member: "00000003".padEnd(32, "0"),
  email: "ben@example.org",
  you: false,
  devices: 1,
  field: null,
  caret: null,
};

test("who else has it open stands over it, in words once, and nothing moves; nobody is not shown", async () => {
  await open();
  const { page, engine } = seat;
  const title = page.getByRole("textbox", { name: "Title" });
  const before = await title.boundingBox();
  const people = page.getByRole("list", { name: "Also here" });
  expect(await people.count()).toBe(0);
  engine.meet(ID, [BEN, { ...BEN, member: "5".repeat(32), email: "ben@example.com" }]);
  await expectShown(people.getByText("ben@example.org"));
  engine.meet(ID, [BEN]);
  await expectShown(people.getByText("Ben", { exact: true }));
  const news = page.locator(".page > [role=status]");
  await expect.poll(() => news.textContent()).toBe("ben@example.com has left");
  engine.meet(ID, []);
  await expect.poll(() => news.textContent()).toBe("Ben has left");
  engine.meet(ID, [BEN]);
  await expect.poll(() => news.textContent()).toBe("Ben is here");
  const said = await news.evaluateHandle((element) => {
    const heard: string[] = [];
    new MutationObserver(() => heard.push(element.textContent ?? "")).observe(element, {
      childList: true,
      characterData: true,
      subtree: true,
    });
    return heard;
  });
  engine.meet(ID, [{ ...BEN, field: "context" }]);
  await expect.poll(() => page.locator("[data-here=Ben]").count()).toBe(1);
  expect(await said.jsonValue()).toEqual([]);
  expect(await title.boundingBox()).toEqual(before);
  await engine.stop();
  await expect.poll(() => people.count()).toBe(0);
  await engine.start();
});

test("others' carets and selections stand in the text, and what is no place in it does not", async () => {
  await open();
  const { page, engine } = seat;
  const doc = engine.documents.get(ID) as Y.Doc;
  const at = (index: number, text = decisionText(doc, "context")): string =>
    toBase64(Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(text, index)));
  const caret = page.locator(".cm-caret");
  engine.meet(ID, [{ ...BEN, field: "context", caret: { anchor: at(3), head: at(9) } }]);
  await expectShown(caret);
  expect(await caret.locator("[data-name]").getAttribute("data-name")).toBe("Ben");
  // The name is drawn, and no part of the text.
  expect(await caret.textContent()).toBe("");
  expect(await page.locator(".cm-taken").textContent()).toBe("import");
  expect(await caret.evaluate((element) => getComputedStyle(element).borderLeftColor)).toBe(
    "rgb(138, 93, 0)",
  );
  doc.getText("context").insert(0, "See: ");
  await expect
    .poll(() => page.getByRole("textbox", { name: "Context" }).textContent())
    .toContain("See: ");
  expect(await page.locator(".cm-taken").textContent()).toBe("import");
  const unknown = new Y.Doc().getText("strange");
  for (const anchor of [
    "AAAA",
    "!",
    toBase64(new Uint8Array(24).fill(255)),
    at(0, unknown),
    at(0, decisionText(doc, "title")),
  ]) {
    engine.meet(ID, [{ ...BEN, field: "context", caret: { anchor, head: anchor } }]);
    await expect.poll(() => caret.count()).toBe(0);
    engine.meet(ID, [{ ...BEN, field: "context", caret: { anchor: at(1), head: at(1) } }]);
    await expect.poll(() => caret.count()).toBe(1);
  }
  engine.meet(ID, []);
  await expect.poll(() => caret.count()).toBe(0);
  const context = page.getByRole("textbox", { name: "Context" });
  const [alone, end] = [await context.boundingBox(), at(2, decisionText(doc, "title"))];
  engine.meet(ID, [{ ...BEN, field: "title", caret: { anchor: end, head: end } }]);
  await expectShown(caret);
  expect(await context.boundingBox()).toEqual(alone);
});

test("the engine is told where one is, and not more often than it needs to know", async () => {
  await open();
  const { page, engine } = seat;
  await page.getByRole("textbox", { name: "Drivers" }).click();
  await page.keyboard.press("Control+Home");
  await expect.poll(() => engine.places.at(-1)?.field).toBe("drivers");
  const before = engine.places.length;
  for (let i = 0; i < 20; i++) await page.keyboard.press("ArrowRight");
  const position = (): number | null => {
    const head = engine.places.at(-1)?.caret?.head;
    const doc = engine.documents.get(ID) as Y.Doc;
    return head
      ? (Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(head), doc)?.index ??
          null)
      : null;
  };
  await expect.poll(position).toBe(20);
  expect(engine.places.length - before).toBeLessThanOrEqual(20);
  await page.getByRole("textbox", { name: "Drivers" }).press("Escape");
  await expect.poll(() => engine.places.at(-1)).toEqual({ field: null, caret: null });
});
