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
import { ulid, type DocId, type ProjectId, type SessionId, type TeamId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { canWrite, openDoc } from "../crdt/documents.ts";
import { readTrace, removeFromTrace, writeTrace } from "../crdt/trace.ts";
import { shareEvent, shareMeta, type GateContext } from "../privacy/gate.ts";
import type { DocumentInfo } from "../store/documents.ts";
import type { LocalTrace } from "../store/views/events.ts";
import { sha256 } from "../store/projects.ts";
import { UNKNOWN_MEMBER } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import type { StreamRef } from "../sync/ports.ts";
import { streamKey } from "../sync/streams.ts";

export interface Traces {
  /** A new generation of the session's trace, in this stream. False when it is there already. */
  share(session: SessionId, stream: StreamRef): Promise<boolean>;
  /** Nothing more of this machine's traces goes into the stream, not even what waits to be sent. The team keeps what it has. */
  withdraw(stream: StreamRef): Promise<void>;
  /** Of which sessions this account's traces go into the stream. */
  sessionsIn(stream: StreamRef): Promise<readonly SessionId[]>;
  /** Where this account's traces go, each stream once. */
  streams(): Promise<readonly StreamRef[]>;
  /** Takes back what is shared of a session from here: sync tells the team. False when nothing is. */
  withdrawSession(session: SessionId): Promise<boolean>;
  /** Documents that somebody took back, and the store let go: what else the team has of their sessions is shown. */
  takenBack(ids: readonly DocId[]): Promise<void>;
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
  readonly log: Log;
  /** After an append to a shared trace: there is something to send. */
  onGrown(doc: DocId, sizeBytes: number): void;
  /** After a teammate's session changed. */
  onSessions(sessions: readonly SessionId[]): void;
  /** The project of a stream, as it is called here. */
  projectAt(stream: StreamRef): Promise<{ readonly id: ProjectId; readonly name: string } | null>;
  /** The member at a device, in words; null when nobody can be asked. */
  memberAt(team: TeamId, device: string): Promise<string | null>;
  /** The id of the signed-in account. */
  account(): string | null;
  /** Is this its device here? */
  isHere(device: string): boolean;
}

export function createTraces({
  store,
  clock,
  random,
  log,
  onGrown,
  onSessions,
  projectAt,
  memberAt,
  account: signedIn,
  isHere,
}: TracesOptions): Traces {
  const names = [userName(), hostname(), basename(homedir())].filter((name) => name.length > 2);

  /** Writes what the session has and the document has not. Answers false when the session was not captured here. */
  async function write(info: DocumentInfo, session: SessionId): Promise<boolean> {
    const local = await store.views.localTrace(session, info.modelRev);
    if (local === null) return false;
    if (local.rev === info.modelRev) return true;
    // A document that came back from the cloud does not say yet what it is about.
    if (info.subject === null) await store.documents.setSubject(info.id, session);
    const updates = updatesOf(await contentOf(info.id), local, {
      session,
      projectPath: local.projectPath,
      cwd: local.cwd,
      names,
      sha256,
    });
    if (updates === null) return true;
    await (
      await store.documents.append(info.id, updates)
    ).kept;
    await store.documents.setRev(info.id, local.rev);
    if (updates.length > 0)
      onGrown(
        info.id,
        updates.reduce((sum, update) => sum + update.length, 0),
      );
    return true;
  }

  async function contentOf(id: DocId): Promise<Bytes | null> {
    return (await store.documents.load(id))?.state ?? null;
  }

  /** What a teammate's document says, as a session. */
  async function show(
    { id, stream, owner: device }: DocumentInfo,
    session: SessionId,
  ): Promise<void> {
    const stored = await store.documents.load(id);
    if (stored === null || stream === null) return;
    const doc = openDoc(stored.state);
    const { meta, events } = readTrace(doc);
    doc.destroy();
    if (meta === null) return;
    const member = device === null ? null : await memberAt(stream.team, device);
    // Left behind while nobody can say whose it is: it is shown again when somebody can.
    const reflected = device !== null && member === null ? null : stored.rev;
    const owner = member ?? UNKNOWN_MEMBER;
    if (await isAnothers(session, owner)) {
      if (reflected !== null) await store.documents.setRev(id, reflected);
      return;
    }
    const shown = await store.sessions.putRemote({
      id: session,
      team: stream.team,
      owner,
      project: await projectAt(stream),
      meta,
      events,
    });
    if (reflected !== null) await store.documents.setRev(id, reflected);
    if (shown) onSessions([session]);
  }

  /** Those that no session shows as they are. */
  async function showThose(traces: readonly (readonly [DocumentInfo, SessionId])[]): Promise<void> {
    const behind = traces.filter(([info]) => info.modelRev < info.rev);
    const here = await store.views.revisions(behind.map(([, session]) => session));
    const captured = new Set(here.map(({ id }) => id));
    for (const [info, session] of behind) {
      // Of this device's own traces the session is where they come from.
      if (isOwn(info) && captured.has(session)) continue;
      try {
        if ((await store.views.localTrace(session, Number.MAX_SAFE_INTEGER)) === null)
          await show(info, session);
      } catch (error) {
        // One that cannot be shown keeps no other from being shown; it is tried again the next time.
        log("error", "trace-unreadable", { id: info.id, reason: String(error) });
      }
    }
  }

  /**
   * A trace is written by one device. Another's is left to it, though the session may lie on this machine too; one of which
   * nothing was sent yet, to the account that shared it.
   */
  function isOwn({ owner, account }: DocumentInfo): boolean {
    return owner === null ? account === null || account === signedIn() : isHere(owner);
  }

  /** A trace under the name of a session that another member shared first is not that session's. */
  async function isAnothers(session: SessionId, owner: string): Promise<boolean> {
    if ((await store.views.revisions([session])).length === 0) return false;
    const { owner: first } = await store.views.session(session);
    return first !== owner && first !== UNKNOWN_MEMBER;
  }

  /** Traces in a stream that were not withdrawn. */
  async function shared(
    subject?: SessionId,
  ): Promise<readonly (readonly [DocumentInfo, SessionId])[]> {
    const found = await store.documents.list({ kind: "trace", ...(subject && { subject }) });
    return found.flatMap((info) => {
      const session = sessionOfTrace(info.id);
      return session === null || info.retired || info.stream === null
        ? []
        : [[info, session] as const];
    });
  }

  async function ownIn(
    stream: StreamRef,
  ): Promise<readonly (readonly [DocumentInfo, SessionId])[]> {
    return (await shared()).filter(
      ([info]) =>
        info.stream !== null && streamKey(info.stream) === streamKey(stream) && isOwn(info),
    );
  }

  return {
    async share(session, stream) {
      for (const [info] of await shared(session)) {
        const fits = info.stream?.team === stream.team && info.stream.project === stream.project;
        if (!fits || !isOwn(info)) continue;
        await write(info, session);
        return false;
      }
      const id = newTraceId(session, clock, random);
      await store.documents.create({ id, kind: "trace", subject: session, stream });
      await write((await store.documents.info(id)) as DocumentInfo, session);
      return true;
    },
    async withdraw(stream) {
      for (const [info] of await ownIn(stream)) await store.documents.retire(info.id);
    },
    sessionsIn: async (stream) => (await ownIn(stream)).map(([, session]) => session),
    async streams() {
      const own = (await shared()).filter(([info]) => isOwn(info));
      const streams = own.map(([info]) => info.stream as StreamRef);
      return [...new Map(streams.map((stream) => [streamKey(stream), stream])).values()];
    },
    async withdrawSession(session) {
      let withdrawn = false;
      for (const [info] of await shared(session)) {
        if (!isOwn(info)) continue;
        await store.documents.takeBack(info.id);
        withdrawn = true;
      }
      return withdrawn;
    },
    async takenBack(ids) {
      const sessions = new Set(ids.flatMap((id) => sessionOfTrace(id) ?? []));
      onSessions([...sessions]);
      for (const session of sessions) await showThose(await shared(session));
    },
    async catchUp(among) {
      const own = (await shared()).filter(
        ([info, session]) => (among?.has(session) ?? true) && isOwn(info),
      );
      const revisions = await store.views.revisions(own.map(([, session]) => session));
      const newest = new Map(revisions.map(({ id, rev }) => [id, rev]));
      for (const [info, session] of own)
        if (info.subject === null || newest.get(session) !== info.modelRev)
          await write(info, session);
    },
    async received(id) {
      const session = sessionOfTrace(id);
      const info = await store.documents.info(id);
      if (info === null || info.retired || session === null) return;
      if ((await store.views.localTrace(session, Number.MAX_SAFE_INTEGER)) === null)
        await show(info, session);
    },
    async receiveAll() {
      await showThose(await shared());
    },
  };
}

/** The changes that make the document show the session; null when a newer program wrote it. */
function updatesOf(
  state: Bytes | null,
  local: LocalTrace,
  gate: GateContext,
): readonly Bytes[] | null {
  const doc = openDoc(state);
  try {
    if (!canWrite("trace", doc).ok) return null;
    const updates: Bytes[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update as Bytes));
    writeTrace(
      doc,
      shareMeta(local.session),
      new Map(local.events.map((event) => [event.id, shareEvent(event, gate)])),
    );
    removeFromTrace(doc, local.removed);
    return updates;
  } finally {
    doc.destroy();
  }
}

/** A trace document's name is its session's and a generation's: its readers know from it whose trace it is. */
function newTraceId(session: SessionId, clock: Clock, random: Random): DocId {
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
