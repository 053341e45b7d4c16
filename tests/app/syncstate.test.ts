import { expect, test } from "vitest";
import { syncStateOf } from "../../src/app/syncstate.ts";
import type { TeamId } from "../../src/base/ids.ts";
import type { SyncState } from "../../src/sync/engine.ts";

const one = "team one" as TeamId;
const two = "team two" as TeamId;

test("an alarm of one team hides nothing of what waits, there or in another", async () => {
  const states = new Map<TeamId, SyncState>([
    [one, { state: "alarm", alarms: ["A row was refused."] }],
    [two, { state: "verified", at: 7, waiting: 2, notices: [] }],
  ]);
  const asked: TeamId[] = [];
  const pending = async (team: TeamId) => {
    asked.push(team);
    return ["a", "b", "c"];
  };
  expect(await syncStateOf(states, pending)).toEqual({
    state: "alarm",
    alarms: ["A row was refused."],
    waiting: 5,
  });
  expect(asked).toEqual([one]);
});

test("teams that are verified are as old as the one heard of longest ago", async () => {
  const states = new Map<TeamId, SyncState>([
    [one, { state: "verified", at: 9, waiting: 1, notices: [] }],
    [two, { state: "verified", at: 7, waiting: 0, notices: [] }],
  ]);
  expect(await syncStateOf(states, async () => [])).toEqual({
    state: "verified",
    at: 7,
    waiting: 1,
  });
});
