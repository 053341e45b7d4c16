/**
 * What two people read to each other to know that they see the same team: eight words, 88 bits of
 * `SHA-256(label · team 16 · number 4 · hash 32)` of the log's head. Eight, because who can write to the log can try many entries
 * until two histories read alike: with six words a day's work of one processor (2^33 tries), with eight
 * years (2^44).
 */
import { concatBytes } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import { labelBytes, sha256 } from "../hash.ts";
import { teamTag } from "../header.ts";
import { wordsOf } from "../words.ts";
import type { Head } from "./entry.ts";
import { id, number } from "./wire.ts";

const WORDS = 8;

/** The words for one place of the log: both must have read up to the same entry. */
export function safetyWords(team: TeamId, head: Head): readonly string[] {
  const said = concatBytes(
    labelBytes("safety words"),
    id(teamTag(team)),
    number(head.n, 4),
    head.hash,
  );
  return wordsOf(sha256(said), WORDS);
}
