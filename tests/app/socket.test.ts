import { writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { WebSocket } from "ws";
import { silentLog } from "../../src/base/log.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import type { HereRow, Progress, Push } from "../../src/app/api.ts";
import {
  decodeFrame,
  decodePlace,
  decodeState,
  encodeFrame,
  encodePlace,
  type DocFrame,
} from "../../src/app/channel.ts";
import { connectToEngine, type RemoteClient } from "../../src/app/remote.ts";
import { connectToSocket, listenOnSocket, type EngineSocket } from "../../src/app/socket.ts";
import { createFakeHost, type FakeHost } from "./fakehost.ts";

let folder: string;
let host: FakeHost;
let socket: EngineSocket;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "operon-socket-"));
  host = createFakeHost();
  socket = await listenOnSocket(folder, host, silentLog);
});

afterEach(async () => {
  await socket.close();
  await rm(folder, { recursive: true });
});

async function client(where = folder): Promise<RemoteClient> {
  const answer = await connectToEngine(where, 3_000);
  if (typeof answer === "string") throw new Error(answer);
  return answer;
}

test("only the user can open the socket", async () => {
  expect((await stat(join(folder, "engine.sock"))).mode & 0o777).toBe(0o600);
});

test("what is written while it begins to listen has its usual mode", async () => {
  const other = join(folder, "other");
  await mkdir(other);
  const listening = listenOnSocket(other, host, silentLog);
  writeFileSync(join(other, "beside"), "", { mode: 0o644 });
  await (await listening).close();
  expect((await stat(join(other, "beside"))).mode & 0o777).toBe(0o644 & ~process.umask());
});

test("a call is answered, a fault is a fault, progress comes to who asked", async () => {
  const remote = await client();
  const call = remote.call as (
    method: string,
    input: unknown,
    on?: (progress: Progress) => void,
  ) => Promise<unknown>;
  expect(await call("status", { a: 1 })).toEqual({ method: "status", input: { a: 1 } });
  await expect(call("fail", {})).rejects.toMatchObject({
    fault: { type: "nope", message: "A sentence." },
  });
  await expect(call("bug", {})).rejects.toMatchObject({ fault: { type: "bug" } });
  const heard: Progress[] = [];
  await call("slow", {}, (progress) => heard.push(progress));
  expect(heard).toEqual([{ done: 1, total: 2, what: "Working" }]);
  remote.close();
});

test("pushes come unasked, and calls in flight end when the engine does", async () => {
  const remote = await client();
  const heard = new Promise<Push>((resolve) => remote.subscribe(resolve));
  host.push({ topic: "session", id: "ses_1", rev: 2 });
  expect(await heard).toEqual({ topic: "session", id: "ses_1", rev: 2 });
  await socket.close();
  await remote.closed;
  await expect(remote.call("status", undefined)).rejects.toMatchObject({
    fault: { type: "engine-gone" },
  });
  socket = await listenOnSocket(folder, host, silentLog);
});

test("nobody listening is told from silence, and a socket file left behind is nobody", async () => {
  await socket.close();
  expect(await connectToEngine(folder, 3_000)).toBe("none");
  socket = await listenOnSocket(folder, host, silentLog);
});

test("a folder with a name longer than the kernel takes works", async () => {
  const deep = join(folder, "d".repeat(90), "e".repeat(90));
  await mkdir(deep, { recursive: true });
  const listening = await listenOnSocket(deep, host, silentLog);
  const remote = await client(deep);
  expect(await remote.call("status", undefined)).toMatchObject({ method: "status" });
  remote.close();
  await listening.close();
});

describe("documents", () => {
  /** A page: a document, and what came of its frames. */
  async function page(doc = new Y.Doc()) {
    const ws = new WebSocket("ws://localhost/socket", {
      createConnection: () => connectToSocket(folder),
    } as object);
    await new Promise((resolve) => ws.once("open", resolve));
    const frames: DocFrame[] = [];
    let wake = (): void => undefined;
    ws.on("message", (data: Buffer) => {
      frames.push(decodeFrame(data) as DocFrame);
      wake();
    });
    async function next(): Promise<DocFrame> {
      while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return frames.shift() as DocFrame;
    }
    return {
      doc,
      next,
      send: (kind: Parameters<typeof encodeFrame>[0], number = 0, payload?: Uint8Array) =>
        ws.send(encodeFrame(kind, "doc", number, payload)),
      /** Opens and makes both sides equal; answers the number of the acknowledged update. */
      async sync(): Promise<void> {
        ws.send(encodeFrame("open", "doc", 0, Y.encodeStateVector(doc)));
        const state = decodeState((await next()).payload) as { vector: Bytes; update: Bytes };
        Y.applyUpdate(doc, state.update);
        ws.send(encodeFrame("update", "doc", 7, Y.encodeStateAsUpdate(doc, state.vector)));
        expect(await next()).toMatchObject({ kind: "ack", number: 7 });
      },
      close: () => ws.close(),
    };
  }

  test("what a page typed while the engine was away arrives, and is kept before it is acknowledged", async () => {
    const a = await page();
    a.doc.getText("title").insert(0, "typed offline");
    await a.sync();
    expect(host.log).toHaveLength(1);
    const b = await page();
    await b.sync();
    expect(b.doc.getText("title").toString()).toBe("typed offline");
    a.close();
    b.close();
  });

  test("a page's change reaches the other page, not itself; what changes nothing is not kept", async () => {
    const a = await page();
    const b = await page();
    await a.sync();
    await b.sync();
    a.doc.getText("title").insert(0, "x");
    a.send("update", 9, Y.encodeStateAsUpdate(a.doc));
    expect(await a.next()).toMatchObject({ kind: "ack", number: 9 });
    expect(await b.next()).toMatchObject({ kind: "update" });
    const kept = host.log.length;
    a.send("update", 10, Y.encodeStateAsUpdate(a.doc));
    expect(await a.next()).toMatchObject({ kind: "ack", number: 10 });
    expect(host.log).toHaveLength(kept);
    a.close();
    b.close();
  });

  const NOWHERE = { field: null, caret: null };
  const inField = (field: string) => {
    const end = new Uint8Array([1, 2, 3]);
    return { field, caret: { anchor: end, head: end } };
  };

  test("a page tells where it is, the newest move counts, and what closes is nowhere", async () => {
    const [a, b] = [await page(), await page()];
    await a.sync();
    await b.sync();
    const told = async (count: number) => {
      while (host.places.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
      return host.places.at(-1)?.place;
    };
    a.send("place", 0, encodePlace(inField("title")));
    expect(await told(1)).toEqual(inField("title"));
    b.send("place", 0, encodePlace(inField("context")));
    expect(await told(2)).toEqual(inField("context"));
    b.send("close");
    expect(await told(3)).toEqual(inField("title"));
    a.close();
    expect(await told(4)).toEqual(NOWHERE);
    b.close();
  });

  test("a place that is cut is none, and one that is too long is left out", () => {
    const whole = encodePlace(inField("title"));
    expect(decodePlace(whole)).toEqual(inField("title"));
    for (let end = 0; end < whole.length; end++)
      expect(decodePlace(whole.subarray(0, end))).toBe(null);
    expect(decodePlace(new Uint8Array([1, 255, 0, 0]))).toBe(null);
    expect(decodePlace(encodePlace(inField("x".repeat(256))))).toEqual(NOWHERE);
  });

  test("who else is there is told to every page that has the document open, later ones too", async () => {
    const [a, b] = [await page(), await page()];
    await a.sync();
    const device = (id: string, field: string, email: string) => ({
      device: id.repeat(32),
      member: email[0] as string,
      person: { name: "a laptop", email },
      ...inField(field),
    });
    host.here("doc" as DocId, [
      device("1", "title", "ben@example.org"),
      device("2", "context", "ben@example.org"),
      device("3", "context", "cyd@example.org"),
    ]);
    const rows = JSON.parse(String(Buffer.from((await a.next()).payload))) as HereRow[];
    expect(rows).toEqual([
      expect.objectContaining({ email: "ben@example.org", devices: 2, field: "title", you: false }),
      expect.objectContaining({ email: "cyd@example.org", devices: 1, field: "context" }),
    ]);
    expect(rows[0]?.caret).toEqual({ anchor: "AQID", head: "AQID" });
    b.send("open", 0, new Uint8Array([0]));
    expect([(await b.next()).kind, (await b.next()).kind].toSorted()).toEqual(["here", "state"]);
    host.here("doc" as DocId, []);
    expect(String(Buffer.from((await a.next()).payload))).toBe("[]");
    a.close();
    b.close();
  });

  test("deletes made while the engine was away arrive too", async () => {
    const a = await page();
    a.doc.getText("title").insert(0, "abc");
    await a.sync();
    a.doc.getText("title").delete(1, 1);
    await a.sync();
    const b = await page();
    await b.sync();
    expect(b.doc.getText("title").toString()).toBe("ac");
    a.close();
    b.close();
  });

  test("a change that cannot be kept is refused, not acknowledged", async () => {
    const a = await page();
    await a.sync();
    host.breakDisk();
    a.doc.getText("title").insert(0, "lost?");
    a.send("update", 11, Y.encodeStateAsUpdate(a.doc));
    const answer = await a.next();
    expect(answer.kind).toBe("refused");
    expect(JSON.parse(Buffer.from(answer.payload).toString())).toMatchObject({ type: "disk-full" });
    a.close();
  });

  test("a document that is not there, and bytes that are no change, are refused", async () => {
    const a = await page();
    await a.sync();
    a.send("update", 1, new Uint8Array([9, 9, 9]));
    expect(await a.next()).toMatchObject({ kind: "refused" });
    a.send("update", 2, Y.encodeStateAsUpdate(a.doc));
    expect(await a.next()).toMatchObject({ kind: "refused" });
    a.close();
  });
});
