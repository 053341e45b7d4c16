/**
 * The engine's socket in its profile: only the profile's user can open it (mode 0600, in a folder of 0700).
 *
 * The kernel takes names of about a hundred bytes for a socket; a longer one is reached through the open folder.
 */
import { createHash } from "node:crypto";
import { chmodSync, closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import type { Log } from "../base/log.ts";
import { SOCKET_PATH } from "./channel.ts";
import { MAX_FRAME_BYTES, serveConnection } from "./connection.ts";
import type { Host } from "./host.ts";

const SOCKET_NAME = "engine.sock";
const PID_NAME = "engine.pid";
const MAX_SOCKET_PATH_BYTES = 100;

export interface EngineSocket {
  close(): Promise<void>;
}

/** Called by the process that holds the profile's lock: a socket file that is there already has nobody behind it. */
export async function listenOnSocket(folder: string, host: Host, log: Log): Promise<EngineSocket> {
  const place = socketPlace(folder);
  const server = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({
    server,
    path: SOCKET_PATH,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  });
  sockets.on("connection", (ws) => serveConnection(ws, host, { local: true, log }));
  rmSync(join(folder, SOCKET_NAME), { force: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      sockets.on("error", reject);
      server.listen(place.path, resolve);
    });
    if (process.platform !== "win32") chmodSync(join(folder, SOCKET_NAME), 0o600);
  } finally {
    place.release();
  }
  writeFileSync(join(folder, PID_NAME), String(process.pid), { mode: 0o600 });
  return {
    async close() {
      rmSync(join(folder, SOCKET_NAME), { force: true });
      rmSync(join(folder, PID_NAME), { force: true });
      for (const socket of sockets.clients) socket.close(1001, "the engine ends");
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const terminate = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
        server.closeAllConnections();
      }, CLOSE_PATIENCE_MS);
      await closed;
      clearTimeout(terminate);
    },
  };
}

const CLOSE_PATIENCE_MS = 500;

export function connectToSocket(folder: string): Socket {
  const place = socketPlace(folder);
  const socket = connect(place.path);
  socket.once("connect", place.release);
  socket.once("error", place.release);
  return socket;
}

/** Of the process whose socket is in this folder; null when none says. */
export function engineProcess(
  folder: string,
): { readonly pid: number; readonly stopped: boolean; readonly busy: boolean } | null {
  try {
    const pid = Number.parseInt(readFileSync(join(folder, PID_NAME), "utf8"), 10);
    if (!Number.isInteger(pid) || pid <= 0) return null;
    const state = stateOf(pid);
    return { pid, stopped: state === "T" || state === "t", busy: state === "R" || state === "D" };
  } catch {
    return null;
  }
}

/** Linux's letter for what a process does; null where it cannot be read. */
function stateOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2)[0] ?? null;
  } catch {
    return null;
  }
}

interface SocketPlace {
  readonly path: string;
  /** Once it is listened on or connected to. */
  release(): void;
}

function socketPlace(folder: string): SocketPlace {
  if (process.platform === "win32") {
    const name = createHash("sha256").update(folder).digest("hex").slice(0, 32);
    return { path: `\\\\.\\pipe\\operon-${name}`, release: () => undefined };
  }
  const path = join(folder, SOCKET_NAME);
  if (process.platform !== "linux" || Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) {
    return { path, release: () => undefined };
  }
  const descriptor = openSync(folder, "r");
  let open = true;
  return {
    path: `/proc/self/fd/${descriptor}/${SOCKET_NAME}`,
    release() {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}
