import { describe, expect, test } from "vitest";
import type { Bytes } from "../../../src/base/bytes.ts";
import { unwrap } from "../../../src/base/result.ts";
import type { DeviceIdentity } from "../../../src/crypto/device.ts";
import { type Author, deviceAuthor, inviteAuthor } from "../../../src/crypto/log/author.ts";
import type { Body } from "../../../src/crypto/log/body.ts";
import { addDevice, newcomer, nextEntry } from "../../../src/crypto/log/draft.ts";
import { decodeEntry, TIME_LIMIT_MS } from "../../../src/crypto/log/entry.ts";
import { rotate } from "../../../src/crypto/log/epoch.ts";
import type { LogResult } from "../../../src/crypto/log/fault.ts";
import { join, makeInvite, type TeamInvite } from "../../../src/crypto/log/invite.ts";
import { appendable, reduce } from "../../../src/crypto/log/reducer.ts";
import {
  acceptsRow,
  isTakenBack,
  roleOf,
  standingDevices,
  type TeamState,
} from "../../../src/crypto/log/state.ts";
import { seededRandom } from "../samples.ts";
import {
  BOOTH_ENDS_MS,
  DAY_MS,
  device,
  DEVICES,
  fence,
  forge,
  HOUR_MS,
  inviteSeed,
  MEMBERS,
  personOf,
  PROJECT_TAG,
  TEAM_STREAM,
  world,
} from "./world.ts";

const { log, invites, kitDevice } = world();
const { state, keys } = log;
const { ada, ben, cy } = MEMBERS;
const dan = "d4".repeat(16);
const random = seededRandom("reducer");
const by = {
  laptop: deviceAuthor(DEVICES.laptop),
  phone: deviceAuthor(DEVICES.phone),
  booth: deviceAuthor(DEVICES.booth),
  ben: deviceAuthor(DEVICES.ben),
  cy: deviceAuthor(DEVICES.cy),
  kit: deviceAuthor(kitDevice),
};
const nobody = { name: "", email: "" };
const person = personOf(DEVICES.ben);

type Said = Exclude<Body, { kind: "create" }>;
const tried = (before: TeamState, author: Author, body: Said, atMs = before.timeMs + HOUR_MS) =>
  reduce(before, forge(before, author, body, { atMs }));
const after = (before: TeamState, author: Author, body: Said, atMs?: number) =>
  unwrap(tried(before, author, body, atMs));
const typeOf = (result: LogResult<unknown>) => (result.ok ? "taken" : result.fault.type);
const invite = (before: TeamState, from: DeviceIdentity, admits: "own" | "admin" | "member") =>
  makeInvite(
    before,
    from,
    { admits, expiresMs: before.timeMs + DAY_MS },
    before.timeMs + HOUR_MS,
    random,
  );
const joining = (
  before: TeamState,
  through: TeamInvite,
  member: string,
  itself = device("newcomer"),
  expiresMs: number | null = null,
  nowMs = before.timeMs,
) =>
  join(before, through, itself, { member, person: nobody, expiresMs }, keys.idKey, nowMs, random);
const adding = (
  before: TeamState,
  author: Author,
  itself: DeviceIdentity,
  said: Partial<Parameters<typeof newcomer>[1]> = {},
) => {
  const terms = { team: state.team, inviteEntry: null, member: ada, kind: "ordinary" as const };
  const added = newcomer(itself, { ...terms, expiresMs: null, ...said });
  return addDevice(before, author, added, nobody, keys.idKey, before.timeMs + HOUR_MS, random);
};
const removing = (itself: DeviceIdentity, fences = [fence(7)]): Said => ({
  kind: "remove-device",
  device: itself.id,
  fences,
});
const removingMember = (member: string): Said => ({
  kind: "remove-member",
  member,
  fences: [fence(7), fence(3, TEAM_STREAM)],
});

describe("L3", () => {
  test("L3: of two entries for one place the second is refused, and goes in behind when drafted again", () => {
    const one = forge(state, by.laptop, {
      kind: "rename-device",
      device: DEVICES.laptop.id,
      person,
    });
    const say = { kind: "rename-device", device: DEVICES.cy.id, person } as const;
    const two = forge(state, by.cy, say);
    const next = unwrap(reduce(state, one));
    expect(typeOf(reduce(next, two))).toBe("log-place");
    const again = nextEntry(next, by.cy, say, next.timeMs);
    expect(typeOf(again)).toBe("taken");
    expect(next.head.n).toBe(state.head.n + 1);
    expect(unwrap(again).state.head.n).toBe(state.head.n + 2);
  });
});

describe("L4", () => {
  test("L4: a removed member's and a removed device's entries are refused from then on", () => {
    const rename = (of: DeviceIdentity): Said => ({ kind: "rename-device", device: of.id, person });
    const withoutCy = after(state, by.ben, removingMember(cy));
    expect(typeOf(tried(withoutCy, by.cy, rename(DEVICES.cy)))).toBe("log-author");
    const withoutPhone = after(state, by.laptop, removing(DEVICES.phone));
    expect(typeOf(tried(withoutPhone, by.phone, rename(DEVICES.laptop)))).toBe("log-author");
    expect(typeOf(tried(withoutPhone, by.laptop, rename(DEVICES.laptop)))).toBe("taken");
  });
});

test("L4: a device cannot sign as if it were an invite, nor an invite as a device", () => {
  const asInvite = { ...by.laptop, is: "invite" as const };
  const added = unwrap(decodeEntry(unwrap(adding(state, by.laptop, device("next"))).bytes)).body;
  expect(typeOf(reduce(state, forge(state, asInvite, added)))).toBe("log-author");
  const invite = { ...inviteAuthor(inviteSeed(invites.ada)), is: "device" as const };
  expect(typeOf(reduce(state, forge(state, invite, added)))).toBe("log-author");
});

describe("L5", () => {
  test("L5: an ephemeral device changes itself and, after a removal, the key, and nothing else", () => {
    const itself = { device: DEVICES.booth.id };
    expect(typeOf(tried(state, by.booth, { kind: "rename-device", ...itself, person }))).toBe(
      "taken",
    );
    expect(typeOf(tried(state, by.booth, removing(DEVICES.booth)))).toBe("taken");
    expect(typeOf(tried(state, by.booth, removing(DEVICES.phone)))).toBe("log-rights");
    const other = { device: DEVICES.phone.id, person };
    expect(typeOf(tried(state, by.booth, { kind: "rename-device", ...other }))).toBe("log-rights");
    expect(typeOf(adding(state, by.booth, device("another")))).toBe("log-rights");
    const scope = { what: "documents", documents: [ada] } as const;
    const retire = { kind: "retire", why: "unshared", scope } as const;
    expect(typeOf(tried(state, by.booth, retire))).toBe("log-rights");
    const gone = after(state, by.laptop, removing(DEVICES.phone));
    expect(typeOf(rotate(gone, keys, DEVICES.booth, gone.timeMs, random))).toBe("taken");
    expect(typeOf(rotate(state, keys, DEVICES.booth, gone.timeMs, random))).toBe("log-rights");
    const lost = unwrap(rotate(gone, keys, DEVICES.ben, gone.timeMs, random)).state;
    const again = after(lost, by.cy, removing(DEVICES.cy));
    expect(typeOf(rotate(again, keys, DEVICES.booth, gone.timeMs, random))).toBe("log-rights");
    expect(typeOf(rotate(again, keys, DEVICES.ben, gone.timeMs, random))).toBe("taken");
  });

  test("L5: a recovery kit adds an ordinary device of its member, and does nothing else", () => {
    expect(typeOf(adding(state, by.kit, device("next")))).toBe("taken");
    expect(typeOf(adding(state, by.kit, device("next"), { member: cy }))).toBe("log-rights");
    const ends = { kind: "ephemeral" as const, expiresMs: BOOTH_ENDS_MS };
    expect(typeOf(adding(state, by.kit, device("next"), ends))).toBe("log-rights");
    expect(typeOf(adding(state, by.kit, device("next"), { kind: "recovery" }))).toBe("log-rights");
    expect(typeOf(tried(state, by.kit, removing(DEVICES.phone)))).toBe("log-rights");
    expect(typeOf(rotate(state, keys, kitDevice, state.timeMs, random))).toBe("log-rights");
  });
});

describe("L6", () => {
  test("L6: owners invite admins and members, admins members, everybody own further devices", () => {
    const admits = ["own", "member", "admin"] as const;
    const allowed = (from: DeviceIdentity) =>
      admits.filter((each) => typeOf(invite(state, from, each)) === "taken");
    expect(allowed(DEVICES.laptop)).toEqual(["own", "member", "admin"]);
    expect(allowed(DEVICES.ben)).toEqual(["own", "member"]);
    expect(allowed(DEVICES.cy)).toEqual(["own"]);
  });

  test("L6: an invite ends within 30 days, and after the newest time in the log", () => {
    const until = (expiresMs: number) =>
      typeOf(makeInvite(state, DEVICES.cy, { admits: "own", expiresMs }, state.timeMs, random));
    expect(until(state.timeMs + 30 * DAY_MS)).toBe("taken");
    expect(until(state.timeMs + 30 * DAY_MS + 1)).toBe("log-rights");
    expect(until(state.timeMs + 1)).toBe("taken");
    expect(until(state.timeMs)).toBe("log-rights");
  });

  test("L6: an invite admits once", () => {
    const first = unwrap(joining(state, invites.ada, dan));
    expect(roleOf(first.state, dan)).toBe("member");
    expect(first.state.invites.size).toBe(state.invites.size - 1);
    const second = joining(first.state, invites.ada, "e5".repeat(16), device("second"));
    expect(typeOf(second)).toBe("log-author");
  });

  test("L6: an invite that was taken back or is over admits nobody", () => {
    const id = inviteAuthor(inviteSeed(invites.ada)).id;
    const revoked = after(state, by.ben, { kind: "revoke-invite", invite: id });
    expect(typeOf(joining(revoked, invites.ada, dan))).toBe("log-author");
    const ends = (state.invites.get(id)?.expiresMs ?? 0) - 1;
    expect(typeOf(joining(state, invites.ada, dan, device("late"), null, ends))).toBe("taken");
    expect(typeOf(joining(state, invites.ada, dan, device("late"), null, ends + 1))).toBe(
      "log-author",
    );
  });

  test("L6: every removal and every epoch ends all open invites", () => {
    const states = [
      after(state, by.ben, removingMember(cy)),
      after(state, by.laptop, removing(DEVICES.phone)),
      unwrap(rotate(state, keys, DEVICES.laptop, state.timeMs, random)).state,
    ];
    for (const next of states) {
      expect(next.invites.size).toBe(0);
      expect(typeOf(joining(next, invites.ada, dan))).toBe("log-author");
    }
  });

  test("L6: an invite is worth what its maker may still give", () => {
    const demoted = after(state, by.laptop, { kind: "role", member: ben, role: "member" });
    expect(typeOf(joining(demoted, invites.ben, dan))).toBe("log-author");
    expect(typeOf(joining(demoted, invites.ada, dan))).toBe("taken");
  });

  test("L6: its maker and who leads the team take an invite back, others do not", () => {
    const revoke = (of: TeamInvite): Said => ({
      kind: "revoke-invite",
      invite: inviteAuthor(inviteSeed(of)).id,
    });
    expect(typeOf(tried(state, by.cy, revoke(invites.cy)))).toBe("taken");
    expect(typeOf(tried(state, by.phone, revoke(invites.ada)))).toBe("taken");
    expect(typeOf(tried(state, by.ben, revoke(invites.ada)))).toBe("taken");
    expect(typeOf(tried(state, by.cy, revoke(invites.ben)))).toBe("log-rights");
  });
});

describe("L7", () => {
  const through = (through: TeamInvite, body: Partial<Parameters<typeof newcomer>[1]>) => {
    const itself = device("newcomer");
    const terms = { team: state.team, inviteEntry: through.entry.hash, member: dan };
    const added = newcomer(itself, { ...terms, kind: "ordinary", expiresMs: null, ...body });
    const author = inviteAuthor(inviteSeed(through));
    return addDevice(state, author, added, nobody, keys.idKey, state.timeMs, random);
  };

  test("L7: a device is added by one of its member, by an invite, or by the member's recovery kit", () => {
    expect(typeOf(adding(state, by.phone, device("next")))).toBe("taken");
    expect(typeOf(adding(state, by.cy, device("next"), { member: cy }))).toBe("taken");
    expect(typeOf(adding(state, by.laptop, device("next"), { member: cy }))).toBe("log-rights");
    expect(typeOf(adding(state, by.laptop, device("next"), { member: dan }))).toBe("log-rights");
    expect(typeOf(through(invites.ada, {}))).toBe("taken");
  });

  test("L7: no ghost: without the device's own word for this team, invite and member nothing is listed", () => {
    const itself = device("ghost");
    const terms = { team: state.team, inviteEntry: null, member: ada, kind: "ordinary" as const };
    const agreed = newcomer(itself, { ...terms, expiresMs: null });
    const listed = (changes: Partial<typeof agreed>) =>
      typeOf(addDevice(state, by.laptop, { ...agreed, ...changes }, nobody, keys.idKey, 0, random));
    const swapped = device("swapped");
    expect(listed({ boxKey: swapped.boxKey })).toBe("log-device");
    expect(listed({ signKey: swapped.signKey })).toBe("log-device");
    expect(listed({ deviceKind: "recovery" })).toBe("log-device");
    expect(listed({ consent: new Uint8Array(64) })).toBe("log-device");
    expect(typeOf(adding(state, by.laptop, itself, { inviteEntry: invites.ada.entry.hash }))).toBe(
      "log-device",
    );
    expect(typeOf(through(invites.ada, { inviteEntry: invites.ben.entry.hash }))).toBe(
      "log-device",
    );
    expect(typeOf(through(invites.ada, { team: world2Team() }))).toBe("log-device");
  });

  test("L7: an invite for others makes a new member of the invite's role, with a device that stays", () => {
    const admin = unwrap(invite(state, DEVICES.laptop, "admin"));
    const joined = unwrap(joining(admin.state, admin.invite, dan)).state;
    expect(roleOf(joined, dan)).toBe("admin");
    expect(typeOf(through(invites.ada, { member: cy }))).toBe("log-rights");
    expect(typeOf(through(invites.ada, { kind: "recovery" }))).toBe("log-rights");
    const ends = { kind: "ephemeral" as const, expiresMs: BOOTH_ENDS_MS };
    expect(typeOf(through(invites.ada, ends))).toBe("log-rights");
  });

  test("L7: an invite for an own device adds one of the member who made it, ephemeral or not", () => {
    expect(typeOf(through(invites.cy, { member: cy }))).toBe("taken");
    const ends = { member: cy, kind: "ephemeral" as const, expiresMs: BOOTH_ENDS_MS };
    expect(typeOf(through(invites.cy, ends))).toBe("taken");
    expect(typeOf(joining(state, invites.cy, cy, device("n"), BOOTH_ENDS_MS))).toBe("taken");
    expect(typeOf(through(invites.cy, {}))).toBe("log-rights");
    expect(typeOf(through(invites.cy, { member: cy, kind: "recovery" }))).toBe("log-rights");
  });

  test("L7: a device that was removed never comes back; a person can, with another device", () => {
    const without = after(state, by.ben, removingMember(cy));
    const again = unwrap(invite(without, DEVICES.laptop, "member"));
    expect(typeOf(joining(again.state, again.invite, cy, DEVICES.cy))).toBe("log-device");
    const back = unwrap(joining(again.state, again.invite, cy, device("cy's next"))).state;
    expect(roleOf(back, cy)).toBe("member");
    expect(back.members.get(cy)?.since).toBe(back.head.n);
    expect(standingDevices(back, 0)).not.toContain(DEVICES.cy.id);
    expect(typeOf(tried(back, by.cy, removing(DEVICES.cy)))).toBe("log-author");
  });

  test("L7: nothing can be sealed to the points of small order, so none is listed", () => {
    const small = [
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for (const hex of small) {
      const deaf = { ...device("deaf"), boxKey: new Uint8Array(Buffer.from(hex, "hex")) };
      expect(typeOf(adding(state, by.laptop, deaf)), hex).toBe("log-device");
    }
  });

  function world2Team() {
    return "team_00000000000000000000000000" as TeamState["team"];
  }
});

describe("L8", () => {
  test("L8: only owners give roles, to members, and other ones than they have", () => {
    const role = (member: string, given: "owner" | "admin" | "member"): Said => ({
      kind: "role",
      member,
      role: given,
    });
    expect(roleOf(after(state, by.phone, role(cy, "owner")), cy)).toBe("owner");
    expect(typeOf(tried(state, by.ben, role(cy, "admin")))).toBe("log-rights");
    expect(typeOf(tried(state, by.cy, role(cy, "admin")))).toBe("log-rights");
    expect(typeOf(tried(state, by.laptop, role(dan, "admin")))).toBe("log-target");
    expect(typeOf(tried(state, by.laptop, role(cy, "member")))).toBe("log-target");
  });

  test("L8: a project is for everybody, or for those it names while they are members", () => {
    const see = (of: TeamState) =>
      [ada, ben, cy, dan].filter(
        (m) => roleOf(of, m) !== null && (of.access.get(PROJECT_TAG)?.has(m) ?? true),
      );
    const access = (members: readonly string[] | null): Said => ({
      kind: "project-access",
      project: PROJECT_TAG,
      members,
    });
    expect(see(state)).toEqual([ada, ben, cy]);
    const some = after(state, by.ben, access([ada, cy]));
    expect(see(some)).toEqual([ada, cy]);
    expect(see(after(some, by.laptop, access(null)))).toEqual([ada, ben, cy]);
    expect(see(after(state, by.laptop, access([])))).toEqual([]);
    expect(typeOf(tried(state, by.cy, access(null)))).toBe("log-rights");
    const without = after(some, by.ben, removingMember(cy));
    const again = unwrap(invite(without, DEVICES.laptop, "member"));
    expect(see(unwrap(joining(again.state, again.invite, cy, device("cy's next"))).state)).toEqual([
      ada,
    ]);
  });

  test("L8: a device is renamed by its own member", () => {
    const rename = { kind: "rename-device", device: DEVICES.phone.id, person } as const;
    expect(after(state, by.laptop, rename).devices.get(DEVICES.phone.id)?.person).toEqual(person);
    expect(typeOf(tried(state, by.ben, rename))).toBe("log-target");
    const without = after(state, by.laptop, removing(DEVICES.phone));
    expect(typeOf(tried(without, by.laptop, rename))).toBe("log-target");
  });
});

describe("L9", () => {
  test("L9: owners remove everybody, admins members, everybody themselves and their own devices", () => {
    const owner2 = after(state, by.laptop, { kind: "role", member: ben, role: "owner" });
    const admin2 = after(state, by.laptop, { kind: "role", member: cy, role: "admin" });
    for (const [before, author, body, expected] of [
      [state, by.laptop, removingMember(ben), "taken"],
      [state, by.laptop, removing(DEVICES.cy), "taken"],
      [owner2, by.laptop, removingMember(ben), "taken"],
      [owner2, by.ben, removingMember(ada), "taken"],
      [state, by.ben, removingMember(cy), "taken"],
      [state, by.ben, removing(DEVICES.cy), "taken"],
      [admin2, by.ben, removingMember(cy), "log-rights"],
      [state, by.ben, removingMember(ada), "log-rights"],
      [state, by.ben, removing(DEVICES.phone), "log-rights"],
      [state, by.ben, removingMember(ben), "taken"],
      [state, by.cy, removingMember(ben), "log-rights"],
      [state, by.cy, removing(DEVICES.ben), "log-rights"],
      [state, by.cy, removingMember(cy), "taken"],
      [state, by.cy, removing(DEVICES.cy), "taken"],
      [state, by.phone, removing(DEVICES.phone), "taken"],
      [state, by.laptop, removingMember(dan), "log-target"],
    ] as const)
      expect(typeOf(tried(before, author, body))).toBe(expected);
  });

  test("L9: the last owner neither goes nor steps down, nor loses the last device that stays", () => {
    const demote = { kind: "role", member: ada, role: "admin" } as const;
    expect(typeOf(tried(state, by.laptop, demote))).toBe("log-owner");
    expect(typeOf(tried(state, by.laptop, removingMember(ada)))).toBe("log-owner");
    const two = after(state, by.laptop, { kind: "role", member: ben, role: "owner" });
    expect(typeOf(tried(two, by.laptop, demote))).toBe("taken");
    expect(typeOf(tried(two, by.laptop, removingMember(ada)))).toBe("taken");
    const noPhone = after(state, by.laptop, removing(DEVICES.phone));
    const noKit = after(noPhone, by.laptop, removing(kitDevice));
    expect(typeOf(tried(noPhone, by.laptop, removing(DEVICES.laptop)))).toBe("taken");
    expect(typeOf(tried(noKit, by.laptop, removing(DEVICES.laptop)))).toBe("log-owner");
    const benAlone = after(two, by.ben, removing(DEVICES.ben));
    expect(typeOf(tried(benAlone, by.laptop, removingMember(ada)))).toBe("log-owner");
  });

  test("L9: rows of a removed device count up to the fence of their stream, and not at all without one", () => {
    const row = (n: number, stream = PROJECT_TAG) => ({ device: DEVICES.cy.id, stream, n });
    const without = after(state, by.ben, removingMember(cy));
    expect(acceptsRow(state, row(8))).toBe(true);
    expect(acceptsRow(without, row(7))).toBe(true);
    expect(acceptsRow(without, row(8))).toBe(false);
    expect(acceptsRow(without, row(3, TEAM_STREAM))).toBe(true);
    expect(acceptsRow(without, row(4, TEAM_STREAM))).toBe(false);
    expect(acceptsRow(without, row(1, "12".repeat(16)))).toBe(false);
    expect(acceptsRow(state, { ...row(1), device: device("stranger").id })).toBe(false);
    expect(acceptsRow(state, { ...row(1), device: kitDevice.id })).toBe(false);
    expect(acceptsRow(state, { ...row(1), device: DEVICES.booth.id })).toBe(true);
    expect(without.devices.get(DEVICES.cy.id)?.removed?.n).toBe(without.head.n);
  });

  test("L9: a device that was removed before its member keeps its earlier fence", () => {
    const phone = after(state, by.cy, removing(DEVICES.cy, [fence(5)]));
    const both = after(phone, by.ben, removingMember(cy));
    expect(acceptsRow(both, { device: DEVICES.cy.id, stream: PROJECT_TAG, n: 6 })).toBe(false);
    expect(typeOf(tried(phone, by.ben, removing(DEVICES.cy)))).toBe("log-target");
  });

  test("L9: anybody draws the line for a device whose time is over", () => {
    expect(typeOf(tried(state, by.cy, removing(DEVICES.booth), BOOTH_ENDS_MS - 1))).toBe(
      "log-rights",
    );
    expect(typeOf(tried(state, by.cy, removing(DEVICES.booth), BOOTH_ENDS_MS))).toBe("taken");
  });
});

describe("L10", () => {
  test("L10: owners and admins make an epoch, others only after a removal, until there is one", () => {
    const made = (before: TeamState, from: DeviceIdentity) =>
      typeOf(rotate(before, keys, from, before.timeMs, random));
    expect(made(state, DEVICES.phone)).toBe("taken");
    expect(made(state, DEVICES.ben)).toBe("taken");
    expect(made(state, DEVICES.cy)).toBe("log-rights");
    const due = after(state, by.laptop, removing(DEVICES.phone));
    expect(due.rotationDue).toBe(true);
    expect(made(due, DEVICES.phone)).toBe("log-author");
    const rotated = unwrap(rotate(due, keys, DEVICES.cy, due.timeMs, random));
    expect(rotated.state.rotationDue).toBe(false);
    const again = rotate(rotated.state, rotated.keys, DEVICES.cy, due.timeMs, random);
    expect(typeOf(again)).toBe("log-rights");
  });

  test("L10: it is for exactly the devices that are there: not one more, not one fewer", () => {
    const rotated = unwrap(rotate(state, keys, DEVICES.laptop, state.timeMs, random));
    const newest = rotated.state.epochs.at(-1);
    if (newest === undefined) throw new Error("no epoch");
    const { number: epoch, former, commitment, recipients } = newest;
    expect(recipients.toSorted()).toEqual([...state.devices.keys()].toSorted());
    const made = (devices: readonly string[], atMs?: number) => {
      const said = { kind: "epoch", epoch, former, commitment, recipients: devices } as const;
      return typeOf(tried(state, by.laptop, said, atMs));
    };
    expect(made(recipients)).toBe("taken");
    expect(made(recipients.slice(1))).toBe("log-epoch");
    expect(made([...recipients, device("ghost").id])).toBe("log-epoch");
    expect(made([...recipients.slice(1), device("ghost").id])).toBe("log-epoch");
    expect(made(recipients, BOOTH_ENDS_MS)).toBe("log-epoch");
    const staying = recipients.filter((each) => each !== DEVICES.booth.id);
    expect(made(staying, BOOTH_ENDS_MS)).toBe("taken");
  });

  test("L10: epochs are counted; who leads the team may leave one behind, others may not", () => {
    const said = (before: TeamState, epoch: number, former: number): Said => ({
      kind: "epoch",
      ...{ epoch, former, commitment: new Uint8Array(32) },
      recipients: standingDevices(before, 0),
    });
    const due = after(state, by.laptop, removing(DEVICES.phone));
    for (const [epoch, former, lead, other] of [
      [3, 2, "taken", "taken"],
      [3, 1, "taken", "log-rights"],
      [3, 0, "log-epoch", "log-epoch"],
      [3, 3, "log-epoch", "log-epoch"],
      [2, 1, "log-epoch", "log-epoch"],
      [4, 3, "log-epoch", "log-epoch"],
    ] as const) {
      expect(typeOf(tried(due, by.ben, said(due, epoch, former)))).toBe(lead);
      expect(typeOf(tried(due, by.cy, said(due, epoch, former)))).toBe(other);
    }
  });
});

describe("L11", () => {
  const document = "77".repeat(16);
  const retiring = (scope: Extract<Body, { kind: "retire" }>["scope"]): Said => ({
    kind: "retire",
    why: "unshared",
    scope,
  });
  const isGone = (of: TeamState, from: DeviceIdentity, named = document) =>
    isTakenBack(of, named, from.id);

  test("L11: a list of documents takes back its author's own, and everybody's when the author leads", () => {
    const list = retiring({ what: "documents", documents: [document] });
    const byCy = after(state, by.cy, list);
    expect(isGone(byCy, DEVICES.cy)).toBe(true);
    expect(isGone(byCy, DEVICES.ben)).toBe(false);
    expect(isGone(byCy, device("stranger"))).toBe(false);
    expect(isGone(byCy, DEVICES.cy, "88".repeat(16))).toBe(false);
    const byBen = after(state, by.ben, list);
    expect(isGone(byBen, DEVICES.laptop)).toBe(true);
    const demoted = after(byBen, by.laptop, { kind: "role", member: ben, role: "member" });
    expect(isGone(demoted, DEVICES.laptop)).toBe(true);
  });

  test("L11: all of a member's: by the member, or by who leads the team; it is listed and takes back nothing yet", () => {
    const all = retiring({ what: "member", member: cy, fences: [fence(5)] });
    expect(typeOf(tried(state, by.cy, all))).toBe("taken");
    const ofBen = retiring({ what: "member", member: ben, fences: [fence(5)] });
    expect(typeOf(tried(state, by.cy, ofBen))).toBe("log-rights");
    const gone = after(after(state, by.ben, removingMember(cy)), by.ben, all);
    expect(gone.retired.at(-1)).toMatchObject({ why: "unshared", member: ben, forAll: true });
    expect(isGone(gone, DEVICES.cy)).toBe(false);
  });

  test("L11: all of a project: by who leads the team; so, too", () => {
    const all = retiring({ what: "project", fence: fence(5) });
    expect(typeOf(tried(state, by.cy, all))).toBe("log-rights");
    const gone = after(state, by.ben, all);
    expect(gone.retired.at(-1)).toMatchObject({ why: "unshared", member: ben, forAll: true });
    expect(isGone(gone, DEVICES.cy)).toBe(false);
  });
});

describe("L12", () => {
  const rename = (of: DeviceIdentity): Said => ({ kind: "rename-device", device: of.id, person });

  test("L12: what an entry's time has ended stays ended, though later entries name earlier times", () => {
    const late = after(state, by.cy, rename(DEVICES.cy), BOOTH_ENDS_MS);
    expect(late.timeMs).toBe(BOOTH_ENDS_MS);
    const early = after(late, by.ben, rename(DEVICES.ben), 0);
    expect(early.timeMs).toBe(BOOTH_ENDS_MS);
    expect(typeOf(tried(early, by.booth, rename(DEVICES.booth), 0))).toBe("log-author");
    expect(typeOf(joining(early, invites.ada, dan))).toBe("log-author");
  });

  test("L12: the caller's clock ends the rights of a device, and gives none back", () => {
    expect(standingDevices(state, 0)).toContain(DEVICES.booth.id);
    expect(standingDevices(state, BOOTH_ENDS_MS)).not.toContain(DEVICES.booth.id);
    const late = after(state, by.cy, rename(DEVICES.cy), BOOTH_ENDS_MS);
    expect(standingDevices(late, 0)).not.toContain(DEVICES.booth.id);
  });

  test("L12: an entry is not sent, or taken as news, when its clock is more than a day off", () => {
    const at = (atMs: number) => forge(state, by.cy, rename(DEVICES.cy), { atMs });
    const nowMs = state.timeMs + 5 * DAY_MS;
    expect(typeOf(appendable(state, at(nowMs - DAY_MS), nowMs))).toBe("taken");
    expect(typeOf(appendable(state, at(nowMs + DAY_MS), nowMs))).toBe("taken");
    expect(typeOf(appendable(state, at(nowMs - DAY_MS - 1), nowMs))).toBe("log-time");
    expect(typeOf(appendable(state, at(nowMs + DAY_MS + 1), nowMs))).toBe("log-time");
    expect(typeOf(appendable(state, forge(state, by.ben, rename(DEVICES.cy)), 0))).toBe(
      "log-target",
    );
  });

  test("L12: a clock that is far ahead ends what has an end, and stops nothing else", () => {
    const last = after(state, by.cy, rename(DEVICES.cy), TIME_LIMIT_MS - 1);
    const expiresMs = last.timeMs + DAY_MS;
    const made = makeInvite(
      last,
      DEVICES.laptop,
      { admits: "member", expiresMs },
      last.timeMs,
      random,
    );
    expect(typeOf(joining(unwrap(made).state, unwrap(made).invite, dan))).toBe("taken");
  });
});

describe("L13", () => {
  test("L13: a state is not changed by what follows it", () => {
    const before = structuredClone(state);
    const bytes: Bytes = forge(state, by.ben, removingMember(cy));
    expect(reduce(state, bytes).ok).toBe(true);
    expect(reduce(state, forge(state, by.cy, removingMember(ada))).ok).toBe(false);
    expect(state).toEqual(before);
    expect(reduce(state, bytes)).toEqual(reduce(state, bytes));
  });
});
