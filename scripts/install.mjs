/**
 * What `npm start` and `npm test` share: the lockfile's packages, and a command run in this one's place.
 *
 * Runs on the machine's own Node (20 or newer) before anything is installed: nothing but Node's own modules in here.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

export function say(sentence) {
  process.stderr.write(`operon: ${sentence}\n`);
}

/** Runs `npm ci` when node_modules is missing or holds other packages than the lockfile names; ends the process if that fails. */
export function installPackages(root = ROOT) {
  const difference = packagesDiffer(root);
  if (difference === null) return;
  say(`${difference}; installing the lockfile's packages with "npm ci" (Node 24 is among them) …`);
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (npm.status === 0) return;
  say('"npm ci" failed (see above), so nothing was started. Check the network and run it again.');
  process.exit(1);
}

/** Why node_modules is not what the lockfile says, in a few words; null when it is. */
export function packagesDiffer(root) {
  const installed = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return "packages are not installed yet";
  const have = packagesIn(installed);
  const want = packagesIn(join(root, "package-lock.json"));
  for (const [path, { version, optional }] of Object.entries(want)) {
    const found = have[path];
    if (found === undefined ? !optional : found.version !== version)
      return `${path} is not as the lockfile says`;
  }
  const extra = Object.keys(have).find((path) => want[path] === undefined);
  return extra === undefined ? null : `${extra} is not in the lockfile`;
}

function packagesIn(lockfile) {
  const { "": _root, ...packages } = JSON.parse(readFileSync(lockfile, "utf8")).packages;
  return packages;
}

/**
 * Runs a command in this process's place: its input, output and process group are this one's, signals are handed on,
 * and this process ends as it ends.
 */
export function become(command, args, env = process.env) {
  const child = spawn(command, args, { stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    say(`${command} could not be started (${error.message}).`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}
