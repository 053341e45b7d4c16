/** The api over a socket, for a command whose profile has a running engine. */
import { WebSocket, type RawData } from "ws";
import { FaultError } from "../base/result.ts";
import type { ApiClient, Input, Method, Output, Progress, Push } from "./api.ts";
import { SOCKET_PATH, type AnswerFrame } from "./channel.ts";
import { MAX_FRAME_BYTES } from "./connection.ts";
import { connectToSocket } from "./socket.ts";

export interface RemoteClient extends ApiClient {
  close(): void;
  /** Resolves when the engine is gone, or after `close`. */
  readonly closed: Promise<void>;
}

/** `none`: nobody listens · `silent`: somebody does and does not answer. */
export type NoAnswer = "none" | "silent";

/** Answers how it went within `timeoutMs`. */
export function connectToEngine(
  folder: string,
  timeoutMs: number,
): Promise<RemoteClient | NoAnswer> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://localhost${SOCKET_PATH}`, {
      createConnection: () => connectToSocket(folder),
      perMessageDeflate: false,
      maxPayload: 64 * MAX_FRAME_BYTES,
    } as object);
    const silence = setTimeout(() => {
      resolve("silent");
      socket.terminate();
    }, timeoutMs);
    socket.once("open", () => {
      clearTimeout(silence);
      resolve(clientOf(socket));
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(silence);
      // Gone between looking and speaking is gone.
      if (["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(error.code ?? ""))
        resolve("none");
      else reject(error);
    });
  });
}

interface Waiting {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

function clientOf(socket: WebSocket): RemoteClient {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(push: Push) => void>();
  let nextId = 1;

  socket.removeAllListeners("error");
  socket.on("error", () => undefined);
  socket.on("message", (data: RawData, binary: boolean) => {
    if (!binary) receive(JSON.parse(String(data)) as AnswerFrame);
  });
  const closed = new Promise<void>((resolve) => {
    socket.on("close", () => {
      for (const call of waiting.values()) call.reject(new FaultError(GONE));
      waiting.clear();
      resolve();
    });
  });

  function receive(frame: AnswerFrame): void {
    if ("push" in frame) {
      const { push } = frame;
      if (push.topic === "progress") waiting.get(push.call)?.onProgress?.(push.progress);
      for (const listener of listeners) listener(push);
      return;
    }
    const call = waiting.get(frame.id);
    waiting.delete(frame.id);
    if ("fault" in frame) call?.reject(new FaultError(frame.fault));
    else call?.resolve(frame.output);
  }

  return {
    closed,
    call<M extends Method>(method: M, input: Input<M>, onProgress?: (progress: Progress) => void) {
      if (socket.readyState !== WebSocket.OPEN) return Promise.reject(new FaultError(GONE));
      const id = nextId++;
      return new Promise<Output<M>>((resolve, reject) => {
        waiting.set(id, { resolve: resolve as (output: unknown) => void, reject, onProgress });
        socket.send(JSON.stringify({ id, method, input }));
      });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => socket.close(),
  };
}

const GONE = {
  type: "engine-gone",
  message:
    "The running engine ended before it answered. What it had kept is kept; run the command again to see what was done.",
};
