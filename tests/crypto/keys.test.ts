import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { TeamId } from "../../src/base/ids.ts";
import { toHex } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import {
  createDevice,
  deviceId,
  packDevice,
  sign,
  unpackDevice,
  verify,
} from "../../src/crypto/device.ts";
import { deriveKek, KDF_LIMITS, newKdf, stretch } from "../../src/crypto/kdf.ts";
import {
  KEY_RECORD_BYTES,
  openKeyRecord,
  openStretched,
  sealKeyRecord,
} from "../../src/crypto/key-record.ts";
import {
  createTeamKeys,
  documentKey,
  formatTeamSecret,
  packTeamKeys,
  unpackTeamKeys,
  wireDocumentId,
} from "../../src/crypto/team.ts";
import { encodeTeamInvite } from "../../src/crypto/log/invite.ts";
import { device, keys, noise, other, QUICK, seededRandom, TEAM } from "./samples.ts";

const TEAM_WITH_LOG = "team_00000000000000000000000000" as TeamId;
const passphrase = new Secret("Zürich grüßt sechs müde Wörter");
const kdf = newKdf(seededRandom("salt"), QUICK);
const quickly = (text: string) => unwrap(stretch(new Secret(text), kdf, QUICK));
const stretched = quickly(passphrase.reveal());
const kekOf = (text: string, secret = keys.teamSecret) =>
  toHex(deriveKek(quickly(text), secret).reveal());

describe("C1", () => {
  test("C1: a passphrase is the same in every Unicode form", () => {
    expect(kekOf("Zürich ﬁve".normalize("NFD"))).toBe(kekOf("Zürich five".normalize("NFC")));
    expect(kekOf("Zürich five")).not.toBe(kekOf("zürich five"));
  });

  test("C1: both the passphrase and the team secret make the key", () => {
    const another = new Secret(noise(16));
    expect(kekOf("six words", another)).not.toBe(kekOf("six words"));
    expect(() => deriveKek(stretched, new Secret(noise(15)))).toThrow(RangeError);
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
      const result = stretch(passphrase, weak);
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
    const record = sealKeyRecord(keys, stretched, seededRandom("wrap"));
    const opened = openKeyRecord(record, TEAM, passphrase, keys.teamSecret);
    expect(opened.ok ? null : opened.fault.type).toBe("kdf-refused");
  });

  test("C2: at the floor, for real", () => {
    const slowly = unwrap(stretch(passphrase, newKdf(seededRandom("salt"))));
    const record = sealKeyRecord(keys, slowly, seededRandom("wrap"));
    const opened = unwrap(openKeyRecord(record, TEAM, passphrase, keys.teamSecret));
    expect(opened.epochKey.reveal()).toEqual(keys.epochKey.reveal());
  });
});

describe("C3", () => {
  const record = sealKeyRecord(keys, stretched, seededRandom("wrap"));
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

  test("C3: who has the epoch key wraps other keys in the same passphrase; who has not learns nothing", () => {
    const kept = unwrap(openStretched(record, keys));
    const next = { ...createTeamKeys(TEAM, seededRandom("next")), epoch: 2 };
    const again = sealKeyRecord(next, kept, seededRandom("again"));
    const opened = unwrap(openKeyRecord(again, TEAM, passphrase, next.teamSecret, QUICK));
    expect(packTeamKeys(opened).reveal()).toBe(packTeamKeys(next).reveal());
    expect(openStretched(record, next).ok).toBe(false);
    expect(openStretched(record, { ...next, epoch: 1 }).ok).toBe(false);
    expect(openStretched(again, { ...keys, epoch: 2 }).ok).toBe(false);
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

describe("C7", () => {
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
  const invite = {
    team: TEAM_WITH_LOG,
    entry: { n: 3, hash: noise(32) },
    secret: new Secret(noise(16)),
  };
  const held = {
    keys,
    device,
    invite,
    packed: packTeamKeys(keys),
    text: encodeTeamInvite(invite),
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
