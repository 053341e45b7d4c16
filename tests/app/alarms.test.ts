import { expect, test } from "vitest";
import { openAlarms } from "../../src/app/alarms.ts";
import { openMembership } from "../../src/app/membership.ts";
import type { TeamId } from "../../src/base/ids.ts";
import type { Json } from "../../src/store/settings.ts";
import type { Raised } from "../../src/sync/alarms.ts";

const TEAM = "team one" as TeamId;
const OTHER = "team two" as TeamId;
const stream = { team: TEAM, project: null };
const event: Raised = { id: "e1", words: "A row was refused.", lasting: false, halted: null };
const halt: Raised = { id: "h1", words: "It was set back.", lasting: true, halted: stream };

function settings() {
  const held = new Map<string, Json>();
  return {
    set: async (key: string, value: Json) => void held.set(key, value),
    delete: async (key: string) => void held.delete(key),
    all: async () => held,
  };
}

const ofAda = async (kept: ReturnType<typeof settings>) => {
  const membership = await openMembership(kept);
  await membership.setAccount({ url: "u", key: "k", email: "ada@example.org", id: "ada" });
  for (const id of [TEAM, OTHER])
    await membership.setTeam({ id, role: "member", account: "ada", name: null });
  return membership;
};

async function opened(kept = settings(), membership = ofAda(kept)) {
  let at = 0;
  const clock = { nowMs: () => ++at, monotonicMs: () => 0 };
  return openAlarms(kept, clock, await membership);
}

test("an alarm is there once, over restarts, until a person has seen it", async () => {
  const kept = settings();
  const alarms = await opened(kept);
  await alarms.met(TEAM, [event], true);
  await alarms.met(TEAM, [event], true);
  await alarms.met(TEAM, [], true);
  const again = await opened(kept);
  expect(again.shown()).toEqual([
    { id: "e1", words: "A row was refused.", at: 1, action: "acknowledge" },
  ]);
  await again.acknowledge("e1");
  expect(again.shown()).toEqual([]);
  await again.met(TEAM, [event], true);
  expect((await opened(kept)).shown()).toEqual([]);
  await expect(again.acknowledge("e1")).rejects.toThrow("no open alarm");
});

test("what lasts cannot be put away before it is over, whatever other teams meet; then it can", async () => {
  const alarms = await opened();
  await alarms.met(TEAM, [halt], true);
  await alarms.met(OTHER, [], true);
  expect(alarms.shown()).toMatchObject([{ id: "h1", action: "restart" }]);
  await expect(alarms.acknowledge("h1")).rejects.toThrow("this very moment");
  expect(alarms.haltedBy("h")).toEqual(stream);
  await alarms.met(TEAM, [], true);
  expect(alarms.shown()).toMatchObject([{ id: "h1", action: "acknowledge" }]);
  expect(() => alarms.haltedBy("h1")).toThrow("stopped nothing");
  await alarms.acknowledge("h1");
  expect(alarms.shown()).toEqual([]);
  await alarms.met(TEAM, [halt], true);
  expect(alarms.shown()).toMatchObject([{ id: "h1", action: "restart" }]);
});

test("some of what an exchange meets ends nothing, and of events without end so many are kept", async () => {
  const alarms = await opened();
  await alarms.met(TEAM, [halt], true);
  await alarms.met(TEAM, [event], false);
  expect(alarms.shown()).toMatchObject([{ action: "restart" }, { action: "acknowledge" }]);
  const events = Array.from({ length: 300 }, (_, i): Raised => ({ ...event, id: `f${i}` }));
  for (const one of events) await alarms.met(TEAM, [one], false);
  expect(alarms.shown().length).toBe(200);
  await alarms.met(TEAM, [{ ...halt, id: "h2" }], false);
  expect(alarms.shown().length).toBe(201);
});

test("another account of this machine sees none of it and ends none, and finds its own again", async () => {
  const kept = settings();
  const membership = await ofAda(kept);
  const alarms = await opened(kept, Promise.resolve(membership));
  await alarms.met(TEAM, [halt, event], true);
  await membership.setAccount({ url: "u", key: "k", email: "ben@example.org", id: "ben" });
  expect(alarms.shown()).toEqual([]);
  await expect(alarms.acknowledge("e1")).rejects.toThrow("no open alarm");
  await membership.setAccount(null);
  expect(alarms.shown()).toEqual([]);
  await ofAda(kept);
  const again = await opened(kept);
  expect(again.shown()).toMatchObject([{ id: "h1" }, { id: "e1" }]);
});

test("of a team that was left nothing stays, what lasts neither", async () => {
  const kept = settings();
  const alarms = await opened(kept);
  await alarms.met(TEAM, [halt, event], true);
  await alarms.met(OTHER, [event], true);
  await alarms.forget(TEAM);
  for (const one of [alarms, await opened(kept)])
    expect(one.shown()).toMatchObject([{ id: "e1", action: "acknowledge" }]);
  expect([...(await kept.all()).keys()].filter((key) => key.includes(`alarm:${TEAM}`))).toEqual([]);
});
