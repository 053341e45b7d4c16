/** Who takes part: one team, its log and its devices, the same in all runs, because making them costs more than a short run. */
import type { Bytes } from "../../src/base/bytes.ts";
import { createDevice, type DeviceIdentity } from "../../src/crypto/device.ts";
import type { KdfLimits } from "../../src/crypto/kdf.ts";
import type { KeptLog, StreamRef } from "../../src/sync/ports.ts";
import { Founding } from "../sync/memoryLog.ts";
import { Dice } from "./dice.ts";
import { TeamLog } from "./teamLog.ts";
import "./signatures.ts";

/** When virtual time begins, on a clock that is right. */
export const DAWN_MS = Date.UTC(2026, 10, 25);

/** Joins when all is over, and reads everything. */
export const LATE = "late";
/** A member whose program does what it wants. */
export const MALLORY = "mallory";
/** A member who only ever leaves. */
export const GONE = "gone";
const ALWAYS = [LATE, MALLORY, GONE] as const;
export const NAMES = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal"] as const;
/** Who leads the team, besides the founder, whose machine is off. */
export const ADMINS: readonly string[] = ["ada", "cyd"];

/** The founder's passphrase is stretched within these. */
export const LIMITS: KdfLimits = { minOps: 1, maxOps: 3, minMemoryKiB: 8, maxMemoryKiB: 1024 };

const identities = new Map<string, DeviceIdentity>();

export function identityOf(name: string): DeviceIdentity {
  const held = identities.get(name) ?? createDevice(new Dice(`device ${name}`).bytes);
  identities.set(name, held);
  return held;
}

const founding = new Founding("simulation", DAWN_MS - 60_000);
/** Of the first epoch. */
export const KEYS = founding.keys;
export const TEAM = KEYS.team;

/** The log's entries once so many of `NAMES` were admitted, behind those who always are. */
const logs = [...ALWAYS, ...NAMES].map((name) => {
  founding.admit(identityOf(name), name, ADMINS.includes(name) ? "admin" : "member");
  return founding.log.entries;
});

/** The log of a team with the first `size` of `NAMES`. */
export function logOf(size: number): TeamLog {
  return new TeamLog(entriesOf(size), founding.log.beside);
}

/** As a device keeps it that was there when the team was complete. */
export function keptLogOf(size: number): KeptLog {
  const entries = entriesOf(size);
  return { listed: entries.length, entries };
}

function entriesOf(size: number): readonly Bytes[] {
  return logs[ALWAYS.length + size - 1] as readonly Bytes[];
}

export const STREAMS = [
  { team: TEAM, project: null },
  { team: TEAM, project: "0191d3a0-7c1e-7b2a-9c3d-111111111111" },
  { team: TEAM, project: "0191d3a0-7c1e-7b2a-9c3d-222222222222" },
] as const satisfies readonly StreamRef[];
