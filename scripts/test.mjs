/** `npm test [-- FILTER …]`: installs what is missing, Chromium included where it may, then runs the tests. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { become, installPackages, ROOT, say } from "./install.mjs";

installPackages();
installChromium();
const bin = join(ROOT, "node_modules", ".bin");
process.chdir(ROOT);
become(
  join(bin, "node"),
  [join(ROOT, "node_modules", "vitest", "vitest.mjs"), "run", ...process.argv.slice(2)],
  {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
  },
);

/** The tests drive the interface in Debian's Chromium. Ends the process when there is none and it may not install it. */
function installChromium() {
  if (process.env.CHROMIUM !== undefined || existsSync("/usr/bin/chromium")) return;
  const mayInstall = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (mayInstall) {
    say('Chromium is missing; installing Debian\'s with "apt-get install chromium" …');
    const stdio = ["ignore", 2, 2];
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", ["update", "-q"], { stdio, env });
    spawnSync("apt-get", ["install", "-q", "-y", "--no-install-recommends", "chromium"], {
      stdio,
      env,
    });
    if (existsSync("/usr/bin/chromium")) return;
  }
  say(
    "the tests drive the interface in Chromium, which is not at /usr/bin/chromium. Install it (on Debian, as root: " +
      "apt-get install chromium) or name one in CHROMIUM, and run the tests again. No test was run.",
  );
  process.exit(1);
}
