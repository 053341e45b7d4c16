import fc from "fast-check";
import { expect, test } from "vitest";
import { lineRanges, pieces } from "../../src/capture/lines.ts";

async function* blocksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

test("pieces of any blocks are the file, cut after newlines, and nothing too long is held", async () => {
  const text = fc
    .array(fc.constantFrom("a", "bcd", "\n", "\n\n", "efghijkl"), { maxLength: 60 })
    .map((words) => words.join(""));
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(text, sizes, async (whole, blocks) => {
      const limit = 12;
      let joined = "";
      let overlong = false;
      const lines: string[] = [];
      let long = 0;
      for await (const piece of pieces(blocksOf(Buffer.from(whole), blocks), 100, limit)) {
        expect(piece.offset).toBe(100 + joined.length);
        joined += piece.bytes.toString();
        if (piece.kind === "lines") {
          expect(piece.bytes.at(-1)).toBe(10);
          for (const [start, end] of lineRanges(piece.bytes))
            lines.push(piece.bytes.toString("utf8", start, end));
        } else if (piece.kind === "overlong") {
          if (!overlong) long++;
          overlong = !piece.ends;
        } else lines.push(piece.bytes.toString());
      }
      expect(joined).toBe(whole);
      const expected = whole.split("\n");
      if (expected.at(-1) === "") expected.pop();
      expect(lines.length + long).toBe(expected.length);
      expect(expected).toEqual(expect.arrayContaining(lines));
      for (const line of expected.filter((one) => one.length <= limit))
        expect(lines).toContain(line);
    }),
  );
});
