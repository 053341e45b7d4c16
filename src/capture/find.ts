/** Which files there are to look at: the agents' own, or those a person or a watch names. */
import { realpath, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import type { Env, Reader } from "./reader.ts";
import { isCompressed } from "./sources.ts";
import { errorCode, look, reasonOf, walk, type FoundFile, type Partial } from "./walk.ts";

export interface Agents {
  readonly home: string;
  readonly env: Env;
  readonly readers: readonly Reader[];
}

export interface Found {
  /** Null: content decides. */
  readonly files: { file: FoundFile; reader: Reader | null }[];
  readonly partial: Partial[];
}

/** Everything below the roots of all agents. */
export async function findAll({ readers, home, env }: Agents): Promise<Found> {
  const found: Found = { files: [], partial: [] };
  for (const reader of readers) {
    const files: FoundFile[] = [];
    for (const root of reader.roots(home, env)) {
      const walked = await walk(root, (path) => reader.isTranscript(path));
      files.push(...walked.files);
      found.partial.push(...walked.partial);
    }
    found.files.push(...withoutTwins(reader, files).map((file) => ({ file, reader })));
  }
  return found;
}

/** Of twins the first root's, and there the plain one. */
function withoutTwins(reader: Reader, files: readonly FoundFile[]): FoundFile[] {
  const best = new Map<string, FoundFile>();
  for (const file of files) {
    const key = reader.twinKey(file.path) ?? file.path;
    const known = best.get(key);
    const plainer =
      known !== undefined && sameFolder(known.path, file.path) && isCompressed(known.path);
    if (known === undefined || plainer) best.set(key, file);
  }
  return [...best.values()];
}

function sameFolder(a: string, b: string): boolean {
  return a.slice(0, a.lastIndexOf(sep)) === b.slice(0, b.lastIndexOf(sep));
}

/** Files and folders a person named, and changes seen by a watch. Outside of the agents' folders content decides. */
export async function findNamed(input: Agents, paths: readonly string[]): Promise<Found> {
  const found: Found = { files: [], partial: [] };
  for (const named of new Set(paths.map((path) => resolve(path)))) {
    const place = placeOf(input, named);
    if (place !== null) await findInside(found, place, named);
    else await findOutside(found, named);
  }
  return found;
}

interface Place {
  readonly reader: Reader;
  readonly root: string;
  readonly roots: readonly string[];
}

function placeOf({ readers, home, env }: Agents, path: string): Place | null {
  for (const reader of readers) {
    const roots = reader.roots(home, env).map((root) => resolve(root));
    const root = roots.find((one) => path.startsWith(one + sep));
    if (root !== undefined) return { reader, root, roots };
  }
  return null;
}

async function findInside(
  found: Found,
  { reader, root, roots }: Place,
  path: string,
): Promise<void> {
  if (!reader.isTranscript(relative(root, path))) {
    const isFolder = await stat(path).then(
      (it) => it.isDirectory(),
      () => false,
    );
    if (!isFolder) return;
    const walked = await walk(path, (below) =>
      reader.isTranscript(relative(root, join(path, below))),
    );
    found.partial.push(...walked.partial);
    found.files.push(...withoutTwins(reader, walked.files).map((file) => ({ file, reader })));
    return;
  }
  const twins = twinPaths(reader, roots, root, path);
  for (const twin of twins) {
    const seen = await look(twin, await realpath(root).catch(() => null));
    if (seen === null) continue;
    if ("reason" in seen) found.partial.push(seen);
    else found.files.push({ file: seen, reader });
    return;
  }
}

/** The places where the same transcript may lie, best first. */
function twinPaths(reader: Reader, roots: readonly string[], root: string, path: string): string[] {
  if (reader.twinKey(path) === null) return [path];
  const below = relative(root, path).replace(/\.zst$/, "");
  return roots.flatMap((one) => [join(one, below), join(one, `${below}.zst`)]);
}

async function findOutside(found: Found, path: string): Promise<void> {
  const real = await realpath(path).catch((error: unknown) => error as Error);
  if (typeof real !== "string") {
    const reason =
      errorCode(real) === "ENOENT" ? "There is no such file or folder." : reasonOf(real);
    found.partial.push({ file: path, reason });
    return;
  }
  const isFolder = await stat(real).then(
    (it) => it.isDirectory(),
    () => false,
  );
  if (isFolder) {
    const walked = await walk(real, (below) => /\.jsonl(?:\.zst)?$/.test(below));
    found.partial.push(...walked.partial);
    found.files.push(...walked.files.map((file) => ({ file, reader: null })));
    return;
  }
  const seen = await look(real, null);
  if (seen === null) return;
  if ("reason" in seen) found.partial.push(seen);
  else found.files.push({ file: seen, reader: null });
}
