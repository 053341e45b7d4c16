/** A window that has one document of a running engine open, over the engine's socket. */
import { WebSocket, type RawData } from "ws";
import * as Y from "yjs";
import { decodeFrame, decodeState, encodeFrame, SOCKET_PATH } from "../../../src/app/channel.ts";
import { connectToSocket } from "../../../src/app/socket.ts";

export interface Window {
  readonly doc: Y.Doc;
  close(): void;
}

export async function openWindow(profile: string, id: string): Promise<Window> {
  const doc = new Y.Doc();
  const socket = new WebSocket(`ws://localhost${SOCKET_PATH}`, {
    createConnection: () => connectToSocket(profile),
    perMessageDeflate: false,
  } as object);
  let number = 0;
  const send = (update: Uint8Array): void =>
    socket.send(encodeFrame("update", id, ++number, update));
  doc.on("update", (update: Uint8Array, from: unknown) => {
    if (from !== socket) send(update);
  });
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => socket.send(encodeFrame("open", id, 0, Y.encodeStateVector(doc))));
    socket.on("message", (data: RawData, binary: boolean) => {
      const frame = binary ? decodeFrame(data as Buffer) : null;
      if (frame?.kind === "update") Y.applyUpdate(doc, frame.payload, socket);
      const state = frame?.kind === "state" ? decodeState(frame.payload) : null;
      if (state === null) return;
      Y.applyUpdate(doc, state.update, socket);
      resolve();
    });
  });
  return { doc, close: () => socket.close() };
}
