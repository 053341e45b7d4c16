/**
 * What of a document is known to be in the cloud, and what is not yet.
 *
 * `Known` is folded only from updates that stand in a verified stream: a state vector (contiguous per client: what
 * lies after a gap is not counted, so it is sent once too often rather than never) and the set of deletes, which state
 * vectors do not cover. Pending is everything beyond it, of every clientID: content typed in a renderer, or by a
 * process that crashed before its push, has clientIDs that nobody calls his own any more.
 *
 * Bytes that are no Yjs update make these functions throw: what a peer sent is checked with `isUpdate` first.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as Y from "yjs";
import type { Bytes } from "../base/bytes.ts";
import { openDoc } from "./documents.ts";

export interface Known {
  /** Yjs's own encoding of a state vector. */
  readonly stateVector: Bytes;
  /** Yjs's own encoding of a delete set, sorted and merged. */
  readonly deleteSet: Bytes;
}

export const EMPTY_KNOWN: Known = {
  stateVector: new Uint8Array([0]),
  deleteSet: new Uint8Array([0]),
};

/** `known` with these updates of the stream. Order matters only where one fills the gap before another. */
export function foldKnown(known: Known, ...updates: readonly Uint8Array[]): Known {
  return foldDecoded(
    known,
    updates.map((update) => Y.decodeUpdate(update)),
  );
}

/** What one update puts into an empty document; null when it is no update (`isUpdate`). */
export function knownOf(update: Uint8Array): Known | null {
  try {
    const decoded = Y.decodeUpdate(update);
    return isWellFormed(decoded) ? foldDecoded(EMPTY_KNOWN, [decoded]) : null;
  } catch {
    return null;
  }
}

function foldDecoded(known: Known, updates: readonly Decoded[]): Known {
  const clocks = Y.decodeStateVector(known.stateVector);
  const deletes = decodeDeletes(known.deleteSet);
  for (const { structs, ds } of updates) {
    foldStructs(clocks, structs);
    addDeletes(deletes, deletesOf(ds));
  }
  return { stateVector: encodeClocks(clocks), deleteSet: encodeDeletes(deletes) };
}

/**
 * One update with all that lies beyond `known`, of every clientID, and the deletes not in it; null when there is
 * neither. What stands after a gap waits until the gap is filled: nobody could apply it.
 *
 * Deletes that every peer derives by itself (a map's value that was overwritten, content of a deleted parent) are no
 * reason to send: else a reader who pulled two people's values of one key would answer with a row of its own.
 */
export function pendingUpdate(state: Uint8Array | Y.Doc, known: Known): Bytes | null {
  const clocks = Y.decodeStateVector(known.stateVector);
  const update = state instanceof Y.Doc ? Y.encodeStateAsUpdate(state, known.stateVector) : state;
  const { structs, ds } = Y.decodeUpdate(update);
  const fresh = structsBeyond(clocks, structs);
  let deletes = withoutDeletes(deletesOf(ds), decodeDeletes(known.deleteSet));
  if (fresh.size === 0 && deletes.size > 0) {
    deletes = withoutDerived(state instanceof Y.Doc ? state : openDoc(state), deletes);
  }
  return fresh.size === 0 && deletes.size === 0 ? null : encodeUpdate(fresh, deletes);
}

/** Whether all that `inner` knows is known to `outer` too. */
export function isInside(inner: Known, outer: Known): boolean {
  const clocks = Y.decodeStateVector(outer.stateVector);
  for (const [client, clock] of Y.decodeStateVector(inner.stateVector))
    if (clock > (clocks.get(client) ?? 0)) return false;
  const deletes = decodeDeletes(inner.deleteSet);
  return withoutDeletes(deletes, decodeDeletes(outer.deleteSet)).size === 0;
}

/** Under how many clientIDs something is known. */
export function writersIn({ stateVector }: Known): number {
  return decoding.readVarUint(decoding.createDecoder(stateVector));
}

/** Those of which something is known. */
export function clientsKnown({ stateVector }: Known): ReadonlySet<number> {
  return new Set(Y.decodeStateVector(stateVector).keys());
}

/** The clientIDs under which an update says something. */
export function clientsOf(update: Uint8Array): ReadonlySet<number> {
  const { structs } = Y.decodeUpdate(update);
  return new Set(
    structs.filter((struct) => !(struct instanceof Y.Skip)).map(({ id }) => id.client),
  );
}

/**
 * Whether what an update holds as gone is deleted: by the update, or as `isDeleted` says. Content that is gone without that
 * would be taken where it comes first, and left out where the content lives.
 */
export function deletesWhatIsGone(
  update: Uint8Array,
  isDeleted: (client: number, gone: Range) => boolean,
): boolean {
  const { structs, ds } = Y.decodeUpdate(update);
  const gone = withoutDeletes(goneOf(structs), deletesOf(ds));
  return [...gone].every(([client, ranges]) => ranges.every((range) => isDeleted(client, range)));
}

/** Whether `pending`, what a document deletes that it has not yet (Yjs's second encoding), has all of this. */
export function isDeletedBy(pending: Uint8Array | null, client: number, range: Range): boolean {
  if (pending === null) return false;
  const ranges = deletesOf(Y.decodeUpdateV2(pending).ds).get(client) ?? [];
  return subtract([range], ranges).length === 0;
}

/**
 * Whether these bytes are a Yjs update in the form that Yjs writes. It reads others too, and then writes a document that it
 * cannot read again: with places beyond 2⁵³, with things of no length, with deletes out of order, with a writer's thing that
 * stands beside a later one of his. (Most damaged updates are applied without an error: this proves nothing else.)
 */
export function isUpdate(bytes: Uint8Array): boolean {
  try {
    return isWellFormed(Y.decodeUpdate(bytes));
  } catch {
    return false;
  }
}

function isWellFormed({ structs, ds }: Decoded): boolean {
  return structs.every(isWellPlaced) && [...ds.clients].every(isInOrder);
}

type Decoded = ReturnType<typeof Y.decodeUpdate>;
type Struct = Y.Item | Y.GC | Y.Skip;
/** Clocks of one client, without the last. */
export interface Range {
  readonly clock: number;
  readonly end: number;
}
/** Sorted, not touching, by client. */
export type Deletes = Map<number, readonly Range[]>;
interface Tail {
  /** Of the first struct, what is known already. */
  readonly offset: number;
  readonly structs: readonly Struct[];
}

function isWellPlaced(struct: Struct): boolean {
  const { id, length } = struct;
  if (length < 1 || !isSafe(id) || !Number.isSafeInteger(id.clock + length)) return false;
  if (!(struct instanceof Y.Item)) return true;
  return [struct.origin, struct.rightOrigin, struct.parent].every(
    (named) =>
      !(named instanceof Y.ID) ||
      (isSafe(named) && (named.client !== id.client || named.clock < id.clock)),
  );
}

function isSafe({ client, clock }: Y.ID): boolean {
  return Number.isSafeInteger(client) && Number.isSafeInteger(clock);
}

function isInOrder([client, ranges]: readonly [number, readonly { clock: number; len: number }[]]) {
  let from = 0;
  return ranges.every(({ clock, len }) => {
    const inOrder = clock >= from && len >= 1;
    from = clock + len;
    return inOrder && Number.isSafeInteger(client) && Number.isSafeInteger(from);
  });
}

function foldStructs(clocks: Map<number, number>, structs: readonly Struct[]): void {
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue;
    const { client, clock } = struct.id;
    const known = clocks.get(client) ?? 0;
    const end = clock + struct.length;
    if (clock <= known && end > known) clocks.set(client, end);
  }
}

/** Of each client the unbroken run of structs that begins at its known clock. */
function structsBeyond(
  clocks: ReadonlyMap<number, number>,
  structs: readonly Struct[],
): Map<number, Tail> {
  const tails = new Map<number, { offset: number; structs: Struct[]; end: number }>();
  for (const struct of structs) {
    const { client, clock } = struct.id;
    const tail = tails.get(client);
    const from = tail?.end ?? clocks.get(client) ?? 0;
    const end = clock + struct.length;
    if (struct instanceof Y.Skip || clock > from || end <= from) continue;
    if (tail === undefined) tails.set(client, { offset: from - clock, structs: [struct], end });
    else if (clock === from) {
      tail.structs.push(struct);
      tail.end = end;
    }
  }
  return tails;
}

/** An update of these things, from `offset` on in the first of each client's, and these deletes. */
export function encodeUpdate(tails: ReadonlyMap<number, Tail>, deletes: Deletes): Bytes {
  const encoder = new Y.UpdateEncoderV1();
  encoding.writeVarUint(encoder.restEncoder, tails.size);
  // Yjs writes higher clients first; merging relies on that order.
  for (const [client, { structs, offset }] of [...tails].toSorted(([a], [b]) => b - a)) {
    encoding.writeVarUint(encoder.restEncoder, structs.length);
    encoder.writeClient(client);
    encoding.writeVarUint(encoder.restEncoder, (structs[0] as Struct).id.clock + offset);
    structs.forEach((struct, i) => struct.write(encoder, i === 0 ? offset : 0));
  }
  writeDeletes(encoder.restEncoder, deletes);
  return encoder.toUint8Array() as Bytes;
}

function encodeClocks(clocks: Map<number, number>): Bytes {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, clocks.size);
  for (const [client, clock] of [...clocks].toSorted(([a], [b]) => b - a)) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock);
  }
  return encoding.toUint8Array(encoder) as Bytes;
}

function encodeDeletes(deletes: Deletes): Bytes {
  const encoder = encoding.createEncoder();
  writeDeletes(encoder, deletes);
  return encoding.toUint8Array(encoder) as Bytes;
}

function writeDeletes(encoder: encoding.Encoder, deletes: Deletes): void {
  encoding.writeVarUint(encoder, deletes.size);
  for (const [client, ranges] of [...deletes].toSorted(([a], [b]) => b - a)) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, ranges.length);
    for (const { clock, end } of ranges) {
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarUint(encoder, end - clock);
    }
  }
}

function decodeDeletes(bytes: Uint8Array): Deletes {
  const decoder = decoding.createDecoder(bytes);
  const deletes: Deletes = new Map();
  for (let clients = decoding.readVarUint(decoder); clients > 0; clients--) {
    const client = decoding.readVarUint(decoder);
    const ranges: Range[] = [];
    for (let count = decoding.readVarUint(decoder); count > 0; count--) {
      const clock = decoding.readVarUint(decoder);
      ranges.push({ clock, end: clock + decoding.readVarUint(decoder) });
    }
    deletes.set(client, ranges);
  }
  return deletes;
}

function deletesOf(ds: ReturnType<typeof Y.decodeUpdate>["ds"]): Deletes {
  const deletes: Deletes = new Map();
  for (const [client, items] of ds.clients) {
    deletes.set(client, union(items.map(({ clock, len }) => ({ clock, end: clock + len }))));
  }
  return deletes;
}

function goneOf(structs: readonly Struct[]): Deletes {
  const gone = new Map<number, Range[]>();
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue;
    if (struct instanceof Y.Item && !(struct.content instanceof Y.ContentDeleted)) continue;
    const { client, clock } = struct.id;
    const ranges = gone.get(client) ?? [];
    ranges.push({ clock, end: clock + struct.length });
    gone.set(client, ranges);
  }
  return new Map([...gone].map(([client, ranges]) => [client, union(ranges)]));
}

function addDeletes(into: Deletes, more: Deletes): void {
  for (const [client, ranges] of more)
    into.set(client, union([...(into.get(client) ?? []), ...ranges]));
}

function union(ranges: readonly Range[]): readonly Range[] {
  const merged: { clock: number; end: number }[] = [];
  for (const { clock, end } of ranges.toSorted((a, b) => a.clock - b.clock)) {
    const last = merged.at(-1);
    if (end <= clock) continue;
    if (last !== undefined && clock <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ clock, end });
  }
  return merged;
}

function withoutDeletes(deletes: Deletes, taken: Deletes): Deletes {
  const rest: Deletes = new Map();
  for (const [client, ranges] of deletes) {
    const left = subtract(ranges, taken.get(client) ?? []);
    if (left.length > 0) rest.set(client, left);
  }
  return rest;
}

function subtract(ranges: readonly Range[], taken: readonly Range[]): readonly Range[] {
  const left: Range[] = [];
  let next = 0;
  for (const { clock, end } of ranges) {
    let from = clock;
    while (next < taken.length && (taken[next] as Range).end <= from) next++;
    for (let i = next; i < taken.length && (taken[i] as Range).clock < end; i++) {
      const cut = taken[i] as Range;
      if (cut.clock > from) left.push({ clock: from, end: cut.clock });
      from = Math.max(from, cut.end);
    }
    if (from < end) left.push({ clock: from, end });
  }
  return left;
}

function withoutDerived(doc: Y.Doc, deletes: Deletes): Deletes {
  const derived: Deletes = new Map();
  for (const [client, ranges] of deletes) {
    const structs = doc.store.clients.get(client) ?? [];
    derived.set(client, union(ranges.flatMap((range) => derivedIn(structs, range))));
  }
  return withoutDeletes(deletes, derived);
}

function derivedIn(structs: readonly (Y.Item | Y.GC)[], range: Range): readonly Range[] {
  const last = structs.at(-1);
  if (last === undefined || range.clock >= last.id.clock + last.length) return [];
  const found: Range[] = [];
  for (let i = Y.findIndexSS(structs as (Y.Item | Y.GC)[], range.clock); i < structs.length; i++) {
    const struct = structs[i] as Y.Item | Y.GC;
    if (struct.id.clock >= range.end) break;
    if (isDerived(struct))
      found.push({ clock: struct.id.clock, end: struct.id.clock + struct.length });
  }
  return found;
}

/**
 * Of the items under one key of a map only the last can live: integrating any other deletes it, at every peer. So does
 * a deleted parent with what is in it; once that is collected its parent cannot be told, and the delete is sent.
 */
function isDerived(struct: Y.Item | Y.GC): boolean {
  if (!(struct instanceof Y.Item)) return false;
  if (struct.parentSub !== null && struct.right !== null) return true;
  return struct.parent instanceof Y.AbstractType && struct.parent._item?.deleted === true;
}
