/**
 * The built interface: where it is, whether it is what its sources say, and how it is built.
 *
 * It is built beside its place and moved there, so that two who build at once do not serve half of it.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FaultError } from "../base/result.ts";
import { PROGRAM_ROOT } from "./paths.ts";

/** What the interface is made of, under the program's root. */
const SOURCES = [
  "src/ui",
  "src/base",
  "src/crdt",
  "src/app/channel.ts",
  "vite.config.ts",
  "package-lock.json",
];
const STAMP = "stamp";

export interface Interface {
  readonly folder: string;
  readonly current: boolean;
  build(): Promise<void>;
}

export async function builtInterface(root = PROGRAM_ROOT): Promise<Interface> {
  const folder = join(root, "dist", "ui");
  const hasSources = existsSync(join(root, "vite.config.ts"));
  const stamp = hasSources ? await stampOf(root) : null;
  const built = await readFile(join(root, "dist", STAMP), "utf8").catch(() => null);
  const current = existsSync(join(folder, "index.html")) && (stamp === null || built === stamp);
  return { folder, current, build: () => build(root, folder, stamp ?? "") };
}

async function build(root: string, folder: string, stamp: string): Promise<void> {
  const next = join(root, "dist", `ui.${process.pid}`);
  const old = join(root, "dist", `ui.${process.pid}.old`);
  await mkdir(join(root, "dist"), { recursive: true });
  try {
    await vite(root, next);
    await rename(folder, old).catch(() => undefined);
    await rename(next, folder).catch(async (error: unknown) => {
      // Another process was quicker; what it built is of the same sources.
      if (!existsSync(join(folder, "index.html"))) throw error;
    });
    await writeFile(join(root, "dist", STAMP), stamp);
  } finally {
    await rm(next, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

/** In a process of its own: a bundler's memory is not the engine's. Its words are shown when it fails. */
async function vite(root: string, outDir: string): Promise<void> {
  const args = [
    join(root, "node_modules", "vite", "bin", "vite.js"),
    "build",
    "--outDir",
    outDir,
    "--emptyOutDir",
    "--logLevel",
    "warn",
  ];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let words = "";
  child.stdout.on("data", (chunk: Buffer) => (words += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (words += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code === 0) return;
  throw new FaultError({
    type: "build-failed",
    message: `The interface could not be built, so it cannot be shown. Your data is not touched; the other commands work. The bundler said:\n${words.trim()}`,
  });
}

async function stampOf(root: string): Promise<string> {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for (const path of await filesOf(join(root, source))) {
      hash
        .update(path.slice(root.length))
        .update("\0")
        .update(await readFile(path))
        .update("\0");
    }
  }
  return hash.digest("hex");
}

async function filesOf(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOTDIR" ? [path] : [];
  }
}
