/**
 * Shared traces: from this machine's sessions into documents, and from teammates' documents into sessions.
 *
 * A session has a trace document for the team it is shared with, and none before: nothing else reads one. The document
 * remembers the revision of the session that it shows; a teammate's, how much of its log the session shows. Both are
 * caught up from there, however the last process ended.
 */
import { homedir, hostname, userInfo } from "node:os";
import { basename } from "node:path";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { ulid, type DocId, type SessionId, type TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { canWrite, openDoc } from "../crdt/documents.ts";
import { readTrace, removeFromTrace, writeTrace } from "../crdt/trace.ts";
import { shareEvent, shareMeta, type GateContext } from "../privacy/gate.ts";
import type { DocumentInfo } from "../store/documents.ts";
import { sha256 } from "../store/projects.ts";
import type { Store } from "../store/store.ts";
import type { StreamRef } from "../sync/ports.ts";

export interface Traces {
  /** A new generation of the session's trace, in this stream. False when it is there already. */
  share(session: SessionId, stream: StreamRef): Promise<boolean>;
  /** Brings shared traces up to their sessions; `among`: of these only. */
  catchUp(among?: ReadonlySet<SessionId>): Promise<void>;
  /** A teammate's trace has come or grown. */
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
  /** The member at a device, in words; null when nobody can be asked. */
  memberAt(team: TeamId, device: string): Promise<string | null>;
}

export function createTraces({ store, clock, random, onGrown, onSessions, memberAt }: TracesOptions): Traces {
  const names = [userName(), hostname(), basename(homedir())].filter((name) => name.length > 2);

  async function traceOf(session: SessionId, stream: StreamRef): Promise<DocumentInfo | undefined> {
    const held = await store.documents.list({ kind: "trace" });
    return held.find((info) => {
      const { team, project } = info.stream ?? {};
      return !info.retired && sessionOfTrace(info.id) === session && team === stream.team && project === stream.project;
    });
  }

  /** Writes what the session has and the document has not. */
  async function write(info: DocumentInfo, session: SessionId): Promise<void> {
    const local = await store.views.events.changed(session, info.modelRev);
    if (local === null || local.session.rev === info.modelRev) return;
    const stored = await store.documents.load(info.id);
    const doc = openDoc(stored?.state ?? null);
    if (!canWrite("trace", doc).ok) return doc.destroy();
    const updates: Bytes[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update as Bytes));
    const { projectPath, cwd } = local.session;
    const gate: GateContext = { session, projectPath, cwd, names, sha256 };
    const events = new Map(local.events.map((event) => [event.id, shareEvent(event, gate)] as const));
    writeTrace(doc, shareMeta(local.session), events);
    // Only a trace that is written whole can tell what the session has no more.
    if (info.modelRev === 0) removeFromTrace(doc, [...readTrace(doc).events.keys()].filter((id) => !events.has(id)));
    doc.destroy();
    await store.documents.append(info.id, updates, { modelRev: local.session.rev });
    if (updates.length > 0) onGrown(info.id, updates.reduce((sum, update) => sum + update.length, 0));
  }

  async function show(info: DocumentInfo): Promise<void> {
    const session = sessionOfTrace(info.id);
    if (session === null || info.stream === null || info.modelRev >= info.rev) return;
    const stored = await store.documents.load(info.id);
    if (stored === null) return;
    const doc = openDoc(stored.state);
    const trace = readTrace(doc);
    doc.destroy();
    if (trace.meta === null) return;
    const { team } = info.stream;
    const owner = (info.owner === null ? null : await memberAt(team, info.owner)) ?? "a teammate";
    const shown = await store.sessions.putRemote({ id: session, team, owner, meta: trace.meta, events: trace.events });
    await store.documents.append(info.id, [], { modelRev: stored.rev });
    if (shown) onSessions([session]);
  }

  async function isLocal(session: SessionId): Promise<boolean> {
    return (await store.sessions.origin(session)) === "local";
  }

  return {
    async share(session, stream) {
      const held = await traceOf(session, stream);
      await store.sessions.setShared(session, stream.team);
      if (held !== undefined) {
        await write(held, session);
        return false;
      }
      const id = newTraceId(session, clock, random);
      await store.documents.create({ id, kind: "trace", subject: session, stream });
      await write((await store.documents.info(id)) as DocumentInfo, session);
      return true;
    },
    async catchUp(among) {
      for (const info of await store.documents.list({ kind: "trace" })) {
        const session = sessionOfTrace(info.id);
        if (session === null || info.retired || info.stream === null) continue;
        if ((among === undefined || among.has(session)) && (await isLocal(session))) await write(info, session);
      }
    },
    async received(doc) {
      const session = sessionOfTrace(doc);
      const info = await store.documents.info(doc);
      if (info !== null && session !== null && !(await isLocal(session))) await show(info);
    },
    async receiveAll() {
      for (const info of await store.documents.list({ kind: "trace" })) {
        const session = sessionOfTrace(info.id);
        if (session !== null && info.modelRev < info.rev && !(await isLocal(session))) await show(info);
      }
    },
  };
}

/** A trace document's name is its session's and a generation's: its readers know from it whose trace it is. */
export function newTraceId(session: SessionId, clock: Clock, random: Random): DocId {
  return `${session}.${ulid(clock, random)}` as DocId;
}

/** Null for a name of another form. */
export function sessionOfTrace(doc: DocId): SessionId | null {
  const found = /^(ses_[0-9A-HJKMNP-TV-Z]{26})\.[0-9A-HJKMNP-TV-Z]{26}$/.exec(doc);
  return (found?.[1] ?? null) as SessionId | null;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the system's list.
    return "";
  }
}
