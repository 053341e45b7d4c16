/** Numbers, ids and lists as bytes. Numbers are big-endian; ids are 16 bytes, lower-case hex in memory. */
import { type Bytes, concatBytes, fromHex, toHex } from "../../base/bytes.ts";
import { ID_BYTES } from "../hash.ts";

/** Throws `RangeError` on what does not fit: that is the caller's bug. */
export function number(value: number, sizeBytes: number): Bytes {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 2 ** (8 * sizeBytes))
    throw new RangeError(`${value} is no number of ${sizeBytes} bytes`);
  const bytes = new Uint8Array(sizeBytes);
  for (let at = sizeBytes - 1, rest = value; at >= 0; at--, rest = Math.floor(rest / 256))
    bytes[at] = rest % 256;
  return bytes;
}

export function id(hex: string): Bytes {
  return fixed(fromHex(hex), ID_BYTES);
}

export function fixed(bytes: Bytes, sizeBytes: number): Bytes {
  if (bytes.length !== sizeBytes) throw new RangeError(`not ${sizeBytes} bytes`);
  return bytes;
}

/** Behind its count (2 bytes). Sorts by the first 16 bytes of each: a list has one form. */
export function list(items: readonly Bytes[], most: number): Bytes {
  if (items.length > most) throw new RangeError(`at most ${most}`);
  const key = (item: Bytes) => toHex(item.subarray(0, ID_BYTES));
  const sorted = items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  if (sorted.some((item, i) => i > 0 && key(item) === key(sorted[i - 1] as Bytes)))
    throw new RangeError("twice in a list");
  return concatBytes(number(items.length, 2), ...sorted);
}

/**
 * Reads what a stranger sent. It never throws: whoever reads past the end or calls `refuse` gets zeros from there on, and
 * `whole` is false at the end.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #refused = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(sizeBytes: number): Bytes {
    const end = this.#at + sizeBytes;
    if (this.#refused || end > this.#bytes.length) {
      this.#refused = true;
      return new Uint8Array(Math.min(sizeBytes, this.#bytes.length));
    }
    const taken = this.#bytes.slice(this.#at, end) as Bytes;
    this.#at = end;
    return taken;
  }

  number(sizeBytes: number): number {
    return this.take(sizeBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  id(): string {
    return toHex(this.take(ID_BYTES));
  }

  /** A byte, 1 for the first of `names`. */
  oneOf<T>(names: readonly [T, ...T[]]): T {
    const name = names[this.number(1) - 1];
    return name === undefined ? this.refuse(names[0]) : name;
  }

  /** As `list` writes it: nothing twice, in order. `keyOf`: an item's id. */
  list<T>(read: () => T, keyOf: (item: T) => string, most: number): readonly T[] {
    const count = this.number(2);
    if (count > most) return this.refuse([]);
    const items: T[] = [];
    for (let i = 0; i < count && !this.#refused; i++) items.push(read());
    const ordered = items.every((item, i) => i === 0 || keyOf(items[i - 1] as T) < keyOf(item));
    return ordered ? items : this.refuse([]);
  }

  refuse<T>(instead: T): T {
    this.#refused = true;
    return instead;
  }

  get refused(): boolean {
    return this.#refused;
  }

  /** Everything was there, was read, and nothing was refused. */
  get whole(): boolean {
    return !this.#refused && this.#at === this.#bytes.length;
  }
}
