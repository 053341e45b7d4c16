/** Others who have a document open, in words and colours. */
import type { HereRow } from "../../app/api.ts";

export interface Person extends HereRow {
  readonly name: string;
  /** The class that gives `--who`, the same on every device. */
  readonly colour: string;
}

const COLOURS = 8;

/** By their address as short as it tells them apart. */
export function peopleOf(rows: readonly HereRow[]): readonly Person[] {
  const shorts = rows.map(shortName);
  return rows.map((row, i) => {
    const short = shorts[i] as string;
    const isUnique = shorts.indexOf(short) === shorts.lastIndexOf(short);
    return { ...row, name: isUnique ? short : row.email || short, colour: colourOf(row.member) };
  });
}

export function initialsOf({ name }: Person): string {
  const words = name.split(" ").map((word) => [...word][0] ?? "");
  return words.slice(0, 2).join("").toUpperCase();
}

function shortName({ email, you }: HereRow): string {
  if (you) return "You";
  const words = email
    .split("@", 1)
    .join("")
    .split(/[._+-]+/)
    .filter(Boolean);
  if (words.length === 0) return "Somebody";
  return words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join(" ");
}

function colourOf(member: string): string {
  return `who-${(Number.parseInt(member.slice(0, 8), 16) || 0) % COLOURS}`;
}
