/**
 * Rows of one stream into one commit. Two passes over a page:
 *
 * - backwards, each row is proven and opened: the newest row of a run (one replica's rows in one document) by its
 *   signature, the ones before by the hash that their successor names;
 * - forwards, each proven row is held against its chain, its document and what its author claims to have seen.
 *
 * Then the updates of each document are tried on a copy of it: one that cannot be applied would make the document one
 * that nobody can open, one that contradicts it would make the devices' documents differ. A row that fails is skipped with an alarm; the running hash counts it all the same. Nothing is
 * stored here.
 */
import { type Bytes, equalBytes, toHex } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import { never } from "../base/result.ts";
import { contradicting } from "../crdt/contradictions.ts";
import {
  CLIENT_MIN_BYTES,
  type DocKind,
  encodeDoc,
  inapplicable,
  openDoc,
} from "../crdt/documents.ts";
import { foldKnown, isUpdate, EMPTY_KNOWN, type Known, writersIn } from "../crdt/known.ts";
import { FIRST_SEQUENCE, KIND_DISPUTE, peekHeader, type RowHeader } from "../crypto/header.ts";
import { proveRow, type Proof, rowHash } from "../crypto/row.ts";
import type { Alarms } from "./alarms.ts";
import type { Chains } from "./chains.ts";
import type { Heads } from "./heads.ts";
import type {
  Chain,
  Cursor,
  DocumentInfo,
  PulledBatch,
  StreamRef,
  SyncStore,
  UnappliedRow,
} from "./ports.ts";
import {
  type Change,
  joinParts,
  type MarkRow,
  type SealedRow,
  unsealMark,
  unsealRow,
} from "./seal.ts";
import { advance, sameStream } from "./streams.ts";
import type { ReadingTeam } from "./team/team.ts";
import type { PulledRow } from "./transport.ts";

export interface ReadPage {
  readonly batch: PulledBatch;
  /** For documents that are open in a window: what the batch adds. */
  readonly applied: readonly { readonly doc: DocId; readonly updates: readonly Bytes[] }[];
  /** Every change that was taken, in the order of its document, with the device that wrote it. */
  readonly written: readonly Written[];
  /** Hashes (hex) of this process's own rows in the page. */
  readonly own: ReadonlySet<string>;
  /** Rows of others that were taken. */
  readonly taken: number;
  /** There are rows in it that another device of this version may be able to read: it has another key, or they are damaged here. */
  readonly unread: boolean;
  /** When a document has grown before the commit: held against what it is now. Not `judged`: committed whatever it is then. */
  again(judged: boolean): Promise<ReadPage>;
}

export interface Written {
  readonly doc: DocId;
  readonly device: string;
  readonly update: Bytes;
}

export interface ReaderOptions {
  readonly store: Pick<SyncStore, "document" | "chain" | "state">;
  /** The newest ones that were committed. */
  readonly chains: Chains;
  readonly team: ReadingTeam;
  readonly heads: Heads;
  /** How many bytes of changes are open at once, about; none: all. Rows take a fraction of that, when they were made for it. */
  readonly stepBytes?: number;
}

/** The places in the stream after each row, as far as the numbers follow each other. */
export function placesOf(cursor: Cursor, rows: readonly PulledRow[]): readonly Cursor[] {
  const places: Cursor[] = [];
  let last = cursor;
  for (const { n, row } of rows) {
    if (n !== last.n + 1) break;
    last = advance(last, rowHash(row));
    places.push(last);
  }
  return places;
}

/**
 * Rows must follow the stream's cursor without a hole (`places`: `placesOf` them). `own`: rows of this process by hash (hex).
 * Takes as many of the first rows as `stepBytes` allows, one at least: up to the last place of the batch.
 */
export async function readPage(
  options: ReaderOptions,
  stream: StreamRef,
  rows: readonly PulledRow[],
  places: readonly Cursor[],
  own: ReadonlyMap<string, SealedRow>,
  alarms: Alarms,
): Promise<ReadPage> {
  const page = new PageReader(options, stream, alarms);
  const proven = openSome(options, stream, rows, own);
  let taken = 0;
  for (const read of proven) {
    if (!page.hasRoomFor(read)) break;
    await page.take(read, rows[taken] as PulledRow);
    options.heads.note(stream, places[taken] as Cursor);
    taken++;
  }
  await page.tryUpdates();
  return page.result(places.slice(0, taken));
}

type Read =
  | {
      readonly is: "own";
      readonly hash: string;
      readonly header: RowHeader;
      readonly change: Change;
    }
  | {
      readonly is: "change";
      readonly hash: Bytes;
      readonly header: RowHeader;
      readonly change: Change;
    }
  | {
      readonly is: "mark";
      readonly hash: Bytes;
      readonly header: RowHeader;
      readonly mark: MarkRow;
    }
  /** Of a newer version or key: `header` is null when not even that can be read. */
  | { readonly is: "unknown"; readonly hash: Bytes; readonly header: RowHeader | null }
  /** Of a kind that no program of this version reads. */
  | { readonly is: "newer"; readonly hash: Bytes; readonly header: RowHeader }
  /** Its device's, and not acceptable. */
  | { readonly is: "bad"; readonly hash: Bytes; readonly header: RowHeader; readonly why: string }
  | { readonly is: "forged"; readonly device: string; readonly why: string };

/** The first of these rows. What they inflate to is only known when they are open. */
function openSome(
  options: ReaderOptions,
  stream: StreamRef,
  rows: readonly PulledRow[],
  own: ReadonlyMap<string, SealedRow>,
): readonly Read[] {
  const reads = openAll(options, stream, rows, own);
  return reads ?? openSome(options, stream, rows.slice(0, Math.ceil(rows.length / 2)), own);
}

/** Null: more than one, and too much for one step. */
function openAll(
  options: ReaderOptions,
  stream: StreamRef,
  rows: readonly PulledRow[],
  own: ReadonlyMap<string, SealedRow>,
): readonly Read[] | null {
  const { stepBytes = Infinity } = options;
  let sizeBytes = 0;
  const reads: Read[] = [];
  const successors = new Map<string, RowHeader>();
  for (const { row, n } of rows.toReversed()) {
    const hash = rowHash(row);
    const mine = own.get(toHex(hash));
    const read: Read = mine
      ? { is: "own", hash: toHex(hash), header: mine.header, change: mine.change }
      : open(options.team, { stream, row, n }, hash, successors);
    if (read.is !== "forged" && read.header) successors.set(chainKey(read.header), read.header);
    if (read.is === "change") sizeBytes += read.change.body.length;
    if (sizeBytes > stepBytes && rows.length > 1) return null;
    reads.push(read);
  }
  return reads.toReversed();
}

function open(
  team: ReaderOptions["team"],
  { stream, row, n }: PulledRow,
  hash: Bytes,
  successors: ReadonlyMap<string, RowHeader>,
): Read {
  const peeked = peekHeader(row);
  if (!peeked.ok) {
    return peeked.fault.type === "row-unknown"
      ? { is: "unknown", hash, header: null }
      : { is: "forged", device: "", why: peeked.fault.message };
  }
  const header = peeked.value;
  const signKey = team.signKeyOf(header.device);
  if (!signKey) return { is: "forged", device: header.device, why: "the team has no such device" };
  if (!team.accepts(header.device, stream, n))
    return { is: "forged", device: header.device, why: "the device had been removed by then" };
  const next = successors.get(chainKey(header));
  const vouched =
    next !== undefined && next.seq === header.seq + 1 && equalBytes(next.previous, hash);
  const proof: Proof = vouched ? { by: "successor", header: next } : { by: "signature", signKey };
  const keys = team.keys.of(header.epoch);
  if (keys === null)
    return proveRow(row, header, proof)
      ? { is: "unknown", hash, header }
      : { is: "forged", device: header.device, why: UNPROVEN };
  const mark = header.mark && unsealMark(row, stream, proof, keys);
  if (mark) return { is: "mark", hash, header, mark };
  const opened = unsealRow(row, stream, proof, keys);
  if (opened.ok) return { is: "change", hash, header, change: opened.value.change };
  switch (opened.fault.type) {
    case "row-malformed":
    case "row-moved":
    case "row-signature":
      return { is: "forged", device: header.device, why: opened.fault.message };
    case "row-unknown":
      return { is: "newer", hash, header };
    case "row-sealed":
    case "row-padding":
    case "row-content":
    case "row-name":
      return { is: "bad", hash, header, why: opened.fault.message };
    default:
      return never(opened.fault);
  }
}

const UNPROVEN = "it is under a key that the team never had, and its signature is not its device's";
const AHEAD = "it claims to have seen what came after it";
export const NOT_SHARED = "its document is not shared there";
export const OTHER_KIND = "its document is of another kind";
export const OTHER_OWNER = "a session is written only by the device that recorded it";
export const INAPPLICABLE = "its change cannot be applied";
export const CONTRADICTS =
  "it says something else under a name that is taken, as if one of two programs wrote as the other";

const CROWDED = "its document would have more writers than one can have";
/** A snapshot has no room for more (`snapshot.ts`). */
export const MAX_CLIENTS = 65_535;

interface OpenDocument {
  /** Null: it is not here yet. */
  readonly info: DocumentInfo | null;
  /** Whose it is, if the page shows that it was taken back. */
  takenBackOf: Pick<Taken, "device" | "kind"> | null;
  /** Whose it is does not change any more. */
  settled: boolean;
  /** When the changes were held against it. */
  rev?: number;
  /** In the order of the stream. */
  changes: Taken[];
}

interface Taken {
  readonly update: Bytes;
  readonly device: string;
  readonly kind: DocKind;
  readonly n: number;
  /** Of this process: the document has it already. */
  readonly own: boolean;
}

class PageReader {
  readonly #options: ReaderOptions;
  readonly #stream: StreamRef;
  readonly #alarms: Alarms;
  readonly #documents = new Map<DocId, OpenDocument>();
  readonly #chains = new Map<string, Chain | null>();
  readonly #unapplied: UnappliedRow[] = [];
  readonly #own = new Set<string>();
  #taken = 0;
  #unread = false;
  /** Of updates that came in parts, and of parts that wait for the others. */
  #partsBytes = 0;
  /** Of the row at hand. */
  #n = 0;

  constructor(options: ReaderOptions, stream: StreamRef, alarms: Alarms) {
    this.#options = options;
    this.#stream = stream;
    this.#alarms = alarms;
  }

  /** Rows of a chain whose parts are here cost nothing more. */
  hasRoomFor(read: Read): boolean {
    const isHeld = read.is === "forged" || !read.header || this.#chains.has(chainKey(read.header));
    return isHeld || this.#partsBytes <= (this.#options.stepBytes ?? Infinity);
  }

  async take(read: Read, { n, row }: PulledRow): Promise<void> {
    this.#n = n;
    switch (read.is) {
      case "forged":
        return this.#refuse(read.device, read.why);
      case "unknown":
      case "newer":
        this.#unapplied.push({ n, row });
        this.#unread ||= read.is === "unknown";
        if (read.header) await this.#follow(read.header, read.hash);
        return;
      case "bad":
        if (await this.#follow(read.header, read.hash)) this.#refuse(read.header.device, read.why);
        return;
      case "own":
        this.#own.add(read.hash);
        await this.#apply(read.header, read.change, rowHash(row), n, true);
        return;
      case "change":
        await this.#apply(read.header, read.change, read.hash, n, false);
        return;
      case "mark":
        if (await this.#follow(read.header, read.hash)) await this.#hear(read.mark, n);
        return;
      default:
        never(read);
    }
  }

  /** Refuses the updates that cannot be applied to their documents, or say something else where something stands. */
  async tryUpdates(): Promise<void> {
    for (const [id, document] of this.#documents) await this.#try(id, document);
  }

  async #try(id: DocId, document: OpenDocument): Promise<void> {
    if (document.changes.every(({ own }) => own)) return;
    const held = await this.#options.store.state(id);
    document.rev = held?.rev ?? 0;
    const state = held?.state ?? encodeDoc(openDoc(null));
    this.#refuseThose(inapplicable, state, document, INAPPLICABLE);
    this.#refuseThose(contradicting, state, document, CONTRADICTS);
    const known = document.info?.known ?? EMPTY_KNOWN;
    this.#refuseThose((_, updates) => crowding(known, updates), state, document, CROWDED);
  }

  /**
   * Who wrote the first change that stands, and of what kind the document is by that; the change at hand, if there is none. What is in
   * the page before it is tried first if that makes a difference: it may be refused, and then is as if it had never been there.
   */
  async #firstOf(
    document: OpenDocument,
    { doc, kind }: Change,
    device: string,
  ): Promise<{ readonly owner: string | null; readonly kind: DocKind }> {
    const [first] = document.changes;
    const other = first && (first.device !== device || first.kind !== kind);
    if (other && !document.settled) {
      await this.#try(doc, document);
      document.settled = document.changes.length > 0;
    }
    return { owner: ownerOf(document), kind: kindOf(document) ?? kind };
  }

  #refuseThose(find: typeof inapplicable, state: Bytes, document: OpenDocument, why: string): void {
    const others = document.changes.filter(({ own }) => !own);
    const found = find(
      state,
      others.map(({ update }) => update),
    );
    const refused = new Set(others.filter((_, i) => found.has(i)));
    for (const { device, n } of refused) this.#refuse(device, why, n);
    document.changes = document.changes.filter((change) => !refused.has(change));
    this.#taken -= refused.size;
  }

  result(places: readonly Cursor[], judged = true): ReadPage {
    const documents = [...this.#documents].flatMap(([id, document]) => {
      const { info, changes, takenBackOf, rev } = document;
      const kind = kindOf(document);
      const owner = ownerOf(document);
      if (!kind || owner === null || (changes.length === 0 && !takenBackOf)) return [];
      const updates = changes.filter(({ own }) => !own).map(({ update }) => update);
      const known = foldKnown(info?.known ?? EMPTY_KNOWN, ...changes.map(({ update }) => update));
      const pulled = { id, kind, retired: takenBackOf !== null, updates, known, owner };
      return [judged && rev !== undefined ? { ...pulled, rev } : pulled];
    });
    return {
      batch: {
        stream: this.#stream,
        places,
        documents,
        chains: [...this.#chains.values()].filter((chain) => chain !== null),
        unapplied: this.#unapplied,
      },
      applied: documents.flatMap(({ id: doc, updates }) =>
        updates.length > 0 ? [{ doc, updates }] : [],
      ),
      written: [...this.#documents].flatMap(([doc, { changes }]) =>
        changes.map(({ device, update }) => ({ doc, device, update })),
      ),
      own: this.#own,
      taken: this.#taken,
      unread: this.#unread,
      again: async (rejudged) => {
        await this.tryUpdates();
        return this.result(places, rejudged);
      },
    };
  }

  async #apply(
    header: RowHeader,
    change: Change,
    hash: Bytes,
    n: number,
    own: boolean,
  ): Promise<void> {
    const chain = await this.#follow(header, hash);
    if (!chain) return;
    const document = await this.#document(change.doc);
    const first = await this.#firstOf(document, change, header.device);
    const owner = first.owner ?? header.device;
    if (this.#options.team.isTakenBack(header.document, owner)) {
      // Whose it was decides about the rows behind, too.
      document.takenBackOf ??= { device: owner, kind: first.kind };
      return;
    }
    const parts = change.part === 0 ? [] : chain.parts;
    const why =
      change.part === parts.length
        ? this.#objection(document, first, header, change, n)
        : "its parts are out of order";
    this.#chains.set(chainKey(header), { ...chain, parts: [] });
    if (why !== null) {
      if (!own) this.#refuse(header.device, why);
      return;
    }
    await this.#compare(header.device, change.head, n);
    const bodies = [...parts, change.body];
    if (bodies.length < change.parts) {
      this.#chains.set(chainKey(header), { ...chain, parts: bodies });
    } else {
      const update = joinParts(bodies);
      if (change.parts > 1) this.#partsBytes += update.length;
      if (!isUpdate(update)) return this.#refuse(header.device, "it holds no change of a document");
      const { device } = header;
      document.changes.push({ update, device, kind: change.kind, n, own });
    }
    if (!own) this.#taken++;
  }

  /** What is said of a snapshot changes no document. Whoever disputes one is heard by everybody. */
  async #hear({ header, head }: MarkRow, n: number): Promise<void> {
    if (head.n >= n) return this.#refuse(header.device, AHEAD);
    await this.#compare(header.device, head, n);
    if (header.kind === KIND_DISPUTE)
      this.#alarms.add(this.#stream, { is: "disputed", device: header.device }, { n });
  }

  async #compare(device: string, head: Cursor, n: number): Promise<void> {
    if (!(await this.#options.heads.agrees(this.#stream, head)))
      this.#alarms.add(this.#stream, { is: "fork", device }, { n });
  }

  /** Advances the chain of the row's replica in its document; null, with an alarm, when the row is not the next one. */
  async #follow(header: RowHeader, hash: Bytes): Promise<Chain | null> {
    const chain = await this.#chain(header);
    if (header.seq <= (chain?.seq ?? 0)) {
      this.#alarms.add(this.#stream, { is: "replayed", device: header.device }, { n: this.#n });
      return null;
    }
    const follows = chain
      ? header.seq === chain.seq + 1 && equalBytes(header.previous, chain.hash)
      : header.seq === FIRST_SEQUENCE;
    if (!follows) {
      this.#alarms.add(this.#stream, { is: "withheld", device: header.device }, { n: this.#n });
      return null;
    }
    const next = {
      replica: replicaKey(header),
      doc: header.document,
      seq: header.seq,
      hash,
      parts: chain?.parts ?? [],
    };
    this.#chains.set(chainKey(header), next);
    return next;
  }

  #objection(
    { info }: OpenDocument,
    { owner, kind }: { readonly owner: string | null; readonly kind: DocKind },
    header: RowHeader,
    change: Change,
    n: number,
  ): string | null {
    const stream = info ? info.stream : this.#stream;
    if (!stream || !sameStream(stream, this.#stream)) return NOT_SHARED;
    if (kind !== change.kind) return OTHER_KIND;
    if (change.kind === "trace" && owner !== null && owner !== header.device) return OTHER_OWNER;
    if (change.head.n >= n) return AHEAD;
    return null;
  }

  async #document(doc: DocId): Promise<OpenDocument> {
    const held = this.#documents.get(doc);
    if (held) return held;
    const info = await this.#options.store.document(doc);
    const settled = info !== null && info.owner !== null;
    const opened: OpenDocument = { info, changes: [], takenBackOf: null, settled };
    this.#documents.set(doc, opened);
    return opened;
  }

  async #chain(header: RowHeader): Promise<Chain | null> {
    const key = chainKey(header);
    let chain = this.#chains.get(key);
    if (chain === undefined) {
      const { store, chains } = this.#options;
      const replica = replicaKey(header);
      chain = chains.of(replica, header.document) ?? (await store.chain(replica, header.document));
      for (const part of chain?.parts ?? []) this.#partsBytes += part.length;
      this.#chains.set(key, chain);
    }
    return chain;
  }

  /** Of devices that are not the team's there is no end: they are all nobody. */
  #refuse(named: string, why: string, n = this.#n): void {
    const device = this.#options.team.signKeyOf(named) === null ? NOBODY : named;
    this.#alarms.add(this.#stream, { is: "refused", device, why }, { n });
  }
}

const NOBODY = "";

/** Which of these updates (by index) would give the document more clientIDs than it may have, each after those before that do not. */
function crowding(known: Known, updates: readonly Uint8Array[]): ReadonlySet<number> {
  const bad = new Set<number>();
  // Each update has a few bytes for each of its clientIDs.
  const bytes = updates.reduce((sum, update) => sum + update.length, 0);
  if (writersIn(known) + bytes / CLIENT_MIN_BYTES <= MAX_CLIENTS) return bad;
  let before = known;
  for (const [i, update] of updates.entries()) {
    const after = foldKnown(before, update);
    if (writersIn(after) > MAX_CLIENTS) bad.add(i);
    else before = after;
  }
  return bad;
}

function ownerOf({ info, changes, takenBackOf }: OpenDocument): string | null {
  return info?.owner ?? (takenBackOf ?? changes[0])?.device ?? null;
}

function kindOf({ info, changes, takenBackOf }: OpenDocument): DocKind | null {
  return info?.kind ?? (takenBackOf ?? changes[0])?.kind ?? null;
}

function replicaKey(header: RowHeader): string {
  return header.device + header.replica;
}

function chainKey(header: RowHeader): string {
  return `${header.device}${header.replica}/${header.document}`;
}
