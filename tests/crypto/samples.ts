/** Keys, devices and rows for tests: the same in every run. */
import { createHash } from "node:crypto";
import { type Bytes, fromHex, utf8 } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import type { Random } from "../../src/base/random.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { HASH_BYTES } from "../../src/crypto/hash.ts";
import { projectTag, type RowHeader, teamTag } from "../../src/crypto/header.ts";
import type { KdfLimits } from "../../src/crypto/kdf.ts";
import { encodeRow, type RowContent } from "../../src/crypto/row.ts";
import { createTeamKeys, documentKey, wireDocumentId } from "../../src/crypto/team.ts";

export const TEAM = "team_01KABCDEFGHJKMNPQRSTVWXYZ0" as TeamId;
export const PROJECT = "0191d3a0-7c1e-7b2a-9c3d-111111111111";
/** So that a test takes milliseconds instead of a second. */
export const QUICK: KdfLimits = { minOps: 1, maxOps: 3, minMemoryKiB: 8, maxMemoryKiB: 1024 };

/** SHA-256 of `seed/count`: the same bytes for the same seed. */
export function seededRandom(seed: string): Random {
  let count = 0;
  return (sizeBytes) => {
    const bytes = new Uint8Array(sizeBytes);
    for (let at = 0; at < sizeBytes; at += 32) {
      const block = createHash("sha256").update(`${seed}/${count++}`).digest();
      bytes.set(block.subarray(0, Math.min(32, sizeBytes - at)), at);
    }
    return bytes;
  };
}

export const keys = createTeamKeys(TEAM, seededRandom("team"));
export const device = createDevice(seededRandom("device"));
export const other = createDevice(seededRandom("other device"));
export const DOCUMENT = "dec_01KABCDEFGHJKMNPQRSTVWXYZ1";
export const stream = { team: teamTag(TEAM), project: projectTag(PROJECT) };
export const wireId = wireDocumentId(keys, DOCUMENT);
export const key = documentKey(keys, wireId);

export function header(changes: Partial<RowHeader> = {}): RowHeader {
  return {
    kind: 1,
    ...stream,
    document: wireId,
    device: device.id,
    replica: "00112233445566778899aabbccddeeff",
    epoch: 1,
    seq: 1,
    previous: new Uint8Array(HASH_BYTES),
    ...changes,
  };
}

export function content(changes: Partial<RowContent> = {}): RowContent {
  const head = { n: 41, h: fromHex("ab".repeat(32)) };
  return {
    head,
    part: 0,
    parts: 1,
    documentKind: 3,
    document: DOCUMENT,
    body: utf8("a change"),
    ...changes,
  };
}

export function row(
  headerChanges: Partial<RowHeader> = {},
  contentChanges: Partial<RowContent> = {},
  random: Random = seededRandom("nonce"),
  author = device,
): Bytes {
  return encodeRow(
    header(headerChanges),
    content(contentChanges),
    { device: author, document: key },
    random,
  );
}

/** Bytes that deflate cannot shrink. */
export function noise(sizeBytes: number, seed = "noise"): Bytes {
  return seededRandom(seed)(sizeBytes);
}
