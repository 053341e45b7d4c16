/** Passphrases that nobody thought up: what a person thinks of, a program guesses. */
import type { Random } from "../base/random.ts";
import { Secret } from "../base/secret.ts";
import { BITS_PER_WORD, wordsOf } from "./words.ts";

const FEWEST_WORDS = 6;

/** Words with blanks between them, and how many equally likely ones there are, in bits: 66 for six. */
export function generatePassphrase(
  random: Random,
  words = FEWEST_WORDS,
): { readonly passphrase: Secret<string>; readonly bits: number } {
  if (words < FEWEST_WORDS) throw new RangeError(`at least ${FEWEST_WORDS} words`);
  const bits = words * BITS_PER_WORD;
  const chosen = wordsOf(random(Math.ceil(bits / 8)), words);
  return { passphrase: new Secret(chosen.join(" ")), bits };
}
