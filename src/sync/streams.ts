/** Streams by name, and the running hash: `h(n) = SHA-256(h(n−1) ‖ SHA-256(row n))`, from 32 zeros. */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { HASH_BYTES, sha256 } from "../crypto/hash.ts";
import type { Cursor, StreamRef } from "./ports.ts";

export const START: Cursor = { n: 0, h: new Uint8Array(HASH_BYTES) };

/** `team` or `team/project`. */
export function streamKey(stream: StreamRef): string {
  return stream.project === null ? stream.team : `${stream.team}/${stream.project}`;
}

export function sameStream(a: StreamRef, b: StreamRef): boolean {
  return a.team === b.team && a.project === b.project;
}

export function advance(cursor: Cursor, rowHash: Bytes): Cursor {
  return { n: cursor.n + 1, h: sha256(concatBytes(cursor.h, rowHash)) };
}
