/**
 * Documents' updates into rows and back. The only place that calls bytes `Sealed`: whatever leaves this device in a
 * row went through `sealUpdate`.
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
  projectTag,
  type RowHeader,
  teamTag,
} from "../crypto/header.ts";
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
import type { Sealed } from "./transport.ts";

/** Never renumbered: they stand in rows. */
const KIND_CODES: Readonly<Record<DocKind, number>> = {
  trace: 1,
  notes: 2,
  decision: 3,
  project: 4,
};
const KINDS = new Map(Object.entries(KIND_CODES).map(([kind, code]) => [code, kind as DocKind]));

/** What a document may be called: printable ASCII. */
const DOCUMENT_NAME = /^[\x21-\x7e]+$/;

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

function contentOf(change: Change): RowContent {
  const { head, part, parts, body } = change;
  return { head, part, parts, documentKind: KIND_CODES[change.kind], document: change.doc, body };
}
