/** A database that was lost, at whatever point the process ended: the sessions are there again, and it is said. */
import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { openEngine, type Engine } from "../../src/app/engine.ts";
import { profileOf } from "../../src/app/paths.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { unwrap } from "../../src/base/result.ts";
import { openStore } from "../../src/store/store.ts";
import { fixtureHome, tempFolder } from "../capture/home.ts";
import { batch } from "../store/captures.ts";

vi.setConfig({ testTimeout: 240_000 });

interface Profile {
  readonly folder: string;
  readonly sessions: number;
  /** What a command that asks for the status hears. */
  status(): Promise<{ readonly sessions: number; readonly notices: readonly string[] }>;
}

/** All of a home captured, and then gone: only the archive has it now. */
async function captured(): Promise<Profile> {
  const home = fixtureHome();
  const profile = profileOf("default", { OPERON_HOME: tempFolder() });
  async function withEngine<T>(work: (client: Engine["client"]) => Promise<T>): Promise<T> {
    const machine = { clock: systemClock, random: systemRandom, log: silentLog };
    const engine = unwrap(await openEngine({ profile, home, env: {}, version: "0", ...machine }));
    try {
      return await work(engine.client);
    } finally {
      await engine.close();
    }
  }
  const status = () => withEngine((client) => client.call("status", undefined));
  await withEngine((client) => client.call("import", {}));
  rmSync(home, { recursive: true });
  const { sessions, notices } = await status();
  expect(sessions).toBeGreaterThan(8);
  expect(notices).toEqual([]);
  return { folder: profile.folder, sessions, status };
}

const ASIDE = "db.set-aside-2026-01-01T00-00-00-000Z";

test("set aside, and the process ended there: the sessions come back, the notice stays until the folder goes", async () => {
  const { folder, sessions, status } = await captured();
  renameSync(join(folder, "db"), join(folder, ASIDE));
  for (let start = 0; start < 2; start++) {
    const now = await status();
    expect(now.sessions).toBe(sessions);
    expect(now.notices[0]).toContain(join(folder, ASIDE));
    expect(now.notices[1]).toContain("archive");
  }
  rmSync(join(folder, ASIDE), { recursive: true });
  expect(await status()).toMatchObject({ sessions, notices: [] });
});

test("ended while they came back: the rest comes back", async () => {
  const { folder, sessions, status } = await captured();
  renameSync(join(folder, "db"), join(folder, ASIDE));
  const store = unwrap(await openStore({ folder, clock: systemClock, log: silentLog }));
  await store.capture.commit([batch("first")]);
  await store.close();
  expect((await status()).sessions).toBe(sessions + 1);
});

test("a database folder that somebody deleted is filled again too", async () => {
  const { folder, sessions, status } = await captured();
  rmSync(join(folder, "db"), { recursive: true });
  expect((await status()).sessions).toBe(sessions);
  expect(readdirSync(folder).filter((name) => name.includes("aside"))).toEqual([]);
});
