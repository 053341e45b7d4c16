/**
 * The built interface in memory, by the path it is asked for. What is not in the folder has no path: there is no way out
 * of it.
 */
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";

export interface WebFile {
  readonly type: string;
  readonly body: Buffer;
  /** Its name changes with its content. */
  readonly immutable: boolean;
}

export interface WebFiles {
  /** Null: there is nothing under this path. Addresses of views are all the same page. */
  get(pathname: string): WebFile | null;
}

export async function readWebFiles(folder: string): Promise<WebFiles> {
  const files = new Map<string, WebFile>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = `/${relative(folder, path).split(sep).join("/")}`;
    const type = TYPES[extname(entry.name)] ?? "application/octet-stream";
    files.set(name, { type, body: await readFile(path), immutable: name.startsWith("/assets/") });
  }
  return {
    get: (pathname) =>
      files.get(pathname) ?? (isView(pathname) ? (files.get("/index.html") ?? null) : null),
  };
}

function isView(pathname: string): boolean {
  return extname(pathname) === "" && !pathname.startsWith("/assets/");
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".woff2": "font/woff2",
  ".png": "image/png",
  ".ico": "image/x-icon",
};
