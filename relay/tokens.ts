/** Access tokens and the public key ("anon key"): JWTs signed with HS256 and the relay's own secret. */
import { jwtVerify, SignJWT } from "jose";
import type { Clock } from "../src/base/clock.ts";

export const ACCESS_TOKEN_SECONDS = 3600;
const ANON_KEY_SECONDS = 10 * 365 * 24 * 3600;
const CACHED_TOKENS = 1000;

export type Role = "anon" | "authenticated";

/** Whom a request comes from: the database runs it as this role, with these claims. */
export interface Caller {
  readonly role: Role;
  readonly claims: Claims;
  /** The claims as the JSON text that the database reads. */
  readonly claimsText: string;
}

export interface Claims {
  readonly sub?: string;
  readonly email?: string;
  readonly session_id?: string;
  /** Seconds since the epoch. */
  readonly exp: number;
}

export interface Tokens {
  readonly anonKey: string;
  sign(
    account: { readonly id: string; readonly email: string },
    session: string,
  ): Promise<{ token: string; expiresAt: number }>;
  /** Null: not signed here, not for these roles, or expired. */
  verify(token: string): Promise<Caller | null>;
}

/** `secret` has 32 bytes; `issuedAt` (seconds) keeps the anon key the same over restarts. */
export async function createTokens(
  secret: Uint8Array,
  issuedAt: number,
  clock: Clock,
): Promise<Tokens> {
  const known = new Map<string, Caller>();
  const now = () => Math.floor(clock.nowMs() / 1000);
  const sign = (claims: Record<string, unknown>, from: number, seconds: number) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuedAt(from)
      .setExpirationTime(from + seconds)
      .sign(secret);

  async function check(token: string): Promise<Caller | null> {
    const verified = await jwtVerify(token, secret, {
      algorithms: ["HS256"],
      currentDate: new Date(clock.nowMs()),
    }).catch(() => null);
    const role = verified?.payload["role"];
    if (!verified || (role !== "anon" && role !== "authenticated")) return null;
    return {
      role,
      claims: verified.payload as unknown as Claims,
      claimsText: JSON.stringify(verified.payload),
    };
  }

  return {
    anonKey: await sign({ role: "anon", iss: "operon" }, issuedAt, ANON_KEY_SECONDS),
    async sign(account, session) {
      const from = now();
      const claims = {
        sub: account.id,
        email: account.email,
        session_id: session,
        role: "authenticated",
        aud: "authenticated",
        iss: "operon",
      };
      return {
        token: await sign(claims, from, ACCESS_TOKEN_SECONDS),
        expiresAt: from + ACCESS_TOKEN_SECONDS,
      };
    },
    async verify(token) {
      const caller = known.get(token) ?? (await check(token));
      if (!caller || caller.claims.exp <= now()) {
        known.delete(token);
        return null;
      }
      if (known.size >= CACHED_TOKENS) known.clear();
      known.set(token, caller);
      return caller;
    },
  };
}
