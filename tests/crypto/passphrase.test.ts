import { wordlist } from "@scure/bip39/wordlists/english.js";
import { expect, test } from "vitest";
import { systemRandom } from "../../src/base/random.ts";
import { generatePassphrase } from "../../src/crypto/passphrase.ts";
import { wordsOf } from "../../src/crypto/words.ts";

test("C17: a passphrase has six words of 2,048, and says its bits", () => {
  expect(new Set(wordlist).size).toBe(2048);
  const { passphrase, bits } = generatePassphrase(systemRandom);
  const words = passphrase.reveal().split(" ");
  expect(words).toHaveLength(6);
  expect(words.every((word) => wordlist.includes(word))).toBe(true);
  expect(bits).toBe(66);
  expect(`${passphrase}`).toBe("<secret>");
  expect(generatePassphrase(systemRandom, 8).bits).toBe(88);
  expect(() => generatePassphrase(systemRandom, 5)).toThrow(RangeError);
});

test("C17: each word is eleven bits, the first ones first", () => {
  const zeros = new Uint8Array(9);
  expect(wordsOf(zeros, 6)).toEqual(Array.from({ length: 6 }, () => "abandon"));
  expect(wordsOf(new Uint8Array(9).fill(255), 6)).toEqual(Array.from({ length: 6 }, () => "zoo"));
  expect(wordsOf(Uint8Array.from([0, 0b0010_0000, 0, 0]), 2)).toEqual(["ability", "abandon"]);
  expect(() => wordsOf(new Uint8Array(8), 6)).toThrow(RangeError);
});

test("C17: all words come up, none much more often than others", () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 20_000; i++)
    for (const word of generatePassphrase(systemRandom).passphrase.reveal().split(" "))
      counts.set(word, (counts.get(word) ?? 0) + 1);
  const each = (20_000 * 6) / 2048;
  expect(counts.size).toBe(2048);
  expect(Math.max(...counts.values())).toBeLessThan(each * 2.2);
});
