/** Streams by name, and the running hash: `h(n) = SHA-256(h(n−1) ‖ SHA-256(row n))`, from 32 zeros. */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { HASH_BYTES, ID_BYTES, sha256 } from "../crypto/hash.ts";
import { projectTag } from "../crypto/header.ts";
import type { Cursor, StreamRef } from "./ports.ts";

const NO_PROJECT = "0".repeat(2 * ID_BYTES);

export const START: Cursor = { n: 0, h: new Uint8Array(HASH_BYTES) };

/** `team` or `team/project`. */
export function streamKey(stream: StreamRef): string {
  return stream.project === null ? stream.team : `${stream.team}/${stream.project}`;
}

export function sameStream(a: StreamRef, b: StreamRef): boolean {
  return a.team === b.team && a.project === b.project;
}

/** As the team log names it: a project's 32 hex digits, zeros for the team's own. */
export function logStream({ project }: StreamRef): string {
  return project === null ? NO_PROJECT : projectTag(project);
}

export function advance(cursor: Cursor, rowHash: Bytes): Cursor {
  return { n: cursor.n + 1, h: sha256(concatBytes(cursor.h, rowHash)) };
}
