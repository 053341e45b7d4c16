/** What a validator judges, and how it says no. Each looks at one thing and leaves the others to the others. */
import type { Bytes } from "../../../base/bytes.ts";
import { isOver, type ListedDevice, type OpenInvite, stands, type TeamState } from "../state.ts";
import type { Role } from "../body.ts";
import { type Entry, entryHash, type Head } from "../entry.ts";
import type { LogFault } from "../fault.ts";

export interface Case {
  readonly state: TeamState;
  readonly entry: Entry;
  /** The whole entry, signature and all. */
  readonly bytes: Uint8Array;
  /** The log's head once it is taken. */
  readonly head: Head;
  readonly author: Signatory | null;
  /** The newest time that the log names, this entry's included. */
  readonly timeMs: number;
}

/** Who the state says the author is: a device, or an open invite and the member who made it. */
export interface Signatory {
  readonly signKey: Bytes;
  readonly member: string;
  readonly role: Role;
  readonly by:
    | { readonly is: "device"; readonly device: ListedDevice }
    | { readonly is: "invite"; readonly invite: OpenInvite };
}

export type Validator = (judged: Case) => LogFault | null;

export function caseOf(state: TeamState, entry: Entry, bytes: Uint8Array): Case {
  return {
    state,
    entry,
    bytes,
    head: { n: entry.n, hash: entryHash(bytes) },
    author: signatory(state, entry),
    timeMs: Math.max(state.timeMs, entry.atMs),
  };
}

export function deny(
  type: Exclude<LogFault["type"], "log-fork" | "log-rollback">,
  message: string,
): LogFault {
  return { type, message };
}

/** An owner or admin, at a device that stays: one with an end does what every member's may. */
export function leads({ role, by }: Signatory): boolean {
  return role !== "member" && by.is === "device" && by.device.kind === "ordinary";
}

export function standing({ state, timeMs }: Case): readonly (readonly [string, ListedDevice])[] {
  return [...state.devices].filter(([, device]) => stands(device, timeMs));
}

export function isOverIn({ timeMs }: Case, expiresMs: number | null): boolean {
  return isOver(expiresMs, timeMs);
}

function signatory(state: TeamState, { author }: Entry): Signatory | null {
  const device = author.is === "device" ? state.devices.get(author.id) : undefined;
  const invite = author.is === "invite" ? state.invites.get(author.id) : undefined;
  const found = device ?? invite;
  const role = found && state.members.get(found.member)?.role;
  if (!found || !role) return null;
  const { signKey, member } = found;
  if (device) return { signKey, member, role, by: { is: "device", device } };
  return invite ? { signKey, member, role, by: { is: "invite", invite } } : null;
}
