/** Capture at work: imports, the live watch, and filling a fresh store from the archive, one after another. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { SessionId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { AgentId, CaptureBatch, FileState } from "../base/session.ts";
import type { Archive } from "../capture/archive.ts";
import type { Capture } from "../capture/capture.ts";
import type { Watch } from "../capture/watch.ts";
import type { ImportReport, Progress, Status } from "./api.ts";
import { ingest, type Ingested } from "./ingest.ts";
import type { Env } from "./paths.ts";
import { createQueue } from "./tasks.ts";

export interface CapturingOptions {
  /** The profile's. */
  readonly folder: string;
  /** Null: the user's own, where the environment may say more. */
  readonly home: string | null;
  readonly env: Env;
  readonly clock: Clock;
  readonly log: Log;
  fileStates(agent: AgentId): Promise<ReadonlyMap<string, FileState>>;
  commit(batches: readonly CaptureBatch[]): Promise<{ readonly sessions: readonly SessionId[] }>;
  /** Events held in all. */
  countEvents(): Promise<number>;
  /** After each commit. */
  onSessions(sessions: readonly SessionId[]): void;
  /** After a look: what follows from the sessions that changed. */
  follow(changed: ReadonlySet<SessionId>, onProgress: (progress: Progress) => void): Promise<void>;
  onState(): void;
}

export interface Capturing {
  /** Those whose transcripts this process has looked for. */
  agents(): readonly AgentId[];
  state(): Status["capture"];
  /** Sentences a person should know of how it goes. */
  notices(): readonly string[];
  import(
    paths: readonly string[] | undefined,
    home: string | undefined,
    onProgress: (progress: Progress) => void,
  ): Promise<ImportReport>;
  /** Everything once, then what changes, until `close`. To be called again when it rejects. */
  watch(): Promise<void>;
  /** From the archive, what the store does not have. */
  refill(onProgress: (progress: Progress) => void): Promise<void>;
  /** Every agent's folders, existing or not. */
  roots(): Promise<ReadonlyMap<AgentId, readonly string[]>>;
  close(): Promise<void>;
}

interface Timed {
  /** New ones. */
  readonly events: number;
  readonly visibleMs: number;
  readonly ms: number;
}

export function createCapturing(options: CapturingOptions): Capturing {
  const { clock, log } = options;
  const queue = createQueue();
  let archive: Promise<Archive> | undefined;
  let states: Promise<Map<string, FileState>> | undefined;
  let watching: Watch | null = null;
  let importing = 0;
  let progress: Progress | null = null;
  let agents: readonly AgentId[] = [];
  let closed = false;
  const notices: string[] = [];

  function openedArchive(): Promise<Archive> {
    const opening = (archive ??= import("../capture/archive.ts").then(({ openArchive }) =>
      openArchive(join(options.folder, "archive")),
    ));
    // What kept it from being opened may pass.
    opening.catch(() => (archive = undefined));
    return opening;
  }

  async function captureOf(home: string | null): Promise<Capture> {
    const { createCapture } = await import("../capture/capture.ts");
    const capture =
      home === null
        ? createCapture({
            home: options.env["HOME"] ?? homedir(),
            env: options.env,
            log,
            archive: await openedArchive(),
          })
        : createCapture({ home: resolve(home), env: {}, log, archive: await openedArchive() });
    agents = capture.agents;
    return capture;
  }

  async function statesOf(capture: Capture): Promise<Map<string, FileState>> {
    const reading = (states ??= Promise.all(
      capture.agents.map((agent) => options.fileStates(agent)),
    ).then((maps) => new Map(maps.flatMap((map) => [...map]))));
    reading.catch(() => (states = undefined));
    return reading;
  }

  /** One look, with what follows from it. */
  async function look(
    steps: (capture: Capture, states: Map<string, FileState>) => ReturnType<Capture["scan"]>,
    home: string | null,
    onProgress: (progress: Progress) => void,
  ): Promise<Ingested & Timed> {
    const startMs = clock.monotonicMs();
    const tell = (next: Progress): void => {
      progress = next;
      onProgress(next);
      options.onState();
    };
    importing++;
    options.onState();
    try {
      const capture = await captureOf(home);
      const held = await statesOf(capture);
      const before = await options.countEvents();
      const done = await ingest(
        { ...options, states: held, ended: () => closed },
        steps(capture, held),
        tell,
      );
      const events =
        done.changed.size === 0 ? 0 : Math.max(0, (await options.countEvents()) - before);
      const visibleMs = clock.monotonicMs() - startMs;
      if (!closed) await options.follow(done.changed, tell);
      return { ...done, events, visibleMs, ms: clock.monotonicMs() - startMs };
    } finally {
      importing--;
      progress = null;
      options.onState();
    }
  }

  async function onChange(paths: readonly string[] | null): Promise<void> {
    await queue.run(async () => {
      if (!closed)
        await look(
          (capture, held) => capture.scan(held, paths ?? undefined),
          options.home,
          () => undefined,
        );
    });
  }

  function onBlind(notice: string): void {
    notices.push(notice);
    options.onState();
  }

  return {
    agents: () => agents,
    state: () => ({
      state:
        importing > 0 && watching === null ? "importing" : watching === null ? "idle" : "watching",
      progress,
    }),
    notices: () => notices,
    async import(paths, home, onProgress) {
      const {
        changed: _changed,
        ms,
        visibleMs,
        ...report
      } = await queue.run(() =>
        look((capture, held) => capture.scan(held, paths), home ?? options.home, onProgress),
      );
      return { ...report, ms: Math.round(ms), visibleMs: Math.round(visibleMs) };
    },
    async watch() {
      const capture = await captureOf(options.home);
      // Watched before it is read, so that nothing that comes in between is missed.
      watching ??= await capture.watch({ onChange, onBlind });
      options.onState();
      await onChange(null);
    },
    refill: (onProgress) =>
      queue.run(
        async () =>
          void (await look(
            (capture, held) => capture.replayArchive(held),
            options.home,
            onProgress,
          )),
      ),
    roots: async () => (await captureOf(options.home)).roots,
    async close() {
      closed = true;
      try {
        await watching?.close();
      } finally {
        await queue.idle();
        await (await archive?.catch(() => undefined))?.close();
      }
    },
  };
}
