/**
 * Keys and tokens at rest: the platform's keychain, else a file that only this user can read.
 *
 * On Linux the secret service is asked for by name: without it the binding would fall back to the kernel's keyring,
 * which a restart empties. A keychain may be away for a while (a remote login, say): what is written then lies in the file
 * and is the newer value, which moves when the keychain answers. An empty file beside it remembers that the keychain holds
 * something, so that a keychain that is away is not taken for an empty one.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { raise } from "../base/result.ts";

/** Async by name; `get` answers null for what is not there. */
export interface Secrets {
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<void>;
  delete(name: string): Promise<void>;
  /** Where they are kept, in words for a person. */
  where(): Promise<{ readonly keychain: boolean; readonly detail: string }>;
}

/** `folder`: the profile's; two profiles never see each other's secrets. */
export function openSecrets(
  folder: string,
  keychain: Keychain | null = platformKeychain(folder),
): Secrets {
  const file = secretsFile(join(folder, "secrets.json"));
  const mark = join(folder, "keychain-used");
  let probe: Promise<string | null> | undefined;
  /** Null when the keychain works, else why not. Asked once. */
  const trouble = (): Promise<string | null> =>
    (probe ??=
      keychain === null
        ? Promise.resolve("there is none here")
        : reasonOf(() => keychain.get("probe")));

  /** The file holds the newest value until the keychain does, whenever the process ends. */
  async function put(name: string, value: string): Promise<void> {
    const stands = (await file.get(name)) !== null;
    if (stands) await file.set(name, value);
    if (keychain !== null && (await trouble()) === null) {
      const failed = await reasonOf(() => keychain.set(name, value));
      if (failed === null) {
        if (!existsSync(mark)) await replaceFile(mark, "");
        return file.delete(name);
      }
    }
    if (!stands) await file.set(name, value);
  }

  async function find(name: string): Promise<string | null> {
    const newer = await file.get(name);
    const reason = await trouble();
    if (newer !== null) {
      if (reason === null) await put(name, newer);
      return newer;
    }
    if (keychain !== null && reason === null) {
      const value = await keychain.get(name);
      if (value !== null && !existsSync(mark)) await replaceFile(mark, "");
      return value;
    }
    if (!existsSync(mark)) return null;
    raise(
      "keychain-away",
      `This device's keys lie in the system's keychain, which cannot be reached now (${reason}). Nothing was changed or sent: run it again where the keychain is open, on the desktop say. If the keychain is gone for good, delete ${mark}, then sign in and join again (operon login, operon team join).`,
    );
  }

  let last: Promise<unknown> = Promise.resolve();
  /** One after the other, so that a value that moves does not overtake a newer one. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  }

  return {
    get: (name) => inTurn(() => find(name)),
    set: (name, value) => inTurn(() => put(name, value)),
    delete: (name) =>
      inTurn(async () => {
        if (keychain !== null && (await trouble()) === null) await keychain.delete(name);
        await file.delete(name);
      }),
    async where() {
      const reason = await trouble();
      return reason === null
        ? { keychain: true, detail: "the system's keychain" }
        : {
            keychain: false,
            detail: `${file.path}, which only you can read (the system's keychain: ${reason})`,
          };
    },
  };
}

export interface Keychain {
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<void>;
  delete(name: string): Promise<void>;
}

/** Null where it could only hang or forget: a Linux without a session bus. */
function platformKeychain(folder: string, env = process.env): Keychain | null {
  if (process.platform === "linux" && env["DBUS_SESSION_BUS_ADDRESS"] === undefined) return null;
  const account = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  const entry = async (name: string) => {
    const { AsyncEntry } = await import("@napi-rs/keyring");
    return new AsyncEntry("operon", `${account}/${name}`, {
      linux: { store: "secret-service" as never },
    });
  };
  const timeout = () => AbortSignal.timeout(KEYCHAIN_TIMEOUT_MS);
  return {
    get: async (name) => (await (await entry(name)).getPassword(timeout())) ?? null,
    set: async (name, value) => (await entry(name)).setPassword(value, timeout()),
    delete: async (name) => void (await (await entry(name)).deletePassword(timeout())),
  };
}

/** Long enough for a person to unlock it. */
const KEYCHAIN_TIMEOUT_MS = 60_000;

async function reasonOf(action: () => Promise<unknown>): Promise<string | null> {
  try {
    await action();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.split("\n", 1)[0] || "it failed" : String(error);
  }
}

/** JSON name → value, replaced as a whole; changes follow one another. */
function secretsFile(path: string) {
  let last: Promise<unknown> = Promise.resolve();
  const change = (edit: (values: Record<string, string>) => boolean): Promise<void> => {
    const next = last.then(async () => {
      const values = await readSecrets(path);
      if (edit(values)) await replaceFile(path, JSON.stringify(values));
    });
    last = next.catch(() => undefined);
    return next;
  };
  return {
    path,
    async get(name: string): Promise<string | null> {
      await last;
      return (await readSecrets(path))[name] ?? null;
    },
    set: (name: string, value: string) =>
      change((values) => {
        values[name] = value;
        return true;
      }),
    delete: (name: string) => change((values) => name in values && delete values[name]),
  };
}

async function readSecrets(path: string): Promise<Record<string, string>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    raise(
      "secrets-damaged",
      `${path} cannot be read as JSON. Your sessions are not touched. Move it away and sign in again (operon login, operon team join).`,
    );
  }
}

/** The file is the old one or the new one, whenever the power fails; mode 0600 from its first byte. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}.new`;
  const handle = await open(next, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, path);
}
