/** Sync's transport over a team's functions, its private channel, and the channels of streams that are looked at. */
import * as v from "valibot";
import { toBase64 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import { PRESENCE_BYTES } from "../crypto/presence.ts";
import type { StreamRef } from "../sync/ports.ts";
import {
  type Heard,
  LIVE_MAX_BYTES,
  type Look,
  type PushAnswer,
  type Sealed,
  type Signal,
  type Transport,
} from "../sync/transport.ts";
import { joinChannel } from "./channel.ts";
import type { Connection } from "./connection.ts";
import { nonsense } from "./faults.ts";
import { createTeamServer } from "./team-server.ts";
import { base64, Count, Hash, Heads, ProjectUuid, toCursors } from "./shapes.ts";

/** Of rows in one call: the server takes 2 MiB as base64 in JSON, and 2,500 rows, of which the smallest has some 480 bytes. */
const PUSH_MAX_BYTES = 1024 * 1024;
const ROW_MAX_BYTES = 256 * 1024;

const Project = v.nullable(ProjectUuid);
const Pulled = v.object({
  listed: Count,
  rows: v.array(
    v.union([
      v.tuple([Project, Count, base64(1, ROW_MAX_BYTES)]),
      v.tuple([Project, Count, v.null(), Hash]),
    ]),
  ),
  heads: Heads,
  more: v.boolean(),
});
const Pushed = v.array(
  v.union([
    v.object({ conflict: v.literal(true) }),
    v.object({ n: Count, h: Hash }),
    v.object({ n: Count }),
  ]),
);
const Numbered = v.array(v.tuple([Count, base64(1, ROW_MAX_BYTES)]));
const Snapshots = v.object({
  bytes: Count,
  snapshots: v.array(
    v.object({
      last: Count,
      bytes: Count,
      behind: Count,
      days: v.number(),
      othersActive: v.boolean(),
      dropped: v.boolean(),
      words: Numbered,
    }),
  ),
});
const SnapshotRows = v.object({ rows: Numbered, more: v.boolean() });
const Compacted = v.object({ last: Count });
const Poke = v.object({
  payload: v.object({
    project: Project,
    n: Count,
    h: Hash,
    row: v.optional(base64(1, ROW_MAX_BYTES)),
  }),
});

const LogGrew = v.object({ payload: v.object({ listed: Count }) });

const binary = (minBytes: number, maxBytes: number) =>
  v.object({
    payload: v.pipe(
      v.instance(ArrayBuffer),
      v.check(({ byteLength }) => byteLength >= minBytes && byteLength <= maxBytes),
    ),
  });
const LiveRow = binary(0, LIVE_MAX_BYTES);
const Presence = binary(PRESENCE_BYTES, PRESENCE_BYTES);

export function createTransport(connection: Connection): Transport {
  return {
    ...createTeamServer(connection),

    async pull(team, cursors, limit) {
      const page = await connection.call(
        "cloud_pull",
        {
          team,
          cursors: cursors.map(({ stream, cursor, held }) => [stream.project, cursor.n, held ?? 0]),
          max_rows: limit,
        },
        Pulled,
      );
      if (!page.ok) return page;
      const { listed, rows, heads, more } = page.value;
      return ok({
        rows: rows.flatMap(([project, n, row]) =>
          row === null ? [] : [{ stream: { team, project }, n, row }],
        ),
        dropped: rows.flatMap(([project, n, , hash]) =>
          hash === undefined ? [] : [{ stream: { team, project }, n, hash }],
        ),
        heads: toCursors(team, heads),
        more,
        listed,
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

    async snapshots({ team, project }) {
      const list = await connection.call("cloud_snapshots", { team, project }, Snapshots);
      if (!list.ok) return list;
      const snapshots = list.value.snapshots.map(({ behind, words, ...rest }) => ({
        ...rest,
        behindBytes: behind,
        words: numbered(words),
      }));
      return ok({ changesBytes: list.value.bytes, snapshots });
    },

    async snapshotRows({ team, project }, last, after) {
      const of = { team, project, last, after };
      const page = await connection.call("cloud_snapshot_rows", of, SnapshotRows);
      return page.ok ? ok({ rows: numbered(page.value.rows), more: page.value.more }) : page;
    },

    async compact({ team, project }, last) {
      const done = await connection.call("cloud_compact", { team, project, last }, Compacted);
      return done.ok ? ok(undefined) : done;
    },

    listen: (team, epoch, onSignal) => listen(connection, team, epoch, onSignal),

    look: (stream, tag, onHeard) => look(connection, stream, tag, onHeard),
  };
}

function numbered(rows: v.InferOutput<typeof Numbered>) {
  return rows.map(([n, row]) => ({ n, row }));
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

function listen(
  { client }: Connection,
  team: TeamId,
  epoch: number,
  onSignal: (signal: Signal) => void,
): () => void {
  const channel = joinChannel(client, {
    topic: `team:${team}:${epoch}`,
    on: {
      poke(message) {
        const poke = v.safeParse(Poke, message);
        if (!poke.success) return;
        const { project, n, h, row } = poke.output.payload;
        const stream = { team, project };
        onSignal({ is: "poke", stream, n, brought: row ? { stream, n, h, row } : null });
      },
      log(message) {
        const log = v.safeParse(LogGrew, message);
        if (log.success) onSignal({ is: "log", listed: log.output.payload.listed });
      },
    },
    onReady: () => onSignal({ is: "ready" }),
    onDown: (reason) => onSignal({ is: "down", reason }),
  });
  return () => channel.leave();
}

function look(
  { client }: Connection,
  { team, project }: StreamRef,
  tag: string,
  onHeard: (heard: Heard) => void,
): Look {
  const hear = (is: "row" | "presence", shape: typeof LiveRow) => (message: unknown) => {
    const heard = v.safeParse(shape, message);
    if (heard.success) onHeard({ is, bytes: new Uint8Array(heard.output.payload) });
  };
  const channel = joinChannel(client, {
    topic: `stream:${team}:${project ?? ""}:${tag}`,
    on: { row: hear("row", LiveRow), presence: hear("presence", Presence) },
    onReady: () => onHeard({ is: "ready" }),
    // Whatever was missed comes with the stream.
    onDown: () => undefined,
  });
  return {
    // Of its own: an `ArrayBuffer` goes as it is, an array of bytes would become JSON.
    send: (is, bytes) => channel.send(is, bytes.slice().buffer),
    close: () => channel.leave(),
  };
}
