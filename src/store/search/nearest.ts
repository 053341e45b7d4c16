/**
 * The words of the index that are nearest to one that is not in it: a letter more, less or other, or two that changed places;
 * two such mistakes in a long word.
 *
 * There is no second index for this: blocks are read for the words in them, of each segment those that begin alike, then all
 * of the largest segments. A word that was meant stands in many places; so many blocks hold it.
 */
import type { PGlite } from "@electric-sql/pglite";
import { type HeldSegment, blocksOf, fetchBlocks } from "./held.ts";
import { readBlock } from "./segment.ts";

const MOST_BLOCKS = 512;
/** So many letters at the beginning are mostly right. */
const ALIKE = 2;
const SHORTEST = 4;
const LONG = 8;
const TRIED = 3;

interface Near {
  readonly word: string;
  readonly distance: number;
  documents: number;
}

/** Of each word its nearest, the most frequent first. Ids and numbers have none, nor have very short words. */
export async function nearestWords(
  db: PGlite,
  segments: readonly HeldSegment[],
  missing: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const wanted = missing.filter((word) => word.length >= SHORTEST && !/\d/.test(word));
  const near = new Map(wanted.map((word) => [word, new Map<string, Near>()]));
  if (wanted.length === 0) return new Map();
  for (const data of (await fetchBlocks(db, chosenBlocks(segments, wanted))).values()) {
    for (const { word, postings } of readBlock(data)) {
      for (const [one, found] of near) {
        const most = one.length >= LONG ? 2 : 1;
        const distance = distanceOf(one, word, most);
        if (distance > most) continue;
        const entry = found.get(word) ?? { word, distance, documents: 0 };
        entry.documents += postings().docs.length;
        found.set(word, entry);
      }
    }
  }
  return new Map([...near].map(([word, found]) => [word, best([...found.values()])]));
}

function best(found: readonly Near[]): readonly string[] {
  return found
    .toSorted(
      (a, b) => a.distance - b.distance || b.documents - a.documents || (a.word < b.word ? -1 : 1),
    )
    .slice(0, TRIED)
    .map(({ word }) => word);
}

function chosenBlocks(
  segments: readonly HeldSegment[],
  words: readonly string[],
): readonly (readonly [number, number])[] {
  const chosen = new Map<string, readonly [number, number]>();
  const choose = (segment: number, block: number, most: number): void => {
    if (chosen.size < most) chosen.set(`${segment} ${block}`, [segment, block]);
  };
  const largest = segments.toSorted((a, b) => b.words - a.words);
  for (const segment of largest) {
    for (const word of words)
      for (const block of blocksOf(segment, word.slice(0, ALIKE), true))
        choose(segment.id, block, MOST_BLOCKS / 2);
  }
  for (const { id, blocks } of largest) {
    for (let block = 0; block < blocks.length && chosen.size < MOST_BLOCKS; block++)
      choose(id, block, MOST_BLOCKS);
  }
  return [...chosen.values()];
}

/** Letters to change, add, leave out or swap with the next; only as far as `most`: beyond it, some greater number. */
export function distanceOf(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + same,
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] as number) + 1);
      row.push(cost);
      least = Math.min(least, cost);
    }
    // A swap reaches over one row, and costs one more than what stands there.
    if (least > most && Math.min(...last) >= most) return most + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}
