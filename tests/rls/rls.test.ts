import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Check, checks, removedFromCrowd } from "./checks.ts";
import { CONDITIONS } from "./snapshots.ts";
import { createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, 60_000);
afterAll(() => world.db.close());

const nameOf = ({ on, what, who, name }: Check) => `${on} ${what}: ${who} ${name}`;

async function names(sql: string): Promise<string[]> {
  return (await world.db.query<{ name: string }>(sql)).rows.map(({ name }) => name);
}

describe("each check holds", () => {
  it.each(checks.map((check) => [nameOf(check), check] as const))("%s", async (_, check) => {
    expect(await check.run(world)).toBe(true);
  });
});

it.each([
  [2048, null],
  [2047, "fence_stale"],
])(
  "who wrote into more streams than an entry has fences for is removed with as many as it has: %i",
  async (drawn, late) => {
    const outcome = await removedFromCrowd(world, drawn);
    expect(outcome.rows?.[0]?.["appended"]).toEqual({ late });
  },
);

describe("nothing is left out", () => {
  it("each cloud table has checks of all four actions, for a member and a stranger", async () => {
    const tables = await names(
      "select tablename as name from pg_tables where schemaname = 'public' and tablename like 'cloud\\_%'",
    );
    expect(tables.length).toBeGreaterThan(0);
    const wanted = tables.flatMap((table) =>
      ["select", "insert", "update", "delete"].flatMap((what) =>
        ["member", "stranger"].map((who) => `${table} ${what} ${who}`),
      ),
    );
    const have = new Set(checks.map(({ on, what, who }) => `${on} ${what} ${who}`));
    expect(wanted.filter((key) => !have.has(key))).toEqual([]);
  });

  it("each function has checks for a member, a stranger and nobody", async () => {
    const functions = await names(
      "select proname as name from pg_proc where pronamespace = 'public'::regnamespace",
    );
    expect(functions.length).toBeGreaterThan(0);
    const have = new Set(checks.map(({ on, who }) => `${on} ${who}`));
    expect(
      functions
        .flatMap((name) => ["member", "stranger", "anon"].map((who) => `${name} ${who}`))
        .filter((key) => !have.has(key)),
    ).toEqual([]);
  });

  it("each helper that a client's role may execute has a check", async () => {
    const helpers = await names(
      "select 'operon.' || proname as name from pg_proc where pronamespace = 'operon'::regnamespace and has_function_privilege('authenticated', oid, 'execute')",
    );
    expect(helpers.filter((name) => !checks.some(({ on }) => on === name))).toEqual([]);
  });

  it("row level security is enabled and forced on each table", async () => {
    expect(
      await names(
        "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname like 'cloud\\_%' and not (relrowsecurity and relforcerowsecurity)",
      ),
    ).toEqual([]);
  });

  it("functions run as their caller, with an empty search path, and for nobody who is not signed in", async () => {
    expect(
      await names(`select proname as name from pg_proc where pronamespace = 'public'::regnamespace
        and (prosecdef or not proconfig @> array['search_path=""'] or has_function_privilege('anon', oid, 'execute'))`),
    ).toEqual([]);
    expect(
      await names(`select proname as name from pg_proc where pronamespace = 'operon'::regnamespace
        and (proconfig is null or not proconfig @> array['search_path=""'] or has_function_privilege('anon', oid, 'execute'))`),
    ).toEqual([]);
  });
});

/** Whether a check fails with the schema changed like this. */
async function noticed(sql: string): Promise<boolean> {
  return world.mutated(sql, async () => {
    for (const check of checks) if (!(await check.run(world))) return true;
    return false;
  });
}

it("what is asked after a wait for a lock sees what was committed meanwhile", async () => {
  expect(
    await names(
      "select proname as name from pg_proc where proname in ('my_device', 'may_write') and provolatile <> 'v'",
    ),
  ).toEqual([]);
});

describe("each policy carries a check", () => {
  interface Policy {
    readonly schema: string;
    readonly table: string;
    readonly name: string;
    readonly cmd: "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "ALL";
  }

  async function policies(): Promise<readonly Policy[]> {
    return (
      await world.db.query<Policy>(
        `select schemaname as schema, tablename as table, policyname as name, cmd from pg_policies
          where tablename like 'cloud\\_%' or (schemaname, tablename) = ('realtime', 'messages')`,
      )
    ).rows;
  }

  it("dropped, or replaced by one that allows everything: a check fails", async () => {
    const all = await policies();
    expect(all.length).toBeGreaterThan(10);
    expect(await noticed("select 1")).toBe(false);
    const unnoticed: string[] = [];
    for (const { schema, table, name, cmd } of all) {
      const drop = `drop policy ${name} on ${schema}.${table};`;
      const using = cmd === "INSERT" ? "" : "using (true)";
      const withCheck = cmd === "SELECT" || cmd === "DELETE" ? "" : "with check (true)";
      const open = `create policy ${name} on ${schema}.${table} for ${cmd} to authenticated ${using} ${withCheck}`;
      if (!(await noticed(drop))) unnoticed.push(`${name} dropped`);
      if (!(await noticed(drop + open))) unnoticed.push(`${name} open to all`);
    }
    expect(unnoticed).toEqual([]);
  }, 300_000);
});

describe("each rule of the functions carries a check", () => {
  /** Lines that refuse, and lines that are one condition of several; the change that lifts the rule. */
  const LIFTS: readonly (readonly [RegExp, string])[] = [
    [/^(\s*)raise .*;$/, "$1null;"],
    [/^(\s*when '[a-z-]+' then) (?!null|true).*[^;(]$/, "$1 true"],
    [/^\s*and [^()]*(\([^()]*(\([^()]*\)[^()]*)*\)[^()]*)*$/, ""],
  ];

  it("lifted: a check fails", async () => {
    const { rows } = await world.db.query<{ name: string; definition: string }>(
      `select p.oid::regproc::text as name, pg_get_functiondef(p.oid) as definition from pg_proc p
        where p.pronamespace in ('operon'::regnamespace, 'public'::regnamespace)`,
    );
    const unnoticed: string[] = [];
    let lifted = 0;
    for (const { name, definition } of rows) {
      const lines = definition.split("\n");
      for (const [at, line] of lines.entries())
        for (const [rule, change] of LIFTS) {
          if (!rule.test(line)) continue;
          lifted++;
          const sql = lines.with(at, line.replace(rule, change)).join("\n");
          if (!(await noticed(sql))) unnoticed.push(`${name}: ${line.trim()}`);
        }
    }
    expect(lifted).toBeGreaterThan(40);
    expect(unnoticed).toEqual([]);
  }, 300_000);
});

describe("what the server asks before bodies go", () => {
  it.each(CONDITIONS)("$name: without it a check fails", async ({ of, condition, instead }) => {
    const source = (
      await world.db.query<{ source: string }>(
        "select pg_get_functiondef(p.oid) as source from pg_proc p where p.oid = $1::regproc",
        [of],
      )
    ).rows[0]?.source as string;
    expect(source.split(condition).length).toBe(2);
    const failed = await world.mutated(source.replace(condition, instead), async () => {
      for (const one of checks) if (!(await one.run(world))) return nameOf(one);
      return null;
    });
    expect(failed).not.toBe(null);
  });
});
