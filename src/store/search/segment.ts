/**
 * A segment of the inverted index: immutable, made in memory from some thousand documents, written as a few blocks.
 *
 * A block holds words in order, each with its postings: `length · word · length · postings`. Postings are, for each
 * document in ascending order, `document − previous · count · positions (each − previous)`. All numbers are LEB128.
 */

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
  /** Documents come in ascending order. */
  add(doc: number, at: number, bodies: readonly (readonly string[])[]): void;
  readonly words: number;
  readonly docs: readonly SegmentDoc[];
  blocks(): readonly Block[];
}

export function createSegment(): SegmentBuilder {
  const index: Index = new Map();
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
        for (const word of body) note(index, word, doc, position++);
        position += GAP;
        length += body.length;
      }
      docs.push({ doc, length, at });
      words += length;
    },
    blocks: () => encodeBlocks(index),
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
  const index: Index = new Map();
  for (const segment of ordered) {
    for (const block of segment.blocks) {
      for (const { word, postings } of readBlock(block)) append(index, word, postings(), lives);
    }
  }
  const docs = ordered.flatMap((segment) => segment.docs.filter(({ doc }) => lives(doc)));
  return {
    docs,
    blocks: encodeBlocks(index),
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

/** Of each word, document and position in turn, in ascending order: one flat list is half the cost of nested ones. */
type Index = Map<string, number[]>;

function note(index: Index, word: string, doc: number, position: number): void {
  const pairs = index.get(word);
  if (pairs === undefined) index.set(word, [doc, position]);
  else pairs.push(doc, position);
}

function append(index: Index, word: string, more: Postings, lives: (doc: number) => boolean): void {
  more.docs.forEach((doc, i) => {
    if (lives(doc))
      for (const position of more.positions[i] as number[]) note(index, word, doc, position);
  });
}

function encodeBlocks(index: Index): readonly Block[] {
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
  for (const word of [...index.keys()].sort()) {
    firstWord ??= word;
    put(writer, Buffer.from(word, "utf8"));
    encodePostings(scratch, index.get(word) as number[]);
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

function encodePostings(into: Writer, pairs: readonly number[]): void {
  into.at = 0;
  let previousDoc = 0;
  for (let from = 0; from < pairs.length;) {
    const doc = pairs[from] as number;
    let to = from;
    while (pairs[to] === doc) to += 2;
    ensure(into, 10 + (to - from) * 3);
    writeNumber(into, doc - previousDoc);
    writeNumber(into, (to - from) / 2);
    let previous = 0;
    for (; from < to; from += 2) {
      const position = pairs[from + 1] as number;
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
