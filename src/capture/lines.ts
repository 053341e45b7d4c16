/**
 * Bytes of a transcript, cut where lines end. Never holds more than one block and one line.
 */
export const BLOCK_BYTES = 3 * 1024 * 1024;
/** A line longer than this, and than a block, is damaged: nothing that an agent writes is. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

/**
 * - `lines`: whole lines, the last with its newline.
 * - `overlong`: a piece of a line over the limit; `ends` with its newline.
 * - `tail`: what follows the last newline, at the end of the file. Nothing comes after it.
 */
export interface Piece {
  readonly kind: "lines" | "overlong" | "tail";
  /** Of the first byte, in the file. */
  readonly offset: number;
  readonly bytes: Buffer;
  readonly ends: boolean;
}

const NEWLINE = 10;

/** `blocks` begin at `offset`, at the start of a line. */
export async function* pieces(
  blocks: AsyncIterable<Buffer>,
  offset: number,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<Piece> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let overlong = false;
  let at = offset;

  const release = (last: Buffer): Buffer => {
    const whole = held.length === 0 ? last : Buffer.concat([...held, last]);
    held = [];
    heldBytes = 0;
    return whole;
  };
  const piece = (kind: Piece["kind"], bytes: Buffer, ends: boolean): Piece => {
    const found = { kind, offset: at, bytes, ends };
    at += bytes.length;
    return found;
  };

  for await (let block of blocks) {
    if (overlong) {
      const end = block.indexOf(NEWLINE) + 1;
      yield piece("overlong", end === 0 ? block : block.subarray(0, end), end > 0);
      if (end === 0) continue;
      overlong = false;
      block = block.subarray(end);
    }
    const end = block.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield piece("lines", release(block.subarray(0, end)), true);
      block = block.subarray(end);
    }
    if (block.length > 0) {
      held.push(block);
      heldBytes += block.length;
    }
    if (heldBytes > maxLineBytes) {
      overlong = true;
      yield piece("overlong", release(Buffer.alloc(0)), false);
    }
  }
  if (heldBytes > 0) yield piece("tail", release(Buffer.alloc(0)), false);
}

/** [start, end) of each line in whole lines, without newlines. */
export function* lineRanges(bytes: Buffer): Generator<[start: number, end: number]> {
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0) return yield [start, bytes.length];
    yield [start, end];
    start = end + 1;
  }
}
