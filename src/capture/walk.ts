/** Finding files below a folder, by stat alone. */
import { lstat, readdir, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";

export interface FoundFile {
  readonly path: string;
  readonly inode: number;
  readonly sizeBytes: number;
  /** Whole milliseconds. */
  readonly mtimeMs: number;
}

/** A file or folder that is there and cannot be taken, and why, for a person. */
export interface Partial {
  readonly file: string;
  readonly reason: string;
  /** Numbers of the lines that could not be read. */
  readonly lines?: readonly number[];
}

export interface Walked {
  readonly files: FoundFile[];
  readonly partial: Partial[];
}

const STATS_AT_ONCE = 64;

/**
 * Every file below `root` that `wanted` (given the path from the root) names; not `nested`: in `root` itself only. A root
 * that is not there has none.
 */
export async function walk(
  root: string,
  wanted: (relativePath: string) => boolean,
  nested = true,
): Promise<Walked> {
  const found: Walked = { files: [], partial: [] };
  const top = await realpath(root).catch((error: unknown) => errorCode(error));
  if (top === "ENOENT" || top === "ENOTDIR") return found;
  const names: string[] = [];
  await list({ root, wanted, nested }, root, names, found.partial);
  for (let i = 0; i < names.length; i += STATS_AT_ONCE) {
    const results = await Promise.all(
      names.slice(i, i + STATS_AT_ONCE).map((path) => look(path, top)),
    );
    for (const result of results) {
      if (result === null) continue;
      if ("reason" in result) found.partial.push(result);
      else found.files.push(result);
    }
  }
  return found;
}

/** What lies at a path: a file, why it cannot be read, or null when there is nothing or it stands elsewhere too. */
export async function look(
  path: string,
  realRoot: string | null,
): Promise<FoundFile | Partial | null> {
  try {
    const stat = await lstat(path);
    if (stat.isSymbolicLink()) return await followLink(path, realRoot);
    if (stat.isFile()) return foundFile(path, stat);
    return {
      file: path,
      reason: stat.isDirectory()
        ? "This is a folder, not a file."
        : "This is not an ordinary file.",
    };
  } catch (error) {
    return errorCode(error) === "ENOENT" ? null : { file: path, reason: reasonOf(error) };
  }
}

export function foundFile(
  path: string,
  stat: { ino: number; size: number; mtimeMs: number },
): FoundFile {
  return {
    path,
    inode: stat.ino,
    sizeBytes: stat.size,
    mtimeMs: Math.trunc(stat.mtimeMs),
  };
}

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
}

export function reasonOf(error: unknown): string {
  switch (errorCode(error)) {
    case "ENOENT":
      return "It was removed while it was being read. What was read before is kept.";
    case "EACCES":
    case "EPERM":
      return "You are not allowed to read it. Change its permissions, then import again.";
    case "ELOOP":
      return "It is a link that leads back to itself.";
    default:
      return `It could not be read (${error instanceof Error ? error.message : String(error)}).`;
  }
}

/** A link to what lies below the same root is found there. */
async function followLink(path: string, realRoot: string | null): Promise<Partial | null> {
  const target = await realpath(path).catch((error: unknown) => error as Error);
  if (typeof target !== "string") {
    const gone = errorCode(target) === "ENOENT";
    return { file: path, reason: gone ? "It is a link to a file that is gone." : reasonOf(target) };
  }
  const inside = realRoot !== null && (target === realRoot || target.startsWith(realRoot + sep));
  return inside
    ? null
    : {
        file: path,
        reason: "It is a link that leads out of the agent's folder. It was not followed.",
      };
}

interface Wish {
  readonly root: string;
  readonly wanted: (relativePath: string) => boolean;
  readonly nested: boolean;
}

async function list(
  wish: Wish,
  folder: string,
  names: string[],
  partial: Partial[],
): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (errorCode(error) !== "ENOENT") partial.push({ file: folder, reason: reasonOf(error) });
    return [];
  });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (wish.wanted(relative(wish.root, path))) names.push(path);
    else if (wish.nested && entry.isDirectory()) await list(wish, path, names, partial);
  }
}
