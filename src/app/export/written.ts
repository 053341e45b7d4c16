/** Lines of a file that an agent wrote, followed through the edits of a session. */
import type { FilePatch } from "../../base/session.ts";

export interface WrittenLine {
  /** From 1, after the newest edit. */
  readonly number: number;
  readonly text: string;
  readonly model: string | null;
}

/**
 * Where agents record no place, a hunk says line 1: of a patch that says nothing else the place is not known. It is where
 * the lines held before read as the hunk's old ones do, if that is one place; else null.
 */
export function placed(held: readonly WrittenLine[], patch: FilePatch): FilePatch | null {
  const isKnown = patch.hunks.some(({ oldStart, newStart }) => oldStart !== 1 || newStart !== 1);
  if (patch.change !== "update" || isKnown) return patch;
  const texts = new Map(held.map(({ number, text }) => [number, text]));
  let shift = 0;
  const hunks: FilePatch["hunks"][number][] = [];
  for (const { lines } of patch.hunks) {
    const old = lines.filter((line) => /^[ -]/.test(line)).map((line) => line.slice(1));
    const places = [...texts.keys()].filter((number) =>
      old.every((text, i) => texts.get(number + i) === text),
    );
    const [place] = places;
    if (old.length === 0 || place === undefined || places.length > 1) return null;
    hunks.push({ oldStart: place, newStart: place + shift, lines });
    shift += lines.filter((line) => line.startsWith("+")).length;
    shift -= lines.filter((line) => line.startsWith("-")).length;
  }
  return { ...patch, hunks };
}

/** The lines held before moved to where they stand now, without those that went, and with those that came. In order. */
export function applyPatch(
  held: readonly WrittenLine[],
  patch: FilePatch,
  model: string | null,
): readonly WrittenLine[] {
  const gone = new Set<number>();
  /** From which old line on the new number is greater by how much. */
  const shifts: { readonly from: number; readonly by: number }[] = [];
  const came: WrittenLine[] = [];
  for (const hunk of patch.hunks) {
    let [old, now] = [hunk.oldStart, Math.max(1, hunk.newStart)];
    for (const line of hunk.lines) {
      if (line.startsWith("+")) came.push({ number: now++, text: line.slice(1), model });
      else if (line.startsWith("-")) gone.add(old++);
      else if (!line.startsWith("\\")) {
        old++;
        now++;
      }
    }
    shifts.push({ from: old, by: now - old });
  }
  return [...stayed(held, patch, gone, shifts), ...came].toSorted((a, b) => a.number - b.number);
}

function stayed(
  held: readonly WrittenLine[],
  patch: FilePatch,
  gone: ReadonlySet<number>,
  shifts: readonly { readonly from: number; readonly by: number }[],
): readonly WrittenLine[] {
  const inside = newNumbers(patch);
  return held.flatMap((line) => {
    if (gone.has(line.number)) return [];
    const by = shifts.findLast(({ from }) => from <= line.number)?.by ?? 0;
    return [{ ...line, number: inside.get(line.number) ?? line.number + by }];
  });
}

/** Old number → new number of the lines that a hunk shows and keeps. */
function newNumbers(patch: FilePatch): ReadonlyMap<number, number> {
  const numbers = new Map<number, number>();
  for (const hunk of patch.hunks) {
    let [old, now] = [hunk.oldStart, Math.max(1, hunk.newStart)];
    for (const line of hunk.lines) {
      if (line.startsWith("+")) now++;
      else if (line.startsWith("-")) old++;
      else if (!line.startsWith("\\")) numbers.set(old++, now++);
    }
  }
  return numbers;
}
