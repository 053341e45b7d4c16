/** A store in a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import type { SessionId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { unwrap } from "../../src/base/result.ts";
import { type Store, openStore } from "../../src/store/store.ts";
import { NOW } from "./captures.ts";

export const clock: Clock = { nowMs: () => NOW, monotonicMs: () => 0 };

const folders: string[] = [];
const stores = new Set<Store>();

afterEach(async () => {
  for (const store of stores) await store.close();
  stores.clear();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "operon-store-"));
  folders.push(folder);
  return folder;
}

/** Closed after the test. */
export async function openTestStore(folder = temporaryFolder(), at: Clock = clock): Promise<Store> {
  const store = unwrap(await openStore({ folder, clock: at, log: silentLog }));
  stores.add(store);
  return store;
}

export async function closeStore(store: Store): Promise<void> {
  stores.delete(store);
  await store.close();
}

/** Everything the read model says, for comparing two stores. */
export async function everything(store: Store): Promise<unknown> {
  const { rows } = await store.views.sessions({ limit: 10_000 });
  const sessions = [];
  for (const row of rows) {
    const { events } = await store.views.events(row.id as SessionId, 0);
    const bodies = await store.views.bodies(
      row.id as SessionId,
      events.map(({ id }) => id),
    );
    sessions.push({ row, events, bodies });
  }
  return {
    sessions,
    usage: await store.views.usage(["session"], null),
    files: [...(await store.capture.fileStates("claude-code"))],
  };
}
