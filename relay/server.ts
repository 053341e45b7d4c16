/**
 * The self-hosted server: the part of Supabase's HTTP and WebSocket interface that supabase-js needs, over an embedded
 * database with the same schema. It decides nothing: each request runs under its token's role and claims, and the
 * policies answer. It cannot read what it keeps.
 */
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../src/base/clock.ts";
import type { Log } from "../src/base/log.ts";
import type { Random } from "../src/base/random.ts";
import { type Accounts, authError, createAccounts } from "./accounts.ts";
import type { Database } from "./database.ts";
import {
  type Answer,
  bearer,
  HttpError,
  NO_CONTENT,
  parseObject,
  readBody,
  respond,
  urlOf,
} from "./http.ts";
import { openDatabase } from "./open.ts";
import { createPasswords } from "./passwords.ts";
import { createRateLimit } from "./rate-limit.ts";
import { createRealtime } from "./realtime.ts";
import { createRpc, type Rpc } from "./rpc.ts";
import { type Caller, createTokens, type Tokens } from "./tokens.ts";

const ACCOUNT_BODY_MAX_BYTES = 16 * 1024;
/** A device sends rows of 1 MiB at once, in base64. */
const RPC_BODY_MAX_BYTES = 2 * 1024 * 1024;
/** A device has one that it hears on and one or two that it asks over: hundreds of devices. */
const CONNECTIONS_MAX = 1000;

export interface RelayOptions {
  /** Created when it is missing. One relay at a time. */
  readonly dataFolder: string;
  /** 0: any free one. */
  readonly port: number;
  /** Loopback unless somebody puts TLS in front: clients refuse http to any other host. */
  readonly host: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Relay {
  readonly url: string;
  /** Public: names this relay's own clients, gives no rights. */
  readonly anonKey: string;
  close(): Promise<void>;
}

/** Throws `FaultError` when the folder is held by another process or cannot be opened, and Node's error when the port is taken. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { log, clock, random } = options;
  const database = await openDatabase(options);
  try {
    const { secret, issuedAt } = await signingKey(database, random);
    const tokens = await createTokens(secret, issuedAt, clock);
    const accounts = createAccounts({
      database,
      tokens,
      clock,
      random,
      passwords: createPasswords(random),
      attempts: createRateLimit(clock),
    });
    const realtime = await createRealtime({ database, tokens, clock, log });
    const handle = createHandler({ tokens, accounts, rpc: await createRpc(database) });

    const server = createServer((request, response) => {
      const startedMs = clock.monotonicMs();
      void handle(request)
        .catch((error: unknown) => failure(error, log))
        .then((result) => {
          respond(response, result);
          logRequest(log, request, response, clock.monotonicMs() - startedMs);
        });
    });
    server.requestTimeout = 60_000;
    server.headersTimeout = 10_000;
    // Longer than a client is busy with a passphrase: what it sends on a connection closed meanwhile would be lost.
    server.keepAliveTimeout = 60_000;
    server.maxConnections = CONNECTIONS_MAX;
    server.on("upgrade", (request, socket, head) => {
      socket.on("error", () => socket.destroy());
      upgrade(request, socket, head).catch((error: unknown) => {
        const { status } = failure(error, log);
        socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
      });
    });
    async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
      const { pathname, searchParams } = urlOf(request);
      const caller = await tokens.verify(searchParams.get("apikey") ?? "");
      if (!caller || pathname !== "/realtime/v1/websocket")
        throw new HttpError(401, { message: "Invalid API key" });
      realtime.upgrade(request, socket, head);
    }
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port, options.host, resolve);
    });
    const { port } = server.address() as AddressInfo;
    const name = options.host.includes(":") ? `[${options.host}]` : options.host;
    return {
      url: `http://${name}:${port}`,
      anonKey: tokens.anonKey,
      async close() {
        realtime.close();
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface HandlerParts {
  readonly tokens: Tokens;
  readonly accounts: Accounts;
  readonly rpc: Rpc;
}

function createHandler({
  tokens,
  accounts,
  rpc,
}: HandlerParts): (request: IncomingMessage) => Promise<Answer> {
  /** No function is for anybody who is not signed in, so nothing such a one sends is read. */
  async function caller(request: IncomingMessage): Promise<Caller> {
    const token = bearer(request);
    const found = token === null ? null : await tokens.verify(token);
    if (found?.role === "authenticated") return found;
    const [code, message] = found
      ? ["42501", "permission denied for anon"]
      : ["PGRST301", "JWT expired or not valid"];
    throw new HttpError(401, { code, message, details: null, hint: null });
  }

  async function signedIn(request: IncomingMessage): Promise<Caller> {
    const token = bearer(request);
    const found = token === null ? null : await tokens.verify(token);
    if (found?.role !== "authenticated")
      throw authError(403, "bad_jwt", "invalid JWT: the token is expired or was not signed here");
    return found;
  }

  const account = async (request: IncomingMessage) =>
    parseObject(await readBody(request, ACCOUNT_BODY_MAX_BYTES));

  return async (request) => {
    if (request.method === "OPTIONS") return NO_CONTENT;
    const { pathname, searchParams } = urlOf(request);
    if (!(await tokens.verify(String(request.headers["apikey"] ?? ""))))
      throw new HttpError(401, { message: "Invalid API key" });

    switch (`${request.method} ${pathname}`) {
      case "POST /auth/v1/signup":
        return accounts.signUp(await account(request));
      case "POST /auth/v1/token":
        if (searchParams.get("grant_type") === "password")
          return accounts.signIn(await account(request), request.socket.remoteAddress ?? "");
        if (searchParams.get("grant_type") === "refresh_token")
          return accounts.refresh(await account(request));
        throw authError(400, "validation_failed", "unsupported_grant_type");
      case "POST /auth/v1/logout":
        return accounts.signOut(await signedIn(request), searchParams.get("scope"));
      case "GET /auth/v1/user":
        return accounts.user(await signedIn(request));
      case "PUT /auth/v1/user":
        return accounts.changePassword(await signedIn(request), await account(request));
      default:
    }
    const called = /^\/rest\/v1\/rpc\/([a-z0-9_]{1,63})$/.exec(pathname)?.[1];
    if (!called) throw new HttpError(404, { message: "Not found" });
    if (request.method !== "POST") throw new HttpError(405, { message: "Method not allowed" });
    return rpc(await caller(request), called, await readBody(request, RPC_BODY_MAX_BYTES));
  };
}

function failure(error: unknown, log: Log): Answer {
  if (error instanceof HttpError) return { status: error.status, json: JSON.stringify(error.body) };
  // The message of an unexpected error may quote what a client sent.
  const code = error instanceof Error && "code" in error ? String(error.code) : "none";
  log("error", "request.failed", { reason: error instanceof Error ? error.name : "unknown", code });
  return {
    status: 500,
    json: JSON.stringify({ code: "500", message: "Internal error", details: null, hint: null }),
  };
}

/** The path has no names in it; the query may have a token. */
function logRequest(
  log: Log,
  request: IncomingMessage,
  response: ServerResponse,
  ms: number,
): void {
  const path = (request.url ?? "/").split("?", 1)[0] as string;
  const known = /^\/(auth\/v1\/(signup|token|logout|user)|rest\/v1\/rpc\/cloud_[a-z_]+)$/.test(
    path,
  );
  log("debug", "request", {
    method: request.method ?? "",
    path: known ? path : "other",
    status: response.statusCode,
    ms: Math.round(ms),
  });
}

async function signingKey(
  database: Database,
  random: Random,
): Promise<{ secret: Uint8Array; issuedAt: number }> {
  await database.query("insert into auth.signing_key (secret) values ($1) on conflict do nothing", [
    random(32),
  ]);
  const [row] = await database.query<{ secret: Uint8Array; issued_at: number }>(
    "select secret, issued_at from auth.signing_key",
  );
  if (!row) throw new Error("the signing key is missing");
  return { secret: row.secret, issuedAt: row.issued_at };
}
