/** Which sessions the list shows, as its address says, and under which headings. */
import type { SearchInput, SessionRow } from "../../app/api.ts";
import { localDay } from "../../base/days.ts";
import { AGENT_IDS, type AgentId } from "../../base/session.ts";
import { lastActivity } from "../state/sessions.ts";
import { agentName, dayLabel, DAY_MS } from "./format.ts";

export interface Filter {
  readonly agent: AgentId | null;
  /** A project's id. */
  readonly project: string | null;
  readonly days: number | null;
}

export type ListRow =
  | {
      readonly key: string;
      readonly type: "heading";
      readonly label: string;
      readonly count: number;
    }
  | { readonly key: string; readonly type: "session"; readonly session: SessionRow };

export const PERIODS: readonly { readonly days: number; readonly name: string }[] = [
  { days: 1, name: "today" },
  { days: 7, name: "last 7 days" },
  { days: 30, name: "last 30 days" },
  { days: 90, name: "last 90 days" },
];

export function readFilter(query: URLSearchParams): Filter {
  const days = Number(query.get("days"));
  return {
    agent: AGENT_IDS.find((id) => id === query.get("agent")) ?? null,
    project: query.get("project"),
    days: Number.isInteger(days) && days > 0 ? days : null,
  };
}

export function matchesFilter(row: SessionRow, filter: Filter, nowMs: number): boolean {
  if (filter.agent !== null && row.agent !== filter.agent) return false;
  if (filter.project !== null && row.project?.id !== filter.project) return false;
  return filter.days === null || (lastActivity(row) ?? 0) >= beginOf(filter.days, nowMs);
}

/** The same filter as the engine takes it. */
export function searchWithin(
  filter: Filter,
  nowMs: number,
): Pick<SearchInput, "agent" | "project" | "since"> {
  const { agent, project, days } = filter;
  return {
    ...(agent !== null && { agent }),
    ...(project !== null && { project }),
    ...(days !== null && { since: beginOf(days, nowMs) }),
  };
}

export function matchesWords(row: SessionRow, words: readonly string[]): boolean {
  const text =
    `${row.title ?? ""} ${row.project?.name ?? ""} ${agentName(row.agent)}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

export function grouped(
  rows: readonly SessionRow[],
  by: "day" | "project",
  nowMs: number,
): ListRow[] {
  const groups = Map.groupBy(rows, (row) => {
    if (by === "project") return row.project?.id ?? "";
    const at = lastActivity(row);
    return at === null ? "" : periodKey(at, nowMs);
  });
  const list: ListRow[] = [];
  for (const [key, members] of groups) {
    const first = members[0] as SessionRow;
    const label =
      by === "day"
        ? periodLabel(lastActivity(first), nowMs)
        : (first.project?.name ?? "No project");
    list.push({ key: `h:${key}`, type: "heading", label, count: members.length });
    for (const session of members) list.push({ key: session.id, type: "session", session });
  }
  return list;
}

/** Days while they are near, then months: a heading for each old day would be most of the list. */
const NEAR_MS = 14 * DAY_MS;

function periodKey(at: number, nowMs: number): string {
  return nowMs - at < NEAR_MS ? localDay(at) : localDay(at).slice(0, 7);
}

function periodLabel(at: number | null, nowMs: number): string {
  if (at === null || nowMs - at < NEAR_MS) return dayLabel(at, nowMs);
  return new Date(at).toLocaleDateString("en-GB", { month: "long", year: "numeric" });
}

/** The first moment of the last so many days, of which today is one. */
function beginOf(days: number, nowMs: number): number {
  const day = new Date(nowMs);
  day.setHours(0, 0, 0, 0);
  return day.setDate(day.getDate() - days + 1);
}
