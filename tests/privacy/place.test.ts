import { describe, expect, test } from "vitest";
import { OUTSIDE, placeOf, shareGlob, sharePath, WITHHELD } from "../../src/privacy/place.ts";
import { PLACE, PROJECT } from "./given.ts";

describe("P6: a path is relative to the project, or outside it", () => {
  test.each([
    [`${PROJECT}/src/a.ts`, "src/a.ts"],
    [`${PROJECT}/src/../docs//./a.md`, "docs/a.md"],
    [PROJECT, "."],
    [`${PROJECT}/`, "."],
    ["src/a.ts", "web/src/a.ts"],
    ["./src/a.ts", "web/src/a.ts"],
    ["../api/a.ts", "api/a.ts"],
    ["../../../x", OUTSIDE],
    ["../../../../../../../../x", OUTSIDE],
    [`${PROJECT}/../other/a.ts`, OUTSIDE],
    [`${PROJECT}-old/a.ts`, OUTSIDE],
    ["/etc/passwd", OUTSIDE],
    ["/", OUTSIDE],
    ["~", OUTSIDE],
    ["~/notes.md", OUTSIDE],
    ["~bob/notes.md", OUTSIDE],
    ["C:\\Users\\alice\\a.ts", OUTSIDE],
    ["\\\\server\\share\\a.ts", OUTSIDE],
  ])("%s is %s", (path, shared) => {
    expect(sharePath(PLACE, path)).toBe(shared);
  });

  test.each([
    "/",
    "/home",
    "/home/alice",
    "/Users/alice",
    "/Users/alice/",
    "/root",
    "/tmp",
    "/mnt/c/Users/alice",
    "/var/home/alice",
    "C:\\",
    "C:\\Users\\alice",
    "not absolute",
    "",
  ])("a project at %j has no inside", (project) => {
    const place = placeOf(project, null, []);
    expect(sharePath(place, `${project}/notes.md`)).toBe(OUTSIDE);
    expect(sharePath(place, "notes.md")).toBe(OUTSIDE);
  });

  test.each([
    "/app",
    "/work/main",
    "/srv/data/x",
    "/tmp/x",
    "/home/alice/x",
    "/mnt/c/Users/alice/x",
  ])("a project at %s has one", (project) => {
    expect(sharePath(placeOf(project, null, []), `${project}/notes.md`)).toBe("notes.md");
  });

  test("no project: everything is outside", () => {
    expect(sharePath(placeOf(null, PROJECT, []), `${PROJECT}/a.ts`)).toBe(OUTSIDE);
  });

  test("a session that ran outside its project has relative paths outside", () => {
    expect(sharePath(placeOf(PROJECT, "/home/alice", []), "notes.md")).toBe(OUTSIDE);
  });

  test("Windows paths, in either writing", () => {
    const place = placeOf("C:\\Users\\alice\\app", null, []);
    expect(sharePath(place, "c:\\Users\\alice\\app\\src\\a.ts")).toBe("src/a.ts");
    expect(sharePath(place, "C:/Users/alice/app/src/a.ts")).toBe("src/a.ts");
    expect(sharePath(place, "src\\a.ts")).toBe("src/a.ts");
    expect(sharePath(place, "..\\..\\..\\..\\..\\a.ts")).toBe(OUTSIDE);
    expect(sharePath(place, "D:\\x")).toBe(OUTSIDE);
  });
});

describe("P7: a path inside the project that says too much is withheld", () => {
  test.each([
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "sk-ant-api03-abcdef",
    "AKIAIOSFODNN7EXAMPLE.txt",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "0a1b2c3d-0000-4000-8000-000000000001.jsonl",
    "x8Kq2Zp9Lm4Rt7Vw1.txt",
    "4111111111111111.pdf",
    "bob@firma.com/a.ts",
    "10.1.2.3.log",
    "db.internal/a.ts",
    "www.bank.ag",
    "notes of alice.md",
    "alice_notes.md",
    "on-alices-laptop.txt",
    "const a = 1;.ts",
    "a\nb.ts",
    "a\u0000b",
    "`rm`.ts",
    "a b c d e f.md",
    "cat /etc/passwd",
    "3e5f1a2b4c6d7e8f9a0b.txt",
    "abcd1234efgh5678ijkl9012",
    `${"x".repeat(50)}.ts`,
    `${"ab/".repeat(120)}a.ts`,
    "AnExtraordinarilyLongButPlainlyReadableNameOfSomething".repeat(2),
  ])("%j", (path) => {
    expect(sharePath(PLACE, `${PROJECT}/${path}`)).toBe(WITHHELD);
  });

  test.each([
    "src/components/UserSettingsDialog.test.tsx",
    "priv/repo/migrations/20260212165422_add_unique_index.exs",
    "app/[id]/(group)/$slug.tsx",
    "node_modules/@types/node/index.d.ts",
    ".github/workflows/ci.yml",
    ".env.example",
    "icon@2x.png",
    "docs/Über uns.md",
    "README.md",
    "index-DfK3a9.js",
  ])("but %j leaves as it is", (path) => {
    expect(sharePath(PLACE, `${PROJECT}/${path}`)).toBe(path);
  });
});

describe("P9: a glob", () => {
  test.each([
    ["**/*.ts", "**/*.ts"],
    ["src/**/*.{ts,tsx}", "src/**/*.{ts,tsx}"],
    ["!dist/[a-c]?.js", "!dist/[a-c]?.js"],
    [`${PROJECT}/src/**/*.ts`, "src/**/*.ts"],
    ["/home/alice/**/*.pem", OUTSIDE],
    ["~/**", OUTSIDE],
    ["../**/*.ts", OUTSIDE],
    ["src/../../x", OUTSIDE],
    ["**/*alice*", WITHHELD],
    ["**/ghp_abcdefghijklmnopqrstuvwx*", WITHHELD],
    ["**/10.1.2.3/*", WITHHELD],
    ["const x = 1;", WITHHELD],
  ])("%s is %s", (glob, shared) => {
    expect(shareGlob(PLACE, glob)).toBe(shared);
  });
});

test("P14: what is no path is left out", () => {
  for (const value of [null, undefined, 5, {}, [], "", "  ", "x".repeat(5_000)]) {
    expect(sharePath(PLACE, value)).toBeNull();
    expect(shareGlob(PLACE, value)).toBeNull();
  }
});

describe("P13: names of the person and the machine", () => {
  test("the user of the project's own path counts, given or not", () => {
    const place = placeOf("/Users/gracehopper/app", null, []);
    expect(sharePath(place, "docs/gracehopper.md")).toBe(WITHHELD);
    expect(sharePath(place, "docs/GraceHopper/a.md")).toBe(WITHHELD);
    expect(sharePath(place, "docs/byGracehopperNotes.md")).toBe(WITHHELD);
    expect(sharePath(place, "docs/gracehopper2.md")).toBe(WITHHELD);
    expect(sharePath(place, "docs/gracehoppers.md")).toBe("docs/gracehoppers.md");
  });

  test("a user that is no person does not", () => {
    expect(sharePath(placeOf("/home/user/app", null, ["root"]), "src/user/root.ts")).toBe(
      "src/user/root.ts",
    );
  });

  test("a host counts with and without its domain", () => {
    const place = placeOf("/srv/data/app", null, ["rosebud.local"]);
    expect(sharePath(place, "hosts/rosebud.txt")).toBe(WITHHELD);
    expect(sharePath(place, "hosts/rosebud.local/x")).toBe(WITHHELD);
  });
});
