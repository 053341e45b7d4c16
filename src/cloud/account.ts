/** Sign-up, sign-in and sign-out with e-mail and password, and another password. */
import type { AuthError, Session } from "@supabase/supabase-js";
import { ok, type Result } from "../base/result.ts";
import type { Secret } from "../base/secret.ts";
import type { Connection } from "./connection.ts";
import { accountFault, nonsense } from "./faults.ts";

export interface Account {
  /** UUID. */
  readonly id: string;
  readonly email: string;
  readonly url: string;
}

export function signUp(
  connection: Connection,
  email: string,
  password: Secret<string>,
): Promise<Result<Account>> {
  return open(
    connection,
    connection.client.auth.signUp({ email: normalEmail(email), password: password.reveal() }),
  );
}

export function signIn(
  connection: Connection,
  email: string,
  password: Secret<string>,
): Promise<Result<Account>> {
  return open(
    connection,
    connection.client.auth.signInWithPassword({
      email: normalEmail(email),
      password: password.reveal(),
    }),
  );
}

/** The other sessions of the account end: what is signed in there has to sign in with the new one. */
export async function changePassword(
  connection: Connection,
  current: Secret<string>,
  next: Secret<string>,
): Promise<Result<void>> {
  const attributes = { password: next.reveal(), current_password: current.reveal() };
  return done(connection, connection.client.auth.updateUser(attributes));
}

/** On all devices. Where the server cannot be told nothing is changed here either. */
export async function signOutEverywhere(connection: Connection): Promise<Result<void>> {
  return done(connection, connection.client.auth.signOut({ scope: "global" }));
}

/** Forgets the tokens here in any case; the server is told when it can be reached. */
export async function signOut(connection: Connection): Promise<void> {
  await connection.client.auth.signOut({ scope: "local" }).catch(() => undefined);
}

/** Who is signed in, network or not; null: nobody. */
export async function currentAccount(connection: Connection): Promise<Account | null> {
  const session = await connection.stored();
  return session && { id: session.user.id, email: session.user.email, url: connection.url };
}

/** As servers compare e-mail addresses. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

async function done(
  connection: Connection,
  asking: Promise<{ error: AuthError | null }>,
): Promise<Result<void>> {
  const { error } = await asking.catch((thrown: unknown) => ({ error: thrown }));
  return error ? { ok: false, fault: accountFault(error, connection.host) } : ok(undefined);
}

type Opening = Promise<{ data: { session: Session | null }; error: AuthError | null }>;

async function open(connection: Connection, opening: Opening): Promise<Result<Account>> {
  const { data, error } = await opening.catch((error: unknown) => ({
    data: { session: null },
    error,
  }));
  if (error) return { ok: false, fault: accountFault(error, connection.host) };
  const account = await currentAccount(connection);
  if (data.session && account) return ok(account);
  await signOut(connection);
  if (waitsForMail(data))
    return { ok: false, fault: { type: "email_not_confirmed", message: CONFIRM } };
  return { ok: false, fault: nonsense(connection.host) };
}

const CONFIRM =
  "The account is made; its e-mail address must be confirmed. Follow the link in the mail the server sent, then sign in.";

/** Supabase answers a sign-up that must be confirmed with a user and no session. */
function waitsForMail(data: {
  session: Session | null;
  user?: { email?: string } | null;
}): boolean {
  return data.session === null && typeof data.user?.email === "string";
}
