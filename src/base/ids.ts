/**
 * Branded ids, each made by one function.
 *
 * Fresh ids are ULIDs (Crockford base 32, 48 bits of milliseconds, 80 random bits) behind a prefix.
 * Derived ids (`derivedId`) are the first 130 bits of a SHA-256 over length-prefixed parts, so that the same
 * transcript gives the same ids on every machine and every run.
 */
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

declare const brand: unique symbol;
export type Branded<T, B extends string> = T & { readonly [brand]: B };

export type SessionId = Branded<string, "SessionId">; // ses_…
export type EventId = Branded<string, "EventId">; // evt_…
export type ProjectId = Branded<string, "ProjectId">; // proj_…, never leaves this machine
export type DecisionId = Branded<string, "DecisionId">; // dec_…
export type DocId = Branded<string, "DocId">; // the local name of a Yjs document
export type TeamId = Branded<string, "TeamId">; // team_…, also the cloud's name for the team

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function ulid(clock: Clock, random: Random): string {
  let time = Math.floor(clock.nowMs());
  let head = "";
  for (let i = 0; i < 10; i++) {
    head = CROCKFORD[time % 32] + head;
    time = Math.floor(time / 32);
  }
  let tail = "";
  for (const byte of random(16)) tail += CROCKFORD[byte & 31];
  return head + tail;
}

/** SHA-256 of UTF-8 text, passed in: the neutral rooms have no synchronous hash of their own. */
export type Sha256 = (text: string) => Uint8Array;

/** `prefix` + 26 base-32 digits over the parts; parts are length-prefixed, so ("ab","c") differs from ("a","bc"). */
export function derivedId<B extends string>(
  sha256: Sha256,
  prefix: string,
  ...parts: readonly string[]
): Branded<string, B> {
  const digest = sha256(parts.map((part) => `${part.length}:${part}`).join(""));
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of digest) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5 && text.length < 26) {
      bits -= 5;
      text += CROCKFORD[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return (prefix + text) as Branded<string, B>;
}
