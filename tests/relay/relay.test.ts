import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type AccountParts, type Accounts, createAccounts } from "../../relay/accounts.ts";
import { createRateLimit } from "../../relay/rate-limit.ts";
import { type Relay, startRelay } from "../../relay/server.ts";
import type { Clock } from "../../src/base/clock.ts";
import { silentLog, type LogFields } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { founding } from "../rls/entries.ts";
import { device, deviceOf, row } from "../rls/world.ts";
import { dumpRelay, spawnRelay } from "./process.ts";

const PASSWORD = "correct horse battery";
/** Of which there is nothing. */
const NO_TEAM = "team_0123456789ABCDEFGHJKMNPQRS";
let offsetMs = 0;
const clock: Clock = {
  nowMs: () => Date.now() + offsetMs,
  monotonicMs: () => performance.now() + offsetMs,
};
const logged: LogFields[] = [];
const clients: SupabaseClient[] = [];
let folder: string;
let relay: Relay;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "relay-"));
  relay = await startRelay({
    dataFolder: join(folder, "data"),
    port: 0,
    host: "127.0.0.1",
    clock,
    random: systemRandom,
    log: (_level, event, fields) => logged.push({ event, ...fields }),
  });
}, 60_000);

afterEach(() => {
  offsetMs = 0;
});

afterAll(async () => {
  for (const client of clients) {
    await client.auth.stopAutoRefresh();
    void client.realtime.disconnect();
  }
  await relay.close();
  await rm(folder, { recursive: true, force: true });
});

function client(at: { url: string; anonKey: string } = relay, realtime = {}): SupabaseClient {
  const made = createClient(at.url, at.anonKey, {
    auth: { persistSession: false, storageKey: randomBytes(8).toString("hex") },
    realtime,
  });
  clients.push(made);
  return made;
}

async function person(
  name: string,
  at?: { url: string; anonKey: string },
  realtime = {},
): Promise<SupabaseClient> {
  const made = client(at, realtime);
  const { error } = await made.auth.signUp({ email: `${name}@example.org`, password: PASSWORD });
  expect(error).toBeNull();
  return made;
}

async function signedIn(name: string, realtime = {}): Promise<SupabaseClient> {
  const made = client(relay, realtime);
  const { error } = await made.auth.signInWithPassword({
    email: `${name}@example.org`,
    password: PASSWORD,
  });
  expect(error).toBeNull();
  return made;
}

/** `of`: by whose device. */
async function team(owner: SupabaseClient, of: "olga" | "stan" = "olga"): Promise<string> {
  const account = (await owner.auth.getUser()).data.user?.id as string;
  const { team: id, items } = founding(device(of), account);
  await call(owner, "cloud_log_append", { team: id, listed: 0, entries: items });
  return id;
}

async function call(by: SupabaseClient, name: string, input: object): Promise<unknown> {
  const { data, error } = await by.rpc(name, input);
  expect(error).toBeNull();
  return data;
}

type Event = { status?: string; reason?: string; event?: string; payload?: unknown };

/** Joins a channel and hands out what happens there, one after the other. */
function listen(by: SupabaseClient, topic: string, isPrivate = true) {
  const events: Event[] = [];
  const waiting: ((event: Event) => void)[] = [];
  const happened = (event: Event) => {
    const next = waiting.shift();
    if (next) next(event);
    else events.push(event);
  };
  const channel = by.channel(topic, { config: { private: isPrivate } });
  channel
    .on("broadcast", { event: "*" }, ({ event, payload }) => happened({ event, payload }))
    .subscribe((status, error) =>
      happened({ status, ...(error ? { reason: error.message } : {}) }),
    );
  return {
    channel,
    events,
    next: () => {
      const event = events.shift();
      return event
        ? Promise.resolve(event)
        : new Promise<Event>((resolve) => waiting.push(resolve));
    },
  };
}

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${relay.url}${path}`, {
    method: "POST",
    body,
    headers: { apikey: relay.anonKey, "content-type": "application/json", ...headers },
  });

describe("accounts", () => {
  it("sign-up signs in at once; the second with the same address is refused, whatever its case", async () => {
    const alice = await person("alice");
    expect((await alice.auth.getUser()).data.user?.email).toBe("alice@example.org");
    const { error } = await client().auth.signUp({
      email: "Alice@Example.org",
      password: PASSWORD,
    });
    expect(error?.code).toBe("user_already_exists");
  });

  it("a wrong password and an unknown account get the same answer", async () => {
    await person("bert");
    const wrong = await client().auth.signInWithPassword({
      email: "bert@example.org",
      password: "something else",
    });
    const unknown = await client().auth.signInWithPassword({
      email: "nobody@example.org",
      password: "something else",
    });
    expect(wrong.error?.code).toBe("invalid_credentials");
    expect(unknown.error).toEqual(wrong.error);
    const right = await client().auth.signInWithPassword({
      email: "bert@example.org",
      password: PASSWORD,
    });
    expect(right.error).toBeNull();
  });

  it("ten wrong passwords and the eleventh attempt has to wait, even with the right one", async () => {
    await person("carl");
    for (let i = 0; i < 10; i++)
      await client().auth.signInWithPassword({ email: "carl@example.org", password: "wrong" });
    const limited = await client().auth.signInWithPassword({
      email: "carl@example.org",
      password: PASSWORD,
    });
    expect(limited.error?.status).toBe(429);
    offsetMs = 6 * 60_000;
    expect(
      (await client().auth.signInWithPassword({ email: "carl@example.org", password: PASSWORD }))
        .error,
    ).toBeNull();
  }, 180_000);

  it("a short password is refused as weak", async () => {
    const { error } = await client().auth.signUp({
      email: "short@example.org",
      password: "seven77",
    });
    expect(error?.code).toBe("weak_password");
  });

  const tokenOf = async (by: SupabaseClient) =>
    (await by.auth.getSession()).data.session?.refresh_token as string;
  const refresh = (token: string) =>
    post("/auth/v1/token?grant_type=refresh_token", JSON.stringify({ refresh_token: token }));
  const refreshed = async (token: string) =>
    ((await (await refresh(token)).json()) as { refresh_token: string }).refresh_token;

  it("a refresh token is used once; again within a minute is forgiven, later it ends the session", async () => {
    const first = await tokenOf(await person("dora"));
    const second = await refreshed(first);
    expect(second).not.toBe(first);
    expect((await refresh(first)).status).toBe(200);
    expect((await refresh(second)).status).toBe(200);
    offsetMs = 61_000;
    const reused = await refresh(first);
    expect([reused.status, ((await reused.json()) as { error_code: string }).error_code]).toEqual([
      400,
      "refresh_token_already_used",
    ]);
    expect((await refresh(second)).status).toBe(400);
  });

  it("a device that never got the answer is answered again, however late; who took the answer has nothing of it", async () => {
    const first = await tokenOf(await person("dina"));
    const lost = await refreshed(first);
    offsetMs = 20 * 24 * 3_600_000;
    const second = await refreshed(first);
    const late = await refresh(lost);
    expect([late.status, ((await late.json()) as { error_code: string }).error_code]).toEqual([
      400,
      "refresh_token_not_found",
    ]);
    expect((await refresh(second)).status).toBe(200);
  });

  it("of tokens that were used long ago, and of sessions that nobody refreshes, nothing is kept", async () => {
    const code = async (token: string) =>
      ((await (await refresh(token)).json()) as { error_code?: string }).error_code;
    const [first, forgotten] = [await tokenOf(await person("doug")), await signedIn("doug")];
    const second = await refreshed(first);
    offsetMs = 31 * 24 * 3_600_000;
    const third = await refreshed(second);
    // No longer known as one that was used.
    expect(await code(first)).toBe("refresh_token_not_found");
    offsetMs = 181 * 24 * 3_600_000;
    const other = await tokenOf(await signedIn("doug"));
    expect(await code(await tokenOf(forgotten))).toBe("refresh_token_not_found");
    for (const token of [third, other]) expect(await code(token)).toBeUndefined();
  });

  it("an expired token calls nothing", async () => {
    const eva = await person("eva");
    const token = (await eva.auth.getSession()).data.session?.access_token as string;
    const ask = () =>
      post("/rest/v1/rpc/cloud_log_read", JSON.stringify({ team: NO_TEAM, after: 0 }), {
        authorization: `Bearer ${token}`,
      });
    expect((await ask()).status).toBe(400);
    offsetMs = 3_601_000;
    const late = await ask();
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([
      401,
      "PGRST301",
    ]);
  });

  it("after sign-out the refresh token and the user are gone", async () => {
    const finn = await person("finn");
    const session = (await finn.auth.getSession()).data.session;
    expect((await finn.auth.signOut()).error).toBeNull();
    const refreshed = await post(
      "/auth/v1/token?grant_type=refresh_token",
      JSON.stringify({ refresh_token: session?.refresh_token }),
    );
    expect(refreshed.status).toBe(400);
    const user = await fetch(`${relay.url}/auth/v1/user`, {
      headers: { apikey: relay.anonKey, authorization: `Bearer ${session?.access_token}` },
    });
    expect(user.status).toBe(403);
  });
});

describe("another password", () => {
  const NEXT = "battery horse correct";
  const asking = async (by: SupabaseClient, body: object) => {
    const { data } = await by.auth.getSession();
    const answer = await fetch(`${relay.url}/auth/v1/user`, {
      method: "PUT",
      body: JSON.stringify(body),
      headers: {
        apikey: relay.anonKey,
        authorization: `Bearer ${data.session?.access_token}`,
      },
    });
    return [answer.status, ((await answer.json()) as { error_code?: string }).error_code];
  };

  it("is the account's from then on, and ends its other sessions", async () => {
    const [here, elsewhere] = [await person("pia"), await signedIn("pia")];
    const { error } = await here.auth.updateUser({ password: NEXT, current_password: PASSWORD });
    expect(error).toBeNull();
    expect((await here.auth.refreshSession()).error).toBeNull();
    const call = (by: SupabaseClient) => by.rpc("cloud_log_read", { team: NO_TEAM, after: 0 });
    expect([(await call(here)).status, (await call(elsewhere)).status]).toEqual([400, 401]);
    expect((await elsewhere.auth.refreshSession()).error?.code).toBe("refresh_token_not_found");
    const credentials = { email: "pia@example.org" };
    const signIn = (password: string) =>
      client().auth.signInWithPassword({ ...credentials, password });
    expect((await signIn(PASSWORD)).error?.code).toBe("invalid_credentials");
    expect((await signIn(NEXT)).error).toBeNull();
  });

  it("is set by nobody who does not know the one so far, and is none that a sign-up would not take", async () => {
    const quinn = await person("quinn");
    for (const [body, answer] of [
      [{ password: NEXT }, [400, "validation_failed"]],
      [{ current_password: PASSWORD }, [400, "validation_failed"]],
      [{ email: "other@example.org", current_password: PASSWORD }, [400, "validation_failed"]],
      [{ password: NEXT, current_password: "a guess" }, [400, "current_password_invalid"]],
      [{ password: NEXT, current_password: "x".repeat(2000) }, [400, "current_password_invalid"]],
      [{ password: "seven77", current_password: PASSWORD }, [422, "weak_password"]],
      [{ password: "x".repeat(2000), current_password: PASSWORD }, [422, "weak_password"]],
      [{ password: PASSWORD, current_password: PASSWORD }, [422, "same_password"]],
    ] as const)
      expect(await asking(quinn, body), JSON.stringify(body).slice(0, 80)).toEqual(answer);
    expect((await signedIn("quinn")).auth).toBeDefined();
  });

  it("guesses at the one so far count like those of a sign-in", async () => {
    const rosa = await person("rosa");
    const guess = { password: NEXT, current_password: "a guess" };
    for (let i = 0; i < 10; i++) expect((await asking(rosa, guess))[0]).toBe(400);
    expect((await asking(rosa, { ...guess, current_password: PASSWORD }))[0]).toBe(429);
  });

  it("is not set by a session that is over", async () => {
    const [here, gone] = [await person("sam"), await signedIn("sam")];
    expect((await here.auth.signOut({ scope: "others" })).error).toBeNull();
    expect(await asking(gone, { password: NEXT, current_password: PASSWORD })).toEqual([
      403,
      "session_not_found",
    ]);
  });
});

describe("limits", () => {
  const DERIVING = new Promise<never>(() => undefined);
  function accounts(passwords: AccountParts["passwords"]): Accounts {
    return createAccounts({
      database: { query: async () => [] } as unknown as AccountParts["database"],
      tokens: {} as AccountParts["tokens"],
      attempts: createRateLimit(clock),
      clock,
      random: systemRandom,
      passwords,
    });
  }

  it.each([
    ["127.0.0.1", 400],
    ["::1", 400],
    ["::ffff:127.0.0.1", 400],
    ["203.0.113.9", 429],
  ])("after 100 wrong passwords from %s the next attempt gets %i", async (address, status) => {
    const { signIn } = accounts({ hash: () => DERIVING, verify: async () => false });
    for (let i = 0; i < 100; i++)
      await expect(
        signIn({ email: `u${i}@example.org`, password: PASSWORD }, address),
      ).rejects.toMatchObject({ status: 400 });
    await expect(
      signIn({ email: "other@example.org", password: PASSWORD }, address),
    ).rejects.toMatchObject({ status });
  });

  it("of a hundred guesses at once ten are tried", async () => {
    let tried = 0;
    let answer: (right: boolean) => void = () => undefined;
    const deriving = new Promise<boolean>((resolve) => (answer = resolve));
    const { signIn } = accounts({
      hash: () => DERIVING,
      verify: async (_password, stored) => (tried++, (await deriving) && stored !== null),
    });
    const guess = () => signIn({ email: "victim@example.org", password: PASSWORD }, "::1");
    const asked = Promise.allSettled(Array.from({ length: 100 }, guess));
    await expect(guess()).rejects.toMatchObject({ status: 429 });
    answer(false);
    const statuses = (await asked).map((one) => one.status === "rejected" && one.reason.status);
    expect([tried, statuses.filter((status) => status === 400).length]).toEqual([10, 10]);
  });

  it("an attempt that could not be checked counts for nothing", async () => {
    const busy = { status: 429 };
    const { signIn } = accounts({ hash: () => DERIVING, verify: () => Promise.reject(busy) });
    const guess = () => signIn({ email: "victim@example.org", password: PASSWORD }, "::1");
    for (let i = 0; i < 20; i++) await expect(guess()).rejects.toBe(busy);
  });

  it("a password that is too long is wrong, costs no Argon2id, counts for nothing and pushes out no count", async () => {
    let tried = 0;
    const { signIn } = accounts({
      hash: () => DERIVING,
      verify: async () => (tried++, false),
    });
    const guess = (name: string, password: string) =>
      signIn({ email: `${name}@example.org`, password }, "203.0.113.9");
    for (let i = 0; i < 10; i++)
      await expect(guess("victim", PASSWORD)).rejects.toMatchObject({ status: 400 });
    const long = "x".repeat(1025);
    for (let i = 0; i < 10_000; i++)
      await expect(guess(`u${i}`, long)).rejects.toMatchObject({ status: 400 });
    await expect(guess("victim", PASSWORD)).rejects.toMatchObject({ status: 429 });
    await expect(guess("other", PASSWORD)).rejects.toMatchObject({ status: 400 });
    expect(tried).toBe(11);
  });

  it("counts end with their time, never for others' sake: without room new ones are refused", () => {
    const attempts = createRateLimit(clock, 2);
    const begin = (key: string) => attempts.begin([{ key, failuresAllowed: 1 }]);
    const first = begin("first");
    expect([begin("second"), begin("third"), begin("first")]).toMatchObject([{}, null, null]);
    first?.takeBack();
    expect(begin("third")).not.toBeNull();
    expect([begin("first"), begin("second")]).toEqual([null, null]);
    offsetMs = 300_000;
    expect([begin("first"), begin("second"), begin("third")]).toMatchObject([{}, {}, null]);
  });

  it("sign-ups beyond twenty at once are refused, and taken again when these are done", async () => {
    let done: (hash: string) => void = () => undefined;
    const hash = new Promise<string>((resolve) => (done = resolve));
    const { signUp } = accounts({ hash: () => hash, verify: async () => false });
    const ask = (i: number) => signUp({ email: `u${i}@example.org`, password: PASSWORD });
    const asked = Promise.allSettled(Array.from({ length: 20 }, (_, i) => ask(i)));
    await expect(ask(20)).rejects.toMatchObject({ status: 429 });
    done("hash");
    await asked;
    // The database of this test makes nobody.
    await expect(ask(20)).rejects.toMatchObject({ status: 422 });
  });
});

describe("requests", () => {
  it.each(["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"])(
    "a request line that is no address is a 400 and ends nothing (%j)",
    async (headers) => {
      const socket = connect(Number(new URL(relay.url).port), "127.0.0.1");
      socket.end(`GET // HTTP/1.1\r\nHost: relay\r\n${headers}\r\n`);
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect((await post("/auth/v1/signup", "{")).status).toBe(400);
    },
  );

  it.each([
    ["no key", 401, () => post("/rest/v1/rpc/cloud_pull", "{}", { apikey: "" })],
    [
      "a key signed elsewhere",
      401,
      () => post("/rest/v1/rpc/cloud_pull", "{}", { apikey: relay.anonKey.slice(0, -4) + "AAAA" }),
    ],
    ["malformed JSON", 400, () => post("/auth/v1/signup", "{")],
    ["JSON that is no object", 400, () => post("/auth/v1/signup", "[1]")],
    ["fields of other types", 400, () => post("/auth/v1/signup", '{"email":1,"password":{}}')],
    ["an unknown grant", 400, () => post("/auth/v1/token?grant_type=magic", "{}")],
    [
      "a body that is too large",
      413,
      () => post("/auth/v1/signup", JSON.stringify({ email: "x".repeat(20_000) })),
    ],
    ["an unknown path", 404, () => post("/rest/v1/cloud_teams", "{}")],
    [
      "a table",
      404,
      () =>
        fetch(`${relay.url}/rest/v1/cloud_teams?select=*`, { headers: { apikey: relay.anonKey } }),
    ],
    [
      "a function with GET",
      405,
      () => fetch(`${relay.url}/rest/v1/rpc/cloud_pull`, { headers: { apikey: relay.anonKey } }),
    ],
    ["a function without a token", 401, () => post("/rest/v1/rpc/cloud_pull", "{}")],
    [
      "a function as anon",
      401,
      () =>
        post("/rest/v1/rpc/cloud_project_create", JSON.stringify({ team: NO_TEAM }), {
          authorization: `Bearer ${relay.anonKey}`,
        }),
    ],
    [
      "a function there is not, as anon",
      401,
      () => post("/rest/v1/rpc/cloud_nothing", "{}", { authorization: `Bearer ${relay.anonKey}` }),
    ],
  ] as const)("%s: %i", async (_name, status, ask) => {
    const response = await ask();
    expect(response.status).toBe(status);
    expect(await response.json()).toBeTypeOf("object");
  });

  it("whoever is not signed in is refused before anything of a body is read", async () => {
    const socket = connect(Number(new URL(relay.url).port), "127.0.0.1");
    socket.write(
      "POST /rest/v1/rpc/cloud_push HTTP/1.1\r\nHost: relay\r\nContent-Length: 8000000\r\n" +
        `apikey: ${relay.anonKey}\r\nAuthorization: Bearer ${relay.anonKey}\r\n\r\n`,
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  it("a connection beyond a thousand is closed, and the others stay", async () => {
    const one = await startRelay({
      dataFolder: join(folder, "crowded"),
      port: 0,
      host: "127.0.0.1",
      clock,
      random: systemRandom,
      log: silentLog,
    });
    const port = Number(new URL(one.url).port);
    const closed: number[] = [];
    const sockets = Array.from({ length: 1001 }, (_, i) =>
      connect(port, "127.0.0.1")
        .on("error", () => undefined)
        .on("close", () => closed.push(i)),
    );
    await Promise.race(sockets.map((socket) => once(socket, "close")));
    expect(closed).toHaveLength(1);
    for (const socket of sockets) socket.destroy();
    await one.close();
  });

  it("wrong arguments are told as PostgREST tells them", async () => {
    const gina = await person("gina");
    expect((await gina.rpc("cloud_nothing")).status).toBe(404);
    expect((await gina.rpc("cloud_pull", { team: NO_TEAM })).error?.code).toBe("PGRST202");
    expect(
      (await gina.rpc("cloud_pull", { team: NO_TEAM, cursors: [], max_rows: 1, more: 1 })).error
        ?.code,
    ).toBe("PGRST202");
    const { error, status } = await gina.rpc("cloud_pull", {
      team: NO_TEAM,
      cursors: [["not a uuid", 0]],
      max_rows: 1,
    });
    expect([status, error?.message]).toEqual([400, "not_a_member"]);
    expect(
      (await gina.rpc("cloud_push", { team: NO_TEAM, project: "not a uuid", rows: [] })).status,
    ).toBe(400);
  });

  it("a page of any origin may ask", async () => {
    const response = await fetch(`${relay.url}/rest/v1/rpc/cloud_pull`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example" },
    });
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "*",
    ]);
  });

  it("the log has no address, token or body", () => {
    const text = JSON.stringify(logged);
    expect(logged.length).toBeGreaterThan(10);
    expect(text).not.toMatch(/@|eyJ|battery|not a uuid/);
  });
});

describe("rows and channels", () => {
  let olga: SupabaseClient;
  let stan: SupabaseClient;
  let [TEAM, OTHER_TEAM] = ["", ""];
  const push = (by: SupabaseClient, rows: readonly Buffer[], id = TEAM) =>
    by.rpc("cloud_push", {
      team: id,
      project: null,
      rows: rows.map((bytes) => bytes.toString("base64")),
    });
  const mine = (seq: number, text?: string) =>
    row({ team: TEAM, device: deviceOf("olga"), seq, ...(text ? { text } : {}) });
  const sha256 = (...parts: readonly Uint8Array[]) =>
    createHash("sha256").update(Buffer.concat(parts)).digest();

  beforeAll(async () => {
    olga = await person("olga");
    TEAM = await team(olga);
    stan = await person("stan");
    OTHER_TEAM = await team(stan, "stan");
  });

  it("rows get numbers and a running hash; a known row its old number; another one in its place is a conflict and ends the batch", async () => {
    const rows = [mine(1), mine(2)];
    const h1 = sha256(Buffer.alloc(32), sha256(rows[0] as Buffer));
    const h2 = sha256(h1, sha256(rows[1] as Buffer));
    expect((await push(olga, rows)).data).toEqual([
      { n: 1, h: h1.toString("base64") },
      { n: 2, h: h2.toString("base64") },
    ]);
    const again = await push(olga, [...rows, mine(2, "other bytes"), mine(3)]);
    expect(again.data).toEqual([{ n: 1 }, { n: 2 }, { conflict: true }]);
    expect((await push(olga, [mine(3)])).data).toMatchObject([{ n: 3 }]);
    const page = (await olga.rpc("cloud_pull", { team: TEAM, cursors: [[null, 1]], max_rows: 1 }))
      .data as { rows: unknown[]; more: boolean };
    expect(page).toMatchObject({
      rows: [[null, 2, (rows[1] as Buffer).toString("base64")]],
      more: true,
    });
  });

  it("a row of another epoch, of another stream, or no row at all, is refused and leaves no gap", async () => {
    const before = (await call(olga, "cloud_pull", {
      team: TEAM,
      cursors: [[null, 0]],
      max_rows: 1,
    })) as { heads: unknown };
    expect(
      (await push(olga, [row({ team: TEAM, device: deviceOf("olga"), seq: 9, epoch: 2 })])).error
        ?.message,
    ).toBe("stale_epoch");
    expect(
      (await push(olga, [row({ team: OTHER_TEAM, device: deviceOf("olga"), seq: 9 })])).error
        ?.message,
    ).toBe("row_misplaced");
    expect((await push(olga, [Buffer.from("no row")])).error?.message).toBe("row_unreadable");
    expect((await push(olga, [mine(9, "x".repeat(262_144))])).error?.code).toBe("23514");
    const after = (await call(olga, "cloud_pull", {
      team: TEAM,
      cursors: [[null, 0]],
      max_rows: 1,
    })) as { heads: unknown };
    expect(after.heads).toEqual(before.heads);
  });

  it.each(["1.0.0", "2.0.0"])("a member hears what is pushed (vsn %s)", async (vsn) => {
    const listener = await signedIn("olga", { vsn });
    const ears = listen(listener, `team:${TEAM}:1`);
    expect(await ears.next()).toEqual({ status: "SUBSCRIBED" });
    const small = row({ team: TEAM, device: deviceOf("olga"), replica: vsn });
    const [{ n, h }] = (await push(olga, [small])).data;
    expect(await ears.next()).toEqual({
      event: "poke",
      payload: { project: null, n, h, row: Buffer.from(small).toString("base64") },
    });
    const large = row({
      team: TEAM,
      device: deviceOf("olga"),
      replica: vsn,
      seq: 2,
      text: "x".repeat(4096),
    });
    const [after] = (await push(olga, [large])).data;
    expect(await ears.next()).toEqual({ event: "poke", payload: { project: null, ...after } });
    await listener.removeChannel(ears.channel);
  });

  it("a stranger, a public channel and somebody not signed in hear nothing", async () => {
    for (const [who, isPrivate] of [
      [stan, true],
      [olga, false],
      [client(), true],
    ] as const) {
      const ears = listen(who, `team:${TEAM}:1`, isPrivate);
      expect(await ears.next()).toMatchObject({
        status: "CHANNEL_ERROR",
        reason: expect.stringContaining("Unauthorized"),
      });
      await push(olga, [
        row({ team: TEAM, device: deviceOf("olga"), replica: randomBytes(4).toString("hex") }),
      ]);
      await who.removeChannel(ears.channel);
      expect(ears.events.filter(({ event }) => event)).toEqual([]);
    }
  });

  it("what a member broadcasts on the team's channel reaches nobody", async () => {
    const speaker = await signedIn("olga");
    const mouth = listen(speaker, `team:${TEAM}:1`);
    const ears = listen(olga, `team:${TEAM}:1`);
    expect([await mouth.next(), await ears.next()]).toEqual([
      { status: "SUBSCRIBED" },
      { status: "SUBSCRIBED" },
    ]);
    await mouth.channel.send({ type: "broadcast", event: "poke", payload: { n: 99 } });
    await push(olga, [
      row({ team: TEAM, device: deviceOf("olga"), replica: "after the broadcast" }),
    ]);
    expect((await ears.next()).payload).not.toEqual({ n: 99 });
    await speaker.removeChannel(mouth.channel);
    await olga.removeChannel(ears.channel);
  });

  it("on a stream's channel members hear each other, bytes as bytes, and nobody else", async () => {
    const topic = `stream:${TEAM}::${"0".repeat(32)}`;
    const speaker = await signedIn("olga");
    const old = await signedIn("olga", { vsn: "1.0.0" });
    const mouth = listen(speaker, topic);
    const ears = listen(olga, topic);
    const oldEars = listen(old, topic);
    for (const one of [mouth, ears, oldEars])
      expect(await one.next()).toEqual({ status: "SUBSCRIBED" });
    const strange = listen(stan, topic);
    expect(await strange.next()).toMatchObject({ status: "CHANNEL_ERROR" });
    const bytes = randomBytes(1000);
    await mouth.channel.send({
      type: "broadcast",
      event: "row",
      payload: new Uint8Array(bytes).buffer,
    });
    const said = await ears.next();
    expect(said.event).toBe("row");
    expect(Buffer.from(said.payload as ArrayBuffer)).toEqual(bytes);
    await mouth.channel.send({ type: "broadcast", event: "word", payload: { é: "ü" } });
    expect(await ears.next()).toMatchObject({ event: "word", payload: { é: "ü" } });
    expect([mouth.events, oldEars.events, strange.events]).toEqual([[], [], []]);
    for (const [by, { channel }] of [
      [speaker, mouth],
      [olga, ears],
      [old, oldEars],
      [stan, strange],
    ] as const)
      await by.removeChannel(channel);
  });

  it("who speaks without end is put out", async () => {
    const topic = `stream:${TEAM}::${"1".repeat(32)}`;
    const speaker = await signedIn("olga");
    const mouth = listen(speaker, topic);
    expect(await mouth.next()).toEqual({ status: "SUBSCRIBED" });
    for (let i = 0; i < 300; i++)
      void mouth.channel.send({ type: "broadcast", event: "row", payload: new ArrayBuffer(8) });
    expect(await mouth.next()).toMatchObject({ status: "CHANNEL_ERROR" });
    await speaker.removeChannel(mouth.channel);
  });

  it("frames that are none change nothing", async () => {
    const topic = `stream:${TEAM}::${"2".repeat(32)}`;
    const ears = listen(olga, topic);
    expect(await ears.next()).toEqual({ status: "SUBSCRIBED" });
    const socket = new WebSocket(
      `${relay.url.replace("http", "ws")}/realtime/v1/websocket?apikey=${relay.anonKey}&vsn=2.0.0`,
    );
    await once(socket, "open");
    for (const frame of [[], [3], [3, 255, 255, 255, 255, 255, 0], [4, 1, 1, 1, 0], [9, 9, 9]])
      socket.send(Buffer.from(frame));
    const name = Buffer.from(`realtime:${topic}`);
    const header = Buffer.from([3, 0, 0, name.length, 3, 0, 0]);
    socket.send(
      Buffer.concat([header, name, Buffer.from("row"), Buffer.from("not in the channel")]),
    );
    socket.ping();
    await once(socket, "pong");
    expect(ears.events).toEqual([]);
    socket.terminate();
    await olga.removeChannel(ears.channel);
  });

  it("a channel ends when its token is too old", async () => {
    const listener = await signedIn("olga");
    const ears = listen(listener, `team:${TEAM}:1`);
    expect(await ears.next()).toEqual({ status: "SUBSCRIBED" });
    offsetMs = 3_700_000;
    await push(await signedIn("olga"), [
      row({ team: TEAM, device: deviceOf("olga"), replica: "late" }),
    ]);
    expect(await ears.next()).toEqual({ status: "CLOSED" });
  });

  it("a channel goes on with a newer token", async () => {
    const listener = await signedIn("olga");
    const ears = listen(listener, `team:${TEAM}:1`);
    expect(await ears.next()).toEqual({ status: "SUBSCRIBED" });
    offsetMs = 1_800_000;
    expect((await listener.auth.refreshSession()).error).toBeNull();
    await listener.realtime.setAuth();
    // An answer to this heartbeat says that the token before it has been read.
    const answered = new Promise<void>((resolve) =>
      listener.realtime.onHeartbeat((status) => status === "ok" && resolve()),
    );
    await listener.realtime.sendHeartbeat();
    await answered;
    offsetMs = 3_700_000;
    await push(await signedIn("olga"), [
      row({ team: TEAM, device: deviceOf("olga"), replica: "later" }),
    ]);
    expect(await ears.next()).toMatchObject({ event: "poke" });
    await listener.removeChannel(ears.channel);
  });

  it("a stranger's calls reach nothing of the team", async () => {
    expect(
      (await stan.rpc("cloud_pull", { team: TEAM, cursors: [], max_rows: 10 })).error?.message,
    ).toBe("not_a_member");
    expect((await stan.rpc("cloud_log_read", { team: TEAM, after: 0 })).error?.message).toBe(
      "not_a_member",
    );
    expect((await push(stan, [row({ team: TEAM, device: deviceOf("stan") })])).error?.message).toBe(
      "not_a_member",
    );
    expect((await stan.rpc("cloud_project_create", { team: TEAM })).error?.code).toBe("42501");
  });

  it("nobody connects without the public key", async () => {
    const bad = createClient(relay.url, "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", {
      auth: { persistSession: false, storageKey: "bad" },
    });
    clients.push(bad);
    const ears = listen(bad, `team:${TEAM}:1`);
    expect(await ears.next()).toMatchObject({ status: "CHANNEL_ERROR" });
    await bad.removeChannel(ears.channel);
  });
});

describe("a relay that is killed", () => {
  it("keeps accounts, tokens, its key and every acknowledged row, and a second one on its folder is refused", async () => {
    const data = join(folder, "killed");
    const first = await spawnRelay(data);
    const vera = await person("vera", first);
    const id = await team(vera);
    await expect(
      startRelay({
        dataFolder: data,
        port: 0,
        host: "127.0.0.1",
        clock,
        random: systemRandom,
        log: silentLog,
      }),
    ).rejects.toMatchObject({ fault: { type: "locked" } });
    const acknowledged: number[] = [];
    const pushing = (async () => {
      for (let seq = 1; ; seq++) {
        const { data: answer } = await vera.rpc("cloud_push", {
          team: id,
          project: null,
          rows: [row({ team: id, device: deviceOf("olga"), seq }).toString("base64")],
        });
        if (!answer) return;
        acknowledged.push(answer[0].n);
        if (acknowledged.length === 50) first.process.kill("SIGKILL");
      }
    })();
    await pushing;
    await first.stop();

    const second = await spawnRelay(data, Number(new URL(first.url).port));
    expect({ url: second.url, anonKey: second.anonKey }).toEqual({
      url: first.url,
      anonKey: first.anonKey,
    });
    const page = (await call(vera, "cloud_pull", {
      team: id,
      cursors: [],
      max_rows: 1000,
    })) as { rows: [null, number, string][] };
    expect(page.rows.map(([, n]) => n)).toEqual(page.rows.map((_, i) => i + 1));
    expect(page.rows.length).toBeGreaterThanOrEqual(acknowledged.length);
    expect((await vera.auth.refreshSession()).error).toBeNull();
    expect(
      (
        await client(second).auth.signInWithPassword({
          email: "vera@example.org",
          password: PASSWORD,
        })
      ).error,
    ).toBeNull();
    const tokens = (await vera.auth.getSession()).data.session;
    await second.stop("SIGTERM");

    const held = await dumpRelay(data);
    expect(held.includes("vera@example.org")).toBe(true);
    expect(held.includes("$argon2id$v=19$m=65536,t=3,p=1$")).toBe(true);
    for (const secret of [PASSWORD, tokens?.refresh_token, tokens?.access_token])
      expect(held.includes(secret as string)).toBe(false);
  }, 60_000);
});
