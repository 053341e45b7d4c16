/**
 * The one table of rooms: what each may import. `docs/ARCHITECTURE.md` shows it, the linter keeps it.
 *
 * A path is relative to the repository's root, with `/`. Type-only imports count like any other, except where a row of
 * `files` says "types". What a room does not use it may not use: a test holds the table against what is imported.
 */
import { builtinModules } from "node:module";

export interface Room {
  /** Folder from the root. */
  readonly folder: string;
  /** neutral: runs in Node and in a browser. node: may use Node's modules. dom: the page. */
  readonly runs: "neutral" | "node" | "dom";
  /** Rooms it may import, besides itself. */
  readonly imports: readonly string[];
  /** Single files of other rooms it may import; "types": only their types. */
  readonly files?: Readonly<Record<string, "types" | "all">>;
  /** Rooms that these files may load while running, with `import()`. */
  readonly loads?: Readonly<Record<string, readonly string[]>>;
  /** Packages it may import (subpaths included). */
  readonly packages: readonly string[];
  /** May open sockets: Node's network modules. Capture, privacy and store never do. */
  readonly network?: true;
}

export const ROOMS: Readonly<Record<string, Room>> = {
  base: { folder: "src/base", runs: "neutral", imports: [], packages: [] },
  crdt: { folder: "src/crdt", runs: "neutral", imports: ["base"], packages: ["yjs", "lib0"] },
  crypto: {
    folder: "src/crypto",
    runs: "neutral",
    imports: ["base"],
    // Of the last one only the list of words: it checks nothing and signs nothing here.
    packages: ["libsodium-wrappers-sumo", "fflate", "@scure/bip39/wordlists/english.js"],
  },
  privacy: { folder: "src/privacy", runs: "neutral", imports: ["base", "crdt"], packages: [] },
  pg: { folder: "src/pg", runs: "node", imports: ["base"], packages: ["@electric-sql/pglite"] },
  store: {
    folder: "src/store",
    runs: "node",
    imports: ["base", "crdt", "pg"],
    packages: ["@electric-sql/pglite"],
  },
  capture: {
    folder: "src/capture",
    runs: "node",
    imports: ["base"],
    packages: ["chokidar"],
  },
  sync: {
    folder: "src/sync",
    runs: "neutral",
    imports: ["base", "crdt", "crypto"],
    packages: [],
  },
  cloud: {
    folder: "src/cloud",
    runs: "neutral",
    imports: ["base", "crypto", "sync"],
    packages: ["@supabase/supabase-js", "valibot"],
  },
  app: {
    folder: "src/app",
    runs: "node",
    imports: ["base", "crdt", "crypto", "privacy", "store", "capture", "sync", "cloud"],
    packages: ["yjs", "ws", "valibot", "@napi-rs/keyring"],
    network: true,
  },
  ui: {
    folder: "src/ui",
    runs: "dom",
    imports: ["base", "crdt"],
    files: { "src/app/api.ts": "types", "src/app/channel.ts": "all" },
    packages: [
      "solid-js",
      "@tanstack/solid-virtual",
      "@codemirror/commands",
      "@codemirror/state",
      "@codemirror/view",
      "@fontsource-variable/jetbrains-mono",
      "markdown-it",
      "y-codemirror.next",
      "y-indexeddb",
      "yjs",
    ],
  },
  cli: {
    folder: "src/cli",
    runs: "node",
    imports: ["base", "app"],
    loads: { "src/cli/relay.ts": ["relay"] },
    packages: [],
  },
  relay: {
    folder: "relay",
    runs: "node",
    imports: ["base", "pg"],
    packages: ["@electric-sql/pglite", "jose", "ws"],
    network: true,
  },
};

export interface Import {
  /** The importing file. */
  readonly from: string;
  /** As written: `../base/bytes.ts`, `node:fs`, `yjs`. */
  readonly specifier: string;
  readonly how: "values" | "types" | "load";
}

const BUILTIN = new Set(builtinModules);
const NETWORK = new Set(["dgram", "dns", "http", "http2", "https", "inspector", "net", "tls"]);

/** The room a file is in, by name; null for tests, scripts and the bench, which may import anything. */
export function roomOf(path: string): string | null {
  const found = Object.entries(ROOMS).find(([, room]) => path.startsWith(`${room.folder}/`));
  return found?.[0] ?? null;
}

/** What is wrong with the place or name of a file; null when nothing is. */
export function placeFault(path: string): string | null {
  if (path.startsWith("src/") && roomOf(path) === null)
    return `${path} is in no room of scripts/lint/rooms.ts.`;
  if (roomOf(path) !== null && /\/index\.[cm]?[jt]sx?$/.test(path)) {
    return "No barrels: name the file for the concept it owns, and import that file.";
  }
  return null;
}

/** Why an import may not stand where it stands; null when it may. */
export function importFault({ from, specifier, how }: Import): string | null {
  const name = roomOf(from);
  if (name === null) return null;
  const room = ROOMS[name] as Room;
  if (specifier.startsWith(".")) return fileFault(name, room, from, resolve(from, specifier), how);
  if (specifier.startsWith("node:") || BUILTIN.has(specifier))
    return nodeFault(name, room, specifier);
  if (room.packages.some((allowed) => specifier === allowed || specifier.startsWith(`${allowed}/`)))
    return null;
  return `${name} may not import the package ${specifier}.`;
}

function fileFault(
  name: string,
  room: Room,
  from: string,
  target: string,
  how: Import["how"],
): string | null {
  const path = target.replace(/\?.*$/, "");
  const targetRoom = roomOf(path);
  if (targetRoom === null) {
    return path.startsWith("src/") || path.startsWith("..")
      ? `${path} is in no room.`
      : dataFault(path);
  }
  if (targetRoom === name || room.imports.includes(targetRoom)) return null;
  const single = room.files?.[path];
  if (single === "all" || (single === "types" && how === "types")) return null;
  if (single === "types") return `${name} may import only types from ${path}.`;
  if (how === "load" && room.loads?.[from]?.includes(targetRoom) === true) return null;
  return `${name} may not import ${targetRoom} (${path}).`;
}

/** Outside the rooms only data may be imported: package.json for the version, say. */
function dataFault(path: string): string | null {
  return path.endsWith(".json")
    ? null
    : `${path} is in no room, so nothing in a room may import it.`;
}

function nodeFault(name: string, room: Room, specifier: string): string | null {
  if (room.runs !== "node") return `${name} runs outside Node too: it may not import ${specifier}.`;
  const module = specifier.replace(/^node:/, "").split("/")[0] as string;
  if (NETWORK.has(module) && room.network !== true)
    return `${name} opens no sockets: it may not import ${specifier}.`;
  return null;
}

function resolve(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.length === 0 || parts.at(-1) === "..") parts.push("..");
      else parts.pop();
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
