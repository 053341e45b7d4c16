/** Everything a second implementation must reproduce, computed from fixed keys and fixed "random" bytes. */
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import { deriveKek, newKdf, stretch } from "../../src/crypto/kdf.ts";
import { sealKeyRecord } from "../../src/crypto/key-record.ts";
import { paddedSize } from "../../src/crypto/padding.ts";
import {
  encodePresence,
  presenceDigest,
  presenceKey,
  roomForChallenges,
} from "../../src/crypto/presence.ts";
import { PART_BYTES, rowHash } from "../../src/crypto/row.ts";
import { documentKey, wireDocumentId } from "../../src/crypto/team.ts";
import {
  content,
  device,
  DOCUMENT,
  header,
  key,
  keys,
  noise,
  PROJECT,
  QUICK,
  row,
  seededRandom,
  stream,
  TEAM,
  wireId,
} from "./samples.ts";

const passphrase = "Zürich grüßt sechs müde Wörter";

export function keyVectors() {
  const kdf = newKdf(seededRandom("salt"), QUICK);
  const stretched = unwrap(stretch(new Secret(passphrase), kdf, QUICK));
  const { signSeed, boxSecret } = device.secret.reveal();
  return {
    team: TEAM,
    epoch: keys.epoch,
    epochKey: toHex(keys.epochKey.reveal()),
    idKey: toHex(keys.idKey.reveal()),
    teamSecret: toHex(keys.teamSecret.reveal()),
    passphrase,
    kdf: { ops: kdf.ops, memoryKiB: kdf.memoryKiB, salt: toHex(kdf.salt) },
    stretched: toHex(stretched.key.reveal()),
    kek: toHex(deriveKek(stretched, keys.teamSecret).reveal()),
    keyRecord: toHex(sealKeyRecord(keys, stretched, seededRandom("wrap"))),
    document: DOCUMENT,
    wireDocumentId: wireDocumentId(keys, DOCUMENT),
    documentKey: toHex(documentKey(keys, wireId).reveal()),
    device: {
      id: device.id,
      signSeed: toHex(signSeed),
      boxSecret: toHex(boxSecret),
      signKey: toHex(device.signKey),
      boxKey: toHex(device.boxKey),
    },
  };
}

export function rowVectors() {
  const first = row();
  const rows = {
    plain: first,
    chained: row(
      { seq: 2, previous: rowHash(first) },
      { body: utf8("the next change") },
      seededRandom("second"),
    ),
    deflated: row({}, { body: utf8("again and ".repeat(120)) }, seededRandom("third")),
    "of the team": row({ project: null }, {}, seededRandom("fourth")),
    "a part": row({}, { part: 1, parts: 3, body: noise(700) }, seededRandom("fifth")),
    empty: row({}, { body: new Uint8Array() }, seededRandom("sixth")),
  };
  const { previous, ...rest } = header();
  const { head, body, ...said } = content();
  return {
    project: PROJECT,
    teamTag: stream.team,
    key: toHex(key.reveal()),
    signKey: toHex(device.signKey),
    header: { ...rest, previous: toHex(previous) },
    content: { ...said, head: { n: head.n, h: toHex(head.h) }, body: toHex(body) },
    rows: Object.fromEntries(Object.entries(rows).map(([name, bytes]) => [name, toHex(bytes)])),
    largestRowBytes: row({}, { body: noise(PART_BYTES) }).length,
    paddedSizes: [1, 256, 257, 300, 512, 513, 1000, 4096, 5000, 65_536, 100_000, 262_143].map(
      (size) => [size, paddedSize(size)],
    ),
  };
}

/** What a device says, and without whom it is said. */
export function presenceVectors() {
  const context = { ...stream, epoch: keys.epoch };
  const base = {
    replica: "00112233445566778899aabbccddeeff",
    document: wireId,
    leaves: false,
    digest: null,
    field: null,
    caret: null,
    heard: [] as readonly string[],
  };
  const place = {
    field: "option/01KABCDEFGHJKMNPQRSTVWXYZ2/pros",
    caret: { anchor: noise(24, "anchor"), head: noise(11, "head") },
  };
  const challenges = Array.from({ length: roomForChallenges(place) }, (_, i) =>
    toHex(noise(8, `challenge ${i}`)),
  );
  const digest = presenceDigest(keys, wireId, utf8("a snapshot"));
  const said = {
    alone: { ...base, counter: 1, challenge: "0102030405060708" },
    "in a field": {
      ...base,
      ...place,
      counter: 2 ** 40 + 7,
      digest,
      challenge: "fffefdfcfbfaf9f8",
      heard: challenges,
    },
    leaving: {
      ...base,
      counter: 9,
      leaves: true,
      challenge: "0000000000000001",
      heard: ["ab".repeat(8)],
    },
    "of the team": { ...base, counter: 3, challenge: "1111111111111111" },
  };
  const by = { device, key: presenceKey(keys) };
  return {
    project: PROJECT,
    teamTag: stream.team,
    epoch: keys.epoch,
    key: toHex(by.key.reveal()),
    signKey: toHex(device.signKey),
    device: device.id,
    digestOfASnapshot: digest,
    said: Object.fromEntries(
      Object.entries(said).map(([name, { caret, ...rest }]) => [
        name,
        { ...rest, caret: caret && { anchor: toHex(caret.anchor), head: toHex(caret.head) } },
      ]),
    ),
    messages: Object.fromEntries(
      Object.entries(said).map(([name, each]) => {
        const where = name === "of the team" ? { ...context, project: null } : context;
        return [name, toHex(encodePresence(where, each, by, seededRandom(name)))];
      }),
    ),
  };
}
