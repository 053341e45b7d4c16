/** What may be wrong with a machine, a disk, a folder: a sentence that says what to do, exit 1, and all is as before. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PGlite } from "@electric-sql/pglite";
import { expect, test, vi } from "vitest";
import type { DecisionRow } from "../../src/app/api.ts";
import { createDevice, HOME, until, writeTranscript, type Device } from "./operon.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SESSION = "99999999-9999-4999-8999-999999999999";

async function refused(device: Device, args: readonly string[], sentence: RegExp): Promise<void> {
  const ran = await device.run(args);
  expect([args, ran.code, ran.stdout]).toEqual([args, 1, ""]);
  expect(ran.stderr).toMatch(sentence);
  expect(ran.stderr).not.toMatch(/^\s+at /m);
}

async function newDecision(device: Device): Promise<string> {
  const args = ["decision", "new", "--title", "Kept", "--context", "before"];
  return (await device.json<DecisionRow>(args)).id;
}

test("a database of a newer version is left as it is", async () => {
  const device = await createDevice();
  const id = await newDecision(device);
  const change = async (sql: string): Promise<void> => {
    const db = await PGlite.create(join(device.folder, "default", "db"));
    await db.exec(sql);
    await db.close();
  };
  await change("insert into migrations values (9000, 'later', 'x', 0)");
  await refused(device, ["decision", "list", "--json"], /newer/);
  await change("delete from migrations where version = 9000");
  expect(await device.json(["decision", "show", id])).toMatchObject({ context: "before" });
  expect((await readdir(join(device.folder, "default"))).join(" ")).not.toMatch(/set-aside/);
  await device.remove();
});

test.each([
  ["its control file cut off", ["global", "pg_control"]],
  ["its version gone", ["PG_VERSION"]],
] as const)("a database with %s is set aside, and all is there again", async (_what, path) => {
  const device = await createDevice();
  const id = await newDecision(device);
  await device.json(["decision", "edit", id, "--outcome", "after"]);
  await writeTranscript(device.home, SESSION, "/srv/x", [
    { prompt: "p", response: "r", file: "a.ts" },
  ]);
  await device.json(["import"]);
  const before = await device.json(["sessions"]);
  const damaged = join(device.folder, "default", "db", ...path);
  if (path.length === 1) await rm(damaged);
  else await truncate(damaged, 100);
  const ran = await device.run(["sessions", "--json"]);
  expect([ran.code, ran.json()]).toEqual([0, before]);
  expect(ran.stderr).toMatch(/set aside/);
  const row = { title: "Kept", context: "before", outcome: "after" };
  expect(await device.json(["decision", "show", id])).toMatchObject(row);
  await device.remove();
});

/** In a mount namespace of its own, so that the small disk vanishes with the process. */
test("a disk that is really full: what was kept is kept, and with room it goes on", async () => {
  const device = await createDevice();
  await device.json(["import", "--home", HOME]);
  const id = await newDecision(device);
  // Nothing that could be compressed away.
  const prompts = Array.from({ length: 40 }, () => ({
    prompt: randomBytes(100_000).toString("hex"),
    response: "r",
    file: "a.ts",
  }));
  for (const n of [1, 2, 3, 4])
    await writeTranscript(device.home, SESSION.slice(0, -1) + n, "/srv/x", prompts);
  const disk = join(device.folder, "..", "disk");
  const run = (args: string): string => `out=$(operon ${args} 2>&1); echo "=$out $?"`;
  const steps = [
    `used=$(du -sm "${device.folder}" | cut -f1)`,
    `mkdir "${disk}"; mount -t tmpfs -o size=$((used + 12))m none "${disk}"`,
    `cp -a "${device.folder}/default" "${disk}"`,
    run("import"),
    `head -c 64M /dev/zero >"${disk}/rest" 2>/dev/null`,
    run(`decision edit ${id} --context x`),
    `rm "${disk}/rest"; mount -o remount,size=$((used + 400))m "${disk}"`,
    run(`decision show ${id} --json`),
    run("import >/dev/null"),
    run("import --json"),
  ];
  const mine = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const { stdout } = await promisify(execFile)(
    "unshare",
    ["--mount", ...mine, "sh", "-c", steps.join("\n")],
    {
      env: {
        ...process.env,
        PATH: `${join(ROOT, "bin")}:${process.env["PATH"]}`,
        HOME: device.home,
        OPERON_HOME: disk,
      },
    },
  );
  const [, full, fullEdit, shown, , again] = stdout.split(/^=/m);
  for (const words of [full, fullEdit])
    expect(words).toMatch(/^The disk.* is full.*Free some space.* 1\n$/);
  expect(shown).toMatch(/"context":"before".* 0\n$/);
  expect(again).toMatch(/"files":0,"bytes":0,"unchanged":.* 0\n$/);
  await device.remove();
});

test("what is named and not there is a sentence, and nothing is made of it", async () => {
  const device = await createDevice();
  await refused(device, ["import", "/nowhere/at/all"], /no file or folder \/nowhere\/at\/all/);
  await refused(device, ["sessions", "--home", "/nowhere/at/all"], /no folder \/nowhere\/at\/all/);
  await refused(device, ["decision", "new", "--title", "t", "--status", "nice"], /choose one of/);
  await writeFile(join(device.folder, "..", "file"), "");
  const ran = spawn(join(ROOT, "bin", "operon"), ["sessions"], {
    env: { ...process.env, OPERON_HOME: join(device.folder, "..", "file") },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let words = "";
  ran.stderr.on("data", (chunk: Buffer) => (words += chunk.toString()));
  expect(await new Promise((resolve) => ran.on("close", resolve))).toBe(1);
  expect(words).toMatch(/cannot be made .*OPERON_HOME/);
  await device.remove();
});

test("a relay says in a sentence why it does not start: a port that is taken, a database that does not open", async () => {
  const device = await createDevice();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const data = join(device.folder, "relay");
  await refused(
    device,
    ["relay", "--port", String(port), "--data", data],
    /another program listens/,
  );
  await new Promise((resolve) => taken.close(resolve));
  expect((await device.run(["relay", "--port", "70000"])).code).toBe(2);

  const start = ["relay", "--port", "0", "--data", data, "--json"];
  const first = device.start(start);
  expect(Object.keys(JSON.parse(await first.firstLine) as object)).toEqual(["url", "anonKey"]);
  first.kill("SIGINT");
  expect(await first.ended).toMatchObject({ code: 0 });
  await truncate(join(data, "db", "global", "pg_control"), 100);
  await refused(device, start, /relay\/db does not open.*left as it is.*relay\/backups/s);
  await device.remove();
});

test("npm start prints an address once, serves it, and leaves no process behind when it is interrupted", async () => {
  const device = await createDevice();
  const child = spawn("npm", ["start", "--silent", "--", "--home", HOME], {
    cwd: ROOT,
    env: { ...process.env, HOME: device.home, OPERON_HOME: device.folder },
    stdio: ["ignore", "pipe", "pipe"],
    // A process group as a terminal makes one.
    detached: true,
  });
  const group = child.pid as number;
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  try {
    const address = await until(() => /^http:\S+$/m.exec(printed)?.[0] ?? null, 120_000);
    const entered = await fetch(address, { redirect: "manual" });
    expect(entered.status).toBe(303);
    const cookie = String(entered.headers.get("set-cookie")).split(";", 1)[0] as string;
    expect((await fetch(address, { redirect: "manual" })).status).toBe(401);
    const page = await fetch(new URL("/", address), { headers: { cookie } });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<title>")]);
    const { pid } = JSON.parse(
      await readFile(join(device.folder, "default", "lock.json"), "utf8"),
    ) as { pid: number };
    expect(groupOf(pid)).toBe(group);
  } finally {
    process.kill(-group, "SIGINT");
  }
  await until(() => !groupLives(group));
  expect(await stat(join(device.folder, "default", "engine.sock")).catch(() => null)).toBeNull();
  await device.remove();
});

function groupOf(pid: number): number {
  return Number(execFileSync("ps", ["-o", "pgid=", "-p", String(pid)], { encoding: "utf8" }));
}

function groupLives(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}
