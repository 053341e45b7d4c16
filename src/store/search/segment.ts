/**
 * A segment of the inverted index: immutable, made in memory from some thousand documents, written as a few blocks.
 *
 * A block holds words in order, each with its postings: `length · word · length · postings`. Postings are, for each
 * document in ascending order, `document − previous · count · positions (each − previous)`. All numbers are LEB128.
 */

import { type Dictionary, createDictionary } from "./dictionary.ts";
import type { SegmentDoc } from "./segment-docs.ts";

/** Of one word: documents in ascending order, and for each its positions. */
export interface Postings {
  readonly docs: number[];
  readonly positions: number[][];
}

export interface Block {
  readonly firstWord: string;
  readonly data: Uint8Array;
}

const BLOCK_BYTES = 8 * 1024;
/** Between the bodies of one document, so that no phrase reaches from one into the next. */
const GAP = 8;

/** A document that becomes part of a segment. */
export interface NewDoc {
  readonly doc: number;
  readonly at: number;
  /** Numbers of words. */
  readonly bodies: readonly Uint32Array[];
}

export interface Segment {
  readonly docs: readonly SegmentDoc[];
  readonly blocks: readonly Block[];
  /** How many words all documents have, parts of identifiers not counted. */
  readonly words: number;
}

/** `added` are in ascending order. */
export function createSegment(dictionary: Dictionary, added: readonly NewDoc[]): Segment {
  const docs = added.map(({ doc, at, bodies }) => ({
    doc,
    at,
    length: bodies.reduce((sum, { length }) => sum + length, 0),
  }));
  return segmentOf(dictionary, docs, {
    count: (counts) => tellWords(dictionary, added, (word) => (counts[word] as number)++),
    place: (ends, columns) =>
      tellWords(dictionary, added, (word, doc, position) => {
        const at = 2 * (ends[word] as number)++;
        columns[at] = doc;
        columns[at + 1] = position;
      }),
  });
}

type Note = (word: number, doc: number, position: number) => void;

/** An identifier's parts stand at its place, each once a document: they are found, no phrase is made of them. */
function tellWords({ words, parts }: Dictionary, added: readonly NewDoc[], note: Note): void {
  const seen = new Uint32Array(words.length);
  let current = 0;
  for (const { doc, bodies } of added) {
    let position = 0;
    current++;
    for (const body of bodies) {
      for (let i = 0; i < body.length; i++) {
        const word = body[i] as number;
        const all = parts[word];
        if (!all) note(word, doc, position);
        else {
          note(all[0] as number, doc, position);
          for (let part = 1; part < all.length; part++) {
            const one = all[part] as number;
            if (seen[one] === current) continue;
            seen[one] = current;
            note(one, doc, position);
          }
        }
        position++;
      }
      position += GAP;
    }
  }
}

/** One segment of several. Documents for which `lives` is false are left out. */
export function mergeSegments(
  segments: readonly {
    readonly docs: readonly SegmentDoc[];
    readonly blocks: readonly Uint8Array[];
  }[],
  lives: (doc: number) => boolean,
): Segment {
  const ordered = segments.toSorted((a, b) => (a.docs[0]?.doc ?? 0) - (b.docs[0]?.doc ?? 0));
  const dictionary = createDictionary();
  const found = ordered.flatMap(({ blocks }) =>
    blocks.flatMap((block) =>
      [...readBlock(block)].map(({ word, postings }) => ({
        number: dictionary.numberOf(word),
        ...postings(),
      })),
    ),
  );
  const living = ordered.flatMap(({ docs }) => docs.filter(({ doc }) => lives(doc)));
  const tell = (note: Note): void => {
    for (const { number, docs, positions } of found)
      for (const [i, doc] of docs.entries())
        if (lives(doc))
          for (const position of positions[i] as number[]) note(number, doc, position);
  };
  return segmentOf(dictionary, living, {
    count: (counts) => tell((word) => (counts[word] as number)++),
    place: (ends, columns) =>
      tell((word, doc, position) => {
        columns.set([doc, position], 2 * (ends[word] as number)++);
      }),
  });
}

/** Words in order; postings are decoded when asked for. */
export function* readBlock(
  data: Uint8Array,
): Generator<{ word: string; postings: () => Postings }> {
  const reader = { data, at: 0 };
  while (reader.at < data.length) {
    const word = Buffer.from(take(reader)).toString("utf8");
    const bytes = take(reader);
    yield { word, postings: () => decodePostings(bytes) };
  }
}

/** All words of all documents, each word's in ascending order of document and position: first counted, then each has its place. */
interface Told {
  count(counts: Uint32Array): void;
  /** `ends`: of each word how many stand before its next one. */
  place(ends: Uint32Array, columns: Columns): void;
}

function segmentOf(dictionary: Dictionary, docs: readonly SegmentDoc[], told: Told): Segment {
  const counts = new Uint32Array(dictionary.words.length);
  told.count(counts);
  const ends = new Uint32Array(counts.length);
  let all = 0;
  for (let word = 0; word < counts.length; word++) {
    ends[word] = all;
    all += counts[word] as number;
  }
  const columns = new Uint32Array(2 * all);
  told.place(ends, columns);
  const words = docs.reduce((sum, { length }) => sum + length, 0);
  return { docs, words, blocks: encodeBlocks(dictionary.words, counts, ends, columns) };
}

/** Document and position, in turns; each word's together. */
type Columns = Uint32Array;

function encodeBlocks(
  words: readonly string[],
  counts: Uint32Array,
  ends: Uint32Array,
  columns: Columns,
): readonly Block[] {
  const blocks: Block[] = [];
  const writer = { data: Buffer.allocUnsafe(4 * BLOCK_BYTES), at: 0 };
  const scratch = { data: Buffer.allocUnsafe(BLOCK_BYTES), at: 0 };
  let firstWord: string | null = null;
  const flush = (): void => {
    if (firstWord !== null)
      blocks.push({ firstWord, data: Uint8Array.from(writer.data.subarray(0, writer.at)) });
    firstWord = null;
    writer.at = 0;
  };
  for (const number of inOrder(words, counts)) {
    const word = words[number] as string;
    const end = ends[number] as number;
    firstWord ??= word;
    putWord(writer, word);
    encodePostings(scratch, columns, end - (counts[number] as number), end);
    put(writer, scratch.data.subarray(0, scratch.at));
    if (writer.at >= BLOCK_BYTES) flush();
  }
  flush();
  return blocks;
}

/** Of the words that were counted. */
function inOrder(words: readonly string[], counts: Uint32Array): Uint32Array {
  const met = new Uint32Array(words.length);
  let found = 0;
  for (let word = 0; word < counts.length; word++) if (counts[word] !== 0) met[found++] = word;
  return met
    .subarray(0, found)
    .sort((a, b) => ((words[a] as string) < (words[b] as string) ? -1 : 1));
}

interface Writer {
  data: Buffer;
  at: number;
}

function encodePostings(into: Writer, columns: Columns, first: number, end: number): void {
  into.at = 0;
  let previousDoc = 0;
  for (let from = first; from < end;) {
    const doc = columns[2 * from] as number;
    let to = from + 1;
    while (to < end && columns[2 * to] === doc) to++;
    ensure(into, 10 + (to - from) * 5);
    const { data } = into;
    let at = writeNumber(data, into.at, doc - previousDoc);
    at = writeNumber(data, at, to - from);
    let previous = 0;
    for (; from < to; from++) {
      const position = columns[2 * from + 1] as number;
      at = writeNumber(data, at, position - previous);
      previous = position;
    }
    into.at = at;
    previousDoc = doc;
  }
}

function decodePostings(data: Uint8Array): Postings {
  const reader = { data, at: 0 };
  const docs: number[] = [];
  const positions: number[][] = [];
  let doc = 0;
  while (reader.at < data.length) {
    docs.push((doc += readNumber(reader)));
    const places: number[] = [];
    let place = 0;
    for (let left = readNumber(reader); left > 0; left--)
      places.push((place += readNumber(reader)));
    positions.push(places);
  }
  return { docs, positions };
}

function putWord(into: Writer, word: string): void {
  ensure(into, 1 + word.length * 3);
  const bytes = into.data.write(word, into.at + 1, "utf8");
  if (bytes > 127) return put(into, Buffer.from(word, "utf8"));
  into.data[into.at] = bytes;
  into.at += 1 + bytes;
}

function put(into: Writer, bytes: Uint8Array): void {
  ensure(into, 5 + bytes.length);
  into.at = writeNumber(into.data, into.at, bytes.length);
  into.data.set(bytes, into.at);
  into.at += bytes.length;
}

function take(reader: { data: Uint8Array; at: number }): Uint8Array {
  const length = readNumber(reader);
  const from = reader.at;
  reader.at += length;
  return reader.data.subarray(from, reader.at);
}

function ensure(writer: Writer, bytes: number): void {
  if (writer.at + bytes <= writer.data.length) return;
  const larger = Buffer.allocUnsafe(Math.max(writer.data.length * 2, writer.at + bytes));
  writer.data.copy(larger, 0, 0, writer.at);
  writer.data = larger;
}

/** Gives where the next one goes. */
function writeNumber(data: Buffer, at: number, value: number): number {
  let end = at;
  let rest = value;
  while (rest > 127) {
    data[end++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  data[end++] = rest;
  return end;
}

function readNumber(reader: { data: Uint8Array; at: number }): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = reader.data[reader.at++] as number;
    value |= (byte & 127) << shift;
    if (byte < 128) return value >>> 0;
  }
}
