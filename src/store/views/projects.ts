/** Projects of this machine, and which team each is linked to. Links are settings: they outlive the database. */
import type { PGlite } from "@electric-sql/pglite";
import type { ProjectId, TeamId } from "../../base/ids.ts";
import type { Settings } from "../settings.ts";

export interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly sessions: number;
  readonly team: string | null;
}

/** `project` is the cloud's UUID. */
export interface ProjectLink {
  readonly team: TeamId;
  readonly project: string;
}

export interface ProjectViews {
  /** Most sessions first. */
  list(): Promise<readonly ProjectRow[]>;
  get(id: ProjectId): Promise<ProjectRow>;
  link(id: ProjectId): Promise<ProjectLink | null>;
  links(): Promise<ReadonlyMap<ProjectId, ProjectLink>>;
  /** Null: unlinks. */
  setLink(id: ProjectId, link: ProjectLink | null): Promise<void>;
}

const LINK_KEY = "link/";

export function createProjectViews(db: PGlite, settings: Settings): ProjectViews {
  async function read(id: ProjectId | null): Promise<readonly ProjectRow[]> {
    const found = await db.query<Omit<ProjectRow, "team"> & { link: string | null }>(
      `select p.id, p.name, p.path, (select count(*) from sessions s where s.project_id = p.id) as sessions,
         (select value from settings where key = '${LINK_KEY}' || p.id) as link
       from projects p where $1::text is null or p.id = $1 order by sessions desc, p.path`,
      [id],
    );
    return found.rows.map(({ link, ...row }) => ({
      ...row,
      team: link === null ? null : (JSON.parse(link) as ProjectLink).team,
    }));
  }

  return {
    list: () => read(null),
    async get(id) {
      const [row] = await read(id);
      if (row === undefined) throw new Error(`no project ${id}`);
      return row;
    },
    link: async (id) => ((await settings.get(LINK_KEY + id)) ?? null) as ProjectLink | null,
    async links() {
      const all = await settings.all(LINK_KEY);
      return new Map([...all].map(([key, value]) => [key.slice(LINK_KEY.length) as ProjectId, value as unknown as ProjectLink]));
    },
    async setLink(id, link) {
      if (link === null) await settings.delete(LINK_KEY + id);
      else await settings.set(LINK_KEY + id, { team: link.team, project: link.project });
    },
  };
}
