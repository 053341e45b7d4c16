/** The documents say what is there: commands, links, rooms, functions of the cloud. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ROOMS } from "../scripts/lint/rooms.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...markdownIn("docs"),
  ...markdownIn("docs/decisions"),
  ...Object.values(ROOMS).flatMap(({ folder }) => markdownIn(folder)),
];

describe("links", () => {
  it.each(DOCUMENTS)("of %s lead somewhere", (document) => {
    const text = read(document);
    const markdown = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link as string);
    const images = [...text.matchAll(/\bsrc(?:set)?="([^"]+)"/g)].map(([, link]) => link as string);
    const local = [...markdown, ...images].filter((link) => !/^(https?:|#)/.test(link));
    const missing = local.filter(
      (link) => !existsSync(join(ROOT, dirname(document), link.split("#")[0] as string)),
    );
    expect(missing).toEqual([]);
  });

  it("to decisions: every one is in the table of ARCHITECTURE.md, and numbered once", () => {
    const files = readdirSync(join(ROOT, "docs/decisions"));
    const listed = [...read("docs/ARCHITECTURE.md").matchAll(/\(decisions\/([^)]+)\)/g)].map(
      ([, file]) => file as string,
    );
    expect(listed.toSorted()).toEqual(files.toSorted());
    expect(new Set(files.map((file) => file.slice(0, 4))).size).toBe(files.length);
  });
});

describe("commands", () => {
  it("of npm that a document names are scripts of package.json", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = DOCUMENTS.flatMap((document) => [
      ...[...read(document).matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name]) => name as string),
      ...[...read(document).matchAll(/\bnpm (start|test)\b/g)].map(([, name]) => name as string),
    ]);
    expect(named.length).toBeGreaterThan(10);
    expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
  });

  it("of operon: README's table and the program list the same", () => {
    const program = [...read("src/cli/main.ts").matchAll(/^ {2}"?([a-z]+)"?: \{\s*about:/gm)].map(
      ([, name]) => name as string,
    );
    const commands = readdirSync(join(ROOT, "src/cli"))
      .map((file) => read(`src/cli/${file}`))
      .join("\n");
    const named = [...read("README.md").matchAll(/`operon ([a-z/]+)(?: ([a-z/]+))?/g)].flatMap(
      ([, first, second]) =>
        (first as string).split("/").map((name) => ({ name, words: second?.split("/") ?? [] })),
    );
    expect(program.length).toBeGreaterThan(10);
    expect(new Set(named.map(({ name }) => name))).toEqual(new Set(program));
    const unknown = named.flatMap(({ name, words }) =>
      words.filter((word) => !commands.includes(`"${name} ${word}`)),
    );
    expect(unknown).toEqual([]);
  });
});

describe("the table of rooms", () => {
  it("is that of the linter, and a row for every folder of src", () => {
    const rows = [
      ...read("docs/ARCHITECTURE.md").matchAll(
        /^\| `([\w/]+)` \|[^|]+\| ([\w ]+) \| ([^|]+) \|$/gm,
      ),
    ];
    const shown = new Map(rows.map(([, folder, runs, imports]) => [folder, { runs, imports }]));
    for (const [name, room] of Object.entries(ROOMS)) {
      const row = shown.get(room.folder);
      expect(row, `${name} has no row`).toBeDefined();
      expect(row?.runs).toBe({ neutral: "anywhere", node: "Node", dom: "the page" }[room.runs]);
      if (row?.imports === "all above") continue;
      const named = (row?.imports ?? "").split(";")[0]?.match(/\b[a-z]+\b(?!\/|\.)/g) ?? [];
      expect(named.filter((word) => word in ROOMS).toSorted()).toEqual(
        [...room.imports].toSorted(),
      );
    }
    const folders = readdirSync(join(ROOT, "src"), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => `src/${name}`).filter((folder) => !shown.has(folder))).toEqual(
      [],
    );
  });

  it("has no circle: a room imports only rooms that stand above it", () => {
    const names = Object.keys(ROOMS);
    const wrong = names.flatMap((name, at) => {
      const { imports } = ROOMS[name] as (typeof ROOMS)[string];
      return imports
        .filter((other) => !names.slice(0, at).includes(other))
        .map((other) => `${name} → ${other}`);
    });
    expect(wrong).toEqual([]);
  });
});

describe("the protocol", () => {
  it("names every function that the cloud's schema has, and no other", () => {
    const migrations = readdirSync(join(ROOT, "supabase/migrations"));
    const sql = migrations.map((file) => read(`supabase/migrations/${file}`)).join("\n");
    const made = [...sql.matchAll(/create (?:or replace )?function public\.(cloud_\w+)/g)].map(
      ([, name]) => name as string,
    );
    const named = [...read("docs/PROTOCOL.md").matchAll(/^\| `(cloud_\w+)`/gm)].map(
      ([, name]) => name as string,
    );
    expect(named.toSorted()).toEqual([...new Set(made)].toSorted());
  });
});

describe("rules", () => {
  it.each(Object.values(ROOMS).filter(({ folder }) => existsSync(join(ROOT, folder, "SPEC.md"))))(
    "of $folder/SPEC.md are checked against its tests",
    ({ folder }) => {
      const room = folder.split("/").at(-1) as string;
      expect(readdirSync(join(ROOT, "tests", room))).toContain("spec.test.ts");
    },
  );
});

describe("licence", () => {
  it("is the Apache License 2.0, as package.json says", () => {
    expect((JSON.parse(read("package.json")) as { license: string }).license).toBe("Apache-2.0");
    expect(read("LICENSE")).toMatch(/Apache License\s+Version 2\.0, January 2004/);
  });
});

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

function markdownIn(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `${folder}/${file}`);
}
