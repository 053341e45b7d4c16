import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { documentLines } from "../../src/capture/document.ts";

async function* blocksOf(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function recordsOf(text: string | Buffer, size = 7): Promise<unknown[]> {
  const lines: Buffer[] = [];
  for await (const block of documentLines(blocksOf(text, size))) lines.push(block);
  return Buffer.concat(lines)
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
}

function expected(value: unknown): unknown[] {
  if (Array.isArray(value))
    return value.map((one: unknown, index) => ({ list: "", index, value: one }));
  return Object.entries(value as object).flatMap(([key, member]: [string, unknown]): unknown[] =>
    Array.isArray(member)
      ? member.map((one: unknown, index) => ({ list: key, index, value: one }))
      : [{ key, value: member }],
  );
}

describe("a JSON text as lines", () => {
  test("is a record a member and a record an element, however it is written and cut", async () => {
    const member = fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue()));
    const text = fc.oneof(fc.dictionary(fc.string(), member), fc.array(fc.jsonValue()));
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom(0, 2, "\t", "\r\n"),
        fc.integer({ min: 1, max: 64 }),
        async (value, indent, size) => {
          const written = JSON.stringify(value, null, indent as number);
          const read = JSON.parse(written) as unknown;
          expect(await recordsOf(written, size)).toEqual(expected(read));
        },
      ),
    );
  });

  test("begins behind a byte order mark, and may be empty", async () => {
    expect(await recordsOf('\uFEFF {"a": [1]} \n')).toEqual([{ list: "a", index: 0, value: 1 }]);
    expect(await recordsOf("{}")).toEqual([]);
    expect(await recordsOf("[ ]")).toEqual([]);
  });

  test.each([
    "",
    "{",
    '{"a": 1',
    '{"a": [1, {"b"',
    "[1, 2",
    '"text"',
    "{} {}",
    "not JSON",
    '{"a" 1}',
  ])("%j is not whole, or none, and says so", async (text) => {
    await expect(recordsOf(text)).rejects.toThrow(/JSON/);
  });

  test("gives out what came before it was cut", async () => {
    const lines: string[] = [];
    const reading = (async () => {
      for await (const block of documentLines(blocksOf('{"a": [1, 2, {"b', 4)))
        lines.push(block.toString());
    })();
    await expect(reading).rejects.toThrow("JSON");
    expect(lines.join("").split("\n").slice(0, 2)).toEqual([
      '{"list":"a","index":0,"value":1}',
      '{"list":"a","index":1,"value":2}',
    ]);
  });
});
