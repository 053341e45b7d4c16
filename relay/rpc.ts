/**
 * `POST /rest/v1/rpc/<function>` as PostgREST answers it: arguments by name in one JSON object, the result as JSON,
 * errors as `{code, message, details, hint}`.
 *
 * The database does one thing at a time, in the order it is asked, and cannot be interrupted. So of each account one call at a
 * time is before it: what an account asks for keeps others waiting for one call, however many it makes.
 */
import type { Database } from "./database.ts";
import { type Answer, HttpError, NO_CONTENT, parseObject } from "./http.ts";
import type { Caller } from "./tokens.ts";

/** Of one account. */
const WAITING_MAX = 100;

export type Rpc = (caller: Caller, name: string, body: string) => Promise<Answer>;

type Argument = {
  readonly name: string;
  readonly quoted: string;
  readonly type: string;
  readonly required: boolean;
};
type Callable = { readonly quoted: string; readonly arguments: readonly Argument[] };

/** Reads the catalogue once: functions only change with a migration, before the relay listens. */
export async function createRpc(database: Database): Promise<Rpc> {
  const callables = await readCallables(database);
  const statements = new Map<string, string>();
  const inTurn = createTurns();

  function statement(name: string, given: readonly string[]): string {
    const key = [name, ...given].join(",");
    const known = statements.get(key);
    if (known) return known;
    const callable = callables.get(name);
    if (
      !callable ||
      given.some((argument) => !callable.arguments.some((known) => known.name === argument)) ||
      callable.arguments.some((argument) => argument.required && !given.includes(argument.name))
    )
      throw notFound(name, given);
    const used = callable.arguments.filter((argument) => given.includes(argument.name));
    const call = `${callable.quoted}(${used.map(({ quoted }) => `${quoted} := a.${quoted}`).join(", ")})`;
    const source = used.length
      ? `json_to_record($1::json) as a(${used.map(({ quoted, type }) => `${quoted} ${type}`).join(", ")})`
      : "(select $1::text) a";
    const sql = `select to_json(${call})::text as result from ${source}`;
    statements.set(key, sql);
    return sql;
  }

  return async (caller, name, body) => {
    const sql = statement(name, Object.keys(parseObject(body)));
    try {
      const json = await inTurn(caller.claims.sub ?? "", () =>
        database.as(caller, sql, body === "" ? "{}" : body),
      );
      return json === null ? NO_CONTENT : { status: 200, json };
    } catch (error) {
      throw sqlError(error);
    }
  };
}

/** Work of one account after the other. Throws `HttpError` 429 when too much of it waits. */
function createTurns(): <T>(account: string, work: () => Promise<T>) => Promise<T> {
  const accounts = new Map<string, { waiting: number; last: Promise<unknown> }>();
  return async (account, work) => {
    const turns = accounts.get(account) ?? { waiting: 0, last: Promise.resolve() };
    if (turns.waiting >= WAITING_MAX)
      throw new HttpError(429, {
        code: "53400",
        message: "Too many calls wait",
        details: null,
        hint: null,
      });
    accounts.set(account, turns);
    turns.waiting++;
    const done = turns.last.then(work);
    turns.last = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      if (--turns.waiting === 0) accounts.delete(account);
    }
  };
}

async function readCallables(database: Database): Promise<ReadonlyMap<string, Callable>> {
  const rows = await database.query<{
    name: string;
    quoted: string;
    arguments: readonly Argument[];
  }>(`
    select p.proname as name, format('public.%I', p.proname) as quoted, coalesce((
      select jsonb_agg(jsonb_build_object(
        'name', p.proargnames[i], 'quoted', quote_ident(p.proargnames[i]), 'type', format_type(p.proargtypes[i - 1], null),
        'required', i <= p.pronargs - p.pronargdefaults
      ) order by i) from generate_series(1, p.pronargs) i
    ), '[]') as arguments
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prokind = 'f' and not p.proretset and p.prorettype <> 'trigger'::regtype`);
  return new Map(rows.map(({ name, ...callable }) => [name, callable]));
}

function notFound(name: string, given: readonly string[]): HttpError {
  return new HttpError(404, {
    code: "PGRST202",
    message: `Could not find the function public.${name}(${given.join(", ")}) in the schema cache`,
    details: null,
    hint: null,
  });
}

interface SqlError {
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

function sqlError(error: unknown): unknown {
  if (!isSqlError(error)) return error;
  if (error.message === "session_ended" && error.code === "28000")
    return new HttpError(401, {
      code: "PGRST301",
      message: "JWT expired or not valid",
      details: null,
      hint: null,
    });
  const status = statusOf(error.code);
  if (status >= 500) return error;
  return new HttpError(status, {
    code: error.code,
    message: error.message,
    details: error.detail ?? null,
    hint: error.hint ?? null,
  });
}

function isSqlError(error: unknown): error is SqlError {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.length === 5
  );
}

function statusOf(code: string): number {
  if (code === "42501") return 403;
  if (code === "23503" || code === "23505") return 409;
  if (code === "P0001") return 400;
  return ["22", "23", "42"].includes(code.slice(0, 2)) ? 400 : 500;
}
