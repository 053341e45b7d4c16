/** The columns of the session list, and which of them fit. */
import type { SessionRow } from "../../app/api.ts";
import { agentName, allTokens, compactCount, duration, exactCount, money } from "./format.ts";
import { oneLine } from "./visible.ts";

export interface Column {
  readonly id: string;
  readonly name: string;
  readonly widthPx: number;
  /** In a list of few columns. */
  readonly narrowPx?: number;
  readonly right: boolean;
  /** The lower, the longer it stays when the list gets narrow. */
  readonly rank: number;
  text(row: SessionRow): string;
  title?(row: SessionRow): string;
}

const TITLE_PX = 168;
/** With more of them the list has a head. */
const FEW = 3;
const GAP_PX = 16;

/** `when` is drawn by the list itself: it changes with the time. */
export const COLUMNS: readonly Column[] = [
  {
    id: "project",
    name: "Project",
    widthPx: 132,
    right: false,
    rank: 3,
    text: (row) => oneLine(row.project?.name ?? "–"),
    title: (row) => oneLine(row.project?.path ?? ""),
  },
  {
    id: "agent",
    name: "Agent",
    widthPx: 92,
    right: false,
    rank: 4,
    text: (row) => agentName(row.agent),
  },
  {
    id: "length",
    name: "Length",
    widthPx: 72,
    right: true,
    rank: 6,
    text: (row) =>
      duration(row.startedAt === null || row.endedAt === null ? null : row.endedAt - row.startedAt),
  },
  {
    id: "tools",
    name: "Tools",
    widthPx: 48,
    right: true,
    rank: 7,
    text: (row) => compactCount(row.tools),
  },
  {
    id: "files",
    name: "Files",
    widthPx: 44,
    right: true,
    rank: 8,
    text: (row) => compactCount(row.filesChanged),
  },
  {
    id: "tokens",
    name: "Tokens",
    widthPx: 60,
    right: true,
    rank: 5,
    text: (row) => compactCount(allTokens(row.tokens)),
    title: ({ tokens }) =>
      `${exactCount(tokens.input)} in, ${exactCount(tokens.output)} out, ${exactCount(tokens.cacheRead)} from the cache, ${exactCount(tokens.cacheWrite)} into it`,
  },
  {
    id: "cost",
    name: "Cost",
    widthPx: 64,
    narrowPx: 58,
    right: true,
    rank: 2,
    text: (row) => money(row.costUsd),
  },
  { id: "when", name: "When", widthPx: 68, right: true, rank: 1, text: () => "" },
];

export function fittingColumns(widthPx: number, hidden: readonly string[]): readonly Column[] {
  const wanted = COLUMNS.filter(({ id }) => !hidden.includes(id)).toSorted(
    (a, b) => a.rank - b.rank,
  );
  const kept = new Set<string>();
  let left = widthPx - TITLE_PX - 24;
  for (const column of wanted) {
    left -= column.widthPx + GAP_PX;
    if (left < 0) break;
    kept.add(column.id);
  }
  return COLUMNS.filter(({ id }) => kept.has(id));
}

export function areFew(columns: readonly Column[]): boolean {
  return columns.length <= FEW;
}

export function gridTemplate(columns: readonly Column[]): string {
  const few = areFew(columns);
  const widths = columns.map(({ widthPx, narrowPx }) => (few ? (narrowPx ?? widthPx) : widthPx));
  return ["minmax(0, 1fr)", ...widths.map((px) => `${px}px`)].join(" ");
}
