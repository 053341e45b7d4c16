/**
 * An engine for the interface to talk to: the real contract and frames over invented data. What a test wants to happen
 * it does by hand (`grow`, `stop`, `start`), so nothing here moves by itself.
 *
 * Run alone it serves the built interface for looking at it: `node tests/ui/stand-in.ts [sessions]`.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import * as Y from "yjs";
import type {
  AlarmRow,
  Api,
  Credentials,
  DecisionRow,
  HereRow,
  Method,
  Push,
  SearchAnswer,
  SearchHit,
  SearchInput,
  SessionRow,
  Status,
  TeamDetail,
} from "../../src/app/api.ts";
import {
  decodeFrame,
  decodePlace,
  encodeFrame,
  encodeState,
  type PlaceHere,
  SOCKET_PATH,
} from "../../src/app/channel.ts";
import { readWebFiles, type WebFiles } from "../../src/app/webfiles.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { DecisionId } from "../../src/base/ids.ts";
import { systemRandom } from "../../src/base/random.ts";
import type { Fault } from "../../src/base/result.ts";
import { AGENT_IDS, NO_TOKENS, type Tokens } from "../../src/base/session.ts";
import {
  addOption,
  createDecision,
  editDecision,
  markOption,
  readDecision,
} from "../../src/crdt/decision.ts";
import { canWrite } from "../../src/crdt/documents.ts";
import { addEntry } from "../../src/crdt/lists.ts";
import * as data from "./stand-in-data.ts";
import { largeTeam, smallTeam, teamHandlers } from "./stand-in-team.ts";

export interface StandIn {
  readonly url: string;
  readonly sessions: Map<string, data.StoredSession>;
  readonly documents: Map<string, Y.Doc>;
  /** Where pages said they are, newest last. */
  readonly places: PlaceHere[];
  /** Tells every page that these have the document open too. */
  meet(document: string, here: readonly HereRow[]): void;
  /** Calls heard, by method. */
  readonly calls: Map<string, number>;
  /** What was asked last, by method. */
  readonly asked: Map<string, unknown>;
  /** Of whom `account` is in `status`; the rows there follow. */
  readonly teams: Map<string, TeamDetail>;
  /** Methods that fail, each with its sentence, or as it says. */
  readonly failing: Map<Method, string | Fault>;
  /** Methods that answer only when this has resolved. */
  readonly waiting: Map<Method, Promise<void>>;
  status: Status;
  /** While it is set, no change of a document is written: this is why. */
  refusing: Fault | null;
  /** Adds or changes an event and tells every page. */
  grow(session: string, event: Parameters<typeof data.putEvent>[1]): string;
  /** An event that the transcript has no more. */
  takeBack(session: string, event: string): void;
  push(push: Push): void;
  /** As if the engine died: its port refuses. */
  stop(): Promise<void>;
  /** On the same port again. */
  start(): Promise<void>;
}

const MAKE = { clock: systemClock, random: systemRandom };
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'";

export async function standIn(
  folder: string,
  options: {
    readonly sessions?: number;
    readonly empty?: boolean;
    /** Somebody is signed in, and in these. */
    readonly teams?: readonly TeamDetail[];
  } = {},
): Promise<StandIn> {
  const files = await readWebFiles(folder);
  const nowMs = Date.now();
  const stored =
    options.empty === true
      ? []
      : [
          data.liveSession(nowMs),
          data.richSession(nowMs),
          data.hostileSession(nowMs),
          data.hugeSession(nowMs),
          ...data.manySessions(options.sessions ?? 40, nowMs),
        ];
  const sessions = new Map(stored.map((session) => [session.row.id, session]));
  const documents = new Map<string, Y.Doc>();
  if (options.empty !== true)
    for (const row of data.decisionRows()) documents.set(row.id, documentOf(row));
  const sockets = new Set<WebSocket>();
  const places: PlaceHere[] = [];
  const calls = new Map<string, number>();
  const asked = new Map<string, unknown>();
  const teams = new Map((options.teams ?? []).map((team) => [team.id, team]));
  const failing = new Map<Method, string | Fault>();
  const waiting = new Map<Method, Promise<void>>();
  let server: Server | null = null;
  let port = 0;

  const self: StandIn = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    sessions,
    documents,
    places,
    meet(document, here) {
      const frame = encodeFrame("here", document, 0, utf8(JSON.stringify(here)));
      for (const socket of sockets) socket.send(frame);
    },
    calls,
    asked,
    teams,
    failing,
    waiting,
    status: {
      ...newStatus(sessions.size),
      ...(options.teams !== undefined && {
        account: "ada@example.org",
        teams: options.teams.map(({ id, name, role }) => ({ id, name, role })),
        sync: { state: "verified" as const, at: nowMs, waiting: 0 },
      }),
    },
    refusing: null,
    grow(id, event) {
      const session = sessions.get(id) as data.StoredSession;
      const made = data.putEvent(session, event);
      push({ topic: "session", id, rev: session.rev });
      push({ topic: "sessions", ids: [id] });
      return made;
    },
    takeBack(id, event) {
      const session = sessions.get(id) as data.StoredSession;
      session.events.delete(event);
      session.rev += 1;
      removed.set(event, session.rev);
      push({ topic: "session", id, rev: session.rev });
    },
    push,
    async stop() {
      for (const socket of sockets) socket.terminate();
      server?.closeAllConnections();
      await new Promise((resolve) => server?.close(resolve));
      server = null;
    },
    async start() {
      server = serve(files, (socket) => attend(socket));
      await new Promise<void>((resolve) => server?.listen(port, "127.0.0.1", resolve));
      port = (server.address() as AddressInfo).port;
    },
  };

  function push(message: Push): void {
    for (const socket of sockets) socket.send(JSON.stringify({ push: message }));
  }

  function attend(socket: WebSocket): void {
    const open = new Set<string>();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("message", (bytes: Buffer, isBinary: boolean) => {
      if (isBinary) return editing(socket, open, bytes);
      const { id, method, input } = JSON.parse(bytes.toString()) as {
        id: number;
        method: Method;
        input: never;
      };
      calls.set(method, (calls.get(method) ?? 0) + 1);
      asked.set(method, input);
      const wait = waiting.get(method);
      if (wait === undefined) answer(socket, id, method, input);
      else void wait.then(() => answer(socket, id, method, input));
    });
  }

  function answer(socket: WebSocket, id: number, method: Method, input: never): void {
    try {
      const failure = failing.get(method);
      if (typeof failure === "string") throw new Error(failure);
      if (failure !== undefined) {
        socket.send(JSON.stringify({ id, fault: failure }));
        return;
      }
      socket.send(JSON.stringify({ id, output: api[method](input) ?? null }));
    } catch (error) {
      socket.send(
        JSON.stringify({ id, fault: { type: "not-found", message: (error as Error).message } }),
      );
    }
  }

  function editing(socket: WebSocket, open: Set<string>, bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    if (frame === null) return;
    const doc = documents.get(frame.doc);
    const refuse = (fault: Fault): void => {
      open.delete(frame.doc);
      socket.send(encodeFrame("refused", frame.doc, 0, utf8(JSON.stringify(fault))));
    };
    if (doc === undefined) {
      return refuse({
        type: "not-found",
        message: "There is no decision at this address. It may have been removed.",
      });
    }
    switch (frame.kind) {
      case "open":
        if (!open.has(frame.doc)) {
          open.add(frame.doc);
          const tell = (update: Uint8Array, origin: unknown): void => {
            if (origin !== socket && open.has(frame.doc))
              socket.send(encodeFrame("update", frame.doc, 0, update));
          };
          doc.on("update", tell);
          socket.on("close", () => doc.off("update", tell));
        }
        socket.send(
          encodeFrame(
            "state",
            frame.doc,
            0,
            encodeState(Y.encodeStateVector(doc), Y.encodeStateAsUpdate(doc, frame.payload)),
          ),
        );
        return;
      case "update": {
        const writable = canWrite("decision", doc);
        const fault = writable.ok ? self.refusing : writable.fault;
        if (fault !== null) return refuse(fault);
        Y.applyUpdate(doc, frame.payload, socket);
        socket.send(encodeFrame("ack", frame.doc, frame.number));
        push({ topic: "decisions", ids: [frame.doc] });
        return;
      }
      case "place": {
        const place = decodePlace(frame.payload);
        if (place !== null) places.push(place);
        return;
      }
      default:
    }
  }

  const decisionOf = (id: string): DecisionRow => {
    const doc = documents.get(id);
    if (doc === undefined) throw new Error("There is no such decision.");
    return { ...readDecision(doc), id, team: null, waiting: false };
  };
  /** The revisions at which events were taken back. */
  const removed = new Map<string, number>();
  const sessionOf = (id: string): data.StoredSession => {
    const session = sessions.get(id);
    if (session === undefined)
      throw new Error("There is no such session on this machine. The link may be of another one.");
    return session;
  };
  const alarmOver = (id: string): readonly AlarmRow[] => {
    const { sync } = self.status;
    const alarms = sync.state === "alarm" ? sync.alarms.filter((alarm) => alarm.id !== id) : [];
    self.status = {
      ...self.status,
      sync:
        alarms.length === 0
          ? { state: "verified", at: Date.now(), waiting: 0 }
          : { state: "alarm", alarms, waiting: 0 },
    };
    return alarms;
  };
  const refuse = (): never => {
    throw new Error("This needs an account and a server. Nothing was changed.");
  };

  const api: { [M in Method]: (input: never) => unknown } = {
    status: () => self.status,
    import: refuse,
    sessions: ({ limit = 100, offset = 0 }: { limit?: number; offset?: number }) => {
      const rows = [...sessions.values()]
        .map(({ row }) => row)
        .toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
      return { rows: rows.slice(offset, offset + limit), total: rows.length };
    },
    session: ({ id }: { id: string }): SessionRow => sessionOf(id).row,
    events: ({ session, since = 0 }: { session: string; since?: number }) => {
      const { events, rev } = sessionOf(session);
      return {
        events: [...events.values()].filter((event) => event.rev > since).map(({ row }) => row),
        removed: [...removed].filter(([, at]) => at > since).map(([id]) => id),
        rev,
      };
    },
    traces: () => [],
    bodies: ({ session, events }: { session: string; events: readonly string[] }) =>
      Object.fromEntries(events.map((id) => [id, sessionOf(session).events.get(id)?.parts ?? []])),
    search: (input: SearchInput) => searched(sessions, input),
    usage: ({ by, zone = "UTC" }: { by: readonly string[]; zone?: string }) =>
      usage(
        [...sessions.values()].map(({ row }) => row),
        by[0] ?? "day",
        zone,
      ),
    projects: () => (options.empty === true ? [] : data.projects()),
    linkProject: refuse,
    unlinkProject: refuse,
    decisions: () => [...documents.keys()].map(decisionOf),
    decision: ({ id }: { id: string }) => decisionOf(id),
    newDecision: ({ title = "", date = "" }: { title?: string; date?: string }) => {
      const id = `dec_${String(documents.size + 1).padStart(26, "0")}`;
      const doc = new Y.Doc();
      const made = createDecision(doc, id as DecisionId, { title, date }, MAKE);
      if (!made.ok) throw new Error(made.fault.message);
      documents.set(id, doc);
      push({ topic: "decisions", ids: [id] });
      return decisionOf(id);
    },
    editDecision: ({ id, ...edit }: { id: string }) => {
      editDecision(documents.get(id) as Y.Doc, edit, MAKE);
      return decisionOf(id);
    },
    importDecision: refuse,
    signup: refuse,
    login: ({ email }: Credentials) => {
      self.status = { ...self.status, account: email };
      return { account: email, claimed: 0 };
    },
    logoutEverywhere: refuse,
    setPassword: refuse,
    logout: () => {
      self.status = { ...self.status, account: null };
      return null;
    },
    ...teamHandlers(teams, (rows) => {
      self.status = { ...self.status, teams: rows };
      push({ topic: "status", status: self.status });
    }),
    share: ({ sessions: ids }: { sessions: readonly string[] }) => ({ shared: ids.length }),
    unshare: ({ sessions: ids }: { sessions: readonly string[] }) => ({ withdrawn: ids.length }),
    sync: refuse,
    alarms: () => (self.status.sync.state === "alarm" ? self.status.sync.alarms : []),
    acknowledgeAlarm: ({ id }: { id: string }) => alarmOver(id),
    restartAfterAlarm: ({ id }: { id: string }) => alarmOver(id),
    doctor: () => [
      { check: "Data folder", state: "ok", detail: "/home/ada/.local/share/operon can be written" },
      {
        check: "Secrets",
        state: "warn",
        detail: "kept in a file only you can read: this machine has no secret service",
      },
    ],
    address: refuse,
    stop: () => null,
  } satisfies { [M in keyof Api]: unknown } as never;

  await self.start();
  return self;
}

function serve(files: WebFiles, attend: (socket: WebSocket) => void): Server {
  const server = createServer((request, response) => {
    const file = files.get(new URL(request.url ?? "/", "http://x").pathname);
    response.writeHead(file === null ? 404 : 200, {
      "content-type": file?.type ?? "text/plain",
      "content-security-policy": CSP,
    });
    response.end(file?.body);
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (request.url !== SOCKET_PATH) socket.destroy();
    else sockets.handleUpgrade(request, socket, head, attend);
  });
  return server;
}

function newStatus(sessions: number): Status {
  return {
    version: "0.1.0",
    profile: "default",
    dataFolder: "/home/ada/.local/share/operon",
    account: null,
    teams: [],
    capturing: ["claude-code", "codex"],
    capture: { state: "watching", progress: null },
    sync: { state: "local" },
    sessions,
    notices: [],
  };
}

function documentOf(row: DecisionRow): Y.Doc {
  const doc = new Y.Doc();
  const { title, status, date, context, drivers, outcome, consequences, tags, deciders, project } =
    row;
  const made = createDecision(
    doc,
    row.id as DecisionId,
    {
      title,
      status,
      date: date ?? "",
      context,
      drivers,
      outcome,
      consequences,
      tags,
      deciders,
      project: project ?? "",
    },
    MAKE,
  );
  if (!made.ok) throw new Error(made.fault.message);
  if (row.evidence.length > 0) {
    const chosen = addOption(
      doc,
      {
        title: "Cursor in the transaction",
        pros: "no window between the two\none place to back up",
        cons: "every source must name its end",
      },
      MAKE,
    );
    addOption(
      doc,
      { title: "Cursor file, fsynced", pros: "the store stays as it is", cons: "still two writes" },
      MAKE,
    );
    markOption(doc, chosen, "chosen", true);
    for (const { session, event, hash } of row.evidence)
      addEntry(doc.getMap("evidence"), { session, event, hash }, MAKE);
  }
  return doc;
}

/** One filter and one typo are understood. */
function searched(
  sessions: ReadonlyMap<string, data.StoredSession>,
  input: SearchInput,
): SearchAnswer {
  const typed = /\bagent:(\S+)\s*/.exec(input.query);
  const agent = AGENT_IDS.find((id) => id === typed?.[1]);
  const words = input.query.replace(typed?.[0] ?? "", "");
  const query = words.replace("Curosr", "Cursor");
  const within = { ...input, query, ...(agent !== undefined && { agent }) };
  return {
    hits: search(sessions, within).slice(0, input.limit ?? 50),
    filters: agent === undefined ? [] : [{ name: "agent", value: agent }],
    instead: query === words ? null : query,
  };
}

function search(
  sessions: ReadonlyMap<string, data.StoredSession>,
  { query, session: only, agent, project, since = 0 }: SearchInput,
): SearchHit[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const hits: SearchHit[] = [];
  const isIn = (text: string): boolean =>
    words.length > 0 && words.every((word) => text.toLowerCase().includes(word));
  for (const { row: session, events } of sessions.values()) {
    if (only !== undefined && session.id !== only) continue;
    if (agent !== undefined && session.agent !== agent) continue;
    if (project !== undefined && session.project?.id !== project) continue;
    if ((session.endedAt ?? 0) < since) continue;
    if (isIn(session.title ?? "")) hits.push(titleHit(session, words[0] as string));
    for (const { row, parts } of events.values()) {
      const text = `${row.summary ?? ""} ${parts.map((part) => part.body).join(" ")}`;
      if (!isIn(text)) continue;
      hits.push({
        session: session.id,
        sessionTitle: session.title,
        event: row.id,
        decision: null,
        kind: row.kind,
        at: row.at,
        snippet: marked(text, words[0] as string),
      });
    }
  }
  return hits;
}

/** The engine finds a title as a place without an event. */
function titleHit({ id, title, endedAt }: SessionRow, word: string): SearchHit {
  const snippet = marked(title ?? "", word);
  return {
    session: id,
    sessionTitle: title,
    event: null,
    decision: null,
    kind: "prompt",
    at: endedAt,
    snippet,
  };
}

function marked(text: string, word: string): string {
  const at = text.toLowerCase().indexOf(word);
  const from = Math.max(0, at - 40);
  return `${text.slice(from, at)}\u0002${text.slice(at, at + word.length)}\u0003${text.slice(at + word.length, at + 120)}`;
}

function usage(rows: readonly SessionRow[], by: string, timeZone: string): unknown {
  const groups = Map.groupBy(rows, (row) => {
    if (by === "agent") return row.agent;
    if (by === "model") return row.models[0] ?? "";
    if (by === "project") return row.project?.id ?? "";
    // Swedish dates are written year first.
    return new Date(row.startedAt ?? 0).toLocaleDateString("sv-SE", { timeZone });
  });
  const total = (members: readonly SessionRow[]): object => ({
    calls: members.length,
    tokens: members.reduce((sum, { tokens }) => plus(sum, tokens), NO_TOKENS),
    costUsd: members.reduce((sum, row) => sum + (row.costUsd ?? 0), 0),
  });
  return {
    rows: [...groups].map(([key, members]) => ({ [by]: key, ...total(members) })),
    totals: total(rows),
  };
}

function plus(a: Tokens, b: Tokens): Tokens {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    reasoning: a.reasoning + b.reasoning,
  };
}

if (import.meta.main) {
  const engine = await standIn(new URL("../../dist/ui", import.meta.url).pathname, {
    sessions: Number(process.argv[2] ?? 10_000),
    teams: [smallTeam(), { ...largeTeam(), id: "team_large" }],
  });
  process.stdout.write(`${engine.url}\n`);
}
