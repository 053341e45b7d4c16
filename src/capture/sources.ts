/** Where a transcript's bytes come from: a file, a compressed one, the archive. Never more than a block at a time. */
import { constants } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { createZstdDecompress } from "node:zlib";
import type { Archive, ArchivedFile } from "./archive.ts";
import { parseObject, type JsonObject } from "./json.ts";
import { BLOCK_BYTES, lineRanges, pieces } from "./lines.ts";
import { foundFile, type FoundFile } from "./walk.ts";

export const PREFIX_BYTES = 4_096;
const HEAD_BYTES = 256 * 1024;
const MAX_HEAD_BYTES = 8 * 1024 * 1024;
const HEAD_LINES = 8;

export interface Source {
  readonly file: FoundFile;
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

/** Throws what the file system says. */
export async function openFile(file: FoundFile): Promise<Source> {
  if (isCompressed(file.path)) return compressedSource(file);
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
  return {
    file: foundFile(file.path, now),
    prefix,
    resumable: true,
    isWhole: true,
    blocks: (offset) => blocksFrom(handle, offset, now.size, BLOCK_BYTES),
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

function compressedSource(file: FoundFile): Source {
  return {
    file,
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

export function archivedSource(archive: Archive, file: ArchivedFile): Source {
  return {
    file,
    prefix: Buffer.alloc(0),
    resumable: false,
    isWhole: !isCompressed(file.path) && file.length === file.sizeBytes,
    blocks: () => archive.read(file.path),
    close: async () => {},
  };
}

/** A whole file, from its start. */
export async function* fileBlocks(path: string): AsyncGenerator<Buffer> {
  const source = await openFile(foundFile(path, await stat(path)));
  try {
    yield* source.blocks(0);
  } finally {
    await source.close();
  }
}

export async function readHead(path: string): Promise<readonly JsonObject[]> {
  return await headOf(isCompressed(path) ? decompressed(path) : firstBlocks(path));
}

/** Whole first lines, as far as they can be read. */
export async function headOf(blocks: AsyncIterable<Buffer>): Promise<readonly JsonObject[]> {
  const records: JsonObject[] = [];
  let bytes = 0;
  for await (const piece of pieces(blocks, 0, MAX_HEAD_BYTES)) {
    bytes += piece.bytes.length;
    for (const [start, end] of piece.kind === "overlong" ? [] : lineRanges(piece.bytes)) {
      const record = parseLine(piece.bytes, start, end);
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

/** Null: damaged, blank, or no object. A byte order mark is passed over. */
export function parseLine(bytes: Buffer, start: number, end: number): JsonObject | null {
  return end - start < 2
    ? null
    : parseObject(bytes.toString("utf8", bytes[start] === 0xef ? start + 3 : start, end));
}
