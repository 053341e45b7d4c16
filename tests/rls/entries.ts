/** Entries of a team log and what is sent with them, as far as a server reads them: nobody signed these, and none fits another. */
import { createHash } from "node:crypto";
import { teamTag } from "../../src/crypto/header.ts";
import type { DeviceIdentity, DeviceKeys } from "../../src/crypto/device.ts";
import { inviteId, signEntry } from "../../src/crypto/log/author.ts";
import type { Admits, Body, DeviceKind, Fence } from "../../src/crypto/log/body.ts";
import { type AuthorName, FIRST_PLACE, teamOf } from "../../src/crypto/log/entry.ts";
import { PERSON_BYTES } from "../../src/crypto/log/person.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";

/** As `cloud_log_append` takes it. */
export interface Item {
  readonly entry: string;
  readonly epoch?: {
    readonly record: string | null;
    readonly key_record: string;
    readonly boxes: Readonly<Record<string, string>>;
  };
  readonly invite?: {
    readonly proof_hash: string;
    readonly email_hash: string | null;
    readonly bundle: string;
  };
  readonly proof?: string;
  readonly box?: string;
}

export const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
export const sha256 = (...parts: readonly (Uint8Array | string)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
/** A member's id in the log. */
export const memberOf = (account: string) => account.replaceAll("-", "");
/** What only devices can read. */
const noise = (sizeBytes: number) => new Uint8Array(sizeBytes).fill(7);

export const byDevice = (device: { readonly id: string }): AuthorName => ({
  is: "device",
  id: device.id,
});

export function entry(team: TeamId, author: AuthorName, body: Body, atMs = Date.now()): Bytes {
  const place = { team: teamTag(team), n: 1, previous: noise(32) };
  return signEntry({ ...place, atMs, body }, { ...author, sign: () => noise(64) });
}

export function founding(
  device: DeviceIdentity,
  account: string,
  author: { readonly id: string } = device,
): Founding {
  const { signKey, boxKey } = device;
  const body = {
    kind: "create" as const,
    ...{ nonce: noise(16), idKeyHash: noise(32), member: memberOf(account) },
    ...{ signKey, boxKey, person: noise(PERSON_BYTES) },
  };
  const made = signEntry(
    { ...FIRST_PLACE, atMs: Date.now(), body },
    { ...byDevice(author), sign: () => noise(64) },
  );
  const team = teamOf(made);
  return { team, items: [{ entry: base64(made) }, epoch(team, device, 1, [device.id])] };
}

export interface Founding {
  readonly team: TeamId;
  readonly items: readonly [Item, Item];
}

export function epoch(
  team: TeamId,
  by: { readonly id: string },
  number: number,
  recipients: readonly string[],
  former = number - 1,
): Item {
  return {
    entry: base64(
      entry(team, byDevice(by), {
        kind: "epoch",
        ...{ epoch: number, former, commitment: noise(32), recipients },
      }),
    ),
    epoch: {
      record: former === 0 ? null : base64(Buffer.from(`record ${number}`)),
      key_record: base64(Buffer.from(`key record ${number}`)),
      boxes: Object.fromEntries(
        recipients.map((id) => [id, base64(Buffer.from(`box ${number} for ${id}`))]),
      ),
    },
  };
}

/** Everything about an invite comes from its name. */
export const proof = (name: string) => sha256("proof ", name);
const inviteKey = (name: string) => new Uint8Array(sha256("invite key ", name));
export const inviteOf = (name: string) => inviteId(inviteKey(name));

export function invite(
  team: TeamId,
  by: { readonly id: string },
  name: string,
  admits: Admits,
  email: string | null,
  expiresMs = Date.now() + 7 * 24 * 60 * 60 * 1000,
): Item {
  return {
    entry: base64(
      entry(team, byDevice(by), { kind: "invite", signKey: inviteKey(name), admits, expiresMs }),
    ),
    invite: {
      proof_hash: base64(sha256(proof(name))),
      email_hash: email && base64(sha256(proof(name), email)),
      bundle: base64(Buffer.from(`bundle ${name}`)),
    },
  };
}

export interface NewDevice {
  readonly device: DeviceKeys;
  readonly account: string;
  readonly kind?: DeviceKind;
  readonly expiresMs?: number | null;
}

export function addDevice(
  team: TeamId,
  author: AuthorName,
  { device, account, kind = "ordinary", expiresMs = null }: NewDevice,
): Bytes {
  const { signKey, boxKey } = device;
  return entry(team, author, {
    kind: "add-device",
    ...{ member: memberOf(account), signKey, boxKey, deviceKind: kind, expiresMs },
    ...{ person: noise(PERSON_BYTES), consent: noise(64) },
  });
}

/** By the invite of that name, whose proof is shown. */
export function join(team: TeamId, name: string, added: NewDevice): Item {
  const author = { is: "invite", id: inviteOf(name) } as const;
  return { entry: base64(addDevice(team, author, added)), proof: base64(proof(name)) };
}

export interface HeadRow {
  readonly project: string | null;
  readonly n: number;
  readonly h: Uint8Array;
}

export function fences(heads: readonly HeadRow[]): readonly Fence[] {
  return heads.map(({ project, n, h }) => ({
    stream: project === null ? "0".repeat(32) : memberOf(project),
    n,
    h: new Uint8Array(h),
  }));
}

export function renaming(device: string): Body {
  return { kind: "rename-device", device, person: noise(PERSON_BYTES) };
}
