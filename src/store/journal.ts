/**
 * The journal: what cannot be derived again, on disk before it is acknowledged.
 *
 * PGlite never fsyncs, so a power loss may take its newest commits, and a damaged database is replaced by a fresh one.
 * Sessions are read again from the archive; settings (links, sharing, consent) and what people wrote are not. Those are
 * appended here first, with fdatasync, then written to the database together with their number; at start the database
 * takes what it lacks.
 *
 * A frame is `length u32 · crc32 u32 · JSON` (big endian). Reading ends at the first frame that is cut or does not
 * match: only the newest append can be torn, and it was never acknowledged. What follows is kept in `journal.cut`.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import type { DocKind } from "../crdt/documents.ts";

export type JournalEntry =
  | { readonly type: "set"; readonly key: string; readonly value: unknown }
  | { readonly type: "delete"; readonly key: string }
  | { readonly type: "document"; readonly document: JournaledDocument }
  | { readonly type: "update"; readonly id: string; /** base64 */ readonly update: string };

export interface JournaledDocument {
  readonly id: string;
  readonly kind: DocKind;
  readonly subject: string | null;
  readonly team: string | null;
  readonly cloudProject: string | null;
  readonly generation: number;
  readonly retired: boolean;
}

export interface JournalRecord {
  readonly seq: number;
  readonly entry: JournalEntry;
}

export interface Journal {
  readonly path: string;
  /** On disk when this returns. Gives the number of the last record. Throws the system's error (a full disk, say). */
  append(entries: readonly JournalEntry[]): number;
  /** Records in order, as they were when the journal was opened. */
  readonly records: readonly JournalRecord[];
  readonly sizeBytes: number;
  /** Replaces all records by these, which say the same in fewer words. They bear the newest number. */
  rewrite(entries: readonly JournalEntry[]): void;
  close(): void;
}

const HEADER_BYTES = 8;

export function openJournal(path: string): Journal {
  const { records, goodBytes, rest } = readJournal(path);
  if (rest.length > 0) writeFileSync(`${path}.cut`, rest, { mode: 0o600 });
  let file = openSync(path, "a+", 0o600);
  ftruncateSync(file, goodBytes);
  let sizeBytes = goodBytes;
  let seq = records.at(-1)?.seq ?? -1;

  function write(to: number, entries: readonly JournalEntry[], first: number, step: 0 | 1): number {
    const bytes = Buffer.concat(entries.map((entry, i) => frame({ seq: first + i * step, entry })));
    writeAll(to, bytes);
    fdatasyncSync(to);
    return bytes.length;
  }

  return {
    path,
    records,
    get sizeBytes() {
      return sizeBytes;
    },
    append(entries) {
      try {
        sizeBytes += write(file, entries, seq + 1, 1);
      } catch (error) {
        ftruncateSync(file, sizeBytes);
        throw error;
      }
      seq += entries.length;
      return seq;
    },
    rewrite(entries) {
      if (entries.length === 0) return;
      const unfinished = `${path}.new`;
      const fresh = openSync(unfinished, "w", 0o600);
      sizeBytes = write(fresh, entries, Math.max(seq, 0), 0);
      closeSync(fresh);
      renameSync(unfinished, path);
      syncFolder(dirname(path));
      closeSync(file);
      file = openSync(path, "a+", 0o600);
    },
    close: () => closeSync(file),
  };
}

function frame(record: JournalRecord): Buffer {
  const body = Buffer.from(JSON.stringify(record), "utf8");
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([header, body]);
}

function readJournal(path: string): {
  records: readonly JournalRecord[];
  goodBytes: number;
  rest: Buffer;
} {
  const bytes = readOrEmpty(path);
  const records: JournalRecord[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const body = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + bytes.readUInt32BE(at));
    if (body.length < bytes.readUInt32BE(at) || crc32(body) !== bytes.readUInt32BE(at + 4)) break;
    records.push(JSON.parse(body.toString("utf8")) as JournalRecord);
    at += HEADER_BYTES + body.length;
  }
  return { records, goodBytes: at, rest: bytes.subarray(at) };
}

function readOrEmpty(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}
