/**
 * Projects and the teams they are linked to.
 *
 * The cloud knows a project by a UUID and a team by its id. What both are called stands in documents of the team, so
 * that a second device links the same project to the same UUID: by its name.
 */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import * as Y from "yjs";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { derivedId, ulid, type DocId, type ProjectId, type TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { raise } from "../base/result.ts";
import { openDoc } from "../crdt/documents.ts";
import { readProject, setProjectName } from "../crdt/project.ts";
import { sha256 } from "../store/projects.ts";
import type { Store } from "../store/store.ts";
import type { StreamRef } from "../sync/ports.ts";
import type { ProjectRow } from "./api.ts";
import type { Membership } from "./membership.ts";

export interface Projects {
  list(): Promise<readonly ProjectRow[]>;
  /** By id, a unique beginning of one, path, or name. Raises "no-project". */
  find(text: string): Promise<ProjectRow>;
  /** What the team calls it, by the cloud's name of it; null when the team has none of this name. */
  cloudProjectNamed(team: TeamId, name: string): Promise<string | null>;
  /** The project here that is linked to a stream's, else the one the team has there; null for the team's own stream. */
  at(stream: StreamRef): Promise<{ readonly id: ProjectId; readonly name: string } | null>;
  /** Says in the stream what it is called: `project` null names the team itself. */
  publishName(stream: StreamRef, name: string): Promise<void>;
  /** A document with a name came or changed. */
  received(doc: DocId): Promise<void>;
}

export interface ProjectsOptions {
  readonly store: Store;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly random: Random;
  onGrown(doc: DocId, sizeBytes: number): void;
}

export function createProjects({
  store,
  membership,
  clock,
  random,
  onGrown,
}: ProjectsOptions): Projects {
  async function list(): Promise<readonly ProjectRow[]> {
    const rows = await store.views.projects();
    return rows.map((row) => ({
      ...row,
      team: membership.link(row.id as ProjectId)?.team ?? null,
    }));
  }

  async function nameIn(
    doc: DocId,
  ): Promise<{ readonly stream: StreamRef; readonly name: string } | null> {
    const stored = await store.documents.load(doc);
    if (stored === null || stored.kind !== "project" || stored.stream === null) return null;
    const opened = openDoc(stored.state);
    const { name } = readProject(opened);
    opened.destroy();
    return name === null ? null : { stream: stored.stream, name };
  }

  return {
    list,
    async find(text) {
      const rows = await list();
      const path = text.includes("/") ? realPath(text) : null;
      const tests: readonly ((row: ProjectRow) => boolean)[] = [
        (row) => row.id === text || row.path === text || row.path === path,
        (row) => row.name === text,
        (row) => row.id.startsWith(text) && text.length > "proj_".length,
      ];
      for (const test of tests) {
        const [only, ...more] = rows.filter(test);
        if (only === undefined) continue;
        if (more.length > 0)
          raise(
            "ambiguous",
            `"${text}" fits ${more.length + 1} projects. Give its id or its path; operon project list shows both.`,
          );
        return only;
      }
      raise(
        "no-project",
        `There is no project "${text}" here: a project is a folder that an agent's session ran in. Nothing was done. operon project list shows them.`,
      );
    },
    async cloudProjectNamed(team, name) {
      const found: string[] = [];
      for (const { id } of await store.documents.list({ kind: "project" })) {
        const named = await nameIn(id);
        if (named?.stream.team === team && named.stream.project !== null && named.name === name)
          found.push(named.stream.project);
      }
      return found.toSorted()[0] ?? null;
    },
    async at(stream) {
      if (stream.project === null) return null;
      const linked = (await list()).find(
        ({ id }) => membership.link(id as ProjectId)?.cloudProject === stream.project,
      );
      if (linked !== undefined) return { id: linked.id as ProjectId, name: linked.name };
      for (const { id } of await store.documents.list({ kind: "project" })) {
        const named = await nameIn(id);
        if (named?.stream.team !== stream.team || named.stream.project !== stream.project) continue;
        return { id: derivedId(sha256, "proj_", stream.team, stream.project), name: named.name };
      }
      return null;
    },
    async publishName(stream, name) {
      const doc = new Y.Doc();
      setProjectName(doc, name);
      const state = Y.encodeStateAsUpdate(doc) as Bytes;
      doc.destroy();
      const id = `name_${ulid(clock, random)}` as DocId;
      await store.documents.create({
        id,
        kind: "project",
        subject: stream.project ?? stream.team,
        stream,
        state,
      });
      onGrown(id, state.length);
    },
    async received(doc) {
      const named = await nameIn(doc);
      if (named === null || named.stream.project !== null) return;
      const team = membership.teams().find(({ id }) => id === named.stream.team);
      if (team !== undefined && team.name !== named.name)
        await membership.setTeam({ ...team, name: named.name });
    },
  };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
