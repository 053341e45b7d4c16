/**
 * A segment of the inverted index: immutable, made in memory from some thousand documents, written as a few blocks.
 *
 * A block holds words in order, each with its postings: `length · word · length · postings`. Postings are, for each
 * document in ascending order, `document − previous · count · positions (each − previous)`. All numbers are LEB128.
 */

import { type Dictionary, createDictionary } from "./dictionary.ts";

/** Of one word: documents in ascending order, and for each its positions. */
export interface Postings {
  readonly docs: number[];
  readonly positions: number[][];
}

export interface SegmentDoc {
  readonly doc: number;
  /** Words in it. */
  readonly length: number;
  /** Milliseconds since the epoch; 0 when unknown. */
  readonly at: number;
}

export interface Block {
  readonly firstWord: string;
  readonly data: Uint8Array;
}

const BLOCK_BYTES = 8 * 1024;
/** Between the bodies of one document, so that no phrase reaches from one into the next. */
const GAP = 8;

export interface SegmentBuilder {
  /** Documents come in ascending order. Bodies are numbers of words. */
  add(doc: number, at: number, bodies: readonly Uint32Array[]): void;
  readonly words: number;
  readonly docs: readonly SegmentDoc[];
  blocks(): readonly Block[];
}

export function createSegment(dictionary: Dictionary): SegmentBuilder {
  const index = createIndex(dictionary);
  const docs: SegmentDoc[] = [];
  let words = 0;
  return {
    docs,
    get words() {
      return words;
    },
    add(doc, at, bodies) {
      let position = 0;
      let length = 0;
      for (const body of bodies) {
        for (const word of body) index.note(word, doc, position++);
        position += GAP;
        length += body.length;
      }
      docs.push({ doc, length, at });
      words += length;
    },
    blocks: () => encodeBlocks(index.sorted()),
  };
}

/** One segment of several. Documents for which `lives` is false are left out. */
export function mergeSegments(
  segments: readonly {
    readonly docs: readonly SegmentDoc[];
    readonly blocks: readonly Uint8Array[];
  }[],
  lives: (doc: number) => boolean,
): {
  readonly docs: readonly SegmentDoc[];
  readonly blocks: readonly Block[];
  readonly words: number;
} {
  const ordered = segments.toSorted((a, b) => (a.docs[0]?.doc ?? 0) - (b.docs[0]?.doc ?? 0));
  const dictionary = createDictionary();
  const index = createIndex(dictionary);
  for (const segment of ordered) {
    for (const block of segment.blocks) {
      for (const { word, postings } of readBlock(block))
        append(index, dictionary.numberOf(word), postings(), lives);
    }
  }
  const docs = ordered.flatMap((segment) => segment.docs.filter(({ doc }) => lives(doc)));
  return {
    docs,
    blocks: encodeBlocks(index.sorted()),
    words: docs.reduce((sum, { length }) => sum + length, 0),
  };
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

const DOC_BYTES = 16;

export function encodeDocs(docs: readonly SegmentDoc[]): Uint8Array {
  const bytes = Buffer.alloc(docs.length * DOC_BYTES);
  docs.forEach(({ doc, length, at }, i) => {
    bytes.writeUInt32LE(doc, i * DOC_BYTES);
    bytes.writeUInt32LE(length, i * DOC_BYTES + 4);
    bytes.writeDoubleLE(at, i * DOC_BYTES + 8);
  });
  return bytes;
}

export function decodeDocs(data: Uint8Array): readonly SegmentDoc[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return Array.from({ length: data.length / DOC_BYTES }, (_, i) => ({
    doc: bytes.readUInt32LE(i * DOC_BYTES),
    length: bytes.readUInt32LE(i * DOC_BYTES + 4),
    at: bytes.readDoubleLE(i * DOC_BYTES + 8),
  }));
}

/** Of one word, in ascending order; document and position stand at the same place. */
interface Column {
  readonly word: string;
  readonly docs: Uint32Array;
  readonly positions: Uint32Array;
}

interface Index {
  /** Of each word in ascending order of document and position. */
  note(word: number, doc: number, position: number): void;
  /** By word. */
  sorted(): Iterable<Column>;
}

/** Three long columns, sorted once by counting: a list a word, grown a million times, would cost twice as much. */
function createIndex(dictionary: Dictionary): Index {
  const counts: number[] = [];
  let columns = {
    words: new Uint32Array(4_096),
    docs: new Uint32Array(4_096),
    positions: new Uint32Array(4_096),
  };
  let length = 0;

  return {
    note(word, doc, position) {
      if (length === columns.docs.length) {
        const { words, docs, positions } = columns;
        columns = { words: doubled(words), docs: doubled(docs), positions: doubled(positions) };
      }
      while (counts.length <= word) counts.push(0);
      counts[word] = (counts[word] as number) + 1;
      columns.words[length] = word;
      columns.docs[length] = doc;
      columns.positions[length] = position;
      length++;
    },
    *sorted() {
      const starts = new Uint32Array(counts.length);
      for (let i = 1; i < starts.length; i++)
        starts[i] = (starts[i - 1] as number) + (counts[i - 1] as number);
      const next = starts.slice();
      const docs = new Uint32Array(length);
      const positions = new Uint32Array(length);
      for (let i = 0; i < length; i++) {
        const number = columns.words[i] as number;
        const at = next[number] as number;
        docs[at] = columns.docs[i] as number;
        positions[at] = columns.positions[i] as number;
        next[number] = at + 1;
      }
      for (const [word, number] of inOrder(dictionary.words, counts)) {
        const [from, to] = [starts[number], next[number]];
        yield { word, docs: docs.subarray(from, to), positions: positions.subarray(from, to) };
      }
    },
  };
}

/** The words that were counted, with their numbers. */
function inOrder(
  words: readonly string[],
  counts: readonly number[],
): readonly (readonly [string, number])[] {
  const met = counts.flatMap((count, number) =>
    count === 0 ? [] : [[words[number] as string, number] as const],
  );
  return met.sort(([a], [b]) => (a < b ? -1 : 1));
}

function doubled(column: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(column.length * 2);
  larger.set(column);
  return larger;
}

function append(index: Index, word: number, more: Postings, lives: (doc: number) => boolean): void {
  more.docs.forEach((doc, i) => {
    if (lives(doc))
      for (const position of more.positions[i] as number[]) index.note(word, doc, position);
  });
}

function encodeBlocks(columns: Iterable<Column>): readonly Block[] {
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
  for (const column of columns) {
    firstWord ??= column.word;
    put(writer, Buffer.from(column.word, "utf8"));
    encodePostings(scratch, column);
    put(writer, scratch.data.subarray(0, scratch.at));
    if (writer.at >= BLOCK_BYTES) flush();
  }
  flush();
  return blocks;
}

interface Writer {
  data: Buffer;
  at: number;
}

function encodePostings(into: Writer, { docs, positions }: Column): void {
  into.at = 0;
  let previousDoc = 0;
  for (let from = 0; from < docs.length;) {
    const doc = docs[from] as number;
    let to = from;
    while (to < docs.length && docs[to] === doc) to++;
    ensure(into, 10 + (to - from) * 5);
    writeNumber(into, doc - previousDoc);
    writeNumber(into, to - from);
    let previous = 0;
    for (; from < to; from++) {
      const position = positions[from] as number;
      writeNumber(into, position - previous);
      previous = position;
    }
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

function put(into: Writer, bytes: Uint8Array): void {
  ensure(into, 5 + bytes.length);
  writeNumber(into, bytes.length);
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

function writeNumber(writer: Writer, value: number): void {
  let rest = value;
  while (rest > 127) {
    writer.data[writer.at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  writer.data[writer.at++] = rest;
}

function readNumber(reader: { data: Uint8Array; at: number }): number {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = reader.data[reader.at++] as number;
    value |= (byte & 127) << shift;
    if (byte < 128) return value >>> 0;
  }
}
