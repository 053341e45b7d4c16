/**
 * The interface, served on this machine's loopback address to who was given its address.
 *
 * Every request and every socket must name this host and port (so that a foreign name that resolves to this machine is no
 * way in), come from this origin if it says where it comes from, and bring the cookie. The cookie is given for a token,
 * once: the token stands in the address that was printed, and the next address has none in it.
 * Cookies outlive the engine, so that a page open while it is started again goes on: the profile keeps their hashes. They do
 * not outlive the port: whoever holds it when the engine returns may have been handed them by a page that was open.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { SOCKET_PATH } from "./channel.ts";
import { MAX_FRAME_BYTES, serveConnection } from "./connection.ts";
import type { Host } from "./host.ts";
import { replaceFile } from "./secrets.ts";
import type { WebFiles } from "./webfiles.ts";

export interface WebOptions {
  /** The profile's: keeps the port and the cookies' hashes. */
  readonly folder: string;
  readonly files: WebFiles;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Web {
  readonly port: number;
  /** Not null: the port that pages were open on before could not be had. */
  readonly movedFrom: number | null;
  /** Each is good for one use. */
  newAddress(): string;
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
const COOKIE_DAYS = 30;
const MOST_TOKENS = 16;
const MOST_COOKIES = 32;

export async function serveWeb({ folder, files, host, clock, log }: WebOptions): Promise<Web> {
  const memory = await openMemory(join(folder, "web.json"), clock);
  const tokens = new Set<string>();
  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      log("error", "web-request-failed", { reason: String(error) });
      response.destroy();
    });
  });
  server.requestTimeout = 30_000;
  const movedFrom = await listen(server, memory.port);
  const port = portOf(server);
  await memory.setPort(port);

  const origin = `http://${HOST}:${port}`;
  const cookieName = `operon_${port}`;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const refusal = refusalOf(request, true);
    if (refusal !== null || request.url !== SOCKET_PATH) {
      log("warn", "socket-refused", { reason: refusal?.reason ?? "path" });
      socket.end(
        `HTTP/1.1 ${refusal?.status ?? 404} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) =>
      serveConnection(ws, host, { local: false, log }),
    );
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "/";
    if (!URL.canParse(path, origin)) return refuse(response, BAD_PATH);
    const url = new URL(path, origin);
    const token = url.searchParams.get("token");
    const refusal = refusalOf(request, false, token !== null);
    if (refusal !== null) return refuse(response, refusal);
    if (request.method !== "GET" && request.method !== "HEAD")
      return refuse(response, WRONG_METHOD);
    if (token !== null) return exchange(token, response);
    const file = files.get(url.pathname);
    if (file === null) return refuse(response, NOT_FOUND);
    response.writeHead(200, {
      ...safeHeaders(port),
      "content-type": file.type,
      "content-length": file.body.length,
      "cache-control": file.immutable ? "private, max-age=31536000, immutable" : "no-store",
    });
    response.end(request.method === "HEAD" ? undefined : file.body);
  }

  /** Null: it may go on. */
  function refusalOf(
    request: IncomingMessage,
    isSocket: boolean,
    hasToken = false,
  ): Refusal | null {
    if (request.headers.host !== `${HOST}:${port}`) return FOREIGN_HOST;
    const from = request.headers.origin;
    if (from === undefined ? isSocket : from !== origin) return FOREIGN_ORIGIN;
    if (hasToken) return null;
    const cookie = cookieOf(request, cookieName);
    return cookie !== null && memory.knows(hashOf(cookie)) ? null : NO_COOKIE;
  }

  async function exchange(token: string, response: ServerResponse): Promise<void> {
    const known = [...tokens].find((hash) => sameText(hash, hashOf(token)));
    if (known === undefined) return refuse(response, SPENT_TOKEN);
    tokens.delete(known);
    const cookie = randomBytes(32).toString("base64url");
    await memory.addCookie(hashOf(cookie));
    response.writeHead(303, {
      ...safeHeaders(port),
      location: "/",
      "set-cookie": `${cookieName}=${cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${COOKIE_DAYS * 86_400}`,
      "cache-control": "no-store",
    });
    response.end();
  }

  function refuse(response: ServerResponse, { status, sentence }: Refusal): void {
    response.writeHead(status, {
      ...safeHeaders(port),
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
    });
    response.end(`${sentence}\n`);
  }

  return {
    port,
    movedFrom,
    newAddress() {
      const token = randomBytes(32).toString("base64url");
      tokens.add(hashOf(token));
      for (const oldest of [...tokens].slice(0, -MOST_TOKENS)) tokens.delete(oldest);
      return `${origin}/?token=${token}`;
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly sentence: string;
}

const NO_COOKIE: Refusal = {
  status: 401,
  reason: "cookie",
  sentence:
    'This page has no key for your sessions. Run "operon open" and use the address it prints.',
};
const SPENT_TOKEN: Refusal = {
  status: 401,
  reason: "token",
  sentence:
    'This address was used before: each opens Operon once. Run "operon open" for a new one.',
};
const FOREIGN_HOST: Refusal = {
  status: 403,
  reason: "host",
  sentence: "Operon does not answer under this name.",
};
const FOREIGN_ORIGIN: Refusal = {
  status: 403,
  reason: "origin",
  sentence: "Operon does not answer other pages.",
};
const BAD_PATH: Refusal = {
  status: 400,
  reason: "path",
  sentence: "This address cannot be read.",
};
const WRONG_METHOD: Refusal = {
  status: 405,
  reason: "method",
  sentence: "Operon's pages are only read.",
};
const NOT_FOUND: Refusal = { status: 404, reason: "path", sentence: "There is no such page." };

function safeHeaders(port: number): Record<string, string> {
  return {
    "content-security-policy": [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "font-src 'self'",
      "img-src 'self'",
      `connect-src 'self' ws://${HOST}:${port}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
}

function cookieOf(request: IncomingMessage, name: string): string | null {
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name && value !== undefined) return value;
  }
  return null;
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** In constant time; both are hex digests. */
function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

interface Cookie {
  readonly hash: string;
  readonly untilMs: number;
}

/** The port, so that the page's address and storage stay the same, and who was let in. */
async function openMemory(path: string, clock: Clock) {
  let { port, cookies } = await readMemory(path);
  cookies = cookies.filter((cookie) => cookie.untilMs > clock.nowMs());
  const save = (): Promise<void> => replaceFile(path, JSON.stringify({ port, cookies }));
  return {
    get port() {
      return port;
    },
    async setPort(next: number) {
      if (next === port) return;
      port = next;
      cookies = [];
      await save();
    },
    knows: (hash: string) =>
      cookies.some((cookie) => sameText(cookie.hash, hash) && cookie.untilMs > clock.nowMs()),
    async addCookie(hash: string) {
      cookies = [...cookies, { hash, untilMs: clock.nowMs() + COOKIE_DAYS * 86_400_000 }].slice(
        -MOST_COOKIES,
      );
      await save();
    },
  };
}

/** Whatever is wrong with the file, the answer is an empty one: people then open a new address. */
async function readMemory(path: string): Promise<{ port: number; cookies: readonly Cookie[] }> {
  try {
    const { port, cookies } = JSON.parse(await readFile(path, "utf8")) as {
      port: number;
      cookies: Cookie[];
    };
    const whole = cookies.every(
      (cookie) => typeof cookie.hash === "string" && Number.isFinite(cookie.untilMs),
    );
    if (Number.isInteger(port) && port > 0 && port < 65_536 && whole) return { port, cookies };
  } catch {
    // Missing or damaged.
  }
  return { port: 0, cookies: [] };
}

/** On the wanted port (0: any), else on any free one. Answers the wanted port when it could not be had. */
async function listen(server: Server, wanted: number): Promise<number | null> {
  try {
    await listenOn(server, wanted);
    return null;
  } catch (error) {
    if (
      wanted === 0 ||
      !["EADDRINUSE", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")
    )
      throw error;
    await listenOn(server, 0);
    return wanted;
  }
}

function listenOn(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: HOST, port, exclusive: true }, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
