/**
 * Shared traces: from this machine's sessions into documents, and from teammates' documents into sessions.
 *
 * A session's trace document remembers the revision of the session that it shows; a teammate's, how much of it the
 * sessions show. Both are caught up from there, however the last process ended.
 */
import { createHash } from "node:crypto";
import { homedir, hostname, userInfo } from "node:os";
import { basename } from "node:path";
import { ulid, type DocId, type SessionId, type TeamId } from "../base/ids.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { canWrite, openDoc } from "../crdt/documents.ts";
import { readTrace, removeFromTrace, writeTrace } from "../crdt/trace.ts";
import { createGate } from "../privacy/gate.ts";
import type { Store } from "../store/store.ts";
import { createQueue } from "./tasks.ts";
import type { StreamRef } from "../sync/ports.ts";

/** A trace document's name is its session's and a generation's: its readers know from it whose trace it is. */
export function newTraceId(session: SessionId, clock: Clock, random: Random): DocId {
  return `${session}.${ulid(clock, random)}` as DocId;
}

/** Null for a name of another form. */
export function sessionOfTrace(doc: DocId): SessionId | null {
  const found = /^(ses_[0-9A-HJKMNP-TV-Z]{26})\.[0-9A-HJKMNP-TV-Z]{26}$/.exec(doc);
  return (found?.[1] ?? null) as SessionId | null;
}

export interface Traces {
  /** A new generation of the session's trace, in this stream. False when it is there already. */
  share(session: SessionId, stream: StreamRef): Promise<boolean>;
  /** Every shared trace that its session is ahead of; of these sessions only, when they are given. */
  catchUp(among: ReadonlySet<SessionId> | null): Promise<void>;
  /** A teammate's trace has grown. */
  received(doc: DocId): Promise<void>;
  /** Teammates' traces that no session shows yet. */
  receiveAll(): Promise<void>;
}

export interface TracesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** After an append to a shared trace: there is something to send. */
  onGrown(doc: DocId, sizeBytes: number): void;
  /** After a teammate's session changed. */
  onSessions(sessions: readonly SessionId[]): void;
  /** The member at a device, in words. */
  memberAt(team: TeamId, device: string): Promise<string | null>;
}

export function createTraces({ store, clock, random, onGrown, onSessions, memberAt }: TracesOptions): Traces {
  const queue = createQueue();
  const names = [userName(), hostname(), basename(homedir())].filter((name) => name.length > 2);

  /** Writes what the session has and the document has not. */
  async function write(id: DocId, session: SessionId, since: number): Promise<void> {
    const local = await store.views.localTrace(session, since);
    const stored = await store.documents.load(id);
    if (local === null || stored === null || local.rev === since) return;
    const doc = openDoc(stored.state);
    if (!canWrite("trace", doc).ok) return;
    const updates: Bytes[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update as Bytes));
    const gate = createGate({ session, projectPath: local.projectPath, cwd: local.cwd, names, sha256 });
    writeTrace(doc, gate.meta(local.session), new Map(local.events.map(({ id: event, ...rest }) => [event, gate.event(rest)])));
    const gone = local.removed;
    if (gone.length > 0) removeFromTrace(doc, gone);
    doc.destroy();
    for (const update of updates) await store.documents.append(id, update);
    await store.documents.setRev(id, local.rev);
    if (updates.length > 0) onGrown(id, updates.reduce((sum, update) => sum + update.length, 0));
  }
}
