import { appendFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Watch } from "../../src/capture/watch.ts";
import { captureOf, homeOf, jsonl, put, tempFolder } from "./home.ts";

interface Watching {
  readonly seen: (string | null)[];
  readonly watch: Watch;
}

async function watching(home: string, rescanMs = 3_600_000): Promise<Watching> {
  const seen: (string | null)[] = [];
  const watch = await captureOf(home).watch({
    gatherMs: 10,
    rescanMs,
    onChange: async (paths) => void seen.push(...(paths ?? [null])),
  });
  onTestFinished(() => watch.close());
  return { seen, watch };
}

test("a transcript that grows, or is new, is told; other files are not", async () => {
  const home = homeOf({ ".claude/projects/-p/s.jsonl": jsonl({ a: 1 }), "other/x.jsonl": "" });
  const { seen } = await watching(home);
  put(join(home, "other/y.jsonl"), "{}\n");
  put(join(home, ".claude/projects/-p/notes.md"), "");
  appendFileSync(join(home, ".claude/projects/-p/s.jsonl"), jsonl({ a: 2 }));
  const fresh = join(home, ".claude/projects/-q/deep/subagents/agent-1.jsonl");
  put(fresh, jsonl({ a: 3 }));
  await vi.waitFor(() =>
    expect(new Set(seen)).toEqual(new Set([join(home, ".claude/projects/-p/s.jsonl"), fresh])),
  );
});

test("folders that are not there yet are waited for, also after they were removed", async () => {
  const home = tempFolder();
  const { seen } = await watching(home);
  const path = join(
    home,
    ".codex/sessions/2026/01/02/rollout-2026-01-02T03-04-05-019a0c44-5e20-7b31-9c40-0000000000d4.jsonl",
  );
  put(path, "{}\n");
  await vi.waitFor(() => expect(seen).toContain(path), { timeout: 5_000 });
  rmSync(join(home, ".codex"), { recursive: true });
  seen.length = 0;
  const again = join(
    home,
    ".codex/sessions/2026/01/02/rollout-2026-01-02T03-04-06-019a0c44-5e20-7b31-9c40-0000000000d5.jsonl.zst",
  );
  await vi.waitFor(
    () => {
      put(again, `${Math.random()}`);
      expect(seen).toContain(again);
    },
    { timeout: 5_000, interval: 100 },
  );
});

test("now and then everything is looked at", async () => {
  const { seen } = await watching(tempFolder(), 20);
  await vi.waitFor(() => expect(seen).toContain(null), { timeout: 5_000 });
});

test("the last of many changes is seen, however quick, and looks never run beside each other", async () => {
  const home = homeOf({ ".claude/projects/-p/s.jsonl": "" });
  const path = join(home, ".claude/projects/-p/s.jsonl");
  const sizes: number[] = [];
  let running = 0;
  let most = 0;
  const watch = await captureOf(home).watch({
    gatherMs: 1,
    async onChange() {
      most = Math.max(most, ++running);
      sizes.push(statSync(path).size);
      await turn();
      running--;
    },
  });
  onTestFinished(() => watch.close());
  for (let size = 1; size <= 40; size++) {
    appendFileSync(path, "x");
    await turn();
    // Each burst ends in the time after a change in which the next would go unheard.
    if (size % 10 === 0) await vi.waitFor(() => expect(sizes).toContain(size), { timeout: 5_000 });
  }
  expect(most).toBe(1);
});

test("what was seen when the watch ends is still told", async () => {
  const home = homeOf({ ".claude/projects/-p/s.jsonl": "" });
  const { seen, watch } = await watching(home);
  appendFileSync(join(home, ".claude/projects/-p/s.jsonl"), "x");
  await vi.waitFor(() => expect(seen.length).toBe(1), { interval: 1, timeout: 5_000 });
  await watch.close();
  expect(seen.length).toBeGreaterThan(1);
});

test("what a database was last given is told as the database; folders beside it are left alone", async () => {
  const folder = ".local/share/opencode";
  const home = homeOf({
    [`${folder}/opencode.db`]: "",
    [`${folder}/snapshot/opencode.db`]: "",
  });
  const { seen } = await watching(home);
  put(join(home, folder, "snapshot/opencode.db"), "1");
  put(join(home, folder, "opencode.db-shm"), "1");
  put(join(home, folder, "opencode.db-wal"), "1");
  await vi.waitFor(() => expect(seen).toContain(join(home, folder, "opencode.db")));
  expect(new Set(seen).size).toBe(1);
});
