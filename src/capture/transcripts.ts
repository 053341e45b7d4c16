/** Answers what a reader asks of other transcripts: from the disk, else from the archive. */
import { access } from "node:fs/promises";
import type { Archive } from "./archive.ts";
import { codex, threadOfName, turnOf } from "./codex.ts";
import { findAll, type Agents } from "./find.ts";
import { parseObject } from "./json.ts";
import { lineRanges, pieces } from "./lines.ts";
import type { Disk } from "./reader.ts";
import { fileBlocks, headOf } from "./sources.ts";

export interface Transcripts extends Disk {
  /** Ids of all turns in a transcript; none when it is not known here. */
  turns(sourceId: string): Promise<ReadonlySet<string>>;
}

/** Files are looked up when first asked for. */
export function createTranscripts(
  input: Agents & { readonly archive: Archive | null },
): Transcripts {
  let index: Promise<Map<string, () => AsyncIterable<Buffer>>> | null = null;

  async function blocksOf(sourceId: string): Promise<AsyncIterable<Buffer> | null> {
    index ??= indexThreads(input);
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

async function indexThreads(
  input: Agents & { readonly archive: Archive | null },
): Promise<Map<string, () => AsyncIterable<Buffer>>> {
  const threads = new Map<string, () => AsyncIterable<Buffer>>();
  const { files } = await findAll({ ...input, readers: [codex] });
  for (const { file } of files) {
    const thread = threadOfName(file.path);
    if (thread !== null) threads.set(thread, () => fileBlocks(file.path));
  }
  const archive = input.archive;
  for (const { path } of archive?.files() ?? []) {
    const thread = threadOfName(path);
    if (archive !== null && thread !== null && !threads.has(thread))
      threads.set(thread, () => archive.read(path));
  }
  return threads;
}
