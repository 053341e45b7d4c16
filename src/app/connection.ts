/**
 * One connection to an engine, from a command or a page: calls, pushes and documents, as `channel.ts` lays them out.
 *
 * A slow reader costs little: what was not sent yet is replaced by what is newest (`Outbox`), and a reader who asks faster
 * than the engine answers is read no further until it did.
 */
import type { WebSocket } from "ws";
import type { Bytes } from "../base/bytes.ts";
import { FaultError, type Fault } from "../base/result.ts";
import type { Log } from "../base/log.ts";
import type { Push } from "./api.ts";
import {
  decodeFrame,
  decodePlace,
  encodeFrame,
  encodeState,
  type AnswerFrame,
  type CallFrame,
  type DocFrame,
} from "./channel.ts";
import type { Host, SharedDocument } from "./host.ts";
import { knownFault } from "./faults.ts";
import { createOutbox } from "./outbox.ts";

const MOST_CALLS_AT_ONCE = 64;
const MOST_DOCUMENTS = 64;
/** A frame of more is refused by the socket. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

export interface ConnectionOptions {
  readonly local: boolean;
  readonly log: Log;
}

/** Serves until the socket closes. */
export function serveConnection(
  socket: WebSocket,
  host: Host,
  { local, log }: ConnectionOptions,
): void {
  const outbox = createOutbox(socket);
  const documents = new Map<string, Promise<SharedDocument>>();
  let calls = 0;

  const answer = (frame: AnswerFrame): void => outbox.send(JSON.stringify(frame));
  const stop = host.subscribe((push) =>
    outbox.sendLatest(keyOf(push), () => JSON.stringify({ push })),
  );

  socket.on("message", (data: Buffer, binary: boolean) => {
    if (binary) void document(data);
    else void call(data);
  });
  socket.on("error", (error) => log("warn", "connection-failed", { reason: error.message }));
  socket.on("close", () => {
    stop();
    for (const open of documents.values()) {
      open.then((opened) => opened.close()).catch(() => undefined);
    }
    documents.clear();
  });

  async function call(data: Buffer): Promise<void> {
    const frame = readCall(data);
    if (frame === null) return socket.close(1003, "not a call");
    if (++calls >= MOST_CALLS_AT_ONCE) socket.pause();
    const { id, method, input } = frame;
    try {
      const output = await host.call(method, input, {
        local,
        onProgress: (progress) => {
          const push: Push = { topic: "progress", call: id, progress };
          outbox.sendLatest(keyOf(push), () => JSON.stringify({ push }));
        },
      });
      answer({ id, output: output ?? null });
    } catch (error) {
      answer({ id, fault: faultOf(error, log) });
    } finally {
      if (--calls < MOST_CALLS_AT_ONCE) socket.resume();
    }
  }

  async function document(data: Buffer): Promise<void> {
    const frame = decodeFrame(data);
    if (frame === null) return socket.close(1003, "not a frame");
    try {
      if (frame.kind === "open") await openDocument(frame);
      else if (frame.kind === "update") await updateDocument(frame);
      else if (frame.kind === "place") await movePlace(frame);
      else if (frame.kind === "close") closeDocument(frame.doc);
    } catch (error) {
      refuse(frame.doc, error);
    }
  }

  async function openDocument({ doc, payload }: DocFrame): Promise<void> {
    let opening = documents.get(doc);
    if (opening === undefined) {
      if (documents.size >= MOST_DOCUMENTS) {
        throw new FaultError({
          type: "too-many",
          message: "Too many documents are open here. Close one and try again.",
        });
      }
      opening = host.openDocument(doc, {
        onUpdate: (update) => void pushUpdate(doc, update),
        onFault: (error) => refuse(doc, error),
        onHere: (here) =>
          outbox.sendLatest(`here ${doc}`, () =>
            encodeFrame("here", doc, 0, Buffer.from(JSON.stringify(here))),
          ),
      });
      documents.set(doc, opening);
    }
    const opened = await opening;
    sendState(doc, opened, payload);
  }

  async function updateDocument({ doc, number, payload }: DocFrame): Promise<void> {
    const opened = await documents.get(doc);
    if (opened === undefined) {
      throw new FaultError({
        type: "not-open",
        message: "This document is not open here. Open it again.",
      });
    }
    await opened.apply(payload);
    outbox.send(encodeFrame("ack", doc, number));
  }

  async function movePlace({ doc, payload }: DocFrame): Promise<void> {
    const place = decodePlace(payload);
    if (place !== null) (await documents.get(doc))?.moveTo(place);
  }

  /** To a reader that keeps up each update as it comes, else one state when there is room again. */
  async function pushUpdate(doc: string, update: Bytes): Promise<void> {
    const opened = await documents.get(doc);
    if (opened === undefined) return;
    if (outbox.hasRoom()) return outbox.send(encodeFrame("update", doc, 0, update));
    outbox.sendLatest(`doc ${doc}`, () =>
      encodeFrame("state", doc, 0, encodeState(opened.vector(), opened.beyond(NOTHING))),
    );
  }

  function sendState(doc: string, opened: SharedDocument, vector: Uint8Array): void {
    const payload = encodeState(
      opened.vector(),
      opened.beyond(vector.length === 0 ? NOTHING : vector),
    );
    outbox.send(encodeFrame("state", doc, 0, payload));
  }

  function closeDocument(doc: string): void {
    const opening = documents.get(doc);
    documents.delete(doc);
    opening?.then((opened) => opened.close()).catch(() => undefined);
  }

  function refuse(doc: string, error: unknown): void {
    closeDocument(doc);
    outbox.send(encodeFrame("refused", doc, 0, Buffer.from(JSON.stringify(faultOf(error, log)))));
  }
}

/** The state vector of an empty document. */
const NOTHING = new Uint8Array([0]);

/** Pushes of one key say the same of one thing: the newest is enough. */
function keyOf(push: Push): string | null {
  switch (push.topic) {
    case "status":
      return "status";
    case "session":
      return `session ${push.id}`;
    case "progress":
      return `progress ${push.call}`;
    case "sessions":
    case "decisions":
      return null;
  }
}

function readCall(data: Buffer): CallFrame | null {
  try {
    const frame = JSON.parse(data.toString()) as CallFrame;
    return Number.isSafeInteger(frame.id) && typeof frame.method === "string" ? frame : null;
  } catch {
    return null;
  }
}

/** A bug is not a person's fault: its words go to the log, and the sentence says so. */
function faultOf(error: unknown, log: Log): Fault {
  const known = knownFault(error);
  if (known !== null) return known;
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log("error", "bug", { reason });
  const words = error instanceof Error ? error.message : String(error);
  return {
    type: "bug",
    message: `Operon failed at this in a way it should not (${words}). What was kept before is kept.`,
  };
}
