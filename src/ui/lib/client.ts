/**
 * The engine, over one WebSocket of the page's own origin.
 *
 * Text frames carry `{id, method, input}` and `{id, output}` or `{id, fault}`, and `{push}` unasked; binary frames
 * belong to documents being edited. A lost connection is opened again with growing pauses; calls made meanwhile fail
 * with a sentence, because a page must not pretend.
 */
import { createSignal, type Accessor } from "solid-js";
import type { ApiClient, Input, Method, Output, Progress, Push } from "../../app/api.ts";
import { FaultError, type Fault } from "../../base/result.ts";

export type Link =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  /** `sinceMs`: wall clock. */
  | { readonly state: "lost"; readonly sinceMs: number }
  /** The engine is there but does not know this page. */
  | { readonly state: "refused" };

export interface Engine extends ApiClient {
  readonly link: Accessor<Link>;
  /** False when there is no connection: the frame was not sent. */
  sendBinary(frame: Uint8Array<ArrayBuffer>): boolean;
  onBinary(listener: (frame: Uint8Array<ArrayBuffer>) => void): () => void;
  /** Called now if connected, and at every later connection. */
  onOpen(listener: () => void): () => void;
  /** Called when a connection is there again after one failed or was lost: what was asked before is to be asked again. */
  onReopen(listener: () => void): () => void;
  onLost(listener: () => void): () => void;
  retryNow(): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

const NOT_RUNNING: Fault = {
  type: "engine-gone",
  message:
    "The engine is not running, so this could not be done. Nothing was changed; start Operon and try again.",
};
const REFUSED: Fault = {
  type: "refused",
  message: "This page has no key for the engine. Run operon open and use the address it prints.",
};

interface Waiting {
  resolve(output: unknown): void;
  reject(error: Error): void;
  onProgress: ((progress: Progress) => void) | undefined;
}

export function connect(url: string): Engine {
  const [link, setLink] = createSignal<Link>({ state: "connecting" });
  const waiting = new Map<number, Waiting>();
  const queued: string[] = [];
  const pushListeners = new Set<(push: Push) => void>();
  const binaryListeners = new Set<(frame: Uint8Array<ArrayBuffer>) => void>();
  const openListeners = new Set<() => void>();
  const reopenListeners = new Set<() => void>();
  const lostListeners = new Set<() => void>();
  let failed = false;
  let socket: WebSocket;
  let nextId = 1;
  let pauseMs = FIRST_PAUSE_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function open(): void {
    clearTimeout(timer);
    let opened = false;
    socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      opened = true;
      pauseMs = FIRST_PAUSE_MS;
      setLink({ state: "open" });
      for (const frame of queued.splice(0)) socket.send(frame);
      for (const listener of openListeners) listener();
      if (failed) for (const listener of reopenListeners) listener();
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === "string") receive(data);
      else for (const listener of binaryListeners) listener(new Uint8Array(data));
    };
    socket.onclose = () => void closed(opened);
  }

  async function closed(opened: boolean): Promise<void> {
    failed = true;
    const refused = !opened && (await pageIsRefused());
    if (refused) setLink({ state: "refused" });
    else if (link().state !== "lost") setLink({ state: "lost", sinceMs: Date.now() });
    const fault = refused ? REFUSED : NOT_RUNNING;
    for (const call of waiting.values()) call.reject(new FaultError(fault));
    waiting.clear();
    for (const listener of lostListeners) listener();
    queued.length = 0;
    timer = setTimeout(open, pauseMs);
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }

  function receive(text: string): void {
    const frame = JSON.parse(text) as
      | { push: Push }
      | { id: number; output: unknown }
      | { id: number; fault: Fault };
    if ("push" in frame) {
      const { push } = frame;
      if (push.topic === "progress") waiting.get(push.call)?.onProgress?.(push.progress);
      for (const listener of pushListeners) listener(push);
      return;
    }
    const call = waiting.get(frame.id);
    waiting.delete(frame.id);
    if ("fault" in frame) call?.reject(new FaultError(frame.fault));
    else call?.resolve(frame.output);
  }

  open();

  return {
    link,
    call<M extends Method>(method: M, input: Input<M>, onProgress?: (progress: Progress) => void) {
      const { state } = link();
      if (state === "lost") return Promise.reject(new FaultError(NOT_RUNNING));
      if (state === "refused") return Promise.reject(new FaultError(REFUSED));
      const id = nextId++;
      const frame = JSON.stringify({ id, method, input });
      if (state === "open") socket.send(frame);
      else queued.push(frame);
      return new Promise<Output<M>>((resolve, reject) => {
        waiting.set(id, { resolve: resolve as (output: unknown) => void, reject, onProgress });
      });
    },
    subscribe: (listener) => added(pushListeners, listener),
    sendBinary(frame) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(frame);
      return true;
    },
    onBinary: (listener) => added(binaryListeners, listener),
    onOpen(listener) {
      if (link().state === "open") listener();
      return added(openListeners, listener);
    },
    onReopen: (listener) => added(reopenListeners, listener),
    onLost: (listener) => added(lostListeners, listener),
    retryNow() {
      if (link().state === "open" || socket.readyState === WebSocket.CONNECTING) return;
      pauseMs = FIRST_PAUSE_MS;
      open();
    },
  };
}

/** A refused upgrade looks like a dead engine to a WebSocket; a plain request tells them apart. */
async function pageIsRefused(): Promise<boolean> {
  try {
    const answer = await fetch("/", { method: "HEAD", cache: "no-store" });
    return answer.status === 401 || answer.status === 403;
  } catch {
    return false;
  }
}

function added<T>(set: Set<T>, item: T): () => void {
  set.add(item);
  return () => set.delete(item);
}
