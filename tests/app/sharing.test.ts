/** What one account claimed and linked is no consent of another one on the same machine. */
import { expect, test } from "vitest";
import { openMembership, type AccountRecord } from "../../src/app/membership.ts";
import { createSharing } from "../../src/app/sharing.ts";
import type { Traces } from "../../src/app/traces.ts";
import type { ProjectId, TeamId } from "../../src/base/ids.ts";
import { batch, event, NOW, sessionId } from "../store/captures.ts";
import { clock, openTestStore } from "../store/help.ts";

const team = "team_01KABCDEFGHJKMNPQRSTVWXYZ0" as TeamId;
const link = { team, cloudProject: "5f0c3b1e-0000-4000-8000-000000000000" };

const streamOf = ({ team, cloudProject }: typeof link) => ({ team, project: cloudProject });

function account(id: string): AccountRecord {
  return { url: "https://cloud.example", key: "key", email: `${id}@example.org`, id };
}

async function world() {
  const store = await openTestStore();
  const membership = await openMembership(store.settings);
  const shared: string[] = [];
  const withdrawn: unknown[] = [];
  const traces = {
    share: async (session: string) => shared.push(session) > 0,
    withdraw: async (stream: unknown) => void withdrawn.push([stream, membership.links().length]),
    streams: async () => [link, { ...link, cloudProject: "gone" }].map(streamOf),
  } as unknown as Traces;
  const sharing = createSharing(store, membership, traces, clock);
  const runs = async (name: string) =>
    store.capture.commit([
      batch(name, {
        facts: { cwd: "/srv/shop" },
        events: [event(name, { at: NOW - 5_000 })],
      }),
    ]);
  return { store, membership, sharing, shared, withdrawn, runs, traces };
}

test("sessions that a private account claimed do not follow the link of the work account", async () => {
  const { store, membership, sharing, shared, runs } = await world();
  await runs("private");
  await membership.setAccount(account("home"));
  expect(await sharing.claimRecent("home", null)).toBe(1);

  await membership.setAccount(account("work"));
  await runs("later");
  expect(await sharing.claimRecent("work", null)).toBe(1);
  const [project] = await store.views.projects();
  await sharing.relink(project?.id as ProjectId, link);
  await sharing.shareClaimed(project?.id as ProjectId);
  expect(shared).toEqual([sessionId("later")]);
});

test("a link is its account's: another one does not follow, take away or replace it", async () => {
  const { store, membership, sharing, shared, withdrawn, runs } = await world();
  await membership.setAccount(account("home"));
  await runs("private");
  const project = (await store.views.projects())[0]?.id as ProjectId;
  await sharing.relink(project, link);

  await membership.setAccount(account("work"));
  expect(membership.link(project)).toBeNull();
  expect(await sharing.claimRecent("work", null)).toBe(1);
  await sharing.relink(project, { ...link, cloudProject: "other" });
  await sharing.relink(project, null);
  // While the link still stands: what leaves without one is nobody's consent, wherever the process ends.
  expect([shared, withdrawn]).toEqual([[], [[{ team, project: "other" }, 1]]]);

  await membership.setAccount(null);
  await expect(sharing.relink(project, null)).rejects.toMatchObject({
    fault: { type: "signed-out" },
  });
  const { rows } = await store.views.sessions({});
  await expect(sharing.share(rows)).rejects.toMatchObject({ fault: { type: "signed-out" } });

  await membership.setAccount(account("home"));
  expect(membership.link(project)).toEqual(link);
  const reopened = await openMembership(store.settings);
  expect(reopened.link(project)).toEqual(link);
});

test("two accounts in one team are each in it", async () => {
  const { membership } = await world();
  for (const id of ["home", "work"]) {
    await membership.setAccount(account(id));
    expect(membership.teams()).toEqual([]);
    await membership.setTeam({ id: team, role: "member", account: id, name: null });
  }
  await membership.setAccount(account("home"));
  expect(membership.teams()).toMatchObject([{ id: team, account: "home" }]);
});

test("what no link stands for any more is withdrawn", async () => {
  const { store, membership, sharing, withdrawn, runs } = await world();
  await membership.setAccount(account("home"));
  await runs("private");
  const project = (await store.views.projects())[0]?.id as ProjectId;
  await sharing.relink(project, link);
  await sharing.reconcile();
  expect(withdrawn).toEqual([[{ team, project: "gone" }, 1]]);
});

test("a session is claimed when it is shared, and looked at again until then", async () => {
  const { store, membership, sharing, shared, runs, traces } = await world();
  await membership.setAccount(account("home"));
  await runs("early");
  const project = (await store.views.projects())[0]?.id as ProjectId;
  await sharing.relink(project, link);
  const { share } = traces;
  traces.share = () => Promise.reject(new Error("the process ended"));
  await expect(sharing.claimRecent("home", null)).rejects.toThrow("ended");
  traces.share = share;
  expect(await sharing.claimRecent("home", null)).toBe(1);
  expect(shared).toEqual([sessionId("early")]);
});
