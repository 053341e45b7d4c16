/**
 * What devices have said of a snapshot, and what follows from it. Pure: a server's word is not asked.
 *
 * But the server names the numbers at which all that stands, and a device that was removed could sign words with its old keys for numbers
 * before its removal. So nothing here counts before the history says the same (`crossing.ts`, `compaction.ts`): each word's row
 * stands at its number, behind the snapshot's last row, and that behind what the snapshot covers; and of whoever is
 * removed by now, the history goes through the hash that the removal names, so that nothing in it up to there was made later.
 */
import { type Bytes, concatBytes, equalBytes } from "../base/bytes.ts";
import { HASH_BYTES } from "../crypto/hash.ts";
import { KIND_ATTEST, KIND_DISPUTE, KIND_VOUCH } from "../crypto/header.ts";

/** attest: rebuilt, and the same. dispute: not the same, or it lacks something. vouch: who leads the team lets it stand. */
export type Verdict = "attest" | "dispute" | "vouch";

export const VERDICT_KINDS: Readonly<Record<Verdict, number>> = {
  attest: KIND_ATTEST,
  dispute: KIND_DISPUTE,
  vouch: KIND_VOUCH,
};

/** One device's word, which stands at row `n`. */
export interface Word {
  readonly verdict: Verdict;
  readonly device: string;
  readonly n: number;
  /** As in `Said`. */
  readonly content: Bytes | null;
}

/** A word's body: which snapshot, by its last row's hash, and the content hash its author came to; null: to none. */
export interface Said {
  readonly snapshot: Bytes;
  readonly content: Bytes | null;
}

export function encodeSaid({ snapshot, content }: Said): Bytes {
  return concatBytes(snapshot, content ?? NONE);
}

/** Null: no word looks like it. */
export function decodeSaid(body: Bytes): Said | null {
  if (body.length !== 2 * HASH_BYTES) return null;
  const content = body.slice(HASH_BYTES);
  return {
    snapshot: body.slice(0, HASH_BYTES),
    content: equalBytes(content, NONE) ? null : content,
  };
}

export type Standing = "attested" | "waiting" | "disputed";

/**
 * A dispute of anybody stops it, until who leads has vouched for it after that. Its maker's own attest says nothing.
 * `leads`: whether a device is an owner's or admin's.
 */
export function standingOf(
  maker: string,
  words: readonly Word[],
  leads: (device: string) => boolean,
): Standing {
  const last = Math.max(0, ...words.filter(by("dispute")).map(({ n }) => n));
  if (words.some((word) => by("vouch")(word) && leads(word.device) && word.n > last))
    return "attested";
  if (last > 0) return "disputed";
  const attested = words.some((word) => by("attest")(word) && word.device !== maker);
  return attested ? "attested" : "waiting";
}

/** What the server says of a snapshot: days since it came, and whether another device has a row behind those it covers. */
export interface Age {
  readonly days: number;
  readonly othersActive: boolean;
}

const PATIENCE_DAYS = 30;

/** Whether the bodies that a snapshot covers may go. */
export function mayDrop(standing: Standing, { days, othersActive }: Age): boolean {
  if (standing === "waiting") return days >= PATIENCE_DAYS && !othersActive;
  return standing === "attested";
}

const NONE = new Uint8Array(HASH_BYTES);

function by(verdict: Verdict): (word: Word) => boolean {
  return (word) => word.verdict === verdict;
}
