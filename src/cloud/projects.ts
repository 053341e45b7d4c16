/** The cloud's name of a project: a UUID that says nothing. Which local project it stands for is kept on the device. */
import * as v from "valibot";
import type { TeamId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import type { Connection } from "./connection.ts";
import { ProjectUuid } from "./shapes.ts";

export async function createProject(connection: Connection, team: TeamId): Promise<Result<string>> {
  const made = await connection.call(
    "cloud_project_create",
    { team },
    v.object({ project: ProjectUuid }),
  );
  return made.ok ? ok(made.value.project) : made;
}
