import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSecrets, type Keychain } from "../../src/app/secrets.ts";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "operon-secrets-"))));
afterEach(() => rm(folder, { recursive: true }));

function memoryKeychain(): Keychain & { held: Map<string, string>; broken: boolean } {
  const held = new Map<string, string>();
  const keychain = {
    held,
    broken: false,
    async get(name: string) {
      if (keychain.broken) throw new Error("no session bus");
      return held.get(name) ?? null;
    },
    async set(name: string, value: string) {
      if (keychain.broken) throw new Error("no session bus");
      held.set(name, value);
    },
    async delete(name: string) {
      held.delete(name);
    },
  };
  return keychain;
}

test("without a keychain secrets are in a file that only the user can read, and it says so", async () => {
  const secrets = openSecrets(folder, null);
  await Promise.all([secrets.set("a", "1"), secrets.set("b", "2")]);
  expect([await secrets.get("a"), await secrets.get("b"), await secrets.get("c")]).toEqual([
    "1",
    "2",
    null,
  ]);
  expect((await stat(join(folder, "secrets.json"))).mode & 0o777).toBe(0o600);
  expect(await secrets.where()).toEqual({
    keychain: false,
    detail: expect.stringContaining("secrets.json") as string,
  });
  await secrets.delete("a");
  expect(await openSecrets(folder, null).get("a")).toBeNull();
});

test("with a keychain nothing of them is in a file", async () => {
  const keychain = memoryKeychain();
  const secrets = openSecrets(folder, keychain);
  await secrets.set("a", "1");
  expect(await secrets.get("a")).toBe("1");
  expect(keychain.held.get("a")).toBe("1");
  await expect(stat(join(folder, "secrets.json"))).rejects.toThrow("ENOENT");
  expect((await secrets.where()).keychain).toBe(true);
});

test("a keychain that does not answer is left for the file, and what lies in the file moves when it does again", async () => {
  const keychain = memoryKeychain();
  keychain.broken = true;
  const away = openSecrets(folder, keychain);
  await away.set("a", "1");
  expect((await away.where()).detail).toContain("no session bus");
  keychain.broken = false;
  const back = openSecrets(folder, keychain);
  expect(await back.get("a")).toBe("1");
  await back.set("a", "2");
  expect(keychain.held.get("a")).toBe("2");
  expect(await readFile(join(folder, "secrets.json"), "utf8")).toBe("{}");
});

test("what a failing keychain did not take is newer than what it has, and moves when it answers", async () => {
  const keychain = memoryKeychain();
  const secrets = openSecrets(folder, keychain);
  await secrets.set("a", "old");
  keychain.broken = true;
  await secrets.set("a", "new");
  keychain.broken = false;
  expect(await secrets.get("a")).toBe("new");
  expect(keychain.held.get("a")).toBe("new");
  expect(await readFile(join(folder, "secrets.json"), "utf8")).toBe("{}");
});

test("a value that moves does not overtake one that is set meanwhile", async () => {
  await openSecrets(folder, null).set("a", "old");
  const keychain = memoryKeychain();
  const secrets = openSecrets(folder, keychain);
  await Promise.all([secrets.get("a"), secrets.set("a", "new")]);
  expect(await secrets.get("a")).toBe("new");
  expect(keychain.held.get("a")).toBe("new");
});

test("a keychain that holds secrets and cannot be reached is a sentence, not an empty one", async () => {
  const keychain = memoryKeychain();
  await openSecrets(folder, keychain).set("device", "1");
  keychain.broken = true;
  for (const away of [openSecrets(folder, keychain), openSecrets(folder, null)]) {
    await expect(away.get("device")).rejects.toMatchObject({
      fault: { type: "keychain-away", message: expect.stringContaining("keychain-used") as string },
    });
  }
  keychain.broken = false;
  expect(await openSecrets(folder, keychain).get("device")).toBe("1");
  // The one a sentence told the person to delete.
  await rm(join(folder, "keychain-used"));
  expect(await openSecrets(folder, null).get("device")).toBeNull();
});

test("a damaged file is a sentence, not an empty one", async () => {
  await writeFile(join(folder, "secrets.json"), "{");
  await expect(openSecrets(folder, null).get("a")).rejects.toMatchObject({
    fault: { type: "secrets-damaged" },
  });
});
