/** Which files there are to look at: the agents' own, or those a person or a watch names. */
import { realpath, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { sessionsInside } from "./database.ts";
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
      const walked = await walk(root, (path) => isWanted(reader, path), reader.nested);
      files.push(...inDatabases(reader, root, walked.files, found.partial));
      found.partial.push(...walked.partial);
    }
    found.files.push(...withoutTwins(reader, files).map((file) => ({ file, reader })));
  }
  return found;
}

function isWanted(reader: Reader, relativePath: string): boolean {
  return reader.isTranscript(relativePath) || reader.database?.isDatabase(relativePath) === true;
}

/** The same files, each database as the sessions in it. */
function inDatabases(
  reader: Reader,
  root: string,
  files: readonly FoundFile[],
  partial: Partial[],
): FoundFile[] {
  const { database } = reader;
  if (database === null) return [...files];
  return files.flatMap((file) => {
    if (!database.isDatabase(relative(root, file.path))) return [file];
    try {
      return sessionsInside(database, file);
    } catch (error) {
      partial.push({ file: file.path, reason: reasonOf(error) });
      return [];
    }
  });
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

/** By its place alone: the transcript, or the database with some, that a file is of; null: none. */
export function transcriptOf(input: Agents, path: string): string | null {
  const place = placeOf(input, path);
  if (place === null) return null;
  const { reader, root } = place;
  if (reader.isTranscript(relative(root, path))) return path;
  // What a database was last given lies beside it.
  const database = path.replace(/-wal$/, "");
  return reader.database?.isDatabase(relative(root, database)) === true ? database : null;
}

async function findInside(
  found: Found,
  { reader, root, roots }: Place,
  path: string,
): Promise<void> {
  if (!isWanted(reader, relative(root, path))) {
    const isFolder = await stat(path).then(
      (it) => it.isDirectory(),
      () => false,
    );
    if (!isFolder) return;
    const walked = await walk(path, (below) => isWanted(reader, relative(root, join(path, below))));
    found.partial.push(...walked.partial);
    const files = inDatabases(reader, root, walked.files, found.partial);
    found.files.push(...withoutTwins(reader, files).map((file) => ({ file, reader })));
    return;
  }
  const twins = twinPaths(reader, roots, root, path);
  for (const twin of twins) {
    const seen = await look(twin, await realpath(root).catch(() => null));
    if (seen === null) continue;
    if ("reason" in seen) found.partial.push(seen);
    else
      for (const file of inDatabases(reader, root, [seen], found.partial))
        found.files.push({ file, reader });
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
