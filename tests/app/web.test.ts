import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { silentLog } from "../../src/base/log.ts";
import { serveWeb, type Web } from "../../src/app/web.ts";
import type { WebFiles } from "../../src/app/webfiles.ts";
import { createFakeHost } from "./fakehost.ts";

const HTML = { type: "text/html; charset=utf-8", body: Buffer.from("<p>Operon"), immutable: false };
const SCRIPT = { type: "text/javascript; charset=utf-8", body: Buffer.from("1"), immutable: true };
const files: WebFiles = {
  get: (path) => (path === "/" ? HTML : path === "/assets/a.js" ? SCRIPT : null),
};

let folder: string;
let web: Web;
let nowMs = 1_000_000;

async function start(): Promise<Web> {
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  return serveWeb({ folder, files, host: createFakeHost(), clock, log: silentLog });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "operon-web-"));
  web = await start();
});

afterEach(async () => {
  await web.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

function get(
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
  port = web.port,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: "127.0.0.1", port, path, method, headers, setHost: !("host" in headers) },
      (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    asked.on("error", reject).end();
  });
}

async function enter(): Promise<string> {
  const { searchParams } = new URL(web.newAddress());
  const answer = await get(`/?token=${searchParams.get("token")}`);
  return String(answer.headers["set-cookie"]).split(";", 1)[0] as string;
}

function upgrade(headers: Record<string, string>, path = "/socket"): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${web.port}${path}`, { headers });
    socket.on("open", () => {
      socket.close();
      resolve(101);
    });
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
    socket.on("error", () => undefined);
  });
}

test("the token is exchanged for a cookie that scripts and other sites do not get, and leaves the address", async () => {
  const address = new URL(web.newAddress());
  expect(address.hostname).toBe("127.0.0.1");
  const answer = await get(`/?token=${address.searchParams.get("token")}`);
  expect(answer.status).toBe(303);
  expect(answer.headers["location"]).toBe("/");
  expect(answer.headers["set-cookie"]).toEqual([
    expect.stringMatching(/; HttpOnly; SameSite=Strict; Path=\/; Max-Age=\d+$/),
  ]);
});

test("a token is good for one use; a new address brings another", async () => {
  const { search } = new URL(web.newAddress());
  expect((await get(`/${search}`)).status).toBe(303);
  expect((await get(`/${search}`)).status).toBe(401);
  expect((await get(`/${new URL(web.newAddress()).search}`)).status).toBe(303);
  expect((await get("/?token=guess")).status).toBe(401);
});

test("every path needs the cookie", async () => {
  const cookie = await enter();
  for (const path of ["/", "/assets/a.js"]) {
    expect((await get(path)).status).toBe(401);
    expect((await get(path, { cookie: `operon_${web.port}=wrong` })).status).toBe(401);
    expect((await get(path, { cookie })).status).toBe(200);
  }
});

test("a request line that is no address is a 400, and the next request is answered", async () => {
  const cookie = await enter();
  expect(await get("//", { cookie })).toMatchObject({
    status: 400,
    body: "This address cannot be read.\n",
  });
  expect((await get("/", { cookie })).status).toBe(200);
});

test("another host's name is refused, with the cookie and with a token", async () => {
  const cookie = await enter();
  for (const host of [
    "evil.example",
    `evil.example:${web.port}`,
    `localhost:${web.port}`,
    "127.0.0.1",
  ]) {
    expect((await get("/", { cookie, host })).status).toBe(403);
    expect((await get(`/${new URL(web.newAddress()).search}`, { host })).status).toBe(403);
  }
});

test("another origin is refused, with the cookie and with a token", async () => {
  const cookie = await enter();
  for (const origin of [
    "http://evil.example",
    "null",
    `http://127.0.0.1:${web.port + 1}`,
    `https://127.0.0.1:${web.port}`,
  ]) {
    expect((await get("/", { cookie, origin })).status).toBe(403);
    expect((await get(`/${new URL(web.newAddress()).search}`, { origin })).status).toBe(403);
  }
  expect((await get("/", { cookie, origin: `http://127.0.0.1:${web.port}` })).status).toBe(200);
});

test("a socket needs cookie, host and origin", async () => {
  const cookie = await enter();
  const origin = `http://127.0.0.1:${web.port}`;
  expect(await upgrade({ cookie, origin })).toBe(101);
  expect(await upgrade({ origin })).toBe(401);
  expect(await upgrade({ cookie })).toBe(403);
  expect(await upgrade({ cookie, origin: "http://evil.example" })).toBe(403);
  expect(await upgrade({ cookie, origin, host: "evil.example" })).toBe(403);
  expect(await upgrade({ cookie, origin }, "/other")).toBe(404);
  expect(await upgrade({ cookie: `${cookie.split("=")[0]}=guess`, origin })).toBe(401);
  // A token opens a page, once, and never a socket.
  const { search } = new URL(web.newAddress());
  expect(await upgrade({ origin }, `/socket${search}`)).toBe(401);
  expect((await get(`/${search}`)).status).toBe(303);
  expect(await upgrade({ origin }, `/socket${search}`)).toBe(401);
});

test("answers carry headers that keep other content out, and html is not cached", async () => {
  const cookie = await enter();
  const page = await get("/", { cookie });
  expect(page.headers["content-security-policy"]).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  );
  expect(page.headers["content-security-policy"]).not.toMatch(/unsafe|data:|blob:|\*/);
  expect(page.headers["x-content-type-options"]).toBe("nosniff");
  expect(page.headers["referrer-policy"]).toBe("no-referrer");
  expect(page.headers["cache-control"]).toBe("no-store");
  expect((await get("/assets/a.js", { cookie })).headers["cache-control"]).toMatch(/immutable/);
});

test("there is no way out of the folder, and nothing but reading", async () => {
  const cookie = await enter();
  for (const path of [
    "/../web.json",
    "/..%2fweb.json",
    "/%2e%2e/web.json",
    "/assets/../../web.json",
    "//etc/passwd",
  ]) {
    expect((await get(path, { cookie })).body).not.toMatch(/cookies|root:/);
  }
  expect((await get("/", { cookie }, "POST")).status).toBe(405);
});

test("port and cookie outlive the engine; the file that keeps them has only the cookie's hash and one reader", async () => {
  const cookie = await enter();
  const { port } = web;
  await web.close();
  web = await start();
  expect(web.port).toBe(port);
  expect(web.movedFrom).toBeNull();
  expect((await get("/", { cookie })).status).toBe(200);
  expect(await readFile(join(folder, "web.json"), "utf8")).not.toContain(cookie.split("=")[1]);
  expect((await stat(join(folder, "web.json"))).mode & 0o777).toBe(0o600);
});

test("a cookie ends after its days", async () => {
  const cookie = await enter();
  nowMs += 31 * 86_400_000;
  expect((await get("/", { cookie })).status).toBe(401);
});

test("a taken port is left for another one, which is kept; whoever took it has no use for the cookies it was sent", async () => {
  const { port } = web;
  const value = (await enter()).split("=")[1];
  await web.close();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
  web = await start();
  expect(web.movedFrom).toBe(port);
  const moved = web.port;
  expect((await get("/", { cookie: `operon_${moved}=${value}` })).status).toBe(401);
  await web.close();
  await new Promise((resolve) => other.close(resolve));
  web = await start();
  expect(web.port).toBe(moved);
});

test("a damaged memory is an empty one", async () => {
  await web.close();
  await writeFile(join(folder, "web.json"), "{");
  web = await start();
  expect(web.movedFrom).toBeNull();
});
