/** Sync's transport over a team's functions and its private channel. */
import type { RealtimeChannel } from "@supabase/supabase-js";
import * as v from "valibot";
import { toBase64 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import type { StreamRef } from "../sync/ports.ts";
import type { PushAnswer, Sealed, Signal, Transport } from "../sync/transport.ts";
import type { Connection } from "./connection.ts";
import { nonsense } from "./faults.ts";
import { base64, Hash, ProjectUuid, RowNumber } from "./shapes.ts";
import { teamState } from "./teams.ts";

/** Of rows in one call: the server takes 8 MiB as base64 in JSON. */
const PUSH_MAX_BYTES = 3 * 1024 * 1024;
const ROW_MAX_BYTES = 256 * 1024;
/** How long until a channel that the server closed is asked for again. */
const ASK_AGAIN_MS = [250, 1000, 5000, 30_000];

const Project = v.nullable(ProjectUuid);
const Pulled = v.object({
  rows: v.array(v.tuple([Project, RowNumber, base64(1, ROW_MAX_BYTES)])),
  heads: v.array(v.tuple([Project, RowNumber, Hash])),
  more: v.boolean(),
});
const Pushed = v.array(
  v.union([
    v.object({ conflict: v.literal(true) }),
    v.object({ n: RowNumber, h: Hash }),
    v.object({ n: RowNumber }),
  ]),
);
const Poke = v.object({
  payload: v.object({
    project: Project,
    n: RowNumber,
    h: Hash,
    row: v.optional(base64(1, ROW_MAX_BYTES)),
  }),
});

export function createTransport(connection: Connection): Transport {
  return {
    async pull(team, cursors, limit) {
      const page = await connection.call(
        "cloud_pull",
        {
          team,
          cursors: cursors.map(({ stream, cursor }) => [stream.project, cursor.n]),
          max_rows: limit,
        },
        Pulled,
      );
      if (!page.ok) return page;
      const { rows, heads, more } = page.value;
      return ok({
        rows: rows.map(([project, n, row]) => ({ stream: { team, project }, n, row })),
        heads: heads.map(([project, n, h]) => ({ stream: { team, project }, cursor: { n, h } })),
        more,
      });
    },

    async push(stream, rows) {
      const answers: PushAnswer[] = [];
      for (const batch of batches(rows)) {
        const pushed = await pushBatch(connection, stream, batch);
        if (!pushed.ok) return pushed;
        answers.push(...pushed.value);
        if (answers.at(-1)?.is === "conflict") break;
      }
      return ok(answers);
    },

    async devices(team) {
      const state = await teamState(connection, team);
      return state.ok
        ? ok(state.value.devices.map(({ device, card }) => ({ device, card })))
        : state;
    },

    listen: (team, onSignal) => listen(connection, team, onSignal),
  };
}

async function pushBatch(
  connection: Connection,
  stream: StreamRef,
  rows: readonly Sealed[],
): Promise<Result<readonly PushAnswer[]>> {
  const pushed = await connection.call(
    "cloud_push",
    { team: stream.team, project: stream.project, rows: rows.map((row) => toBase64(row)) },
    Pushed,
  );
  if (!pushed.ok) return pushed;
  const answers = pushed.value.map((answer): PushAnswer => {
    if ("conflict" in answer) return { is: "conflict" };
    return "h" in answer
      ? { is: "stored", n: answer.n, h: answer.h }
      : { is: "known", n: answer.n };
  });
  const conflict = answers.findIndex(({ is }) => is === "conflict");
  const whole = conflict === -1 ? answers.length === rows.length : conflict === answers.length - 1;
  return whole ? ok(answers) : { ok: false, fault: nonsense(connection.host) };
}

function batches(rows: readonly Sealed[]): readonly (readonly Sealed[])[] {
  const all: Sealed[][] = [];
  let room = 0;
  for (const row of rows) {
    const last = all.at(-1);
    if (last && row.length <= room) last.push(row);
    else all.push([row]);
    room = (last && row.length <= room ? room : PUSH_MAX_BYTES) - row.length;
  }
  return all;
}

/**
 * supabase-js joins again after a lost connection and a missed heartbeat; a channel that the server closed (the token
 * expired, the membership ended) it leaves closed, so that one is asked for again here, ever more slowly.
 */
function listen(
  { client }: Connection,
  team: TeamId,
  onSignal: (signal: Signal) => void,
): () => void {
  let channel: RealtimeChannel | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let refusals = 0;
  let stopped = false;

  function again(): void {
    clearTimeout(timer);
    timer = setTimeout(join, ASK_AGAIN_MS[Math.min(refusals++, ASK_AGAIN_MS.length - 1)]);
  }

  function leave(): void {
    const left = channel;
    channel = null;
    if (left) void client.removeChannel(left);
  }

  function join(): void {
    // Otherwise the first join may go out before supabase-js has read its token.
    void client.realtime.setAuth().then(() => {
      if (stopped) return;
      const joined = client.channel(`team:${team}`, { config: { private: true } });
      channel = joined;
      joined.on("broadcast", { event: "poke" }, (message) => {
        const poke = v.safeParse(Poke, message);
        if (!poke.success || stopped) return;
        const { project, n, h, row } = poke.output.payload;
        const stream = { team, project };
        onSignal({ is: "poke", stream, n, brought: row ? { stream, n, h, row } : null });
      });
      joined.subscribe((status, error) => {
        if (stopped || channel !== joined) return;
        if (status === "SUBSCRIBED") {
          refusals = 0;
          onSignal({ is: "ready" });
          return;
        }
        onSignal({ is: "down", reason: error?.message ?? status.toLowerCase() });
        if (status === "CLOSED") {
          channel = null;
          again();
        }
      });
    });
  }

  join();
  return () => {
    stopped = true;
    clearTimeout(timer);
    leave();
  };
}
