/** What goes to one socket, when its reader may be slow. */
import type { WebSocket } from "ws";

export interface Outbox {
  /** In order, always. For what must arrive. */
  send(data: string | Uint8Array): void;
  /**
   * Now when there is room; else when there is, and only the newest of a key. `make` is called when it is sent.
   * A null key is never replaced.
   */
  sendLatest(key: string | null, make: () => string | Uint8Array): void;
  hasRoom(): boolean;
}

const ROOM_BYTES = 1024 * 1024;

export function createOutbox(
  socket: Pick<WebSocket, "send" | "bufferedAmount" | "readyState">,
  roomBytes = ROOM_BYTES,
): Outbox {
  const waiting = new Map<string, () => string | Uint8Array>();
  let unkeyed = 0;

  const hasRoom = (): boolean => socket.bufferedAmount < roomBytes && waiting.size === 0;
  const send = (data: string | Uint8Array): void => {
    if (socket.readyState === OPEN) socket.send(data, flush);
  };
  function flush(): void {
    for (const [key, make] of waiting) {
      if (socket.bufferedAmount >= roomBytes) return;
      waiting.delete(key);
      send(make());
    }
  }

  return {
    send,
    hasRoom,
    sendLatest(key, make) {
      if (hasRoom()) return send(make());
      const slot = key ?? `#${unkeyed++}`;
      waiting.delete(slot);
      waiting.set(slot, make);
      if (socket.bufferedAmount === 0) flush();
    },
  };
}

const OPEN = 1;
