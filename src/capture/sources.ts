/**
 * Where a transcript's bytes come from: a file, a compressed one, a database, the archive. Never more than a block at a time.
 */
import { constants } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { createZstdDecompress } from "node:zlib";
import type { Archive, ArchivedFile } from "./archive.ts";
import { type Database, linesInside, placeInside } from "./database.ts";
import { documentLines } from "./document.ts";
import { cleanText, parseObject, type JsonObject } from "./json.ts";
import { BLOCK_BYTES, lineRanges, pieces } from "./lines.ts";
import type { Format, Reader } from "./reader.ts";
import { foundFile, type FoundFile } from "./walk.ts";

export const PREFIX_BYTES = 4_096;
/** What is written anew is archived in small pieces, most of which are as they were. */
const REWRITTEN_BLOCK_BYTES = 64 * 1024;
const HEAD_BYTES = 256 * 1024;
const MAX_HEAD_BYTES = 8 * 1024 * 1024;
const HEAD_LINES = 8;

export interface Source {
  readonly file: FoundFile;
  readonly format: Format;
  /** Its agent writes it anew: what it does not hold any more is withdrawn. */
  readonly isRewritten: boolean;
  /** The first bytes of the content, at most `PREFIX_BYTES`; empty where only reading tells. */
  readonly prefix: Buffer;
  /** Reading can begin anywhere. */
  readonly resumable: boolean;
  /** All that the file holds, as far as is known. */
  readonly isWhole: boolean;
  blocks(offset: number): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

export function isCompressed(path: string): boolean {
  return path.endsWith(".zst");
}

/** Throws what the file system, or SQLite, says. */
export async function openSource(reader: Reader, file: FoundFile): Promise<Source> {
  const format = reader.format(file.path);
  if (isCompressed(file.path)) return compressedSource(file, format);
  if (reader.database !== null && placeInside(file.path) !== null)
    return databaseSource(reader.database, file);
  const handle = await open(
    file.path,
    constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW,
  );
  const now = await handle.stat();
  if (!now.isFile()) {
    await handle.close();
    throw new Error("it is not an ordinary file any more");
  }
  const prefix = Buffer.alloc(Math.min(PREFIX_BYTES, now.size));
  await handle.read(prefix, 0, prefix.length, 0);
  const isRewritten = format === "document";
  return {
    file: foundFile(file.path, now),
    format,
    isRewritten,
    prefix,
    resumable: !isRewritten,
    isWhole: true,
    blocks: (offset) =>
      blocksFrom(handle, offset, now.size, isRewritten ? REWRITTEN_BLOCK_BYTES : BLOCK_BYTES),
    close: () => handle.close(),
  };
}

/** Up to where it was long when it was looked at: the next look finds the rest. */
async function* blocksFrom(
  file: FileHandle,
  offset: number,
  end: number,
  blockBytes: number,
): AsyncGenerator<Buffer> {
  for (let at = offset; at < end;) {
    const block = Buffer.allocUnsafe(Math.min(blockBytes, end - at));
    const { bytesRead } = await file.read(block, 0, block.length, at);
    if (bytesRead === 0) return;
    yield block.subarray(0, bytesRead);
    at += bytesRead;
  }
}

function databaseSource(database: Database, file: FoundFile): Source {
  return {
    file,
    format: "lines",
    isRewritten: true,
    prefix: Buffer.alloc(0),
    resumable: false,
    isWhole: true,
    blocks: async function* () {
      yield* linesInside(database, file.path);
    },
    close: async () => {},
  };
}

function compressedSource(file: FoundFile, format: Format): Source {
  return {
    file,
    format,
    isRewritten: false,
    prefix: Buffer.alloc(0),
    resumable: false,
    isWhole: true,
    blocks: () => decompressed(file.path),
    close: async () => {},
  };
}

async function* decompressed(path: string): AsyncGenerator<Buffer> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  const file = handle.createReadStream();
  const plain = createZstdDecompress();
  file.on("error", (error) => plain.destroy(error));
  file.pipe(plain);
  try {
    yield* gathered(plain as AsyncIterable<Buffer>);
  } finally {
    file.destroy();
    plain.destroy();
  }
}

/** Small blocks as large ones. */
async function* gathered(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const block of blocks) {
    held.push(block);
    bytes += block.length;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held);
}

export function archivedSource(archive: Archive, reader: Reader, file: ArchivedFile): Source {
  return {
    file,
    format: reader.format(file.path),
    isRewritten: false,
    prefix: Buffer.alloc(0),
    resumable: false,
    isWhole: !isCompressed(file.path) && file.length === file.sizeBytes,
    blocks: () => archive.read(file.path),
    close: async () => {},
  };
}

/** A whole file, from its start. */
export async function* fileBlocks(reader: Reader, path: string): AsyncGenerator<Buffer> {
  const source = await openSource(reader, foundFile(path, await stat(path)));
  try {
    yield* source.blocks(0);
  } finally {
    await source.close();
  }
}

/** Of a file of which only its content says whose it is. */
export async function readHead(path: string): Promise<readonly JsonObject[]> {
  return await headOf(isCompressed(path) ? decompressed(path) : firstBlocks(path), formatOf(path));
}

/** By its name alone, as agents name theirs. */
function formatOf(path: string): Format {
  if (path.endsWith(".md")) return "prose";
  return path.endsWith(".json") ? "document" : "lines";
}

/** Whole first lines, as far as they can be read. */
export async function headOf(
  blocks: AsyncIterable<Buffer>,
  format: Format,
): Promise<readonly JsonObject[]> {
  const records: JsonObject[] = [];
  let bytes = 0;
  for await (const piece of pieces(linesOf(blocks, format), 0, MAX_HEAD_BYTES)) {
    bytes += piece.bytes.length;
    for (const [start, end] of piece.kind === "overlong" ? [] : lineRanges(piece.bytes)) {
      const record = parseLine(piece.bytes, start, end, format);
      if (record !== null) records.push(record);
      if (records.length >= HEAD_LINES) return records;
    }
    if (bytes >= HEAD_BYTES && records.length > 0) return records;
    if (bytes >= MAX_HEAD_BYTES) return records;
  }
  return records;
}

async function* firstBlocks(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    yield* blocksFrom(file, 0, MAX_HEAD_BYTES, HEAD_BYTES / 8);
  } finally {
    await file.close();
  }
}

/** A transcript's bytes with a record in each line. */
export function linesOf(blocks: AsyncIterable<Buffer>, format: Format): AsyncIterable<Buffer> {
  return format === "document" ? documentLines(blocks) : blocks;
}

/** Null: damaged, blank, or no object. A byte order mark is passed over. */
export function parseLine(
  bytes: Buffer,
  start: number,
  end: number,
  format: Format,
): JsonObject | null {
  const from = bytes[start] === 0xef && bytes[start + 1] === 0xbb ? start + 3 : start;
  if (format === "prose") return { text: cleanText(bytes.toString("utf8", from, end)) };
  return end - start < 2 ? null : parseObject(bytes.toString("utf8", from, end));
}
