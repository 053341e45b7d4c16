/**
 * `/realtime/v1/websocket`: Phoenix channels as supabase-js speaks them (vsn 1.0.0 and 2.0.0), private broadcast only.
 *
 * A channel is joined by whoever the policies of `realtime.messages` let read its topic; who may insert there is passed
 * on to the others in it, by a client of vsn 2.0.0 (its binary frames). That is asked at the join, when the client sends a
 * new token and when a membership changed, and until then nobody hears anything; a token that expires closes its channels.
 * What may not be said is dropped.
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
  readonly joinRef: string | null;
  caller: Caller;
  maySpeak: boolean;
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

  /** How often rights have changed. */
  let changes = 0;

  /** Null: not even to hear. An answer that a change of rights overtook is asked for again. */
  async function admit(caller: Caller, topic: string): Promise<Admission | null> {
    const asked = changes;
    const admission = (await mayHear(caller, topic))
      ? { caller, maySpeak: await maySpeak(caller, topic) }
      : null;
    return asked === changes ? admission : admit(caller, topic);
  }

  async function admitToken(token: unknown, topic: string): Promise<Admission | null> {
    const caller = typeof token === "string" ? await tokens.verify(token) : null;
    return caller && admit(caller, topic);
  }

  async function join(connection: Connection, message: Message): Promise<void> {
    const config = message.payload["config"] as { private?: unknown } | undefined;
    const admission =
      config?.private === true &&
      message.topic.startsWith(TOPIC_PREFIX) &&
      connection.channels.size < CHANNELS_MAX
        ? await admitToken(message.payload["access_token"], message.topic)
        : null;
    if (!admission) {
      reply(connection, message, "error", {
        reason: "Unauthorized: You do not have permissions to read from this Channel topic",
      });
      return;
    }
    connection.channels.set(message.topic, { joinRef: message.joinRef, ...admission });
    reply(connection, message, "ok", { postgres_changes: [] });
  }

  async function renew(connection: Connection, message: Message): Promise<void> {
    const channel = connection.channels.get(message.topic);
    if (!channel) return;
    const admission = await admitToken(message.payload["access_token"], message.topic);
    if (admission) Object.assign(channel, admission);
    else end(connection, message.topic);
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
      if (expired(channel)) end(connection, name);
      else
        send(connection, {
          joinRef: null,
          ref: null,
          topic: name,
          event: "broadcast",
          payload: { type: "broadcast", event, payload },
        });
    }
  }

  /** While rights are asked for again, what the database says waits, and what clients say is lost. */
  let asking = false;
  const waiting: string[] = [];

  async function rightsChanged(): Promise<void> {
    changes++;
    if (asking) return;
    asking = true;
    try {
      for (let asked = -1; asked !== changes;) {
        asked = changes;
        await askAgain();
      }
    } catch {
      for (const { socket } of connections) socket.terminate();
    }
    asking = false;
    for (const text of waiting.splice(0)) broadcast(text);
  }

  async function askAgain(): Promise<void> {
    for (const connection of connections)
      for (const [topic, channel] of connection.channels) {
        const admission = await admit(channel.caller, topic);
        if (admission) channel.maySpeak = admission.maySpeak;
        else end(connection, topic);
      }
  }

  /** What a client says, to the others in its channel. */
  function passOn(from: Connection, data: Buffer): void {
    const said = decodeSaid(data);
    const channel = said && from.channels.get(said.topic);
    if (!said || asking || !channel?.maySpeak || expired(channel)) return;
    if (speaksTooMuch(from)) return from.socket.close(1008, "too many messages");
    const frame = encodeHeard(said);
    for (const connection of connections) {
      const other = connection === from ? undefined : connection.channels.get(said.topic);
      if (other && connection.vsn !== "1.0.0" && !expired(other)) sendFrame(connection, frame);
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
    socket.on("close", () => connections.delete(connection));
  }

  await database.listen("realtime", (text) => {
    if (asking) waiting.push(text);
    else broadcast(text);
  });
  await database.listen("access", () => void rightsChanged());
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
