/**
 * A snapshot: what the documents of a stream were at a row `n`, and its bytes.
 *
 * ```
 * parent: number of its last row 6 · hash of that row 32 · SHA-256 of all that follows 32 · number of the newest log entry 4
 * devices: count 2 · id 16                     replicas: count 4 · device 2 · replica 16
 * documents: count 4 · kind 1 · owner 2 · name 1 + … · clientIDs: count 2 · clientID 7 · device 2 · state 4 + …
 * other documents with chains: count 4 · wire id 16
 * heads: count 4 · replica 4 · document 4 · sequence 4 · hash 32 · parts: count 2 · 4 + …
 * ```
 * One snapshot has one form: everything is sorted, by id or number. A head's document is an index into the documents and,
 * behind them, the others. Zeros for a parent: there is none.
 */
import { type Bytes, concatBytes, equalBytes, fromUtf8, utf8 } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import type { DocKind } from "../crdt/documents.ts";
import { HASH_BYTES, ID_BYTES, sha256 } from "../crypto/hash.ts";
import { id, number, Reader } from "../crypto/log/wire.ts";
import type { Chain } from "./ports.ts";
import { DOCUMENT_NAME, KIND_CODES, KINDS } from "./seal.ts";

export interface Snapshot {
  readonly parent: Parent | null;
  /** The team log's newest entry that its maker knew: what was taken back by then is not in it. */
  readonly entry: number;
  readonly documents: readonly SnapshotDocument[];
  /** Of the chains that have a row after the parent. */
  readonly chains: readonly Chain[];
}

/** The snapshot before, by its last row. */
export interface Parent {
  readonly last: number;
  readonly hash: Bytes;
}

export interface SnapshotDocument {
  readonly id: DocId;
  readonly kind: DocKind;
  /** The device that wrote its first row. */
  readonly owner: string;
  /** Which device wrote under which clientID. */
  readonly clients: ReadonlyMap<number, string>;
  /** A fresh document's `encodeDoc`. */
  readonly state: Bytes;
}

/** A document's name on the wire. */
export type WireId = (document: DocId) => string;

const OPEN_BYTES = 6 + 2 * HASH_BYTES;
const CLIENT_BYTES = 7;
const NOBODY: ReadonlyMap<number, string> = new Map();

export function encodeSnapshot(
  { parent, entry, documents, chains }: Snapshot,
  wireId: WireId,
): Bytes {
  const docs = documents.toSorted((a, b) => compare(a.id, b.id));
  const named = docs.map((doc) => wireId(doc.id));
  const heads = chains.toSorted((a, b) => compare(a.replica + a.doc, b.replica + b.doc));
  const owners = docs.flatMap(({ owner, clients }) => [owner, ...clients.values()]);
  const devices = sorted([...owners, ...heads.map(({ replica }) => deviceOf(replica))]);
  const replicas = sorted(heads.map(({ replica }) => replica));
  const places = new Set(named);
  const others = sorted(heads.map(({ doc }) => doc).filter((doc) => !places.has(doc)));
  const deviceAt = placesOf(devices);
  const replicaAt = placesOf(replicas);
  const documentAt = placesOf([...named, ...others]);
  const content = concatBytes(
    number(entry, 4),
    ...counted(devices.map(id), 2),
    ...counted(
      replicas.map((replica) =>
        concatBytes(deviceAt(deviceOf(replica), 2), id(replica.slice(2 * ID_BYTES))),
      ),
      4,
    ),
    ...counted(
      docs.map((doc) => documentBytes(doc, deviceAt)),
      4,
    ),
    ...counted(others.map(id), 4),
    ...counted(
      heads.map(({ replica, doc, seq, hash, parts }) =>
        concatBytes(
          ...[replicaAt(replica, 4), documentAt(doc, 4), number(seq, 4), hash],
          ...counted(parts.map(sized), 2),
        ),
      ),
      4,
    ),
  );
  return concatBytes(
    number(parent?.last ?? 0, 6),
    parent?.hash ?? new Uint8Array(HASH_BYTES),
    sha256(content),
    content,
  );
}

/** Null for anything that is not the one form. */
export function decodeSnapshot(bytes: Bytes, wireId: WireId): Snapshot | null {
  if (bytes.length < OPEN_BYTES) return null;
  const content = bytes.subarray(OPEN_BYTES);
  if (!equalBytes(sha256(content), contentHash(bytes))) return null;
  const parent = parentOf(bytes);
  const reader = new Reader(content);
  const entry = reader.number(4);
  const devices = listed(reader, 2, () => reader.id());
  const replicas = listed(reader, 4, () => at(reader, devices, reader.number(2), "") + reader.id());
  const documents = listed(reader, 4, () => readDocument(reader, devices));
  const others = listed(reader, 4, () => reader.id());
  const named = [...documents.map((doc) => wireId(doc.id)), ...others];
  const chains = listed(reader, 4, () => ({
    replica: at(reader, replicas, reader.number(4), ""),
    doc: at(reader, named, reader.number(4), ""),
    seq: reader.number(4),
    hash: reader.take(HASH_BYTES),
    parts: listed(reader, 2, () => reader.take(reader.number(4))),
  }));
  const owners = documents.flatMap(({ owner, clients }) => [owner, ...clients.values()]);
  const oneForm =
    ascending(devices) &&
    ascending(replicas) &&
    ascending(documents.map((doc) => doc.id)) &&
    ascending(others) &&
    ascending(chains.map(({ replica, doc }) => replica + doc)) &&
    refersToAll(devices, [...owners, ...replicas.map(deviceOf)]) &&
    refersToAll(
      replicas,
      chains.map(({ replica }) => replica),
    ) &&
    refersToAll(named, [...named.slice(0, documents.length), ...chains.map(({ doc }) => doc)]);
  return reader.whole && oneForm ? { parent, entry, documents, chains } : null;
}

/** SHA-256 of all that a snapshot says but its parent. */
export function contentHash(bytes: Bytes): Bytes {
  return bytes.slice(6 + HASH_BYTES, OPEN_BYTES);
}

/** Of bytes that `decodeSnapshot` read. */
function parentOf(bytes: Bytes): Parent | null {
  const last = new Reader(bytes.subarray(0, 6)).number(6);
  return last === 0 ? null : { last, hash: bytes.slice(6, 6 + HASH_BYTES) };
}

function documentBytes(
  { id: name, kind, owner, clients, state }: SnapshotDocument,
  deviceAt: Place,
): Bytes {
  const text = utf8(name);
  return concatBytes(
    number(KIND_CODES[kind], 1),
    deviceAt(owner, 2),
    number(text.length, 1),
    text,
    ...counted(
      [...clients]
        .toSorted(([a], [b]) => a - b)
        .map(([client, device]) => concatBytes(number(client, CLIENT_BYTES), deviceAt(device, 2))),
      2,
    ),
    sized(state),
  );
}

function readDocument(reader: Reader, devices: readonly string[]): SnapshotDocument {
  const kind = KINDS.get(reader.number(1)) ?? reader.refuse("decision" as const);
  const owner = at(reader, devices, reader.number(2), "");
  const name = textOf(reader.take(reader.number(1)));
  const pairs = listed(
    reader,
    2,
    () => [reader.number(CLIENT_BYTES), at(reader, devices, reader.number(2), "")] as const,
  );
  const clients = ascending(pairs.map(([client]) => client))
    ? new Map(pairs)
    : reader.refuse(NOBODY);
  const state = reader.take(reader.number(4));
  const docId = DOCUMENT_NAME.test(name) ? name : reader.refuse("");
  return { id: docId as DocId, kind, owner, clients, state };
}

type Place = (value: string, sizeBytes: number) => Bytes;

function placesOf(values: readonly string[]): Place {
  const places = new Map(values.map((value, i) => [value, i]));
  return (value, sizeBytes) => number(places.get(value) as number, sizeBytes);
}

function counted(items: readonly Bytes[], sizeBytes: number): readonly Bytes[] {
  return [number(items.length, sizeBytes), ...items];
}

function sized(bytes: Bytes): Bytes {
  return concatBytes(number(bytes.length, 4), bytes);
}

function listed<T>(reader: Reader, sizeBytes: number, read: () => T): readonly T[] {
  const items: T[] = [];
  for (let left = reader.number(sizeBytes); left > 0 && !reader.refused; left--) items.push(read());
  return items;
}

function at<T>(reader: Reader, values: readonly T[], index: number, instead: T): T {
  return values[index] ?? reader.refuse(instead);
}

function deviceOf(replica: string): string {
  return replica.slice(0, 2 * ID_BYTES);
}

function sorted(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted(compare);
}

/** Strictly, so that nothing is there twice. */
function ascending<T extends string | number>(values: readonly T[]): boolean {
  return values.every((value, i) => i === 0 || (values[i - 1] as T) < value);
}

/** Whether nothing is listed that nobody refers to, and no document among the others. */
function refersToAll(listed: readonly string[], references: readonly string[]): boolean {
  return new Set(listed).size === listed.length && new Set(references).size === listed.length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function textOf(bytes: Bytes): string {
  try {
    return fromUtf8(bytes);
  } catch {
    return "";
  }
}
