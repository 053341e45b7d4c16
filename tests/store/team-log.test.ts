import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Bytes } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { closeStore, openTestStore, temporaryFolder } from "./help.ts";

const team = "team_01KABCDEFGHJKMNPQRSTVWXYZ0" as TeamId;
const entry = (n: number, bytes = 700) => new Uint8Array(bytes).fill(n) as Bytes;

test("of a log that grows the journal is told what is new", async () => {
  const folder = temporaryFolder();
  const store = await openTestStore(folder);
  const size = () => statSync(join(folder, "journal")).size;
  const entries: Bytes[] = [];
  for (let n = 0; n < 100; n++) {
    entries.push(entry(n));
    await store.sync.keepLog(team, { listed: entries.length, entries: [...entries] });
  }
  expect(size()).toBeLessThan(3 * 100 * 700);
  await closeStore(store);
  rmSync(join(folder, "db"), { recursive: true });
  const again = await openTestStore(folder);
  expect(await again.sync.log(team)).toEqual({ listed: 100, entries });
});

test("of a log that lost an entry to damage what is before it is believed, and the rest is read again", async () => {
  const folder = temporaryFolder();
  const store = await openTestStore(folder);
  const entries = [entry(1), entry(2), entry(3)];
  await store.sync.keepLog(team, { listed: 3, entries });
  const all = await store.settings.all("log:");
  expect(all.size).toBe(3);
  await store.settings.delete([...all.keys()][1] as string);
  await closeStore(store);
  const again = await openTestStore(folder);
  expect(await again.sync.log(team)).toEqual({ listed: 0, entries: entries.slice(0, 1) });
  await again.sync.keepLog(team, { listed: 3, entries });
  expect(await again.sync.log(team)).toEqual({ listed: 3, entries });
  expect((await again.settings.all("log:")).size).toBe(3);
});
