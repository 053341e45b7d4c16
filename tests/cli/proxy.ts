/**
 * Stands between devices and a relay: keeps every byte that the relay is sent, can lose an answer, and lets the relay
 * come back at another port while the devices' address stays the same.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer, type RawData } from "ws";

export interface Proxy {
  readonly url: string;
  /** From now on requests go there. */
  target(url: string): void;
  /** What was received, but the bodies of signing in: a password must stand there, and nowhere else. */
  received(): Buffer;
  /** The next call of this function is never done, and its caller never hears. Resolves when it came. */
  loseCall(name: string): Promise<void>;
  /** The next call of this function is done, and its caller never hears. Resolves when it was done. */
  loseAnswer(name: string): Promise<void>;
  /** Ends all connections, as the end of the relay would. */
  hangUp(): void;
  close(): Promise<void>;
}

/** Is told of everything as it passes. */
export interface Tap {
  request(asked: {
    readonly method: string;
    readonly url: string;
    readonly rawHeaders: readonly string[];
    readonly body: Buffer;
  }): void;
  frame(from: "device" | "relay", data: Buffer, binary: boolean): void;
}

/** Where the account's password is sent. */
const SIGNING_IN = /^\/auth\/v1\/(?:signup|token\?grant_type=password)/;

export async function startProxy(tap?: Tap): Promise<Proxy> {
  const received: Buffer[] = [];
  let target = new URL("http://127.0.0.1:1");
  let lost: { readonly path: string; readonly done: boolean; tell(): void } | null = null;

  const lose = (name: string, done: boolean): Promise<void> =>
    new Promise((tell) => (lost = { path: `/rest/v1/rpc/${name}`, done, tell }));

  /** Is this to be lost here? Then it is told, and nobody answers. */
  function loses(url: string, done: boolean): boolean {
    if (lost === null || lost.path !== url || lost.done !== done) return false;
    lost.tell();
    lost = null;
    return true;
  }

  const server = createServer((asked, answer) => {
    void readAll(asked).then((body) => pass(asked, body, answer));
  });

  function pass(asked: IncomingMessage, body: Buffer, answer: ServerResponse): void {
    const { method = "GET", url = "/", rawHeaders } = asked;
    tap?.request({ method, url, rawHeaders, body });
    received.push(Buffer.from(`${method} ${url}\n${rawHeaders.join("\n")}\n`));
    if (!SIGNING_IN.test(url)) received.push(body);
    if (loses(url, false)) return;
    const onward = request(
      {
        host: target.hostname,
        port: target.port,
        method,
        path: url,
        headers: { ...asked.headers, host: target.host },
      },
      (response) => {
        void readAll(response).then((bytes) => {
          if (loses(url, true)) return;
          answer.writeHead(response.statusCode ?? 502, response.headers).end(bytes);
        });
      },
    );
    // As if nobody listened there.
    onward.on("error", () => answer.destroy());
    onward.end(body);
  }

  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (asked, socket, head) => {
    const { method = "GET", url = "/", rawHeaders } = asked;
    tap?.request({ method, url, rawHeaders, body: Buffer.alloc(0) });
    received.push(Buffer.from(`${url}\n${rawHeaders.join("\n")}\n`));
    sockets.handleUpgrade(asked, socket, head, (client) => {
      const relay = new WebSocket(`ws://${target.host}${url}`);
      const waiting: RawData[] = [];
      client.on("message", (data, binary) => {
        received.push(Buffer.from(data as Buffer));
        tap?.frame("device", Buffer.from(data as Buffer), binary);
        if (relay.readyState === WebSocket.OPEN) relay.send(data, { binary });
        else waiting.push(data);
      });
      relay.on("open", () => waiting.forEach((data) => relay.send(data, { binary: false })));
      relay.on("message", (data, binary) => {
        tap?.frame("relay", Buffer.from(data as Buffer), binary);
        client.send(data, { binary });
      });
      for (const [one, other] of [
        [client, relay],
        [relay, client],
      ] as const) {
        one.on("close", () => other.terminate());
        one.on("error", () => undefined);
      }
    });
  });

  function hangUp(): void {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: (url) => void (target = new URL(url)),
    received: () => Buffer.concat(received.flatMap((part) => [part, Buffer.from("\n")])),
    loseCall: (name) => lose(name, false),
    loseAnswer: (name) => lose(name, true),
    hangUp,
    async close() {
      hangUp();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readAll(stream: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("close", () => resolve(Buffer.concat(chunks)));
  });
}
