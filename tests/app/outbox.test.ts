import { expect, test } from "vitest";
import { createOutbox } from "../../src/app/outbox.ts";

function slowSocket() {
  const sent: unknown[] = [];
  let onSent: (() => void) | undefined;
  const socket = {
    readyState: 1 as const,
    bufferedAmount: 0,
    sent,
    send(data: unknown, done?: unknown) {
      sent.push(data);
      socket.bufferedAmount += String(data).length;
      onSent = done as () => void;
    },
    drain() {
      socket.bufferedAmount = 0;
      onSent?.();
    },
  };
  return socket;
}

test("a slow reader gets the newest of each, in the order of their last change, and all that must arrive", () => {
  const socket = slowSocket();
  const outbox = createOutbox(socket as never, 5);
  outbox.send("first!");
  expect(outbox.hasRoom()).toBe(false);
  for (const n of [1, 2, 3]) outbox.sendLatest("a", () => `a${n}`);
  outbox.sendLatest("b", () => "b");
  outbox.sendLatest(null, () => "x");
  outbox.sendLatest(null, () => "y");
  outbox.sendLatest("a", () => "a4");
  expect(socket.sent).toEqual(["first!"]);
  for (let i = 0; i < 5; i++) socket.drain();
  expect(socket.sent).toEqual(["first!", "b", "x", "y", "a4"]);
  expect(outbox.hasRoom()).toBe(true);
});
