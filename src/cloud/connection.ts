/**
 * One server and the account signed in there, over supabase-js. Tokens lie in the secret store and are renewed while the
 * connection is open; a stored one tells who the person is without a network.
 */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import * as v from "valibot";
import type { Clock } from "../base/clock.ts";
import { type Fault, fail, ok, type Result } from "../base/result.ts";
import { callFault, nonsense, signedOut, troubles, unreachable } from "./faults.ts";
import type { SecretStore } from "./secret-store.ts";

const TIMEOUT_MS = 30_000;
/** A page of rows, the largest answer there is, has a third of it. */
const ANSWER_MAX_BYTES = 16 * 1024 * 1024;
const HEARTBEAT_MS = 10_000;
/** supabase-js renews a token this long before it expires. */
const RENEWED_BEFORE_MS = 100_000;
const RECONNECT_MS = [250, 500, 1000, 2000, 5000];

export interface ConnectionOptions {
  readonly url: string;
  /** The server's public ("anon") key. */
  readonly key: string;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  /** For tests. */
  readonly heartbeatMs?: number;
}

export interface Connection {
  readonly url: string;
  /** Name and port, for sentences. */
  readonly host: string;
  readonly client: SupabaseClient;
  /** Who is signed in here, as stored: asks no server. */
  stored(): Promise<StoredSession | null>;
  /** Calls a function of the database and holds its answer against `shape`. */
  call<S extends v.GenericSchema>(
    name: string,
    input: object,
    shape: S,
  ): Promise<Result<v.InferOutput<S>>>;
  /** After this nothing of it keeps a process alive. */
  close(): Promise<void>;
}

const StoredSession = v.object({
  access_token: v.pipe(v.string(), v.nonEmpty()),
  refresh_token: v.pipe(v.string(), v.nonEmpty()),
  /** Seconds since the epoch. */
  expires_at: v.number(),
  user: v.object({ id: v.pipe(v.string(), v.uuid()), email: v.pipe(v.string(), v.nonEmpty()) }),
});
export type StoredSession = v.InferOutput<typeof StoredSession>;

/** What the session at a server is called in the secret store: supabase-js sends what it finds there, so no other server may find it. */
export function sessionName(url: string): string {
  return `session ${new URL(url).origin}`;
}

/** Fault "address" for anything but https, and http to this machine itself. */
export function connect(options: ConnectionOptions): Result<Connection, Fault> {
  const checked = checkAddress(options.url);
  if (!checked.ok) return checked;
  const { host, origin } = checked.value;
  const storage = cached(options.secrets);
  const name = sessionName(origin);
  const client = createClient(origin, options.key, {
    auth: {
      storage,
      storageKey: name,
      persistSession: true,
      autoRefreshToken: true,
      detectSessionInUrl: false,
    },
    // Instead of which library and which Node run here.
    global: { fetch: checkedFetch, headers: { "X-Client-Info": "operon" } },
    realtime: {
      heartbeatIntervalMs: options.heartbeatMs ?? HEARTBEAT_MS,
      reconnectAfterMs: (tries: number) => RECONNECT_MS[tries - 1] ?? 10_000,
    },
  });

  let read: { readonly text: string | null; readonly session: StoredSession | null } | null = null;
  async function stored(): Promise<StoredSession | null> {
    const text = await storage.getItem(name);
    if (read?.text !== text) {
      const parsed = v.safeParse(StoredSession, text === null ? null : fromJson(text));
      read = { text, session: parsed.success ? parsed.output : null };
    }
    return read.session;
  }

  /** supabase-js tries for half a minute to renew a token while there is no network: find that out first. */
  async function reachable(session: StoredSession): Promise<boolean> {
    if (session.expires_at * 1000 - options.clock.nowMs() > RENEWED_BEFORE_MS) return true;
    return checkedFetch(`${origin}/auth/v1/user`, { headers: { apikey: options.key } }).then(
      () => true,
      (error: Error) => error.message !== troubles.unreachable,
    );
  }

  return ok({
    url: origin,
    host,
    client,
    stored,
    async call(called, input, shape) {
      const session = await stored();
      if (!session) return { ok: false, fault: signedOut(host) };
      if (!(await reachable(session))) return { ok: false, fault: unreachable(host) };
      const answer = await client.rpc(called, input);
      const { error, status } = answer;
      const data: unknown = answer.data;
      if (error)
        return {
          ok: false,
          fault: callFault({ status, code: error.code, message: error.message }, host),
        };
      const parsed = v.safeParse(shape, data);
      return parsed.success ? ok(parsed.output) : { ok: false, fault: nonsense(host) };
    },
    async close() {
      await client.auth.stopAutoRefresh();
      for (const channel of client.getChannels()) channel.teardown();
      closeSocket(client);
    },
  });
}

function checkAddress(url: string): Result<{ host: string; origin: string }, Fault> {
  if (!URL.canParse(url))
    return fail(
      "address",
      `"${url}" is not an address. It looks like https://project.supabase.co, or http://127.0.0.1:8123 for a relay on this machine.`,
    );
  const { protocol, hostname, host, origin } = new URL(url);
  const loopback =
    hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
  if (protocol !== "https:" && !(protocol === "http:" && loopback))
    return fail(
      "address",
      `${host} would be spoken to without encryption, so nothing was sent. Use https:// (http:// is for this machine only).`,
    );
  return ok({ host, origin });
}

/**
 * `fetch` with a limit in time and one in size, that tells five troubles apart by message (all that supabase-js keeps of
 * an error): no answer, too much of one, a server's own fault, asked too often, and an answer that is not JSON.
 */
const checkedFetch: typeof fetch = async (input, init) => {
  let response: Response;
  let text: string | null;
  try {
    response = await fetch(input, {
      ...init,
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await textOf(response);
  } catch {
    throw new Error(troubles.unreachable);
  }
  if (text === null) throw new Error(troubles.tooLarge);
  if (response.status >= 500) throw new Error(troubles.broken);
  // Whatever stands before a server may say it, in its own words.
  if (response.status === 429) throw new Error(troubles.tooOften);
  // Of a function's answer supabase-js says it itself; parsing a page of rows twice would take time.
  if (text !== "" && !response.url.includes("/rest/v1/") && fromJson(text) === undefined)
    throw new Error(troubles.nonsense);
  return new Response(text === "" ? null : text, response);
};

/** Null as soon as it is too large: what a server goes on sending is neither kept nor waited for. */
async function textOf(response: Response): Promise<string | null> {
  const body: ReadableStream<Uint8Array> | null = response.body;
  const reader = body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let [text, sizeBytes] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    sizeBytes += value.length;
    if (sizeBytes > ANSWER_MAX_BYTES) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** Undefined when it is not JSON. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** supabase-js reads its session before every call; a keychain is asked once. */
function cached(secrets: SecretStore) {
  const held = new Map<string, string | null>();
  return {
    async getItem(name: string): Promise<string | null> {
      if (!held.has(name)) held.set(name, await secrets.get(name));
      return held.get(name) ?? null;
    },
    async setItem(name: string, value: string): Promise<void> {
      held.set(name, value);
      await secrets.set(name, value);
    },
    async removeItem(name: string): Promise<void> {
      held.set(name, null);
      await secrets.delete(name);
    },
  };
}

/** `realtime.disconnect()` leaves a timer of ten seconds behind that keeps Node running; the socket below it has none. */
function closeSocket(client: SupabaseClient): void {
  const { socketAdapter } = client.realtime as unknown as {
    socketAdapter: { getSocket(): { disconnect(): void } };
  };
  socketAdapter.getSocket().disconnect();
}
