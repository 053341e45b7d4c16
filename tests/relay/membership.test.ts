import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Database } from "../../relay/database.ts";
import { openDatabase } from "../../relay/open.ts";
import { createRealtime, type Realtime } from "../../relay/realtime.ts";
import { createTokens, type Tokens } from "../../relay/tokens.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLog as log } from "../../src/base/log.ts";

const TEAM = "team_0123456789ABCDEFGHJKMNPQRS";
const OTHER_TEAM = "team_1123456789ABCDEFGHJKMNPQRS";
const OF_TEAM = `team:${TEAM}:1`;
const OF_STREAM = `stream:${TEAM}::${"0".repeat(32)}`;

interface Account {
  readonly id: string;
  readonly email: string;
}
let folder: string;
let database: Database;
/** Called after each question that the relay asks of the policies. */
let asked: () => Promise<void> = async () => undefined;
let tokens: Tokens;
let realtime: Realtime;
let server: Server;
let [olga, mia, stan] = [{} as Account, {} as Account, {} as Account];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "relay-"));
  database = await openDatabase({ dataFolder: folder, clock, log });
  tokens = await createTokens(Buffer.alloc(32, 1), 0, clock);
  realtime = await createRealtime({
    database: {
      ...database,
      async transaction(work) {
        try {
          return await database.transaction(work);
        } finally {
          await asked();
        }
      },
    },
    tokens,
    clock,
    log,
  });
  server = createServer().on("upgrade", realtime.upgrade).listen(0, "127.0.0.1");
  await once(server, "listening");
  [olga, mia, stan] = (await database.query<{ id: string; email: string }>(
    "insert into auth.users (email, encrypted_password) values ('olga@example.org', ''), ('mia@example.org', ''), ('stan@example.org', '') returning id, email",
  )) as [Account, Account, Account];
  await database.query("insert into public.cloud_teams (id) values ($1), ($2)", [TEAM, OTHER_TEAM]);
  await database.query("insert into public.cloud_streams (team_id) values ($1)", [TEAM]);
}, 30_000);

beforeEach(async () => {
  asked = async () => undefined;
  await database.query("delete from public.cloud_members");
  for (const [{ id }, team] of [
    [olga, TEAM],
    [mia, TEAM],
    [stan, OTHER_TEAM],
  ] as const)
    await database.query(
      "insert into public.cloud_members (team_id, user_id, role) values ($1, $2, 'member')",
      [team, id],
    );
});

afterAll(async () => {
  realtime.close();
  server.close();
  await database.close();
  await rm(folder, { recursive: true });
});

const remove = ({ id }: Account) =>
  database.query("delete from public.cloud_members where user_id = $1", [id]);
const changeRights = (team: string) =>
  database.query(
    "update public.cloud_members set role = case role when 'member' then 'admin' else 'member' end where team_id = $1",
    [team],
  );
const say = (topic: string) => database.query("select realtime.send('{}', 'poke', $1)", [topic]);

/** What a socket hears; of binary frames the bytes. */
type Heard = Buffer | unknown[];

async function connected(account: Account) {
  const socket = new WebSocket(
    `ws://127.0.0.1:${(server.address() as AddressInfo).port}/?vsn=2.0.0`,
  );
  const heard: Heard[] = [];
  const waiting: ((message: Heard) => void)[] = [];
  socket.on("message", (data: Buffer, binary: boolean) => {
    const message = binary ? data : (JSON.parse(data.toString()) as unknown[]);
    const next = waiting.shift();
    if (next) next(message);
    else heard.push(message);
  });
  const next = () => {
    const message = heard.shift();
    return message
      ? Promise.resolve(message)
      : new Promise<Heard>((resolve) => waiting.push(resolve));
  };
  await once(socket, "open");
  const { token } = await tokens.sign(account, "5f0c3b1e-0000-4000-8000-000000000000");
  return {
    heard,
    next,
    closed: once(socket, "close"),
    async join(topic: string): Promise<unknown> {
      const payload = { config: { private: true }, access_token: token };
      socket.send(JSON.stringify(["1", "1", `realtime:${topic}`, "phx_join", payload]));
      const answer = (await next()) as [string, string, string, string, { status: string }];
      return answer[4].status;
    },
    speak(topic: string, text: string): void {
      const name = Buffer.from(`realtime:${topic}`);
      const header = Buffer.from([3, 0, 0, name.length, 3, 0, 0]);
      socket.send(Buffer.concat([header, name, Buffer.from("row"), Buffer.from(text)]));
    },
    /** Everything that was sent before has been read by the relay, and what it said then has come. */
    async settled(): Promise<void> {
      socket.ping();
      await once(socket, "pong");
    },
  };
}

it("a channel ends with the membership of the one who hears it, and with no other", async () => {
  const [stays, goes] = [await connected(olga), await connected(mia)];
  for (const each of [stays, goes]) expect(await each.join(OF_TEAM)).toBe("ok");
  await remove(mia);
  // Said before the relay has asked again.
  await say(OF_TEAM);
  expect(await goes.next()).toMatchObject({ 3: "phx_close" });
  expect(await stays.next()).toMatchObject({ 3: "broadcast" });
  await goes.settled();
  expect(goes.heard).toEqual([]);
});

it("an open socket of somebody who was removed hears and speaks nothing more", async () => {
  const [stays, goes] = [await connected(olga), await connected(mia)];
  for (const each of [stays, goes]) expect(await each.join(OF_STREAM)).toBe("ok");
  goes.speak(OF_STREAM, "before");
  expect((await stays.next()).includes("before")).toBe(true);
  await remove(mia);
  goes.speak(OF_STREAM, "at once");
  expect(await goes.next()).toMatchObject({ 3: "phx_close" });
  goes.speak(OF_STREAM, "after");
  await goes.settled();
  stays.speak(OF_STREAM, "among us");
  await stays.settled();
  await goes.settled();
  expect([stays.heard, goes.heard]).toEqual([[], []]);
  expect(await goes.join(OF_STREAM)).toBe("error");
});

it("a join that a removal overtakes is refused", async () => {
  const late = await connected(mia);
  asked = async () => {
    asked = async () => undefined;
    await remove(mia);
  };
  expect(await late.join(OF_TEAM)).toBe("error");
});

it("a project that is for others from now on is heard by them alone", async () => {
  const [{ id }] = (await database.query<{ id: string }>(
    "insert into public.cloud_projects (team_id, created_by) values ($1, $2) returning id",
    [TEAM, olga.id],
  )) as [{ id: string }];
  const topic = `stream:${TEAM}:${id}:${"0".repeat(32)}`;
  const [stays, goes] = [await connected(olga), await connected(mia)];
  for (const each of [stays, goes]) expect(await each.join(topic)).toBe("ok");
  await database.query("update public.cloud_projects set seen_by = array[$1::uuid]", [olga.id]);
  expect(await goes.next()).toMatchObject({ 3: "phx_close" });
  await stays.settled();
  expect(stays.heard).toEqual([]);
});

it("what changes in another team, however often, keeps nothing from anybody", async () => {
  const [hears, other] = [await connected(mia), await connected(stan)];
  expect(await other.join(`team:${OTHER_TEAM}:1`)).toBe("ok");
  expect(await hears.join(OF_STREAM)).toBe("ok");
  // So what was asked for the other team has to be asked again, for ever.
  asked = async () => void (await changeRights(OTHER_TEAM));
  await changeRights(OTHER_TEAM);
  expect(await hears.join(OF_TEAM)).toBe("ok");
  await say(OF_TEAM);
  expect(await hears.next()).toMatchObject({ 3: "broadcast" });
  const speaks = await connected(olga);
  expect(await speaks.join(OF_STREAM)).toBe("ok");
  speaks.speak(OF_STREAM, "row");
  expect((await hears.next()).includes("row")).toBe(true);
});

it("changes in one's own team that never end hold up no join, and what was said meanwhile is heard after them", async () => {
  const hears = await connected(mia);
  asked = async () => void (await changeRights(TEAM));
  expect(await hears.join(OF_TEAM)).toBe("ok");
  await say(OF_TEAM);
  await hears.settled();
  expect(hears.heard).toEqual([]);
  asked = async () => undefined;
  expect(await hears.next()).toMatchObject({ 3: "broadcast" });
});

it("who would have to wait for more than is kept is let go, and fetches it", async () => {
  const hears = await connected(mia);
  asked = async () => void (await changeRights(TEAM));
  expect(await hears.join(OF_TEAM)).toBe("ok");
  for (let i = 0; i < 201; i++) await say(OF_TEAM);
  await hears.closed;
  expect(hears.heard).toEqual([]);
});

it("a change that changes nothing asks nobody", async () => {
  const hears = await connected(mia);
  expect(await hears.join(OF_TEAM)).toBe("ok");
  let questions = 0;
  asked = async () => void questions++;
  await database.query("update public.cloud_members set role = role");
  await say(OF_TEAM);
  expect(await hears.next()).toMatchObject({ 3: "broadcast" });
  expect(questions).toBe(0);
});
