/**
 * Two teams in the relay's own database, in memory, and people to try things as.
 *
 * Everything a check does is rolled back, so that checks do not see each other, and a policy can be changed for one run.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { PGlite, type Transaction } from "@electric-sql/pglite";
import { relayMigrations } from "../../relay/open.ts";

/** Team A: olga owns it, adam is admin, mia a member. Team B: stan, a stranger to A. nina has an account and an invite to A. */
export type Person = "olga" | "adam" | "mia" | "stan" | "nina";
const PEOPLE: readonly Person[] = ["olga", "adam", "mia", "stan", "nina"];

export const TEAM = "team_0123456789ABCDEFGHJKMNPQRS";
export const OTHER_TEAM = "team_1123456789ABCDEFGHJKMNPQRS";
export const NEW_TEAM = "team_2123456789ABCDEFGHJKMNPQRS";
export const RECORD = Buffer.from("a wrapped key").toString("base64");
export const CARD = Buffer.from("a sealed card").toString("base64");

export type Outcome =
  | { readonly rows: readonly Record<string, unknown>[]; readonly refused: null }
  | { readonly rows: null; readonly refused: { readonly code: string; readonly message: string } };

/** One statement as somebody; a refusal is a value, and leaves what came before as it was. */
export type Try = (sql: string, parameters?: readonly unknown[]) => Promise<Outcome>;

export interface World {
  readonly db: PGlite;
  readonly ids: Readonly<Record<Person, string>>;
  /** Cloud's UUID of team A's project. */
  readonly project: string;
  readonly stream: number;
  readonly projectStream: number;
  /** Runs `work` as this person and takes everything back. */
  as<T>(who: Person | "anon", work: (attempt: Try) => Promise<T>): Promise<T>;
  /** May this person join the private channel of this topic? Asked as the relay and Supabase ask. */
  hears(who: Person | "anon", topic: string): Promise<boolean>;
  /** May a message be sent there? */
  speaks(who: Person | "anon", topic: string): Promise<boolean>;
  /** Runs `work` with the schema changed, then changes it back. */
  mutated<T>(sql: string, work: () => Promise<T>): Promise<T>;
}

function email(who: Person): string {
  return `${who}@example.org`;
}

/** What an invite's holder presents; 32 bytes. */
export function proof(name: string): Buffer {
  return createHash("sha256").update(`invite ${name}`).digest();
}

export function secretHash(name: string): Buffer {
  return createHash("sha256").update(proof(name)).digest();
}

export function emailHash(name: string, who: Person): Buffer {
  return createHash("sha256").update(proof(name)).update(email(who)).digest();
}

export function deviceOf(who: Person): Buffer {
  return createHash("sha256").update(`device ${who}`).digest().subarray(0, 16);
}

export interface RowParts {
  readonly team?: string;
  readonly project?: string | null;
  readonly device: Buffer;
  readonly doc?: string;
  readonly replica?: string;
  readonly epoch?: number;
  readonly seq?: number;
  readonly text?: string;
}

/** Bytes with the open header of a row; the rest is noise to the server. */
export function row({
  team = TEAM,
  project = null,
  device,
  doc = "doc",
  replica = "one",
  epoch = 1,
  seq = 1,
  text = "x",
}: RowParts): Buffer {
  const tag = (value: string) => createHash("sha256").update(value).digest().subarray(0, 16);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(epoch, 0);
  numbers.writeUInt32BE(seq, 4);
  const projectId = Buffer.from(project?.replaceAll("-", "") ?? "0".repeat(32), "hex");
  const previous = Buffer.alloc(32);
  return Buffer.concat([
    Buffer.from([1, 1, 1]),
    tag(team),
    projectId,
    tag(doc),
    device,
    tag(replica),
    numbers,
    previous,
    Buffer.from(text.padEnd(133, ".")),
  ]);
}

export async function createWorld(): Promise<World> {
  const db = await PGlite.create();
  for (const { sql } of await relayMigrations()) await db.exec(sql);
  await db.exec(await readFile(new URL("../../relay/watch.sql", import.meta.url), "utf8"));
  const ids = Object.fromEntries(
    await Promise.all(PEOPLE.map(async (who) => [who, await addUser(db, who)])),
  ) as Record<Person, string>;

  async function become(tx: Transaction, who: Person | "anon"): Promise<void> {
    const claims =
      who === "anon"
        ? { role: "anon" }
        : { role: "authenticated", sub: ids[who], email: email(who) };
    await tx.query(
      "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)",
      [claims.role, JSON.stringify(claims)],
    );
  }

  async function commitAs<T>(who: Person, work: (attempt: Try) => Promise<T>): Promise<T> {
    return db.transaction(async (tx) => {
      await become(tx, who);
      return work(async (sql, parameters) => ({
        rows: (await tx.query(sql, [...(parameters ?? [])])).rows as Record<string, unknown>[],
        refused: null,
      }));
    });
  }

  // A nested call (a check inside `mutated`) works in the transaction that is open.
  let open: Transaction | null = null;
  let savepoints = 0;

  async function takenBack<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    if (open) {
      const tx = open;
      const name = `s${savepoints++}`;
      await tx.exec(`savepoint ${name}`);
      try {
        return await work(tx);
      } finally {
        await tx.exec(`rollback to ${name}; release ${name}`);
      }
    }
    return db.transaction(async (tx) => {
      open = tx;
      try {
        return await work(tx);
      } finally {
        open = null;
        await tx.rollback();
      }
    });
  }

  const world: Omit<World, "project" | "stream" | "projectStream"> = {
    db,
    ids,
    as: (who, work) =>
      takenBack(async (tx) => {
        await become(tx, who);
        return work(async (sql, parameters) => {
          const name = `s${savepoints++}`;
          await tx.exec(`savepoint ${name}`);
          try {
            return {
              rows: (await tx.query(sql, [...(parameters ?? [])])).rows as Record<
                string,
                unknown
              >[],
              refused: null,
            };
          } catch (error) {
            await tx.exec(`rollback to ${name}`);
            const { code, message } = error as { code: string; message: string };
            return { rows: null, refused: { code, message } };
          }
        });
      }),
    hears: (who, topic) =>
      takenBack(async (tx) => {
        await tx.query(
          "insert into realtime.messages (topic, extension) values ($1, 'broadcast')",
          [topic],
        );
        await tx.query("select set_config('realtime.topic', $1, true)", [topic]);
        await become(tx, who);
        return (
          (await tx.query("select from realtime.messages where topic = $1", [topic])).rows.length >
          0
        );
      }),
    speaks: (who, topic) =>
      takenBack(async (tx) => {
        await tx.query("select set_config('realtime.topic', $1, true)", [topic]);
        await become(tx, who);
        const insert = "insert into realtime.messages (topic, extension) values ($1, 'broadcast')";
        return tx.query(insert, [topic]).then(
          () => true,
          (error: { code?: string }) => {
            if (error.code !== "42501") throw error;
            return false;
          },
        );
      }),
    mutated: (sql, work) =>
      takenBack(async (tx) => {
        await tx.exec(sql);
        return work();
      }),
  };

  await commitAs("olga", async (attempt) => {
    await attempt("select public.cloud_team_create($1, $2)", [TEAM, RECORD]);
    await attempt("select public.cloud_device_add($1, $2, $3)", [
      TEAM,
      deviceOf("olga").toString("hex"),
      CARD,
    ]);
    for (const [name, who, role] of [
      ["adam", "adam", "admin"],
      ["mia", "mia", "member"],
      ["nina", "nina", "member"],
      ["old", "nina", "member"],
    ] as const)
      await attempt("select public.cloud_invite_create($1, $2, $3, $4)", [
        TEAM,
        secretHash(name).toString("hex"),
        role,
        emailHash(name, who).toString("hex"),
      ]);
  });
  for (const who of ["adam", "mia"] as const)
    await commitAs(who, async (attempt) => {
      await attempt("select public.cloud_team_join($1)", [proof(who).toString("hex")]);
      await attempt("select public.cloud_device_add($1, $2, $3)", [
        TEAM,
        deviceOf(who).toString("hex"),
        CARD,
      ]);
    });
  const project = await commitAs("mia", async (attempt) => {
    for (const name of ["mia's own", "mia's old"])
      await attempt("select public.cloud_invite_create($1, $2)", [
        TEAM,
        secretHash(name).toString("hex"),
      ]);
    const { rows } = await attempt("select public.cloud_project_create($1) ->> 'project' as id", [
      TEAM,
    ]);
    const id = rows?.[0]?.["id"] as string;
    await attempt("select public.cloud_push($1, null, $2)", [
      TEAM,
      JSON.stringify([row({ device: deviceOf("mia") }).toString("base64")]),
    ]);
    await attempt("select public.cloud_push($1, $2, $3)", [
      TEAM,
      id,
      JSON.stringify([row({ device: deviceOf("mia"), project: id }).toString("base64")]),
    ]);
    return id;
  });
  await commitAs("stan", async (attempt) => {
    await attempt("select public.cloud_team_create($1, $2)", [OTHER_TEAM, RECORD]);
    await attempt("select public.cloud_device_add($1, $2, $3)", [
      OTHER_TEAM,
      deviceOf("stan").toString("hex"),
      CARD,
    ]);
  });
  for (const name of ["old", "mia's old"])
    await db.query(
      "update public.cloud_invites set expires_at = now() - interval '1 minute' where secret_hash = $1",
      [secretHash(name)],
    );
  const streams = (
    await db.query<{ id: number; project_id: string | null }>(
      "select id, project_id from public.cloud_streams where team_id = $1",
      [TEAM],
    )
  ).rows;
  return {
    ...world,
    project,
    stream: streams.find(({ project_id }) => project_id === null)?.id as number,
    projectStream: streams.find(({ project_id }) => project_id === project)?.id as number,
  };
}

async function addUser(db: PGlite, who: Person): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    "insert into auth.users (email, encrypted_password) values ($1, '') returning id",
    [email(who)],
  );
  return (rows[0] as { id: string }).id;
}
