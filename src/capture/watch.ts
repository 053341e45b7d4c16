/**
 * Tells which transcripts changed, soon after they did. Folders that are not there yet are waited for. Where the system
 * watches no more, everything is looked at every few seconds instead, and a person is told.
 */
import { existsSync } from "node:fs";
import { dirname, sep } from "node:path";
import { watch as watchFiles } from "chokidar";
import type { Log } from "../base/log.ts";
import { errorCode } from "./walk.ts";

export interface WatchInput {
  /** Absolute. */
  readonly roots: readonly string[];
  /** Those of them in which only files are watched, and no folders. */
  readonly flat?: ReadonlySet<string>;
  readonly log: Log;
  /** The transcript, or the database with some, that a changed file is of; null: none. */
  readonly transcriptOf: (path: string) => string | null;
  /** Called with what changed; null: look at everything, in case something was missed. Never called twice at once. */
  readonly onChange: (paths: readonly string[] | null) => Promise<void>;
  /** Called at most once, with a sentence for a person: something cannot be watched from now on. */
  readonly onBlind?: (notice: string) => void;
  /** Gathers changes this long. Milliseconds. */
  readonly gatherMs?: number;
  readonly rescanMs?: number;
  /** How often everything is looked at once something cannot be watched. Milliseconds. */
  readonly blindRescanMs?: number;
}

export interface Watch {
  /** What was seen is handed over, what runs ends. */
  close(): Promise<void>;
}

const GATHER_MS = 50;
/** chokidar tells of one change of a file in 50 ms and drops the others, the last one too: so each is looked at again. */
const AGAIN_MS = 150;
const RESCAN_MS = 10 * 60_000;
const BLIND_RESCAN_MS = 5_000;

/** Resolves once changes are seen. */
export async function watchTranscripts(input: WatchInput): Promise<Watch> {
  const { roots, log, gatherMs = GATHER_MS, rescanMs = RESCAN_MS } = input;
  const blindRescanMs = input.blindRescanMs ?? BLIND_RESCAN_MS;
  const changed = new Set<string>();
  let rescan = false;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  const again = new Map<string, NodeJS.Timeout>();
  let closed = false;
  let blind = false;
  let rescans: NodeJS.Timeout | undefined;

  const flush = (): void => {
    timer = null;
    if (running !== null || (changed.size === 0 && !rescan)) return;
    const paths = rescan ? null : [...changed];
    changed.clear();
    rescan = false;
    running = input
      .onChange(paths)
      .catch((error: unknown) => {
        log("error", "capture.watch", {
          reason: error instanceof Error ? error.message : String(error),
        });
      })
      .finally(() => {
        running = null;
        schedule();
      });
  };
  const schedule = (): void => {
    if (!closed && timer === null && (changed.size > 0 || rescan))
      timer = setTimeout(flush, gatherMs);
  };

  const watcher = watchFiles([...new Set(roots.map(nearestFolder))], {
    ignored: (path) => !concerns(roots, path) || isBelowFlat(input.flat, path),
    ignoreInitial: true,
    followSymlinks: false,
  });
  const look = (path: string): void => {
    changed.add(path);
    schedule();
  };
  const onFile = (changed: string): void => {
    const path = input.transcriptOf(changed);
    if (path === null) return;
    look(path);
    clearTimeout(again.get(path));
    again.set(
      path,
      setTimeout(() => again.delete(path) && look(path), AGAIN_MS),
    );
  };
  watcher.on("add", onFile).on("change", onFile);
  const rescanEvery = (ms: number): void => {
    clearInterval(rescans);
    rescans = setInterval(() => {
      rescan = true;
      schedule();
    }, ms);
  };
  // A full system says so for every file: once is enough.
  watcher.on("error", (error) => {
    if (blind || closed) return;
    const reason = error instanceof Error ? error.message : String(error);
    log("warn", "capture.watch", { reason });
    // What may not be read is told by the look itself.
    if (["EACCES", "EPERM"].includes(errorCode(error))) return;
    blind = true;
    rescanEvery(blindRescanMs);
    input.onBlind?.(blindSentence(errorCode(error), reason, blindRescanMs));
  });
  await new Promise<void>((resolve) => watcher.once("ready", resolve));
  if (!blind) rescanEvery(rescanMs);

  return {
    async close() {
      closed = true;
      clearInterval(rescans);
      if (timer !== null) clearTimeout(timer);
      for (const [path, waiting] of again) {
        clearTimeout(waiting);
        changed.add(path);
      }
      await watcher.close();
      await running;
      flush();
      await running;
    },
  };
}

function blindSentence(code: string, reason: string, everyMs: number): string {
  return (
    `Not every transcript can be watched (${reason}). Nothing is missed: all are looked at every ` +
    `${everyMs / 1_000} seconds instead, which costs more. ${BLIND_ADVICE.get(code) ?? "Free what others hold"}, then start Operon again.`
  );
}

const BLIND_ADVICE: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "Raise the limit (sudo sysctl fs.inotify.max_user_watches=524288)"],
  ["EMFILE", "Raise the limit (sudo sysctl fs.inotify.max_user_instances=1024, or ulimit -n)"],
]);

/** A root, what is in it, and the folders on the way to it. */
function concerns(roots: readonly string[], path: string): boolean {
  return roots.some(
    (root) =>
      path === root ||
      path.startsWith(root + sep) ||
      root.startsWith(path.endsWith(sep) ? path : path + sep),
  );
}

/** In a folder in a flat root: such a folder is seen, and not what is in it. */
function isBelowFlat(flat: ReadonlySet<string> | undefined, path: string): boolean {
  return [...(flat ?? [])].some(
    (root) => path.startsWith(root + sep) && path.slice(root.length + 1).includes(sep),
  );
}

function nearestFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
