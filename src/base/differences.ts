/** What two lists have in common, in the order of both, and what is replaced between. */

/** Above this many differing items what lies between the first and the last is one: finding the least costs their square. */
const MAX_DIFFERENCES = 400;

export interface Stretch {
  readonly oldFrom: number;
  readonly oldTo: number;
  readonly newFrom: number;
  readonly newTo: number;
}

/** The least replaced stretches (Myers, 1986: the furthest reaching path of each number of differences). */
export function replacedStretches(
  from: readonly string[],
  to: readonly string[],
): readonly Stretch[] {
  const history: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let differences = 0; differences <= MAX_DIFFERENCES; differences++) {
    const next = new Map<number, number>();
    history.push(reach);
    for (let diagonal = -differences; diagonal <= differences; diagonal += 2) {
      let x = comesFromAbove(reach, diagonal, differences)
        ? (reach.get(diagonal + 1) ?? 0)
        : (reach.get(diagonal - 1) ?? 0) + 1;
      while (x < from.length && x - diagonal < to.length && from[x] === to[x - diagonal]) x++;
      next.set(diagonal, x);
      if (x >= from.length && x - diagonal >= to.length)
        return walkBack(history, from.length, to.length);
    }
    reach = next;
  }
  return [betweenEnds(from, to)];
}

function betweenEnds(from: readonly string[], to: readonly string[]): Stretch {
  const shorter = Math.min(from.length, to.length);
  let start = 0;
  while (start < shorter && from[start] === to[start]) start++;
  let end = 0;
  while (end < shorter - start && from.at(-1 - end) === to.at(-1 - end)) end++;
  return {
    oldFrom: start,
    oldTo: from.length - end,
    newFrom: start,
    newTo: to.length - end,
  };
}

function comesFromAbove(
  reach: ReadonlyMap<number, number>,
  diagonal: number,
  differences: number,
): boolean {
  if (diagonal === -differences) return true;
  if (diagonal === differences) return false;
  return (reach.get(diagonal - 1) ?? 0) < (reach.get(diagonal + 1) ?? 0);
}

function walkBack(
  history: readonly ReadonlyMap<number, number>[],
  oldLength: number,
  newLength: number,
): Stretch[] {
  const found: Stretch[] = [];
  let [x, y] = [oldLength, newLength];
  for (let differences = history.length - 1; differences > 0; differences--) {
    const reach = history[differences] as ReadonlyMap<number, number>;
    const above = comesFromAbove(reach, x - y, differences);
    const fromX = reach.get(above ? x - y + 1 : x - y - 1) ?? 0;
    const fromY = fromX - (above ? x - y + 1 : x - y - 1);
    const stretch = {
      oldFrom: fromX,
      oldTo: above ? fromX : fromX + 1,
      newFrom: fromY,
      newTo: above ? fromY + 1 : fromY,
    };
    const later = found[0];
    if (later !== undefined && later.oldFrom === stretch.oldTo && later.newFrom === stretch.newTo) {
      found[0] = { ...stretch, oldTo: later.oldTo, newTo: later.newTo };
    } else found.unshift(stretch);
    [x, y] = [fromX, fromY];
  }
  return found;
}
