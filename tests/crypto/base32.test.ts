import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBase32, inGroups, toBase32, typedBase32 } from "../../src/crypto/base32.ts";

test("C7: base 32 is read as it was written, in one form for each size", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = toBase32(bytes);
      expect(text).toMatch(/^[0-9A-HJKMNP-TV-Z]*$/);
      expect(fromBase32(text, bytes.length)).toEqual(bytes);
      expect(fromBase32(`0${text}`, bytes.length)).toBe(null);
    }),
  );
  expect(toBase32(new Uint8Array(16).fill(255))).toBe(`7${"Z".repeat(25)}`);
  expect(fromBase32("Z".repeat(26), 16)).toBe(null);
  expect(fromBase32("U".repeat(26), 16)).toBe(null);
  expect(fromBase32("a".repeat(26), 16)).toBe(null);
});

test("C7: what a person types is read with small letters, blanks, and letters for digits", () => {
  expect(inGroups("0123456789AB")).toBe("01234-56789-AB");
  expect(typedBase32(" ol234-56i89\nab ")).toBe("0123456189AB");
});
