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
 * 6. What its agent writes anew (a JSON text, a session in a database) is read from the start, and only what differs is
 *    written; what it does not hold any more is withdrawn (`only`).
 * 7. Bytes are in the archive before the batch that was made from them is given out.
 */
import { createHash } from "node:crypto";
import { raise } from "../base/result.ts";
import type { Log } from "../base/log.ts";
import type { EventId } from "../base/ids.ts";
import type { CaptureBatch, FileState, SessionRef } from "../base/session.ts";
import type { Archive } from "./archive.ts";
import { findAll, findNamed, type Agents } from "./find.ts";
import { boundedId, createFindings, sessionId, type Findings } from "./findings.ts";
import type { JsonObject } from "./json.ts";
import { lineRanges, MAX_LINE_BYTES, pieces, type Piece } from "./lines.ts";
import type { Format, Identity, LineReader, Reader } from "./reader.ts";
import {
  archivedSource,
  headOf,
  isCompressed,
  linesOf,
  openSource,
  parseLine,
  PREFIX_BYTES,
  readHead,
  type Source,
} from "./sources.ts";
import { createTranscripts, type TranscriptsOf } from "./transcripts.ts";
import { reasonOf, type FoundFile, type Partial } from "./walk.ts";

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

export interface ScanInput extends Agents {
  readonly archive: Archive | null;
  readonly log: Log;
  readonly maxLineBytes?: number;
}

export type FileStates = ReadonlyMap<string, FileState>;

const MAX_LINES = 2_000;
/** Steps that wait for the archive while later ones are read. */
const MAX_WAITING = 3;
/** Of a state that is not that of a whole file: no file has this size with an offset, so it is read on. */
const UNFINISHED = 0;

/** A file to read, and by whom. */
interface Job {
  readonly file: FoundFile;
  readonly reader: Reader;
  readonly identity: Identity;
  readonly state: FileState | null;
  readonly title: string | null;
  /** Throws what the file system says. */
  open(): Promise<Source>;
}

export async function* scan(
  input: ScanInput,
  states: FileStates,
  paths?: readonly string[],
): AsyncGenerator<CaptureStep> {
  const transcripts = createTranscripts(input);
  const found = paths === undefined ? await findAll(input) : await findNamed(input, paths);
  for (const partial of found.partial) yield { type: "partial", partial };

  const titles = await readTitles(input);
  const jobs: Job[] = [];
  let unchanged = 0;
  for (const { file, reader } of found.files) {
    const state = states.get(file.path) ?? null;
    if (state !== null && isUnchanged(state, file)) {
      unchanged++;
      yield* tellUnchanged(state, reader, titles);
      continue;
    }
    const job = await identify(input, transcripts, file, reader, state, titles);
    if ("reason" in job) yield { type: "partial", partial: job };
    else jobs.push(job);
  }
  yield* archivedFirst(readJobs(input, transcripts, jobs));
  yield { type: "unchanged", files: unchanged };
}

/** Reads what the archive holds, as if the files were still there, so that an empty store is filled again. */
export async function* replay(
  input: ScanInput,
  archive: Archive,
  states: FileStates,
): AsyncGenerator<CaptureStep> {
  const transcripts = createTranscripts(input);
  const titles = await readTitles(input);
  const jobs: Job[] = [];
  for (const file of archive.files()) {
    const reader = input.readers.find((one) => one.agent === file.agent);
    if (reader === undefined || states.has(file.path)) continue;
    const head = await headOf(archive.read(file.path), reader.format(file.path)).catch(() => []);
    const identity = await reader.identify(file.path, head, transcripts(reader));
    const title = titleOf(titles, reader, identity);
    jobs.push({
      file,
      reader,
      identity,
      state: null,
      title,
      open: async () => archivedSource(archive, reader, file),
    });
  }
  yield* archivedFirst(readJobs({ ...input, archive: null }, transcripts, jobs));
}

/** A step, and when its bytes are in the archive. */
interface Underway {
  readonly step: CaptureStep;
  readonly archived: Promise<void> | null;
}

/** Gives steps out once their bytes are archived, and lets some more be read meanwhile. */
async function* archivedFirst(steps: AsyncIterable<Underway>): AsyncGenerator<CaptureStep> {
  const waiting: Underway[] = [];
  const next = async (): Promise<CaptureStep> => {
    const { step, archived } = waiting.shift() as Underway;
    await archived?.catch((error: unknown) => raise("archive", archiveSentence(error)));
    return step;
  };
  for await (const step of steps) {
    waiting.push(step);
    if (waiting.length > MAX_WAITING) yield await next();
  }
  while (waiting.length > 0) yield await next();
}

function archiveSentence(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return (
    `Transcripts could not be copied into Operon's archive (${reason}). What was captured before is safe; ` +
    "the rest is still where the agent keeps it. Make room on the disk or its folder writable, then import again."
  );
}

async function* readJobs(
  input: ScanInput,
  transcripts: TranscriptsOf,
  jobs: Job[],
): AsyncGenerator<Underway> {
  jobs.sort(byOrigin);
  const totalBytes = jobs.reduce((sum, job) => sum + bytesLeft(job), 0);
  let doneBytes = 0;
  for (const [i, job] of jobs.entries()) {
    yield* readJob(input, transcripts, job);
    doneBytes += bytesLeft(job);
    const step = {
      type: "progress",
      doneBytes,
      totalBytes,
      doneFiles: i + 1,
      totalFiles: jobs.length,
    } as const;
    yield { step, archived: null };
  }
}

/** What is said of a file that need not be opened. */
function* tellUnchanged(
  state: FileState,
  reader: Reader | null,
  titles: Titles,
): Generator<CaptureStep> {
  if (state.damagedLines.length > 0)
    yield { type: "partial", partial: damagedIn(state.path, state.damagedLines) };
  const batch = reader === null ? null : retitled(state, reader, titles);
  if (batch !== null) yield { type: "batch", batch };
}

function isUnchanged(state: FileState, file: FoundFile): boolean {
  return (
    state.sizeBytes === file.sizeBytes &&
    state.mtimeMs === file.mtimeMs &&
    state.inode === file.inode
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
  return Math.max(
    0,
    file.sizeBytes - (state === null || isCompressed(file.path) ? 0 : state.offset),
  );
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
  transcripts: TranscriptsOf,
  file: FoundFile,
  known: Reader | null,
  state: FileState | null,
  titles: Titles,
): Promise<Job | Partial> {
  try {
    const foreign = known === null ? await readHead(file.path) : [];
    const reader =
      known ?? input.readers.find((one) => one.agent === state?.agent || one.recognises(foreign));
    if (reader === undefined) {
      return {
        file: file.path,
        reason: "Nothing in it is of an agent that Operon knows. It was left out.",
      };
    }
    const head = known === null ? foreign : await headIn(reader, file);
    const identity = await reader.identify(file.path, head, transcripts(reader));
    return {
      file,
      reader,
      identity,
      state,
      title: titleOf(titles, reader, identity),
      open: () => openSource(reader, file),
    };
  } catch (error) {
    return { file: file.path, reason: reasonOf(error) };
  }
}

async function headIn(reader: Reader, file: FoundFile): Promise<readonly JsonObject[]> {
  const source = await openSource(reader, file);
  try {
    return await headOf(source.blocks(0), source.format);
  } finally {
    await source.close();
  }
}

// ---- Reading ------------------------------------------------------------------------------------------------------

async function* readJob(
  input: ScanInput,
  transcripts: TranscriptsOf,
  job: Job,
): AsyncGenerator<Underway> {
  const tell = (partial: Partial): Underway => ({
    step: { type: "partial", partial },
    archived: null,
  });
  let source: Source | null = null;
  try {
    source = await job.open();
    const progress = await startReading(transcripts, job, source);
    yield* readSteps(input, job, source, progress);
    if (progress.damaged.length > 0) yield tell(damagedIn(job.file.path, progress.damaged));
  } catch (error) {
    yield tell({ file: job.file.path, reason: reasonOf(error) });
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

async function startReading(
  transcripts: TranscriptsOf,
  job: Job,
  source: Source,
): Promise<Progress> {
  const state =
    job.state !== null && source.resumable && continues(job.state, source) ? job.state : null;
  const { reader, identity, title } = job;
  const replays = reader.isReplaying(state?.reader ?? null) ? identity.replays : null;
  const replayed = replays === null ? new Set<string>() : await transcripts(reader).turns(replays);
  return {
    lines: reader.open(identity, state?.reader ?? null, { replayed, title }),
    restart: job.state !== null && state === null && !source.isRewritten,
    offset: state?.offset ?? 0,
    line: state?.line ?? 0,
    damaged: [...(state?.damagedLines ?? [])],
    prefix: source.prefix,
  };
}

/** The same file, only longer. Its device is not asked: a folder mounted again has another number. */
function continues(state: FileState, { file, prefix }: Source): boolean {
  return (
    state.inode === file.inode &&
    file.sizeBytes >= state.offset &&
    prefixHash(prefix, state.offset) === state.prefixHash
  );
}

function prefixHash(prefix: Buffer, offset: number): string {
  return createHash("sha256")
    .update(prefix.subarray(0, Math.min(offset, PREFIX_BYTES)))
    .digest("hex");
}

/** The newest step is held back, because only the last one's state is that of the whole file. */
async function* readSteps(
  input: ScanInput,
  job: Job,
  source: Source,
  progress: Progress,
): AsyncGenerator<Underway> {
  let newest: CaptureBatch | null = null;
  let restart = progress.restart;
  const keeper = createKeeper(input, job, source);
  const found = new Set<EventId>();
  const bytes = source.blocks(progress.offset);
  const blocks =
    source.format === "document" ? linesOf(keeper.through(bytes), source.format) : bytes;
  for await (const piece of pieces(blocks, progress.offset, input.maxLineBytes ?? MAX_LINE_BYTES)) {
    for (const step of stepsOf(piece)) {
      const earlier: Underway | null =
        newest === null ? null : { step: { type: "batch", batch: newest }, archived: keeper.last };
      if (source.format !== "document") keeper.keep(step.offset, step.bytes, restart);
      const batch = takeStep(input, job, source, progress, step, restart);
      if (batch === null) continue;
      restart = false;
      newest = batch;
      if (source.isRewritten) for (const { id } of batch.events) found.add(id);
      if (earlier !== null) yield earlier;
    }
  }
  if (source.isRewritten) keeper.end();
  newest ??= makeBatch(job, progress, createFindings(), {
    bytesRead: 0,
    restart,
    reader: progress.lines.state(),
  });
  const { sizeBytes, mtimeMs } = source.isWhole ? source.file : newest.file;
  const batch = {
    ...newest,
    file: { ...newest.file, sizeBytes, mtimeMs },
    ...(source.isRewritten && job.state !== null && { only: [...found] }),
  };
  yield { step: { type: "batch", batch }, archived: keeper.last };
}

interface Keeper {
  /** When all that was given so far is in the archive; null: nothing was, or there is no archive. */
  readonly last: Promise<void> | null;
  keep(offset: number, bytes: Buffer, restart: boolean): void;
  /** What was given is all. */
  end(): void;
  /** Blocks as they are, each given to the archive first. */
  through(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
}

/** A piece archived later is archived after those before: the archive works in order. */
function createKeeper(input: ScanInput, job: Job, source: Source): Keeper {
  const { inode, sizeBytes, mtimeMs } = source.file;
  const stats = { inode, sizeBytes, mtimeMs };
  let last: Promise<void> | null = null;
  let length = 0;

  function keep(offset: number, bytes: Buffer, restart: boolean): void {
    const { agent } = job.reader;
    length = offset + bytes.length;
    last = input.archive?.append(agent, job.file.path, offset, bytes, stats, restart) ?? null;
    last?.catch(() => {}); // whoever gives the step out hears of it
  }

  return {
    get last() {
      return last;
    },
    keep,
    end() {
      last = input.archive?.cut(job.file.path, length, stats) ?? null;
      last?.catch(() => {});
    },
    async *through(blocks) {
      let at = 0;
      for await (const block of blocks) {
        keep(at, block, at === 0);
        at += block.length;
        yield block;
      }
    },
  };
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
  if (from < piece.bytes.length)
    yield { ...piece, offset: piece.offset + from, bytes: piece.bytes.subarray(from) };
}

/** Null: nothing to commit yet, in the middle of a line that is too long. */
function takeStep(
  input: ScanInput,
  job: Job,
  source: Source,
  progress: Progress,
  step: Piece,
  restart: boolean,
): CaptureBatch | null {
  extendPrefix(progress, step);
  const found = createFindings();
  const reader = readStep(input, job, source.format, progress, step, found);
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
function readStep(
  input: ScanInput,
  job: Job,
  format: Format,
  progress: Progress,
  step: Piece,
  found: Findings,
): unknown {
  switch (step.kind) {
    case "lines":
      for (const [start, end] of lineRanges(step.bytes)) {
        progress.line++;
        const record = parseLine(step.bytes, start, end, format);
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
      const record = parseLine(step.bytes, 0, step.bytes.length, format);
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
  return {
    id: sessionId(reader.agent, sourceId),
    agent: reader.agent,
    sourceId: boundedId(sourceId),
  };
}

// ---- What is told of files ----------------------------------------------------------------------------------------

function damagedIn(file: string, lines: readonly number[]): Partial {
  const count = lines.length === 1 ? "1 line" : `${lines.length} lines`;
  return { file, reason: `${count} could not be read. The others are there.`, lines: [...lines] };
}

function titleOf(titles: Titles, reader: Reader, { sourceId, lane }: Identity): string | null {
  return lane === null ? (titles.get(reader.agent)?.get(sourceId) ?? null) : null;
}

/** A title that changed beside an unchanged transcript. */
function retitled(state: FileState, reader: Reader, titles: Titles): CaptureBatch | null {
  if (state.lane !== null) return null;
  for (const [sourceId, title] of titles.get(reader.agent) ?? []) {
    if (sessionId(reader.agent, sourceId) !== state.session) continue;
    const next = reader.retitle(state.reader, title);
    if (next === null) return null;
    const ref = { id: state.session, agent: reader.agent, sourceId: boundedId(sourceId) };
    const file = { ...state, reader: next };
    return {
      ref,
      facts: { title },
      events: [],
      patches: [],
      calls: [],
      file,
      restart: false,
      bytesRead: 0,
    };
  }
  return null;
}
