/**
 * What an entry of the team log says, and its bytes. Kinds are numbered from 1 in the order of `KINDS`.
 *
 * ```
 *  1 create          nonce 16 · hash of the team id key 32 · member 16 · sign key 32 · box key 32 · person 407
 *  2 invite          sign key 32 · admits 1 · uses 1 (always 1) · expires 6
 *  3 add-device      member 16 · sign key 32 · box key 32 · device kind 1 · expires 6 · person 407 · consent 64
 *  4 revoke-invite   invite 16
 *  5 role            member 16 · role 1
 *  6 project-access  project 16 · 0, or 1 and a list of members 16
 *  7 remove-member   member 16 · list of fences 54
 *  8 remove-device   device 16 · list of fences 54
 *  9 rename-device   device 16 · person 407
 * 10 epoch           number 4 · former number 4 · commitment 32 · list of devices 16
 * 11 retire          why 1 · scope 1 · 1: list of documents 16 | 2: member 16, list of fences | 3: one fence
 * ```
 * A fence is `stream 16 · number 6 · running hash 32`. A list stands behind its count (2 bytes), ascending by its first 16
 * bytes, nothing twice. Times are milliseconds since 1970, UTC, 6 bytes.
 */
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import { never } from "../../base/result.ts";
import { SIGNATURE_BYTES } from "../device.ts";
import { HASH_BYTES, ID_BYTES, KEY_BYTES } from "../hash.ts";
import { PERSON_BYTES } from "./person.ts";
import { fixed, id, list, number, type Reader } from "./wire.ts";

export const TIME_BYTES = 6;
/** So that a list with everything in it fits into an entry. */
export const MAX_FENCES = 2048;
export const MAX_LISTED = 4096;

export type Role = "owner" | "admin" | "member";
/** ephemeral: has an end. recovery: on paper; writes no rows, adds its member's next device. */
export type DeviceKind = "ordinary" | "ephemeral" | "recovery";
/** "own": a further device of the member who invites. */
export type Admits = "own" | "admin" | "member";
export type Why = "unshared" | "stricter-setting" | "leaving" | "account-deleted";

/** The last place in a stream whose rows still count. `stream`: a project's 32 hex digits, zeros for the team's own. */
export interface Fence {
  readonly stream: string;
  readonly n: number;
  readonly h: Bytes;
}

/** What is taken back. With fences: the documents whose first row stands at or before the fence of its stream. */
export type Scope =
  | { readonly what: "documents"; readonly documents: readonly string[] }
  | { readonly what: "member"; readonly member: string; readonly fences: readonly Fence[] }
  | { readonly what: "project"; readonly fence: Fence };

interface NewDevice {
  readonly member: string;
  readonly signKey: Bytes;
  readonly boxKey: Bytes;
  /** `sealPerson`. */
  readonly person: Bytes;
}

export type Body =
  | ({
      readonly kind: "create";
      readonly nonce: Bytes;
      /** `idKeyHash`. */
      readonly idKeyHash: Bytes;
    } & NewDevice)
  | {
      readonly kind: "invite";
      readonly signKey: Bytes;
      readonly admits: Admits;
      readonly expiresMs: number;
    }
  | ({
      readonly kind: "add-device";
      readonly deviceKind: DeviceKind;
      /** Null unless ephemeral. */
      readonly expiresMs: number | null;
      /** The new device's own signature over `consentStatement`. */
      readonly consent: Bytes;
    } & NewDevice)
  | { readonly kind: "revoke-invite"; readonly invite: string }
  | { readonly kind: "role"; readonly member: string; readonly role: Role }
  | {
      readonly kind: "project-access";
      readonly project: string;
      /** Null: everybody. */
      readonly members: readonly string[] | null;
    }
  | { readonly kind: "remove-member"; readonly member: string; readonly fences: readonly Fence[] }
  | { readonly kind: "remove-device"; readonly device: string; readonly fences: readonly Fence[] }
  | { readonly kind: "rename-device"; readonly device: string; readonly person: Bytes }
  | {
      readonly kind: "epoch";
      readonly epoch: number;
      /** The epoch whose key the record of this one holds; 0 for the first epoch. */
      readonly former: number;
      readonly commitment: Bytes;
      readonly recipients: readonly string[];
    }
  | { readonly kind: "retire"; readonly why: Why; readonly scope: Scope };

export type Kind = Body["kind"];

export const KINDS: readonly [Kind, ...Kind[]] = [
  "create",
  "invite",
  "add-device",
  "revoke-invite",
  "role",
  "project-access",
  "remove-member",
  "remove-device",
  "rename-device",
  "epoch",
  "retire",
];
const ROLES: readonly [Role, ...Role[]] = ["owner", "admin", "member"];
const DEVICE_KINDS: readonly [DeviceKind, ...DeviceKind[]] = ["ordinary", "ephemeral", "recovery"];
const ADMITS: readonly [Admits, ...Admits[]] = ["own", "admin", "member"];
const WHY: readonly [Why, ...Why[]] = [
  "unshared",
  "stricter-setting",
  "leaving",
  "account-deleted",
];
const SCOPES: readonly [Scope["what"], ...Scope["what"][]] = ["documents", "member", "project"];
const EVERYBODY = 0;
const LISTED = 1;
const USES = 1;

/** Throws `RangeError` on what no entry can say: that is the caller's bug. */
export function encodeBody(body: Body): Bytes {
  switch (body.kind) {
    case "create":
      return concatBytes(
        fixed(body.nonce, ID_BYTES),
        fixed(body.idKeyHash, HASH_BYTES),
        newDevice(body),
        person(body.person),
      );
    case "invite":
      return concatBytes(
        fixed(body.signKey, KEY_BYTES),
        oneOf(ADMITS, body.admits),
        number(USES, 1),
        number(body.expiresMs, TIME_BYTES),
      );
    case "add-device":
      return concatBytes(
        newDevice(body),
        terms(body.deviceKind, body.expiresMs),
        person(body.person),
        fixed(body.consent, SIGNATURE_BYTES),
      );
    case "revoke-invite":
      return id(body.invite);
    case "role":
      return concatBytes(id(body.member), oneOf(ROLES, body.role));
    case "project-access":
      return concatBytes(id(body.project), access(body.members));
    case "remove-member":
      return concatBytes(id(body.member), fences(body.fences));
    case "remove-device":
      return concatBytes(id(body.device), fences(body.fences));
    case "rename-device":
      return concatBytes(id(body.device), person(body.person));
    case "epoch":
      return concatBytes(
        number(body.epoch, 4),
        number(body.former, 4),
        fixed(body.commitment, HASH_BYTES),
        ids(body.recipients),
      );
    case "retire":
      return concatBytes(oneOf(WHY, body.why), scope(body.scope));
    default:
      return never(body);
  }
}

/** What is not one of these bodies leaves `reader` refused. */
export function decodeBody(kind: Kind, reader: Reader): Body {
  switch (kind) {
    case "create":
      return {
        kind,
        nonce: reader.take(ID_BYTES),
        idKeyHash: reader.take(HASH_BYTES),
        ...readDevice(reader),
        person: readPerson(reader),
      };
    case "invite":
      return readInvite(reader);
    case "add-device":
      return {
        kind,
        ...readDevice(reader),
        ...readTerms(reader),
        person: readPerson(reader),
        consent: reader.take(SIGNATURE_BYTES),
      };
    case "revoke-invite":
      return { kind, invite: reader.id() };
    case "role":
      return { kind, member: reader.id(), role: reader.oneOf(ROLES) };
    case "project-access":
      return { kind, project: reader.id(), members: readAccess(reader) };
    case "remove-member":
      return { kind, member: reader.id(), fences: readFences(reader) };
    case "remove-device":
      return { kind, device: reader.id(), fences: readFences(reader) };
    case "rename-device":
      return { kind, device: reader.id(), person: readPerson(reader) };
    case "epoch":
      return {
        kind,
        epoch: reader.number(4),
        former: reader.number(4),
        commitment: reader.take(HASH_BYTES),
        recipients: readIds(reader),
      };
    case "retire":
      return { kind, why: reader.oneOf(WHY), scope: readScope(reader) };
    default:
      return never(kind);
  }
}

/** `kind 1 · expires 6`: zeros for a device without an end. Also what a new device agrees to. */
export function terms(kind: DeviceKind, expiresMs: number | null): Bytes {
  if ((kind === "ephemeral") !== (expiresMs !== null) || expiresMs === 0)
    throw new RangeError("an ephemeral device, and no other, has an end");
  return concatBytes(oneOf(DEVICE_KINDS, kind), number(expiresMs ?? 0, TIME_BYTES));
}

function readTerms(reader: Reader) {
  const deviceKind = reader.oneOf(DEVICE_KINDS);
  const expiresMs = reader.number(TIME_BYTES) || null;
  if ((deviceKind === "ephemeral") !== (expiresMs !== null)) reader.refuse(null);
  return { deviceKind, expiresMs };
}

function readInvite(reader: Reader): Body {
  const signKey = reader.take(KEY_BYTES);
  const admits = reader.oneOf(ADMITS);
  if (reader.number(1) !== USES) reader.refuse(null);
  return { kind: "invite", signKey, admits, expiresMs: reader.number(TIME_BYTES) };
}

function newDevice(device: NewDevice): Bytes {
  return concatBytes(
    id(device.member),
    fixed(device.signKey, KEY_BYTES),
    fixed(device.boxKey, KEY_BYTES),
  );
}

function readDevice(reader: Reader) {
  return {
    member: reader.id(),
    signKey: reader.take(KEY_BYTES),
    boxKey: reader.take(KEY_BYTES),
  };
}

function person(sealed: Bytes): Bytes {
  return fixed(sealed, PERSON_BYTES);
}

function readPerson(reader: Reader): Bytes {
  return reader.take(PERSON_BYTES);
}

function access(members: readonly string[] | null): Bytes {
  return members === null ? number(EVERYBODY, 1) : concatBytes(number(LISTED, 1), ids(members));
}

function readAccess(reader: Reader): readonly string[] | null {
  const form = reader.number(1);
  if (form === LISTED) return readIds(reader);
  return form === EVERYBODY ? null : reader.refuse(null);
}

function scope(said: Scope): Bytes {
  const what = oneOf(SCOPES, said.what);
  switch (said.what) {
    case "documents":
      if (said.documents.length === 0) throw new RangeError("no documents");
      return concatBytes(what, ids(said.documents));
    case "member":
      return concatBytes(what, id(said.member), fences(said.fences));
    case "project":
      return concatBytes(what, fence(said.fence));
    default:
      return never(said);
  }
}

function readScope(reader: Reader): Scope {
  const what = reader.oneOf(SCOPES);
  switch (what) {
    case "documents": {
      const documents = readIds(reader);
      return documents.length > 0 ? { what, documents } : reader.refuse({ what, documents });
    }
    case "member":
      return { what, member: reader.id(), fences: readFences(reader) };
    case "project":
      return { what, fence: readFence(reader) };
    default:
      return never(what);
  }
}

function fence({ stream, n, h }: Fence): Bytes {
  return concatBytes(id(stream), number(n, 6), fixed(h, HASH_BYTES));
}

function readFence(reader: Reader): Fence {
  return { stream: reader.id(), n: reader.number(6), h: reader.take(HASH_BYTES) };
}

function fences(all: readonly Fence[]): Bytes {
  return list(all.map(fence), MAX_FENCES);
}

function readFences(reader: Reader): readonly Fence[] {
  return reader.list(
    () => readFence(reader),
    ({ stream }) => stream,
    MAX_FENCES,
  );
}

function ids(all: readonly string[]): Bytes {
  return list(all.map(id), MAX_LISTED);
}

function readIds(reader: Reader): readonly string[] {
  return reader.list(
    () => reader.id(),
    (each) => each,
    MAX_LISTED,
  );
}

function oneOf<T>(names: readonly T[], name: T): Bytes {
  return number(names.indexOf(name) + 1, 1);
}
