/** A team of three with devices of every kind and open invites, and the means to write entries that nobody would draft. */
import { type Bytes, fromHex } from "../../../src/base/bytes.ts";
import { unwrap } from "../../../src/base/result.ts";
import { createDevice, type DeviceIdentity } from "../../../src/crypto/device.ts";
import { derive } from "../../../src/crypto/hash.ts";
import { teamTag } from "../../../src/crypto/header.ts";
import { type Author, deviceAuthor, signEntry } from "../../../src/crypto/log/author.ts";
import type { Body, Fence } from "../../../src/crypto/log/body.ts";
import { addDevice, newcomer, type NextEntry, nextEntry } from "../../../src/crypto/log/draft.ts";
import type { Entry } from "../../../src/crypto/log/entry.ts";
import { rotate } from "../../../src/crypto/log/epoch.ts";
import type { LogResult } from "../../../src/crypto/log/fault.ts";
import { foundTeam } from "../../../src/crypto/log/found.ts";
import {
  join,
  type InviteTerms,
  makeInvite,
  type TeamInvite,
} from "../../../src/crypto/log/invite.ts";
import { createKit, kitAsNewcomer, kitDevice } from "../../../src/crypto/log/recovery.ts";
import { sealPerson } from "../../../src/crypto/log/person.ts";
import type { TeamState } from "../../../src/crypto/log/state.ts";
import { noise, seededRandom } from "../samples.ts";

export const T0 = Date.UTC(2026, 10, 25);
export const HOUR_MS = 60 * 60 * 1000;
export const DAY_MS = 24 * HOUR_MS;
export const MEMBERS = { ada: "a1".repeat(16), ben: "b2".repeat(16), cy: "c3".repeat(16) } as const;
export const PROJECT_TAG = "0191d3a07c1e7b2a9c3d111111111111";
export const TEAM_STREAM = "0".repeat(32);
export const BOOTH_ENDS_MS = T0 + 10 * DAY_MS;

export const device = (name: string): DeviceIdentity => createDevice(seededRandom(`log ${name}`));
export const DEVICES = {
  laptop: device("laptop"),
  phone: device("phone"),
  booth: device("booth"),
  ben: device("ben"),
  cy: device("cy"),
} as const;

export const fence = (n: number, stream = PROJECT_TAG): Fence => ({
  stream,
  n,
  h: noise(32, `h${n}`),
});

/** A log as one device writes it: every step is appended, and each is an hour after the one before. */
export function writer(seed = "log") {
  const random = seededRandom(seed);
  const nowMs = () => T0 + entries.length * HOUR_MS;
  const {
    keys: first,
    entries: begun,
    state: founded,
  } = foundTeam(
    DEVICES.laptop,
    MEMBERS.ada,
    { name: "Ada’s laptop", email: "ada@example.org" },
    T0,
    random,
  );
  const entries: Bytes[] = [...begun];
  let state = founded;
  let keys = first;
  const take = <T extends NextEntry>(result: LogResult<T>): T => {
    const next = unwrap(result);
    entries.push(next.bytes);
    state = next.state;
    return next;
  };
  return {
    entries,
    random,
    nowMs,
    take,
    get state() {
      return state;
    },
    get keys() {
      return keys;
    },
    say: (by: Author, body: Exclude<Body, { kind: "create" }>) =>
      take(nextEntry(state, by, body, nowMs())),
    invite: (by: DeviceIdentity, admits: InviteTerms["admits"]) =>
      take(makeInvite(state, by, { admits, expiresMs: nowMs() + 7 * DAY_MS }, nowMs(), random))
        .invite,
    join: (invite: TeamInvite, itself: DeviceIdentity, member: string, name: string) =>
      take(
        join(
          state,
          invite,
          itself,
          { member, person: { name, email: `${name}@example.org` }, expiresMs: null },
          keys.idKey,
          nowMs(),
          random,
        ),
      ),
    rotate: (by: DeviceIdentity) => {
      const rotation = take(rotate(state, keys, by, nowMs(), random));
      keys = rotation.keys;
      return rotation;
    },
  };
}

export function world() {
  const log = writer();
  const { ada, ben, cy } = MEMBERS;
  log.join(log.invite(DEVICES.laptop, "admin"), DEVICES.ben, ben, "ben");
  log.join(log.invite(DEVICES.ben, "member"), DEVICES.cy, cy, "cy");
  log.join(log.invite(DEVICES.laptop, "own"), DEVICES.phone, ada, "ada");
  const kit = createKit(log.state.team, log.random);
  const byLaptop = deviceAuthor(DEVICES.laptop);
  const booth = newcomer(DEVICES.booth, {
    team: log.state.team,
    inviteEntry: null,
    member: ada,
    kind: "ephemeral",
    expiresMs: BOOTH_ENDS_MS,
  });
  for (const [added, name] of [
    [kitAsNewcomer(kit, ada), "Recovery kit"],
    [booth, "A borrowed one"],
  ] as const)
    log.take(
      addDevice(
        log.state,
        byLaptop,
        added,
        { name, email: "ada@example.org" },
        log.keys.idKey,
        log.nowMs(),
        log.random,
      ),
    );
  const rotation = log.rotate(DEVICES.laptop);
  const invites = {
    ada: log.invite(DEVICES.laptop, "member"),
    ben: log.invite(DEVICES.ben, "member"),
    cy: log.invite(DEVICES.cy, "own"),
  };
  return { log, kit, kitDevice: kitDevice(kit), rotation, invites };
}

/** Signed by its author, in the next place of the log; whether anybody takes it is another question. */
export function forge(
  state: TeamState,
  author: Author,
  body: Body,
  changes: Partial<Pick<Entry, "team" | "n" | "previous" | "atMs">> = {},
): Bytes {
  const place = { team: teamTag(state.team), n: state.head.n + 1, previous: state.head.hash };
  return signEntry({ ...place, atMs: state.timeMs + 1, body, ...changes }, author);
}

export function personOf(of: DeviceIdentity): Bytes {
  return sealPerson(
    { name: "x", email: "" },
    of.id,
    world().log.keys.idKey,
    seededRandom("person"),
  );
}

/** Of the key that signs for an invite, from its text alone. */
export function inviteSeed({ team, secret }: TeamInvite): Bytes {
  return derive(secret, "invite signer", [fromHex(teamTag(team))]);
}
