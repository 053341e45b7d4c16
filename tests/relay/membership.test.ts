import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { openDatabase } from "../../relay/open.ts";
import { createRealtime } from "../../relay/realtime.ts";
import { createTokens } from "../../relay/tokens.ts";
import { systemClock as clock } from "../../src/base/clock.ts";
import { silentLog as log } from "../../src/base/log.ts";
import { TEAM } from "../rls/world.ts";

it("a channel ends with the membership of the one who hears it, and with no other", async () => {
  const folder = await mkdtemp(join(tmpdir(), "relay-"));
  const database = await openDatabase({ dataFolder: folder, clock, log });
  const tokens = await createTokens(Buffer.alloc(32, 1), 0, clock);
  const realtime = await createRealtime({ database, tokens, clock, log });
  const server = createServer().on("upgrade", realtime.upgrade).listen(0, "127.0.0.1");
  await once(server, "listening");

  const [olga, mia] = await database.query<{ id: string; email: string }>(
    "insert into auth.users (email, encrypted_password) values ('olga@example.org', ''), ('mia@example.org', '') returning id, email",
  );
  await database.query("insert into public.cloud_teams (id, created_by) values ($1, $2)", [
    TEAM,
    olga?.id,
  ]);
  await database.query("alter table public.cloud_members disable trigger spend_invite");
  await database.query(
    "insert into public.cloud_members (team_id, user_id, role) values ($1, $2, 'member')",
    [TEAM, mia?.id],
  );

  async function joined(account: { id: string; email: string } | undefined) {
    const socket = new WebSocket(
      `ws://127.0.0.1:${(server.address() as AddressInfo).port}/?vsn=2.0.0`,
    );
    const heard: unknown[][] = [];
    const waiting: ((message: unknown[]) => void)[] = [];
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as unknown[];
      const next = waiting.shift();
      if (next) next(message);
      else heard.push(message);
    });
    const next = () => {
      const message = heard.shift();
      return message
        ? Promise.resolve(message)
        : new Promise<unknown[]>((resolve) => waiting.push(resolve));
    };
    await once(socket, "open");
    const { token } = await tokens.sign(
      account as { id: string; email: string },
      "5f0c3b1e-0000-4000-8000-000000000000",
    );
    socket.send(
      JSON.stringify([
        "1",
        "1",
        `realtime:team:${TEAM}`,
        "phx_join",
        { config: { private: true }, access_token: token },
      ]),
    );
    expect(await next()).toMatchObject([
      "1",
      "1",
      `realtime:team:${TEAM}`,
      "phx_reply",
      { status: "ok" },
    ]);
    return { socket, next };
  }

  const stays = await joined(olga);
  const goes = await joined(mia);
  await database.query("delete from public.cloud_members where user_id = $1", [mia?.id]);
  expect((await goes.next())[3]).toBe("phx_close");
  await database.query("select realtime.send('{}', 'poke', $1)", [`team:${TEAM}`]);
  expect((await stays.next())[3]).toBe("broadcast");

  realtime.close();
  server.close();
  await database.close();
  await rm(folder, { recursive: true });
}, 30_000);
