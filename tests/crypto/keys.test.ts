import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TeamId } from "../../src/base/ids.ts";
import { toHex } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import { CARD_BYTES, openCard, sealCard } from "../../src/crypto/card.ts";
import {
  createDevice,
  deviceId,
  packDevice,
  sign,
  unpackDevice,
  verify,
} from "../../src/crypto/device.ts";
import {
  createInvite,
  encodeInvite,
  formatTeamSecret,
  inviteProof,
  parseInvite,
} from "../../src/crypto/invite.ts";
import { deriveKek, KDF_LIMITS, newKdf } from "../../src/crypto/kdf.ts";
import {
  createTeamKeys,
  documentKey,
  KEY_RECORD_BYTES,
  openKeyRecord,
  packTeamKeys,
  sealKeyRecord,
  unpackTeamKeys,
  wireDocumentId,
} from "../../src/crypto/team.ts";
import { device, keys, noise, other, QUICK, seededRandom, TEAM } from "./samples.ts";

const passphrase = new Secret("Zürich grüßt sechs müde Wörter");
const kdf = newKdf(seededRandom("salt"), QUICK);
const kekOf = (text: string, secret = keys.teamSecret) =>
  toHex(unwrap(deriveKek(new Secret(text), secret, kdf, QUICK)).reveal());

describe("C1", () => {
  test("C1: a passphrase is the same in every Unicode form", () => {
    expect(kekOf("Zürich ﬁve".normalize("NFD"))).toBe(kekOf("Zürich five".normalize("NFC")));
    expect(kekOf("Zürich five")).not.toBe(kekOf("zürich five"));
  });

  test("C1: both the passphrase and the team secret make the key", () => {
    const another = new Secret(noise(16));
    expect(kekOf("six words", another)).not.toBe(kekOf("six words"));
    expect(() => deriveKek(passphrase, new Secret(noise(15)), kdf, QUICK)).toThrow(RangeError);
  });
});

describe("C2", () => {
  test("C2: parameters under the floor or over the ceiling are refused before any work", () => {
    const floor = newKdf(seededRandom("salt"));
    expect([floor.ops, floor.memoryKiB]).toEqual([3, 262_144]);
    const refused = [
      { ...floor, ops: 2 },
      { ...floor, memoryKiB: 262_143 },
      { ...floor, ops: 11 },
      { ...floor, memoryKiB: 1_048_577 },
      { ...floor, salt: noise(8) },
    ];
    for (const weak of refused) {
      const result = deriveKek(passphrase, keys.teamSecret, weak);
      expect(result.ok ? null : result.fault.type).toBe("kdf-refused");
    }
    expect(KDF_LIMITS).toEqual({
      minOps: 3,
      maxOps: 10,
      minMemoryKiB: 256 * 1024,
      maxMemoryKiB: 1024 * 1024,
    });
  });

  test("C2: a record made with small parameters does not open without the test's own limits", () => {
    const record = unwrap(sealKeyRecord(keys, passphrase, kdf, seededRandom("wrap"), QUICK));
    const opened = openKeyRecord(record, TEAM, passphrase, keys.teamSecret);
    expect(opened.ok ? null : opened.fault.type).toBe("kdf-refused");
  });

  test("C2: at the floor, for real", () => {
    const record = unwrap(
      sealKeyRecord(keys, passphrase, newKdf(seededRandom("salt")), seededRandom("wrap")),
    );
    const opened = unwrap(openKeyRecord(record, TEAM, passphrase, keys.teamSecret));
    expect(opened.epochKey.reveal()).toEqual(keys.epochKey.reveal());
  });
});

describe("C3", () => {
  const record = unwrap(sealKeyRecord(keys, passphrase, kdf, seededRandom("wrap"), QUICK));
  const typeOf = (bytes: Uint8Array, team = TEAM, words = passphrase, secret = keys.teamSecret) => {
    const opened = openKeyRecord(bytes, team, words, secret, QUICK);
    return opened.ok ? null : opened.fault.type;
  };

  test("C3: passphrase and team secret open the key record", () => {
    expect(record.length).toBe(KEY_RECORD_BYTES);
    const opened = unwrap(openKeyRecord(record, TEAM, passphrase, keys.teamSecret, QUICK));
    expect(packTeamKeys(opened).reveal()).toBe(packTeamKeys(keys).reveal());
  });

  test("C3: a wrong passphrase is said as such", () => {
    expect(typeOf(record, TEAM, new Secret("other words"))).toBe("wrong-passphrase");
    expect(typeOf(record, TEAM, passphrase, new Secret(noise(16)))).toBe("wrong-passphrase");
    expect(typeOf(record, "team_other" as TeamId)).toBe("wrong-passphrase");
  });

  test("C3: any byte changed, added or taken away: refused", () => {
    for (let i = 0; i < record.length; i++) {
      const changed = record.slice();
      changed[i] = (changed[i] as number) ^ 1;
      expect(typeOf(changed), `byte ${i}`).not.toBe(null);
      expect(typeOf(record.slice(0, i))).toBe("key-record");
    }
    expect(typeOf(new Uint8Array(KEY_RECORD_BYTES + 1))).toBe("key-record");
  });

  test("C3: keys survive the keychain", () => {
    expect(unpackTeamKeys(packTeamKeys(keys))).toEqual(keys);
    expect(() => unpackTeamKeys(new Secret("AAAA"))).toThrow(RangeError);
  });
});

describe("C4", () => {
  test("C4: a document's wire id and key differ by document, team and key, the key also by epoch", () => {
    const rotated = { ...keys, epoch: 2 };
    const elsewhere = { ...keys, team: "team_other" as TeamId };
    const strange = createTeamKeys(TEAM, seededRandom("strange"));
    const id = wireDocumentId(keys, "dec_1");
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(wireDocumentId(rotated, "dec_1")).toBe(id);
    expect(wireDocumentId(keys, "dec_2")).not.toBe(id);
    expect(wireDocumentId(strange, "dec_1")).not.toBe(id);
    const all = [keys, rotated, elsewhere, strange].map((held) =>
      toHex(documentKey(held, id).reveal()),
    );
    expect(new Set([...all, toHex(documentKey(keys, "00".repeat(16)).reveal())]).size).toBe(5);
  });
});

describe("C5", () => {
  test("C5: a device's id is a hash of its public keys", () => {
    expect(device.id).toMatch(/^[0-9a-f]{32}$/);
    expect(deviceId(device)).toBe(device.id);
    expect(deviceId({ signKey: device.signKey, boxKey: other.boxKey })).not.toBe(device.id);
  });

  test("C5: a device survives the keychain, and signs as before", () => {
    const again = unpackDevice(packDevice(device));
    expect(again).toEqual(device);
    expect(verify(device.signKey, noise(10), sign(again, noise(10)))).toBe(true);
    expect(verify(other.signKey, noise(10), sign(again, noise(10)))).toBe(false);
    expect(verify(device.signKey, noise(10), new Uint8Array(63))).toBe(false);
    expect(() => unpackDevice(new Secret("AAAA"))).toThrow(RangeError);
  });

  test("C5: two devices are two", () => {
    expect(createDevice(seededRandom("x")).id).not.toBe(createDevice(seededRandom("y")).id);
  });
});

describe("C6", () => {
  const person = { name: "Grace’s laptop", email: "grace@example.org" };
  const card = sealCard(device, person, keys, seededRandom("card"));

  test("C6: a card tells a device's name, e-mail and keys to holders of the epoch key", () => {
    const { signKey, boxKey, id } = device;
    expect(unwrap(openCard(card, device.id, keys))).toEqual({
      device: id,
      ...person,
      signKey,
      boxKey,
    });
  });

  test("C6: without the epoch key, under another id or changed anywhere it is refused", () => {
    const strange = createTeamKeys(TEAM, seededRandom("strange"));
    expect(openCard(card, device.id, strange).ok).toBe(false);
    expect(openCard(card, other.id, keys).ok).toBe(false);
    expect(openCard(card, "not an id", keys).ok).toBe(false);
    for (let i = 0; i < card.length; i++) {
      const changed = card.slice();
      changed[i] = (changed[i] as number) ^ 128;
      expect(openCard(changed, device.id, keys).ok, `byte ${i}`).toBe(false);
    }
    expect(openCard(card.slice(1), device.id, keys).ok).toBe(false);
  });

  test("C6: a member cannot make a card for a device whose key he does not hold", () => {
    const stolen = { ...other, signKey: device.signKey, boxKey: device.boxKey, id: device.id };
    expect(openCard(sealCard(stolen, person, keys, seededRandom("card")), device.id, keys).ok).toBe(
      false,
    );
  });

  test("C6: nor put keys of his own under another device's id", () => {
    const swapped = sealCard({ ...device, id: other.id }, person, keys, seededRandom("card"));
    expect(openCard(swapped, other.id, keys).ok).toBe(false);
    expect(openCard(swapped, device.id, keys).ok).toBe(false);
  });

  test("C6: all cards have one size", () => {
    const longest = { name: "n".repeat(80), email: "e".repeat(254) };
    for (const who of [person, { name: "", email: "" }, longest])
      expect(sealCard(device, who, keys, seededRandom("card")).length).toBe(CARD_BYTES);
    expect(
      unwrap(openCard(sealCard(device, longest, keys, seededRandom("card")), device.id, keys)).name,
    ).toBe(longest.name);
    const long = sealCard(device, { name: "ü".repeat(90), email: "" }, keys, seededRandom("card"));
    expect(unwrap(openCard(long, device.id, keys)).name).toBe("ü".repeat(40));
    const noAddress = { name: "", email: "e".repeat(255) };
    expect(() => sealCard(device, noAddress, keys, seededRandom("card"))).toThrow(RangeError);
  });
});

describe("C7", () => {
  const invite = createInvite(keys, seededRandom("invite"));
  const text = encodeInvite(invite).reveal();

  test("C7: an invite is read as it was made, line breaks or not", () => {
    expect(text).toMatch(/^operon1_[\w-]+$/);
    expect(unwrap(parseInvite(text))).toEqual(invite);
    expect(unwrap(parseInvite(` ${text.slice(0, 40)}\r\n  ${text.slice(40)}\n`))).toEqual(invite);
  });

  test("C7: a damaged, cut or foreign text is refused with a sentence", () => {
    for (let i = 0; i < text.length; i++) {
      const letter = text[i] === "A" ? "B" : "A";
      const changed = parseInvite(text.slice(0, i) + letter + text.slice(i + 1));
      if (changed.ok) expect(changed.value).toEqual(invite);
      expect(parseInvite(text.slice(0, i)).ok).toBe(false);
    }
    fc.assert(
      fc.property(
        fc.string(),
        (noisy) => !parseInvite(noisy).ok && !parseInvite(`operon1_${noisy}`).ok,
      ),
    );
  });

  test("C7: the proof shown to the server tells nothing of the secrets and differs by invite", () => {
    const another = createInvite(keys, seededRandom("another"));
    expect(toHex(inviteProof(invite))).not.toBe(toHex(inviteProof(another)));
    expect(toHex(inviteProof(invite))).not.toContain(toHex(invite.secret.reveal()));
    expect(inviteProof(unwrap(parseInvite(text)))).toEqual(inviteProof(invite));
  });

  test("C7: the team secret on paper is 26 letters and digits", () => {
    expect(formatTeamSecret(new Secret(new Uint8Array(16).fill(255)))).toBe(
      "7ZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-Z",
    );
    expect(formatTeamSecret(new Secret(new Uint8Array(16)))).toBe(
      "00000-00000-00000-00000-00000-0",
    );
  });
});

test("C14: no key, secret or invite can be printed", () => {
  const invite = createInvite(keys, seededRandom("invite"));
  const held = {
    keys,
    device,
    invite,
    packed: packTeamKeys(keys),
    text: encodeInvite(invite),
    own: packDevice(device),
  };
  const secrets = [keys.epochKey, keys.idKey, keys.teamSecret, invite.secret].map((secret) =>
    secret.reveal(),
  );
  secrets.push(device.secret.reveal().signSeed, device.secret.reveal().boxSecret);
  for (const printed of [
    JSON.stringify(held),
    inspect(held, { depth: 9 }),
    `${held.packed}${held.text}`,
  ]) {
    expect(printed).toContain("<secret>");
    for (const secret of secrets) {
      expect(printed).not.toContain(toHex(secret));
      expect(printed).not.toContain([...secret].slice(0, 6).join(","));
      expect(printed).not.toContain(inspect(secret).slice(20, 50));
    }
  }
});
