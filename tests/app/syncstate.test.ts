import { expect, test } from "vitest";
import { syncStateOf } from "../../src/app/syncstate.ts";
import type { TeamId } from "../../src/base/ids.ts";
import type { SyncState } from "../../src/sync/engine.ts";

const one = "team one" as TeamId;
const two = "team two" as TeamId;
const alarm = { id: "a", words: "A row was refused.", at: 3, action: "acknowledge" } as const;

test("an alarm hides nothing of what waits, there or in another team, and stays when sync goes on", () => {
  const states = new Map<TeamId, SyncState>([
    [one, { state: "alarm", at: 5, waiting: 3, alarms: [] }],
    [two, { state: "verified", at: 7, waiting: 2, notices: [] }],
  ]);
  const shown = { state: "alarm", alarms: [alarm], waiting: 5 };
  expect(syncStateOf(states, [alarm])).toEqual(shown);
  states.set(one, { state: "verified", at: 9, waiting: 3, notices: [] });
  expect(syncStateOf(states, [alarm])).toEqual(shown);
  expect(syncStateOf(states, [])).toEqual({ state: "verified", at: 7, waiting: 5 });
});

test("teams that are verified are as old as the one heard of longest ago", () => {
  const states = new Map<TeamId, SyncState>([
    [one, { state: "verified", at: 9, waiting: 1, notices: [] }],
    [two, { state: "verified", at: 7, waiting: 0, notices: [] }],
  ]);
  expect(syncStateOf(states, [])).toEqual({ state: "verified", at: 7, waiting: 1 });
});
