import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, fromHex, toHex } from "../../../src/base/bytes.ts";
import type { TeamId } from "../../../src/base/ids.ts";
import { unwrap } from "../../../src/base/result.ts";
import { Secret } from "../../../src/base/secret.ts";
import { openKeyRecord, sealKeyRecord } from "../../../src/crypto/key-record.ts";
import { packTeamKeys } from "../../../src/crypto/team.ts";
import { seal } from "../../../src/crypto/aead.ts";
import { deriveKey, labelBytes } from "../../../src/crypto/hash.ts";
import { newKdf, stretch } from "../../../src/crypto/kdf.ts";
import { deviceAuthor } from "../../../src/crypto/log/author.ts";
import { addDevice, newcomer } from "../../../src/crypto/log/draft.ts";
import { replay } from "../../../src/crypto/log/history.ts";
import {
  BUNDLE_BYTES,
  encodeTeamInvite,
  join,
  makeInvite,
  openBundle,
  parseTeamInvite,
  sealBundle,
  teamInviteProof,
} from "../../../src/crypto/log/invite.ts";
import { openKeys } from "../../../src/crypto/log/key-box.ts";
import { openPerson, PERSON_BYTES, sealPerson } from "../../../src/crypto/log/person.ts";
import {
  createKit,
  formatKit,
  kitAsNewcomer,
  kitDevice,
  parseKit,
} from "../../../src/crypto/log/recovery.ts";
import { teamIdBytes, teamIdOf } from "../../../src/crypto/log/team-id.ts";
import { noise, QUICK, seededRandom } from "../samples.ts";
import { DAY_MS, device, DEVICES, MEMBERS, world, writer } from "./world.ts";

const { log, invites, kit, rotation } = world();
const { state, keys } = log;
const random = seededRandom("invites");
const text = encodeTeamInvite(invites.ada).reveal();

describe("L16", () => {
  test("L16: an invite is read as it was made, line breaks or not", () => {
    expect(text).toMatch(/^operon2_[\w-]{98}$/);
    expect(unwrap(parseTeamInvite(text))).toEqual(invites.ada);
    expect(unwrap(parseTeamInvite(` ${text.slice(0, 40)}\r\n  ${text.slice(40)}\n`))).toEqual(
      invites.ada,
    );
  });

  test("L16: a damaged, cut or foreign text is refused with a sentence", () => {
    for (let i = 0; i < text.length; i++) {
      const letter = text[i] === "A" ? "B" : "A";
      const changed = parseTeamInvite(text.slice(0, i) + letter + text.slice(i + 1));
      if (changed.ok) expect(changed.value).toEqual(invites.ada);
      expect(parseTeamInvite(text.slice(0, i)).ok).toBe(false);
    }
    fc.assert(
      fc.property(
        fc.string(),
        (noisy) => !parseTeamInvite(noisy).ok && !parseTeamInvite(`operon2_${noisy}`).ok,
      ),
    );
    const foreign = parseTeamInvite("operon1_AAAA");
    expect(foreign.ok ? null : foreign.fault.message).toContain("operon2_");
  });

  test("L16: from the text, log and bundle a device joins; the passphrase is asked for last", () => {
    const passphrase = new Secret("six words");
    const stretched = unwrap(stretch(passphrase, newKdf(random, QUICK), QUICK));
    const record = sealKeyRecord(keys, stretched, random);
    const bundle = sealBundle(invites.ada, keys, random);
    expect(bundle.length).toBe(BUNDLE_BYTES);

    const invite = unwrap(parseTeamInvite(text));
    const { state: shown } = unwrap(replay(invite.team, log.entries, invite.entry));
    const { teamSecret, idKey } = unwrap(openBundle(shown, invite, bundle));
    const opened = unwrap(openKeyRecord(record, invite.team, passphrase, teamSecret, QUICK));
    expect(packTeamKeys(opened).reveal()).toBe(packTeamKeys(keys).reveal());
    const who = { member: "d4".repeat(16), person: { name: "d", email: "" }, expiresMs: null };
    const itself = device("dan");
    const joined = unwrap(join(shown, invite, itself, who, idKey, shown.timeMs, random)).state;
    expect(joined.devices.get(itself.id)?.member).toBe(who.member);
  });

  test("L16: an invite leads into its own team and log only", () => {
    const typeOf = (team: TeamId, entries: readonly Uint8Array[]) => {
      const shown = replay(team, entries, invites.ada.entry);
      return shown.ok ? null : shown.fault.type;
    };
    expect(typeOf(invites.ada.team, log.entries)).toBe(null);
    expect(typeOf(invites.ada.team, log.entries.slice(0, invites.ada.entry.n))).toBe(
      "log-rollback",
    );
    const fake = writer("a server's own team");
    while (fake.entries.length < log.entries.length) fake.invite(DEVICES.laptop, "member");
    expect(typeOf(invites.ada.team, fake.entries)).toBe("log-place");
    expect(typeOf(fake.state.team, fake.entries)).toBe("log-fork");
  });

  test("L16: a bundle of another invite, changed anywhere, or with another id key is refused", () => {
    const bundle = sealBundle(invites.ada, keys, random);
    const typeOf = (bytes: Uint8Array, invite = invites.ada) => {
      const opened = openBundle(state, invite, bytes);
      return opened.ok ? null : opened.fault.type;
    };
    expect(typeOf(bundle)).toBe(null);
    expect(typeOf(bundle, invites.ben)).toBe("invite");
    expect(typeOf(sealBundle(invites.ada, { ...keys, idKey: new Secret(noise(32)) }, random))).toBe(
      "invite",
    );
    for (let at = 0; at < bundle.length; at++) {
      const changed = bundle.slice();
      changed[at] = (changed[at] as number) ^ 1;
      expect(typeOf(changed), `${at}`).toBe("invite");
    }
    expect(typeOf(bundle.slice(1))).toBe("invite");
    expect(typeOf(new Uint8Array())).toBe("invite");
  });

  test("L16: the text holds no key of the team, and what the server is shown tells nothing of the text", () => {
    const bytes = Buffer.from(text.slice(8), "base64url").toString("hex");
    for (const key of [keys.teamSecret, keys.idKey, keys.epochKey])
      expect(bytes).not.toContain(toHex(key.reveal()));
    const proof = toHex(teamInviteProof(invites.ada));
    expect(proof).toHaveLength(64);
    expect(proof).not.toBe(toHex(teamInviteProof(invites.ben)));
    expect(proof).not.toContain(toHex(invites.ada.secret.reveal()));
    expect(teamInviteProof(unwrap(parseTeamInvite(text)))).toEqual(teamInviteProof(invites.ada));
  });

  test("L16: two invites of one moment have nothing in common", () => {
    const made = () =>
      unwrap(
        makeInvite(
          state,
          DEVICES.laptop,
          { admits: "member", expiresMs: state.timeMs + DAY_MS },
          state.timeMs,
          random,
        ),
      ).invite;
    expect(made().secret.reveal()).not.toEqual(made().secret.reveal());
  });
});

describe("L17", () => {
  const printed = formatKit(kit).reveal();

  test("L17: a kit is twelve groups of five, read as a person types them", () => {
    expect(printed).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){11}[0-9A-HJKMNP-TV-Z]{5}$/);
    for (const typed of [
      printed,
      printed.toLowerCase(),
      printed.replaceAll("-", " "),
      ` ${printed.replaceAll("0", "O").replaceAll("1", "l")}\n`,
    ])
      expect(unwrap(parseKit(typed))).toEqual(kit);
  });

  test("L17: any letter changed, and any two neighbours swapped, is noticed", () => {
    for (let i = 0; i < printed.length; i++) {
      if (printed[i] === "-") continue;
      const letter = printed[i] === "7" ? "8" : "7";
      expect(parseKit(printed.slice(0, i) + letter + printed.slice(i + 1)).ok).toBe(false);
      const swapped = `${printed.slice(0, i)}${printed[i + 1]}${printed[i]}${printed.slice(i + 2)}`;
      if (printed[i] !== printed[i + 1] && printed[i + 1] !== "-" && i + 1 < printed.length)
        expect(parseKit(swapped).ok).toBe(false);
      expect(parseKit(printed.slice(0, i)).ok).toBe(false);
    }
    expect(parseKit(`${printed}-AAAAA`).ok).toBe(false);
    fc.assert(fc.property(fc.string(), (noisy) => !parseKit(noisy).ok));
  });

  test("L17: with nothing but the kit a member gets the keys and lists a new device", () => {
    const read = unwrap(parseKit(printed));
    const paper = kitDevice(read);
    const box = rotation.boxes.get(paper.id);
    const opened = unwrap(openKeys(state, box ?? new Uint8Array(), paper));
    expect(packTeamKeys(opened).reveal()).toBe(packTeamKeys(keys).reveal());
    const next = device("next");
    const added = newcomer(next, {
      team: read.team,
      inviteEntry: null,
      member: MEMBERS.ada,
      kind: "ordinary",
      expiresMs: null,
    });
    const named = { name: "Ada’s next", email: "ada@example.org" };
    const by = deviceAuthor(paper);
    const listed = unwrap(addDevice(state, by, added, named, opened.idKey, state.timeMs, random));
    const person = listed.state.devices.get(next.id)?.person ?? new Uint8Array();
    expect(openPerson(person, next.id, opened.idKey)).toEqual(named);
  });

  test("L17: each kit is another device, and one team's kit is none of another's", () => {
    const one = createKit(state.team, random);
    expect(kitDevice(one).id).not.toBe(kitDevice(createKit(state.team, random)).id);
    const elsewhere = { ...one, team: writer("another").state.team };
    expect(kitDevice(elsewhere).id).not.toBe(kitDevice(one).id);
    expect(kitAsNewcomer(one, MEMBERS.ada).deviceKind).toBe("recovery");
  });
});

describe("L19", () => {
  const person = { name: "Grace’s laptop", email: "grace@example.org" };
  const sealed = (who = person) => sealPerson(who, DEVICES.cy.id, keys.idKey, random);

  test("L19: who sits at a device is read with the team id key, for that device only", () => {
    expect(openPerson(sealed(), DEVICES.cy.id, keys.idKey)).toEqual(person);
    expect(openPerson(sealed(), DEVICES.ben.id, keys.idKey)).toBe(null);
    expect(openPerson(sealed(), DEVICES.cy.id, new Secret(noise(32)))).toBe(null);
    const one = sealed();
    one[30] = (one[30] as number) ^ 1;
    expect(openPerson(one, DEVICES.cy.id, keys.idKey)).toBe(null);
    expect(openPerson(new Uint8Array(), DEVICES.cy.id, keys.idKey)).toBe(null);
  });

  test("L19: all have one size; a long name is cut at a letter", () => {
    const longest = { name: "n".repeat(111), email: "e".repeat(254) };
    for (const who of [person, longest, { name: "", email: "" }]) {
      expect(sealed(who).length).toBe(PERSON_BYTES);
      expect(openPerson(sealed(who), DEVICES.cy.id, keys.idKey)).toEqual(who);
    }
    const cut = openPerson(sealed({ name: "ü".repeat(90), email: "" }), DEVICES.cy.id, keys.idKey);
    expect(cut?.name).toBe("ü".repeat(55));
    expect(() => sealed({ name: "", email: "e".repeat(255) })).toThrow(RangeError);
  });

  test("L19: what a member sealed in another form is nobody", () => {
    const key = deriveKey(keys.idKey, "log person key");
    const context = concatBytes(labelBytes("log person"), fromHex(DEVICES.cy.id));
    const read = (bytes: readonly number[], sizeBytes = 367) => {
      const plain = new Uint8Array(sizeBytes);
      plain.set(bytes);
      return openPerson(seal(plain, context, key, random), DEVICES.cy.id, keys.idKey);
    };
    expect(read([1, 97, 0])).toEqual({ name: "a", email: "" });
    expect(read([1, 97, 0, 0, 1])).toBe(null);
    expect(read([1, 0xff, 0])).toBe(null);
    expect(read(Array.from({ length: 300 }, () => 255))).toBe(null);
    expect(read([1, 97, 0], 366)).toBe(null);
    expect(read([1, 97, 0], 368)).toBe(null);
  });

  test("L19: no name, no address and no key stands in the log in clear", () => {
    const whole = Buffer.concat(log.entries);
    for (const word of ["Ada’s", "ada@", "Recovery", "example.org"])
      expect(whole.includes(Buffer.from(word)), word).toBe(false);
    for (const secret of [keys.epochKey, keys.idKey, keys.teamSecret, invites.ada.secret])
      expect(whole.includes(Buffer.from(secret.reveal()))).toBe(false);
  });
});

test("L2: the id of a team is text for 16 bytes, and a team without a log has none", () => {
  expect(teamIdOf(teamIdBytes(state.team))).toBe(state.team);
  expect(() => teamIdBytes("team_Z0000000000000000000000000" as TeamId)).toThrow(RangeError);
  expect(() => teamIdBytes("team_0" as TeamId)).toThrow(RangeError);
  expect(() => teamIdBytes("other00000000000000000000000000" as TeamId)).toThrow(RangeError);
});

test("C14: no invite, kit or rotation of a team's log can be printed", () => {
  const held = {
    invites,
    kit,
    rotation,
    text: encodeTeamInvite(invites.ada),
    kits: formatKit(kit),
  };
  const secrets = [invites.ada.secret, kit.secret, keys.epochKey, keys.idKey, keys.teamSecret];
  for (const printed of [JSON.stringify(held), inspect(held, { depth: 9 })]) {
    expect(printed).toContain("<secret>");
    for (const secret of secrets) {
      expect(printed).not.toContain(toHex(secret.reveal()));
      expect(printed).not.toContain([...secret.reveal()].slice(0, 6).join(","));
    }
  }
});
