/**
 * Which project a working folder belongs to: the nearest enclosing folder with a `.git`, where it exists on this
 * machine, else the folder itself. The id is derived from the path, so it is the same after every import.
 */
import { existsSync } from "node:fs";
import { createHash } from "node:crypto";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { type ProjectId, derivedId } from "../base/ids.ts";
import type { ProjectRef } from "../base/session.ts";

export type FindProject = (cwd: string) => ProjectRef;

/** Remembers its answers: a home has thousands of sessions in a handful of folders. */
export function createProjectFinder(): FindProject {
  const known = new Map<string, ProjectRef>();
  return (cwd) => {
    const held = known.get(cwd);
    if (held !== undefined) return held;
    const project = projectAt(isAbsolute(cwd) ? rootOf(normalize(cwd)) : cwd);
    known.set(cwd, project);
    return project;
  };
}

export function projectAt(path: string): ProjectRef {
  const clean = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  const id = derivedId<"ProjectId">(sha256, "proj_", clean) satisfies ProjectId;
  return { id, path: clean, name: basename(clean) || clean };
}

export function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function rootOf(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (folder === dirname(folder)) return cwd;
  }
}
