/** What every transport owes sync, over supabase-js and the relay's database. */
import { afterAll, beforeAll } from "vitest";
import { unwrap } from "../../src/base/result.ts";
import { createProject } from "../../src/cloud/projects.ts";
import { transportContract } from "../sync/transportContract.ts";
import { startServer, type TestServer } from "./server.ts";
import { foundedBy, invited, joinedBy, someoneAt } from "./team.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(() => server.close());

let teams = 0;
transportContract("relay", async () => {
  const [owner, member] = await Promise.all(
    ["owner", "member"].map((who) => someoneAt(server, `${who}${teams}@contract.example`)),
  );
  if (!owner || !member) throw new Error("nobody is there");
  teams++;
  const team = await foundedBy(owner);
  unwrap(await joinedBy(member, await invited(owner, team, "member", member.account.email)));
  const project = unwrap(await createProject(owner.connection, team.id));
  return {
    keys: team.keys,
    devices: [owner.device, member.device],
    transports: [owner.transport, member.transport],
    streams: [
      { team: team.id, project: null },
      { team: team.id, project },
    ],
    close: async () => {
      await owner.connection.close();
      await member.connection.close();
    },
  };
});
