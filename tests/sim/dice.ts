/** Seeded chance. Whatever is random in a run comes from here: the same seed makes the same run, byte by byte. */
import { createHash } from "node:crypto";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";

export class Dice {
  readonly #seed: string;
  /** Of xoshiro128**. */
  readonly #state: Uint32Array;

  constructor(seed: string) {
    this.#seed = seed;
    const digest = createHash("sha256").update(seed).digest();
    this.#state = Uint32Array.from([0, 4, 8, 12], (at) => digest.readUInt32LE(at));
  }

  /** Dice of its own for one part of the run, so that more throws there change nothing elsewhere. */
  fork(part: string): Dice {
    return new Dice(`${this.#seed}/${part}`);
  }

  /** 0 … end − 1. */
  below(end: number): number {
    return Math.floor((this.#next() / 2 ** 32) * end);
  }

  /** Both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError("nothing to pick from");
    return list[this.below(list.length)] as T;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    return list.map(() => rest.splice(this.below(rest.length), 1)[0] as T);
  }

  readonly bytes: Random = (sizeBytes) => {
    const bytes: Bytes = new Uint8Array(sizeBytes);
    for (let at = 0; at < sizeBytes; at += 4) {
      const word = this.#next();
      for (let i = 0; i < 4 && at + i < sizeBytes; i++) bytes[at + i] = word >>> (8 * i);
    }
    return bytes;
  };

  /** What Yjs calls a clientID. */
  clientId(): number {
    return this.#next();
  }

  #next(): number {
    const s = this.#state as unknown as [number, number, number, number];
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 11);
    return result;
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
