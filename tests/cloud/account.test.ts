import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../src/base/secret.ts";
import { systemClock } from "../../src/base/clock.ts";
import { unwrap } from "../../src/base/result.ts";
import { currentAccount, signIn, signOut, signUp } from "../../src/cloud/account.ts";
import { type Connection, connect, sessionName } from "../../src/cloud/connection.ts";
import { createTeamServer } from "../../src/cloud/team-server.ts";
import type { TeamId } from "../../src/base/ids.ts";
import {
  connectTo,
  memorySecrets,
  newAccount,
  PASSWORD,
  startServer,
  type TestServer,
} from "./server.ts";

const TEAM = "team_0123456789ABCDEFGHJKMNPQRS" as TeamId;
/** Any call. */
const ask = (connection: Connection) => createTeamServer(connection).readLog(TEAM, 0);
let server: TestServer;
beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(() => server.close());

/** Sends until the other side has enough. */
function endless(response: ServerResponse): void {
  const spaces = Buffer.alloc(1024 * 1024, " ");
  const source = new Readable({
    read() {
      this.push(spaces);
    },
  });
  pipeline(source, response, () => undefined);
}

/** To a server that is not there. */
function moveSession(held: Map<string, string>): void {
  held.set(sessionName("http://127.0.0.1:9"), held.get(sessionName(server.url)) as string);
}

describe("an account", () => {
  it("is made and signed in at once, and the token opens it again without a network", async () => {
    const secrets = memorySecrets();
    const first = connectTo(server, secrets);
    const account = unwrap(await signUp(first, " Ann@Example.org ", PASSWORD));
    expect(account.email).toBe("ann@example.org");
    await first.close();
    moveSession(secrets.held);

    const offline = connectTo({ url: "http://127.0.0.1:9", anonKey: server.anonKey }, secrets);
    expect(await currentAccount(offline)).toEqual({ ...account, url: "http://127.0.0.1:9" });
    const asked = await ask(offline);
    expect(asked).toMatchObject({ ok: false, fault: { type: "no-network" } });
    await offline.close();
  });

  it("renews an expired token by itself and keeps the new one", async () => {
    const secrets = memorySecrets();
    const first = connectTo(server, secrets);
    unwrap(await signUp(first, "bea@example.org", PASSWORD));
    await first.close();
    const session = JSON.parse(secrets.held.get(sessionName(server.url)) as string) as {
      refresh_token: string;
    };
    secrets.held.set(
      sessionName(server.url),
      JSON.stringify({ ...session, access_token: "expired", expires_at: 1 }),
    );
    const second = connectTo(server, secrets);
    expect(await ask(second)).toMatchObject({
      ok: false,
      fault: { type: "not-a-member" },
    });
    const renewed = JSON.parse(secrets.held.get(sessionName(server.url)) as string) as {
      refresh_token: string;
      expires_at: number;
    };
    expect(renewed.refresh_token).not.toBe(session.refresh_token);
    expect(renewed.expires_at).toBeGreaterThan(systemClock.nowMs() / 1000);
    await second.close();
  });

  it("an expired token without a network says so at once and stays", async () => {
    const secrets = memorySecrets();
    const first = connectTo(server, secrets);
    unwrap(await signUp(first, "cleo@example.org", PASSWORD));
    await first.close();
    secrets.held.set(
      sessionName(server.url),
      JSON.stringify({
        ...JSON.parse(secrets.held.get(sessionName(server.url)) as string),
        expires_at: 1,
      }),
    );
    moveSession(secrets.held);
    const offline = connectTo({ url: "http://127.0.0.1:9", anonKey: server.anonKey }, secrets);
    const startedMs = performance.now();
    expect(await ask(offline)).toMatchObject({
      ok: false,
      fault: { type: "no-network" },
    });
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect(await currentAccount(offline)).toMatchObject({ email: "cleo@example.org" });
    await offline.close();
  });

  it("is gone from this machine after sign-out, and says how to come back", async () => {
    const { connection } = await newAccount(server, "dan@example.org");
    await signOut(connection);
    expect(await currentAccount(connection)).toBeNull();
    expect(await ask(connection)).toMatchObject({
      ok: false,
      fault: { type: "signed-out", message: expect.stringContaining("operon login") },
    });
    await connection.close();
  });

  it.each([
    [
      "a wrong password",
      "wrong-password",
      () => signIn(connectTo(server), "ann@example.org", new Secret("something else")),
    ],
    [
      "an unknown account",
      "wrong-password",
      () => signIn(connectTo(server), "zoe@example.org", PASSWORD),
    ],
    [
      "a second account of one address",
      "user_already_exists",
      () => signUp(connectTo(server), "ann@example.org", PASSWORD),
    ],
    [
      "a weak password",
      "weak_password",
      () => signUp(connectTo(server), "zoe@example.org", new Secret("short")),
    ],
    [
      "another server's key",
      "wrong-key",
      () => signIn(connectTo({ url: server.url, anonKey: "a.b.c" }), "ann@example.org", PASSWORD),
    ],
    [
      "no network",
      "no-network",
      () =>
        signIn(connectTo({ url: "http://127.0.0.1:9", anonKey: "k" }), "ann@example.org", PASSWORD),
    ],
  ] as const)("%s is a sentence", async (_name, type, attempt) => {
    const result = await attempt();
    expect(result).toMatchObject({
      ok: false,
      fault: { type, message: expect.stringMatching(/^[A-Z1].{40,}\.$/) },
    });
  });
});

describe("an address", () => {
  it.each([
    "https://abc.supabase.co",
    "http://127.0.0.1:8080",
    "http://localhost:8080",
    "http://[::1]:8080",
  ])("%s is spoken to", (url) => {
    expect(connect({ url, key: "k", secrets: memorySecrets(), clock: systemClock }).ok).toBe(true);
  });

  it.each([
    "http://example.org",
    "http://192.168.0.4:8080",
    "http://127.0.0.1.example.org",
    "http://localhost.example.org",
    "ws://example.org",
    "ftp://127.0.0.1",
    "nothing",
  ])("%s is refused before anything is sent", (url) => {
    expect(connect({ url, key: "k", secrets: memorySecrets(), clock: systemClock })).toMatchObject({
      ok: false,
      fault: { type: "address" },
    });
  });
});

describe("a request", () => {
  it("does not say which version of Node or of a library runs here", async () => {
    const asked: string[] = [];
    const listening = createServer((request, response) => {
      asked.push(request.rawHeaders.join("\n"));
      response.end("{}");
    });
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    const connection = connectTo({ url, anonKey: "k" });
    await signIn(connection, "ann@example.org", PASSWORD);
    await connection.close();
    listening.close();
    expect(asked).toHaveLength(1);
    expect(asked[0]).not.toContain(process.versions.node);
    expect(asked[0]).not.toMatch(/supabase-js|gotrue-js|runtime/);
  });
});

describe("a server that answers nonsense", () => {
  const html: RequestListener = (_request, response) =>
    response.setHeader("content-type", "text/html").end("<!doctype html><title>Welcome</title>");
  const status =
    (code: number, body: string): RequestListener =>
    (_request, response) => {
      response.statusCode = code;
      response.end(body);
    };
  const cases: readonly (readonly [string, string, RequestListener])[] = [
    ["HTML", "nonsense", html],
    ["HTML with 404", "nonsense", status(404, "<h1>Not found</h1>")],
    ["JSON that stops in the middle", "nonsense", status(200, '{"access_token":"abc","refr')],
    ["nothing at all", "nonsense", status(200, "")],
    ["an empty object", "nonsense", status(200, "{}")],
    ["a list", "nonsense", status(200, "[1,2]")],
    ["null", "nonsense", status(200, "null")],
    [
      "tokens of other types",
      "nonsense",
      status(200, '{"access_token":{"a":1},"refresh_token":[],"expires_in":"x","user":7}'),
    ],
    [
      "a session without a user",
      "nonsense",
      status(
        200,
        '{"access_token":"a","refresh_token":"b","expires_in":3600,"token_type":"bearer"}',
      ),
    ],
    ["an error of another make", "nonsense", status(400, '{"oops":true}')],
    [
      "a redirect",
      "no-network",
      (_request, response) => response.writeHead(302, { location: "https://example.org" }).end(),
    ],
    ["500", "server-failed", status(500, "boom")],
    ["500 as JSON", "server-failed", status(500, '{"message":"boom"}')],
    ["429", "too-often", status(429, '{"msg":"slow down"}')],
    ["429 of something in between", "too-often", status(429, "<h1>Slow down</h1>")],
    ["an answer without an end", "answer-too-large", (_request, response) => endless(response)],
    ["a connection that breaks", "no-network", (request) => request.socket.destroy()],
  ];

  async function serving<T>(
    listener: RequestListener,
    work: (url: string) => Promise<T>,
  ): Promise<T> {
    const fake: Server = createServer(listener).listen(0, "127.0.0.1");
    await once(fake, "listening");
    try {
      return await work(`http://127.0.0.1:${(fake.address() as AddressInfo).port}`);
    } finally {
      fake.closeAllConnections();
      fake.close();
    }
  }

  it.each(cases)(
    "%s: a sentence at sign-in, and nothing is kept",
    async (_name, type, listener) => {
      await serving(listener, async (url) => {
        const secrets = memorySecrets();
        const connection = connectTo({ url, anonKey: "key" }, secrets);
        expect(await signIn(connection, "ann@example.org", PASSWORD)).toMatchObject({
          ok: false,
          fault: { type, message: expect.stringContaining("127.0.0.1") },
        });
        expect([...secrets.held.keys()]).toEqual([]);
        await connection.close();
      });
    },
  );

  it.each(cases)(
    "%s: a sentence at a call, and the account stays",
    async (_name, type, listener) => {
      const { connection, account } = await newAccount(server, `call-${Math.random()}@example.org`);
      const session = await connection.stored();
      await connection.close();
      await serving(listener, async (url) => {
        const secrets = memorySecrets();
        secrets.held.set(
          sessionName(url),
          JSON.stringify({ ...session, token_type: "bearer", expires_in: 3600 }),
        );
        const other = connectTo({ url, anonKey: "key" }, secrets);
        expect(await ask(other)).toMatchObject({ ok: false, fault: { type } });
        expect(await currentAccount(other)).toMatchObject({ id: account.id });
        await other.close();
      });
    },
  );
});

it("a closed connection does not keep a process alive, channel or not", async () => {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("quits.ts", import.meta.url)), server.url, server.anonKey],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const out: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
  expect(Number(Buffer.concat(out).toString())).toBeLessThan(1500);
}, 30_000);
