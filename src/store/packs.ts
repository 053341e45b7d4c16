/**
 * Bodies, many in one row: a pack is the UTF-8 of bodies that one commit brings, one after another.
 *
 * An event names its bodies in one column, in order of their names: `name number from bytes`, with commas between. A body
 * longer than a pack lies in several pieces, each of whole characters and each named. A pack is never changed; it counts the
 * pieces that events have of it, and goes with the last.
 */
import type { Transaction } from "@electric-sql/pglite";
import type { Part, PartName } from "../base/session.ts";
import { bigintArray, withoutNul } from "../pg/arrays.ts";
import { type CopyValue, copyRows } from "../pg/copy.ts";
import type { Db } from "./rows.ts";

const PACK_BYTES = 256 * 1024;
const MOST_BYTES_A_CHAR = 3;

/** A piece of a body. */
interface Piece {
  readonly name: PartName;
  readonly pack: number;
  readonly from: number;
  readonly bytes: number;
}

/** What a commit writes: bodies are placed at once, and are in the database when `write` is done. */
export interface PackWriter {
  /** Gives the event's column, null for no bodies. `kept`: the same, of bodies that the event has already. */
  place(bodies: readonly Part[], kept?: string | null): string | null;
  write(tx: Transaction): Promise<void>;
}

export async function createPackWriter(tx: Transaction): Promise<PackWriter> {
  const found = await tx.query<{ last: number }>(
    "select coalesce(max(number), 0) as last from packs",
  );
  let number = (found.rows[0]?.last as number) + 1;
  let pieces = 0;
  let bytes = Buffer.allocUnsafe(PACK_BYTES);
  let at = 0;
  const rows: CopyValue[][] = [];

  function flush(): void {
    if (pieces === 0) return;
    rows.push([number++, pieces, bytes.subarray(0, at)]);
    bytes = Buffer.allocUnsafe(PACK_BYTES);
    [pieces, at] = [0, 0];
  }

  function placed(name: PartName, length: number): Piece {
    const piece = { name, pack: number, from: at, bytes: length };
    pieces++;
    at += length;
    return piece;
  }

  function placeOne({ name, body }: Part): Piece | readonly Piece[] {
    if (body.length * MOST_BYTES_A_CHAR > PACK_BYTES - at)
      return placeLong(name, Buffer.from(withoutNul(body)));
    const written = bytes.write(body, at);
    const hasNul = bytes.subarray(at, at + written).includes(0);
    return placed(name, hasNul ? bytes.write(withoutNul(body), at) : written);
  }

  function placeLong(name: PartName, whole: Buffer): readonly Piece[] {
    if (whole.length > PACK_BYTES - at) flush();
    const found: Piece[] = [];
    for (let from = 0, to = 0; from < whole.length; from = to) {
      if (from > 0) flush();
      to = characterAt(whole, from + PACK_BYTES);
      whole.copy(bytes, at, from, to);
      found.push(placed(name, to - from));
    }
    return found;
  }

  return {
    place(bodies, kept = null) {
      const all = [...piecesOf(kept), ...bodies.flatMap(placeOne)];
      return columnOf(all.sort(byName));
    },
    async write(tx) {
      flush();
      await copyRows(tx, "packs", ["number", "pieces", "data"], rows);
    },
  };
}

/** What an event's column says of its bodies, in order of their names. */
export function bodiesOf(
  column: string | null,
): readonly { readonly name: PartName; readonly bytes: number }[] {
  const bytes = new Map<PartName, number>();
  for (const piece of piecesOf(column))
    bytes.set(piece.name, (bytes.get(piece.name) ?? 0) + piece.bytes);
  return [...bytes].map(([name, sum]) => ({ name, bytes: sum }));
}

/** The bodies of each column, in order of their names: those in `names`, each up to some `chars` characters or more. */
export async function readPacks(
  db: Db,
  columns: readonly (string | null)[],
  names: ReadonlySet<PartName> | null = null,
  chars = Infinity,
): Promise<readonly (readonly Part[])[]> {
  const wanted = columns.map((column) => wantedOf(piecesOf(column), names, chars));
  const texts = await readPieces(db, wanted.flat());
  let next = 0;
  return wanted.map((pieces) => {
    const bodies = new Map<PartName, string>();
    for (const { name } of pieces) bodies.set(name, (bodies.get(name) ?? "") + texts[next++]);
    return [...bodies].map(([name, body]) => ({ name, body }));
  });
}

/** These columns are no event's any more. */
export async function releasePacks(
  tx: Transaction,
  columns: readonly (string | null)[],
): Promise<void> {
  const counts = new Map<number, number>();
  for (const { pack } of columns.flatMap(piecesOf)) counts.set(pack, (counts.get(pack) ?? 0) + 1);
  if (counts.size === 0) return;
  const numbers = bigintArray([...counts.keys()]);
  await Promise.all([
    tx.query(
      `update packs p set pieces = pieces - x.count from unnest($1::bigint[], $2::bigint[]) as x(number, count)
       where p.number = x.number`,
      [numbers, bigintArray([...counts.values()])],
    ),
    tx.query("delete from packs where number = any($1::bigint[]) and pieces = 0", [numbers]),
  ]);
}

/** Splits a column: bodies of these names, and the others. */
export function splitColumn(
  column: string | null,
  names: ReadonlySet<PartName>,
): readonly [those: string | null, others: string | null] {
  const pieces = piecesOf(column);
  return [
    columnOf(pieces.filter(({ name }) => names.has(name))),
    columnOf(pieces.filter(({ name }) => !names.has(name))),
  ];
}

function piecesOf(column: string | null): readonly Piece[] {
  if (column === null) return [];
  return column.split(",").map((text) => {
    const [name, pack, from, bytes] = text.split(" ");
    return { name: name as PartName, pack: Number(pack), from: Number(from), bytes: Number(bytes) };
  });
}

function columnOf(pieces: readonly Piece[]): string | null {
  if (pieces.length === 0) return null;
  return pieces.map(({ name, pack, from, bytes }) => `${name} ${pack} ${from} ${bytes}`).join(",");
}

function byName(a: Piece, b: Piece): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function wantedOf(
  pieces: readonly Piece[],
  names: ReadonlySet<PartName> | null,
  chars: number,
): readonly Piece[] {
  const held = new Map<PartName, number>();
  return pieces.filter(({ name, bytes }) => {
    const before = held.get(name) ?? 0;
    held.set(name, before + bytes);
    return (names?.has(name) ?? true) && before < chars * MOST_BYTES_A_CHAR;
  });
}

async function readPieces(db: Db, pieces: readonly Piece[]): Promise<readonly string[]> {
  if (pieces.length === 0) return [];
  const found = await db.query<{ text: string }>(
    `select p.text
     from unnest($1::bigint[], $2::bigint[], $3::bigint[]) with ordinality as x(number, start, bytes, n)
     cross join lateral (
       select convert_from(substring(data from x.start::int + 1 for x.bytes::int), 'UTF8') as text
       from packs where number = x.number limit 1
     ) p order by x.n`,
    [
      bigintArray(pieces.map(({ pack }) => pack)),
      bigintArray(pieces.map(({ from }) => from)),
      bigintArray(pieces.map(({ bytes }) => bytes)),
    ],
  );
  return found.rows.map(({ text }) => text);
}

/** The beginning of the character that holds this byte; the end, where the bytes do. */
function characterAt(bytes: Buffer, at: number): number {
  let start = Math.min(at, bytes.length);
  while (start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start--;
  return start;
}
