/** Entries to append. What is made here has been judged as everybody else will judge it. */
import type { Bytes } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { ok } from "../../base/result.ts";
import type { Secret } from "../../base/secret.ts";
import { type DeviceIdentity, deviceId, type DeviceKeys } from "../device.ts";
import { ID_BYTES } from "../hash.ts";
import { teamTag } from "../header.ts";
import { type Author, consent, type Consent, deviceAuthor, signEntry } from "./author.ts";
import type { Body } from "./body.ts";
import { idKeyHash } from "./commitment.ts";
import { FIRST_PLACE, teamOf } from "./entry.ts";
import type { LogResult } from "./fault.ts";
import { type Person, sealPerson } from "./person.ts";
import { appendable, found } from "./reducer.ts";
import type { TeamState } from "./state.ts";

export interface NextEntry {
  /** To be appended by compare-and-swap on the head of the state it was made from. */
  readonly bytes: Bytes;
  /** After it. */
  readonly state: TeamState;
}

/** Whoever loses the compare-and-swap reads what came first and drafts again. `nowMs`: milliseconds since 1970, UTC. */
export function nextEntry(
  state: TeamState,
  author: Author,
  body: Exclude<Body, { readonly kind: "create" }>,
  nowMs: number,
): LogResult<NextEntry> {
  const place = { team: teamTag(state.team), n: state.head.n + 1, previous: state.head.hash };
  const bytes = signEntry({ ...place, atMs: nowMs, body }, author);
  const next = appendable(state, bytes, nowMs);
  return next.ok ? ok({ bytes, state: next.value }) : next;
}

/** The first entry of a new team. `member`: 32 hex digits. `idKey`: the new team's id key. */
export function createEntry(
  device: DeviceIdentity,
  member: string,
  person: Person,
  idKey: Secret<Bytes>,
  nowMs: number,
  random: Random,
): NextEntry {
  const { signKey, boxKey } = device;
  const body = {
    kind: "create" as const,
    nonce: random(ID_BYTES),
    idKeyHash: idKeyHash(idKey),
    ...{ member, signKey, boxKey },
    person: sealPerson(person, device.id, idKey, random),
  };
  const bytes = signEntry({ ...FIRST_PLACE, atMs: nowMs, body }, deviceAuthor(device));
  const state = found(teamOf(bytes), bytes);
  if (!state.ok) throw new Error(state.fault.message);
  return { bytes, state: state.value };
}

/** What a device that is to be added hands over: its keys and its own word. */
export type Newcomer = DeviceKeys & {
  readonly member: string;
  readonly deviceKind: Consent["kind"];
  readonly expiresMs: number | null;
  readonly consent: Bytes;
};

export function newcomer(device: DeviceIdentity, said: Omit<Consent, keyof DeviceKeys>): Newcomer {
  return {
    signKey: device.signKey,
    boxKey: device.boxKey,
    member: said.member,
    deviceKind: said.kind,
    expiresMs: said.expiresMs,
    consent: consent(device, said),
  };
}

/** The entry that adds it. `author`: a device of the same member, or the invite that the newcomer agreed to. */
export function addDevice(
  state: TeamState,
  author: Author,
  device: Newcomer,
  person: Person,
  idKey: Secret<Bytes>,
  nowMs: number,
  random: Random,
): LogResult<NextEntry> {
  const sealed = sealPerson(person, deviceId(device), idKey, random);
  return nextEntry(state, author, { kind: "add-device", ...device, person: sealed }, nowMs);
}
