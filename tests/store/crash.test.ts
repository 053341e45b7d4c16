import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import { openStore } from "../../src/store/store.ts";
import { linesOf, runScript, script } from "./children.ts";
import { clock, closeStore, everything, openTestStore, temporaryFolder } from "./help.ts";
import { batch } from "./captures.ts";
import { manyBatches } from "./many.ts";

test("kill -9 anywhere, again and again: the same end state, and nothing confirmed is lost", async () => {
  const folder = temporaryFolder();
  const confirmed = new Map<string, number>();
  for (let kills = 0; kills < 8; kills++) {
    const child = runScript("commit.ts", folder);
    const killAt = 1 + ((kills * 5) % 7);
    await linesOf(child, (line, count) => {
      const [what, path = "", offset] = line.split(" ");
      if (what === "done") confirmed.set(path, Number(offset));
      if (count === killAt) child.kill("SIGKILL");
    });
    const store = await openTestStore(folder);
    const states = await store.capture.fileStates("claude-code");
    for (const [path, offset] of confirmed) {
      expect(states.get(path)?.offset).toBeGreaterThanOrEqual(offset);
      expect(await store.settings.get(`seen/${path}`)).toBeGreaterThanOrEqual(offset);
    }
    expect(store.notices).toEqual([]);
    await closeStore(store);
  }
  await linesOf(runScript("commit.ts", folder));
  const whole = await openTestStore();
  await whole.capture.commit(manyBatches());
  while (await whole.search.catchUp());
  const killed = await openTestStore(folder);
  while (await killed.search.catchUp());
  expect(await everything(killed)).toEqual(await everything(whole));
  const hits = async (store: typeof whole) =>
    (await store.views.search("s3 ", 100)).hits
      .map(({ event }) => event)
      .toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
  expect(await hits(killed)).toEqual(await hits(whole));
}, 180_000);

test("a folder belongs to one process, and a killed one gives it back", async () => {
  const folder = temporaryFolder();
  const child = runScript("hold.ts", folder);
  await linesOf(child, (line) => {
    expect(line).toBe("held");
    void openStore({ folder, clock, log: silentLog }).then((second) => {
      expect(second).toMatchObject({ ok: false, fault: { type: "locked" } });
      if (!second.ok) expect(second.fault.message).toContain(`process ${child.pid}`);
      child.kill("SIGKILL");
    });
  });
  await openTestStore(folder);
  const third = await openStore({ folder, clock, log: silentLog });
  expect(third).toMatchObject({ ok: false, fault: { type: "locked" } });
}, 60_000);

/**
 * In a mount namespace of its own, so that the small disk vanishes with the process: filled until the store says so,
 * started again while full, and again with room.
 */
test("a disk really full is a sentence, and nothing confirmed is lost", async () => {
  const disk = join(temporaryFolder(), "disk");
  mkdirSync(disk);
  const node = `"${process.execPath}" "${script("fill.ts")}" "${join(disk, "profile")}"`;
  const steps = [
    `mount -t tmpfs -o size=64m tmpfs "${disk}"`,
    `${node} fill`,
    `${node} count || true`,
    `mount -o remount,size=256m "${disk}"`,
    `${node} count`,
    `${node} again`,
  ];
  const mine = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const { stdout } = await promisify(execFile)("unshare", [
    "--mount",
    ...mine,
    "sh",
    "-ec",
    steps.join("\n"),
  ]);
  const [filled, whileFull, withRoom, again] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(filled).toMatchObject({ type: "disk-full", next: "disk-full" });
  expect(String(filled?.["message"])).toContain("full");
  expect(filled?.["settings"]).toBeGreaterThan(0);
  expect(whileFull?.["type"] ?? "opened").toMatch(/^(disk-full|opened)$/);
  expect(withRoom).toEqual({
    sessions: filled?.["sessions"],
    settings: filled?.["settings"],
    notices: [],
  });
  expect(again).toEqual({ wrote: true });
}, 120_000);

test("with too few open files a database stays what it is, and the reason is a sentence", async () => {
  const folder = temporaryFolder();
  const store = await openTestStore(folder);
  await store.capture.commit([batch("kept")]);
  await closeStore(store);
  const run = promisify(execFile);
  const told = new Set<unknown>();
  for (let limit = 24; limit <= 40; limit += 2) {
    const command = `ulimit -n ${limit}; "${process.execPath}" "${script("fill.ts")}" "${folder}" count || true`;
    const { stdout } = await run("sh", ["-c", command]);
    told.add((JSON.parse(stdout) as { type?: string }).type);
  }
  expect([...told]).toEqual(["too-many-files"]);
  const again = await openTestStore(folder);
  expect(again.notices).toEqual([]);
  expect((await again.views.counts()).sessions).toBe(1);
}, 120_000);
