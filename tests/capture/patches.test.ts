import { describe, expect, test } from "vitest";
import { oneLine, parseObject } from "../../src/capture/json.ts";
import {
  applyPatchText,
  changes,
  countLines,
  difference,
  replacement,
  structured,
  wholeFile,
} from "../../src/capture/patches.ts";

describe("a change of a file", () => {
  test("from a replacement keeps what both have as context", () => {
    const patch = replacement("a.ts", "one\ntwo\nthree\n", "one\n2\nthree\n");
    expect(patch.hunks[0]?.lines).toEqual([" one", "-two", "+2", " three"]);
    expect(countLines([patch])).toEqual({ added: 1, removed: 1 });
  });

  test("from a whole file is all new, or all gone", () => {
    expect(wholeFile("a", "x\ny\n", "add").hunks[0]?.lines).toEqual(["+x", "+y"]);
    expect(wholeFile("a", "x", "delete").hunks[0]?.lines).toEqual(["-x"]);
    expect(wholeFile("a", "", "add").hunks).toEqual([]);
  });

  test("from a patch text, several files and a move", () => {
    const text =
      "*** Begin Patch\n*** Update File: a.ts\n*** Move to: b.ts\n@@ class A\n one\n-two\n+2\n\n*** Delete File: c.ts\n*** Add File: d.ts\n+new\n*** End Patch\n";
    expect(
      applyPatchText(text).map(({ path, change, hunks }) => [
        path,
        change,
        hunks.map((hunk) => hunk.lines),
      ]),
    ).toEqual([
      ["b.ts", "update", [[" one", "-two", "+2", ""]]],
      ["c.ts", "delete", []],
      ["d.ts", "add", [["+new"]]],
    ]);
  });

  test("from a unified diff keeps line numbers and drops what is no line", () => {
    const diff = "--- a\n+++ b\n@@ -3,2 +3,2 @@ fn\n x\n-y\n+z\n\\ No newline at end of file\n";
    expect(changes({ "a.ts": { type: "update", unified_diff: diff } })[0]?.hunks).toEqual([
      { oldStart: 3, newStart: 3, lines: [" x", "-y", "+z"] },
    ]);
  });

  test("from a file before and after is what differs, with three lines around", () => {
    const before = Array.from({ length: 20 }, (_, i) => `${i + 1}\n`);
    const after = before.with(4, "five\n").with(7, "").with(16, "17\nseventeen\n").join("");
    expect(difference("a", before.join(""), after)).toEqual({
      path: "a",
      change: "update",
      hunks: [
        {
          oldStart: 2,
          newStart: 2,
          lines: [" 2", " 3", " 4", "-5", "+five", " 6", " 7", "-8", " 9", " 10", " 11"],
        },
        {
          oldStart: 15,
          newStart: 14,
          lines: [" 15", " 16", " 17", "+seventeen", " 18", " 19", " 20"],
        },
      ],
    });
    const many = (of: string) => Array.from({ length: 500 }, (_, i) => `${of}${i}\n`).join("");
    expect(countLines([difference("a", `x\n${many("a")}y`, `x\n${many("b")}y`)])).toEqual({
      added: 500,
      removed: 500,
    });
    expect(difference("a", "x\n", "x\n").hunks).toEqual([]);
    expect(difference("a", "", "x\n")).toEqual(wholeFile("a", "x\n", "add"));
  });

  test("of another shape is none", () => {
    expect(structured("a", [{ lines: ["+x"] }])).toBeNull();
    expect(structured("a", "no")).toBeNull();
  });
});

describe("text", () => {
  test("of one line is short, and never ends in half a character", () => {
    expect(oneLine("  a\n\tb  ")).toBe("a b");
    for (let length = 195; length < 205; length++) {
      const line = oneLine(`${"x".repeat(length)}😀😀😀`);
      expect(line.length).toBeLessThanOrEqual(200);
      expect(line.isWellFormed()).toBe(true);
    }
  });

  test("is cleaned at any depth, in names too", () => {
    expect(parseObject('{"a\\u0000":[{"b":"\\uDFFFx"}]}')).toEqual({
      "a\uFFFD": [{ b: "\uFFFDx" }],
    });
    expect(parseObject("[1]")).toBeNull();
    expect(parseObject("{")).toBeNull();
  });
});
