/**
 * Two teams in the relay's own database, in memory, and people to try things as.
 *
 * Everything a check does is rolled back, so that checks do not see each other, and a policy can be changed for one run.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { PGlite, type Transaction } from "@electric-sql/pglite";
import { relayMigrations } from "../../relay/open.ts";
import { createDevice, type DeviceIdentity } from "../../src/crypto/device.ts";
import type { DeviceKind } from "../../src/crypto/log/body.ts";
import { seededRandom } from "../crypto/samples.ts";
import {
  addDevice,
  base64,
  byDevice,
  entry,
  epoch,
  fences,
  founding,
  type HeadRow,
  invite,
  type Item,
  join,
  memberOf,
} from "./entries.ts";

/**
 * Team A: olga owns it, adam is admin, mia a member; rita was one. Team B: stan, a stranger to A. nina has an account and
 * invites to A.
 */
export const PEOPLE = ["olga", "adam", "mia", "rita", "stan", "nina"] as const;
export type Person = (typeof PEOPLE)[number];
/** Accounts. */
export const IDS = Object.fromEntries(
  PEOPLE.map((who, i) => [who, `00000000-0000-4000-8000-00000000000${i + 1}`]),
) as Record<Person, string>;

export const device = (name: string): DeviceIdentity => createDevice(seededRandom(name));
/** People's, and mia's with an end that has come, one with an end to come, and one on paper. */
export const DEVICES = {
  ...(Object.fromEntries(PEOPLE.map((who) => [who, device(who)])) as Record<
    Person,
    DeviceIdentity
  >),
  over: device("over"),
  booth: device("booth"),
  paper: device("paper"),
};
const TEAM_A = founding(DEVICES.olga, IDS.olga);
const TEAM_B = founding(DEVICES.stan, IDS.stan);
export const TEAM = TEAM_A.team;
export const FOUNDING = TEAM_A.items;
export const OTHER_TEAM = TEAM_B.team;
/** Of team A. */
export const EPOCH = 2;

export type Outcome =
  | { readonly rows: readonly Record<string, unknown>[]; readonly refused: null }
  | { readonly rows: null; readonly refused: { readonly code: string; readonly message: string } };

/** One statement as somebody; a refusal is a value, and leaves what came before as it was. */
export type Try = (sql: string, parameters?: readonly unknown[]) => Promise<Outcome>;

export interface World {
  readonly db: PGlite;
  /** Cloud's UUIDs of team A's projects: one that all see, one for olga and mia. */
  readonly project: string;
  readonly ours: string;
  readonly stream: number;
  readonly projectStream: number;
  readonly oursStream: number;
  /** How many entries team A's log has. */
  readonly listed: number;
  /** Of all streams of team A. */
  readonly heads: readonly HeadRow[];
  /** Runs `work` as this person, and as others if they take over, and takes everything back. */
  as<T>(
    who: Person | "anon",
    work: (attempt: Try, become: (who: Person) => Promise<void>) => Promise<T>,
  ): Promise<T>;
  /** May this person join the private channel of this topic? Asked as the relay and Supabase ask. */
  hears(who: Person | "anon", topic: string): Promise<boolean>;
  /** May a message be sent there? */
  speaks(who: Person | "anon", topic: string): Promise<boolean>;
  /** Runs `work` with the schema changed, then changes it back. */
  mutated<T>(sql: string, work: () => Promise<T>): Promise<T>;
}

export function email(who: Person): string {
  return `${who}@example.org`;
}

export function deviceOf(who: keyof typeof DEVICES): Buffer {
  return Buffer.from(DEVICES[who].id, "hex");
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
  readonly kind?: number;
  /** Number, and what is left, behind the header. */
  readonly mark?: readonly [number, number];
}

/** Bytes with the open header of a row; the rest is noise to the server. */
export function row({
  team = TEAM,
  project = null,
  device,
  doc = "doc",
  replica = "one",
  epoch: inEpoch = 1,
  seq = 1,
  text = "x",
  kind = 1,
  mark,
}: RowParts): Buffer {
  const tag = (value: string) => createHash("sha256").update(value).digest().subarray(0, 16);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(inEpoch, 0);
  numbers.writeUInt32BE(seq, 4);
  const projectId = Buffer.from(project?.replaceAll("-", "") ?? "0".repeat(32), "hex");
  const previous = Buffer.alloc(32);
  return Buffer.concat([
    Buffer.from([1, 1, kind]),
    tag(team),
    projectId,
    tag(doc),
    device,
    tag(replica),
    numbers,
    previous,
    markBytes(mark),
    Buffer.from(text.padEnd(133, ".")),
  ]);
}

function markBytes(mark: RowParts["mark"]): Buffer {
  if (!mark) return Buffer.alloc(0);
  const bytes = Buffer.alloc(8);
  bytes.writeUIntBE(mark[0], 0, 6);
  bytes.writeUInt16BE(mark[1], 6);
  return bytes;
}

export async function createWorld(): Promise<World> {
  const db = await PGlite.create();
  for (const { sql } of await relayMigrations()) await db.exec(sql);
  await db.exec(await readFile(new URL("../../relay/watch.sql", import.meta.url), "utf8"));
  for (const who of PEOPLE)
    await db.query("insert into auth.users (id, email, encrypted_password) values ($1, $2, '')", [
      IDS[who],
      email(who),
    ]);

  async function become(tx: Transaction, who: Person | "anon"): Promise<void> {
    const claims =
      who === "anon"
        ? { role: "anon" }
        : { role: "authenticated", sub: IDS[who], email: email(who) };
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

  const world: Omit<
    World,
    "project" | "ours" | "stream" | "projectStream" | "oursStream" | "listed" | "heads"
  > = {
    db,
    as: (who, work) =>
      takenBack(async (tx) => {
        await become(tx, who);
        return work(
          async (sql, parameters) => {
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
          },
          (other) => become(tx, other),
        );
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

  const counts = new Map<string, number>();
  async function list(who: Person, items: readonly Item[], team: string = TEAM): Promise<void> {
    const listed = counts.get(team) ?? 0;
    await commitAs(who, (attempt) => attempt(APPEND, [team, listed, JSON.stringify(items)]));
    counts.set(team, listed + items.length);
  }
  const heads = async () =>
    (
      await db.query<HeadRow>(
        "select project_id as project, n, h from public.cloud_streams where team_id = $1",
        [TEAM],
      )
    ).rows;
  const { olga, adam, mia, over, booth, paper } = DEVICES;
  const linked = async (who: Person) =>
    (
      await commitAs(who, (attempt) =>
        attempt("select public.cloud_project_create($1) ->> 'project' as id", [TEAM]),
      )
    ).rows?.[0]?.["id"] as string;
  const pushed = (who: Person, project: string | null, bytes: Buffer) =>
    commitAs(who, (attempt) =>
      attempt("select public.cloud_push($1, $2, $3)", [
        TEAM,
        project,
        JSON.stringify([base64(bytes)]),
      ]),
    );

  await list("olga", TEAM_A.items);
  await list("stan", TEAM_B.items, OTHER_TEAM);
  for (const [who, admits] of [
    ["adam", "admin"],
    ["mia", "member"],
    ["rita", "member"],
  ] as const) {
    await list("olga", [invite(TEAM, olga, who, admits, email(who))]);
    await list(who, [join(TEAM, who, { device: DEVICES[who], account: IDS[who] })]);
  }
  const ends = { over: Date.now() - 1000, booth: Date.now() + 3_600_000, paper: null };
  for (const [name, kind] of [
    ["over", "ephemeral"],
    ["booth", "ephemeral"],
    ["paper", "recovery"],
  ] as const satisfies readonly (readonly [string, DeviceKind])[]) {
    const added = { device: DEVICES[name], account: IDS.mia, kind, expiresMs: ends[name] };
    await list("mia", [{ entry: base64(addDevice(TEAM, byDevice(mia), added)) }]);
  }
  const project = await linked("mia");
  const ours = await linked("mia");
  await pushed("rita", null, row({ device: deviceOf("rita") }));
  const remaining = [olga, adam, mia, over, booth, paper].map(({ id }) => id);
  await list("adam", [
    {
      entry: base64(
        entry(TEAM, byDevice(adam), {
          kind: "remove-member",
          member: memberOf(IDS.rita),
          fences: fences(await heads()),
        }),
      ),
    },
    epoch(TEAM, adam, EPOCH, remaining),
  ]);
  const members = [IDS.olga, IDS.mia].map(memberOf);
  await list("olga", [
    {
      entry: base64(
        entry(TEAM, byDevice(olga), { kind: "project-access", project: memberOf(ours), members }),
      ),
    },
    invite(TEAM, olga, "nina", "member", email("nina")),
    invite(TEAM, olga, "old", "member", email("nina"), Date.now() - 1000),
    invite(TEAM, olga, "mia again", "member", email("mia")),
  ]);
  await list("adam", [invite(TEAM, adam, "by adam", "member", email("nina"))]);
  await list("mia", [
    invite(TEAM, mia, "mia's own", "own", null),
    invite(TEAM, mia, "mia's old", "own", null, Date.now() - 1000),
  ]);
  for (const to of [null, project, ours])
    await pushed("mia", to, row({ device: deviceOf("mia"), project: to, epoch: EPOCH }));

  const streams = (
    await db.query<{ id: number; project_id: string | null }>(
      "select id, project_id from public.cloud_streams where team_id = $1",
      [TEAM],
    )
  ).rows;
  const streamOf = (of: string | null) =>
    streams.find(({ project_id }) => project_id === of)?.id as number;
  return {
    ...world,
    project,
    ours,
    stream: streamOf(null),
    projectStream: streamOf(project),
    oursStream: streamOf(ours),
    listed: counts.get(TEAM) as number,
    heads: await heads(),
  };
}

export const APPEND = "select public.cloud_log_append($1, $2, $3) as appended";
