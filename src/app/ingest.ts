/**
 * From capture to store: steps are gathered and committed together, and told of as they come.
 *
 * A session is visible with its commit; what follows from it (shared traces, search) is caught up by revision
 * afterwards, in whatever process, so that an end at any point leaves it behind and never wrong.
 *
 * A file that the store cannot take is one `partial` and stays where it was; the others are not touched by it.
 */
import type { SessionId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { FaultError, never } from "../base/result.ts";
import type { CaptureBatch, FileState } from "../base/session.ts";
import type { CaptureStep } from "../capture/scan.ts";
import type { ImportReport, Progress } from "./api.ts";

export interface IngestOptions {
  /** One transaction. Answers which sessions changed. */
  commit(batches: readonly CaptureBatch[]): Promise<{ readonly sessions: readonly SessionId[] }>;
  /** Kept up to date with what was committed. */
  readonly states: Map<string, FileState>;
  /** Asked between steps: true leaves the rest for another time. */
  ended(): boolean;
  /** After each commit. */
  onSessions(sessions: readonly SessionId[]): void;
  readonly log: Log;
}

/** What one look found; times are the caller's to take. */
export type Ingested = Omit<ImportReport, "ms" | "visibleMs" | "events"> & {
  readonly changed: ReadonlySet<SessionId>;
};

/** About what a transaction takes in a tenth of a second, so that others are answered in between. */
const MOST_EVENTS = 2_000;
const MOST_BYTES = 4 * 1024 * 1024;

export async function ingest(
  { commit, states, ended, onSessions, log }: IngestOptions,
  steps: AsyncIterable<CaptureStep>,
  onProgress: (progress: Progress) => void,
): Promise<Ingested> {
  const changed = new Set<SessionId>();
  const files = new Set<string>();
  const partial: ImportReport["partial"][number][] = [];
  const refused = new Set<string>();
  let [bytes, unchanged] = [0, 0];
  let batches: CaptureBatch[] = [];
  let [weight, weightBytes] = [0, 0];

  let committing: Promise<void> = Promise.resolve();

  /** One commit is under way while what the next one takes is read. */
  async function flush(): Promise<void> {
    await committing;
    const taken = batches;
    batches = [];
    [weight, weightBytes] = [0, 0];
    committing = taken.length === 0 ? committing : commitAll(taken);
    committing.catch(() => undefined);
  }

  /** A fault (a full disk) is nobody's file's; anything else may be one file's, which is then found. */
  async function commitAll(taken: readonly CaptureBatch[]): Promise<void> {
    const allowed = taken.filter(({ file }) => !refused.has(file.path));
    try {
      await commitTogether(allowed);
    } catch (error) {
      if (error instanceof FaultError) throw error;
      for (const [path, batches] of Map.groupBy(allowed, ({ file }) => file.path))
        await commitOrRefuse(path, batches);
    }
  }

  async function commitOrRefuse(path: string, batches: readonly CaptureBatch[]): Promise<void> {
    try {
      await commitTogether(batches);
    } catch (error) {
      if (error instanceof FaultError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      refused.add(path);
      partial.push({ file: path, reason: refusal(reason) });
      log("error", "capture.commit", { file: path, reason });
    }
  }

  async function commitTogether(taken: readonly CaptureBatch[]): Promise<void> {
    const done = await commit(taken);
    for (const { file } of taken) states.set(file.path, file);
    for (const session of done.sessions) changed.add(session);
    onSessions(done.sessions);
  }

  try {
    for await (const step of steps) {
      if (ended()) break;
      switch (step.type) {
        case "batch":
          batches.push(step.batch);
          files.add(step.batch.file.path);
          bytes += step.batch.bytesRead;
          weight += step.batch.events.length + step.batch.patches.length + step.batch.calls.length;
          weightBytes += step.batch.bytesRead;
          if (weight >= MOST_EVENTS || weightBytes >= MOST_BYTES) await flush();
          break;
        case "partial":
          partial.push(step.partial);
          break;
        case "progress":
          onProgress({ done: step.doneFiles, total: step.totalFiles, what: "Reading transcripts" });
          break;
        case "unchanged":
          unchanged += step.files;
          break;
        default:
          never(step);
      }
    }
    await flush();
  } finally {
    await committing;
  }
  return { sessions: changed.size, files: files.size, bytes, unchanged, partial, changed };
}

function refusal(reason: string): string {
  return (
    `Something new in it could not be stored (${reason}). What was captured of it before is kept, and its bytes are in ` +
    "the archive; the other files are not touched by it. Please report this: it is an error in Operon."
  );
}
