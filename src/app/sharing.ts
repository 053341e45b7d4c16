/**
 * Which sessions leave, and with whom: a person's own consent, per project.
 *
 * - A session is shared with the team its project is linked to, and with nobody before.
 * - Signed in, only sessions with an event in the last minute are claimed; claimed ones follow their project's link.
 *   Older ones stay until a person shares them.
 * - A claim and a link are of one account: what was claimed under a private one never follows the link of another.
 */
import type { SessionId } from "../base/ids.ts";
import type { Clock } from "../base/clock.ts";
import { raise } from "../base/result.ts";
import type { Store } from "../store/store.ts";
import type { StreamRef } from "../sync/ports.ts";
import type { SessionRow } from "./api.ts";
import type { LinkRecord, Membership } from "./membership.ts";
import type { Traces } from "./traces.ts";
import type { ProjectId } from "../base/ids.ts";

const CLAIM_WINDOW_MS = 60_000;

export interface Sharing {
  /** All or, when one cannot be, none. Answers how many are shared now that were not. Raises "not-linked", "not-yours", "signed-out". */
  share(sessions: readonly SessionRow[]): Promise<number>;
  /** Takes them back from whoever they are shared with. Answers how many were shared. Raises "not-yours". */
  unshare(sessions: readonly SessionRow[]): Promise<number>;
  /** Of these (null: of all) the ones of the last minute. Shares those whose project is linked. Answers how many. */
  claimRecent(account: string, among: readonly SessionId[] | null): Promise<number>;
  /** After a project was linked: its sessions that the signed-in account claimed. */
  shareClaimed(project: ProjectId): Promise<void>;
  /** Sets or (null) takes away a project's link. Raises "signed-out". From the stream of another one before, its sessions are withdrawn. */
  relink(project: ProjectId, link: LinkRecord | null): Promise<void>;
  /** To another project of the team, with all that this account shares of it. */
  move(project: ProjectId, link: LinkRecord): Promise<void>;
  /** Withdraws what no link stands for any more: of a team that was left, of a process that ended in between. */
  reconcile(): Promise<void>;
}

export function createSharing(
  store: Store,
  membership: Membership,
  traces: Traces,
  clock: Clock,
): Sharing {
  async function shareOne(session: SessionRow): Promise<boolean> {
    const link = session.project === null ? null : membership.link(session.project.id as ProjectId);
    if (link === null) return false;
    return traces.share(session.id as SessionId, streamOf(link));
  }

  async function recent(): Promise<readonly SessionRow[]> {
    const since = clock.nowMs() - CLAIM_WINDOW_MS;
    const { rows } = await store.views.sessions({ since, limit: Number.MAX_SAFE_INTEGER });
    return rows.filter(
      (row) =>
        row.owner === null &&
        row.endedAt !== null &&
        row.endedAt >= since &&
        row.endedAt <= clock.nowMs(),
    );
  }

  async function relink(project: ProjectId, link: LinkRecord | null): Promise<void> {
    membership.requireAccount();
    const before = membership.link(project);
    // Withdrawn first: a project that is not linked any more has nothing that still leaves.
    if (before !== null && before.cloudProject !== link?.cloudProject)
      await traces.withdraw(streamOf(before));
    await membership.setLink(project, link);
  }

  return {
    async share(sessions) {
      for (const session of sessions) check(session, membership);
      let shared = 0;
      for (const session of sessions) if (await shareOne(session)) shared++;
      return shared;
    },
    async unshare(sessions) {
      for (const { id, owner } of sessions)
        if (owner !== null)
          raise(
            "not-yours",
            `The session ${id} is a teammate's, and only they can take it back. Nothing was changed.`,
          );
      let withdrawn = 0;
      for (const { id } of sessions) {
        await store.sessions.release(id as SessionId);
        if (await traces.withdrawSession(id as SessionId)) withdrawn++;
      }
      return withdrawn;
    },
    async claimRecent(account, among) {
      const fresh = (await recent()).filter(
        ({ id, claimedBy }) =>
          claimedBy === null && (among === null || among.includes(id as SessionId)),
      );
      // A claimed session is not looked at again: it is claimed when it is shared.
      for (const session of fresh) await shareOne(session);
      if (fresh.length > 0)
        await store.sessions.claim(
          fresh.map(({ id }) => id as SessionId),
          account,
        );
      return fresh.length;
    },
    async shareClaimed(project) {
      const account = membership.account()?.id;
      const { rows } = await store.views.sessions({ project, limit: Number.MAX_SAFE_INTEGER });
      for (const session of rows)
        if (session.claimedBy === account && session.owner === null) await shareOne(session);
    },
    relink,
    async move(project, link) {
      const before = membership.link(project);
      const moved = before === null ? [] : await traces.sessionsIn(streamOf(before));
      await relink(project, link);
      for (const session of moved) await shareOne(await store.views.session(session));
    },
    async reconcile() {
      const linked = membership.links();
      for (const stream of await traces.streams()) {
        const stands = linked.some(
          ({ team, cloudProject }) => team === stream.team && cloudProject === stream.project,
        );
        if (!stands) await traces.withdraw(stream);
      }
    },
  };
}

function streamOf({ team, cloudProject }: LinkRecord): StreamRef {
  return { team, project: cloudProject };
}

function check(session: SessionRow, membership: Membership): void {
  if (session.owner !== null) {
    raise(
      "not-yours",
      `The session ${session.id} is a teammate's and shared already. Nothing was shared.`,
    );
  }
  if (session.project === null) {
    raise(
      "not-linked",
      `The session ${session.id} has no project, so there is no team to share it with. Nothing was shared.`,
    );
  }
  membership.requireAccount();
  if (membership.link(session.project.id as ProjectId) !== null) return;
  raise(
    "not-linked",
    `The project "${session.project.name}" of the session ${session.id} is not linked to a team. Nothing was shared. Link it first: operon project link ${session.project.id} --team TEAM`,
  );
}
