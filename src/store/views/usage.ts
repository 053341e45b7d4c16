/** Tokens and cost, summed by session, day, model, project, agent or any of these together. */
import type { PGlite } from "@electric-sql/pglite";
import type { SessionId } from "../../base/ids.ts";
import type { AgentId, Tokens } from "../../base/session.ts";
import { CALL_SUMS, type TokenColumns, dollars, tokensOf } from "../rows.ts";

export const USAGE_BY = ["session", "day", "model", "project", "agent"] as const;
export type UsageBy = (typeof USAGE_BY)[number];

export interface UsageRow {
  readonly agent?: AgentId;
  readonly session?: string;
  readonly sourceId?: string;
  readonly day?: string;
  readonly model?: string;
  readonly project?: string;
  readonly calls: number;
  readonly tokens: Tokens;
  /** Null when some call has no price. */
  readonly costUsd: number | null;
}

export interface UsageViews {
  /** By session, every session has a row, also one without calls. By day: of the zone (an IANA name; UTC if left out). */
  usage(
    by: readonly UsageBy[],
    session: SessionId | null,
    zone?: string,
  ): Promise<{ readonly rows: readonly UsageRow[]; readonly totals: UsageRow }>;
}

/** Columns of each grouping, as their names in a row. */
const GROUPS: Readonly<Record<UsageBy, Readonly<Record<string, string>>>> = {
  session: { session: "s.id", sourceId: "s.source_id", agent: "s.agent" },
  day: { day: "to_char(to_timestamp(c.at / 1000.0) at time zone $2::text, 'YYYY-MM-DD')" },
  model: { model: "c.model" },
  project: { project: "coalesce(p.name, '')" },
  agent: { agent: "s.agent" },
};

type Row = TokenColumns &
  Record<string, string | null> & { readonly calls: number; readonly cost: number | null };

export function createUsageViews(db: PGlite): UsageViews {
  return {
    async usage(by, session, zone = "UTC") {
      const columns: Record<string, string> = Object.assign(
        {},
        ...by.map((group) => GROUPS[group]),
      );
      const calls = by.includes("session") ? "left join" : "join";
      const sums = async (names: readonly string[], groupBy: string): Promise<readonly Row[]> => {
        const found = await db.query<Row>(
          `select ${[...names, CALL_SUMS].join(", ")}
           from sessions s ${calls} calls c on c.session_id = s.id left join projects p on p.id = s.project_id
           where $1::text is null or s.id = $1 ${groupBy}`,
          names.length > 0 && by.includes("day") ? [session, zone] : [session],
        );
        return found.rows;
      };
      const names = Object.entries(columns).map(([name, column]) => `${column} as "${name}"`);
      const places = names.map((_, i) => i + 1).join(", ");
      const rows =
        names.length === 0 ? [] : await sums(names, `group by ${places} order by ${places}`);
      const [totals] = await sums([], "");
      return {
        rows: rows.map((row) => rowOf(row, Object.keys(columns))),
        totals: rowOf(totals as Row, []),
      };
    },
  };
}

function rowOf(row: Row, names: readonly string[]): UsageRow {
  const labels = names.flatMap((name) => (row[name] === null ? [] : [[name, row[name]] as const]));
  return {
    ...Object.fromEntries(labels),
    calls: row.calls,
    tokens: tokensOf(row),
    costUsd: dollars(row.cost),
  };
}
