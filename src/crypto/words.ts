/** Bits as English words, eleven a word, for people to say and to remember. The list is BIP-39's: 2,048 well-kept words. */
import { wordlist } from "@scure/bip39/wordlists/english.js";

export const BITS_PER_WORD = 11;

/** The first bits of `bytes`. Throws `RangeError` when there are too few. */
export function wordsOf(bytes: Uint8Array, words: number): readonly string[] {
  if (bytes.length * 8 < words * BITS_PER_WORD) throw new RangeError("too few bits");
  let bits = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  bits >>= BigInt(bytes.length * 8 - words * BITS_PER_WORD);
  return Array.from({ length: words }, (_, i) => {
    const index = Number((bits >> BigInt((words - 1 - i) * BITS_PER_WORD)) & 2047n);
    return wordlist[index] as string;
  });
}
