/** What keeps an engine from beginning may pass: it goes on by itself then, and says meanwhile what it does not do. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openEngine } from "../../src/app/engine.ts";
import { profileOf } from "../../src/app/paths.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { unwrap } from "../../src/base/result.ts";
import { fixtureHome, tempFolder } from "../capture/home.ts";
import { until } from "../cli/operon.ts";

async function engineWithoutArchive() {
  const profile = profileOf("default", { OPERON_HOME: tempFolder() });
  mkdirSync(profile.folder, { recursive: true });
  const archive = join(profile.folder, "archive");
  writeFileSync(archive, "in the way");
  const home = fixtureHome();
  const machine = { clock: systemClock, random: systemRandom, log: silentLog };
  const engine = unwrap(await openEngine({ profile, home, env: {}, version: "0", ...machine }));
  return { engine, free: () => rmSync(archive) };
}

test("an engine whose archive could not be opened says so, and captures when it can be", async () => {
  const { engine, free } = await engineWithoutArchive();
  const status = () => engine.client.call("status", undefined);
  engine.live();
  const { notices, capture } = await until(async () => {
    const now = await status();
    return now.notices.length > 1 && now;
  });
  expect(notices).toEqual([
    expect.stringMatching(/^Sessions that the database lost are not read again/),
    expect.stringMatching(/^What agents do is not captured yet, and it is tried again: .*archive/),
  ]);
  expect(capture.state).toBe("idle");
  free();
  await until(async () => (await status()).sessions > 8);
  await until(async () => (await status()).notices.length === 0);
  expect((await status()).capture.state).toBe("watching");
  await engine.close();
});

test("an engine whose parts could not be opened closes all the same, and its profile is free", async () => {
  const { engine } = await engineWithoutArchive();
  await expect(engine.client.call("import", {})).rejects.toThrow("archive");
  await engine.close();
});
