/** What a valid entry changes. Nothing is checked here. */
import { never } from "../../base/result.ts";
import { deviceId } from "../device.ts";
import { inviteId } from "./author.ts";
import type { Body } from "./body.ts";
import type { Entry, Head } from "./entry.ts";
import type { ListedDevice, Member, Removal, TeamState } from "./state.ts";

/** The state after the entry, whose place `head` is; but for the state's own head and time. */
export function applyBody(state: TeamState, entry: Entry, head: Head): TeamState {
  const { author, body, n } = entry;
  switch (body.kind) {
    case "create":
      return state;
    case "invite":
      return withInvite(state, entry, body, head);
    case "add-device":
      return withDevice(state, entry, body);
    case "revoke-invite":
      return { ...state, invites: without(state.invites, body.invite) };
    case "role":
      return withMember(state, body.member, { role: body.role });
    case "project-access":
      return { ...state, access: withAccess(state, body.project, body.members) };
    case "remove-member":
      return withoutMember(state, body.member, { n, by: author.id, fences: body.fences });
    case "remove-device": {
      const removed = { n, by: author.id, fences: body.fences };
      return withoutDevices(state, removed, (_, id) => id === body.device);
    }
    case "rename-device":
      return renamed(state, body.device, body.person);
    case "epoch":
      return withEpoch(state, body, head);
    case "retire":
      return withRetirement(state, entry, body);
    default:
      return never(body);
  }
}

type Of<K extends Body["kind"]> = Extract<Body, { readonly kind: K }>;

function withInvite(state: TeamState, { author }: Entry, body: Of<"invite">, head: Head) {
  const member = state.devices.get(author.id)?.member;
  if (member === undefined) return state;
  const { signKey, admits, expiresMs } = body;
  const invite = { entry: head, signKey, member, admits, expiresMs };
  return { ...state, invites: new Map(state.invites).set(inviteId(signKey), invite) };
}

/** An invite that admits somebody makes a member, and is used up. */
function withDevice(state: TeamState, { author, n }: Entry, body: Of<"add-device">): TeamState {
  const { member, signKey, boxKey, deviceKind, expiresMs, person } = body;
  const device = {
    ...{ member, signKey, boxKey, kind: deviceKind, expiresMs, person },
    ...{ since: n, removed: null },
  };
  const devices = new Map(state.devices).set(deviceId(body), device);
  if (author.is === "device") return { ...state, devices };
  const admits = state.invites.get(author.id)?.admits;
  const members = new Map(state.members);
  if (admits === "admin" || admits === "member")
    members.set(member, { role: admits, since: n, removed: null });
  return { ...state, devices, members, invites: without(state.invites, author.id) };
}

function withMember(
  state: TeamState,
  id: string,
  change: Partial<Pick<Member, "role" | "removed">>,
): TeamState {
  const member = state.members.get(id);
  if (member === undefined) return state;
  return { ...state, members: new Map(state.members).set(id, { ...member, ...change }) };
}

function withAccess(state: TeamState, project: string, members: readonly string[] | null) {
  return members === null
    ? without(state.access, project)
    : new Map(state.access).set(project, new Set(members));
}

/** Who comes back later is not on the lists of before. */
function withoutMember(state: TeamState, id: string, removed: Removal) {
  const access = [...state.access].map(
    ([project, members]) => [project, new Set([...members].filter((each) => each !== id))] as const,
  );
  const rest = withoutDevices(state, removed, ({ member }) => member === id);
  return { ...withMember(rest, id, { removed: removed.n }), access: new Map(access) };
}

/** All open invites end: what they bring is the secret that whoever was removed knows too. */
function withoutDevices(
  state: TeamState,
  removed: Removal,
  goes: (device: ListedDevice, id: string) => boolean,
): TeamState {
  const devices = [...state.devices].map(
    ([id, device]) =>
      [id, device.removed === null && goes(device, id) ? { ...device, removed } : device] as const,
  );
  return { ...state, devices: new Map(devices), invites: new Map(), rotationDue: true };
}

function renamed(state: TeamState, id: string, person: ListedDevice["person"]): TeamState {
  const device = state.devices.get(id);
  if (device === undefined) return state;
  return { ...state, devices: new Map(state.devices).set(id, { ...device, person }) };
}

/** Its team secret is new, so that what open invites bring is the old one: they end. */
function withEpoch(
  state: TeamState,
  { epoch, former, commitment, recipients }: Of<"epoch">,
  { hash }: Head,
): TeamState {
  return {
    ...state,
    epochs: [...state.epochs, { entry: hash, number: epoch, former, commitment, recipients }],
    invites: new Map(),
    rotationDue: false,
  };
}

function withRetirement(state: TeamState, { author, n }: Entry, { why, scope }: Of<"retire">) {
  const member = state.devices.get(author.id)?.member;
  if (member === undefined) return state;
  const role = state.members.get(member)?.role;
  const forAll = role === "owner" || role === "admin";
  return { ...state, retired: [...state.retired, { n, member, forAll, why, scope }] };
}

function without<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
