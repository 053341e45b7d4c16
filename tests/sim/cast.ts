/** Who takes part: one team's keys and devices, the same in all runs, because making them costs more than a short run. */
import type { TeamId } from "../../src/base/ids.ts";
import { sealCard } from "../../src/crypto/card.ts";
import { createDevice, type DeviceIdentity } from "../../src/crypto/device.ts";
import { createTeamKeys } from "../../src/crypto/team.ts";
import type { StreamRef } from "../../src/sync/ports.ts";
import type { DeviceListing } from "../../src/sync/transport.ts";
import { Dice } from "./dice.ts";

export const TEAM = "team_01KABCDEFGHJKMNPQRSTVWXYZ0" as TeamId;
export const STREAMS = [
  { team: TEAM, project: null },
  { team: TEAM, project: "0191d3a0-7c1e-7b2a-9c3d-111111111111" },
  { team: TEAM, project: "0191d3a0-7c1e-7b2a-9c3d-222222222222" },
] as const satisfies readonly StreamRef[];
export const KEYS = createTeamKeys(TEAM, new Dice("team").bytes);
export const NAMES = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal"] as const;
/** Joins when all is over, and reads everything. */
export const LATE = "late";
/** A member whose program does what it wants. */
export const MALLORY = "mallory";

const identities = new Map<string, DeviceIdentity>();
const listings = new Map<string, DeviceListing>();

export function identityOf(name: string): DeviceIdentity {
  const held = identities.get(name) ?? createDevice(new Dice(`device ${name}`).bytes);
  identities.set(name, held);
  return held;
}

export function listingOf(name: string): DeviceListing {
  const held = listings.get(name) ?? list(name);
  listings.set(name, held);
  return held;
}

function list(name: string): DeviceListing {
  const device = identityOf(name);
  const person = { name: `${name}'s laptop`, email: `${name}@example.org` };
  const random = new Dice(`card ${name}`).bytes;
  return { device: device.id, card: sealCard(device, person, KEYS, random) };
}
