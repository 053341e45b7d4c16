/** Ids may be given by a unique beginning, with or without their prefix; sessions also by the agent's own id. */
import type { PGlite } from "@electric-sql/pglite";
import type { ProjectId, SessionId } from "../../base/ids.ts";
import { raise } from "../../base/result.ts";
import { projectAt } from "../projects.ts";
import { likeLiteral } from "../rows.ts";

export interface Resolver {
  /** These throw `FaultError` "not-found" or "ambiguous". */
  sessionId(given: string): Promise<SessionId>;
  /** Also by its path or its name. */
  projectId(given: string): Promise<ProjectId>;
}

const SHOWN = 5;

export function createResolver(db: PGlite): Resolver {
  async function only<T extends string>(
    what: string,
    given: string,
    sql: string,
    values: readonly string[],
  ): Promise<T> {
    const found = await db.query<{ id: T; exact: boolean }>(sql, [...values]);
    const exact = found.rows.find((row) => row.exact);
    if (exact !== undefined) return exact.id;
    const [first, ...others] = found.rows;
    if (first === undefined)
      raise("not-found", `There is no ${what} "${given}" here. Nothing was done.`);
    if (others.length > 0) {
      const ids = found.rows.slice(0, SHOWN).map((row) => row.id);
      raise(
        "ambiguous",
        `"${given}" fits more than one ${what}: ${ids.join(", ")}. Give more of the id. Nothing was done.`,
      );
    }
    return first.id;
  }

  return {
    sessionId: async (given) =>
      only(
        "session",
        given,
        `select id, (id = $1 or id = $2) as exact from sessions
         where id like $3 or id like $4 or source_id like $3 order by exact desc, id limit ${SHOWN + 1}`,
        idPatterns("ses_", given),
      ),
    projectId: async (given) => {
      const { path } = projectAt(given);
      return only(
        "project",
        given,
        `select id, (id = $1 or id = $2 or path = $5) as exact from projects
         where id like $3 or id like $4 or path = $5 or name = $1 order by exact desc, id limit ${SHOWN + 1}`,
        [...idPatterns("proj_", given), path],
      );
    },
  };
}

/** As given, with the prefix, and both as beginnings. */
function idPatterns(prefix: string, given: string): readonly string[] {
  const whole = prefix + given;
  return [given, whole, `${likeLiteral(given)}%`, `${likeLiteral(whole)}%`];
}
