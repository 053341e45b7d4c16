/** For each rule of the reducer one entry that it alone refuses: without the rule the entry would be taken. */
import { describe, expect, test } from "vitest";
import type { Bytes } from "../../../src/base/bytes.ts";
import { unwrap } from "../../../src/base/result.ts";
import type { DeviceIdentity } from "../../../src/crypto/device.ts";
import { deviceAuthor, inviteAuthor } from "../../../src/crypto/log/author.ts";
import type { Body } from "../../../src/crypto/log/body.ts";
import { newcomer } from "../../../src/crypto/log/draft.ts";
import { decodeEntry } from "../../../src/crypto/log/entry.ts";
import { commitmentTo } from "../../../src/crypto/log/commitment.ts";
import { reduce } from "../../../src/crypto/log/reducer.ts";
import { standingDevices, type TeamState } from "../../../src/crypto/log/state.ts";
import { VALIDATORS } from "../../../src/crypto/log/validators/all.ts";
import { caseOf } from "../../../src/crypto/log/validators/case.ts";
import { noise } from "../samples.ts";
import {
  BOOTH_ENDS_MS,
  DAY_MS,
  device,
  DEVICES,
  fence,
  forge,
  inviteSeed,
  MEMBERS,
  personOf,
  PROJECT_TAG,
  world,
} from "./world.ts";

const { log, invites, kitDevice } = world();
const { state, keys } = log;
const { ada, ben, cy } = MEMBERS;
const by = {
  laptop: deviceAuthor(DEVICES.laptop),
  phone: deviceAuthor(DEVICES.phone),
  booth: deviceAuthor(DEVICES.booth),
  ben: deviceAuthor(DEVICES.ben),
  cy: deviceAuthor(DEVICES.cy),
  kit: deviceAuthor(kitDevice),
  stranger: deviceAuthor(device("stranger")),
};
const person = personOf(device("fresh"));
const fresh = device("fresh");

type Draft = Exclude<Body, { kind: "create" }>;
type Name = keyof typeof VALIDATORS;
interface Refused {
  readonly state?: TeamState;
  readonly bytes: Bytes;
  readonly type: string;
}

const later = (body: Draft, author = by.laptop) =>
  unwrap(reduce(state, forge(state, author, body)));
const invited = (invite = invites.ada) => inviteAuthor(inviteSeed(invite));
const inviteTo = (admits: "own" | "admin" | "member", days = 7): Draft => ({
  kind: "invite",
  signKey: noise(32, "a key"),
  admits,
  expiresMs: state.timeMs + days * DAY_MS,
});

/** The entry that adds `itself`; what it agrees to can be another thing than what is said. */
function adding(
  itself: DeviceIdentity,
  said: Partial<Parameters<typeof newcomer>[1]> = {},
  agreed: Partial<Parameters<typeof newcomer>[1]> = {},
): Draft {
  const terms = {
    team: state.team,
    inviteEntry: null,
    member: ada,
    kind: "ordinary" as const,
    expiresMs: null,
    ...said,
  };
  const { consent } = newcomer(itself, { ...terms, ...agreed });
  return { kind: "add-device", ...newcomer(itself, terms), consent, person };
}

function epochOf(of: TeamState, change: Partial<Extract<Body, { kind: "epoch" }>> = {}): Draft {
  return {
    kind: "epoch",
    epoch: 3,
    former: 2,
    commitment: commitmentTo({ ...keys, epoch: 3 }),
    recipients: standingDevices(of, 0),
    ...change,
  };
}

/** As if the member had that many devices more. */
function crowded(devices: number): TeamState {
  const one = state.devices.get(DEVICES.laptop.id);
  if (one === undefined) throw new Error("no laptop");
  const more = Array.from({ length: devices }, (_, i) => [`${i}`.padStart(32, "0"), one] as const);
  return { ...state, devices: new Map([...state.devices, ...more]) };
}

const removedPhone = later({ kind: "remove-device", device: DEVICES.phone.id, fences: [] });
const demotedBen = later({ kind: "role", member: ben, role: "member" });
const removal: Draft = { kind: "remove-device", device: DEVICES.phone.id, fences: [fence(3)] };
const rename: Draft = { kind: "rename-device", device: DEVICES.laptop.id, person };
const throughBen = { inviteEntry: invites.ben.entry.hash, member: "d4".repeat(16) };
const throughCy = { inviteEntry: invites.cy.entry.hash, member: cy };
const deaf = { ...fresh, boxKey: new Uint8Array(32) };

const REFUSED: Readonly<Record<Name, Refused>> = {
  ofThisTeam: {
    bytes: forge(state, by.laptop, rename, { team: "12".repeat(16) }),
    type: "log-place",
  },
  hasNextNumber: {
    bytes: forge(state, by.laptop, rename, { n: state.head.n + 2 }),
    type: "log-place",
  },
  continuesHead: {
    bytes: forge(state, by.laptop, rename, { previous: noise(32) }),
    type: "log-place",
  },
  authorIsKnown: { bytes: forge(state, by.stranger, rename), type: "log-author" },
  authorSigned: {
    bytes: forge(state, { ...by.laptop, sign: by.ben.sign }, rename),
    type: "log-signature",
  },
  authorIsNotRemoved: {
    state: removedPhone,
    bytes: forge(removedPhone, by.phone, rename),
    type: "log-author",
  },
  authorIsNotOver: {
    bytes: forge(
      state,
      by.booth,
      { kind: "rename-device", device: DEVICES.booth.id, person },
      { atMs: BOOTH_ENDS_MS },
    ),
    type: "log-author",
  },
  inviterMayStillInvite: {
    state: demotedBen,
    bytes: forge(demotedBen, invited(invites.ben), adding(fresh, throughBen)),
    type: "log-author",
  },
  deviceMayWriteThis: { bytes: forge(state, by.booth, inviteTo("own")), type: "log-rights" },
  inviterMayInvite: { bytes: forge(state, by.ben, inviteTo("admin")), type: "log-rights" },
  inviteEnds: { bytes: forge(state, by.laptop, inviteTo("member", 31)), type: "log-rights" },
  inviteIsNew: {
    state: later({ ...inviteTo("own"), signKey: noise(32, "a key") } as Draft),
    get bytes() {
      return forge(this.state as TeamState, by.laptop, inviteTo("member"));
    },
    type: "log-target",
  },
  revokesOpenInvite: {
    bytes: forge(state, by.laptop, { kind: "revoke-invite", invite: "00".repeat(16) }),
    type: "log-target",
  },
  mayRevoke: {
    bytes: forge(state, by.cy, { kind: "revoke-invite", invite: invited().id }),
    type: "log-rights",
  },
  deviceIsNew: { bytes: forge(state, by.laptop, adding(DEVICES.phone)), type: "log-device" },
  deviceCanReceive: { bytes: forge(state, by.laptop, adding(deaf)), type: "log-device" },
  deviceConsents: {
    bytes: forge(state, by.laptop, adding(fresh, {}, { member: cy })),
    type: "log-device",
  },
  deviceIsOfRightMember: {
    bytes: forge(state, by.cy, adding(fresh, { member: ada })),
    type: "log-rights",
  },
  deviceIsOfRightKind: {
    bytes: forge(state, invited(invites.cy), adding(fresh, { ...throughCy, kind: "recovery" })),
    type: "log-rights",
  },
  deviceEndsLater: {
    bytes: forge(
      state,
      by.laptop,
      adding(fresh, { kind: "ephemeral", expiresMs: state.timeMs + 1 }),
    ),
    type: "log-device",
  },
  thereIsRoom: {
    state: crowded(60),
    bytes: forge(state, by.laptop, adding(fresh)),
    type: "log-device",
  },
  ownerGivesRoles: {
    bytes: forge(state, by.ben, { kind: "role", member: cy, role: "admin" }),
    type: "log-rights",
  },
  roleIsNew: {
    bytes: forge(state, by.laptop, { kind: "role", member: cy, role: "member" }),
    type: "log-target",
  },
  leadGivesAccess: {
    bytes: forge(state, by.cy, { kind: "project-access", project: PROJECT_TAG, members: [cy] }),
    type: "log-rights",
  },
  accessIsForMembers: {
    bytes: forge(state, by.ben, {
      kind: "project-access",
      project: PROJECT_TAG,
      members: [cy, "d4".repeat(16)],
    }),
    type: "log-target",
  },
  renamesOwnDevice: {
    bytes: forge(state, by.laptop, { kind: "rename-device", device: DEVICES.cy.id, person }),
    type: "log-target",
  },
  removesWhoIsThere: {
    bytes: forge(state, by.laptop, { kind: "remove-member", member: "d4".repeat(16), fences: [] }),
    type: "log-target",
  },
  mayRemove: { bytes: forge(state, by.ben, removal), type: "log-rights" },
  ownerRemains: {
    bytes: forge(state, by.laptop, { kind: "role", member: ada, role: "admin" }),
    type: "log-owner",
  },
  epochIsNext: {
    bytes: forge(state, by.laptop, epochOf(state, { epoch: 4, former: 3 })),
    type: "log-epoch",
  },
  maySkipEpochs: {
    state: removedPhone,
    bytes: forge(removedPhone, by.cy, epochOf(removedPhone, { former: 1 })),
    type: "log-rights",
  },
  mayMakeEpoch: { bytes: forge(state, by.cy, epochOf(state)), type: "log-rights" },
  epochReachesExactlyAll: {
    bytes: forge(
      state,
      by.laptop,
      epochOf(state, { recipients: standingDevices(state, 0).slice(1) }),
    ),
    type: "log-epoch",
  },
  mayRetire: {
    bytes: forge(state, by.cy, {
      kind: "retire",
      why: "unshared",
      scope: { what: "project", fence: fence(9) },
    }),
    type: "log-rights",
  },
};

describe("each validator", () => {
  test("L13: every validator refuses an entry that all the others let through", () => {
    expect(Object.keys(REFUSED).toSorted()).toEqual(Object.keys(VALIDATORS).toSorted());
    for (const [name, { state: before = state, bytes, type }] of Object.entries(REFUSED)) {
      const entry = unwrap(decodeEntry(bytes));
      const judged = caseOf(before, entry, bytes);
      const no = Object.entries(VALIDATORS).filter(([, validator]) => validator(judged) !== null);
      expect(
        no.map(([each]) => each),
        name,
      ).toEqual([name]);
      const result = reduce(before, bytes);
      expect(result.ok ? null : result.fault.type, name).toBe(type);
    }
  });
});
