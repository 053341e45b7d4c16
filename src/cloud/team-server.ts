/** A team's log, the keys beside it and invites, over the cloud's functions. */
import * as v from "valibot";
import { type Bytes, toBase64 } from "../base/bytes.ts";
import { ok } from "../base/result.ts";
import { ENTRY_MAX_BYTES } from "../crypto/log/entry.ts";
import type { Appended, TeamServer } from "../sync/team/server.ts";
import type { Connection } from "./connection.ts";
import { lateFault } from "./faults.ts";
import { base64, Count, Hash, Heads, toCursors } from "./shapes.ts";

const RECORD_MAX_BYTES = 1024;
const KEY_RECORD_MAX_BYTES = 8192;

const Entries = v.array(base64(1, ENTRY_MAX_BYTES));
const Epochs = v.array(
  v.pipe(
    v.object({
      entry: Hash,
      record: v.nullable(base64(1, RECORD_MAX_BYTES)),
      key_record: base64(1, KEY_RECORD_MAX_BYTES),
      box: v.nullable(base64(1, RECORD_MAX_BYTES)),
    }),
    v.transform(({ key_record: keyRecord, ...epoch }) => ({ ...epoch, keyRecord })),
  ),
);
const LogRead = v.object({ listed: Count, entries: Entries });
const OpenedInvite = v.object({
  bundle: base64(1, RECORD_MAX_BYTES),
  log: Entries,
  epochs: Epochs,
});

export function createTeamServer(connection: Connection): TeamServer {
  return {
    readLog: (team, after) => connection.call("cloud_log_read", { team, after }, LogRead),

    async appendLog(team, listed, entries) {
      const appended = await connection.call(
        "cloud_log_append",
        { team, listed, entries: entries.map(toJson) },
        v.object({ late: v.nullable(v.picklist(["log_moved", "fence_stale"])) }),
      );
      if (!appended.ok) return appended;
      const { late } = appended.value;
      return late === null ? ok(undefined) : { ok: false, fault: lateFault(late) };
    },

    async heads(team) {
      const heads = await connection.call("cloud_heads", { team }, Heads);
      return heads.ok ? ok(toCursors(team, heads.value)) : heads;
    },

    epochs: (team, device) => connection.call("cloud_epochs", { team, device }, Epochs),

    async putKeyRecord(team, entry, keyRecord) {
      const put = await connection.call(
        "cloud_key_record_put",
        { team, entry: toBase64(entry), key_record: toBase64(keyRecord) },
        v.object({}),
      );
      return put.ok ? ok(undefined) : put;
    },

    openInvite: (team, proof) =>
      connection.call("cloud_invite_open", { team, proof: toBase64(proof) }, OpenedInvite),
  };
}

function toJson({ entry, epoch, invite, proof, box }: Appended): object {
  return {
    entry: toBase64(entry),
    ...(epoch && {
      epoch: {
        record: orNull(epoch.record),
        key_record: toBase64(epoch.keyRecord),
        ...(epoch.asOf && {
          as_of: {
            entry: toBase64(epoch.asOf.entry),
            key_record: toBase64(epoch.asOf.keyRecord),
          },
        }),
        boxes: Object.fromEntries(
          [...epoch.boxes].map(([device, each]) => [device, toBase64(each)]),
        ),
      },
    }),
    ...(invite && {
      invite: {
        proof_hash: toBase64(invite.proofHash),
        email_hash: orNull(invite.emailHash),
        bundle: toBase64(invite.bundle),
      },
    }),
    ...(proof && { proof: toBase64(proof) }),
    ...(box && { box: toBase64(box) }),
  };
}

function orNull(bytes: Bytes | null): string | null {
  return bytes && toBase64(bytes);
}
