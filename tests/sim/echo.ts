/** Rows that should not have been sent: all that they hold was in the cloud, and their device knew it. */
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import { peekHeader } from "../../src/crypto/header.ts";
import { type Change, unsealRow } from "../../src/sync/seal.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import type { Keyring } from "../../src/sync/team/keyring.ts";
import { identityOf, NAMES, TEAM } from "./cast.ts";
import { keyringFrom } from "./keys.ts";
import type { StreamLog, View } from "./streamLog.ts";

interface Sent {
  readonly n: number;
  readonly device: string;
  readonly change: Change;
}

/**
 * Of a history that is all honest. `newest`: the team's keys. `once`: nothing may be sent twice either, which holds where no message of a dead process
 * comes late.
 */
export function echoes(view: View, newest: TeamKeys, once: boolean): readonly string[] {
  const keys = keyringFrom(view.team, newest);
  return view.logsOf(TEAM).flatMap((log) => {
    const documents = Map.groupBy(sentIn(log, keys), ({ change }) => change.doc);
    return [...documents].flatMap(([doc, sent]) => [
      ...sent.filter((one) => knewAll(sent, one)).map(({ n }) => `echo of ${doc} in row ${n}`),
      ...(once ? sentTwice(sent).map(({ n }) => `${doc} sent twice, in row ${n}`) : []),
    ]);
  });
}

/** Changes that are one row each. */
function sentIn({ stream, rows }: StreamLog, keyring: Keyring): readonly Sent[] {
  const signKeys = new Map(NAMES.map((name) => [identityOf(name).id, identityOf(name).signKey]));
  return rows.flatMap((row, i) => {
    const { device, epoch, mark } = unwrap(peekHeader(row));
    const signKey = signKeys.get(device);
    const keys = keyring.of(epoch);
    if (!signKey || !keys || mark) return [];
    const { change } = unwrap(unsealRow(row, stream, { by: "signature", signKey }, keys));
    return change.parts === 1 ? [{ n: i + 1, device, change }] : [];
  });
}

/** Whether a row adds nothing to those that its author had verified. */
function knewAll(sent: readonly Sent[], { n, change }: Sent): boolean {
  const doc = new Y.Doc();
  for (const earlier of sent)
    if (earlier.n < n && earlier.n <= change.head.n) Y.applyUpdate(doc, earlier.change.body);
  let changed = doc.store.pendingStructs !== null || doc.store.pendingDs !== null;
  doc.on("update", () => void (changed = true));
  Y.applyUpdate(doc, change.body);
  changed ||= doc.store.pendingStructs !== null || doc.store.pendingDs !== null;
  doc.destroy();
  return !changed;
}

function sentTwice(sent: readonly Sent[]): readonly Sent[] {
  const before = new Set<string>();
  return sent.filter(({ device, change }) => {
    const parts = partsOf(change.body).map((part) => `${device} ${part}`);
    const fresh = parts.some((part) => !before.has(part));
    for (const part of parts) before.add(part);
    return !fresh;
  });
}

function partsOf(update: Bytes): readonly string[] {
  const { structs, ds } = Y.decodeUpdate(update);
  const each = (client: number, clock: number, length: number, of: string) =>
    Array.from({ length }, (_, i) => `${of} ${client} ${clock + i}`);
  return [
    ...structs.flatMap(({ id, length }) => each(id.client, id.clock, length, "insert")),
    ...[...ds.clients].flatMap(([client, items]) =>
      items.flatMap(({ clock, len }) => each(client, clock, len, "delete")),
    ),
  ];
}
