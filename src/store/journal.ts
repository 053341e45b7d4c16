/**
 * The journal: what cannot be derived again, on disk before it is acknowledged.
 *
 * PGlite never fsyncs, so a power loss may take its newest commits, and a damaged database is replaced by a fresh one.
 * Sessions are read again from the archive; settings (links, sharing, consent) and what people wrote are not. Those are
 * appended here first, with fdatasync before they are acknowledged, then written to the database together with their
 * number; at start the database takes what it lacks.
 *
 * A frame is `length u32 · crc32 u32 · JSON` (big endian). Only the newest append can be torn, and it was never
 * acknowledged: it is cut off. A frame in the middle that does not match is damage: it is stepped over, and all after it
 * is taken. The bytes are kept beside it, as `journal.cut-<crc32>` and `journal.damaged-<crc32>`.
 */
import {
  closeSync,
  fdatasync,
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
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import type { DocKind } from "../crdt/documents.ts";

export type JournalEntry =
  | { readonly type: "set"; readonly key: string; readonly value: unknown }
  | { readonly type: "delete"; readonly key: string }
  | { readonly type: "document"; readonly document: JournaledDocument }
  | { readonly type: "update"; readonly id: string; /** base64 */ readonly update: string }
  /** All updates of a document so far. */
  | { readonly type: "drop"; readonly id: string };

export interface JournaledDocument {
  readonly id: string;
  readonly kind: DocKind;
  readonly subject: string | null;
  readonly team: string | null;
  readonly cloudProject: string | null;
  readonly generation: number;
  readonly retired: boolean;
  /** In whose name it is sent, while nothing of it was. */
  readonly account: string | null;
}

export interface JournalRecord {
  readonly seq: number;
  readonly entry: JournalEntry;
}

export interface Journal {
  readonly path: string;
  /** Written when this returns: a crash keeps it. Gives the number of the last record. Throws the system's error (a full disk, say). */
  append(entries: readonly JournalEntry[]): number;
  /** Resolves when all that was appended before is on disk: a power loss keeps it. Those who ask at once share one wait. */
  synced(): Promise<void>;
  /** Records in order, as they were when the journal was opened. */
  readonly records: readonly JournalRecord[];
  readonly sizeBytes: number;
  /** The number of its newest record; -1: there was none yet. */
  readonly last: number;
  /** Where it was damaged in the middle: a copy of it as it was. */
  readonly damagedCopy: string | null;
  /** Numbers go on after this one if they would be lower: a journal that was lost begins anew, its database does not. */
  continueAfter(seq: number): void;
  /** Replaces all records by these, which say the same in fewer words. They bear the newest number. */
  rewrite(entries: readonly JournalEntry[]): void;
  close(): void;
}

const dataToDisk = promisify(fdatasync);
const HEADER_BYTES = 8;
/** What `JSON.stringify` makes of a record. */
const BODY_START = '{"seq":';

export function openJournal(path: string): Journal {
  const { bytes, records, goodBytes, isDamaged } = readJournal(path);
  const damagedCopy = isDamaged ? keepBeside(`${path}.damaged`, bytes) : null;
  if (bytes.length > goodBytes) keepBeside(`${path}.cut`, bytes.subarray(goodBytes));
  let file = openSync(path, "a+", 0o600);
  ftruncateSync(file, goodBytes);
  let sizeBytes = goodBytes;
  let seq = records.at(-1)?.seq ?? -1;
  let [running, next]: (Promise<void> | null)[] = [null, null];

  function write(to: number, entries: readonly JournalEntry[], first: number, step: 0 | 1): number {
    const bytes = Buffer.concat(entries.map((entry, i) => frame({ seq: first + i * step, entry })));
    writeAll(to, bytes);
    return bytes.length;
  }

  /**
   * What is written while one is running may have missed it. After a failure nothing is believed any more: the system
   * may have dropped what it could not write, and say of the rest that it is there.
   */
  async function sync(): Promise<void> {
    await running;
    next = null;
    running = dataToDisk(file);
    await running;
  }

  return {
    path,
    records,
    damagedCopy,
    get sizeBytes() {
      return sizeBytes;
    },
    get last() {
      return seq;
    },
    continueAfter(least) {
      seq = Math.max(seq, least);
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
    synced: () => (next ??= sync()),
    rewrite(entries) {
      if (entries.length === 0) return;
      const unfinished = `${path}.new`;
      const fresh = openSync(unfinished, "w", 0o600);
      sizeBytes = write(fresh, entries, Math.max(seq, 0), 0);
      fdatasyncSync(fresh);
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

interface Read {
  readonly bytes: Buffer;
  readonly records: readonly JournalRecord[];
  /** Up to the end of the last whole frame. */
  readonly goodBytes: number;
  /** There are whole frames behind bytes that are none. */
  readonly isDamaged: boolean;
}

function readJournal(path: string): Read {
  const bytes = readOrEmpty(path);
  const records: JournalRecord[] = [];
  let isDamaged = false;
  let goodBytes = 0;
  for (let at = 0; at !== -1 && at < bytes.length;) {
    const body = bodyAt(bytes, at);
    if (body === null) {
      at = nextFrame(bytes, at + 1);
      continue;
    }
    isDamaged ||= at > goodBytes;
    records.push(JSON.parse(body.toString("utf8")) as JournalRecord);
    at += HEADER_BYTES + body.length;
    goodBytes = at;
  }
  return { bytes, records, goodBytes, isDamaged };
}

function bodyAt(bytes: Buffer, at: number): Buffer | null {
  if (at + HEADER_BYTES > bytes.length) return null;
  const from = at + HEADER_BYTES;
  const body = bytes.subarray(from, from + bytes.readUInt32BE(at));
  const whole =
    body.length === bytes.readUInt32BE(at) && crc32(body) === bytes.readUInt32BE(at + 4);
  return whole && body.length > 0 ? body : null;
}

/** Of the first whole frame from here on; -1: there is none. */
function nextFrame(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(BODY_START, from + HEADER_BYTES); at !== -1;) {
    if (bodyAt(bytes, at - HEADER_BYTES) !== null) return at - HEADER_BYTES;
    at = bytes.indexOf(BODY_START, at + 1);
  }
  return -1;
}

/** Never over another copy. Gives its path. */
function keepBeside(name: string, bytes: Uint8Array): string {
  const path = `${name}-${crc32(bytes).toString(16).padStart(8, "0")}`;
  writeFileSync(path, bytes, { mode: 0o600 });
  return path;
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
