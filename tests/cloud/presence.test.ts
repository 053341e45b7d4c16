/** Two devices at one decision, each with the whole of sync, over a relay. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { DocId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { unwrap } from "../../src/base/result.ts";
import { signIn } from "../../src/cloud/account.ts";
import { PRESENCE_BYTES } from "../../src/crypto/presence.ts";
import { channelTag } from "../../src/crypto/team.ts";
import { createSync, type Sync } from "../../src/sync/engine.ts";
import type { Here } from "../../src/sync/looks.ts";
import type { Heard } from "../../src/sync/transport.ts";
import { MemoryStore } from "../sync/memoryStore.ts";
import { connectTo, PASSWORD, startServer, type TestServer } from "./server.ts";
import {
  foundedBy,
  invited,
  joinedBy,
  memberOf,
  seated,
  type Someone,
  someoneAt,
  type Team,
} from "./team.ts";

const DOC = "dec_1" as DocId;
const SOON = { timeout: 20_000, interval: 20 };

let server: TestServer;
const people: Someone[] = [];
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  for (const { connection } of people) await connection.close();
  await server.close();
});

async function someone(name: string): Promise<Someone> {
  const made = await someoneAt(server, `${name}@example.org`);
  people.push(made);
  return made;
}

function living({ device, transport }: Someone, { keys }: Team, store: MemoryStore) {
  let here: readonly Here[] = [];
  const sync: Sync = createSync({
    ...{ store, transport, keys, device, clock: systemClock, random: systemRandom },
    keepKeys: async () => undefined,
    log: silentLog,
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    onShown: () => undefined,
    onApplied: () => undefined,
    onRetired: () => undefined,
    onHere: (_doc, now) => (here = now),
    onState: () => undefined,
    onAlarms: async () => undefined,
  });
  return { sync, here: () => here };
}

it("shows who is there and where, in messages of one size, until they leave", async () => {
  const [ada, ben] = [await someone("ada"), await someone("ben")];
  const team = await foundedBy(ada);
  const theirs = unwrap(await joinedBy(ben, await invited(ada, team, "member", ben.account.email)));
  const stream = { team: team.id, project: null };
  const stores = [new MemoryStore(), new MemoryStore()] as const;
  stores[0].create(DOC, "decision", stream);
  stores[0].edit(DOC, (doc) => doc.getText("context").insert(0, "middle"));
  const here = living(ada, team, stores[0]);
  const there = living(ben, theirs, stores[1]);
  for (const { sync } of [here, there]) sync.start();
  await expect.poll(() => stores[1].has(DOC), SOON).toBe(true);

  const heard: Heard[] = [];
  const connection = connectTo(server);
  unwrap(await signIn(connection, ben.account.email, PASSWORD));
  const third = seated(connection, ben.account);
  people.push(third);
  const spy = third.transport.look(stream, channelTag(team.keys, null), (said) => heard.push(said));
  await expect.poll(() => heard[0], SOON).toEqual({ is: "ready" });
  for (const { sync } of [here, there]) sync.lookAt(new Set([DOC]));
  await expect
    .poll(() => here.here().map(({ person }) => person?.email), SOON)
    .toEqual(["ben@example.org"]);
  await expect.poll(() => there.here().map(({ member }) => member), SOON).toEqual([memberOf(ada)]);
  const end = new Uint8Array([1, 2, 3]);
  there.sync.moveTo(DOC, { field: "context", caret: { anchor: end, head: end } });
  await expect
    .poll(() => here.here(), SOON)
    .toMatchObject([{ field: "context", caret: { anchor: end, head: end } }]);
  there.sync.lookAt(new Set());
  await expect.poll(() => here.here(), SOON).toEqual([]);
  await there.sync.stop();
  await here.sync.stop();
  spy.close();
  const sizes = heard.flatMap((each) => (each.is === "presence" ? [each.bytes.length] : []));
  expect(sizes.length).toBeGreaterThan(1);
  expect(new Set(sizes)).toEqual(new Set([PRESENCE_BYTES]));
});
