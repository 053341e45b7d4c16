/**
 * Paths and globs as they may leave: relative to the project, or a phrase that says why not.
 * Purely by their text; the disk is not asked. POSIX and Windows forms.
 */
import { looksLikeAddress, looksLikeSecret, mentions } from "./secrets.ts";

export const OUTSIDE = "outside the project";
export const WITHHELD = "withheld";

/** Where a session worked, and which words name its person and machine. */
export interface Place {
  /** Segments of the project's folder; null when there is no project, or one with no inside. */
  readonly project: readonly string[] | null;
  /** Segments of the folder that relative paths start from. */
  readonly base: readonly string[] | null;
  /** Lower case. */
  readonly names: ReadonlySet<string>;
}

export function placeOf(
  projectPath: string | null,
  cwd: string | null,
  names: readonly string[],
): Place {
  const project = projectPath === null ? null : absolute(projectPath);
  const base = cwd === null ? project : absolute(cwd);
  const own = [project, base].map((path) => (path === null ? null : userOf(path)));
  const words = [...names.flatMap((name) => [name, name.split(".", 1)[0]]), ...own].filter(isName);
  return {
    project: project === null || isTooWide(project) ? null : project,
    base,
    names: new Set(
      words.map((name) => name.toLowerCase()).filter((name) => !SHARED_NAMES.has(name)),
    ),
  };
}

/** Null for a value that is no path. */
export function sharePath(place: Place, value: unknown): string | null {
  if (typeof value !== "string" || value.trim() === "" || value.length > MAX_TEXT) return null;
  const inside = relativeTo(place, value);
  if (inside === null) return OUTSIDE;
  return allowed(place, inside, PATH_SEGMENT) ? inside.join("/") || "." : WITHHELD;
}

export function shareGlob(place: Place, value: unknown): string | null {
  if (typeof value !== "string" || value.trim() === "" || value.length > MAX_TEXT) return null;
  const segments = isAbsolute(value) ? relativeTo(place, value) : plainGlob(value);
  if (segments === null) return OUTSIDE;
  return allowed(place, segments, GLOB_SEGMENT) ? segments.join("/") || "." : WITHHELD;
}

const MAX_TEXT = 4_096;
const MAX_LENGTH = 300;
const MAX_SEGMENT = 100;
const MAX_SPACES = 3;
const PATH_SEGMENT = /^[\p{L}\p{M}\p{N}._@+$()[\] -]+$/u;
const GLOB_SEGMENT = /^[\p{L}\p{M}\p{N}._@+$()[\]{},!*? -]+$/u;

/** Users that are no person: a folder of that name says nothing. */
const SHARED_NAMES = new Set(
  "user users root admin administrator dev developer node ubuntu debian app home runner vscode codespace coder test work build ci git shared public src lib".split(
    " ",
  ),
);

/** Folders of the system, as a project too wide to have an inside. */
const SYSTEM = new Set(
  "home users root tmp var opt usr etc mnt media srv volumes proc sys dev run private export library system windows net".split(
    " ",
  ),
);

function isName(name: string | null | undefined): name is string {
  return typeof name === "string" && name.length >= 2;
}

function isAbsolute(path: string): boolean {
  return /^(?:[/\\~]|[A-Za-z]:)/.test(path);
}

/** Segments of an absolute path, a drive letter as the first of a Windows one; null for any other text. */
function absolute(path: string): readonly string[] | null {
  const drive = /^([A-Za-z]):[/\\]/.exec(path);
  if (drive !== null)
    return resolve([`${drive[1]?.toLowerCase()}:`], path.slice(3).split(/[/\\]/), 1);
  return path.startsWith("/") ? resolve([], path.split("/"), 0) : null;
}

/** Null when it climbs above its first `floor` segments. */
function resolve(
  base: readonly string[],
  segments: readonly string[],
  floor: number,
): readonly string[] | null {
  const whole = [...base];
  for (const segment of segments) {
    if (segment === "..") {
      if (whole.length <= floor) return null;
      whole.pop();
    } else if (segment !== "" && segment !== ".") whole.push(segment);
  }
  return whole;
}

function relativeTo({ project, base }: Place, path: string): readonly string[] | null {
  if (project === null) return null;
  const isWindows = project[0]?.endsWith(":") === true;
  const whole = isAbsolute(path)
    ? absolute(path)
    : base === null
      ? null
      : resolve(base, path.split(isWindows ? /[/\\]/ : "/"), isWindows ? 1 : 0);
  if (whole === null || whole.length < project.length) return null;
  return project.every((segment, i) => segment === whole[i]) ? whole.slice(project.length) : null;
}

function plainGlob(glob: string): readonly string[] | null {
  const segments = glob.split("/").filter((segment) => segment !== "" && segment !== ".");
  return segments.includes("..") ? null : segments;
}

function allowed(place: Place, segments: readonly string[], shape: RegExp): boolean {
  const whole = segments.join("/");
  if (whole.length > MAX_LENGTH || mentions(whole, place.names) || looksLikeSecret(whole))
    return false;
  return segments.every(
    (segment) =>
      segment.length <= MAX_SEGMENT &&
      shape.test(segment) &&
      segment === segment.trim() &&
      segment.split(" ").length - 1 <= MAX_SPACES &&
      !looksLikeSecret(segment) &&
      !looksLikeAddress(segment),
  );
}

/** Where the folders of people lie: the index after "home" or "Users"; -1 when the path is under none. */
function homeIndex(path: readonly string[]): number {
  const rest = path[0]?.endsWith(":") ? path.slice(1) : path;
  const [first, second, third] = rest.map((segment) => segment.toLowerCase());
  if (first === "home" || first === "users") return path.length - rest.length + 1;
  if ((first === "var" || first === "export") && second === "home")
    return path.length - rest.length + 2;
  if ((first === "mnt" || first === "volumes") && third === "users")
    return path.length - rest.length + 3;
  return -1;
}

function userOf(path: readonly string[]): string | null {
  const at = homeIndex(path);
  return at < 0 ? null : (path[at] ?? null);
}

function isTooWide(path: readonly string[]): boolean {
  const rest = path[0]?.endsWith(":") ? path.slice(1) : path;
  if (rest.length === 0) return true;
  if (rest.length === 1 && SYSTEM.has((rest[0] as string).toLowerCase())) return true;
  const home = homeIndex(path);
  return home >= 0 && path.length <= home + 1;
}
