/**
 * What a team's log says at its newest entry, and the questions that others ask it. Maps' keys are ids (32 hex digits).
 *
 * Nothing here reads a clock: when something is over is decided by the newest time that an entry names, so that all devices
 * decide alike, today and when they read the log again in a year.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { TeamId } from "../../base/ids.ts";
import type { DeviceKeys } from "../device.ts";
import type { Admits, DeviceKind, Fence, Role, Scope, Why } from "./body.ts";
import type { Head } from "./entry.ts";

export interface Member {
  readonly role: Role;
  /** The number of the entry that made this person a member, and of the one that ended it. */
  readonly since: number;
  readonly removed: number | null;
}

export interface ListedDevice extends DeviceKeys {
  readonly member: string;
  readonly kind: DeviceKind;
  readonly expiresMs: number | null;
  /** `openPerson` reads it. */
  readonly person: Bytes;
  readonly since: number;
  readonly removed: Removal | null;
}

export interface Removal {
  /** The number of its entry, and the device that wrote it. */
  readonly n: number;
  readonly by: string;
  readonly fences: readonly Fence[];
}

export interface OpenInvite {
  /** The invite's own entry. */
  readonly entry: Head;
  readonly signKey: Bytes;
  /** Who made it. */
  readonly member: string;
  readonly admits: Admits;
  readonly expiresMs: number;
}

export interface Epoch {
  /** SHA-256 of the entry that began it: by this the server keeps what stands beside it. */
  readonly entry: Bytes;
  /** 1 for the first. */
  readonly number: number;
  /** The epoch whose key is found with this one's; 0 for the first. */
  readonly former: number;
  readonly commitment: Bytes;
  readonly recipients: readonly string[];
}

export interface Retirement {
  readonly n: number;
  readonly member: string;
  /** Its author led the team then: it holds for everybody's documents, else only for the author's own. */
  readonly forAll: boolean;
  readonly why: Why;
  readonly scope: Scope;
}

export interface TeamState {
  readonly team: TeamId;
  /** `idKeyHash` of the one team id key there is. */
  readonly idKeyHash: Bytes;
  readonly head: Head;
  /** The newest time that any entry names. */
  readonly timeMs: number;
  /** Removed ones too. */
  readonly members: ReadonlyMap<string, Member>;
  /** Removed ones too: a device never comes back. */
  readonly devices: ReadonlyMap<string, ListedDevice>;
  readonly invites: ReadonlyMap<string, OpenInvite>;
  /** The newest last. */
  readonly epochs: readonly Epoch[];
  /** Somebody was removed since the newest epoch: who was can still have its key. */
  readonly rotationDue: boolean;
  /** Who may see a project, if not everybody. */
  readonly access: ReadonlyMap<string, ReadonlySet<string>>;
  readonly retired: readonly Retirement[];
}

export function roleOf(state: TeamState, member: string): Role | null {
  const found = state.members.get(member);
  return found !== undefined && found.removed === null ? found.role : null;
}

/** Neither removed nor over at `timeMs`. */
export function stands(device: ListedDevice, timeMs: number): boolean {
  return device.removed === null && !isOver(device.expiresMs, timeMs);
}

export function isOver(expiresMs: number | null, timeMs: number): boolean {
  return expiresMs !== null && expiresMs <= timeMs;
}

/**
 * Ids of the devices with rights at `nowMs`. What the log says is over stays over, whatever `nowMs` is: the caller's clock
 * can end rights, not give them.
 */
export function standingDevices(state: TeamState, nowMs: number): readonly string[] {
  const timeMs = Math.max(state.timeMs, nowMs);
  return [...state.devices].filter(([, device]) => stands(device, timeMs)).map(([id]) => id);
}

/**
 * Whether a row of this device counts: it may write rows, and the row does not lie behind the fence of its removal. A
 * removed device has written nothing into a stream without a fence. An end that has come says nothing here, because rows
 * know no time; only the entry that removes the device draws the line.
 */
export function acceptsRow(
  state: TeamState,
  row: { readonly device: string; readonly stream: string; readonly n: number },
): boolean {
  const device = state.devices.get(row.device);
  if (device === undefined || device.kind === "recovery") return false;
  return device.removed === null || row.n <= fenceAt(device.removed.fences, row.stream);
}

/**
 * Whether somebody who was entitled to it took the document back. `device`: the one that wrote its first row. What takes back
 * all of a member's or a project's says nothing here: nobody writes it yet.
 */
export function isTakenBack(state: TeamState, document: string, device: string): boolean {
  const writer = state.devices.get(device)?.member;
  return state.retired.some(
    ({ member, forAll, scope }) =>
      scope.what === "documents" &&
      scope.documents.includes(document) &&
      (forAll || writer === member),
  );
}

export function newestEpoch(state: TeamState): Epoch | null {
  return state.epochs.at(-1) ?? null;
}

/** 0 where there is none: no row has that number. */
export function fenceAt(fences: readonly Fence[], stream: string): number {
  return fences.find((fence) => fence.stream === stream)?.n ?? 0;
}
