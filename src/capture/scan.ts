/**
 * One look at the agents' folders: what changed, by stat alone, read from where it was left, in steps.
 *
 * Rules that others rely on:
 * 1. A file whose stat is that of its state is not opened.
 * 2. A step is at most 2,000 lines or one block of bytes; its state says how far it came, so a kill between two
 *    steps costs nothing but the second.
 * 3. A file that shrank, has another inode or another beginning is read anew (`restart`).
 * 4. A last line without a newline is read if it is whole; the state stays before it, and it is read again as the
 *    file grows. Ids are derived, so reading twice gives the same.
 * 5. A line that cannot be read is counted by its number. A file that cannot be read is one `partial`; the others
 *    are not touched by it.
 * 6. Bytes are in the archive before the batch that was made from them is given out.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, open, realpath, stat, type FileHandle } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { createZstdDecompress } from "node:zlib";
import type { Log } from "../base/log.ts";
import type { CaptureBatch, FileState, SessionRef } from "../base/session.ts";
import type { Archive, ArchivedFile } from "./archive.ts";
import { threadOfName, turnOf } from "./codex.ts";
import { createFindings, sessionId, type Findings } from "./findings.ts";
import { parseObject, type JsonObject } from "./json.ts";
import { BLOCK_BYTES, lineRanges, MAX_LINE_BYTES, pieces, type Piece } from "./lines.ts";
import type { Disk, Env, Identity, LineReader, Reader } from "./reader.ts";
import { errorCode, foundFile, look, reasonOf, walk, type FoundFile, type Partial } from "./walk.ts";

export type CaptureStep =
  | { readonly type: "batch"; readonly batch: CaptureBatch }
  | { readonly type: "partial"; readonly partial: Partial }
  /** Bytes and files of those that changed. */
  | {
      readonly type: "progress";
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly doneFiles: number;
      readonly totalFiles: number;
    }
  | { readonly type: "unchanged"; readonly files: number };

export interface ScanInput {
  readonly home: string;
  readonly env: Env;
  readonly readers: readonly Reader[];
  readonly archive: Archive | null;
  readonly log: Log;
  readonly maxLineBytes?: number;
}

export type FileStates = ReadonlyMap<string, FileState>;

const MAX_LINES = 2_000;
const PREFIX_BYTES = 4_096;
const HEAD_BYTES = 256 * 1024;
const MAX_HEAD_BYTES = 8 * 1024 * 1024;
const HEAD_LINES = 20;

/** A file to read, and by whom. */
interface Job {
  readonly file: FoundFile;
  readonly reader: Reader;
  readonly identity: Identity;
  readonly state: FileState | null;
  readonly title: string | null;
}

/** Where a transcript's bytes come from. */
interface Source {
  readonly file: FoundFile;
  /** The first bytes of the content, at most `PREFIX_BYTES`; empty where only reading tells. */
  readonly prefix: Buffer;
  /** Reading can begin anywhere. */
  readonly resumable: boolean;
  blocks(offset: number): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

export async function* scan(input: ScanInput, states: FileStates, paths?: readonly string[]): AsyncGenerator<CaptureStep> {
  const disk = createTranscripts(input);
  const found = paths === undefined ? await findAll(input) : await findNamed(input, paths);
  for (const partial of found.partial) yield { type: "partial", partial };

  const titles = await readTitles(input);
  const changed: Job[] = [];
  let unchanged = 0;
  for (const { file, reader } of found.files) {
    const state = states.get(file.path) ?? null;
    if (state !== null && isUnchanged(state, file)) {
      unchanged++;
      if (state.damagedLines.length > 0) yield { type: "partial", partial: damagedIn(file.path, state.damagedLines) };
      const batch = reader === null ? null : retitled({ state, reader }, titles);
      if (batch !== null) yield { type: "batch", batch };
      continue;
    }
    const job = await identify(input, disk, file, reader, state, titles);
    if ("reason" in job) yield { type: "partial", partial: job };
    else changed.push(job);
  }
  changed.sort(byOrigin);

  const totalBytes = changed.reduce((sum, job) => sum + bytesLeft(job), 0);
  let doneBytes = 0;
  for (const [i, job] of changed.entries()) {
    yield* readJob(input, disk, job, () => openFile(job.file));
    doneBytes += bytesLeft(job);
    yield { type: "progress", doneBytes, totalBytes, doneFiles: i + 1, totalFiles: changed.length };
  }
  yield { type: "unchanged", files: unchanged };
}

/** Reads what the archive holds, as if the files were still there, so that an empty store is filled again. */
export async function* replay(input: ScanInput, archive: Archive, states: FileStates): AsyncGenerator<CaptureStep> {
  const disk = createTranscripts(input);
  const titles = await readTitles(input);
  const jobs: Job[] = [];
  for (const archived of archive.files()) {
    const reader = input.readers.find((one) => one.agent === archived.agent);
    if (reader === undefined || (states.get(archived.path)?.offset ?? 0) > 0) continue;
    const head = await headOf(archive.read(archived.path));
    const identity = await reader.identify(archived.path, head, disk);
    const title = identity.lane === null ? (titles.get(reader.agent)?.get(identity.sourceId) ?? null) : null;
    jobs.push({ file: archived, reader, identity, state: null, title });
  }
  jobs.sort(byOrigin);
  const totalBytes = jobs.reduce((sum, job) => sum + job.file.sizeBytes, 0);
  let doneBytes = 0;
  for (const [i, job] of jobs.entries()) {
    yield* readJob({ ...input, archive: null }, disk, job, async () => archivedSource(archive, job.file as ArchivedFile));
    doneBytes += job.file.sizeBytes;
    yield { type: "progress", doneBytes, totalBytes, doneFiles: i + 1, totalFiles: jobs.length };
  }
}

// ---- Which files --------------------------------------------------------------------------------------------------

interface Found {
  readonly files: { file: FoundFile; reader: Reader | null }[];
  readonly partial: Partial[];
}

async function findAll({ readers, home, env }: ScanInput): Promise<Found> {
  const found: Found = { files: [], partial: [] };
  for (const reader of readers) {
    const files: FoundFile[] = [];
    for (const root of reader.roots(home, env)) {
      const walked = await walk(root, (path) => reader.isTranscript(path));
      files.push(...walked.files);
      found.partial.push(...walked.partial);
    }
    found.files.push(...withoutTwins(reader, files).map((file) => ({ file, reader })));
  }
  return found;
}

/** Of twins the first root's, and there the plain one. */
function withoutTwins(reader: Reader, files: readonly FoundFile[]): FoundFile[] {
  const best = new Map<string, FoundFile>();
  for (const file of files) {
    const key = reader.twinKey(file.path) ?? file.path;
    const known = best.get(key);
    const plainer = known !== undefined && sameFolder(known.path, file.path) && isCompressed(known.path);
    if (known === undefined || plainer) best.set(key, file);
  }
  return [...best.values()];
}

function sameFolder(a: string, b: string): boolean {
  return a.slice(0, a.lastIndexOf(sep)) === b.slice(0, b.lastIndexOf(sep));
}

function isCompressed(path: string): boolean {
  return path.endsWith(".zst");
}

/** Files and folders a person named, and changes seen by a watch. Outside of the agents' folders content decides. */
async function findNamed(input: ScanInput, paths: readonly string[]): Promise<Found> {
  const found: Found = { files: [], partial: [] };
  for (const named of new Set(paths.map((path) => resolve(path)))) {
    const place = placeOf(input, named);
    if (place !== null) await findInside(found, place, named);
    else await findOutside(found, named);
  }
  return found;
}

interface Place {
  readonly reader: Reader;
  readonly root: string;
  readonly roots: readonly string[];
}

function placeOf({ readers, home, env }: ScanInput, path: string): Place | null {
  for (const reader of readers) {
    const roots = reader.roots(home, env).map((root) => resolve(root));
    const root = roots.find((one) => path.startsWith(one + sep));
    if (root !== undefined) return { reader, root, roots };
  }
  return null;
}

async function findInside(found: Found, { reader, root, roots }: Place, path: string): Promise<void> {
  if (!reader.isTranscript(relative(root, path))) {
    const isFolder = await stat(path).then((it) => it.isDirectory(), () => false);
    if (!isFolder) return;
    const walked = await walk(path, (below) => reader.isTranscript(relative(root, join(path, below))));
    found.partial.push(...walked.partial);
    found.files.push(...withoutTwins(reader, walked.files).map((file) => ({ file, reader })));
    return;
  }
  const twins = twinPaths(reader, roots, root, path);
  for (const twin of twins) {
    const seen = await look(twin, await realpath(root).catch(() => null));
    if (seen === null) continue;
    if ("reason" in seen) found.partial.push(seen);
    else found.files.push({ file: seen, reader });
    return;
  }
}

/** The places where the same transcript may lie, best first. */
function twinPaths(reader: Reader, roots: readonly string[], root: string, path: string): string[] {
  if (reader.twinKey(path) === null) return [path];
  const below = relative(root, path).replace(/\.zst$/, "");
  return roots.flatMap((one) => [join(one, below), join(one, `${below}.zst`)]);
}

async function findOutside(found: Found, path: string): Promise<void> {
  const real = await realpath(path).catch((error: unknown) => error as Error);
  if (typeof real !== "string") {
    const reason = errorCode(real) === "ENOENT" ? "There is no such file or folder." : reasonOf(real);
    found.partial.push({ file: path, reason });
    return;
  }
  const isFolder = await stat(real).then((it) => it.isDirectory(), () => false);
  if (isFolder) {
    const walked = await walk(real, (below) => /\.jsonl(?:\.zst)?$/.test(below));
    found.partial.push(...walked.partial);
    found.files.push(...walked.files.map((file) => ({ file, reader: null })));
    return;
  }
  const seen = await look(real, null);
  if (seen === null) return;
  if ("reason" in seen) found.partial.push(seen);
  else found.files.push({ file: seen, reader: null });
}

function isUnchanged(state: FileState, file: FoundFile): boolean {
  return (
    state.sizeBytes === file.sizeBytes &&
    state.mtimeMs === file.mtimeMs &&
    state.inode === file.inode &&
    state.dev === file.dev
  );
}

/** Originals before copies, sub-agents after main transcripts of the same time; then by time, then by path. */
function byOrigin(a: Job, b: Job): number {
  return (
    Number(a.identity.copy) - Number(b.identity.copy) ||
    compare(a.identity.orderKey ?? "", b.identity.orderKey ?? "") ||
    Number(a.identity.lane !== null) - Number(b.identity.lane !== null) ||
    a.file.mtimeMs - b.file.mtimeMs ||
    compare(a.file.path, b.file.path)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function bytesLeft({ file, state }: Job): number {
  return Math.max(0, file.sizeBytes - (state === null || isCompressed(file.path) ? 0 : state.offset));
}

// ---- Whose file ---------------------------------------------------------------------------------------------------

type Titles = ReadonlyMap<string, ReadonlyMap<string, string>>;

async function readTitles({ readers, home, env }: ScanInput): Promise<Titles> {
  const titles = new Map<string, ReadonlyMap<string, string>>();
  for (const reader of readers) titles.set(reader.agent, await reader.titles(home, env));
  return titles;
}

/** Asked anew each time: a sub-agent's main transcript may have come or gone. */
async function identify(
  input: ScanInput,
  disk: Transcripts,
  file: FoundFile,
  known: Reader | null,
  state: FileState | null,
  titles: Titles,
): Promise<Job | Partial> {
  try {
    const head = await readHead(file.path);
    const reader = known ?? input.readers.find((one) => one.agent === state?.agent || one.recognises(head));
    if (reader === undefined) {
      return { file: file.path, reason: "Nothing in it is of an agent that Operon knows. It was left out." };
    }
    const identity = await reader.identify(file.path, head, disk);
    const title = identity.lane === null ? (titles.get(reader.agent)?.get(identity.sourceId) ?? null) : null;
    return { file, reader, identity, state, title };
  } catch (error) {
    return { file: file.path, reason: reasonOf(error) };
  }
}

interface Transcripts extends Disk {
  turns(sourceId: string): Promise<ReadonlySet<string>>;
}

/** Answers readers' questions from the disk, else from the archive. Files are looked up when first asked for. */
function createTranscripts(input: ScanInput): Transcripts {
  let index: Promise<Map<string, () => AsyncIterable<Buffer>>> | null = null;

  async function blocksOf(sourceId: string): Promise<AsyncIterable<Buffer> | null> {
    index ??= indexThreads(input);
    return (await index).get(sourceId)?.() ?? null;
  }

  return {
    exists: (path) => access(path).then(() => true, () => false),
    async head(sourceId) {
      const blocks = await blocksOf(sourceId);
      return blocks === null ? null : await headOf(blocks);
    },
    async turns(sourceId) {
      const turns = new Set<string>();
      const blocks = await blocksOf(sourceId);
      if (blocks === null) return turns;
      for await (const piece of pieces(blocks, 0)) {
        if (piece.kind === "overlong") continue;
        for (const [start, end] of lineRanges(piece.bytes)) {
          const line = piece.bytes.subarray(start, end);
          if (!line.includes('"turn_id"')) continue;
          const turn = turnOf(parseObject(line.toString()) ?? {});
          if (turn !== null) turns.add(turn);
        }
      }
      return turns;
    },
  };
}

async function indexThreads(input: ScanInput): Promise<Map<string, () => AsyncIterable<Buffer>>> {
  const threads = new Map<string, () => AsyncIterable<Buffer>>();
  const { files } = await findAll({ ...input, readers: input.readers.filter((reader) => reader.agent === "codex") });
  for (const { file } of files) {
    const thread = threadOfName(file.path);
    if (thread !== null) threads.set(thread, () => fileBlocks(file.path));
  }
  const archive = input.archive;
  for (const { path } of archive?.files() ?? []) {
    const thread = threadOfName(path);
    if (archive !== null && thread !== null && !threads.has(thread)) threads.set(thread, () => archive.read(path));
  }
  return threads;
}

async function* fileBlocks(path: string): AsyncGenerator<Buffer> {
  const source = await openFile(foundFile(path, await stat(path)));
  try {
    yield* source.blocks(0);
  } finally {
    await source.close();
  }
}

async function readHead(path: string): Promise<readonly JsonObject[]> {
  return await headOf(isCompressed(path) ? decompressed(path) : firstBlocks(path));
}

/** Whole first lines, as far as they can be read. */
async function headOf(blocks: AsyncIterable<Buffer>): Promise<readonly JsonObject[]> {
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

// ---- Reading ------------------------------------------------------------------------------------------------------

async function* readJob(
  input: ScanInput,
  disk: Transcripts,
  job: Job,
  openSource: () => Promise<Source>,
): AsyncGenerator<CaptureStep> {
  let source: Source | null = null;
  try {
    source = await openSource();
    const progress = await startReading(disk, job, source);
    yield* readSteps(input, job, source, progress);
    if (progress.damaged.length > 0) yield { type: "partial", partial: damagedIn(job.file.path, progress.damaged) };
  } catch (error) {
    yield { type: "partial", partial: { file: job.file.path, reason: reasonOf(error) } };
  } finally {
    await source?.close();
  }
}

/** How far the reading of one file has come: what is before `offset` is in `lines`' state. */
interface Progress {
  readonly lines: LineReader;
  /** The state was for another content. */
  readonly restart: boolean;
  offset: number;
  line: number;
  damaged: number[];
  prefix: Buffer;
}

async function startReading(disk: Transcripts, job: Job, source: Source): Promise<Progress> {
  const state = job.state !== null && source.resumable && continues(job.state, source) ? job.state : null;
  const { reader, identity, title } = job;
  const replays = reader.isReplaying(state?.reader ?? null) ? identity.replays : null;
  const replayed = replays === null ? new Set<string>() : await disk.turns(replays);
  return {
    lines: reader.open(identity, state?.reader ?? null, { replayed, title }),
    restart: job.state !== null && state === null,
    offset: state?.offset ?? 0,
    line: state?.line ?? 0,
    damaged: [...(state?.damagedLines ?? [])],
    prefix: source.prefix,
  };
}

/** The same file, only longer. */
function continues(state: FileState, { file, prefix }: Source): boolean {
  return (
    state.inode === file.inode &&
    state.dev === file.dev &&
    file.sizeBytes >= state.offset &&
    prefixHash(prefix, state.offset) === state.prefixHash
  );
}

function prefixHash(prefix: Buffer, offset: number): string {
  return createHash("sha256").update(prefix.subarray(0, Math.min(offset, PREFIX_BYTES))).digest("hex");
}

/** The newest step is held back, because only the last one's state is that of the whole file. */
async function* readSteps(input: ScanInput, job: Job, source: Source, progress: Progress): AsyncGenerator<CaptureStep> {
  let newest: CaptureBatch | null = null;
  let restart = progress.restart;
  const blocks = source.blocks(progress.offset);
  for await (const piece of pieces(blocks, progress.offset, input.maxLineBytes ?? MAX_LINE_BYTES)) {
    for (const step of stepsOf(piece)) {
      const batch = await takeStep(input, job, source, progress, step, restart);
      if (batch === null) continue;
      restart = false;
      if (newest !== null) yield { type: "batch", batch: newest };
      newest = batch;
    }
  }
  newest ??= makeBatch(job, progress, createFindings(), { bytesRead: 0, restart, reader: progress.lines.state() });
  const { sizeBytes, mtimeMs } = source.file;
  yield { type: "batch", batch: { ...newest, file: { ...newest.file, sizeBytes, mtimeMs } } };
}

/** A piece in steps of at most `MAX_LINES` lines. */
function* stepsOf(piece: Piece): Generator<Piece> {
  if (piece.kind !== "lines") return yield piece;
  let from = 0;
  let count = 0;
  for (const [, end] of lineRanges(piece.bytes)) {
    if (++count < MAX_LINES) continue;
    yield { ...piece, offset: piece.offset + from, bytes: piece.bytes.subarray(from, end + 1) };
    from = end + 1;
    count = 0;
  }
  if (from < piece.bytes.length) yield { ...piece, offset: piece.offset + from, bytes: piece.bytes.subarray(from) };
}

/** Null: nothing to commit yet, in the middle of a line that is too long. */
async function takeStep(
  input: ScanInput,
  job: Job,
  source: Source,
  progress: Progress,
  step: Piece,
  restart: boolean,
): Promise<CaptureBatch | null> {
  const { path: _path, ...stats } = source.file;
  const archived = input.archive?.append(job.reader.agent, job.file.path, step.offset, step.bytes, stats, restart);
  archived?.catch(() => {});
  extendPrefix(progress, step);
  const found = createFindings();
  const reader = readStep(input, job, progress, step, found);
  await archived;
  if (step.kind === "overlong" && !step.ends) return null;
  return makeBatch(job, progress, found, { bytesRead: step.bytes.length, restart, reader });
}

/** A stream's first bytes are known as they come. */
function extendPrefix(progress: Progress, { offset, bytes }: Piece): void {
  const missing = PREFIX_BYTES - progress.prefix.length;
  if (missing <= 0 || offset !== progress.prefix.length) return;
  progress.prefix = Buffer.concat([progress.prefix, bytes.subarray(0, missing)]);
}

/** Returns the reader's state at `progress.offset`. */
function readStep(input: ScanInput, job: Job, progress: Progress, step: Piece, found: Findings): unknown {
  switch (step.kind) {
    case "lines":
      for (const [start, end] of lineRanges(step.bytes)) {
        progress.line++;
        const record = parseLine(step.bytes, start, end);
        if (record !== null) readLine(input, job, progress, record, progress.line, found);
        else if (!isBlank(step.bytes, start, end)) progress.damaged.push(progress.line);
      }
      progress.offset = step.offset + step.bytes.length;
      return progress.lines.state();
    case "overlong":
      if (step.ends) {
        progress.damaged.push(++progress.line);
        progress.offset = step.offset + step.bytes.length;
      }
      return progress.lines.state();
    case "tail": {
      const before = progress.lines.state();
      const record = parseLine(step.bytes, 0, step.bytes.length);
      if (record !== null) readLine(input, job, progress, record, progress.line + 1, found);
      return before;
    }
  }
}

/** A line that a reader trips over is damaged as far as a person is concerned; that it tripped is logged. */
function readLine(
  input: ScanInput,
  job: Job,
  progress: Progress,
  record: JsonObject,
  number: number,
  found: Findings,
): void {
  try {
    progress.lines.line(record, number, found);
  } catch (error) {
    progress.damaged.push(number);
    const reason = error instanceof Error ? error.message : String(error);
    input.log("error", "capture.reader", { agent: job.reader.agent, line: number, reason });
  }
}

function parseLine(bytes: Buffer, start: number, end: number): JsonObject | null {
  return end - start < 2 ? null : parseObject(bytes.toString("utf8", bytes[start] === 0xef ? start + 3 : start, end));
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  return end - start < 64 && bytes.toString("latin1", start, end).trim() === "";
}

function makeBatch(
  job: Job,
  progress: Progress,
  found: Findings,
  step: { bytesRead: number; restart: boolean; reader: unknown },
): CaptureBatch {
  const { file, reader, identity } = job;
  const ref = refOf(reader, identity);
  return {
    ref,
    ...found.take(),
    file: {
      path: file.path,
      agent: ref.agent,
      session: ref.id,
      lane: identity.lane,
      dev: file.dev,
      inode: file.inode,
      sizeBytes: UNFINISHED,
      mtimeMs: UNFINISHED,
      offset: progress.offset,
      line: progress.line,
      prefixHash: prefixHash(progress.prefix, progress.offset),
      reader: step.reader,
      damagedLines: [...progress.damaged],
    },
    restart: step.restart,
    bytesRead: step.bytesRead,
  };
}

function refOf(reader: Reader, { sourceId }: Identity): SessionRef {
  return { id: sessionId(reader.agent, sourceId), agent: reader.agent, sourceId };
}

// ---- What is told of files ----------------------------------------------------------------------------------------

function damagedIn(file: string, lines: readonly number[]): Partial {
  const count = lines.length === 1 ? "1 line" : `${lines.length} lines`;
  return { file, reason: `${count} could not be read. The others are there.`, lines: [...lines] };
}

/** A title that changed beside an unchanged transcript. */
function retitled(job: { state: FileState; reader: Reader }, titles: Titles): CaptureBatch | null {
  const { state, reader } = job;
  if (state.lane !== null) return null;
  for (const [sourceId, title] of titles.get(reader.agent) ?? []) {
    if (sessionId(reader.agent, sourceId) !== state.session) continue;
    const next = reader.retitle(state.reader, title);
    if (next === null) return null;
    const ref = { id: state.session, agent: reader.agent, sourceId };
    const file = { ...state, reader: next };
    return { ref, facts: { title }, events: [], patches: [], calls: [], file, restart: false, bytesRead: 0 };
  }
  return null;
}

// ---- Where bytes come from ----------------------------------------------------------------------------------------

/** Of a state that is not that of a whole file: no file has this size with an offset, so it is read on. */
const UNFINISHED = 0;

async function openFile(file: FoundFile): Promise<Source> {
  if (isCompressed(file.path)) return compressedSource(file);
  const handle = await open(file.path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
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
    blocks: (offset) => blocksFrom(handle, offset, now.size, BLOCK_BYTES),
    close: () => handle.close(),
  };
}

/** Up to where it was long when it was looked at: the next look finds the rest. */
async function* blocksFrom(file: FileHandle, offset: number, end: number, blockBytes: number): AsyncGenerator<Buffer> {
  for (let at = offset; at < end; ) {
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

function archivedSource(archive: Archive, file: ArchivedFile): Source {
  return {
    file,
    prefix: Buffer.alloc(0),
    resumable: false,
    blocks: () => archive.read(file.path),
    close: async () => {},
  };
}
