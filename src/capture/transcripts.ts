/** Answers what a reader asks of other transcripts: from the disk, else from the archive. */
import { access } from "node:fs/promises";
import type { Archive } from "./archive.ts";
import { findAll, type Agents } from "./find.ts";
import { parseObject } from "./json.ts";
import { lineRanges, pieces } from "./lines.ts";
import type { Disk, Reader } from "./reader.ts";
import { fileBlocks, headOf } from "./sources.ts";

/** Those of one agent. */
interface Transcripts extends Disk {
  /** Ids of all turns in a transcript; none when it is not known here. */
  turns(sourceId: string): Promise<ReadonlySet<string>>;
}

type Input = Omit<Agents, "readers"> & { readonly archive: Archive | null };
type Threads = ReadonlyMap<string, () => AsyncIterable<Buffer>>;

export type TranscriptsOf = (reader: Reader) => Transcripts;

export function createTranscripts(input: Input): TranscriptsOf {
  const made = new Map<Reader, Transcripts>();
  return (reader) => {
    const known = made.get(reader) ?? transcriptsOf(reader, input);
    made.set(reader, known);
    return known;
  };
}

/** Files are looked up when first asked for. */
function transcriptsOf(reader: Reader, input: Input): Transcripts {
  let index: Promise<Threads> | null = null;

  async function blocksOf(sourceId: string): Promise<AsyncIterable<Buffer> | null> {
    index ??= indexThreads(reader, input);
    return (await index).get(sourceId)?.() ?? null;
  }

  return {
    exists: (path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    async head(sourceId) {
      const blocks = await blocksOf(sourceId);
      return blocks === null ? null : await headOf(blocks, "lines");
    },
    async turns(sourceId) {
      const turns = new Set<string>();
      const { turnMark } = reader;
      const blocks = turnMark === null ? null : await blocksOf(sourceId);
      if (turnMark === null || blocks === null) return turns;
      for await (const piece of pieces(blocks, 0)) {
        if (piece.kind === "overlong") continue;
        for (const [start, end] of lineRanges(piece.bytes)) {
          const line = piece.bytes.subarray(start, end);
          if (!line.includes(turnMark)) continue;
          const turn = reader.turn(parseObject(line.toString()) ?? {});
          if (turn !== null) turns.add(turn);
        }
      }
      return turns;
    },
  };
}

async function indexThreads(reader: Reader, input: Input): Promise<Threads> {
  const threads = new Map<string, () => AsyncIterable<Buffer>>();
  const { files } = await findAll({ ...input, readers: [reader] });
  for (const { file } of files) {
    const thread = reader.thread(file.path);
    if (thread !== null) threads.set(thread, () => fileBlocks(reader, file.path));
  }
  const archive = input.archive;
  for (const { agent, path } of archive?.files() ?? []) {
    const thread = agent === reader.agent ? reader.thread(path) : null;
    if (archive !== null && thread !== null && !threads.has(thread))
      threads.set(thread, () => archive.read(path));
  }
  return threads;
}
