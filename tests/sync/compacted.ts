/** How a server in memory keeps snapshots, and drops bodies for them: by who said what, whatever they said. */
import type { Bytes } from "../../src/base/bytes.ts";
import {
  KIND_ATTEST,
  KIND_SNAPSHOT,
  KIND_UPDATE,
  type Mark,
  peekHeader,
  type RowHeader,
} from "../../src/crypto/header.ts";
import { rowHash } from "../../src/crypto/row.ts";
import { mayDrop, standingOf, type Verdict, type Word } from "../../src/sync/marks.ts";
import type { ListedSnapshot, SnapshotList, SnapshotPage } from "../../src/sync/transport.ts";

export interface Compacted {
  readonly rows: readonly Bytes[];
  /** Numbers of the rows whose bodies are not given any more. */
  readonly dropped: Set<number>;
  /** The last rows of the snapshots for which they went. */
  readonly compacted: number[];
}

type MarkHeader = RowHeader & { readonly mark: Mark };
interface Numbered {
  readonly n: number;
  readonly row: Bytes;
}
interface NumberedMark extends Numbered {
  readonly header: MarkHeader;
}

const DONE = 2;
const STANDING = 4;
const EACH = 2;
const WAITING = 32;

export interface Listing {
  /** How old it says that they are. */
  readonly days?: number;
  /** Which words it does not list. */
  readonly hides?: (header: RowHeader) => boolean;
  /** Whether a device is an owner's or admin's. */
  readonly leads?: (device: string) => boolean;
}

/** As `operon.snapshots_of` chooses them. */
export function listSnapshots(held: Compacted, listing: Listing = {}): SnapshotList {
  const all = listAll(held, listing);
  const done = held.compacted.toSorted((a, b) => b - a).slice(0, DONE);
  const behind = all.snapshots.filter(({ last }) => last > Math.max(0, ...done));
  const standing = behind.filter((listed) => mayGo(held, listed, listing.leads)).slice(0, STANDING);
  const devices = Map.groupBy(behind, ({ last }) => markOf(held.rows[last - 1])?.device);
  const waiting = [...devices.values()].flatMap((ofOne) => ofOne.slice(0, EACH));
  const newest = waiting.toSorted((a, b) => b.last - a.last).slice(0, WAITING);
  const listed = new Set([...done, ...[...standing, ...newest].map(({ last }) => last)]);
  return { ...all, snapshots: all.snapshots.filter(({ last }) => listed.has(last)) };
}

function listAll(held: Compacted, { days = 0, hides = () => false }: Listing): SnapshotList {
  const marks = marksIn(held);
  const bytesOf = (rows: readonly Numbered[]) =>
    rows.reduce((sum, { n, row }) => sum + (held.dropped.has(n) ? 0 : row.length), 0);
  const changes = held.rows.map((row, i) => ({ n: i + 1, row })).filter(({ row }) => !markOf(row));
  const words = marks.filter(({ header }) => header.kind !== KIND_SNAPSHOT && !hides(header));
  const snapshots = marks.filter(isLast).map((last): ListedSnapshot => {
    const { device: maker, mark } = last.header;
    return {
      last: last.n,
      bytes: bytesOf(setOf(marks, last)),
      behindBytes: bytesOf(changes.filter(({ n }) => n > mark.n)),
      days,
      othersActive: held.rows.slice(mark.n).some((row) => deviceOf(row) !== maker),
      dropped: held.compacted.includes(last.n),
      words: words
        .filter(({ header }) => header.mark.n === last.n)
        .map(({ n, row }) => ({ n, row })),
    };
  });
  return { changesBytes: bytesOf(changes), snapshots: snapshots.toReversed() };
}

export function snapshotPage(
  held: Compacted,
  last: number,
  after: number,
  pageRows = 2,
): SnapshotPage {
  const marks = marksIn(held);
  const found = marks.find((mark) => mark.n === last && isLast(mark));
  const rows = found
    ? setOf(marks, found).filter(({ n }) => n > after && !held.dropped.has(n))
    : [];
  return {
    rows: rows.slice(0, pageRows).map(({ n, row }) => ({ n, row })),
    more: rows.length > pageRows,
  };
}

/** Whether bodies may go, by who said what. */
function mayGo(
  held: Compacted,
  listed: ListedSnapshot,
  leads: (device: string) => boolean = () => false,
): boolean {
  const words = listed.words.map(({ n, row }): Word => {
    const { device, kind } = markOf(row) as MarkHeader;
    const verdict = ["attest", "dispute", "vouch"][kind - KIND_ATTEST] as Verdict;
    return { verdict, device, n, content: null };
  });
  const maker = markOf(held.rows[listed.last - 1])?.device ?? "";
  return mayDrop(standingOf(maker, words, leads), listed);
}

/** Whether bodies went. */
export function compact(
  held: Compacted,
  last: number,
  leads: (device: string) => boolean,
  days = 0,
): boolean {
  const listed = listAll(held, { days }).snapshots.find((snapshot) => snapshot.last === last);
  const made = markOf(held.rows[last - 1]);
  if (!listed || !made) return false;
  if (listed.dropped) return true;
  if (last <= Math.max(0, ...held.compacted) || !mayGo(held, listed, leads)) return false;
  const marks = marksIn(held);
  const previous = marks.find(({ n }) => n === held.compacted.at(-1));
  const kept = new Set(previous ? setOf(marks, previous).map(({ n }) => n) : []);
  for (let n = 1; n <= made.mark.n; n++) {
    const header = headerOf(held.rows[n - 1] as Bytes);
    const kind = header.ok ? header.value.kind : KIND_UPDATE;
    if (kind === KIND_UPDATE || (kind === KIND_SNAPSHOT && !kept.has(n))) held.dropped.add(n);
  }
  held.compacted.push(last);
  return true;
}

/** Whether a row is given with its body to who holds the snapshots up to number `heldTo`. */
export function hasBody({ dropped }: Compacted, { n, row }: Numbered, heldTo: number): boolean {
  const there = markOf(row)?.kind === KIND_SNAPSHOT && n <= heldTo;
  return !there && !dropped.has(n);
}

/** Whether a snapshot covers the row before this one in its chain. */
export function isClosed(held: Compacted, row: Bytes): boolean {
  const header = headerOf(row);
  if (!header.ok || header.value.seq === 1) return false;
  const before = placeOf(row, header.value.seq - 1);
  const covered = Math.max(
    0,
    ...marksIn(held)
      .filter(isLast)
      .map((last) => last.header.mark.n),
  );
  return held.rows.slice(0, covered).some((one) => placeOf(one) === before);
}

/** The place of a row in its chain, or another place there. */
export function placeOf(row: Bytes, place?: number): string {
  const header = headerOf(row);
  if (!header.ok) return `unreadable ${rowHash(row).join()}`;
  const { document, device, replica, seq } = header.value;
  return [document, device, replica, place ?? seq].join("/");
}

const headers = new WeakMap<Bytes, ReturnType<typeof peekHeader>>();

/** Read once: a server keeps it in columns. */
function headerOf(row: Bytes): ReturnType<typeof peekHeader> {
  const known = headers.get(row) ?? peekHeader(row);
  headers.set(row, known);
  return known;
}

function markOf(row: Bytes | undefined): MarkHeader | null {
  const header = row && headerOf(row);
  if (!header?.ok || !header.value.mark) return null;
  return { ...header.value, mark: header.value.mark };
}

function deviceOf(row: Bytes): string {
  const header = headerOf(row);
  return header.ok ? header.value.device : "";
}

function marksIn({ rows }: Compacted): readonly NumberedMark[] {
  return rows.flatMap((row, i) => {
    const header = markOf(row);
    return header ? [{ n: i + 1, row, header }] : [];
  });
}

function isLast({ header }: NumberedMark): boolean {
  return header.kind === KIND_SNAPSHOT && header.mark.left === 0;
}

/** The rows of one snapshot. */
function setOf(marks: readonly NumberedMark[], last: NumberedMark): readonly NumberedMark[] {
  return marks.filter(
    ({ n, header }) =>
      header.kind === KIND_SNAPSHOT &&
      header.replica === last.header.replica &&
      header.device === last.header.device &&
      header.mark.n === last.header.mark.n &&
      n <= last.n,
  );
}
