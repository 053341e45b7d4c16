/**
 * Documents' updates into rows and back, and presence messages. The only place that calls bytes `Sealed`: whatever leaves
 * this device in a row went through `sealUpdate`.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { fail, ok, type Result } from "../base/result.ts";
import type { DocKind } from "../crdt/documents.ts";
import type { DeviceIdentity } from "../crypto/device.ts";
import { HASH_BYTES } from "../crypto/hash.ts";
import {
  FIRST_SEQUENCE,
  KIND_UPDATE,
  type Mark,
  projectTag,
  type RowHeader,
  teamTag,
} from "../crypto/header.ts";
import { encodePresence, openPresence, type Presence, presenceKey } from "../crypto/presence.ts";
import {
  encodeRow,
  MAX_PARTS,
  openRow,
  PART_BYTES,
  type Proof,
  type RowContent,
  type RowFault,
  rowHash,
} from "../crypto/row.ts";
import { documentKey, type TeamKeys, wireDocumentId } from "../crypto/team.ts";
import type { Cursor, StreamRef } from "./ports.ts";
import { streamKey } from "./streams.ts";
import type { Sealed } from "./transport.ts";

/** Never renumbered: they stand in rows. */
export const KIND_CODES: Readonly<Record<DocKind, number>> = {
  trace: 1,
  notes: 2,
  decision: 3,
  project: 4,
};
/** Of rows about snapshots. */
const NO_KIND = 0;
export const KINDS: ReadonlyMap<number, DocKind> = new Map(
  Object.entries(KIND_CODES).map(([kind, code]) => [code, kind as DocKind]),
);

/** What a document may be called: printable ASCII. */
export const DOCUMENT_NAME = /^[\x21-\x7e]+$/;

/** Who writes: a device, in one process. */
export interface Author {
  readonly keys: TeamKeys;
  readonly device: DeviceIdentity;
  /** 32 hex digits, fresh in every process. */
  readonly replica: string;
}

/** The author's newest row in a document. */
export interface Tail {
  readonly seq: number;
  readonly hash: Bytes;
}

export interface SealedRow {
  readonly row: Sealed;
  readonly hash: Bytes;
  readonly header: RowHeader;
  readonly change: Change;
}

/** What a row says. */
export interface Change {
  readonly doc: DocId;
  readonly kind: DocKind;
  /** The newest place in the stream its author had verified. */
  readonly head: Cursor;
  readonly part: number;
  readonly parts: number;
  /** An update, or one part of it. */
  readonly body: Bytes;
}

export interface Target {
  readonly doc: DocId;
  readonly kind: DocKind;
  readonly stream: StreamRef;
}

/** One row, or for a large update as many as it needs. Throws `RangeError` over 128 MiB. */
export function sealUpdate(
  author: Author,
  target: Target,
  update: Bytes,
  tail: Tail | null,
  head: Cursor,
  random: Random,
): readonly SealedRow[] {
  const document = wireDocumentId(author.keys, target.doc);
  const key = documentKey(author.keys, document);
  const parts = Math.max(1, Math.ceil(update.length / PART_BYTES));
  if (parts > MAX_PARTS) throw new RangeError("an update has at most 128 MiB");
  const rows: SealedRow[] = [];
  let last = tail;
  for (let part = 0; part < parts; part++) {
    const body = update.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
    const change: Change = { doc: target.doc, kind: target.kind, head, part, parts, body };
    const header: RowHeader = {
      kind: KIND_UPDATE,
      ...streamTags(target.stream),
      document,
      device: author.device.id,
      replica: author.replica,
      epoch: author.keys.epoch,
      seq: last ? last.seq + 1 : FIRST_SEQUENCE,
      previous: last ? last.hash : new Uint8Array(HASH_BYTES),
    };
    const row = encodeRow(
      header,
      contentOf(change),
      { device: author.device, document: key },
      random,
    ) as Sealed;
    last = { seq: header.seq, hash: rowHash(row) };
    rows.push({ row, hash: last.hash, header, change });
  }
  return rows;
}

/**
 * A row about a snapshot, or for a large snapshot as many as it needs: the chain of a replica of its own, so that nothing
 * has to be remembered. Throws `RangeError` over 128 MiB.
 */
export function sealMark(
  author: Author,
  stream: StreamRef,
  { kind, n }: { readonly kind: number; readonly n: number },
  body: Bytes,
  head: Cursor,
  random: Random,
): readonly Sealed[] {
  const name = marksName(stream);
  const document = wireDocumentId(author.keys, name);
  const keys = { device: author.device, document: documentKey(author.keys, document) };
  const parts = Math.max(1, Math.ceil(body.length / PART_BYTES));
  if (parts > MAX_PARTS) throw new RangeError("a snapshot has at most 128 MiB");
  const rows: Sealed[] = [];
  for (let part = 0; part < parts; part++) {
    const last = rows.at(-1);
    const header: RowHeader = {
      kind,
      ...streamTags(stream),
      document,
      device: author.device.id,
      replica: author.replica,
      epoch: author.keys.epoch,
      seq: FIRST_SEQUENCE + part,
      previous: last ? rowHash(last) : new Uint8Array(HASH_BYTES),
      mark: { n, left: parts - part - 1 },
    };
    const content: RowContent = {
      ...{ head, part, parts, documentKind: NO_KIND, document: name },
      body: body.subarray(part * PART_BYTES, (part + 1) * PART_BYTES),
    };
    rows.push(encodeRow(header, content, keys, random) as Sealed);
  }
  return rows;
}

/** What one row about a snapshot says. */
export interface MarkRow {
  readonly header: RowHeader & { readonly mark: Mark };
  readonly head: Cursor;
  readonly part: number;
  readonly parts: number;
  readonly body: Bytes;
}

/** The counterpart of `sealMark`, row by row. Null: it is none, or not of this stream. */
export function unsealMark(
  row: Bytes,
  stream: StreamRef,
  proof: Proof,
  keys: TeamKeys,
): MarkRow | null {
  const opened = openRow(row, streamTags(stream), proof, (header) =>
    documentKey(keys, header.document),
  );
  if (!opened.ok) return null;
  const { header, content } = opened.value;
  const { head, part, parts, body, documentKind, document } = content;
  const { mark } = header;
  if (!mark || mark.left !== parts - part - 1 || documentKind !== NO_KIND) return null;
  const name = marksName(stream);
  if (document !== name || wireDocumentId(keys, name) !== header.document) return null;
  return { header: { ...header, mark }, head, part, parts, body };
}

/** Besides `openRow`'s faults: "row-name", when the sealed name is not the one the header stands for. */
export function unsealRow(
  row: Bytes,
  stream: StreamRef,
  proof: Proof,
  keys: TeamKeys,
): Result<
  { readonly header: RowHeader; readonly change: Change },
  RowFault | { type: "row-name"; message: string }
> {
  const opened = openRow(row, streamTags(stream), proof, (header) =>
    documentKey(keys, header.document),
  );
  if (!opened.ok) return opened;
  const { header, content } = opened.value;
  if (header.kind !== KIND_UPDATE)
    return fail("row-name", "what it says of a snapshot cannot be read");
  const kind = KINDS.get(content.documentKind);
  if (!kind) return fail("row-unknown", "it is of a kind of document this version does not know");
  if (
    !DOCUMENT_NAME.test(content.document) ||
    wireDocumentId(keys, content.document) !== header.document
  )
    return fail("row-name", "it names another document inside than outside");
  const { head, part, parts, body } = content;
  return ok({ header, change: { doc: content.document as DocId, kind, head, part, parts, body } });
}

export function sealPresence(
  { keys, device, replica }: Author,
  stream: StreamRef,
  said: Omit<Presence, "device" | "replica">,
  random: Random,
): Sealed {
  const context = { ...streamTags(stream), epoch: keys.epoch };
  const by = { device, key: presenceKey(keys) };
  return encodePresence(context, { ...said, replica }, by, random) as Sealed;
}

/** Null: nothing that a device with such a key said in this stream and epoch. */
export function unsealPresence(
  message: Bytes,
  stream: StreamRef,
  keys: TeamKeys,
  signKeyOf: (device: string) => Bytes | null,
): Presence | null {
  const context = { ...streamTags(stream), epoch: keys.epoch };
  return openPresence(message, context, presenceKey(keys), signKeyOf);
}

/** The stream as a row's header has it. */
export function streamTags(stream: StreamRef): {
  readonly team: string;
  readonly project: string | null;
} {
  return {
    team: teamTag(stream.team),
    project: stream.project === null ? null : projectTag(stream.project),
  };
}

export function joinParts(parts: readonly Bytes[]): Bytes {
  return parts.length === 1 ? (parts[0] as Bytes) : concatBytes(...parts);
}

/** The document that rows about snapshots of a stream are said to be of. No document has such a name. */
function marksName(stream: StreamRef): string {
  return `snapshots of ${streamKey(stream)}`;
}

function contentOf(change: Change): RowContent {
  const { head, part, parts, body } = change;
  return { head, part, parts, documentKind: KIND_CODES[change.kind], document: change.doc, body };
}
