/**
 * The archive: every byte of every transcript as it was first seen, because agents delete theirs.
 *
 * A folder that only its owner can read. `*.pack` hold zstd chunks one after another; `manifest.jsonl` says what
 * each is: agent, path, generation (a file that was replaced begins the next one), offset, length, SHA-256, and the
 * file's stat then. Both are only appended to, the chunk before its line, so a crash leaves at most bytes that no
 * line names and one torn line, which is passed over; what a failed write left is cut off before the next. A chunk whose hash is already held is not written again.
 *
 * Of a generation, a later entry holds from its offset on.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import type { AgentId } from "../base/session.ts";
import { asNumber, asString, parseObject } from "./json.ts";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const MAX_CHUNK_BYTES = 4 * 1024 * 1024;
const MAX_PACK_BYTES = 64 * 1024 * 1024;
/** Level 1: six tenths of the usual level's time, for an eighth more bytes. Each chunk of output is a turn of this thread. */
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 128 * 1024 };

export interface ArchivedStat {
  readonly inode: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

export interface ArchivedFile extends ArchivedStat {
  readonly agent: AgentId;
  /** Where it lay. */
  readonly path: string;
  readonly generation: number;
  /** Bytes held, from 0. */
  readonly length: number;
}

export interface Archive {
  /**
   * Holds `bytes` of `path` from `offset` on. What is held already is not written again. `restart`: the file was
   * replaced, what was held before stays as an older generation. `offset` is at most what is held.
   */
  append(
    agent: AgentId,
    path: string,
    offset: number,
    bytes: Buffer,
    file: ArchivedStat,
    restart: boolean,
  ): Promise<void>;
  /** What is held of the newest generation behind this many bytes is not in the file any more. */
  cut(path: string, length: number, file: ArchivedStat): Promise<void>;
  /** The newest generation of every file. */
  files(): readonly ArchivedFile[];
  /** Bytes of the newest generation, in order. Throws when a chunk is not what its hash says. */
  read(path: string): AsyncGenerator<Buffer>;
  close(): Promise<void>;
}

interface Place {
  readonly pack: number;
  readonly at: number;
  readonly packed: number;
}

interface Entry extends ArchivedStat, Place {
  readonly agent: AgentId;
  readonly path: string;
  readonly generation: number;
  readonly offset: number;
  readonly length: number;
  readonly hash: string;
}

interface Held {
  generation: number;
  entries: Entry[];
}

export async function openArchive(folder: string): Promise<Archive> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const manifestPath = join(folder, "manifest.jsonl");
  const held = new Map<string, Held>();
  const places = new Map<string, Place>();
  const torn = await loadManifest(manifestPath, held, places);
  const manifest = await open(manifestPath, "a", 0o600);
  if (torn) await manifest.appendFile("\n");
  let manifestSize = (await manifest.stat()).size;
  let pack = await openPack(folder, await newestPack(folder));
  let hasFailed = false;
  let queue: Promise<unknown> = Promise.resolve();

  /** Takes back what a failed write left (a full disk takes half of it): all that follows would lie elsewhere than noted. */
  async function mend(): Promise<void> {
    if (!hasFailed) return;
    await pack.file.truncate(pack.size);
    await manifest.truncate(manifestSize);
    hasFailed = false;
  }

  async function place(bytes: Buffer, hash: string): Promise<Place> {
    const known = places.get(hash);
    if (known !== undefined) return known;
    const packed = await compress(bytes, FAST);
    if (pack.size > 0 && pack.size + packed.length > MAX_PACK_BYTES) {
      const next = await openPack(folder, pack.number + 1);
      await pack.file.close();
      pack = next;
    }
    await pack.file.appendFile(packed);
    const found = { pack: pack.number, at: pack.size, packed: packed.length };
    pack.size += packed.length;
    places.set(hash, found);
    return found;
  }

  async function write(
    agent: AgentId,
    path: string,
    offset: number,
    bytes: Buffer,
    file: ArchivedStat,
    restart: boolean,
  ) {
    let entry = held.get(path);
    if (entry === undefined || (restart && offset === 0 && !beginsAlike(entry, bytes))) {
      entry = { generation: (entry?.generation ?? -1) + 1, entries: [] };
      held.set(path, entry);
    }
    for (
      let at = await skipHeld(folder, entry.entries, offset, bytes);
      at < bytes.length;
      at += MAX_CHUNK_BYTES
    ) {
      const chunk = bytes.subarray(at, at + MAX_CHUNK_BYTES);
      await note(entry, agent, path, offset + at, chunk, file);
    }
  }

  async function note(
    { generation, entries }: Held,
    agent: AgentId,
    path: string,
    offset: number,
    chunk: Buffer,
    file: ArchivedStat,
  ): Promise<void> {
    const hash = hashOf(chunk);
    const line: Entry = {
      agent,
      path,
      generation,
      offset,
      length: chunk.length,
      hash,
      ...file,
      ...(await place(chunk, hash)),
    };
    const text = Buffer.from(`${JSON.stringify(line)}\n`);
    await manifest.appendFile(text);
    manifestSize += text.length;
    addEntry(entries, line);
  }

  /** An entry without bytes: as any later one it holds from its offset on. */
  async function cut(path: string, length: number, file: ArchivedStat): Promise<void> {
    const entry = held.get(path);
    const last = entry?.entries.at(-1);
    if (entry === undefined || last === undefined || last.offset + last.length <= length) return;
    await note(entry, last.agent, path, length, Buffer.alloc(0), file);
  }

  /** One after another; a failure is mended before the next. */
  function queued(work: () => Promise<void>): Promise<void> {
    const done = queue.then(mend).then(work);
    queue = done.catch(() => {
      hasFailed = true;
    });
    return done;
  }

  return {
    append: (agent, path, offset, bytes, file, restart) =>
      queued(() => write(agent, path, offset, bytes, file, restart)),
    cut: (path, length, file) => queued(() => cut(path, length, file)),
    files: () => [...held.values()].flatMap((entry) => describe(entry.entries)),
    async *read(path) {
      const entries = held.get(path)?.entries ?? [];
      for (const [i, entry] of entries.entries()) {
        yield (await readChunk(folder, entry)).subarray(0, endOf(entries, i) - entry.offset);
      }
    },
    async close() {
      await queue;
      await manifest.close();
      await pack.file.close();
    },
  };
}

/** Adds what the manifest says; true when its last line is torn. */
async function loadManifest(
  path: string,
  held: Map<string, Held>,
  places: Map<string, Place>,
): Promise<boolean> {
  const file = await open(path, "r").catch(() => null);
  if (file === null) return false;
  let endsWhole = true;
  try {
    for await (const text of file.readLines()) {
      const entry = toEntry(text);
      if (entry === null) continue;
      places.set(entry.hash, { pack: entry.pack, at: entry.at, packed: entry.packed });
      const known = held.get(entry.path);
      if (known === undefined || entry.generation > known.generation) {
        held.set(entry.path, { generation: entry.generation, entries: [entry] });
      } else if (entry.generation === known.generation) addEntry(known.entries, entry);
    }
  } finally {
    await file.close().catch(() => {});
  }
  const { size } = await stat(path);
  if (size > 0) {
    const end = await open(path, "r");
    const last = Buffer.alloc(1);
    await end.read(last, 0, 1, size - 1);
    await end.close();
    endsWhole = last[0] === 10;
  }
  return !endsWhole;
}

function toEntry(text: string): Entry | null {
  const line = parseObject(text);
  if (line === null) return null;
  const numbers = [
    "generation",
    "offset",
    "length",
    "pack",
    "at",
    "packed",
    "inode",
    "sizeBytes",
    "mtimeMs",
  ];
  const texts = ["agent", "path", "hash"];
  const whole =
    numbers.every((field) => asNumber(line[field]) !== null) &&
    texts.every((field) => asString(line[field]) !== null);
  return whole ? (line as unknown as Entry) : null;
}

/** In order; where the next begins, an entry ends. */
function addEntry(entries: Entry[], entry: Entry): void {
  while ((entries.at(-1)?.offset ?? -1) >= entry.offset) entries.pop();
  entries.push(entry);
}

function endOf(entries: readonly Entry[], index: number): number {
  const entry = entries[index] as Entry;
  return Math.min(entry.offset + entry.length, entries[index + 1]?.offset ?? Infinity);
}

function beginsAlike(held: Held, bytes: Buffer): boolean {
  const first = held.entries[0];
  return (
    first !== undefined &&
    first.length <= bytes.length &&
    hashOf(bytes.subarray(0, first.length)) === first.hash
  );
}

function describe(entries: readonly Entry[]): ArchivedFile[] {
  const last = entries.at(-1);
  if (last === undefined) return [];
  const { agent, path, generation, inode, sizeBytes, mtimeMs } = last;
  return [
    { agent, path, generation, inode, sizeBytes, mtimeMs, length: last.offset + last.length },
  ];
}

/** How many of the bytes, from the first, are held just so. */
async function skipHeld(
  folder: string,
  entries: readonly Entry[],
  offset: number,
  bytes: Buffer,
): Promise<number> {
  let skipped = 0;
  for (let i = 0; i < entries.length && skipped < bytes.length; i++) {
    const entry = entries[i] as Entry;
    const end = endOf(entries, i);
    const from = offset + skipped;
    if (end <= from) continue;
    if (entry.offset > from) break;
    const same = bytes.subarray(skipped, Math.min(bytes.length, end - offset));
    const isWhole = from === entry.offset && same.length === entry.length;
    const isHeld = isWhole
      ? hashOf(same) === entry.hash
      : same.equals(
          (await readChunk(folder, entry)).subarray(
            from - entry.offset,
            from - entry.offset + same.length,
          ),
        );
    if (!isHeld) break;
    skipped += same.length;
  }
  return skipped;
}

async function readChunk(folder: string, entry: Entry): Promise<Buffer> {
  const file = await open(packPath(folder, entry.pack), "r");
  try {
    const packed = Buffer.alloc(entry.packed);
    await file.read(packed, 0, entry.packed, entry.at);
    const bytes = await decompress(packed, { maxOutputLength: MAX_CHUNK_BYTES });
    if (hashOf(bytes) !== entry.hash)
      throw new Error(`a chunk of ${entry.path} is not what was archived`);
    return bytes;
  } finally {
    await file.close();
  }
}

function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function packPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(5, "0")}.pack`);
}

async function newestPack(folder: string): Promise<number> {
  const names = await readdir(folder);
  return Math.max(
    1,
    ...names.filter((name) => /^\d+\.pack$/.test(name)).map((name) => Number.parseInt(name, 10)),
  );
}

async function openPack(
  folder: string,
  number: number,
): Promise<{ number: number; file: FileHandle; size: number }> {
  const file = await open(packPath(folder, number), "a", 0o600);
  return { number, file, size: (await file.stat()).size };
}
