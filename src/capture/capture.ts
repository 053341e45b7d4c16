/** Capture: agents' transcripts on this machine, as the batches that `CaptureBatch` describes. */
import { resolve } from "node:path";
import type { Log } from "../base/log.ts";
import type { AgentId } from "../base/session.ts";
import { aider } from "./aider.ts";
import { amp } from "./amp.ts";
import type { Archive } from "./archive.ts";
import { claudeCode } from "./claude-code.ts";
import { cline, roo } from "./cline.ts";
import { codex } from "./codex.ts";
import { copilotCli } from "./copilot-cli.ts";
import { cursor } from "./cursor.ts";
import { factoryDroid } from "./factory-droid.ts";
import { geminiCli } from "./gemini-cli.ts";
import { transcriptOf } from "./find.ts";
import { pi } from "./pi.ts";
import { openCode } from "./opencode.ts";
import { goose } from "./goose.ts";
import type { Env, Reader } from "./reader.ts";
import { replay, scan, type CaptureStep, type FileStates } from "./scan.ts";
import { watchTranscripts, type Watch, type WatchInput } from "./watch.ts";

export const READERS: readonly Reader[] = [
  claudeCode,
  codex,
  geminiCli,
  copilotCli,
  pi,
  factoryDroid,
  openCode,
  roo,
  cline,
  cursor,
  goose,
  amp,
  aider,
];

export interface CaptureOptions {
  /** The folder that agents' folders are looked for in. */
  readonly home: string;
  /** Says where agents were told to keep their files; empty for a home that is not the user's own. */
  readonly env: Env;
  readonly log: Log;
  readonly archive: Archive | null;
}

export interface Capture {
  readonly agents: readonly AgentId[];
  /** Absolute folders that are looked at, existing or not, by agent. */
  readonly roots: ReadonlyMap<AgentId, readonly string[]>;
  /** Everything under the home, or only these files and folders, wherever they lie. */
  scan(states: FileStates, paths?: readonly string[]): AsyncGenerator<CaptureStep>;
  watch(input: Omit<WatchInput, "roots" | "log" | "transcriptOf">): Promise<Watch>;
  /** What is archived of files that `states` does not have. */
  replayArchive(states: FileStates): AsyncGenerator<CaptureStep>;
}

export function createCapture(options: CaptureOptions): Capture {
  const { home, env, log, archive } = options;
  const input = { home, env, log, archive, readers: READERS };
  const rootsOf = (readers: readonly Reader[]) =>
    readers.flatMap((reader) => reader.roots(home, env)).map((root) => resolve(root));
  const roots = new Map(READERS.map((reader) => [reader.agent, rootsOf([reader])]));
  const flat = new Set(rootsOf(READERS.filter((reader) => !reader.nested)));
  return {
    agents: READERS.map((reader) => reader.agent),
    roots,
    scan: (states, paths) => scan(input, states, paths),
    watch: (watching) =>
      watchTranscripts({
        roots: rootsOf(READERS),
        flat,
        log,
        transcriptOf: (path) => transcriptOf(input, path),
        ...watching,
      }),
    async *replayArchive(states) {
      if (archive !== null) yield* replay(input, archive, states);
    },
  };
}
