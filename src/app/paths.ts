/** Where things are on this machine. Nothing here reads or writes, but `makeProfile`. */
import { chmodSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { raise } from "../base/result.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The checkout or package this program runs from. */
export const PROGRAM_ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Profile {
  readonly name: string;
  /** Absolute. Holds everything this program keeps; only its user can open it. */
  readonly folder: string;
  /** Absolute: the data folder of all profiles. */
  readonly root: string;
}

/** `OPERON_HOME`, else the platform's usual place; in it a folder a profile. Throws `FaultError` on a name that is no folder's. */
export function profileOf(name = "default", env: Env = process.env): Profile {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name)) {
    raise(
      "bad-input",
      `"${name}" cannot be a profile's name: use letters, digits, "-", "_" and ".". Nothing was done.`,
    );
  }
  const root = dataRoot(env);
  return { name, root, folder: join(root, name) };
}

/** Makes the profile's folder, which only this user can open. */
export function makeProfile(profile: Profile): void {
  try {
    mkdirSync(profile.folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") throw error;
    raise(
      "not-writable",
      `The data folder ${profile.folder} cannot be made (${code ?? "unknown"}). Nothing was changed. Choose another with OPERON_HOME.`,
    );
  }
  chmodSync(profile.folder, 0o700);
}

function dataRoot(env: Env): string {
  const chosen = env["OPERON_HOME"];
  if (chosen !== undefined && chosen !== "") return resolve(chosen);
  const home = env["HOME"] ?? homedir();
  if (process.platform === "darwin") return join(home, "Library", "Application Support", "Operon");
  if (process.platform === "win32")
    return join(env["LOCALAPPDATA"] ?? join(home, "AppData", "Local"), "Operon");
  const shared = env["XDG_DATA_HOME"];
  return join(
    shared !== undefined && shared.startsWith("/") ? shared : join(home, ".local", "share"),
    "operon",
  );
}
