/**
 * The linter itself, run as `npm run lint` runs it, over a small tree that breaks the rules: the same configuration and
 * plugin, so that a rule that is off, or a linter that sees nothing, fails here.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOMS, roomOf } from "../../scripts/lint/rooms.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OXLINT = join(ROOT, "node_modules", "oxlint", "bin", "oxlint");

interface Case {
  readonly file: string;
  readonly code: string;
  /** The rule that must speak, and words of its sentence; null: the file is clean. */
  readonly fault: readonly [rule: string, words: string] | null;
}

const LAYERS = "operon(layers)";
const BRANDS = "operon(brands)";
const ANY = "operon(reasoned-any)";
const TESTS = "operon(whole-tests)";

const CASES: readonly Case[] = [
  // A room imports lower rooms only.
  {
    file: "src/base/up.ts",
    code: `export { a } from "../crdt/a.ts";`,
    fault: [LAYERS, "base may not import crdt"],
  },
  {
    file: "src/store/up.ts",
    code: `import "../sync/engine.ts";`,
    fault: [LAYERS, "store may not import sync"],
  },
  {
    file: "src/sync/up.ts",
    code: `import "../cloud/a.ts";`,
    fault: [LAYERS, "sync may not import cloud"],
  },
  {
    file: "src/crypto/up.ts",
    code: `import "../crdt/a.ts";`,
    fault: [LAYERS, "crypto may not import crdt"],
  },
  {
    file: "src/capture/up.ts",
    code: `import "../privacy/a.ts";`,
    fault: [LAYERS, "capture may not import privacy"],
  },
  {
    file: "src/cli/up.ts",
    code: `import "../store/a.ts";`,
    fault: [LAYERS, "cli may not import store"],
  },
  {
    file: "relay/up.ts",
    code: `import "../src/crypto/a.ts";`,
    fault: [LAYERS, "relay may not import crypto"],
  },
  { file: "src/app/up.ts", code: `import "../ui/a.ts";`, fault: [LAYERS, "app may not import ui"] },
  { file: "src/sync/down.ts", code: `import "../crypto/a.ts";\nimport "./own.ts";`, fault: null },
  { file: "relay/down.ts", code: `import "../src/pg/a.ts";`, fault: null },

  // However it is written.
  {
    file: "src/base/type.ts",
    code: `import type { A } from "../crdt/a.ts";\nexport type B = A;`,
    fault: [LAYERS, "crdt"],
  },
  { file: "src/base/all.ts", code: `export * from "../store/a.ts";`, fault: [LAYERS, "store"] },
  {
    file: "src/base/load.ts",
    code: `export const a = () => import("../store/a.ts");`,
    fault: [LAYERS, "store"],
  },
  {
    file: "src/base/tick.ts",
    code: "export const a = () => import(`../store/a.ts`);",
    fault: [LAYERS, "store"],
  },
  {
    file: "src/base/inline.ts",
    code: `export type A = import("../store/a.ts").A;`,
    fault: [LAYERS, "store"],
  },
  {
    file: "src/base/far.ts",
    code: `import "./../../src/base/../store/a.ts";`,
    fault: [LAYERS, "store"],
  },
  {
    file: "src/base/blind.ts",
    code: `export const a = (b: string) => import(b);`,
    fault: [LAYERS, "as one text"],
  },
  { file: "src/base/out.ts", code: `import "../../tests/a.ts";`, fault: [LAYERS, "in no room"] },
  {
    file: "src/app/data.ts",
    code: `import p from "../../package.json" with { type: "json" };\nexport { p };`,
    fault: null,
  },

  // The interface sees the contract's types, and how they travel.
  {
    file: "src/ui/contract.ts",
    code: `import type { Api } from "../app/api.ts";\nexport type B = Api;`,
    fault: null,
  },
  {
    file: "src/ui/inline.ts",
    code: `import { type Api } from "../app/api.ts";\nexport type B = Api;`,
    fault: null,
  },
  {
    file: "src/ui/value.ts",
    code: `import { api } from "../app/api.ts";\nexport { api };`,
    fault: [LAYERS, "only types"],
  },
  {
    file: "src/ui/channel.ts",
    code: `import { FRAME } from "../app/channel.ts";\nexport { FRAME };`,
    fault: null,
  },
  {
    file: "src/ui/engine.ts",
    code: `import type { E } from "../app/engine.ts";\nexport type F = E;`,
    fault: [LAYERS, "app"],
  },

  // The one command that is a server loads it while running.
  {
    file: "src/cli/relay.ts",
    code: `export const a = () => import("../../relay/open.ts");`,
    fault: null,
  },
  {
    file: "src/cli/sync.ts",
    code: `export const a = () => import("../../relay/open.ts");`,
    fault: [LAYERS, "relay"],
  },
  {
    file: "src/cli/open.ts",
    code: `import "../../relay/open.ts";`,
    fault: [LAYERS, "cli may not import relay"],
  },

  // Environments and packages.
  { file: "src/crdt/fs.ts", code: `import "node:fs";`, fault: [LAYERS, "outside Node too"] },
  { file: "src/sync/bare.ts", code: `import "crypto";`, fault: [LAYERS, "outside Node too"] },
  {
    file: "src/cloud/lib.ts",
    code: `/// <reference lib="dom" />\nexport {};`,
    fault: [LAYERS, "no references"],
  },
  { file: "src/store/net.ts", code: `import "node:https";`, fault: [LAYERS, "opens no sockets"] },
  { file: "src/store/fs.ts", code: `import "node:fs/promises";`, fault: null },
  {
    file: "src/sync/cloud.ts",
    code: `import "@supabase/supabase-js";`,
    fault: [LAYERS, "the package @supabase"],
  },
  { file: "src/crypto/yjs.ts", code: `import "yjs";`, fault: [LAYERS, "the package yjs"] },
  { file: "src/crdt/yjs.ts", code: `import "lib0/encoding";`, fault: null },

  // Places and names.
  { file: "src/misc/a.ts", code: `export {};`, fault: [LAYERS, "in no room"] },
  { file: "src/loose.ts", code: `export {};`, fault: [LAYERS, "in no room"] },
  { file: "src/base/index.ts", code: `export {};`, fault: [LAYERS, "No barrels"] },

  // Brands have one door each.
  {
    file: "src/store/cast.ts",
    code: `export const a = (b: B) => b as Shareable<B>;`,
    fault: [BRANDS, "Shareable"],
  },
  {
    file: "src/sync/cast.ts",
    code: `export const a = (b: B) => b as unknown as Sealed;`,
    fault: [BRANDS, "Sealed"],
  },
  {
    file: "src/sync/list.ts",
    code: `export const a = (b: B[]) => b as readonly Sealed[];`,
    fault: [BRANDS, "Sealed"],
  },
  {
    file: "src/cloud/old.ts",
    code: `export const a = (b: B) => <Sealed>b;`,
    fault: [BRANDS, "Sealed"],
  },
  {
    file: "src/cloud/is.ts",
    code: `export const a = (b: unknown): b is Sealed => true;`,
    fault: [BRANDS, "guard"],
  },
  {
    file: "src/cloud/named.ts",
    code: `import type { Sealed as S } from "../sync/transport.ts";\nexport const a = (b: B) => b as S;`,
    fault: [BRANDS, "Sealed"],
  },
  {
    file: "src/crdt/alias.ts",
    code: `type Rows = Map<string, Shareable<B>>;\nexport const a = (b: B) => b as Rows;`,
    fault: [BRANDS, "Shareable"],
  },
  {
    file: "src/privacy/gate.ts",
    code: `export const a = (b: B) => b as Shareable<B>;`,
    fault: null,
  },
  {
    file: "src/privacy/seal.ts",
    code: `export const a = (b: B) => b as Sealed;`,
    fault: [BRANDS, "Sealed"],
  },
  {
    file: "src/sync/seal.ts",
    code: `export const a = (b: B) => b as unknown as Sealed;`,
    fault: null,
  },

  // any
  { file: "src/base/any.ts", code: `export const a = (b: any) => b.c;`, fault: [ANY, "reason"] },
  {
    file: "src/base/asany.ts",
    code: `\nexport const a = (b: B) => (b as any).c;`,
    fault: [ANY, "reason"],
  },
  {
    file: "src/base/word.ts",
    code: `// TODO\nexport const a = (b: any) => b.c;`,
    fault: [ANY, "reason"],
  },
  {
    file: "src/base/why.ts",
    code: `// the library types this as any\nexport const a = (b: any) => b.c;`,
    fault: null,
  },

  // Tests
  {
    file: "tests/skip.test.ts",
    code: `it.skip("a", () => expect(1).toBe(1));`,
    fault: [TESTS, ".skip"],
  },
  { file: "tests/only.test.ts", code: `describe.only("a", () => {});`, fault: [TESTS, ".only"] },
  { file: "tests/todo.test.ts", code: `it.todo("a");`, fault: [TESTS, ".todo"] },
  {
    file: "tests/if.test.ts",
    code: `it.skipIf(CI)("a", () => expect(1).toBe(1));`,
    fault: [TESTS, ".skipIf"],
  },
  {
    file: "tests/index.test.ts",
    code: `it["only"]("a", () => expect(1).toBe(1));`,
    fault: [TESTS, ".only"],
  },
  { file: "tests/x.test.ts", code: `xit("a", () => expect(1).toBe(1));`, fault: [TESTS, "xit"] },
  {
    file: "tests/self.test.ts",
    code: `it("a", (ctx) => { ctx.skip(); expect(1).toBe(1); });`,
    fault: [TESTS, "itself"],
  },
  {
    file: "tests/retry.test.ts",
    code: `it("a", { retry: 3 }, () => expect(1).toBe(1));`,
    fault: [TESTS, "retry"],
  },
  {
    file: "tests/fine.test.ts",
    code: `it("a", { timeout: 9 }, () => expect(list.only).toBe(1));`,
    fault: null,
  },
];

interface Diagnostic {
  readonly code: string;
  readonly message: string;
  readonly filename: string;
}

let tree: string;
let found: readonly Diagnostic[];

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), "operon-lint-"));
  await symlink(join(ROOT, "node_modules"), join(tree, "node_modules"));
  await cp(join(ROOT, ".oxlintrc.json"), join(tree, ".oxlintrc.json"));
  await cp(join(ROOT, "scripts", "lint"), join(tree, "scripts", "lint"), { recursive: true });
  for (const { file, code } of CASES) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    await writeFile(join(tree, file), `${code}\n`);
  }
  found = (
    JSON.parse(await oxlint(tree, "--format=json", "src", "relay", "tests")) as {
      diagnostics: Diagnostic[];
    }
  ).diagnostics;
});

afterAll(() => rm(tree, { recursive: true, force: true }));

describe("the project's rules", () => {
  it.each(CASES.map((one) => [one.file, one] as const))("%s", (file, { fault }) => {
    const own = found.filter(
      ({ code, filename }) => filename === file && code.startsWith("operon("),
    );
    if (fault === null) expect(own).toEqual([]);
    else {
      expect(own.map(({ code }) => code)).toContain(fault[0]);
      expect(own.map(({ message }) => message).join("\n")).toContain(fault[1]);
    }
  });

  it("each broken example fails the run by its own rule alone", () => {
    const rules = new Set(
      found.map(({ code }) => code).filter((code) => code.startsWith("operon(")),
    );
    expect([...rules].sort()).toEqual([ANY, BRANDS, LAYERS, TESTS].sort());
  });
});

describe("what the linter sees", () => {
  it("is every room and the tests, and no package", async () => {
    const files = (await oxlint(ROOT, "--debug=files")).split("\n").filter((line) => line !== "");
    const rooms = new Set(files.map((file) => roomOf(file.replace(/^\.\//, ""))));
    expect(files.length).toBeGreaterThan(50);
    expect([...rooms]).toEqual(expect.arrayContaining([...Object.keys(ROOMS), null]));
    expect(files.filter((file) => file.includes("node_modules"))).toEqual([]);
  });
});

describe("the table of rooms", () => {
  it.each(Object.entries(ROOMS))("grants %s nothing that it does not use", async (name, room) => {
    const imports = await importsOf(room.folder);
    const targets = imports.map(({ target }) => target);
    const isUsed = (specifier: string) =>
      imports.some(({ text }) => text === specifier || text.startsWith(`${specifier}/`));
    const loaded = Object.entries(room.loads ?? {}).flatMap(([from, rooms]) =>
      rooms.filter(
        (to) => !imports.some((one) => one.from === from && roomOf(one.target ?? "") === to),
      ),
    );
    expect({
      packages: room.packages.filter((one) => !isUsed(one)),
      rooms: room.imports.filter((one) => !targets.some((path) => roomOf(path ?? "") === one)),
      files: Object.keys(room.files ?? {}).filter((file) => !targets.includes(file)),
      loaded,
      network: room.network === true && !["node:http", "node:net"].some(isUsed) ? [name] : [],
    }).toEqual({ packages: [], rooms: [], files: [], loaded: [], network: [] });
  });
});

interface Imported {
  readonly from: string;
  /** As written. */
  readonly text: string;
  /** A file of this project, from its root; null for a package. */
  readonly target: string | null;
}

async function importsOf(folder: string): Promise<readonly Imported[]> {
  const found: Imported[] = [];
  for (const name of await readdir(join(ROOT, folder), { recursive: true })) {
    if (!/\.(tsx?|css)$/.test(name)) continue;
    const from = join(folder, name);
    const source = await readFile(join(ROOT, from), "utf8");
    for (const [, text = ""] of source.matchAll(/(?:\bfrom|import\(?)\s*"([^"]+)"/g))
      found.push({ from, text, target: text.startsWith(".") ? join(dirname(from), text) : null });
  }
  return found;
}

/** Standard output; the linter fails when it finds something, as it should here. */
async function oxlint(cwd: string, ...args: readonly string[]): Promise<string> {
  const run = promisify(execFile)(process.execPath, [OXLINT, ...args], { cwd, maxBuffer: 1 << 26 });
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  return stdout;
}
