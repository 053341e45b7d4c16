/**
 * `/realtime/v1/websocket`: Phoenix channels as supabase-js speaks them (vsn 1.0.0 and 2.0.0), private broadcast only.
 *
 * A channel is joined by whoever the policies of `realtime.messages` let read its topic; who may insert there is passed
 * on to the others in it, by a client of vsn 2.0.0 (its binary frames). That is asked at the join, when the client sends a
 * new token and when something changed in the topic's team. Until a channel was asked about again nothing is heard or said
 * there: what the database says waits, what clients say is lost. A token that expires closes its channels. What may not be
 * said is dropped.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../src/base/clock.ts";
import type { Log } from "../src/base/log.ts";
import { decodeSaid, encodeHeard } from "./broadcast-frames.ts";
import { BECOME, type Database, type Query } from "./database.ts";
import { urlOf } from "./http.ts";
import type { Caller, Tokens } from "./tokens.ts";

const MESSAGE_MAX_BYTES = 256 * 1024;
const CHANNELS_MAX = 100;
/** A client sends a heartbeat every 25 s. */
const SILENCE_MAX_MS = 90_000;
const SWEEP_MS = 15_000;
/** Of one connection; typing makes some twenty. */
const SPOKEN_MAX_A_SECOND = 200;
/** A client that does not read what it is sent is dropped; it will fetch when it is back. */
const BACKLOG_MAX_BYTES = 4 * 1024 * 1024;
/** Of a channel that waits for its answer; more, and the client is dropped, and will fetch. */
const WAITING_MAX = 200;
/** How often a join asks anew because rights changed meanwhile. */
const JOIN_TRIES = 3;
const TOPIC_PREFIX = "realtime:";

export interface Realtime {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

export interface RealtimeParts {
  readonly database: Database;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly log: Log;
}

interface Message {
  readonly joinRef: string | null;
  readonly ref: string | null;
  readonly topic: string;
  readonly event: string;
  readonly payload: Record<string, unknown>;
}

interface Channel {
  /** As the client names it. */
  readonly topic: string;
  readonly joinRef: string | null;
  /** Null: its topic names none. */
  readonly team: string | null;
  caller: Caller;
  maySpeak: boolean;
  /** What was answered about another version is no answer. */
  version: number;
  /** Rights changed since it was asked about. */
  doubted: boolean;
  /** What the database said while it was doubted. */
  readonly waiting: Record<string, unknown>[];
}

interface Seat {
  readonly connection: Connection;
  readonly channel: Channel;
}

/** Who may use a channel, as the policies said when they were asked last. */
interface Admission {
  readonly caller: Caller;
  readonly maySpeak: boolean;
}

interface Connection {
  readonly socket: WebSocket;
  readonly vsn: string;
  /** By topic, as the client names it. */
  readonly channels: Map<string, Channel>;
  lastHeardMs: number;
  /** Broadcasts in the second that began at `since`. */
  readonly spoken: { since: number; count: number };
}

export async function createRealtime({
  database,
  tokens,
  clock,
  log,
}: RealtimeParts): Promise<Realtime> {
  const server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_MAX_BYTES });
  const connections = new Set<Connection>();

  /** The message that the policies are asked about exists only inside this transaction. */
  async function asked(
    topic: string,
    ask: (query: Query, name: string) => Promise<boolean>,
  ): Promise<boolean> {
    const name = topic.slice(TOPIC_PREFIX.length);
    const answer: { yes: boolean } = { yes: false };
    await database
      .transaction(async (query) => {
        await query("select set_config('realtime.topic', $1, true)", [name]);
        answer.yes = await ask(query, name);
        throw ROLL_BACK;
      })
      .catch((error: unknown) => {
        if (error !== ROLL_BACK) throw error;
      });
    return answer.yes;
  }

  const mayHear = (caller: Caller, topic: string): Promise<boolean> =>
    asked(topic, async (query, name) => {
      await query(MESSAGE, [name]);
      await query(BECOME, [caller.role, caller.claimsText]);
      return (await query("select from realtime.messages where topic = $1", [name])).length > 0;
    });

  const maySpeak = (caller: Caller, topic: string): Promise<boolean> =>
    asked(topic, async (query, name) => {
      await query(BECOME, [caller.role, caller.claimsText]);
      return query(MESSAGE, [name]).then(
        () => true,
        (error: unknown) => {
          if ((error as { code?: unknown }).code !== REFUSED_SQLSTATE) throw error;
          return false;
        },
      );
    });

  /** Null: not even to hear. */
  async function admit(caller: Caller, topic: string): Promise<Admission | null> {
    return (await mayHear(caller, topic))
      ? { caller, maySpeak: await maySpeak(caller, topic) }
      : null;
  }

  async function admitToken(token: unknown, topic: string): Promise<Admission | null> {
    const caller = typeof token === "string" ? await tokens.verify(token) : null;
    return caller && admit(caller, topic);
  }

  /** Joins that are being asked about. */
  const joins = new Set<{ readonly team: string | null; overtaken: boolean }>();

  /** `overtaken`: rights changed meanwhile, again and again. */
  async function admitJoin(
    token: unknown,
    topic: string,
  ): Promise<(Admission & { readonly overtaken: boolean }) | null> {
    for (let tries = 1; ; tries++) {
      const join = { team: teamOf(topic), overtaken: false };
      joins.add(join);
      const admission = await admitToken(token, topic).finally(() => joins.delete(join));
      if (!join.overtaken || tries === JOIN_TRIES)
        return admission && { ...admission, overtaken: join.overtaken };
    }
  }

  async function join(connection: Connection, message: Message): Promise<void> {
    const config = message.payload["config"] as { private?: unknown } | undefined;
    const admission =
      config?.private === true &&
      message.topic.startsWith(TOPIC_PREFIX) &&
      connection.channels.size < CHANNELS_MAX
        ? await admitJoin(message.payload["access_token"], message.topic)
        : null;
    if (!admission) {
      reply(connection, message, "error", {
        reason: "Unauthorized: You do not have permissions to read from this Channel topic",
      });
      return;
    }
    const { joinRef, topic } = message;
    const { caller, maySpeak, overtaken } = admission;
    const place = { joinRef, topic, team: teamOf(topic), caller, maySpeak };
    const channel = { ...place, version: 0, doubted: false, waiting: [] };
    connection.channels.set(topic, channel);
    if (overtaken) doubt({ connection, channel });
    reply(connection, message, "ok", { postgres_changes: [] });
  }

  async function renew(connection: Connection, message: Message): Promise<void> {
    const channel = connection.channels.get(message.topic);
    if (!channel) return;
    const { version } = channel;
    const admission = await admitToken(message.payload["access_token"], message.topic);
    if (!admission) end(connection, message.topic);
    else if (channel.version === version) settle(connection, channel, admission);
    // Overtaken: it is doubted, and asked about under the new token.
    else Object.assign(channel, { caller: admission.caller, version: channel.version + 1 });
  }

  function settle(connection: Connection, channel: Channel, admission: Admission): void {
    Object.assign(channel, admission, { doubted: false, version: channel.version + 1 });
    for (const said of channel.waiting.splice(0)) tell(connection, channel.topic, said);
  }

  async function receive(connection: Connection, message: Message): Promise<void> {
    switch (message.event) {
      case "heartbeat":
        return reply(connection, message, "ok", {});
      case "phx_join":
        return join(connection, message);
      case "access_token":
        return renew(connection, message);
      case "phx_leave":
        reply(connection, message, "ok", {});
        return end(connection, message.topic);
      default:
    }
  }

  function end(connection: Connection, topic: string): void {
    const channel = connection.channels.get(topic);
    if (!channel) return;
    connection.channels.delete(topic);
    send(connection, {
      joinRef: channel.joinRef,
      ref: channel.joinRef,
      topic,
      event: "phx_close",
      payload: {},
    });
  }

  function expired(channel: Channel): boolean {
    return channel.caller.claims.exp * 1000 <= clock.nowMs();
  }

  function broadcast(text: string): void {
    const { topic, event, payload } = JSON.parse(text) as {
      topic: string;
      event: string;
      payload: unknown;
    };
    const name = TOPIC_PREFIX + topic;
    for (const connection of connections) {
      const channel = connection.channels.get(name);
      if (!channel) continue;
      const said = { type: "broadcast", event, payload };
      if (expired(channel)) end(connection, name);
      else if (!channel.doubted) tell(connection, name, said);
      else if (channel.waiting.push(said) > WAITING_MAX) connection.socket.terminate();
    }
  }

  function tell(connection: Connection, topic: string, payload: Record<string, unknown>): void {
    send(connection, { joinRef: null, ref: null, topic, event: "broadcast", payload });
  }

  /** Channels to ask about again, by their teams: those that wait longest first. */
  const doubted = new Map<string | null, Set<Seat>>();
  let asking = false;

  function rightsChanged(team: string): void {
    for (const join of joins) if (join.team === team) join.overtaken = true;
    for (const connection of connections)
      for (const channel of connection.channels.values())
        if (channel.team === team) {
          channel.version++;
          doubt({ connection, channel });
        }
  }

  function doubt(seat: Seat): void {
    const { channel } = seat;
    if (channel.doubted) return;
    channel.doubted = true;
    const ofTeam = doubted.get(channel.team) ?? new Set();
    doubted.set(channel.team, ofTeam.add(seat));
    void askAgain();
  }

  /** One question at a time, and of each team one in turn: what changes in one costs the others no more than that. */
  async function askAgain(): Promise<void> {
    if (asking) return;
    asking = true;
    while (doubted.size > 0)
      for (const [team, seats] of doubted) {
        const [seat] = seats;
        if (seat === undefined) doubted.delete(team);
        else if (await isAnswered(seat)) seats.delete(seat);
        else {
          // Overtaken: the others of its team first.
          seats.delete(seat);
          seats.add(seat);
        }
      }
    asking = false;
  }

  /** Whether nothing is to be asked about it any more. */
  async function isAnswered({ connection, channel }: Seat): Promise<boolean> {
    const { version, caller, topic } = channel;
    if (!channel.doubted || connection.channels.get(topic) !== channel) return true;
    const admission = await admit(caller, topic).catch(() => "failed" as const);
    if (admission === "failed") {
      connection.channels.delete(topic);
      connection.socket.terminate();
    } else if (channel.version !== version) return !channel.doubted;
    else if (admission === null) end(connection, topic);
    else settle(connection, channel, admission);
    return true;
  }

  /** What a client says, to the others in its channel. */
  function passOn(from: Connection, data: Buffer): void {
    const said = decodeSaid(data);
    const channel = said && from.channels.get(said.topic);
    if (!said || !channel?.maySpeak || channel.doubted || expired(channel)) return;
    if (speaksTooMuch(from)) return from.socket.close(1008, "too many messages");
    const frame = encodeHeard(said);
    for (const connection of connections) {
      const other = connection === from ? undefined : connection.channels.get(said.topic);
      if (other && connection.vsn !== "1.0.0" && !other.doubted && !expired(other))
        sendFrame(connection, frame);
    }
  }

  function speaksTooMuch({ spoken }: Connection): boolean {
    const now = clock.monotonicMs();
    if (now - spoken.since >= 1000) Object.assign(spoken, { since: now, count: 0 });
    return ++spoken.count > SPOKEN_MAX_A_SECOND;
  }

  function sweep(): void {
    for (const connection of connections) {
      for (const [topic, channel] of connection.channels)
        if (expired(channel)) end(connection, topic);
      if (clock.monotonicMs() - connection.lastHeardMs > SILENCE_MAX_MS)
        connection.socket.terminate();
    }
  }

  function accept(socket: WebSocket, vsn: string): void {
    const connection: Connection = {
      socket,
      vsn,
      channels: new Map(),
      lastHeardMs: clock.monotonicMs(),
      spoken: { since: clock.monotonicMs(), count: 0 },
    };
    connections.add(connection);
    // One after the other, so that a token that follows a join finds the channel; and no more is read while one is answered.
    let turn = Promise.resolve();
    let waiting = 0;
    socket.on("message", (data: RawData, binary: boolean) => {
      connection.lastHeardMs = clock.monotonicMs();
      if (binary) return passOn(connection, data as Buffer);
      const message = decode((data as Buffer).toString("utf8"));
      if (!message) return socket.close(1003);
      waiting++;
      socket.pause();
      turn = turn
        .then(() => receive(connection, message))
        .catch((error: unknown) => {
          log("error", "realtime.failed", {
            reason: error instanceof Error ? error.name : "unknown",
          });
          socket.terminate();
        })
        .finally(() => {
          if (--waiting === 0) socket.resume();
        });
    });
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      connections.delete(connection);
      connection.channels.clear();
    });
  }

  await database.listen("realtime", broadcast);
  await database.listen("access", rightsChanged);
  const sweeper = setInterval(sweep, SWEEP_MS);
  sweeper.unref();

  return {
    upgrade(request, socket, head) {
      const query = urlOf(request).searchParams;
      server.handleUpgrade(request, socket, head, (accepted) =>
        accept(accepted, query.get("vsn") ?? "1.0.0"),
      );
    },
    close() {
      clearInterval(sweeper);
      for (const { socket } of connections) socket.terminate();
      server.close();
    },
  };
}

/** Of the forms that topics have; a policy says what else one may be called. */
function teamOf(topic: string): string | null {
  return topic.slice(TOPIC_PREFIX.length).split(":")[1] ?? null;
}

const ROLL_BACK = new Error("rolled back on purpose");
const MESSAGE =
  "insert into realtime.messages (topic, extension, private) values ($1, 'broadcast', true)";
/** A policy or a missing privilege. */
const REFUSED_SQLSTATE = "42501";

function reply(
  connection: Connection,
  to: Message,
  status: "ok" | "error",
  response: object,
): void {
  send(connection, {
    joinRef: to.joinRef,
    ref: to.ref,
    topic: to.topic,
    event: "phx_reply",
    payload: { status, response },
  });
}

function send(connection: Connection, { joinRef, ref, topic, event, payload }: Message): void {
  const message =
    connection.vsn === "1.0.0"
      ? { join_ref: joinRef, ref, topic, event, payload }
      : [joinRef, ref, topic, event, payload];
  sendFrame(connection, JSON.stringify(message));
}

function sendFrame({ socket }: Connection, frame: string | Buffer): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (socket.bufferedAmount > BACKLOG_MAX_BYTES) return socket.terminate();
  socket.send(frame);
}

/** `[join_ref, ref, topic, event, payload]` or, in vsn 1.0.0, an object with these names. Null: neither. */
function decode(text: string): Message | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const named = value as Record<string, unknown>;
  const [joinRef, ref, topic, event, payload] = Array.isArray(value)
    ? (value as unknown[])
    : [named["join_ref"], named["ref"], named["topic"], named["event"], named["payload"]];
  if (typeof topic !== "string" || typeof event !== "string") return null;
  return {
    joinRef: typeof joinRef === "string" ? joinRef : null,
    ref: typeof ref === "string" ? ref : null,
    topic,
    event,
    payload:
      typeof payload === "object" && payload !== null ? (payload as Record<string, unknown>) : {},
  };
}
