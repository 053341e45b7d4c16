/** What one account asks for keeps others waiting for one call of its own at most, and such a call has bounds. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createProject } from "../../src/cloud/projects.ts";
import { startServer, type TestServer } from "./server.ts";
import { foundedBy, type Someone, someoneAt, type Team } from "./team.ts";

let server: TestServer;
let [olga, stan] = [{} as Someone, {} as Someone];
let [team, own] = [{} as Team, {} as Team];
let token = "";

beforeAll(async () => {
  server = await startServer();
  olga = await someoneAt(server, "olga@example.org");
  stan = await someoneAt(server, "stan@example.org");
  team = await foundedBy(olga);
  own = await foundedBy(stan);
  for (let i = 0; i < 60; i++) await createProject(stan.connection, own.id);
  token = (await stan.connection.stored())?.access_token ?? "";
}, 60_000);
afterAll(async () => {
  for (const { connection } of [olga, stan]) await connection.close();
  await server.close();
});

const pull = (cursors: number) =>
  fetch(`${server.url}/rest/v1/rpc/cloud_pull`, {
    method: "POST",
    body: `{"team":"${own.id}","max_rows":1,"cursors":[${Array.from({ length: cursors }, () => "[null,0]").join(",")}]}`,
    headers: {
      apikey: server.anonKey,
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
    },
  });

it("a request is no larger than what a device sends at once", async () => {
  expect((await pull(800_000)).status).toBe(413);
  const refused = await pull(10_001);
  expect([refused.status, await refused.json()]).toMatchObject([
    400,
    { message: "too_many_cursors" },
  ]);
});

it("somebody else's call comes after one of an account that makes many", async () => {
  let answered = 0;
  const many = Array.from({ length: 40 }, async () => {
    const { status } = await pull(10_000);
    answered++;
    return status;
  });
  await Promise.race(many);
  const before = answered;
  expect(await olga.server.heads(team.id)).toMatchObject({ ok: true });
  expect(answered - before).toBeLessThan(10);
  expect(new Set(await Promise.all(many))).toEqual(new Set([200]));
});

it("an account that has a hundred calls waiting is told to wait", async () => {
  const answers = await Promise.all(Array.from({ length: 120 }, () => pull(1)));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(await refused[0]?.json()).toMatchObject({ message: "Too many calls wait" });
  expect((await pull(1)).status).toBe(200);
});
