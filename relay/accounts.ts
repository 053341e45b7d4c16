/**
 * Sign-up, sign-in, refresh, sign-out, another password: the part of GoTrue's HTTP interface that supabase-js calls for e-mail and password.
 * Errors are GoTrue's: `{code, error_code, msg}`.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../src/base/clock.ts";
import type { Random } from "../src/base/random.ts";
import { toBase64Url } from "../src/base/bytes.ts";
import type { Database, Query } from "./database.ts";
import { type Answer, answer, HttpError, NO_CONTENT } from "./http.ts";
import type { Passwords } from "./passwords.ts";
import type { LimitedKey, RateLimit } from "./rate-limit.ts";
import { ACCESS_TOKEN_SECONDS, type Caller, type Tokens } from "./tokens.ts";

const PASSWORD_MIN_LENGTH = 8;
const PASSWORD_MAX_BYTES = 1024;
/** Fewer than may wait for a password's hash, so that sign-ups leave room for sign-ins. */
const SIGN_UPS_AT_ONCE = 20;
/**
 * A client that asks again with the same token within this time is answered again. Later, too, while nothing that it was
 * answered was ever used: then the answer was lost. Else two have the token, and the session ends.
 */
const REUSE_GRACE_SECONDS = 60;
/** How long it is known of a token that it was used; then it is one that never was. */
const USED_KEPT_DAYS = 30;
/** A session that was not refreshed for so long goes at the account's next sign-in. */
const SESSION_KEPT_DAYS = 180;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface Accounts {
  signUp(body: Record<string, unknown>): Promise<Answer>;
  signIn(body: Record<string, unknown>, address: string): Promise<Answer>;
  refresh(body: Record<string, unknown>): Promise<Answer>;
  signOut(caller: Caller, scope: string | null): Promise<Answer>;
  user(caller: Caller): Promise<Answer>;
  /** Another password, by whoever says the one before: a session alone, on a device that was lost, is not enough. The other sessions end. */
  changePassword(caller: Caller, body: Record<string, unknown>): Promise<Answer>;
}

export interface AccountParts {
  readonly database: Database;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly attempts: RateLimit;
  readonly clock: Clock;
  readonly random: Random;
}

type User = { id: string; email: string; created_at: Date; last_sign_in_at: Date };

const USER_COLUMNS = "id, email, created_at, last_sign_in_at";

export function createAccounts({
  database,
  passwords,
  tokens,
  attempts,
  clock,
  random,
}: AccountParts): Accounts {
  /** `parent`: the hash of the token that it is given for. */
  async function newToken(query: Query, session: string, parent: Buffer | null): Promise<string> {
    const token = toBase64Url(random(32));
    await query("insert into auth.refresh_tokens (hash, session_id, parent) values ($1, $2, $3)", [
      hashOf(token),
      session,
      parent,
    ]);
    return token;
  }

  async function opened(user: User, session: string, refreshToken: string): Promise<Answer> {
    const { token, expiresAt } = await tokens.sign(user, session);
    return answer(200, {
      access_token: token,
      token_type: "bearer",
      expires_in: ACCESS_TOKEN_SECONDS,
      expires_at: expiresAt,
      refresh_token: refreshToken,
      user: userJson(user),
    });
  }

  async function openSession(user: User): Promise<Answer> {
    const [session, token] = await database.transaction(async (query) => {
      await query(
        `delete from auth.sessions s where user_id = $1 and created_at < $2
           and not exists (select from auth.refresh_tokens t where t.session_id = s.id and t.used_at >= $2)`,
        [user.id, new Date(clock.nowMs() - SESSION_KEPT_DAYS * DAY_MS)],
      );
      const [row] = await query<{ id: string }>(
        "insert into auth.sessions (user_id) values ($1) returning id",
        [user.id],
      );
      const id = (row as { id: string }).id;
      return [id, await newToken(query, id, null)] as const;
    });
    return opened(user, session, token);
  }

  let signUps = 0;
  async function hashOfNew(password: string): Promise<string> {
    if (signUps >= SIGN_UPS_AT_ONCE) throw tooOften();
    signUps++;
    try {
      return await passwords.hash(password);
    } finally {
      signUps--;
    }
  }

  /** Null: no such account, or not its password. Whatever else goes wrong is no failed attempt. */
  async function checked(
    email: string,
    password: string,
    keys: readonly LimitedKey[],
  ): Promise<User | null> {
    const attempt = attempts.begin(keys);
    if (attempt === null) throw tooOften();
    let failed = false;
    try {
      const [known] = await database.query<User & { encrypted_password: string }>(
        `select ${USER_COLUMNS}, encrypted_password from auth.users where email = $1`,
        [email],
      );
      failed = !(await passwords.verify(password, known?.encrypted_password ?? null));
      return failed || known === undefined ? null : known;
    } finally {
      if (!failed) attempt.takeBack();
    }
  }

  /** Throws when the session is over. */
  async function userOf({ claims }: Caller): Promise<User> {
    const [user] = await database.query<User>(
      `select ${USER_COLUMNS} from auth.users u where id = $1 and exists (select from auth.sessions s where s.user_id = u.id and s.id = $2)`,
      [claims.sub, claims.session_id],
    );
    if (user) return user;
    throw authError(
      403,
      "session_not_found",
      "Session from session_id claim in JWT does not exist",
    );
  }

  return {
    async signUp(body) {
      const { email, password } = credentials(body);
      if (!/^[^\s@]+@[^\s@]+$/.test(email) || email.length > 254)
        throw authError(
          400,
          "email_address_invalid",
          "Unable to validate email address: invalid format",
        );
      refuseWeak(password);
      const hash = await hashOfNew(password);
      const [user] = await database.query<User>(
        `insert into auth.users (email, encrypted_password) values ($1, $2) on conflict (email) do nothing returning ${USER_COLUMNS}`,
        [email, hash],
      );
      if (!user) throw authError(422, "user_already_exists", "User already registered");
      return openSession(user);
    },

    async signIn(body, address) {
      const { email, password } = credentials(body);
      // Nobody's password, so nothing that could be guessed is learned, and nothing is spent on it.
      if (Buffer.byteLength(password) > PASSWORD_MAX_BYTES) throw wrongCredentials();
      const keys = [
        accountKey(email),
        // Many people may sit behind one address; behind a proxy on this machine, all of them.
        ...(isLoopback(address) ? [] : [{ key: `address ${address}`, failuresAllowed: 100 }]),
      ];
      const known = await checked(email, password, keys);
      if (known === null) throw wrongCredentials();
      await database.query("update auth.users set last_sign_in_at = now() where id = $1", [
        known.id,
      ]);
      return openSession(known);
    },

    async refresh(body) {
      const presented = body["refresh_token"];
      if (typeof presented !== "string")
        throw authError(400, "validation_failed", "refresh_token required");
      const outcome = await database.transaction(async (query) => {
        const hash = hashOf(presented);
        const [row] = await query<
          User & { session_id: string; used_at: Date | null; arrived: boolean }
        >(
          `select t.session_id, t.used_at, exists (select from auth.refresh_tokens c where c.parent = t.hash and c.used_at is not null) as arrived, u.id, u.email, u.created_at, u.last_sign_in_at
             from auth.refresh_tokens t join auth.sessions s on s.id = t.session_id join auth.users u on u.id = s.user_id
             where t.hash = $1 for update of t`,
          [hash],
        );
        if (!row) return "refresh_token_not_found";
        const nowMs = clock.nowMs();
        if (row.used_at && nowMs - row.used_at.getTime() > REUSE_GRACE_SECONDS * 1000) {
          if (row.arrived) {
            await query("delete from auth.sessions where id = $1", [row.session_id]);
            return "refresh_token_already_used";
          }
          // Whoever has an answer that was taken on its way has nothing of it.
          await query("delete from auth.refresh_tokens where parent = $1", [hash]);
        }
        await query(
          "update auth.refresh_tokens set used_at = coalesce(used_at, $2) where hash = $1",
          [hash, new Date(nowMs)],
        );
        await query(
          "delete from auth.refresh_tokens where session_id = $1 and used_at < $2 and hash <> $3",
          [row.session_id, new Date(nowMs - USED_KEPT_DAYS * DAY_MS), hash],
        );
        const token = await newToken(query, row.session_id, hash);
        return { user: row, session: row.session_id, token };
      });
      if (outcome === "refresh_token_not_found")
        throw authError(400, outcome, "Invalid Refresh Token: Refresh Token Not Found");
      if (typeof outcome === "string")
        throw authError(400, outcome, "Invalid Refresh Token: Already Used");
      return opened(outcome.user, outcome.session, outcome.token);
    },

    async signOut({ claims }, scope) {
      const which =
        scope === "local"
          ? "and id = $2"
          : scope === "others"
            ? "and id <> $2"
            : "and $2::uuid is not null";
      await database.query(`delete from auth.sessions where user_id = $1 ${which}`, [
        claims.sub,
        claims.session_id,
      ]);
      return NO_CONTENT;
    },

    user: async (caller) => answer(200, userJson(await userOf(caller))),

    async changePassword(caller, body) {
      const { password, current_password: current } = body;
      if (typeof password !== "string" || typeof current !== "string")
        throw authError(400, "validation_failed", "A password and the current one are required");
      const user = await userOf(caller);
      refuseWeak(password);
      if (Buffer.byteLength(current) > PASSWORD_MAX_BYTES) throw wrongCurrent();
      const known = await checked(user.email, current, [accountKey(user.email)]);
      if (known === null) throw wrongCurrent();
      if (password === current)
        throw authError(422, "same_password", "New password should be different from the old one");
      const hash = await hashOfNew(password);
      await database.transaction(async (query) => {
        await query("update auth.users set encrypted_password = $2 where id = $1", [user.id, hash]);
        await query("delete from auth.sessions where user_id = $1 and id <> $2", [
          user.id,
          caller.claims.session_id,
        ]);
      });
      return answer(200, userJson(user));
    },
  };
}

export function authError(
  status: number,
  code: string,
  message: string,
  more: object = {},
): HttpError {
  return new HttpError(status, { code: status, error_code: code, msg: message, ...more });
}

function refuseWeak(password: string): void {
  if (password.length >= PASSWORD_MIN_LENGTH && Buffer.byteLength(password) <= PASSWORD_MAX_BYTES)
    return;
  throw authError(
    422,
    "weak_password",
    `Password should be at least ${PASSWORD_MIN_LENGTH} characters.`,
    { weak_password: { reasons: ["length"] } },
  );
}

function accountKey(email: string): LimitedKey {
  return { key: `account ${email}`, failuresAllowed: 10 };
}

function wrongCurrent(): HttpError {
  return authError(400, "current_password_invalid", "Current password is not the account's");
}

function wrongCredentials(): HttpError {
  return authError(400, "invalid_credentials", "Invalid login credentials");
}

function tooOften(): HttpError {
  return authError(429, "over_request_rate_limit", "Request rate limit reached");
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

function credentials(body: Record<string, unknown>): { email: string; password: string } {
  const { email, password } = body;
  if (typeof email !== "string" || typeof password !== "string")
    throw authError(400, "validation_failed", "An e-mail address and a password are required");
  return { email: email.trim().toLowerCase(), password };
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function userJson(user: User): object {
  return {
    id: user.id,
    aud: "authenticated",
    role: "authenticated",
    email: user.email,
    email_confirmed_at: user.created_at,
    created_at: user.created_at,
    updated_at: user.created_at,
    last_sign_in_at: user.last_sign_in_at,
    app_metadata: { provider: "email", providers: ["email"] },
    user_metadata: {},
    identities: [],
    is_anonymous: false,
  };
}
